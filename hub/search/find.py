"""Finding conversations within the asker's scope, the newest first.

Words go through the engine's own index; a number, an address and a telephone number through the keys that intake
keeps anyway. Whatever the way, each conversation that comes out has passed :func:`hub.scope.visible`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import CompoundSelect, Row, and_, func, or_, select, text

from hub.people.addresses import telling_address
from hub.scope import Scope, require, visible
from hub.search.question import Question, Term
from hub.search.words import channel_mark, office_mark
from hub.store.schema import contact, conversation, identity, message
from hub.store.tx import Reader
from rules.fold import fold, tokens

HITS = 400
"""Messages that are looked at for one page: a long thread may hold many of them."""

PEOPLE = 8

NAMED = 40
"""Hits whose people are looked at for the row of people."""

PHONE_KINDS = ("phone", "sms")


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation; ``message`` is the newest that holds the words, None when found by a key."""

    row: Row[Any]
    message: int | None = None
    text: str = ""
    at: int = 0
    kind: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """``exact``: a number, address or telephone that was meant literally. ``more``: the list was cut."""

    hits: tuple[Hit, ...] = ()
    exact: tuple[Hit, ...] = ()
    people: tuple[Row[Any], ...] = ()
    more: bool = False


def search(tx: Reader, scope: Scope, question: Question, limit: int = 100) -> Found:
    """Conversations and people that fit. Raises Denied."""
    require(scope, "answer")
    if question.empty:
        return Found()
    keyed = _by_keys(tx, scope, question)
    messages = _message_ids(tx, scope, question.terms) if question.terms else []
    hits = _hits(tx, scope, messages, limit) if messages else []
    seen = {hit.row.id for hit in keyed}
    rest = [hit for hit in hits if hit.row.id not in seen]
    people = _people(tx, scope, question, [*keyed, *rest][:NAMED])
    return Found(
        hits=tuple(rest[:limit]),
        exact=tuple(keyed),
        people=people,
        more=len(rest) > limit or len(messages) >= HITS,
    )


# --- by key ----------------------------------------------------------------------------------------------------


def _by_keys(tx: Reader, scope: Scope, question: Question) -> list[Hit]:
    rows: list[Row[Any]] = []
    if question.reference:
        rows += _conversations(tx, scope, conversation.c.reference == question.reference)
    addressed = _addressed(question)
    if addressed is not None:
        rows += _conversations(tx, scope, conversation.c.contact.in_(addressed))
    unique = {row.id: row for row in rows}
    return [Hit(row=row, text=row.preview, at=row.activity_at) for row in unique.values()]


def _addressed(question: Question) -> CompoundSelect[Any] | None:
    """Contacts who have the address or number that was asked for."""
    conditions = []
    if question.email:
        conditions.append(and_(identity.c.kind == "email", identity.c.address == question.email))
    if question.phone:
        conditions.append(and_(identity.c.kind.in_(PHONE_KINDS), identity.c.address == question.phone))
    if not conditions:
        return None
    reached = select(identity.c.contact).where(or_(*conditions))
    merged = select(contact.c.merged_into).where(
        contact.c.id.in_(reached), contact.c.merged_into.is_not(None)
    )
    return reached.union(merged)


_SHOWN = (
    select(conversation, contact.c.name.label("person"), telling_address())
    .join(contact, contact.c.id == conversation.c.contact, isouter=True)
    .join(identity, identity.c.id == conversation.c.identity, isouter=True)
)
"""Conversations as a result shows them."""


def _conversations(tx: Reader, scope: Scope, condition: Any) -> Sequence[Row[Any]]:
    statement = _SHOWN.where(condition, visible(scope)).order_by(
        conversation.c.activity_at.desc(), conversation.c.id.desc()
    )
    return tx.rows(statement.limit(50))


# --- by words --------------------------------------------------------------------------------------------------


def _message_ids(tx: Reader, scope: Scope, terms: Sequence[Term]) -> list[int]:
    """Ids of messages with all terms, newest first: those within the scope's reach, and those in own conversations."""
    reach = _reach(scope)
    found = set(_matching(tx, terms, reach))
    if reach:
        found |= set(_matching(tx, terms, (), own=scope.user))
    return sorted(found, reverse=True)[:HITS]


def _reach(scope: Scope) -> tuple[str, ...]:
    """Marks of which a message must carry one; none: all messages are within reach."""
    if scope.role == "moderator":
        return (channel_mark("comments"),)
    return () if scope.front or scope.role == "system" else (office_mark(scope.office),)


