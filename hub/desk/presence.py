"""Who is looking at a conversation, who is writing: in memory, worth no commit, forgotten after half a minute.

One per process. A mark is renewed while the page is open; whoever follows is told at once when something changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

What = Literal["looking", "writing"]

LOOKING = 30_000_000
"""Microseconds for which a mark of looking holds without renewal."""

WRITING = 6_000_000
"""The same for writing, which is told with every few keystrokes."""

MOST = 10_000
"""Marks kept; beyond it new ones are not taken, since losing presence costs nobody anything."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at a conversation."""

    user: int
    name: str
    what: What


class _Mark(msgspec.Struct):
    name: str
    looking_until: int
    writing_until: int


class Presence:
    """Marks by conversation and user. Times are microseconds and come in from outside."""

    def __init__(self) -> None:
        self._marks: dict[int, dict[int, _Mark]] = {}
        self._followers: list[Callable[[int], None]] = []

    def follow(self, call: Callable[[int], None]) -> Callable[[], None]:
        """Have ``call`` told of each conversation where somebody comes, writes or goes; returns the way out."""
        self._followers.append(call)
        return lambda: self._followers.remove(call)

    def mark(self, conversation: int, user: int, name: str, what: What, now: int) -> None:
        """Somebody is there; ``writing`` means looking too."""
        here = self._marks.get(conversation)
        if here is None:
            if len(self._marks) >= MOST:
                self._forget(now)
            if len(self._marks) >= MOST:
                return
            here = self._marks[conversation] = {}
        before = self._seen(here.get(user), now)
        mark = here.setdefault(user, _Mark(name, 0, 0))
        mark.looking_until = now + LOOKING
        if what == "writing":
            mark.writing_until = now + WRITING
        if self._seen(mark, now) != before:
            self._tell(conversation)

    def gone(self, conversation: int, user: int) -> None:
        """Somebody closed the page."""
        here = self._marks.get(conversation, {})
        was = here.pop(user, None)
        if not here:
            self._marks.pop(conversation, None)
        if was is not None:
            self._tell(conversation)

    def stopped_writing(self, conversation: int, user: int) -> None:
        """Somebody sent or discarded what they wrote."""
        mark = self._marks.get(conversation, {}).get(user)
        if mark is not None and mark.writing_until:
            mark.writing_until = 0
            self._tell(conversation)

    def at(self, conversation: int, now: int, but: int | None = None) -> list[Person]:
        """Who is there now except ``but``, writers first."""
        found = [
            Person(user=user, name=mark.name, what=what)
            for user, mark in self._marks.get(conversation, {}).items()
            if user != but and (what := self._seen(mark, now)) is not None
        ]
        return sorted(found, key=lambda person: (person.what != "writing", person.name))

    def is_at(self, conversation: int, user: int, now: int) -> bool:
        """Whether somebody looks at it or writes there now."""
        return self._seen(self._marks.get(conversation, {}).get(user), now) is not None

    def conversations(self) -> list[int]:
        """Where somebody is, or was a moment ago: what a new follower asks about first."""
        return list(self._marks)

    @staticmethod
    def _seen(mark: _Mark | None, now: int) -> What | None:
        if mark is None or mark.looking_until <= now:
            return None
        return "writing" if mark.writing_until > now else "looking"

    def _forget(self, now: int) -> None:
        """Drop conversations where nobody is any more."""
        for conversation, here in list(self._marks.items()):
            if all(self._seen(mark, now) is None for mark in here.values()):
                del self._marks[conversation]

    def _tell(self, conversation: int) -> None:
        for call in list(self._followers):
            call(conversation)
