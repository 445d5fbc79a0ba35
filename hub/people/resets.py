"""One-time links by which a person sets their own password: random, hashed at rest, used once, valid for a day."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from hub.audit import record
from hub.people.sessions import hash_token
from hub.people.users import set_password
from hub.scope import NotFound, Scope, own_office, require
from hub.store.schema import password_reset, user
from hub.store.tx import Tx

VALID = 24 * 3_600_000_000
"""Microseconds."""


def make_reset(tx: Tx, scope: Scope, user_id: int, token: str) -> None:
    """Let whoever has ``token`` (random, 256 bits) set this person's password once. Earlier links end.

    Raises Denied, NotFound (also for a disabled account).
    """
    require(scope, "administer")
    office = tx.scalar(select(user.c.office).where(user.c.id == user_id, user.c.active.is_(True)))
    if office is None or not own_office(scope, office):
        raise NotFound("user")
    tx.execute(delete(password_reset).where(password_reset.c.user == user_id))
    values = {
        "token_hash": hash_token(token),
        "user": user_id,
        "created_at": tx.now,
        "expires_at": tx.now + VALID,
    }
    tx.execute(insert(password_reset).values(**values))
    record(tx, scope.user, "reset-link-made", f"user:{user_id}")


def spend_reset(tx: Tx, token: str, password_hash: str) -> bool:
    """Set the password behind a link; False for an unknown, used or expired one, or a disabled account."""
    taken = tx.row(
        delete(password_reset)
        .where(password_reset.c.token_hash == hash_token(token), password_reset.c.expires_at > tx.now)
        .returning(password_reset.c.user)
    )
    if taken is None or not tx.scalar(select(user.c.active).where(user.c.id == taken.user)):
        return False
    set_password(tx, taken.user, password_hash)
    record(tx, taken.user, "password-set-by-link", f"user:{taken.user}")
    return True
