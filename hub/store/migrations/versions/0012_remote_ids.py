"""A delivery is found by what the channel calls it, also where nobody knows by which inbox it left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """The index begins with the id: reports of what is none of ours read no table whole."""
    known = sa.text("remote_id IS NOT NULL")
    op.create_index(
        "delivery_remote_id",
        "delivery",
        ["remote_id", "inbox"],
        sqlite_where=known,
        postgresql_where=known,
    )
    op.drop_index("delivery_remote", "delivery")