def _matching(
    tx: Reader, terms: Sequence[Term], reach: tuple[str, ...], own: int | None = None
) -> Iterable[int]:
    if tx.sqlite:
        wanted = sqlite_match(terms, reach)
        sql = "SELECT rowid FROM search WHERE search MATCH :wanted"
        mine = "rowid IN (SELECT d.message FROM search_doc d JOIN conversation c ON c.id = d.conversation WHERE {own})"
        order = "ORDER BY rowid DESC LIMIT :limit"
    else:
        wanted = postgres_match(terms)
        sql = "SELECT message FROM search_doc WHERE to_tsvector('simple', words) @@ to_tsquery('simple', :wanted)"
        mine = "conversation IN (SELECT c.id FROM conversation c WHERE {own})"
        order = "ORDER BY message DESC LIMIT :limit"
    parameters: dict[str, Any] = {"wanted": wanted, "limit": HITS}
    if own is not None:
        sql += " AND " + mine.format(own="c.assignee = :own OR c.owner = :own")
        parameters["own"] = own
    if reach and not tx.sqlite:
        sql += " AND string_to_array(reach, ' ') && CAST(:reach AS text[])"
        parameters["reach"] = list(reach)
    return [row[0] for row in tx.execute(text(f"{sql} {order}"), parameters)]


def sqlite_match(terms: Sequence[Term], reach: Sequence[str] = ()) -> str:
    """An FTS5 expression. Words are letters and digits only, so nothing needs quoting beyond the quotes."""
    parts = [f"words : ({_sqlite_term(term)})" for term in terms]
    if reach:
        parts.append("reach : (" + " OR ".join(f'"{mark}"' for mark in reach) + ")")
    return " AND ".join(parts)


def _sqlite_term(term: Term) -> str:
    if term.phrase:
        return '"' + " ".join(term.phrase) + '" *'
    forms = [f'"{form}"' for form in term.forms if not (term.prefix and form.startswith(term.prefix))]
    return " OR ".join([*forms, *([f'"{term.prefix}" *'] if term.prefix else [])])


def postgres_match(terms: Sequence[Term]) -> str:
    """The same as a ``tsquery``."""
    return " & ".join(f"({_postgres_term(term)})" for term in terms)


def _postgres_term(term: Term) -> str:
    if term.phrase:
        return " <-> ".join(term.phrase) + ":*"
    forms = [form for form in term.forms if not (term.prefix and form.startswith(term.prefix))]
    return " | ".join([*forms, *([f"{term.prefix}:*"] if term.prefix else [])])


def _hits(tx: Reader, scope: Scope, messages: Sequence[int], limit: int) -> list[Hit]:
    """The newest hit of each conversation, in their order; one above ``limit`` means that there are more.

    Which conversation a message belongs to is read for all of them, texts only of those that are shown.
    """
    m = message.c
    where = tx.rows(
        select(m.id, m.conversation).where(m.id.in_(messages), m.deleted_at.is_(None)).order_by(m.id.desc())
    )
    newest: dict[int, int] = {}
    for row in where:
        newest.setdefault(row.conversation, row.id)
    found = {row.id: row for row in _by_id(tx, scope, list(newest))}
    shown = [(number, hit) for number, hit in newest.items() if number in found][: limit + 1]
    texts = select(m.id, m.text, m.subject, m.at, m.kind).where(m.id.in_([hit for _, hit in shown]))
    read = {row.id: row for row in tx.rows(texts)}
    return [_hit(found[number], read[hit]) for number, hit in shown]


def _hit(row: Row[Any], said: Row[Any]) -> Hit:
    return Hit(row=row, message=said.id, text=said.text or said.subject, at=said.at, kind=said.kind)


def _by_id(tx: Reader, scope: Scope, conversations: Sequence[int]) -> Sequence[Row[Any]]:
    wanted = (conversation.c.id.in_(conversations), conversation.c.merged_into.is_(None))
    return tx.rows(_SHOWN.where(*wanted, visible(scope)))


# --- people ----------------------------------------------------------------------------------------------------


def _people(tx: Reader, scope: Scope, question: Question, hits: Sequence[Hit]) -> tuple[Row[Any], ...]:
    """Contacts whose address was asked for, or whose name holds a word of the question; only from visible matters."""
    reached = [hit.row.contact for hit in hits]
    if not reached:
        return ()
    counted = func.count(conversation.c.id).label("conversations")
    statement = (
        select(contact.c.id, contact.c.name, counted)
        .join(conversation, conversation.c.contact == contact.c.id)
        .where(contact.c.id.in_(reached), visible(scope))
        .group_by(contact.c.id, contact.c.name)
    )
    rows = {row.id: row for row in tx.rows(statement)}
    keyed = bool(question.email or question.phone)
    named = [
        rows[one]
        for one in dict.fromkeys(reached)
        if one in rows and (keyed or fits(rows[one].name, question))
    ]
    return tuple(named[:PEOPLE])


def fits(name: str, question: Question) -> bool:
    """Whether a name holds one of the words that were asked for."""
    words = name_words(name)
    return any(
        word in term.forms or (term.prefix and word.startswith(term.prefix))
        for term in question.terms
        for word in words
    )


def name_words(name: str) -> list[str]:
    """Folded words of a name."""
    return tokens(fold(name))
