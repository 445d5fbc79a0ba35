"""Whose process died goes offline, unless a page of theirs is open elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from hub.cluster.members import Me, beat, enter, leave
from hub.people.presence import BROWSER_GONE
from hub.people.watching import EVERY, watch_pages
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock

SECOND = 1_000_000


def me(name: str, *roles: str) -> Me:
    return Me(name=name, boot="1", home=name, roles=roles, version="1")  # type: ignore[arg-type]


@pytest.fixture
async def watched(sqlite_store: Store, clock: FakeClock) -> AsyncIterator[Store]:
    """Two processes with pages and one without, one person at work, and the loop."""

    def command(tx: Tx) -> None:
        for one in (me("a", "web"), me("b", "web", "timers"), me("c", "outbox")):
            enter(tx, one, 10 * SECOND)
            beat(tx, one, {})
        tx.add(
            schema.user,
            {
                **{"login": "ola", "name": "Ola", "role": "agent", "office": "krajowa", "language": "pl"},
                **{"active": True, "presence": "available", "presence_at": tx.now, "created_at": tx.now},
            },
        )

    await sqlite_store.write(command)
    task = asyncio.create_task(watch_pages(sqlite_store, clock, 10.0))
    await clock.is_slept_by()
    yield sqlite_store
    task.cancel()
    await asyncio.wait({task})


async def waits(store: Store) -> int:
    """Whether the person is expected, and forget it."""
    timer = schema.timer

    def command(tx: Tx) -> int:
        rows = tx.rows(select(timer.c.id).where(timer.c.kind == BROWSER_GONE, timer.c.state == "waiting"))
        tx.execute(timer.delete())
        return len(rows)

    return await store.write(command)


async def later(store: Store, clock: FakeClock, *living: str) -> int:
    """A look later, with these processes alive."""
    for name in living:
        await store.write(lambda tx, name=name: beat(tx, me(name), {}))  # type: ignore[misc]
    clock.move(EVERY - 1)
    for name in living:
        await store.write(lambda tx, name=name: beat(tx, me(name), {}))  # type: ignore[misc]
    clock.move(1)
    await clock.is_slept_by()
    return await waits(store)


async def test_everybody_is_expected_when_a_process_with_pages_dies(watched: Store, clock: FakeClock) -> None:
    assert await waits(watched) == 1, "who takes this over cannot know who died before"
    assert await later(watched, clock, "a", "b", "c") == 0
    assert await later(watched, clock, "a", "b") == 0, "one without pages"
    assert await later(watched, clock, "b") == 1
    assert await later(watched, clock, "b") == 0, "once"


async def test_also_one_that_left_takes_nobody_along(watched: Store, clock: FakeClock) -> None:
    await waits(watched)
    await watched.write(lambda tx: leave(tx, me("a")))
    assert await later(watched, clock, "b") == 1
