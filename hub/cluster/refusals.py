"""Why a process may not run beside those that share its store, in sentences for who starts it."""

from __future__ import annotations

from collections.abc import Iterable


class CannotJoin(Exception):
    """This process may not run beside the others; the text is a sentence that says why."""


class OtherSecret(CannotJoin):
    """The others sign with another secret: what one of them signed, this one would refuse."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(
            f"its signing secret is not that of {', '.join(sorted(names))}: set [hub] secret, or "
            "CENTRALA_HUB_SECRET_FILE, to the same for all processes on this database"
        )


class NameTaken(CannotJoin):
    """Another process runs under our name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"another process runs under the name {name!r}: give each its own, by [hub] node or CENTRALA_HUB_NODE"
        )
