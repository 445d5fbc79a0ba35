"""What cannot be taken in is kept and shown; a storage that fails refuses and quarantines nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from connectors._failpoint import armed
from connectors.contract import Cursor, Raw, Receipt, Refused
from hub.intake.facts import build_facts
from hub.intake.reparse import reparse
from hub.intake.sink import Intake
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


async def test_parsed_again_after_the_bug_is_mended(
    store: Store, intake: Intake, broken_rules: pytest.MonkeyPatch
) -> None:
    bad = await accept(intake, 7, POISON)
    raw = await store.read(
        lambda tx: tx.scalar(select(schema.raw.c.id).where(schema.raw.c.state == "quarantined"))
    )
    broken_rules.undo()

    class Channel:
        """The parser as it is now."""

        @staticmethod
        def parse(content: bytes, context: Any) -> list[Any]:
            return [mail(7, "u7@example.pl", POISON)]

    class NoBlobs:
        async def put(self, content: Any) -> Any:
            raise AssertionError

        async def get(self, blob: int) -> bytes:
            raise KeyError(blob)

    await reparse(store, NoBlobs(), intake, intake.house(), lambda kind: Channel, raw)  # type: ignore[arg-type,return-value]
    table = schema.conversation
    rows = await store.read(lambda tx: tx.rows(select(table.c.id, table.c.status, table.c.quarantined)))
    assert (bad.conversation, "resolved", False) in {tuple(row) for row in rows}
    assert len(rows) == 2


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
