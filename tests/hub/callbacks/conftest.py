"""The call centre on both engines."""

from __future__ import annotations

import pytest

from hub.store.store import Store
from tests.hub.callbacks.desk import Centre
from tests.hub.conftest import FakeClock


@pytest.fixture
async def centre(store: Store, clock: FakeClock) -> Centre:
    """An empty call centre on Monday, 9:00."""
    return Centre(store, clock)


@pytest.fixture
async def small_centre(sqlite_store: Store, clock: FakeClock) -> Centre:
    """The same on the embedded store alone."""
    return Centre(sqlite_store, clock)
