"""The throttle of log-ins: failures are counted for each account and for each address, in the database.

An attempt is entered as failed *before* the password is checked and taken back when it was right. Counting only
afterwards would let a hundred guesses pass that are checked at the same time. Unknown logins count like known ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from limits import RateLimitItem, parse
from sqlalchemy import delete, func, select

from hub.config import Limits
from hub.store.schema import login_failure
from hub.store.tx import Tx


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """``rows`` to forget when the password is right; empty when the attempt is refused for ``wait`` seconds."""

    rows: tuple[int, ...] = ()
    wait: int = 0

    @property
    def refused(self) -> bool:
        """Whether the password must not even be looked at."""
        return self.wait > 0


def _keys(login: str, address: str) -> dict[str, str]:
    """Hashed, because a mistyped login is often a password."""
    named = {"account": login.strip().lower(), "address": address}
    return {kind: hashlib.sha256(f"{kind}\0{value}".encode()).hexdigest() for kind, value in named.items()}


def _wait(tx: Tx, key: str, rate: str) -> int:
    """Seconds until another attempt is allowed under a rate; 0: now."""
    if not rate:
        return 0
    limit: RateLimitItem = parse(rate)
    since = tx.now - limit.get_expiry() * 1_000_000
    recent = (login_failure.c.key == key, login_failure.c.at > since)
    if (tx.scalar(select(func.count()).select_from(login_failure).where(*recent)) or 0) < limit.amount:
        return 0
    oldest = (
        select(login_failure.c.at).where(*recent).order_by(login_failure.c.at.desc()).offset(limit.amount - 1)
    )
    return max(1, ((tx.scalar(oldest.limit(1)) or since) - since) // 1_000_000 + 1)


def _one_by_one(tx: Tx, keys: Iterable[str]) -> None:
    """Nobody else counts or enters an attempt under these keys until this one is committed: two that count side by side
    would not see each other's."""
    if not tx.sqlite:  # there is one writer there
        for key in sorted(keys):
            tx.execute(select(func.pg_advisory_xact_lock(int(key[:15], 16))))


def begin_attempt(tx: Tx, limits: Limits, login: str, address: str) -> Attempt:
    """Enter an attempt as failed, or refuse it. ``address`` is the peer's IP address."""
    keys = _keys(login, address)
    _one_by_one(tx, keys.values())
    waits = (
        _wait(tx, keys["account"], limits.login_per_account),
        _wait(tx, keys["address"], limits.login_per_address),
    )
    if any(waits):
        return Attempt(wait=max(waits))
    return Attempt(rows=tuple(tx.add(login_failure, {"key": key, "at": tx.now}) for key in keys.values()))


def forgive(tx: Tx, attempt: Attempt) -> None:
    """The password was right: this attempt does not count. Earlier failures stay until they are too old."""
    tx.execute(delete(login_failure).where(login_failure.c.id.in_(attempt.rows)))
