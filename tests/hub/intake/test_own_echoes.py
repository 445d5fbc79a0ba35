"""A platform tells of an answer of ours on another node, before the node that sends it has written down its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import Row, select, text

from connectors.contract import (
    Attachment,
    Capabilities,
    Message,
    Micros,
    Raw,
    Receipt,
    Recipient,
    Sent,
    ThreadKey,
)
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.messages import append, locked_conversation
from hub.outbox.claim import claim, find_ambiguous
from hub.outbox.queue import enqueue
from hub.outbox.settle import settle, settle_sent
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.databases import copy_database
from tests.hub.intake.conftest import Feed
from tests.hub.intake.test_elsewhere import ZOFIA, said
from tests.servers.postgres import Postgres

SECOND = 1_000_000
ANSWER = "Dziękujemy, numer sprawy: 3F7-K2M-9QX. Więcej: https://urzad.example/sprawy?nr=1&x=2"
TOLD = "Dziękujemy, numer sprawy: 3F7-K2M-9QX. Więcej: https://t.co/ab12"
NODE = "sends/1"

delivery, message = schema.delivery, schema.message


@pytest.fixture
def house(house: House) -> House:
    can = Capabilities(reaches=("messenger",), on_ambiguous="hold")
    return msgspec.structs.replace(house, capabilities={"kontakt": can})


def answered(
    house: House, conversation: int, words: str = ANSWER, files: int = 0
) -> Callable[[Tx], tuple[int, int]]:
    """An automatic answer that a node has begun to send: its delivery and attempt."""

    def command(tx: Tx) -> tuple[int, int]:
        to = [Recipient(address=ZOFIA.address)]
        sent = append(
            tx,
            conversation,
            kind="outbound",
            text=words,
            inbox="kontakt",
            recipients=to,
            automatic=True,
        )
        for position in range(files):
            file = {
                "message": sent.id,
                "position": position,
                "filename": "a.pdf",
                "content_type": "application/pdf",
            }
            tx.add(schema.attachment, {**file, "size": 1, "sha256": "x", "inline": False, "content_id": ""})
        enqueue(tx, house, locked_conversation(tx, conversation), sent.id, to, inbox="kontakt")
        [begun] = claim(tx, NODE, 8, (), ["kontakt"])
        return begun.delivery, begun.attempt

    return command


def echo(clock: FakeClock, words: str = TOLD, number: int = 900, **more: Any) -> Message:
    return said(number, ours=True, text=words, sent_at=Micros(clock.now() + SECOND), **more)


async def written(store: Store) -> list[Row[Any]]:
    """What the office has said, as it is shown."""
    rows = await store.read(
        lambda tx: tx.rows(select(message).where(message.c.kind == "outbound").order_by(message.c.number))
    )
    return list(rows)


async def row_of(store: Store, key: int) -> Row[Any]:
    row = await store.read(lambda tx: tx.row(select(delivery).where(delivery.c.id == key)))
    assert row is not None
    return row


async def begin(store: Store, feed: Feed, house: House, **more: Any) -> tuple[Receipt, int, int]:
    got = await feed(said(1))
    assert got.conversation is not None
    key, begun = await store.write(answered(house, got.conversation, **more))
    return got, key, begun


async def test_the_echo_that_comes_first_is_not_shown_beside_it(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    got, key, begun = await begin(store, feed, house)
    receipt = await feed(echo(clock, adds_keys=(ThreadKey("dm:900"),)))
    assert receipt.duplicate and receipt.conversation == got.conversation
    assert [row.state for row in await written(store)] == ["sending"], "its own process still has the word"
    await store.write(lambda tx: settle_sent(tx, house, key, begun, Sent(remote_id="m-900")))
    assert [row.state for row in await written(store)] == ["accepted"]
    assert (await feed(echo(clock))).duplicate
    [matter] = await store.read(lambda tx: tx.rows(select(schema.conversation)))
    assert (matter.status, matter.first_reply_at) == ("open", None), "a machine's answer ends nobody's wait"
    assert matter.waiting_since is not None
    reply = await feed(said(2, thread_keys=(ThreadKey("dm:900"),)))
    assert reply.conversation == got.conversation


async def test_of_a_process_that_died_the_echo_tells_what_became(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    _, key, _ = await begin(store, feed, house)
    await feed(echo(clock))
    found = await store.write(
        lambda tx: find_ambiguous(tx, house, "here/1", {}, lambda tx, node: node == NODE)
    )
    assert found == 1
    row = await row_of(store, key)
    assert (row.state, row.remote_id) == ("accepted", "m-900")


@pytest.mark.parametrize("policy", ["hold", "retry"])
async def test_an_echo_after_that_settles_it_too(
    store: Store, feed: Feed, house: House, clock: FakeClock, policy: Any
) -> None:
    can = Capabilities(reaches=("messenger",), on_ambiguous=policy)
    here = msgspec.structs.replace(house, capabilities={"kontakt": can})
    _, key, begun = await begin(store, feed, house)
    await store.write(lambda tx: settle(tx, here, key, begun, "ambiguous"))
    assert (await row_of(store, key)).state == ("possibly-sent" if policy == "hold" else "queued")
    assert (await feed(echo(clock))).duplicate
    assert (await row_of(store, key)).state == "accepted"
    assert len(await written(store)) == 1
    clock.move(hours=1)
    assert await store.write(lambda tx: claim(tx, NODE, 8, (), ["kontakt"])) == [], "nothing is sent again"


async def test_what_a_colleague_writes_meanwhile_is_shown(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    _, key, begun = await begin(store, feed, house)
    assert not (await feed(echo(clock, "Proszę zadzwonić.", 901))).duplicate
    other = msgspec.structs.replace(ZOFIA, address="1357")
    assert not (await feed(echo(clock, number=902, sender=other))).duplicate, "to somebody else"
    old = Micros(clock.now() - 7200 * SECOND)
    assert not (await feed(msgspec.structs.replace(echo(clock, number=903), sent_at=old))).duplicate
    await store.write(lambda tx: settle_sent(tx, house, key, begun, Sent(remote_id="m-900")))
    assert (await feed(echo(clock))).duplicate
    shown = [row.text for row in await written(store)]
    assert sorted(shown) == sorted([ANSWER, "Proszę zadzwonić.", TOLD, TOLD])


async def test_the_echo_of_a_text_says_nothing_of_its_files(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    _, key, begun = await begin(store, feed, house, files=1)
    assert (await feed(echo(clock))).duplicate
    await store.write(lambda tx: settle(tx, house, key, begun, "ambiguous"))
    assert (await row_of(store, key)).state == "possibly-sent"
    assert (await feed(echo(clock))).duplicate, "known by its name, though nobody has settled it"
    file = Attachment(filename="a.pdf", content_type="application/pdf", remote="https://cdn.example/a")
    assert (await feed(echo(clock, number=904, attachments=(file,)))).duplicate
    assert (await row_of(store, key)).state == "accepted"


async def test_a_sending_again_of_what_had_failed_is_not_settled_by_its_old_name(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    _, key, begun = await begin(store, feed, house)
    await store.write(lambda tx: settle_sent(tx, house, key, begun, Sent(remote_id="m-900")))

    def by_hand(tx: Tx) -> int:
        tx.change(delivery, key, state="queued", due_at=tx.now)
        [(_, again, _)] = claim(tx, NODE, 8, (), ["kontakt"])
        return again

    again = await store.write(by_hand)
    await store.write(lambda tx: settle(tx, house, key, again, "ambiguous"))
    assert (await row_of(store, key)).state == "possibly-sent"


@pytest.mark.slow
@pytest.mark.servers
async def test_while_it_is_being_written_down_the_echo_waits_for_that(
    house: House, clock: FakeClock, _postgres: Postgres, _template: str
) -> None:
    """Two nodes at the same moment: one is about to commit the name, the other one hears it."""
    url = copy_database(_postgres, _template)
    sends, hears = [PostgresStore(url, clock) for _ in range(2)]
    for node in (sends, hears):
        await node.open()
    intake = Intake(hears, lambda: house, clock.monotonic, logger("test"), lambda key, what: None)
    sink = intake.sink("kontakt")
    [got] = await sink.accept(Raw(content=b"first"), [said(1)])
    key, begun = await sends.write(answered(house, got.conversation or 0))
    noted = asyncio.Event()

    def settled_slowly(tx: Tx) -> None:
        settle_sent(tx, house, key, begun, Sent(remote_id="m-900"))
        noted.set()
        tx.execute(text("SELECT pg_sleep(1)"))

    settling = asyncio.create_task(sends.write(settled_slowly))
    await noted.wait()
    [receipt] = await sink.accept(Raw(content=b"echo"), [echo(clock, "Niepodobne.")])
    await settling
    assert receipt.duplicate, "it waited for the row, and then knew it by its name"
    assert [row.state for row in await written(sends)] == ["accepted"]
    for node in (sends, hears):
        await node.close()
