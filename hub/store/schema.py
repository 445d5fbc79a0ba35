"""Every table, once, for both engines (SQLAlchemy Core).

Ids are integers below 2^53 that the hub hands out (see ``tx.Ids``); times are integer microseconds UTC;
JSON is text. Office, queue, team and inbox are ids from the configuration, which is their only home.
List indexes begin with office, queue, status, because every query is scoped by them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData()

# "INTEGER PRIMARY KEY" is the row id itself on SQLite; BIGINT there would be a second b-tree.
Id = BigInteger().with_variant(Integer, "sqlite")
Time = BigInteger().with_variant(Integer, "sqlite")

FALSE = text("false")
"""Server default that both engines read as a boolean (SQLite since 3.23)."""


def _where(condition: str) -> dict[str, Any]:
    """A partial index's condition for both engines."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


RANK = text("(-priority)")
"""Highest priority first in an ascending index, so that a page can begin behind a row's whole key."""

WAIT = text("(coalesce(waiting_since, 9007199254740991))")
"""Who waits longest first; those who wait for nothing come last on both engines."""

LISTED = "listed AND merged_into IS NULL"
KIND = ("status", "listed", "merged_into")
"""At the end of small indexes, so that counting what they hold reads no row."""

MINE = "assignee IS NOT NULL AND status IN ('open', 'waiting-office')"
"""What an assignee must do something about; the rest waits in views of its own."""

FREE = "assignee IS NULL AND (status = 'open' OR (status = 'waiting-office' AND tier = 3))"
"""Somebody may take it. What waits for a county office is that office's own work."""


# --- the house -------------------------------------------------------------------------------------------------

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

# --- intake ----------------------------------------------------------------------------------------------------

