"""Keeping a loop of the hub going: what fails is told, rests and is begun again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from connectors.contract import Clock, Log

Work = Coroutine[Any, Any, None]
Loop = Callable[[], Work]
"""Begins a loop; it ends only when the hub does."""

REST = 5.0
"""Seconds until a loop that failed is begun again."""


async def keep_up(name: str, loop: Loop, clock: Clock, log: Log, down: set[str]) -> None:
    """Run a loop for as long as the hub runs. One that fails is worth a line, is among those that are ``down`` for a
    rest, and is begun again: what it does must not stay undone for one moment that nobody foresaw."""
    while True:
        try:
            await loop()
        except Exception as error:
            log.error("a loop of the hub ended", loop=name, error=repr(error))
        else:
            return
        down.add(name)
        await clock.sleep(REST)
        down.discard(name)
