"""Rule sets that are made in the console: drafts, changes, replays, hits. Who asked for silence; what a day may
cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add columns to the versions, and the new tables."""
    op.add_column("ruleset", sa.Column("origin", sa.Text, nullable=False, server_default="file"))
    op.add_column("ruleset", sa.Column("base", sa.Integer))
    op.add_column("ruleset", sa.Column("approver", Id))
    op.add_column("ruleset", sa.Column("proof", sa.Text, nullable=False, server_default="{}"))
    op.create_index("trace_at", "trace", ["at", "id"])
    op.create_table(
        "rule_draft",
        sa.Column("id", Id, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("base", sa.Integer),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
        sa.Column("author", Id),
        sa.Column("editor", Id),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("submitted_by", Id),
        sa.Column("approver", Id),
        sa.Column("approved_revision", sa.Integer),
        sa.Column("publish_at", Time),
        sa.Column("version", sa.Integer),
        sa.Column("proof", sa.Text, nullable=False, server_default="{}"),
        sa.Index("rule_draft_state", "state", "updated_at"),
    )
    op.create_table(
        "rule_draft_change",
        sa.Column("draft", Id, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("author", Id),
        sa.Column("at", Time, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_table(
        "rule_run",
        sa.Column("id", Id, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("draft", Id),
        sa.Column("revision", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text, nullable=False, server_default="{}"),
        sa.Column("position", Id, nullable=False, server_default="0"),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("total", sa.Integer, nullable=False, server_default="0"),
        sa.Column("moved", sa.Integer, nullable=False, server_default="0"),
        sa.Column("result", sa.Text, nullable=False, server_default="{}"),
        sa.Column("failure", sa.Text, nullable=False, server_default=""),
        sa.Column("author", Id),
        sa.Column("node", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("finished_at", Time),
        sa.Index("rule_run_state", "state"),
        sa.Index("rule_run_draft", "draft"),
    )
    op.create_table(
        "rule_run_move",
        sa.Column("run", Id, primary_key=True, autoincrement=False),
        sa.Column("trace", Id, primary_key=True, autoincrement=False),
        sa.Column("conversation", Id, nullable=False),
        sa.Column("message", Id),
        sa.Column("queue_before", sa.Text, nullable=False),
        sa.Column("queue_after", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False, server_default="{}"),
        sa.Index("rule_run_move_queues", "run", "queue_before", "queue_after"),
    )
    op.create_table(
        "rule_hit",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("hits", sa.Integer, nullable=False, server_default="0"),
        sa.Column("at", Time),
        sa.Column("faults", sa.Integer, nullable=False, server_default="0"),
        sa.Column("fault", sa.Text, nullable=False, server_default=""),
        sa.Column("fault_at", Time),
    )
    op.add_column("identity", sa.Column("silent_since", Time))
    op.create_table(
        "budget",
        sa.Column("inbox", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
    )
