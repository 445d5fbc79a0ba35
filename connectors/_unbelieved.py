"""Calls that do not prove that they come from the provider: refused, counted, and told in the log now and then.

Anybody can make them, so a line for each would let strangers fill the log; and a secret that is configured wrong looks
just the same, so silence would hide why nothing comes in.
"""

from __future__ import annotations

from connectors.contract import Clock, Log

EVERY = 3600.0
"""Seconds between two lines."""


class Unbelieved:
    """Of one inbox in this process; ``what`` is wrong with such calls, in a word or two."""

    def __init__(self, log: Log, clock: Clock, what: str) -> None:
        self._log = log
        self._clock = clock
        self._what = what
        self._count = 0
        self._told: float | None = None

    def came(self) -> None:
        """One was refused."""
        self._count += 1
        now = self._clock.monotonic()
        if self._told is None or now - self._told >= EVERY:
            self._log.warning("calls are not believed", what=self._what, count=self._count)
            self._count, self._told = 0, now
