"""Threading, whatever comes: each message is in one conversation, and how calls fall into batches never matters."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from connectors.contract import Message, Raw, Receipt
from hub.intake.sink import Intake
from hub.logs import logger
from hub.store import schema
from hub.store.sqlite import SqliteStore
from tests.hub.conftest import FakeClock, empty_store
from tests.hub.intake.conftest import mail
from tests.hub.specimen import a_house

Step = tuple[int, int, tuple[int, ...]]
"""Number of the mail (a number that comes again is the same mail), its sender, the mails that it answers."""

steps = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 3), st.lists(st.integers(0, 12), max_size=3).map(tuple)),
    min_size=1,
    max_size=16,
)


def mails(walk: list[Step]) -> list[Message]:
    """A mail keeps the sender and references of its first telling: the same bytes come again."""
    first: dict[int, Step] = {}
    for step in walk:
        first.setdefault(step[0], step)
    told = [first[number] for number, _, _ in walk]
    return [
        mail(number, f"u{sender}@example.pl", answers=[str(other) for other in answers])
        for number, sender, answers in told
    ]


async def taken(walk: list[Message], sizes: list[int]) -> tuple[list[Receipt], list[tuple[int, int]]]:
    """Receipts, and (conversation, number) of every message, when the calls come in batches of these sizes."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        store = SqliteStore(empty_store(Path(folder) / "x.db"), clock, inline=True)
        await store.open()
        house = a_house()
        intake = Intake(store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None)
        sink = intake.sink("kontakt")
        receipts: list[Receipt] = []
        rest = list(walk)
        while rest:
            size = sizes[len(receipts) % len(sizes)]
            now, rest = rest[:size], rest[size:]
            results = await asyncio.gather(*(sink.accept(Raw(content=b"x"), [item]) for item in now))
            receipts += [result[0] for result in results]
        columns = (schema.message.c.conversation, schema.message.c.number)
        rows = await store.read(lambda tx: tx.rows(select(*columns).order_by(schema.message.c.id)))
        await store.close()
        return receipts, [(row.conversation, row.number) for row in rows]


def partition(receipts: list[Receipt]) -> list[int]:
    """Conversations by order of first appearance, so that runs with other ids can be compared."""
    seen: dict[int | None, int] = {}
    return [seen.setdefault(receipt.conversation, len(seen)) for receipt in receipts]


@settings(max_examples=30)
@given(steps, st.lists(st.integers(1, 16), min_size=1, max_size=4))
def test_batches_make_no_difference(walk: list[Step], sizes: list[int]) -> None:
    items = mails(walk)
    alone, rows = asyncio.run(taken(items, [1]))
    together, _ = asyncio.run(taken(items, sizes))
    assert partition(alone) == partition(together)
    assert [r.duplicate for r in alone] == [r.duplicate for r in together]
    assert len(rows) == len({number for number, _, _ in walk}), "each mail once"
    assert len(set(rows)) == len(rows), "numbers within a conversation are unique"


@settings(max_examples=20)
@given(steps)
def test_an_answer_is_where_what_it_answers_is(walk: list[Step]) -> None:
    items = mails(walk)
    receipts, _ = asyncio.run(taken(items, [16]))
    where: dict[str, int | None] = {}
    for item, receipt in zip(items, receipts, strict=True):
        if receipt.duplicate:
            assert receipt.conversation == where[str(item.external_id)]
            continue
        known = [
            where[f"id-{key.removeprefix('mid:')}"] for key in item.thread_keys if f"id-{key[4:]}" in where
        ]
        if known:
            assert receipt.conversation == known[0]
        else:
            assert receipt.conversation not in where.values()
        where[str(item.external_id)] = receipt.conversation
