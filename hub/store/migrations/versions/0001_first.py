"""The schema of the first release. New databases are made whole from the schema, so there is nothing to change."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: it is where later revisions start."""
