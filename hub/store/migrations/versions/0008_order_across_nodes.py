"""Order across nodes: by when something was made, because each node draws ids from blocks of its own."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"

UNFINISHED = text("state IN ('held', 'queued', 'sending')")


def upgrade() -> None:
    """Deliveries of a lane, and snapshots of the load, are found by their time."""
    op.drop_index("delivery_lane", "delivery")
    op.create_index(
        "delivery_lane",
        "delivery",
        ["lane", "created_at", "id"],
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )
    op.create_index("load_snapshot_at", "load_snapshot", ["at"])
