"""What leaves besides replies: sent again, forwarded, begun by us."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from hub.desk import drafts, outward, reply
from hub.desk.addresses import read_addresses
from hub.desk.outward import Letter
from hub.desk.reply import Draft
from hub.house import House
from hub.outbox.claim import claim
from hub.outbox.settle import settle
from hub.scope import Conflict
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import make, row_of, rows, said, told, undo
from tests.hub.desk.conftest import Who


async def test_a_failed_delivery_is_really_sent_again(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store)
    words = Draft(text="Dzień dobry", client_id="c1", based_on=1)
    sent = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, words))
    clock.move(16)
    ((delivery, attempt, _),) = await store.write(lambda tx: claim(tx, "n", 10, [], ["kontakt"]))
    await store.write(lambda tx: settle(tx, house, delivery, attempt, "permanent", public="Nie ma skrzynki."))
    assert (await row_of(store, found)).failed
    assert ("failed", found) in await told(store, who.ola.user)
    assert await store.write(lambda tx: outward.retry(tx, house, who.ola, sent.message)) == 1
    assert not (await row_of(store, found)).failed
    ((again, second, _),) = await store.write(lambda tx: claim(tx, "n", 10, [], ["kontakt"]))
    assert again == delivery and second != attempt
    with pytest.raises(Conflict):
        await store.write(lambda tx: outward.retry(tx, house, who.ola, sent.message))
    assert "sent-again" in await said(store, found)


def _attach(tx: Tx, about: dict[str, Any]) -> None:
    tx.add(schema.attachment, about)


async def test_forwarding_answers_nobody(store: Store, house: House, who: Who) -> None:
    found = await make(store, due_at=9)
    (inbound,) = await rows(store, schema.message, conversation=found)
    file = {"message": inbound.id, "position": 0, "content_type": "image/png", "size": 1, "sha256": "x"}
    for name, inline in (("umowa.png", False), ("zrzut.png", True)):
        about = {**file, "filename": name, "inline": inline, "content_id": name}
        await store.write(partial(_attach, about=about))
    letter = Letter(
        text="Prosimy o opinię.",
        client_id="f1",
        recipients=tuple(read_addresses("Biegły <biegly@example.com>")),
        subject="",
    )
    sent = await store.write(lambda tx: outward.forward(tx, house, who.ola, inbound.id, letter))
    (message,) = await rows(store, schema.message, id=sent.message)
    assert message.text.startswith("Prosimy o opinię.") and "Kiedy dostanę zasiłek?" in message.text
    assert (message.subject, message.reply_to) == ("Fwd: Zasiłek", None)
    gone = await rows(store, schema.attachment, message=sent.message)
    assert [(one.filename, one.inline) for one in gone] == [("umowa.png", False), ("zrzut.png", False)]
    row = await row_of(store, found)
    assert (row.status, row.due_at, row.first_reply_at) == ("open", 9, None)
    await undo(store, house, who.ola)
    mine = await store.read(lambda tx: drafts.drafts_of(tx, who.ola, found))
    assert "forward" in mine


async def test_starting_a_conversation_finds_the_person(store: Store, house: House, who: Who) -> None:
    old = await make(store, email="anna@example.pl")
    letter = Letter(
        text="Dzień dobry, w nawiązaniu do rozmowy…",
        client_id="s1",
        recipients=tuple(read_addresses("Anna@Example.pl")),
        subject="Rozmowa",
    )
    sent = await store.write(lambda tx: outward.start(tx, house, who.ola, "kontakt", letter))
    (message,) = await rows(store, schema.message, id=sent.message)
    row = await row_of(store, message.conversation)
    assert row.contact == (await row_of(store, old)).contact
    assert (row.queue, row.status, row.assignee) == ("bezrobotni", "waiting-citizen", who.ola.user)
    again = await store.write(lambda tx: outward.start(tx, house, who.ola, "kontakt", letter))
    assert again.repeated
    with pytest.raises(Conflict):
        await store.write(lambda tx: outward.start(tx, house, who.lom, "kontakt", letter))
