"""A second factor at log-in: its secret, the codes on paper, and who is between the password and the code."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Three tables; nobody has a second factor yet."""
    op.create_table(
        "second_factor",
        sa.Column("user", Id, primary_key=True, autoincrement=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("last_period", Id, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("confirmed_at", Time),
    )
    op.create_table(
        "paper_code",
        sa.Column("user", Id, primary_key=True, autoincrement=False),
        sa.Column("code_hash", sa.Text, primary_key=True),
    )
    op.create_table(
        "login_step",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("user", Id, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
    )
    op.create_index("login_step_user", "login_step", ["user"])
