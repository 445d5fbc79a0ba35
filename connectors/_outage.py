"""An outage in the log: one line when it begins or changes, one when it ends, with how long it was."""

from __future__ import annotations

from connectors.contract import Clock, Log


class Outage:
    """Of one thing that is asked again and again; ``what`` names it in the log."""

    def __init__(self, log: Log, clock: Clock, what: str) -> None:
        self._log = log
        self._clock = clock
        self._what = what
        self._reason = ""
        self._since = 0.0

    def failed(self, reason: str) -> None:
        """It failed; ``reason`` must hold no secret and no personal number."""
        if not self._reason:
            self._since = self._clock.monotonic()
        if reason != self._reason:
            self._log.warning(f"{self._what} failed", reason=reason)
        self._reason = reason

    def worked(self) -> None:
        """It worked."""
        if self._reason:
            seconds = round(self._clock.monotonic() - self._since)
            self._log.info(f"{self._what} works again", seconds=seconds)
            self._reason = ""
