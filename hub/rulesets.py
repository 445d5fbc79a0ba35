"""Versions of the rule set: what was published and when, so that a trace can be explained with its own rules."""

from __future__ import annotations

from sqlalchemy import func, select, update

from hub.store import schema
from hub.store.tx import Reader, Tx

ruleset = schema.ruleset


def publish(tx: Tx, digest: str, source: str, note: str = "") -> int:
    """Make a rule set the published one and return its number; the same text published again keeps its number."""
    known = tx.row(select(ruleset.c.version, ruleset.c.state).where(ruleset.c.digest == digest))
    if known is not None and known.state == "published":
        return int(known.version)
    tx.execute(update(ruleset).where(ruleset.c.state == "published").values(state="retired"))
    if known is not None:
        again = update(ruleset).where(ruleset.c.version == known.version)
        tx.execute(again.values(state="published", published_at=tx.now))
        return int(known.version)
    version = int(tx.scalar(select(func.coalesce(func.max(ruleset.c.version), 0)))) + 1
    values = {
        "version": version,
        "state": "published",
        "digest": digest,
        "source": source,
        "note": note,
        "created_at": tx.now,
        "published_at": tx.now,
    }
    tx.execute(ruleset.insert().values(values))
    return version


def source_of(tx: Reader, version: int) -> str | None:
    """The text of a published version."""
    found: str | None = tx.scalar(select(ruleset.c.source).where(ruleset.c.version == version))
    return found
