"""Who is looking at a conversation, who is writing: in memory, worth no commit, forgotten after half a minute.

One per process, which knows the marks of all: what is marked here is told to the others by the bus, what they tell is
heard. A mark is renewed while the page is open; whoever follows is told at once when something changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


class Mark(msgspec.Struct):
    """Somebody's mark; ``ours``: it was made in this process."""

    name: str
    looking_until: int
    writing_until: int
    ours: bool


def _to_nobody(conversation: int, user: int, mark: Mark) -> None:
    """Where there are no other processes."""


class Presence:
    """Marks by conversation and user. Times are microseconds and come in from outside."""

    def __init__(self) -> None:
        self.tell: Callable[[int, int, Mark], None] = _to_nobody
        """Called with each mark that is made, renewed or (with times of 0) taken away in this process."""

        self._marks: dict[int, dict[int, Mark]] = {}
        self._followers: list[Callable[[int], None]] = []

    def follow(self, call: Callable[[int], None]) -> Callable[[], None]:
        """Have ``call`` told of each conversation where somebody comes, writes or goes; returns the way out."""
        self._followers.append(call)
        return lambda: self._followers.remove(call)

    def mark(self, conversation: int, user: int, name: str, what: What, now: int) -> None:
        """Somebody is there; ``writing`` means looking too."""
        known = self._marks.get(conversation, {}).get(user)
        writing_until = now + WRITING if what == "writing" else known.writing_until if known else 0
        mark = Mark(name=name, looking_until=now + LOOKING, writing_until=writing_until, ours=True)
        self._put(conversation, user, mark, now)
        self.tell(conversation, user, mark)

    def gone(self, conversation: int, user: int) -> None:
        """Somebody closed the page."""
        self._drop(conversation, user)
        self.tell(conversation, user, Mark(name="", looking_until=0, writing_until=0, ours=True))

    def stopped_writing(self, conversation: int, user: int) -> None:
        """Somebody sent or discarded what they wrote."""
        mark = self._marks.get(conversation, {}).get(user)
        if mark is not None and mark.writing_until:
            mark.writing_until = 0
            self._tell(conversation)
            self.tell(conversation, user, mark)

    def hear(
        self, conversation: int, user: int, name: str, looking_until: int, writing_until: int, now: int
    ) -> None:
        """Another process tells of a mark; one that is over says that the person is gone."""
        if looking_until <= now:
            self._drop(conversation, user)
        else:
            mark = Mark(name=name, looking_until=looking_until, writing_until=writing_until, ours=False)
            self._put(conversation, user, mark, now)

    def ours(self) -> Iterator[tuple[int, int, Mark]]:
        """Marks made in this process: conversation, user, mark."""
        for conversation, here in self._marks.items():
            for user, mark in here.items():
                if mark.ours:
                    yield conversation, user, mark

    def _put(self, conversation: int, user: int, mark: Mark, now: int) -> None:
        here = self._marks.get(conversation)
        if here is None:
            if len(self._marks) >= MOST:
                self._forget(now)
            if len(self._marks) >= MOST:
                return
            here = self._marks[conversation] = {}
        before = self._seen(here.get(user), now)
        here[user] = mark
        if self._seen(mark, now) != before:
            self._tell(conversation)

    def _drop(self, conversation: int, user: int) -> None:
        here = self._marks.get(conversation, {})
        was = here.pop(user, None)
        if not here:
            self._marks.pop(conversation, None)
        if was is not None:
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
    def _seen(mark: Mark | None, now: int) -> What | None:
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
