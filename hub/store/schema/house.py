"""The house: ids, places in the stream, leases and nodes, cursors, and rule sets with what is tried on them."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from hub.store.schema.words import Id, Time, metadata

id_block = Table(
    "id_block",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", Id, nullable=False),
)

stream_head = Table(
    "stream_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("place", Id, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("place", Id, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("office", Text),
    Column("queue", Text),
    Column("queue_before", Text),
    Column("conversation", Id),
    Column("message", Id),
    Column("actor", Id),
    Column("version", Integer),
)

cursor = Table(
    "cursor",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Time, nullable=False),
    sqlite_with_rowid=False,
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),  # a node's boot; empty: free
    Column("fence", Id, nullable=False),  # counts takings; what was taken with a smaller one is void
    Column("expires_at", Time, nullable=False),  # by the database's clock
)

node = Table(
    "node",  # the processes that share this store
    metadata,
    Column("name", Text, primary_key=True),
    Column("boot", Text, nullable=False),  # one run of the process
    Column("home", Text, nullable=False),  # the data folder that it holds locked
    Column("roles", Text, nullable=False),  # JSON
    Column("version", Text, nullable=False),
    Column("secret", Text, nullable=False),  # a mark of its signing secret, to tell different ones
    Column("setup", Text, nullable=False),  # a mark of its configuration, to tell different ones
    Column("began_at", Time, nullable=False),
    Column("beat_at", Time, nullable=False),  # by the database's clock
    Column("health", Text, nullable=False, server_default="{}"),  # JSON: of the inboxes that it reads
)

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

ruleset = Table(
    "ruleset",  # versions that were published once; they never change but for state
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # published, retired
    Column("digest", Text, nullable=False),  # of the source, as the compiled set names its version
    Column("source", Text, nullable=False),
    Column("author", Id),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", Time, nullable=False),
    Column("published_at", Time),
    Column("origin", Text, nullable=False, server_default="file"),  # file, console, rollback
    Column("base", Integer),  # the version it was made from
    Column("approver", Id),
    Column(
        "proof", Text, nullable=False, server_default="{}"
    ),  # what lint, tests and replay said when published
)

rule_draft = Table(
    "rule_draft",  # a rule set in the making; each change raises revision
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # open, submitted, scheduled, published, discarded
    Column("base", Integer),  # the version it was made from
    Column("source", Text, nullable=False),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("author", Id),
    Column("editor", Id),  # who changed it last
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("submitted_by", Id),
    Column("approver", Id),
    Column("approved_revision", Integer),  # an approval is for one text
    Column("publish_at", Time),
    Column("version", Integer),  # what it became
    Column("proof", Text, nullable=False, server_default="{}"),  # what its checks said last
    Index("rule_draft_state", "state", "updated_at"),
)

rule_draft_change = Table(
    "rule_draft_change",  # every revision of a draft, for undo and for telling who changed what
    metadata,
    Column("draft", Id, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("author", Id),
    Column("at", Time, nullable=False),
    Column("what", Text, nullable=False),  # JSON: the kind of change and the rule it was about
    Column("source", Text, nullable=False),
)

rule_run = Table(
    "rule_run",  # a replay over messages of the past, or a shadow beside the live ones
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),  # replay, shadow
    Column("state", Text, nullable=False),  # waiting, running, done, failed, stopped
    Column("draft", Id),
    Column("revision", Integer),
    Column("version", Integer, nullable=False),  # the published one it is compared with
    Column("source", Text, nullable=False),  # of the draft as it was then
    Column("wanted", Text, nullable=False, server_default="{}"),  # JSON: days, messages, until
    Column("position", Id, nullable=False, server_default="0"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("moved", Integer, nullable=False, server_default="0"),
    Column("result", Text, nullable=False, server_default="{}"),  # JSON: tables
    Column("failure", Text, nullable=False, server_default=""),
    Column("author", Id),
    Column("node", Text, nullable=False, server_default=""),  # the process that works on it
    Column("created_at", Time, nullable=False),
    Column("finished_at", Time),
    Index("rule_run_state", "state"),
    Index("rule_run_draft", "draft"),
)

rule_run_move = Table(
    "rule_run_move",  # a message that the draft would treat otherwise
    metadata,
    Column("run", Id, primary_key=True, autoincrement=False),
    Column("trace", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("message", Id),
    Column("queue_before", Text, nullable=False),
    Column("queue_after", Text, nullable=False),
    Column(
        "data", Text, nullable=False, server_default="{}"
    ),  # JSON: every action that differs, and whose it is
    Index("rule_run_move_queues", "run", "queue_before", "queue_after"),
)

rule_hit = Table(
    "rule_hit",  # how often each rule matched, by day (UTC, days since 1970)
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("rule", Text, primary_key=True),
    Column("hits", Integer, nullable=False, server_default="0"),
    Column("at", Time),  # when it matched last on that day
    Column("faults", Integer, nullable=False, server_default="0"),  # times it could not be evaluated
    Column("fault", Text, nullable=False, server_default=""),  # why, the last time: JSON of rules.text.Text
    Column("fault_at", Time),
)
