"""The console of tests/hub/web before a browser: its fixtures, for every test here that names them; and browsers.

A test that needs more than a plain console overrides one of them under its own name, as those of the rules do with
``house``. To start a browser takes a second and a half of a processor: a module whose tests and fixtures run in one
loop (``pytest.mark.asyncio(loop_scope="module")``) has one for all its tests, and what they opened is closed behind
each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from hub.store.store import Store
from tests.hub.conftest import FakeClock, clock, sqlite_path, sqlite_store
from tests.hub.replay.conftest import BEFORE, World, url_of
from tests.hub.web.conftest import desk, health, house, password_hash, people, reparsed, server, stream
from tests.servers.browser import chromium

__all__ = [
    "clock",
    "desk",
    "health",
    "house",
    "password_hash",
    "people",
    "reparsed",
    "server",
    "sqlite_path",
    "sqlite_store",
    "stream",
]


CLOSING = 15.0
"""Seconds that a browser has to close what a test opened."""


@pytest.fixture
async def world(sqlite_store: Store, clock: FakeClock, sqlite_path: Path, tmp_path: Path) -> World:
    """A hub to which messages can be fed, with the rules ``BEFORE`` in force."""
    one = World(sqlite_store, clock, url_of(sqlite_store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    return one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _chromium_of_module() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def _shared_browser(_chromium_of_module: Browser) -> AsyncIterator[Browser]:
    yield _chromium_of_module
    for context in _chromium_of_module.contexts:
        # One that closes in the middle of a form's way to its answer may never say so: it is left to the browser's end.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(context.close(), CLOSING)


@pytest.fixture
async def _own_browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Browser:
    """A headless Chromium in which nothing is open."""
    asked = request.node.get_closest_marker("asyncio")
    shared = asked is not None and asked.kwargs.get("loop_scope") == "module"
    found: Browser = request.getfixturevalue("_shared_browser" if shared else "_own_browser")
    return found
