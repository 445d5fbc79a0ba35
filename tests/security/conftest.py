"""The console with people of every role, and things of two offices that they may or may not touch."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer

from hub.store.store import Store
from tests.hub.conftest import clock, sqlite_path, sqlite_store
from tests.hub.web.conftest import (
    client,
    desk,
    enter,
    health,
    house,
    password_hash,
    people,
    reparsed,
    server,
    stream,
)
from tests.security.world import World

__all__ = [
    "client",
    "clock",
    "desk",
    "enter",
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
async def world(sqlite_store: Store, server: TestServer, people: dict[str, int]) -> World:
    """Makes things of an office, and remembers what the store looked like."""
    return World(sqlite_store, people)
