"""What moderators see: one list over all articles, each comment with its article, parent, author's record and reports.

A page costs a handful of statements, whatever its size. The list goes on from the place of its last row, so that
decisions meanwhile never make it skip one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select, true

from hub.moderation.placing import decode_reasons
from hub.moderation.platform import Remote, remotes
from hub.moderation.rows import article, identity, post
from hub.people.users import names
from hub.scope import NotFound, Scope, require
from hub.store import schema
from hub.store.tx import Reader

report, appeal, link = schema.report, schema.appeal, schema.conversation_link

Show = Literal["waiting", "held", "published", "hidden", "rejected", "all"]

LIKE_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
"""What the name of a reason may consist of to be searched for."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which comments: ``waiting`` for a decision, or all in a state; of one reason, one article, one author."""

    show: Show = "waiting"
    reason: str = ""
    article: int | None = None
    author: int | None = None


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """An author's record. ``reachable``: an address for a message is known."""

    published: int = 0
    rejected: int = 0
    hidden: int = 0
    reachable: bool = False


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """Open reports of one comment for one reason."""

    reason: str
    count: int


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One comment on the bench. Texts are masked. ``claimed_by`` names another moderator who looks at it now.

    ``standing`` (how it stands there), ``link`` (its address there) and ``remote`` (what was ordered there last) are of
    comments on platforms, as are ``files``; ``standing`` is None on our own pages. ``inbox`` says what can be done.
    """

    id: int
    revision: int
    version: int
    state: str
    text: str
    pending: str | None
    author: str
    author_id: int | None
    office: bool
    at: int
    waiting_at: int | None
    urgent: bool
    reasons: tuple[str, ...]
    article: int
    article_title: str
    article_url: str
    section: str
    parent: str | None
    parent_author: str
    record: Author
    complaints: tuple[Complaint, ...]
    appeal: str | None
    appeal_mine: bool
    claimed_by: str | None
    decided_by: str | None
    reason: str | None
    reason_text: str | None
    conversation: int
    private: int | None
    inbox: str
    standing: str | None = None
    link: str = ""
    remote: Remote | None = None
    files: tuple[Row[Any], ...] = ()


class BenchPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page; ``next`` is the place to go on from."""

    items: tuple[Item, ...]
    next: str | None


def bench_page(
    tx: Reader, scope: Scope, wanted: Filter, *, after: str | None = None, size: int = 30
) -> BenchPage:
    """Comments for a moderator: what waits by urgency and age, everything else the newest first."""
    require(scope, "moderate")
    statement = select(post).where(_mine(scope), _matching(wanted))
    rows = tx.rows(_ordered(statement, wanted, after).limit(size + 1))
    shown = rows[:size]
    place = _place(shown[-1], wanted) if len(rows) > size else None
    return BenchPage(items=tuple(_items(tx, scope, shown)), next=place)


