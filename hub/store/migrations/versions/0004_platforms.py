"""Comments on platforms that are not ours: how each stands there, its address, and what it answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ORPHAN = sa.text("parent_ref IS NOT NULL")


def upgrade() -> None:
    """Add the columns of a post that stands elsewhere."""
    op.add_column("post", sa.Column("standing", sa.Text))
    op.add_column("post", sa.Column("link", sa.Text, nullable=False, server_default=""))
    op.add_column("post", sa.Column("parent_ref", sa.Text))
    op.create_index(
        "post_orphan", "post", ["inbox", "parent_ref"], sqlite_where=ORPHAN, postgresql_where=ORPHAN
    )
