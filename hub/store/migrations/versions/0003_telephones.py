"""Telephones: the extension of each account, and which calls are still to be noted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TO_NOTE = sa.text("kind = 'call' AND state IN ('ringing', 'answered', 'ended')")
GIVEN = sa.text("extension <> ''")


def upgrade() -> None:
    """Add the extension of an account and the two indexes."""
    op.add_column("user_account", sa.Column("extension", sa.Text, nullable=False, server_default=""))
    op.create_index(
        "user_extension", "user_account", ["extension"], sqlite_where=GIVEN, postgresql_where=GIVEN
    )
    op.create_index(
        "message_call", "message", ["author", "at"], sqlite_where=TO_NOTE, postgresql_where=TO_NOTE
    )
