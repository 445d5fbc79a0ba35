"""Surveys: what people think of how their matter was handled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table of surveys."""
    op.create_table(
        "survey",
        sa.Column("id", Id, primary_key=True, autoincrement=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("message", Id, nullable=False),
        sa.Column("contact", Id, nullable=False),
        sa.Column("office", sa.Text, nullable=False),
        sa.Column("queue", sa.Text),
        sa.Column("agent", Id),
        sa.Column("inbox", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("asked_at", Time, nullable=False),
        sa.Column("answered_at", Time),
        sa.Column("changed_at", Time),
        sa.Column("way", sa.Text),
        sa.Column("score", sa.Integer),
        sa.Column("comment", sa.Text, nullable=False, server_default=""),
        sa.Index("survey_conversation", "conversation", unique=True),
        sa.Index("survey_contact", "contact", "asked_at"),
        sa.Index("survey_period", "asked_at", "office"),
    )