def bench_item(tx: Reader, scope: Scope, number: int) -> Item:
    """One comment. Raises NotFound."""
    require(scope, "moderate")
    rows = tx.rows(select(post).where(post.c.id == number, _mine(scope)))
    if not rows:
        raise NotFound("comment")
    return _items(tx, scope, rows)[0]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a message stands on a platform; see :class:`Item`."""

    inbox: str
    standing: str
    link: str
    remote: Remote | None


def standings(tx: Reader, messages: Sequence[int]) -> dict[int, Standing]:
    """Of those messages that are comments on platforms, or answers there. The caller has checked who may see them."""
    if not messages:
        return {}
    rows = tx.rows(select(post).where(post.c.id.in_(messages), post.c.standing.is_not(None)))
    orders = remotes(tx, rows)
    return {
        row.id: Standing(inbox=row.inbox, standing=row.standing, link=row.link, remote=orders.get(row.id))
        for row in rows
    }


def waiting_counts(tx: Reader, scope: Scope) -> dict[str, int]:
    """How many comments wait, by reason; ``""`` counts them all."""
    require(scope, "moderate")
    rows = tx.rows(
        select(post.c.hold_reasons, func.count().label("number"))
        .where(_mine(scope), post.c.waiting_at.is_not(None))
        .group_by(post.c.hold_reasons)
    )
    counts: Counter[str] = Counter()
    for row in rows:
        counts[""] += row.number
        counts.update(dict.fromkeys(decode_reasons(row.hold_reasons), row.number))
    return dict(counts)


# --- which and in what order -------------------------------------------------------------------------------------


def _mine(scope: Scope) -> ColumnElement[bool]:
    if scope.role == "system" or scope.front:
        return true()
    return post.c.office == scope.office if scope.office else false()


def _matching(wanted: Filter) -> ColumnElement[bool]:
    conditions = [_shown(wanted.show)]
    if wanted.reason:
        clean = set(wanted.reason) <= LIKE_CHARS
        conditions.append(post.c.hold_reasons.contains(f'"{wanted.reason}"') if clean else false())
    if wanted.article is not None:
        conditions.append(post.c.article == wanted.article)
    if wanted.author is not None:
        conditions.append(post.c.author == wanted.author)
    return and_(*conditions)


def _shown(show: Show) -> ColumnElement[bool]:
    if show == "waiting":
        return post.c.waiting_at.is_not(None)
    return post.c.state != "erased" if show == "all" else post.c.state == show


def _ordered(statement: Select[Any], wanted: Filter, after: str | None) -> Select[Any]:
    numbers = _read_place(after)
    if wanted.show != "waiting":
        if numbers is not None:
            statement = statement.where(post.c.id < numbers[2])
        return statement.order_by(post.c.id.desc())
    if numbers is not None:
        urgent, at, number = numbers
        same = and_(
            post.c.urgent.is_(bool(urgent)),
            or_(post.c.waiting_at > at, and_(post.c.waiting_at == at, post.c.id > number)),
        )
        statement = statement.where(or_(same, post.c.urgent.is_(False)) if urgent else same)
    return statement.order_by(post.c.urgent.desc(), post.c.waiting_at, post.c.id)


def _place(row: Row[Any], wanted: Filter) -> str:
    return f"{int(row.urgent)}-{row.waiting_at or 0}-{row.id}"


def _read_place(after: str | None) -> tuple[int, int, int] | None:
    parts = (after or "").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        return None
    urgent, at, number = map(int, parts)
    return urgent, at, number


# --- what stands beside each -------------------------------------------------------------------------------------


def _items(tx: Reader, scope: Scope, rows: Sequence[Row[Any]]) -> list[Item]:
    articles = _by_id(tx, article, {row.article for row in rows})
    parents = _by_id(tx, post, {row.parent for row in rows if row.parent is not None})
    records = _records(tx, {row.author for row in rows if row.author is not None})
    complaints = _complaints(tx, [row.id for row in rows])
    appeals = _appeals(tx, [row.id for row in rows])
    given = _addresses_given(tx, [row.id for row in rows])
    private = _private(tx, [row.conversation for row in rows])
    orders = remotes(tx, rows)
    files = _files(tx, [row.id for row in rows if row.standing is not None])
    people = names(tx, [who for row in rows for who in (row.claimed_by, row.decided_by)])
    items = []
    for row in rows:
        above = parents.get(row.parent)
        place = articles[row.article]
        held = row.claimed_by not in (None, scope.user) and (row.claimed_until or 0) > tx.now
        plea = appeals.get((row.id, row.version))
        items.append(
            Item(
                id=row.id,
                revision=row.revision,
                version=row.version,
                state=row.state,
                text=row.text,
                pending=row.pending_text,
                author=row.author_name,
                author_id=row.author,
                office=row.author is None,
                at=row.created_at,
                waiting_at=row.waiting_at,
                urgent=row.urgent,
                reasons=decode_reasons(row.hold_reasons),
                article=row.article,
                article_title=place.title or place.key,
                article_url=place.url,
                section=place.section,
                parent=above.text if above else None,
                parent_author=above.author_name if above else "",
                record=_with_address(records.get(row.author, Author()), row.id in given),
                complaints=complaints.get((row.id, row.version), ()),
                appeal=plea.text if plea and plea.outcome is None else None,
                appeal_mine=plea is not None and plea.outcome is None and row.decided_by == scope.user,
                claimed_by=people.get(row.claimed_by, "") if held else None,
                decided_by=people.get(row.decided_by),
                reason=row.reason,
                reason_text=row.reason_text,
                conversation=row.conversation,
                private=private.get(row.conversation),
                inbox=row.inbox,
                standing=row.standing,
                link=row.link,
                remote=orders.get(row.id),
                files=files.get(row.id, ()),
            )
        )
    return items


def _files(tx: Reader, numbers: Sequence[int]) -> dict[int, tuple[Row[Any], ...]]:
    """Pictures and films that people put under a comment on a platform."""
    if not numbers:
        return {}
    table = schema.attachment
    found: dict[int, tuple[Row[Any], ...]] = {}
    for row in tx.rows(select(table).where(table.c.message.in_(numbers)).order_by(table.c.position)):
        found[row.message] = (*found.get(row.message, ()), row)
    return found


def _by_id(tx: Reader, table: Any, numbers: set[int]) -> dict[int | None, Row[Any]]:
    if not numbers:
        return {}
    return {row.id: row for row in tx.rows(select(table).where(table.c.id.in_(sorted(numbers))))}


def _records(tx: Reader, authors: set[int]) -> dict[int | None, Author]:
    """How often each author was published and refused, and whether we could write to them."""
    if not authors:
        return {}
    counted = tx.rows(
        select(post.c.author, post.c.state, func.count().label("number"))
        .where(post.c.author.in_(sorted(authors)))
        .group_by(post.c.author, post.c.state)
    )
    numbers = {(row.author, row.state): int(row.number) for row in counted}
    other = identity.alias("other")
    reached = tx.rows(
        select(identity.c.id)
        .join(other, other.c.contact == identity.c.contact)
        .where(identity.c.id.in_(sorted(authors)), other.c.kind.in_(("email", "phone")))
        .distinct()
    )
    reachable = {row.id for row in reached}
    return {
        author: Author(
            published=numbers.get((author, "published"), 0),
            rejected=numbers.get((author, "rejected"), 0),
            hidden=numbers.get((author, "hidden"), 0),
            reachable=author in reachable,
        )
        for author in authors
    }


def _addresses_given(tx: Reader, numbers: Sequence[int]) -> set[int]:
    """Comments with which their author left an address, whoever else has it."""
    if not numbers:
        return set()
    message = schema.message
    wanted = (message.c.id.in_(numbers), message.c.data.contains('"reply_to"'))
    return {row.id for row in tx.rows(select(message.c.id).where(*wanted))}


def _with_address(record: Author, given: bool) -> Author:
    return msgspec.structs.replace(record, reachable=True) if given else record


def _complaints(tx: Reader, numbers: Sequence[int]) -> dict[tuple[int, int], tuple[Complaint, ...]]:
    if not numbers:
        return {}
    rows = tx.rows(
        select(report.c.post, report.c.version, report.c.reason, func.count().label("number"))
        .where(report.c.post.in_(numbers), report.c.outcome.is_(None))
        .group_by(report.c.post, report.c.version, report.c.reason)
        .order_by(func.count().desc(), report.c.reason)
    )
    found: dict[tuple[int, int], tuple[Complaint, ...]] = {}
    for row in rows:
        key = (row.post, row.version)
        found[key] = (*found.get(key, ()), Complaint(reason=row.reason, count=int(row.number)))
    return found


def _appeals(tx: Reader, numbers: Sequence[int]) -> dict[tuple[int, int], Row[Any]]:
    if not numbers:
        return {}
    rows = tx.rows(select(appeal).where(appeal.c.post.in_(numbers)))
    return {(row.post, row.version): row for row in rows}


def _private(tx: Reader, conversations: Sequence[int]) -> dict[int, int]:
    if not conversations:
        return {}
    continued = and_(link.c.conversation.in_(conversations), link.c.kind == "continuation")
    rows = tx.rows(select(link.c.conversation, link.c.other).where(continued).order_by(link.c.at))
    return {row.conversation: row.other for row in rows}