raw = Table(
    "raw",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inbox", Text, nullable=False),
    Column("received_at", Time, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("content", LargeBinary),
    Column("blob", Id),
    Column("state", Text, nullable=False),  # ok, quarantined, parsed-again
    Column("error", Text),
    Index("raw_quarantined", "received_at", **_where("state = 'quarantined'")),
)

seen = Table(
    "seen",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("conversation", Id),
    Column("message", Id),
    Column("at", Time, nullable=False),
    sqlite_with_rowid=False,
)

parked = Table(
    "parked",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inbox", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("inbound", LargeBinary, nullable=False),
    Column("raw", Id),
    Column("at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("parked_target", "inbox", "target"),
    Index("parked_expiry", "expires_at"),
)

thread_key = Table(
    "thread_key",
    metadata,
    Column("key", Text, primary_key=True),
    Column("conversation", Id, nullable=False),
    Column("at", Time, nullable=False),
    sqlite_with_rowid=False,
)

blob = Table(
    "blob",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("owner", Id),
    Column("size", Id, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("place", Text, nullable=False),  # row, file, chunks
    Column("name", Text),  # of the file: random, says nothing
    Column("content", LargeBinary),
    Column("created_at", Time, nullable=False),
    Index("blob_unowned", "created_at", **_where("owner IS NULL")),
)

blob_chunk = Table(
    "blob_chunk",
    metadata,
    Column("blob", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

# --- people who write ------------------------------------------------------------------------------------------

contact = Table(
    "contact",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False, server_default=""),
    Column("attributes", Text, nullable=False, server_default="{}"),
    Column("note", Text, nullable=False, server_default=""),
    Column("merged_into", Id),
    Column("created_at", Time, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
)

identity = Table(
    "identity",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("contact", Id, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("verified", Boolean, nullable=False),
    Column("blocked_reason", Text),
    Column("blocked_until", Time),
    Column("created_at", Time, nullable=False),
    Column("silent_since", Time),  # they asked not to be written to (STOP)
    Index("identity_address", "kind", "address", unique=True),
    Index("identity_contact", "contact"),
)

contact_merge = Table(
    "contact_merge",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("survivor", Id, nullable=False),
    Column("absorbed", Id, nullable=False),
    Column("moved", Text, nullable=False),  # JSON: identities and conversations that moved
    Column("actor", Id),
    Column("at", Time, nullable=False),
    Column("undone_at", Time),
)

# --- conversations ---------------------------------------------------------------------------------------------

conversation = Table(
    "conversation",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("reference", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("queue", Text),
    Column("status", Text, nullable=False),  # open, waiting-citizen, waiting-office, snoozed, resolved, spam
    Column("priority", Integer, nullable=False),  # a value of rules.decision.PRIORITIES
    Column("tier", Integer, nullable=False),
    Column("owner", Id),
    Column("assignee", Id),
    Column("contact", Id, nullable=False),
    Column("identity", Id, nullable=False),
    Column("inbox", Text, nullable=False),  # of the last inbound message: where a reply leaves
    Column("channel", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("preview", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("tags", Text, nullable=False),  # JSON list
    Column("topic", Text),
    Column("outcome", Text),
    Column("messages", Integer, nullable=False),  # number of the last message
    Column("version", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("activity_at", Time, nullable=False),
    Column("inbound_at", Time),
    Column("waiting_since", Time),  # the citizen waits for us since then
    Column("due_at", Time),  # when the answer is due
    Column("first_reply_at", Time),
    Column("resolved_at", Time),
    Column("snoozed_until", Time),
    Column("woken", Text),  # why it woke: time, message, failed-delivery
    Column("failed", Boolean, nullable=False, server_default=FALSE),  # a reply failed
    Column("listed", Boolean, nullable=False),  # false: comments that no queue asked for
    Column("quarantined", Boolean, nullable=False, server_default=FALSE),
    Column("suspicious", Text),
    Column("suggested_office", Text),
    Column("protocol", Text),  # the distress protocol that agents see first
    Column("possible_duplicate", Id),
    Column("previous", Id),
    Column("merged_into", Id),
    Index("conversation_reference", "reference", unique=True),
    # A queue as people work it: the highest priority first, then who waits longest, then those who do not wait.
    Index(
        "conversation_list",
        *("office", "queue", "status", RANK, WAIT, "id"),
        **_where(LISTED),
    ),
    Index("conversation_free", "queue", RANK, WAIT, "id", **_where(f"{LISTED} AND {FREE}")),
    # Lists by last activity: for those who see everything, for one office, for the editorial team.
    Index("conversation_recent", "status", "activity_at", "id", **_where(LISTED)),
    Index("conversation_by_office", "office", "status", "activity_at", "id", **_where(LISTED)),
    Index(
        "conversation_comments", "status", "activity_at", "id", **_where(f"{LISTED} AND channel = 'comments'")
    ),
    Index("conversation_assignee", "assignee", "status", "activity_at", **_where("assignee IS NOT NULL")),
    Index("conversation_mine", "assignee", "status", RANK, WAIT, "id", **_where(f"{LISTED} AND {MINE}")),
    Index("conversation_owner", "owner", "status", "activity_at", **_where("owner IS NOT NULL")),
    Index("conversation_snoozed", "snoozed_until", "id", *KIND, **_where("snoozed_until IS NOT NULL")),
    Index("conversation_woken", "activity_at", "id", **_where("woken IS NOT NULL")),
    Index("conversation_contact", "contact", "activity_at"),
    Index("conversation_due", "due_at", "id", *KIND, **_where("due_at IS NOT NULL")),
    Index("conversation_quarantined", "activity_at", **_where("quarantined")),
    Index("conversation_failed", "activity_at", "id", *KIND, **_where("failed")),
)

message = Table(
    "message",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),  # inbound, outbound, note, call, system
    Column("channel", Text, nullable=False),
    Column("inbox", Text),
    Column("identity", Id),
    Column("author", Id),  # the user who wrote it
    Column("at", Time, nullable=False),
    Column("sent_at", Time),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("full_text", Text),  # null: the same as text
    Column("html", Text),
    Column("recipients", Text, nullable=False),  # JSON list of contract.Recipient
    Column("external_id", Text),
    Column("automatic", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("raw", Id),
    Column("client_id", Text),
    Column("reply_to", Id),
    Column("state", Text),  # outbound: derived from its deliveries; call: see hub.phone.states
    Column(
        "data", Text, nullable=False, server_default="{}"
    ),  # form fields, system line parameters, reactions
    Column("edited_at", Time),
    Column("deleted_at", Time),
    Index("message_number", "conversation", "number", unique=True),
    Index("message_client", "author", "client_id", unique=True, **_where("client_id IS NOT NULL")),
    # Calls that go on, and those whose topic and outcome are still to be noted.
    Index(
        "message_call",
        "author",
        "at",
        **_where("kind = 'call' AND state IN ('ringing', 'answered', 'ended')"),
    ),
)

attachment = Table(
    "attachment",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("message", Id),  # null while it belongs to a draft
    Column("draft", Id),
    Column("position", Integer, nullable=False),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Id, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("blob", Id),
    Column("remote", Text),
    Column("inline", Boolean, nullable=False),
    Column("content_id", Text, nullable=False),
    Index("attachment_message", "message"),
    Index("attachment_draft", "draft", **_where("draft IS NOT NULL")),
)

trace = Table(
    "trace",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("message", Id),
    Column("at", Time, nullable=False),
    Column("version", Integer, nullable=False),
    Column("facts", LargeBinary, nullable=False),  # without the texts (the message holds them) and the load
    Column("load", Id),
    Column("data", LargeBinary, nullable=False),
    Index("trace_conversation", "conversation"),
    Index("trace_at", "at", "id"),  # ids of several processes are not in the order of time
)

load_snapshot = Table(
    "load_snapshot",  # queue load and agents on duty as decisions saw them; many traces share one
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("data", Text, nullable=False),
    Index(
        "load_snapshot_at", "at"
    ),  # ids do not tell which is the newest: nodes draw them from blocks of their own
)

conversation_office = Table(
    "conversation_office",  # offices that were asked about it, the present one included
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("office", Text, primary_key=True),
    Column("at", Time, nullable=False),
    Column("due_at", Time),
    Index("conversation_office_asked", "office", "at"),
)

access_grant = Table(
    "access_grant",  # matters of other offices that somebody opened with a reason; a timer ends each
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("user", Id, nullable=False),
    Column("conversation", Id, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Time, nullable=False),
    Index("access_grant_user", "user", "conversation"),
)

search_doc = Table(
    "search_doc",  # folded words of each message; migrate.py adds the engine's own index over them
    metadata,
    Column("message", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("words", Text, nullable=False),
    Column(
        "reach", Text, nullable=False
    ),  # marks of the offices and the channel, to narrow a search by scope
    Index("search_doc_conversation", "conversation"),
)

conversation_link = Table(
    "conversation_link",
    metadata,
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("other", Id, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),  # continuation, previous
    Column("at", Time, nullable=False),
)

conversation_merge = Table(
    "conversation_merge",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("survivor", Id, nullable=False),
    Column("absorbed", Id, nullable=False),
    Column("moved", Text, nullable=False),  # JSON: what moved and how it was
    Column("actor", Id),
    Column("at", Time, nullable=False),
    Column("undone_at", Time),
    Index("conversation_merge_survivor", "survivor"),
)

conversation_read = Table(
    "conversation_read",
    metadata,
    Column("user", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)

timer = Table(
    "timer",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),  # snooze, callback, owner-check, agent-gone, sweep, …
    Column("subject", Id, nullable=False),  # the conversation, callback or user it is about
    Column("due_at", Time, nullable=False),
    Column("state", Text, nullable=False),  # waiting, done, cancelled
    Column("data", Text, nullable=False, server_default="{}"),
    Index("timer_due", "due_at", **_where("state = 'waiting'")),
    Index("timer_subject", "kind", "subject", unique=True, **_where("state = 'waiting'")),
)

survey = Table(
    "survey",  # a person was asked what they think of how their matter was handled; once for a conversation
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("conversation", Id, nullable=False),
    Column("message", Id, nullable=False),  # the question
    Column("contact", Id, nullable=False),
    Column("office", Text, nullable=False),  # of the conversation when it was asked, as are queue and agent
    Column("queue", Text),
    Column("agent", Id),
    Column("inbox", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("asked_at", Time, nullable=False),
    Column("answered_at", Time),  # first
    Column("changed_at", Time),
    Column("way", Text),  # how it was answered first: button, reply, page
    Column("score", Integer),  # 1 to 5
    Column("comment", Text, nullable=False, server_default=""),
    Index("survey_conversation", "conversation", unique=True),
    Index("survey_contact", "contact", "asked_at"),
    Index("survey_period", "asked_at", "office"),
)

# --- the way out -----------------------------------------------------------------------------------------------

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("message", Id, nullable=False),
    Column("conversation", Id, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("lane", Text, nullable=False),  # conversation and destination: in order within it
    Column("destination", Text, nullable=False),  # what a breaker watches: inbox and the peer's domain
    Column("recipients", Text, nullable=False),  # JSON list of contract.Recipient
    Column("state", Text, nullable=False),
    Column("due_at", Time, nullable=False),
    Column("give_up_at", Time, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("remote_id", Text),
    Column("reason", Text),
    Column("created_at", Time, nullable=False),  # also its turn in its lane; see outbox.queue
    Column("updated_at", Time, nullable=False),
    Index("delivery_due", "due_at", **_where("state IN ('held', 'queued')")),
    Index("delivery_lane", "lane", "created_at", "id", **_where("state IN ('held', 'queued', 'sending')")),
    Index("delivery_sending", "lane", unique=True, **_where("state = 'sending'")),
    Index("delivery_message", "message"),
    Index("delivery_remote", "inbox", "remote_id", **_where("remote_id IS NOT NULL")),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("delivery", Id, nullable=False),
    Column("number", Integer, nullable=False),
    Column("node", Text, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("send_by", Time, nullable=False),
    Column("finished_at", Time),
    Column("outcome", Text),  # accepted, delivered, temporary, permanent, throttled, ambiguous
    Column("public_text", Text),
    Column("private_reason", Text),
    Index("attempt_delivery", "delivery", "number", unique=True),
    Index("attempt_open", "send_by", **_where("finished_at IS NULL")),
)

effect = Table(
    "effect",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),  # answer, notify, webhook, fetch, confirm
    Column("key", Text),  # what may happen only once ("answer:IDENTITY:DAY")
    Column("conversation", Id),
    Column("message", Id),
    Column("state", Text, nullable=False),  # waiting, running, done, failed, skipped
    Column("due_at", Time, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("error", Text),
    Column("created_at", Time, nullable=False),
    Index("effect_key", "key", unique=True, **_where("key IS NOT NULL")),
    Index("effect_due", "due_at", **_where("state IN ('waiting', 'running')")),
)

# --- live chats ------------------------------------------------------------------------------------------------

chat = Table(
    "chat",  # a visitor of a chat inbox and the conversation that they have
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inbox", Text, nullable=False),
    Column("visitor", Text, nullable=False),  # their address: random, known to their browser alone
    Column("conversation", Id, nullable=False),
    Column("email", Text, nullable=False, server_default=""),  # where answers go once they have left
    Column("phone", Text, nullable=False, server_default=""),
    Column("page", Text, nullable=False, server_default=""),  # address of the page they wrote from
    Column(
        "place", Integer, nullable=False
    ),  # in the line when it began: what expected waits are counted from
    Column("began_at", Time, nullable=False),
    Column("answered_at", Time),  # when one of us wrote first since then
    Column("left_at", Time),
    Column("closes_at", Time),  # the visitor was warned that silence closes it then
    Column("ended_at", Time),
    Column("ended_by", Text),  # visitor, silence
    Column("transcripts", Integer, nullable=False, server_default="0"),
    Index("chat_visitor", "inbox", "visitor", unique=True),
    Index("chat_conversation", "conversation"),
    Index("chat_present", "conversation", **_where("ended_at IS NULL AND left_at IS NULL")),
    Index("chat_answered", "answered_at", **_where("answered_at IS NOT NULL")),
)

# --- comments --------------------------------------------------------------------------------------------------

article = Table(
    "article",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("inbox", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("section", Text, nullable=False),
    Column("site", Text, nullable=False, server_default="pre"),  # the site's way, as its last comment said it
    Column("moderation", Text),  # pre, post, closed; null: as the site says
    Column("created_at", Time, nullable=False),
    Index("article_key", "inbox", "key", unique=True),
)

post = Table(
    "post",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # the message's id
    Column("conversation", Id, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("article", Id, nullable=False),
    Column("parent", Id),
    Column("path", Text, nullable=False),  # ids of its ancestors and itself, fixed width: thread order
    Column("author", Id),  # identity; null: the office
    Column("author_name", Text, nullable=False),
    Column("state", Text, nullable=False),  # new, held, published, hidden, rejected, erased
    Column("version", Integer, nullable=False),  # of the public text: what a report is about
    Column(
        "revision", Integer, nullable=False, server_default="1"
    ),  # moves with every change: moderators' guard
    Column("text", Text, nullable=False),  # masked: what the public may read
    Column("pending_text", Text),  # an edit that waits for approval
    Column("hold_reasons", Text, nullable=False),  # JSON list: why it is on the bench; empty: it is not
    Column("waiting_at", Time),  # on the bench since then
    Column("reason", Text),  # of a rejection
    Column("reason_text", Text),
    Column("reports", Integer, nullable=False),
    Column("urgent", Boolean, nullable=False, server_default=FALSE),
    Column("claimed_by", Id),
    Column("claimed_until", Time),
    Column("decided_by", Id),
    Column("created_at", Time, nullable=False),
    Column("published_at", Time),
    Column("edited_at", Time),
    Column(
        "standing", Text
    ),  # on a platform: published, held, hidden, deleted, unsent; null: on our own pages
    Column("link", Text, nullable=False, server_default=""),  # address of the comment itself on a platform
    Column("parent_ref", Text),  # what it answers on a platform, as long as that has not come
    Index("post_thread", "article", "path"),
    Index("post_count", "article", "state"),
    Index("post_parent", "parent", **_where("parent IS NOT NULL")),
    Index("post_bench", "urgent", "waiting_at", "id", **_where("waiting_at IS NOT NULL")),
    Index("post_recent", "office", "created_at"),
    Index("post_author", "author"),
    Index("post_orphan", "inbox", "parent_ref", **_where("parent_ref IS NOT NULL")),
)

report = Table(
    "report",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("post", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("reporter", Id, nullable=False),
    Column("origin", Text, nullable=False, server_default=""),  # keyed hash of where it came from
    Column("reason", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Time, nullable=False),
    Column("outcome", Text),  # kept, hidden, rejected
    Column("decided_at", Time),
    Index("report_once", "post", "version", "reporter", unique=True),
)

appeal = Table(
    "appeal",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("post", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Time, nullable=False),
    Column("decided_by", Id),
    Column("outcome", Text),
    Column("decided_at", Time),
    Index("appeal_once", "post", "version", unique=True),
)

budget = Table(
    "budget",  # what an inbox has spent on a day: money, a provider's units
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # ISO date in the zone that counts
    Column("spent", BigInteger, nullable=False),
)

# --- callbacks -------------------------------------------------------------------------------------------------

callback = Table(
    "callback",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # the id of the message that ordered it
    Column("conversation", Id, nullable=False),
    Column("contact", Id, nullable=False),
    Column("office", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("queue", Text),
    Column("number", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("email", Text, nullable=False, server_default=""),  # where its notices go, if the person said so
    Column("state", Text, nullable=False),
    Column("wished_at", Time),
    Column("due_at", Time),
    Column("attempts", Integer, nullable=False),
    Column("agent", Id),  # who has it now: offered, dialling, in call, wrap-up
    Column("last_agent", Id),  # who had it last, so that a lapsed offer goes to somebody else
    Column("offered_at", Time),
    Column("lapses", Integer, nullable=False, server_default="0"),  # offers that lapsed since it fell due
    Column("dialled_at", Time),
    Column("outcome", Text),  # of a finished call; why a number was rejected
    Column("note", Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Index(
        "callback_open_number",
        "number",
        unique=True,
        **_where("state NOT IN ('done', 'unreachable', 'cancelled', 'expired', 'rejected')"),
    ),
    Index("callback_due", "office", "queue", "state", "due_at"),
    Index("callback_conversation", "conversation"),
    Index("callback_agent", "agent", unique=True, **_where("agent IS NOT NULL")),  # one at a time
    Index("callback_last_agent", "last_agent", "offered_at"),
)

callback_attempt = Table(
    "callback_attempt",
    metadata,
    Column("callback", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("agent", Id),
    Column("outcome", Text, nullable=False),
)

# --- people who answer -----------------------------------------------------------------------------------------

user = Table(
    "user_account",  # "user" is a reserved word in PostgreSQL
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("login", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),  # agent, moderator, supervisor, administrator
    Column("office", Text, nullable=False),
    Column("password", Text),  # argon2; null: no log-in yet
    Column("language", Text, nullable=False),
    Column("skills", Text, nullable=False, server_default="[]"),
    Column("settings", Text, nullable=False, server_default="{}"),
    Column("active", Boolean, nullable=False),
    Column("presence", Text, nullable=False),  # available, away, offline
    Column("presence_at", Time, nullable=False),
    Column("presence_before", Text),  # what comes back with the browser; null: the person chose
    Column("seen_at", Time),
    Column("created_at", Time, nullable=False),
    Column(
        "extension", Text, nullable=False, server_default=""
    ),  # of their telephone, as the exchange names it
    Index("user_login", "login", unique=True),
    Index("user_extension", "extension", **_where("extension <> ''")),
)

user_queue = Table(
    "user_queue",
    metadata,
    Column("user", Id, primary_key=True, autoincrement=False),
    Column("queue", Text, primary_key=True),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("user", Id, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("seen_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("session_user", "user"),
)

password_reset = Table(
    "password_reset",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("user", Id, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("password_reset_user", "user"),
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),  # "login:…" hashed, or "address:…" hashed
    Column("at", Time, nullable=False),
    Index("login_failure_key", "key", "at"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("user", Id, nullable=False),  # the account in whose name it acts; nobody can log in with it
    Column("scopes", Text, nullable=False),  # JSON list: read, write, stream
    Column("created_at", Time, nullable=False),
    Column("revoked_at", Time),
    Index("api_token_hash", "token_hash", unique=True),
)

draft = Table(
    "draft",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("user", Id, nullable=False),
    Column("conversation", Id),  # null: a new conversation
    Column("kind", Text, nullable=False),  # reply, note, forward, new
    Column("revision", Integer, nullable=False),
    Column("based_on", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("updated_at", Time, nullable=False),
    Index("draft_place", "user", "conversation", "kind", unique=True),
)

canned = Table(
    "canned",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("office", Text, nullable=False),
    Column("shortcut", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("updated_at", Time, nullable=False),
    Index("canned_shortcut", "office", "shortcut", "language", unique=True),
)

notification = Table(
    "notification",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("user", Id, nullable=False),
    Column("kind", Text, nullable=False),  # see hub.desk.notify.Kind
    Column("conversation", Id),
    Column("message", Id),
    Column("at", Time, nullable=False),
    Column("read_at", Time),
    Index("notification_unread", "user", "at", **_where("read_at IS NULL")),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("response", Text),
    Column("at", Time, nullable=False),
)

undo = Table(
    "undo",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("user", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Time, nullable=False),
    Column("undone_at", Time),
    Index("undo_last", "user", "at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("actor", Id),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
