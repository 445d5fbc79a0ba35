"""Sessions: an opaque token in the cookie, its hash in the database, an end without use and an end in any case."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import msgspec
from sqlalchemy import RowMapping, and_, delete, func, select, update

from hub.config import Limits
from hub.directory import Directory
from hub.people.preferences import Preferences, read_preferences
from hub.scope import Scope
from hub.store.kept import Engine, Kept, Question, ask, engine_of, keep, value, word
from hub.store.schema import notification, second_factor, session, user, user_queue
from hub.store.tx import Reader, Tx

HOUR = 3_600_000_000
TOUCH = 60_000_000
"""``seen_at`` is written at most once in so many microseconds."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind a request, and what every page shows of them. ``unread``: notifications; ``second``: a code was
    asked for besides the password, or would be."""

    scope: Scope
    user: int
    login: str
    token_hash: str
    csrf: str
    presence: str
    preferences: Preferences
    unread: int
    second: bool
    at: int
    """When the session was looked up: when it was used."""
    stale: bool
    """Whether ``seen_at`` should be written again."""


def hash_token(token: str) -> str:
    """What the database keeps of a random token. Tokens have 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(tx: Tx, limits: Limits, user_id: int, token: str, csrf: str) -> None:
    """A new session for a random ``token``; a log-in never goes on with the one before."""
    values = {
        "token_hash": hash_token(token),
        "user": user_id,
        "csrf": csrf,
        "created_at": tx.now,
        "seen_at": tx.now,
        "expires_at": tx.now + int(limits.session_days * 24 * HOUR),
    }
    tx.execute(session.insert().values(**values))
    tx.change(user, user_id, seen_at=tx.now)


def find_session(tx: Reader, directory: Directory, token: str) -> Signed | None:
    """The session of a cookie, or None: unknown, ended, unused for too long, or of a disabled account."""
    values = {"hash": hash_token(token), "now": tx.now}
    found, queues, [news] = ask(tx, [Question(kept, values) for kept in _kept(engine_of(tx))])
    idle = int(directory.config.limits.session_hours * HOUR)
    if not found or found[0].seen_at + idle <= tx.now:
        return None
    [row] = found
    return Signed(
        scope=_scope(directory, row, [work.queue for work in queues]),
        user=row.id,
        login=row.login,
        token_hash=row.token_hash,
        csrf=row.csrf,
        presence=row.presence,
        preferences=read_preferences(row.settings),
        unread=news.unread,
        second=row.second is not None,
        at=tx.now,
        stale=row.seen_at + TOUCH < tx.now,
    )


@cache
def _kept(engine: Engine) -> tuple[Kept, Kept, Kept]:
    """Session and account, the account's queues, how many notifications it has not read."""
    s, u = session.c, user.c
    account = (u.id, u.login, u.role, u.office, u.skills, u.language, u.name, u.presence, u.settings)
    mine = and_(s.token_hash == word("hash"), s.expires_at > value("now"))
    coded = and_(second_factor.c.user == u.id, second_factor.c.confirmed_at.is_not(None))
    second = select(second_factor.c.user).where(coded).scalar_subquery().label("second")
    who = select(s.token_hash, s.csrf, s.seen_at, second, *account).join(user, u.id == s.user)
    work = select(user_queue.c.queue).join(session, s.user == user_queue.c.user).where(mine)
    news = select(func.count().label("unread")).select_from(notification)
    theirs = notification.c.user == select(s.user).where(mine).scalar_subquery()
    return (
        keep(engine, who.where(mine, u.active.is_(True))),
        keep(engine, work.order_by(user_queue.c.queue)),
        keep(engine, news.where(theirs, notification.c.read_at.is_(None))),
    )


def scope_of_row(tx: Reader, directory: Directory, row: RowMapping) -> Scope:
    """The rights of a person, from a mapping of their ``user`` row."""
    values = {column.name: row[column] for column in user.c}
    queues = select(user_queue.c.queue).where(user_queue.c.user == values["id"]).order_by(user_queue.c.queue)
    return _scope(directory, SimpleNamespace(**values), [found.queue for found in tx.rows(queues)])


def _scope(directory: Directory, account: Any, queues: Sequence[str]) -> Scope:
    office: str = account.office
    return Scope(
        user=account.id,
        role=account.role,
        office=office,
        front=office in directory.front,
        queues=tuple(queue for queue in queues if directory.may_work(office, queue)),
        skills=msgspec.json.decode(account.skills, type=tuple[str, ...]),
        language=account.language,
        name=account.name,
    )


def touch_session(tx: Tx, signed: Signed) -> None:
    """The session was used: at the moment of the request, however late this is written down."""
    tx.execute(update(session).where(session.c.token_hash == signed.token_hash).values(seen_at=signed.at))
    tx.change(user, signed.user, seen_at=signed.at)


def still_in(tx: Tx, signed: Signed) -> bool:
    """Whether the session has not ended since it was looked up. The account is locked: a new password waits, or has
    ended it."""
    account = tx.locked(user, signed.user)
    its = select(session.c.token_hash).where(session.c.token_hash == signed.token_hash)
    return account is not None and bool(account.active) and tx.scalar(its) is not None


def close_session(tx: Tx, token_hash: str) -> None:
    """Log out."""
    tx.execute(delete(session).where(session.c.token_hash == token_hash))


def close_sessions(tx: Tx, user_id: int, *, but: str = "") -> None:
    """End all sessions of a person, but the one with this token hash."""
    tx.execute(delete(session).where(session.c.user == user_id, session.c.token_hash != but))
