"""Comments of a platform that came before what they answer: put under it once it is there."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from hub.moderation.placing import path_of
from hub.moderation.rows import change
from hub.store import schema
from hub.store.tx import Tx

post = schema.post


def adopt(tx: Tx, came: Mapping[tuple[str, str], int]) -> None:
    """``came``: posts that are new, by inbox and what the platform calls them. What answers them goes under them."""
    if not came:
        return
    key = ("inbox", "parent_ref")
    for number, inbox, ref in tx.lookup(post, key, ("id", *key), list(came)):
        _adopt_one(tx, number, came[inbox, ref])


def _adopt_one(tx: Tx, number: int, parent: int) -> None:
    """Put one comment, with what answers it, under its parent."""
    child, above = tx.locked(post, number), tx.locked(post, parent)
    if child is None or above is None or above.article != child.article or above.id == child.id:
        return
    below = select(post).where(post.c.article == child.article, post.c.path.startswith(child.path))
    paths: dict[int | None, str] = {above.id: above.path}
    for row in tx.rows(below.order_by(post.c.path)):
        answered = above.id if row.id == child.id else row.parent
        paths[row.id] = path_of(row.id, paths.get(answered, above.path))
        tx.change(post, row.id, path=paths[row.id])
    change(tx, child, parent=above.id, parent_ref=None)
