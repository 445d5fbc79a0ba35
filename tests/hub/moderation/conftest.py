"""The worlds of comments, our own and those of platforms, on both engines."""

from __future__ import annotations

import pytest

from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.moderation.platform_world import Elsewhere
from tests.hub.moderation.world import World


@pytest.fixture
async def world(store: Store, clock: FakeClock) -> World:
    """On each engine."""
    return await World(store, clock).open()


@pytest.fixture
async def small_world(sqlite_store: Store, clock: FakeClock) -> World:
    """On the embedded store alone."""
    return await World(sqlite_store, clock).open()


@pytest.fixture
async def there(store: Store, clock: FakeClock) -> Elsewhere:
    """On each engine."""
    return await Elsewhere(store, clock).open()


@pytest.fixture
async def small_there(sqlite_store: Store, clock: FakeClock) -> Elsewhere:
    """On the embedded store alone."""
    return await Elsewhere(sqlite_store, clock).open()
