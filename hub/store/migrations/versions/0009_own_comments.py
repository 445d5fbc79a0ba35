"""Own comments told by a platform are looked for among the answers that are on their way, however many ever left."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"

UNSURE = text("state IN ('sending', 'possibly-sent')")


def upgrade() -> None:
    """An index over the few deliveries whose arrival is not known."""
    op.create_index(
        "delivery_unsure", "delivery", ["inbox", "id"], sqlite_where=UNSURE, postgresql_where=UNSURE
    )
