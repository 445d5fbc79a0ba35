"""What readers see of an article's comments: the port :class:`connectors.contract.PublicThread` on the store.

One statement gives a page in thread order, whatever the length of the thread: the cursor is the place of the last
comment shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Row, and_, false, func, or_, select

from connectors.contract import InboxId, Micros, PublicPost, ThreadPage
from hub.house import House
from hub.moderation.arrivals import editable
from hub.moderation.placing import WIDTH, depth_of
from hub.moderation.reasons import shown_reason
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader

post, article, identity, report, appeal = (
    schema.post,
    schema.article,
    schema.identity,
    schema.report,
    schema.appeal,
)


class StoredThread:
    """The port, on a store; ``house`` gives the current house."""

    def __init__(self, store: Store, house: Callable[[], House]) -> None:
        self._store = store
        self._house = house

    async def page(
        self, inbox: InboxId, article: str, *, visitor: str | None, cursor: str | None, size: int
    ) -> ThreadPage:
        """See the port. A cursor that is none starts from the top."""
        house = self._house()
        return await self._store.read(
            lambda tx: thread_page(tx, house, inbox, article, visitor=visitor, cursor=cursor, size=size)
        )

    async def post(self, inbox: InboxId, post: int, *, visitor: str | None) -> PublicPost | None:
        """See the port."""
        house = self._house()
        return await self._store.read(lambda tx: public_post(tx, house, inbox, post, visitor=visitor))


def thread_page(
    tx: Reader, house: House, inbox: str, key: str, *, visitor: str | None, cursor: str | None, size: int
) -> ThreadPage:
    """One page of an article's comments for one reader."""
    place = tx.row(select(article).where(article.c.inbox == inbox, article.c.key == key))
    if place is None:
        return ThreadPage(posts=(), total=0, next=None)
    reader = _identity(tx, visitor)
    statement = select(post).where(post.c.article == place.id, _visible(reader))
    if cursor and _is_path(cursor):
        statement = statement.where(post.c.path > cursor)
    rows = tx.rows(statement.order_by(post.c.path).limit(size + 1))
    shown = rows[:size]
    total = tx.scalar(select(func.count()).where(post.c.article == place.id, post.c.state == "published"))
    return ThreadPage(
        posts=tuple(_public(tx, house, shown, reader)),
        total=int(total or 0),
        next=shown[-1].path if len(rows) > size else None,
        moderation=_set_way(place.moderation),
        open=place.moderation != "closed",
    )


def public_post(
    tx: Reader, house: House, inbox: str, number: int, *, visitor: str | None
) -> PublicPost | None:
    """One comment, if this reader may see it."""
    reader = _identity(tx, visitor)
    rows = tx.rows(select(post).where(post.c.id == number, post.c.inbox == inbox, _visible(reader)))
    return next(iter(_public(tx, house, rows, reader)), None)


def _set_way(setting: str | None) -> Literal["pre", "post"] | None:
    return cast('Literal["pre", "post"]', setting) if setting in ("pre", "post") else None


def _identity(tx: Reader, visitor: str | None) -> int | None:
    if visitor is None:
        return None
    known = select(identity.c.id).where(identity.c.kind == "web", identity.c.address == visitor)
    found: int | None = tx.scalar(known)
    return found


def _is_path(cursor: str) -> bool:
    return cursor.isascii() and cursor.isdigit() and len(cursor) % WIDTH == 0 and len(cursor) <= 20 * WIDTH


def _visible(reader: int | None) -> ColumnElement[bool]:
    """Published comments, the reader's own, and tombstones of those that were answered."""
    child = post.alias("child")
    answered = select(child.c.id).where(child.c.parent == post.c.id, child.c.state == "published").exists()
    tombstone = and_(
        post.c.state.in_(("erased", "hidden", "rejected")), post.c.published_at.is_not(None), answered
    )
    own = false() if reader is None else and_(post.c.author == reader, post.c.state != "erased")
    return or_(post.c.state == "published", own, tombstone)


def _public(tx: Reader, house: House, rows: Sequence[Row[Any]], reader: int | None) -> list[PublicPost]:
    """Rows as this reader may see them."""
    if reader is None:
        return [_post(house, row, False, "", False, tx.now) for row in rows]
    numbers = [row.id for row in rows]
    reports = {
        (found.post, found.version): found.outcome or "open"
        for found in tx.rows(select(report).where(report.c.post.in_(numbers), report.c.reporter == reader))
    }
    appeals = {
        (found.post, found.version) for found in tx.rows(select(appeal).where(appeal.c.post.in_(numbers)))
    }
    return [
        _post(
            house,
            row,
            row.author == reader,
            reports.get((row.id, row.version), ""),
            (row.id, row.version) in appeals,
            tx.now,
        )
        for row in rows
    ]


_OUTCOMES: dict[str, Literal["open", "kept", "removed"]] = {
    "open": "open",
    "kept": "kept",
    "hidden": "removed",
    "rejected": "removed",
}


def _post(house: House, row: Row[Any], mine: bool, reported: str, appealed: bool, now: int) -> PublicPost:
    # Of a tombstone nothing but its place is told to others.
    readable = mine or row.state == "published"
    decided = mine and row.state in ("rejected", "hidden") and row.decided_by is not None
    return PublicPost(
        id=row.id,
        parent=row.parent,
        depth=depth_of(row.path),
        author=row.author_name if readable else "",
        text=row.text if readable else "",
        at=Micros(row.created_at),
        version=row.version,
        state=row.state,
        office=row.author is None and row.state != "erased",
        edited=row.edited_at is not None,
        mine=mine,
        editable=mine and editable(house, row, now),
        appealable=decided and not appealed,
        reason=shown_reason(row.reason, row.reason_text) if decided else "",
        pending=(row.pending_text or "") if mine else "",
        reported=_OUTCOMES.get(reported, ""),
    )
