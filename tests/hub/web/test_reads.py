"""What a page of the console costs the store: under load each statement waits for its turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from hub.store import schema
from hub.store.sqlite import SqliteStore
from hub.store.store import StorageFault, Store
from hub.store.tx import Reader
from hub.web.guard import TOUCHES
from tests.hub.conftest import FakeClock
from tests.hub.specimen import add_conversation


@pytest.fixture
def asked(sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that readers run, as SQLite tells."""
    said: list[str] = []
    plain = sqlite_store._query

    def traced(query: Callable[[Reader], Any]) -> Any:
        def run(tx: Reader) -> Any:
            driver: Any = tx.connection.connection.driver_connection
            driver.set_trace_callback(said.append)
            try:
                return query(tx)
            finally:
                driver.set_trace_callback(None)

        return plain(run)

    monkeypatch.setattr(sqlite_store, "_query", traced)
    return said


async def test_pages_ask_the_store_a_few_times_whatever_they_show(
    enter: Any, sqlite_store: SqliteStore, people: dict[str, int], asked: list[str]
) -> None:
    """Who asks is one statement; a list with all its counts one more, a conversation two."""
    made = await sqlite_store.write(lambda tx: [add_conversation(tx) for _ in range(60)])
    agent = await enter("agent")
    wanted = {"/inbox?view=all": 2, "/inbox?view=unassigned": 2, f"/conversations/{made[3]}?view=all": 3}
    for path, most in wanted.items():
        asked.clear()
        status, page = await agent.get(path)
        assert (status, page.count("data-row=")) == (200, 50)
        assert len(asked) <= most, asked


async def test_nobody_waits_for_a_session_to_be_written_down_as_used(
    enter: Any,
    server: TestServer,
    sqlite_store: SqliteStore,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, session = await enter("agent"), schema.session.c

    async def refuse(_: object) -> None:
        raise StorageFault("the disk is full")

    clock.move(hours=1)
    with monkeypatch.context() as full:
        full.setattr(sqlite_store, "write", refuse)
        assert (await agent.get("/inbox"))[0] == 200
    assert (await agent.get("/inbox"))[0] == 200
    for task in list(server.app[TOUCHES].values()):
        await task
    now = clock.now()
    seen = await sqlite_store.read(
        lambda tx: tx.scalar(select(session.seen_at).where(session.csrf == agent.csrf))
    )
    assert seen == now


async def test_what_was_found_is_drawn_away_from_the_event_loop(store: Store) -> None:
    made = await store.write(add_conversation)

    def find(tx: Reader) -> Callable[[], tuple[Any, int]]:
        found = tx.scalar(select(schema.conversation.c.id))
        return lambda: (found, threading.get_ident())

    found, thread = await store.show(find)
    assert found == made and thread != threading.get_ident()
