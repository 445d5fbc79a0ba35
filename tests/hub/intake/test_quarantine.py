"""What cannot be taken in is kept and shown; a storage that fails refuses and quarantines nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select

from connectors._failpoint import armed
from connectors.contract import Cursor, DeliveryReport, InboxId, Raw, Receipt, Refused
from hub.intake.facts import build_facts
from hub.intake.reparse import LOST, NO_INBOX, reparse
from hub.intake.sink import Intake
from hub.scope import Conflict
from hub.store import schema
from hub.store.store import StorageFault, Store
from tests.hub.intake.conftest import mail

POISON = "poison"


@pytest.fixture
def broken_rules(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Deciding about one text fails, as a bug in our own code would."""

    def wrong(*arguments: Any, **more: Any) -> Any:
        if POISON in arguments[1].text:
            raise ZeroDivisionError("a bug")
        return build_facts(*arguments, **more)

    monkeypatch.setattr("hub.intake.batch.build_facts", wrong)
    return monkeypatch


async def accept(intake: Intake, number: int, text: str, cursor: Cursor | None = None) -> Receipt:
    raw = Raw(content=f"raw {number}".encode())
    return (await intake.sink("kontakt").accept(raw, [mail(number, f"u{number}@example.pl", text)], cursor))[
        0
    ]


async def test_one_bad_message_does_not_fail_its_neighbours(
    store: Store, intake: Intake, broken_rules: pytest.MonkeyPatch
) -> None:
    texts = [POISON if number == 7 else "Zwykła wiadomość" for number in range(20)]
    receipts = await asyncio.gather(*(accept(intake, n, text) for n, text in enumerate(texts)))
    assert [r.quarantined for r in receipts] == [text == POISON for text in texts]
    raws = await store.read(lambda tx: tx.rows(select(schema.raw).where(schema.raw.c.state == "quarantined")))
    assert [(row.content, "ZeroDivisionError" in row.error) for row in raws] == [(b"raw 7", True)]
    row = await store.read(
        lambda tx: tx.row(select(schema.conversation).where(schema.conversation.c.quarantined.is_(True)))
    )
    assert row is not None
    assert (row.id, row.listed, row.status) == (receipts[7].conversation, True, "open")


async def test_it_is_not_told_for_ever(
    store: Store, intake: Intake, broken_rules: pytest.MonkeyPatch
) -> None:
    await accept(intake, 7, POISON, Cursor(key="uid", value="7"))
    assert (await accept(intake, 7, POISON)).duplicate
    assert await intake.sink("kontakt").cursor("uid") == "7"


class Channel:
    """The parser as it is now; what it reads has no identity on the wire, as a text message has none."""

    @staticmethod
    def parse(content: bytes, context: Any) -> list[Any]:
        return [structs.replace(mail(7, "u7@example.pl", POISON), external_id=None)]


class Reports:
    """A parser of what is about a message that nobody knows."""

    @staticmethod
    def parse(content: bytes, context: Any) -> list[Any]:
        return [REPORT]


REPORT = DeliveryReport(inbox=InboxId("kontakt"), external_id="r-1", target="nobody", state="delivered")


class NoBlobs:
    async def put(self, content: Any) -> Any:
        raise AssertionError

    async def get(self, blob: int) -> bytes:
        raise KeyError(blob)


async def again(store: Store, intake: Intake, raw: int, channel: Any = Channel) -> str:
    return await reparse(store, NoBlobs(), intake, intake.house(), lambda kind: channel, raw)


async def raws(store: Store) -> list[tuple[int, str]]:
    rows = await store.read(lambda tx: tx.rows(select(schema.raw.c.id, schema.raw.c.state)))
    return sorted((row.id, row.state) for row in rows)


async def inbound(store: Store) -> int:
    wanted = select(schema.message.c.id).where(schema.message.c.kind == "inbound")
    return len(await store.read(lambda tx: tx.rows(wanted)))


