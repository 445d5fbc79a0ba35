"""The console of tests/hub/web before a browser: its fixtures, for every test here that names them.

A test that needs more than a plain console overrides one of them under its own name, as those of the rules do with
``house``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.store.store import Store
from tests.hub.conftest import FakeClock, clock, sqlite_path, sqlite_store
from tests.hub.replay.conftest import BEFORE, World, url_of
from tests.hub.web.conftest import desk, health, house, password_hash, people, reparsed, server, stream

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


@pytest.fixture
async def world(sqlite_store: Store, clock: FakeClock, sqlite_path: Path, tmp_path: Path) -> World:
    """A hub to which messages can be fed, with the rules ``BEFORE`` in force."""
    one = World(sqlite_store, clock, url_of(sqlite_store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    return one
