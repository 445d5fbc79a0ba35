"""A replay says what really comes of a rule set: held against a second store in which the draft was in force."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.deciding import acting
from hub.replay import compare, runs
from hub.replay.runs import Wanted
from hub.store import schema
from hub.store.sqlite import SqliteStore
from tests.hub.conftest import FakeClock
from tests.hub.replay.conftest import ADMIN, AFTER, World, some_mails

ALL = Wanted(messages=100_000)


async def queues(world: World) -> dict[str, str | None]:
    """The queue of each conversation by the external id of its first message."""
    m, c = schema.message.c, schema.conversation.c
    statement = select(m.external_id, c.queue).join(schema.conversation, c.id == m.conversation)
    rows = await world.store.read(lambda tx: tx.rows(statement.where(m.number == 1)))
    return {row.external_id: row.queue for row in rows}


@pytest.mark.slow
async def test_a_replay_says_what_really_happens(world: World, clock: FakeClock, tmp_path: Path) -> None:
    mails = some_mails(60)
    await world.feed(mails)
    before = await queues(world)
    found = await world.replayed(AFTER, ALL)
    assert found.state == "done", found.failure

    other = SqliteStore(tmp_path / "other.db", clock)
    await other.open()
    second = World(other, clock, f"sqlite:{tmp_path / 'other.db'}", tmp_path)
    await second.publish(AFTER)
    await second.feed(mails)
    after = await queues(second)
    await other.close()

    really = Counter((before[key], after[key]) for key in before)
    said = {(a, b): count for a, row in found.result.flows.items() for b, count in row.items()}
    assert said == really
    assert len([pair for pair in really if pair[0] != pair[1]]) >= 2
    assert found.moved == sum(count for (a, b), count in really.items() if a != b)
    moves = await world.store.read(lambda tx: runs.moved_messages(tx, ADMIN, found.id, limit=1000))
    assert Counter((move.before, move.after) for move in moves) == {
        p: n for p, n in really.items() if p[0] != p[1]
    }
    assert {move.rule_after for move in moves} == {"reklamy", "default"}
    assert found.result.decisions == found.done == found.total == len(mails)
    assert "nigdy" not in found.result.hits
    assert found.result.hits["firmy"]
    assert set(found.result.changes) >= {"priority", "tags", "queue", "spam"}


def test_events_that_move_are_those_on_which_rules_move() -> None:
    assert compare.MOVING == acting.MOVING
