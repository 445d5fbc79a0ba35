"""What is wrong with the hub as a whole and does not stop it: shown to administrators until it is over.

Inboxes have a health of their own; this is for the rest, such as rules that could not be taken over.
"""

from __future__ import annotations

import msgspec

from connectors.contract import Clock, Log
from rules.text import Text


class Caution(msgspec.Struct, frozen=True, kw_only=True):
    """One thing: ``key`` names it for machines, ``text`` says what it is and what to do, ``since`` when it began."""

    key: str
    text: Text
    since: int


class Cautions:
    """The cautions of this process. A new one and the end of one are a log line each."""

    def __init__(self, clock: Clock, log: Log) -> None:
        self._clock = clock
        self._log = log
        self._found: dict[str, Caution] = {}

    def all(self) -> tuple[Caution, ...]:
        """What is wrong now, the oldest first."""
        return tuple(sorted(self._found.values(), key=lambda caution: caution.since))

    def say(self, key: str, text: Text | None) -> None:
        """It is wrong, or (None) not any more."""
        before = self._found.get(key)
        if text is None:
            if self._found.pop(key, None) is not None:
                self._log.info("a warning is over", warning=key)
            return
        if before is not None and before.text == text:
            return
        since = before.since if before is not None else self._clock.now()
        self._found[key] = Caution(key=key, text=text, since=since)
        self._log.warning("the hub needs attention", warning=key, reason=str(text))
