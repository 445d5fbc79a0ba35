"""A notification names the rules that call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """A column for the ids of the rules; what was told before has none."""
    op.add_column("notification", sa.Column("rules", sa.Text))
