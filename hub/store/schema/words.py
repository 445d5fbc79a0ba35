"""What all tables are made of: ids and times of both engines, and conditions that several indexes share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, text

metadata = MetaData()

# "INTEGER PRIMARY KEY" is the row id itself on SQLite; BIGINT there would be a second b-tree.
Id = BigInteger().with_variant(Integer, "sqlite")
Time = BigInteger().with_variant(Integer, "sqlite")

FALSE = text("false")
"""Server default that both engines read as a boolean (SQLite since 3.23)."""


def where(condition: str) -> dict[str, Any]:
    """A partial index's condition for both engines."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


RANK = text("(-priority)")
"""Highest priority first in an ascending index, so that a page can begin behind a row's whole key."""

WAIT = text("(coalesce(waiting_since, 9007199254740991))")
"""Who waits longest first; those who wait for nothing come last on both engines."""

LISTED = "listed AND merged_into IS NULL"
KIND = ("status", "listed", "merged_into")
"""At the end of small indexes, so that counting what they hold reads no row."""

MINE = "assignee IS NOT NULL AND status IN ('open', 'waiting-office')"
"""What an assignee must do something about; the rest waits in views of its own."""

FREE = "assignee IS NULL AND (status = 'open' OR (status = 'waiting-office' AND tier = 3))"
"""Somebody may take it. What waits for a county office is that office's own work."""

UNSURE = "state IN ('sending', 'possibly-sent')"
"""Of a delivery: it may have arrived, and nobody has said so yet."""

OPEN_CALL = "state NOT IN ('done', 'unreachable', 'cancelled', 'expired', 'rejected')"
"""Of a callback: it is not over. One number has one such."""

PENDING = "state IN ('waiting', 'running')"
"""Of an effect: it is still to be carried out."""
