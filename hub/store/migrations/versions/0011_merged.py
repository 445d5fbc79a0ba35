"""What was merged into a conversation is found along an index: every page of a conversation asks for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """An index of the few conversations that were merged into another."""
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "conversation_merged",
        "conversation",
        ["merged_into"],
        sqlite_where=merged,
        postgresql_where=merged,
    )
