"""The draft of a new conversation keeps from where and in which queue; each draft keeps what is typed half."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Columns for what programs before leave empty."""
    for name in ("half_typed", "inbox", "queue"):
        op.add_column("draft", sa.Column(name, sa.Text))
