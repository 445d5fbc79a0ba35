"""Articles as the editorial team sees them: which are commented, and how each is moderated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, case, func, select

from hub.audit import record
from hub.house import House
from hub.moderation.placing import Setting
from hub.scope import NotFound, Scope, own_office, require
from hub.store import schema
from hub.store.tx import Reader, Tx

article, post = schema.article, schema.post


class ArticleLine(msgspec.Struct, frozen=True, kw_only=True):
    """One article of the list. ``setting`` None: moderated as ``site`` says."""

    id: int
    inbox: str
    title: str
    url: str
    section: str
    site: str
    setting: str | None
    published: int
    waiting: int


def list_articles(tx: Reader, house: House, scope: Scope, *, limit: int = 200) -> list[ArticleLine]:
    """The articles of the actor's offices, those with comments that wait first, then the newest."""
    require(scope, "moderate")
    waiting = func.coalesce(func.sum(case((post.c.waiting_at.is_not(None), 1), else_=0)), 0)
    published = func.coalesce(func.sum(case((post.c.state == "published", 1), else_=0)), 0)
    statement = (
        select(article, published.label("published"), waiting.label("waiting"))
        .outerjoin(post, post.c.article == article.c.id)
        .where(article.c.inbox.in_(_inboxes(house, scope)))
        .group_by(*article.c)
        .order_by(waiting.desc(), article.c.id.desc())
        .limit(limit)
    )
    return [_line(row) for row in tx.rows(statement)]


def _line(row: Row[Any]) -> ArticleLine:
    return ArticleLine(
        id=row.id,
        inbox=row.inbox,
        title=row.title or row.key,
        url=row.url,
        section=row.section,
        site=row.site,
        setting=row.moderation,
        published=int(row.published),
        waiting=int(row.waiting),
    )


def set_way(tx: Tx, house: House, scope: Scope, number: int, setting: Setting | None) -> None:
    """Moderate an article otherwise than its site, or (None) as the site says. Raises NotFound."""
    require(scope, "moderate")
    row = tx.locked(article, number)
    if row is None or row.inbox not in _inboxes(house, scope):
        raise NotFound("article")
    if row.moderation == setting:
        return
    tx.change(article, number, moderation=setting)
    detail = {"before": row.moderation, "after": setting}
    record(tx, scope.user, "article-moderation", f"article:{number}", detail)
    tx.emit("post", office=house.directory.inboxes[row.inbox].office, actor=scope.user)


def _inboxes(house: House, scope: Scope) -> Sequence[str]:
    return [inbox.id for inbox in house.directory.inboxes.values() if own_office(scope, inbox.office)]
