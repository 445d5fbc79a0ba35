"""The throttle of log-ins: failures are counted for each account and for each address, in the database.

An attempt is entered as failed *before* the password is checked and taken back when it was right. Counting only
afterwards would let a hundred guesses pass that are checked at the same time. Unknown logins count like known ones.

Guessing is not done in silence: the audit log tells, once for each length of the window, that somebody met an account's
door closed, and at a log-in how many wrong attempts went before it; ``failures`` is what the metrics tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from limits import RateLimitItem, parse
from sqlalchemy import delete, func, select

from hub.audit import record
from hub.config import Limits
from hub.people.users import find_login, login_form
from hub.store.schema import login_failure
from hub.store.tx import Reader, Tx

RECENT = 900_000_000
"""Microseconds for which the metrics count."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """``rows`` to forget when the password is right; empty when the attempt is refused for ``wait`` seconds.

    ``failed``: how many to this account went wrong within the window before it."""

    rows: tuple[int, ...] = ()
    wait: int = 0
    failed: int = 0

    @property
    def refused(self) -> bool:
        """Whether the password must not even be looked at."""
        return self.wait > 0


def _key(kind: str, value: str) -> str:
    """Hashed, because a mistyped login is often a password."""
    return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()}"


def _recent(tx: Tx, key: str, rate: str) -> tuple[int, int]:
    """How many failures count against a rate, and the seconds until another attempt is allowed; 0: now."""
    if not rate:
        return 0, 0
    limit: RateLimitItem = parse(rate)
    since = tx.now - limit.get_expiry() * 1_000_000
    recent = (login_failure.c.key == key, login_failure.c.at > since)
    count = tx.scalar(select(func.count()).select_from(login_failure).where(*recent)) or 0
    if count < limit.amount:
        return count, 0
    oldest = (
        select(login_failure.c.at).where(*recent).order_by(login_failure.c.at.desc()).offset(limit.amount - 1)
    )
    return count, max(1, ((tx.scalar(oldest.limit(1)) or since) - since) // 1_000_000 + 1)


def _one_by_one(tx: Tx, keys: Iterable[str]) -> None:
    """Nobody else counts or enters an attempt under these keys until this one is committed: two that count side by side
    would not see each other's."""
    if not tx.sqlite:  # there is one writer there
        for key in sorted(keys):
            tx.execute(select(func.pg_advisory_xact_lock(int(key.partition(":")[2][:15], 16))))


def begin_attempt(tx: Tx, limits: Limits, login: str, address: str) -> Attempt:
    """Enter an attempt as failed, or refuse it. ``address`` is the peer's IP address."""
    account, peer = _key("account", login_form(login)), _key("address", address)
    _one_by_one(tx, (account, peer))
    failed, wait = _recent(tx, account, limits.login_per_account)
    if wait:
        _tell(tx, limits, login)
    wait = max(wait, _recent(tx, peer, limits.login_per_address)[1])
    if wait:
        return Attempt(wait=wait, failed=failed)
    rows = tuple(tx.add(login_failure, {"key": key, "at": tx.now}) for key in (account, peer))
    return Attempt(rows=rows, failed=failed)


def _tell(tx: Tx, limits: Limits, login: str) -> None:
    """Note in the audit log that an account is closed. Of a login that nobody has there is nothing to note, but as much
    is written, or the time of the answer would say that nobody has it."""
    told = _key("told", login_form(login))
    if _recent(tx, told, limits.login_per_account)[0]:
        return
    tx.add(login_failure, {"key": told, "at": tx.now})
    if (found := find_login(tx, login)) is not None:
        record(tx, None, "log-in-closed", f"user:{found.id}")


def failures(tx: Reader) -> int:
    """Attempts within :data:`RECENT` that were not taken back: wrong passwords and codes."""
    accounts = (login_failure.c.key.startswith("account:"), login_failure.c.at > tx.now - RECENT)
    return tx.scalar(select(func.count()).select_from(login_failure).where(*accounts)) or 0


def forgive(tx: Tx, attempt: Attempt) -> None:
    """The password was right: this attempt does not count. Earlier failures stay until they are too old."""
    tx.execute(delete(login_failure).where(login_failure.c.id.in_(attempt.rows)))
