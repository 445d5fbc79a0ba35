"""The audit log: who did what to whom, each row chained to the one before by its hash.

A changed or removed row breaks the chain; so does a cut at the end, because the head (last id and hash) is kept apart.
Details name things by id; they hold no text of a citizen and no address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select, update

from hub.scope import Denied, Scope, require
from hub.store import bulk
from hub.store.schema import audit, setting
from hub.store.tx import Reader, Tx

HEAD = "audit-head"
START = "0" * 64
PAGE = 1000
"""Rows that verification reads at once."""

_json = msgspec.json.Encoder(order="deterministic").encode


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The last row, and how many there are."""

    id: int = 0
    hash: str = START
    rows: int = 0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found. ``broken``: the id of the first row that does not follow from the one before."""

    rows: int
    broken: int | None = None
    cut: bool = False

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, removed or cut off."""
        return self.broken is None and not self.cut


def _hash(
    previous: str, row_id: int, at: int, actor: int | None, action: str, subject: str, detail: str
) -> str:
    return hashlib.sha256(_json([previous, row_id, at, actor, action, subject, detail])).hexdigest()


def _locked_head(tx: Tx) -> Head:
    """The head, locked: rows of two transactions side by side would otherwise follow the same one."""
    statement = select(setting.c.value).where(setting.c.name == HEAD).with_for_update()
    stored = tx.scalar(statement)
    if stored is None:  # the very first row; two transactions may both think so
        bulk.insert_new(tx.connection, setting, ("name", "value"), [(HEAD, _json(Head()).decode())])
        stored = tx.scalar(statement)
    return msgspec.json.decode(stored, type=Head)


def record(
    tx: Tx, actor: int | None, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> int:
    """Add a row in the same transaction as what it tells about; returns its id.

    ``actor`` is a user's id, None for the hub itself. ``subject`` names a thing as ``kind:id``.
    """
    head = _locked_head(tx)
    row_id, text = tx.new_id(), _json(dict(detail or {})).decode()
    digest = _hash(head.hash, row_id, tx.now, actor, action, subject, text)
    tx.add(
        audit,
        {
            "id": row_id,
            "at": tx.now,
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": text,
            "previous": head.hash,
            "hash": digest,
        },
    )
    moved = _json(Head(id=row_id, hash=digest, rows=head.rows + 1)).decode()
    tx.execute(update(setting).where(setting.c.name == HEAD).values(value=moved))
    return row_id


def verify(tx: Reader) -> Verdict:
    """Follow the whole chain from its start to the head."""
    stored = tx.scalar(select(setting.c.value).where(setting.c.name == HEAD))
    head = msgspec.json.decode(stored, type=Head) if stored is not None else Head()
    previous, rows, by_previous = START, 0, {row.previous: row for row in _all_rows(tx)}
    while (row := by_previous.pop(previous, None)) is not None:
        if row.hash != _hash(previous, row.id, row.at, row.actor, row.action, row.subject, row.detail):
            return Verdict(rows=rows, broken=row.id)
        previous, rows = row.hash, rows + 1
    if by_previous:
        return Verdict(rows=rows, broken=min(row.id for row in by_previous.values()))
    return Verdict(rows=rows, cut=(previous, rows) != (head.hash, head.rows))


def _all_rows(tx: Reader) -> Sequence[Row[Any]]:
    return tx.rows(select(audit))


def page(tx: Reader, scope: Scope, *, before: int | None = None, limit: int = 100) -> Sequence[Row[Any]]:
    """The newest rows, or those older than ``before``. Raises Denied for all but the front office's administrators."""
    require(scope, "administer")
    if not scope.front:
        raise Denied("administer")  # it tells of all offices
    statement = select(audit).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)
    if before is not None:
        last = tx.row(select(audit.c.at, audit.c.id).where(audit.c.id == before))
        if last is not None:
            older = (audit.c.at < last.at) | ((audit.c.at == last.at) & (audit.c.id < last.id))
            statement = statement.where(older)
    return tx.rows(statement)
