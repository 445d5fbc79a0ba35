"""What a process does of the hub's work; by default everything."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, get_args

Role = Literal["web", "connectors", "outbox", "timers"]
"""``web``: both listeners. ``connectors``: reads the inboxes whose leases it gets. ``outbox``: sends, and carries out
what rules decided. ``timers``: deadlines and the followers of the stream."""

ROLES: tuple[Role, ...] = get_args(Role)


def read_roles(words: Iterable[str]) -> tuple[Role, ...]:
    """Roles as given on the command line, each word one or several with commas between them.

    Returns them in the order of :data:`ROLES`, each once. Raises ValueError with a sentence.
    """
    given = {part.strip() for word in words for part in word.split(",") if part.strip()}
    unknown = sorted(given - set(ROLES))
    if unknown:
        raise ValueError(f"there is no role {unknown[0]!r}; the roles are {', '.join(ROLES)}")
    if not given:
        raise ValueError(f"name at least one role: {', '.join(ROLES)}")
    return in_order(given)


def in_order(given: Collection[str]) -> tuple[Role, ...]:
    """Those of :data:`ROLES` that are given."""
    return tuple(role for role in ROLES if role in given)
