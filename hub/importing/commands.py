"""The import of comments for the command line, as a handler that the running hub serves on its control socket.

The same handler works on a store opened by the command itself while no hub runs; see :mod:`hub.cli_store`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec

from hub.control import CommandFailed, Handler
from hub.directory import Directory
from hub.importing.reading import Comment
from hub.importing.taking import take
from hub.scope import NotFound
from hub.store.store import Store

MANY = 100
"""Comments of one transaction: between two of them others have their turn."""


class Import(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``kind``: the export they come from. ``comments`` in their order."""

    inbox: str
    kind: str
    comments: list[Comment]


def handlers(store: Store, directory: Callable[[], Directory], draw: random.Random) -> dict[str, Handler]:
    """By command. ``directory`` gives the configured house as it is now."""

    async def comments(arguments: dict[str, Any]) -> Any:
        wish, house = msgspec.convert(arguments, Import), directory()
        sums = {"taken": 0, "waiting": 0, "known": 0}
        for start in range(0, len(wish.comments), MANY):
            part = wish.comments[start : start + MANY]
            try:
                done = await store.write(
                    lambda tx, part=part: take(tx, house, draw, wish.inbox, wish.kind, part)  # type: ignore[misc]
                )
            except NotFound:
                raise CommandFailed(f"There is no inbox {wish.inbox} of the kind comments.") from None
            sums = {name: count + getattr(done, name) for name, count in sums.items()}
        return sums

    return {"comments.import": comments}