async def test_parsed_again_after_the_bug_is_mended(
    store: Store, intake: Intake, broken_rules: pytest.MonkeyPatch
) -> None:
    bad = await accept(intake, 7, POISON)
    [(raw, _)] = await raws(store)
    broken_rules.undo()
    await again(store, intake, raw)
    table = schema.conversation
    rows = await store.read(lambda tx: tx.rows(select(table.c.id, table.c.status, table.c.quarantined)))
    assert (bad.conversation, "resolved", False) in {tuple(row) for row in rows}
    assert len(rows) == 2


async def test_two_who_read_it_again_at_once_take_it_in_once(
    store: Store, intake: Intake, broken_rules: pytest.MonkeyPatch
) -> None:
    await accept(intake, 7, POISON)
    [(raw, _)] = await raws(store)
    broken_rules.undo()
    told = await asyncio.gather(*(again(store, intake, raw) for _ in range(2)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["Conflict", "str"]
    assert await inbound(store) == 1


async def test_what_fails_again_stays_as_it_was(
    store: Store, intake: Intake, broken_rules: pytest.MonkeyPatch
) -> None:
    await accept(intake, 7, POISON)
    before = await raws(store)
    with pytest.raises(Conflict) as refused:
        await again(store, intake, before[0][0])
    assert refused.value.params == {"error": "ZeroDivisionError"}
    assert await raws(store) == before
    assert (await accept(intake, 7, POISON)).duplicate


async def test_a_report_whose_message_never_came_leaves_the_quarantine(store: Store, intake: Intake) -> None:
    await intake.sink("kontakt").accept(Raw(content=b"report"), [REPORT])
    [(raw, _)] = await raws(store)
    await store.write(lambda tx: tx.change(schema.raw, raw, state="quarantined"))
    await store.write(lambda tx: tx.execute(schema.parked.delete()))
    await again(store, intake, raw, Reports)
    assert [state for _, state in await raws(store)] == ["parsed-again", "ok"]
    [waits] = await store.read(lambda tx: tx.rows(select(schema.parked.c.target)))
    assert waits.target == "nobody"


async def test_without_its_bytes_or_its_inbox_it_stays(store: Store, intake: Intake) -> None:
    row = {"received_at": 1, "content_type": "x", "state": "quarantined", "blob": 9}
    lost, homeless = await store.write(
        lambda tx: [
            tx.add(schema.raw, {**row, "inbox": "kontakt"}),
            tx.add(schema.raw, {**row, "inbox": "gone", "content": b"x"}),
        ]
    )
    for raw, why in ((lost, LOST), (homeless, NO_INBOX)):
        with pytest.raises(Conflict, match=why):
            await again(store, intake, raw)


async def test_a_storage_fault_refuses_all_and_quarantines_nothing(store: Store, intake: Intake) -> None:
    await accept(intake, 0, "pierwsza")  # the snapshot of the load is taken
    right = store.gather

    async def broken(*arguments: Any, **more: Any) -> Any:
        raise StorageFault("the disk is full")

    store.gather = broken  # type: ignore[method-assign]
    with pytest.raises(Refused) as refused:
        await accept(intake, 1, "druga")
    assert refused.value.retry_after > 0
    store.gather = right  # type: ignore[method-assign]
    assert not (await accept(intake, 1, "druga")).duplicate
    count = await store.read(lambda tx: tx.rows(select(schema.raw.c.state)))
    assert [row.state for row in count] == ["ok", "ok"]


async def test_a_failing_step_leaves_nothing_half_done(store: Store, intake: Intake) -> None:
    with armed("intake.write.after=error") as passed:
        receipt = await accept(intake, 1, "Dzień dobry")
    assert receipt.quarantined
    assert passed["intake.write.after"] >= 1
    inbound = select(schema.message.c.id).where(schema.message.c.kind == "inbound")
    assert await store.read(lambda tx: tx.rows(inbound)) == []
