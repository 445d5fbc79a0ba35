"""Tokens of integrations: random, hashed at rest, each acting in the name of an account that nobody can log in with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import Row, select

from hub.audit import record
from hub.directory import Directory
from hub.i18n import mark as N_
from hub.people.presence import AGENT_GONE
from hub.people.sessions import hash_token, scope_of_row
from hub.people.users import NO_NAME, NO_OFFICE
from hub.scope import Conflict, NotFound, Scope, own_office, require
from hub.store.schema import api_token, user
from hub.store.tx import Reader, Tx
from hub.timers import set_timer

Grant = Literal["read", "write", "stream", "rules", "publish"]
GRANTS: tuple[Grant, ...] = get_args(Grant)

GRANT_NAMES: dict[Grant, str] = {
    "read": N_("Read conversations"),
    "write": N_("Reply, note, assign, transfer, set the status"),
    "stream": N_("Follow the stream of events"),
    "rules": N_("Read the routing rules, make and check drafts"),
    "publish": N_("Publish routing rules and take them back"),
}

PREFIX = "ctl_"
"""By which secret scanners and people recognise a token."""

INTEGRATION = "api#"
"""What the logins of integrations begin with, and those of people never."""

NO_GRANT = N_("Choose at least one thing that it may do.")


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind a request to the API."""

    token: int
    grants: tuple[Grant, ...]
    scope: Scope


def make_token(
    tx: Tx, scope: Scope, directory: Directory, *, name: str, office: str, grants: Sequence[str], token: str
) -> int:
    """Let whoever has ``token`` (random, 256 bits) use the API for an office; returns its id.

    Raises Denied, Conflict.
    """
    require(scope, "administer")
    if not name.strip():
        raise Conflict(NO_NAME)
    if office not in directory.offices or not own_office(scope, office):
        raise Conflict(NO_OFFICE)
    kept = [grant for grant in GRANTS if grant in grants]
    if not kept:
        raise Conflict(NO_GRANT)
    number = tx.new_id()
    account = tx.add(user, _account(tx, number, name.strip(), office))
    row = {"id": number, "name": name.strip(), "token_hash": hash_token(token), "user": account}
    tx.add(api_token, {**row, "scopes": msgspec.json.encode(kept).decode(), "created_at": tx.now})
    record(tx, scope.user, "token-made", f"token:{number}", {"office": office, "grants": kept})
    return number


def _account(tx: Tx, number: int, name: str, office: str) -> dict[str, Any]:
    """``#`` cannot be typed as a login, and there is no password."""
    return {
        "login": f"{INTEGRATION}{number}",
        "name": name,
        "role": "agent",
        "office": office,
        "language": "en",
        "active": True,
        "presence": "offline",
        "presence_at": tx.now,
        "created_at": tx.now,
    }


def revoke_token(tx: Tx, scope: Scope, token_id: int) -> None:
    """It works no more. Raises Denied, NotFound."""
    require(scope, "administer")
    row = tx.locked(api_token, token_id)
    if row is None or not own_office(scope, tx.scalar(select(user.c.office).where(user.c.id == row.user))):
        raise NotFound("token")
    if row.revoked_at is None:
        tx.change(api_token, token_id, revoked_at=tx.now)
        tx.change(user, row.user, active=False)
        set_timer(tx, AGENT_GONE, row.user, tx.now)  # what it had in hand goes back to the queues
        record(tx, scope.user, "token-revoked", f"token:{token_id}")


def list_tokens(tx: Reader, scope: Scope) -> Sequence[Row[Any]]:
    """All, the newest first, without anything secret. Raises Denied."""
    require(scope, "administer")
    t = api_token.c
    statement = (
        select(t.id, t.name, t.scopes, t.created_at, t.revoked_at, user.c.office)
        .join(user, user.c.id == t.user)
        .order_by(t.revoked_at.is_not(None), t.id.desc())
    )
    return [row for row in tx.rows(statement) if own_office(scope, row.office)]


def is_person(tx: Reader, user_id: int | None) -> bool:
    """Whether an account is somebody's who sits at the console, and no integration's."""
    login = tx.scalar(select(user.c.login).where(user.c.id == user_id))
    return login is not None and not str(login).startswith(INTEGRATION)


def grants_of(row: Row[Any]) -> tuple[Grant, ...]:
    """What a listed token may do."""
    return msgspec.json.decode(row.scopes, type=tuple[Grant, ...])


def find_bearer(tx: Reader, directory: Directory, token: str) -> Bearer | None:
    """Whose token this is; None for an unknown or revoked one."""
    t = api_token.c
    statement = (
        select(t.id, t.scopes, user)
        .join(user, user.c.id == t.user)
        .where(t.token_hash == hash_token(token), t.revoked_at.is_(None), user.c.active.is_(True))
    )
    row = tx.execute(statement).mappings().first()
    if row is None:
        return None
    grants = msgspec.json.decode(row[t.scopes], type=tuple[Grant, ...])
    return Bearer(token=row[t.id], grants=grants, scope=scope_of_row(tx, directory, row))
