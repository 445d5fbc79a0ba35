"""A site with a chat, for every test that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.connectors.chat.site import Site, at_work


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with at_work() as found:
        yield found
