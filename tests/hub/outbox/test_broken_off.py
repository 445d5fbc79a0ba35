"""What is unforeseen on the way of a delivery: it never stays shown as being sent."""

from __future__ import annotations

from sqlalchemy import select

from connectors.contract import SendError, Sent
from hub.house import House
from hub.outbox.sender import LOST_FILE, STORAGE_AWAY, UNPREPARED
from hub.store import schema
from hub.store.store import StorageFault, Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import Feed, mail
from tests.hub.outbox.conftest import Outgoing

delivery, attempt, conversation = schema.delivery, schema.attempt, schema.conversation


async def with_a_file(out: Outgoing, store: Store, feed: Feed) -> int:
    """A reply with a file, due in an hour; its delivery."""
    key = await out.reply(
        (await feed(mail(1))).conversation, held=True, due_at=out.clock.now() + 3_600_000_000
    )
    row = await out.row(delivery, key)
    values = {
        "message": row.message,
        "position": 0,
        "filename": "umowa.pdf",
        "content_type": "application/pdf",
        "size": 4,
        "sha256": "0" * 64,
        "blob": 1,
        "inline": False,
        "content_id": "",
    }
    await store.write(lambda tx: tx.add(schema.attachment, values))
    out.clock.move(hours=1)
    return key


async def reasons(out: Outgoing, key: int) -> list[str | None]:
    chosen = select(attempt.c.private_reason).where(attempt.c.delivery == key).order_by(attempt.c.id)
    return [row.private_reason for row in await out.store.read(lambda tx: tx.rows(chosen))]


async def test_a_file_is_asked_for_again_when_the_storage_was_away(
    out: Outgoing, store: Store, feed: Feed
) -> None:
    out.files.content, out.files.failing = b"%PDF", [StorageFault("away")]
    key = await with_a_file(out, store, feed)
    await out.becomes(key, "accepted")
    assert [sent.attachments[0].content for sent in out.peer.sent] == [b"%PDF"]
    assert await reasons(out, key) == [STORAGE_AWAY, None]


async def test_a_file_that_cannot_be_read_is_tried_again_later(
    out: Outgoing, store: Store, feed: Feed, clock: FakeClock
) -> None:
    out.files.content, out.files.failing = b"%PDF", [OSError(24, "too many open files")]
    key = await with_a_file(out, store, feed)
    await out.becomes(key, "queued", attempts=1)
    row = await out.row(delivery, key)
    assert (row.reason, row.due_at > clock.now(), out.peer.sent) == (UNPREPARED, True, [])
    clock.move((row.due_at - clock.now()) / 1e6 + 1)
    await out.becomes(key, "accepted")
    assert await reasons(out, key) == ["OSError", None]


async def test_a_lost_file_is_told(out: Outgoing, store: Store, feed: Feed) -> None:
    key = await with_a_file(out, store, feed)
    await out.becomes(key, "failed")
    assert (await out.row(delivery, key)).reason == LOST_FILE


async def test_what_left_and_cannot_be_recorded_is_shown_as_possibly_sent(out: Outgoing, feed: Feed) -> None:
    def broken(tx: Tx, house: House, inbox: str, remote: str) -> None:
        raise ValueError(remote)

    out.on_sent = broken
    opened = await feed(mail(1))
    key = await out.reply(opened.conversation)
    await out.becomes(key, "possibly-sent")
    assert (await out.row(conversation, opened.conversation or 0)).failed
    assert (len(out.peer.sent), await reasons(out, key)) == (1, ["ValueError"])


async def test_nobody_else_waits_for_it(out: Outgoing, feed: Feed) -> None:
    """The lane behind an attempt that broke off is free."""

    def broken(tx: Tx, house: House, inbox: str, remote: str) -> None:
        if remote == "<odd>":
            raise ValueError(remote)

    out.on_sent = broken
    out.peer.script["jan@example.pl"] = [Sent(remote_id="<odd>"), SendError("temporary", "later"), Sent()]
    opened = await feed(mail(1))
    first = await out.reply(opened.conversation)
    await out.becomes(first, "possibly-sent")
    second = await out.reply(opened.conversation)
    await out.becomes(second, "queued", attempts=1)
    out.clock.move(hours=1)
    await out.becomes(second, "accepted")
