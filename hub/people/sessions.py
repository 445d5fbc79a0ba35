"""Sessions: an opaque token in the cookie, its hash in the database, an end without use and an end in any case."""

from __future__ import annotations

import hashlib

import msgspec
from sqlalchemy import RowMapping, delete, func, select, update

from hub.config import Limits
from hub.directory import Directory
from hub.people.preferences import Preferences, read_preferences
from hub.scope import Role, Scope
from hub.store.schema import notification, session, user, user_queue
from hub.store.tx import Reader, Tx

HOUR = 3_600_000_000
TOUCH = 60_000_000
"""``seen_at`` is written at most once in so many microseconds."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind a request, and what every page shows of them. ``unread``: notifications."""

    scope: Scope
    user: int
    login: str
    token_hash: str
    csrf: str
    presence: str
    preferences: Preferences
    unread: int
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
    statement = (
        select(session, user)
        .join(user, user.c.id == session.c.user)
        .where(
            session.c.token_hash == hash_token(token), session.c.expires_at > tx.now, user.c.active.is_(True)
        )
    )
    row = tx.execute(statement).mappings().first()
    idle = int(directory.config.limits.session_hours * HOUR)
    if row is None or row[session.c.seen_at] + idle <= tx.now:
        return None
    user_id = row[user.c.id]
    mine = (notification.c.user == user_id, notification.c.read_at.is_(None))
    return Signed(
        scope=scope_of_row(tx, directory, row),
        user=user_id,
        login=row[user.c.login],
        token_hash=row[session.c.token_hash],
        csrf=row[session.c.csrf],
        presence=row[user.c.presence],
        preferences=read_preferences(row[user.c.settings]),
        unread=tx.scalar(select(func.count()).select_from(notification).where(*mine)) or 0,
        stale=row[session.c.seen_at] + TOUCH < tx.now,
    )


def scope_of_row(tx: Reader, directory: Directory, row: RowMapping) -> Scope:
    """The rights of a person, from a mapping of their ``user`` row."""
    values = {column.name: row[column] for column in user.c}
    role: Role = values["role"]
    office: str = values["office"]
    queues = tx.rows(
        select(user_queue.c.queue).where(user_queue.c.user == values["id"]).order_by(user_queue.c.queue)
    )
    return Scope(
        user=values["id"],
        role=role,
        office=office,
        front=office in directory.front,
        queues=tuple(found.queue for found in queues if directory.may_work(office, found.queue)),
        skills=msgspec.json.decode(values["skills"], type=tuple[str, ...]),
        language=values["language"],
        name=values["name"],
    )


def touch_session(tx: Tx, signed: Signed) -> None:
    """The session was used."""
    tx.execute(update(session).where(session.c.token_hash == signed.token_hash).values(seen_at=tx.now))
    tx.change(user, signed.user, seen_at=tx.now)


def close_session(tx: Tx, token_hash: str) -> None:
    """Log out."""
    tx.execute(delete(session).where(session.c.token_hash == token_hash))


def close_sessions(tx: Tx, user_id: int, *, but: str = "") -> None:
    """End all sessions of a person, but the one with this token hash."""
    tx.execute(delete(session).where(session.c.user == user_id, session.c.token_hash != but))
