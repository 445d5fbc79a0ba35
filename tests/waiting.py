"""Waiting in tests until something is so, never for a time: the machine may be slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(
    condition: Callable[[], object], what: str = "it", *, seconds: float = 30.0, pause: float = 0.005
) -> None:
    """Wait until it holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        await asyncio.sleep(pause)


async def eventually(
    condition: Callable[[], Awaitable[object]],
    what: str = "it",
    *,
    seconds: float = 30.0,
    pause: float = 0.02,
) -> None:
    """The same for what must be asked for."""
    end = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        await asyncio.sleep(pause)
