"""Reading a list that a provider shows newest first, page by page, so that nothing is skipped when the reading stops.

Such a list has no place to go on from: what is new stands on its first page, and what came while nobody looked on the
pages behind it. A walk goes from the top down to what was committed before. Only when it has arrived there does its
top count as the new mark; until then the page to go on with is part of the cursor.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader stands; marks grow with time (an id, a moment).

    Everything up to ``done`` was committed. ``head`` is the highest mark of the walk under way and ``page`` the token
    of the page that it reads next; without one the next page is the first.
    """

    done: int = 0
    head: int = 0
    page: str = ""


def passed(walk: Walk, marks: Sequence[int], following: str, overlap: int = 0) -> Walk:
    """Where a reader stands after a page with these marks was committed.

    ``following`` is the token of the next page, empty on the last. ``overlap`` says how far below ``done`` a walk goes
    on, for lists in which something may still appear below what was there before.
    """
    head = max((walk.head if walk.page else walk.done), walk.done, *marks)
    arrived = any(mark <= walk.done - overlap for mark in marks)
    if arrived or not following:
        return Walk(done=head)
    return Walk(done=walk.done, head=head, page=following)


def restarted(walk: Walk) -> Walk:
    """The same reader at the top of the list again: its page token is no longer known to the provider."""
    return Walk(done=walk.done)


def encode(walk: Walk) -> str:
    """As the value of a cursor."""
    return msgspec.json.encode(walk).decode()


def decode(value: str | None, start: int) -> Walk:
    """What :func:`encode` made; a reader without a cursor, or with one that nobody can read, begins at ``start``."""
    if value is None:
        return Walk(done=start)
    try:
        return msgspec.json.decode(value, type=Walk)
    except (msgspec.DecodeError, UnicodeError):
        return Walk(done=start)
