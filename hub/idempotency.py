"""Calls that take effect once: the key, a hash of the request and the answer commit together with the effect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.schema import idempotency
from hub.store.tx import Tx

LONGEST_KEY = 200


class KeyReused(Exception):
    """The same key came with another request."""


class KeyRunning(Exception):
    """The call that first had this key has not answered yet."""


def request_hash(*parts: bytes) -> str:
    """What makes two requests the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def once(tx: Tx, actor: str, key: str, request: str, work: Callable[[Tx], str]) -> tuple[str, bool]:
    """The answer of ``work``, and whether it is a repeated one.

    ``actor`` keeps the keys of different callers apart; ``request`` is a :func:`request_hash`. What ``work`` raises
    undoes all of it, the key included. Raises KeyReused, KeyRunning.
    """
    i = idempotency
    row = {"actor": actor, "key": key, "request_hash": request, "response": None, "at": tx.now}
    dialect = sqlite if tx.sqlite else postgresql
    # On PostgreSQL a second call waits here until the first has committed, and then finds its row.
    new = tx.execute(dialect.insert(i).values(**row).on_conflict_do_nothing())
    if not new.rowcount:
        before = tx.row(select(i.c.request_hash, i.c.response).where(i.c.actor == actor, i.c.key == key))
        if before is None or before.response is None:
            raise KeyRunning
        if before.request_hash != request:
            raise KeyReused
        return before.response, True
    response = work(tx)
    tx.execute(update(i).where(i.c.actor == actor, i.c.key == key).values(response=response))
    return response, False
