"""After a restore nothing that waited in the backup leaves by itself; what is written afterwards does."""

from __future__ import annotations

from sqlalchemy import insert, select

from hub.backup import MARK
from hub.house import House
from hub.outbox.restored import WHY, hold_waiting
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import Feed, mail
from tests.hub.outbox.conftest import Outgoing, Scripted

delivery, conversation = schema.delivery, schema.conversation


async def test_what_waited_is_shown_as_possibly_sent_and_once_only(
    store: Store,
    clock: FakeClock,
    house: House,
    peer: Scripted,
    feed: Feed,
) -> None:
    out = Outgoing(store, clock, house, peer)
    opened = await feed(mail(1))
    place = opened.conversation or 0
    waiting = [await out.reply(place) for _ in range(3)]  # of one lane: one of them was being sent
    later = await out.reply(place, to="ewa@example.pl", held=True, due_at=clock.now() + 1)
    order = await out.reply(place, to="ewa@example.pl", operation="delete")

    def copied(tx: Tx) -> None:
        tx.change(delivery, waiting[0], state="sending", attempts=1)
        tx.change(conversation, place, status="resolved", resolved_at=tx.now)

    await store.write(copied)
    assert await store.write(hold_waiting) == 0, "nobody restored anything"

    clock.move(hours=5)
    restored = str(clock.now())
    await store.write(lambda tx: tx.execute(insert(schema.setting).values(name=MARK, value=restored)))
    clock.move(minutes=1)
    fresh = await out.reply(place, to="jan2@example.pl")
    out.start()
    await out.becomes(fresh, "accepted")
    await out.becomes(order, "accepted")
    for key in (*waiting, later):
        row = await out.row(delivery, key)
        assert (row.state, row.reason) == ("possibly-sent", WHY)
        assert (await out.row(schema.message, row.message)).state == "possibly-sent"
    found = await out.row(conversation, place)
    assert (found.status, found.failed) == ("open", True)
    assert {sent.delivery for sent in peer.sent} == {fresh, order}
    assert (
        await store.read(lambda tx: tx.row(select(schema.setting).where(schema.setting.c.name == MARK)))
        is None
    )
    assert await store.write(hold_waiting) == 0
    await out.end()
