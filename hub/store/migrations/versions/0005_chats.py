"""Live chats: who talks to us now, and where they want answers once they have left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.BigInteger().with_variant(sa.Integer, "sqlite")

PRESENT = sa.text("ended_at IS NULL AND left_at IS NULL")
ANSWERED = sa.text("answered_at IS NOT NULL")


def upgrade() -> None:
    """Add the table of chats."""
    op.create_table(
        "chat",
        sa.Column("id", Id, primary_key=True, autoincrement=False),
        sa.Column("inbox", sa.Text, nullable=False),
        sa.Column("visitor", sa.Text, nullable=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("email", sa.Text, nullable=False, server_default=""),
        sa.Column("phone", sa.Text, nullable=False, server_default=""),
        sa.Column("page", sa.Text, nullable=False, server_default=""),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("began_at", Time, nullable=False),
        sa.Column("answered_at", Time),
        sa.Column("left_at", Time),
        sa.Column("closes_at", Time),
        sa.Column("ended_at", Time),
        sa.Column("ended_by", sa.Text),
        sa.Column("transcripts", sa.Integer, nullable=False, server_default="0"),
        sa.Index("chat_visitor", "inbox", "visitor", unique=True),
        sa.Index("chat_conversation", "conversation"),
        sa.Index("chat_present", "conversation", sqlite_where=PRESENT, postgresql_where=PRESENT),
        sa.Index("chat_answered", "answered_at", sqlite_where=ANSWERED, postgresql_where=ANSWERED),
    )
