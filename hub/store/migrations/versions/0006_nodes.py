"""Several processes on one store: who they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

Time = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table of nodes."""
    op.create_table(
        "node",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("home", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("setup", sa.Text, nullable=False),
        sa.Column("began_at", Time, nullable=False),
        sa.Column("beat_at", Time, nullable=False),
        sa.Column("health", sa.Text, nullable=False, server_default="{}"),
    )
