"""Reading and changing one comment's row, so that every change moves its revision and is told to the stream."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from hub.moderation.placing import decode_reasons, encode_reasons
from hub.scope import NotFound, Scope, own_office
from hub.store import schema
from hub.store.tx import Reader, Tx

post, article, identity = schema.post, schema.article, schema.identity


def locked_post(tx: Tx, number: int) -> Row[Any]:
    """A comment's row, locked. Raises NotFound."""
    row = tx.locked(post, number)
    if row is None:
        raise NotFound("comment")
    return row


def workable(tx: Tx, scope: Scope, number: int) -> Row[Any]:
    """A comment's row, locked, if it is of an office that is this actor's business. Raises NotFound."""
    row = locked_post(tx, number)
    if not own_office(scope, row.office):
        raise NotFound("comment")
    return row


def article_of(tx: Reader, row: Row[Any]) -> Row[Any]:
    """The article under which a comment stands."""
    found = tx.get(article, row.article)
    if found is None:
        raise NotFound("article")
    return found


def change(tx: Tx, row: Row[Any], actor: int | None = None, **values: Any) -> int:
    """Change a comment, move its revision (returned) and emit ``post``."""
    revision: int = row.revision + 1
    tx.change(post, row.id, revision=revision, **values)
    tx.emit(
        "post",
        office=row.office,
        conversation=row.conversation,
        message=row.id,
        actor=actor,
        version=revision,
    )
    return revision


def onto_bench(tx: Tx, row: Row[Any], *reasons: str) -> dict[str, Any]:
    """Values that put a comment on the bench for further reasons; one that waits there keeps its place."""
    all_reasons = tuple(dict.fromkeys([*decode_reasons(row.hold_reasons), *reasons]))
    return {
        "hold_reasons": encode_reasons(all_reasons),
        "waiting_at": row.waiting_at if row.waiting_at is not None else tx.now,
    }


OFF_BENCH: dict[str, Any] = {
    "hold_reasons": "[]",
    "waiting_at": None,
    "urgent": False,
    "claimed_by": None,
    "claimed_until": None,
}
"""Values of a comment that nobody needs to look at."""


def identity_of(tx: Reader, kind: str, address: str) -> int | None:
    """The id of an identity, or None."""
    known = select(identity.c.id).where(identity.c.kind == kind, identity.c.address == address)
    found: int | None = tx.scalar(known)
    return found
