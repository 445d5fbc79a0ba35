"""Processes on one store, made and ended by a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hub.cluster.process import Make, Process


@pytest.fixture
async def process(sqlite_path: Path) -> AsyncIterator[Make]:
    made: list[Process] = []

    def make(name: str, **more: object) -> Process:
        made.append(Process(sqlite_path, name, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.die()
        await one.keeper.drop(*one.doing)
        await one.store.close()
