"""Replays through the API: asked for once, read until they are done, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hub.house import House
from hub.logs import logger
from hub.replay.replaying import run_replays
from hub.ruleset import open_draft
from hub.scope import SYSTEM
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.replay.conftest import AFTER, BEFORE, World, some_mails, url_of
from tests.hub.web.conftest import Client
from tests.hub.web.test_api import Api, token

__all__ = ["token"]


@pytest.fixture
async def world(sqlite_store: Store, clock: FakeClock, sqlite_path: Path, tmp_path: Path) -> World:
    one = World(sqlite_store, clock, url_of(sqlite_store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    await one.feed(some_mails(20))
    return one


@pytest.fixture
def house(world: World) -> House:
    return world.house


@pytest.fixture
async def api(client: Client, token: Callable[..., Any]) -> Api:
    return Api(client, await token("krajowa", "rules"))


@pytest.fixture
async def draft(world: World) -> int:
    return (await world.store.write(lambda tx: open_draft(tx, SYSTEM, source=AFTER))).id


@pytest.fixture
async def loop(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(
        run_replays(world.store, world.clock, lambda: world.house, world.wake, logger("test"))
    )
    yield
    task.cancel()


@pytest.mark.slow
async def test_a_draft_is_replayed_and_read(api: Api, world: World, draft: int, loop: None) -> None:
    status, run = await api.post(f"rules/drafts/{draft}/replays", {"messages": 1000}, key="one")
    assert (status, run["state"], run["draft"]) == (200, "waiting", str(draft))
    again = await api.post(f"rules/drafts/{draft}/replays", {"messages": 1000}, key="one")
    assert again[1]["id"] == run["id"]
    await world.until(int(run["id"]), lambda found: not found.open)
    status, done = await api.get(f"rules/runs/{run['id']}")
    assert (status, done["state"], done["done"]) == (200, "done", 20)
    assert sum(flow["messages"] for flow in done["flows"]) == done["moved"] > 0
    assert done["silent"] == ["nigdy"]
    assert (await api.post(f"rules/runs/{run['id']}/stop", {}, key="two"))[0] == 409


async def test_what_is_asked_must_make_sense(api: Api, draft: int) -> None:
    assert (await api.post(f"rules/drafts/{draft}/replays", {}, key="a"))[0] == 409
    assert (await api.post(f"rules/drafts/{draft}/replays", {"days": 9999}, key="b"))[0] == 400
    assert (await api.post("rules/drafts/999/replays", {"days": 1}, key="c"))[0] == 404
    assert (await api.get("rules/runs/999"))[0] == 404


async def test_a_token_without_the_grant_may_not(
    client: Client, draft: int, token: Callable[..., Any]
) -> None:
    other = Api(client, await token("krajowa", "read"))
    assert (await other.post(f"rules/drafts/{draft}/replays", {"days": 1}, key="x"))[0] == 403
