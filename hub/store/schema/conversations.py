"""Conversations and their messages, with what stands around them: decisions, links, search, deadlines."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text

from hub.store.schema.words import FALSE, FREE, KIND, LISTED, MINE, RANK, WAIT, Id, Time, metadata, where

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
        **where(LISTED),
    ),
    Index("conversation_free", "queue", RANK, WAIT, "id", **where(f"{LISTED} AND {FREE}")),
    # Lists by last activity: for those who see everything, for one office, for the editorial team.
    Index("conversation_recent", "status", "activity_at", "id", **where(LISTED)),
    Index("conversation_by_office", "office", "status", "activity_at", "id", **where(LISTED)),
    Index(
        "conversation_comments", "status", "activity_at", "id", **where(f"{LISTED} AND channel = 'comments'")
    ),
    Index("conversation_assignee", "assignee", "status", "activity_at", **where("assignee IS NOT NULL")),
    Index("conversation_mine", "assignee", "status", RANK, WAIT, "id", **where(f"{LISTED} AND {MINE}")),
    Index("conversation_owner", "owner", "status", "activity_at", **where("owner IS NOT NULL")),
    Index("conversation_snoozed", "snoozed_until", "id", *KIND, **where("snoozed_until IS NOT NULL")),
    Index("conversation_woken", "activity_at", "id", **where("woken IS NOT NULL")),
    Index("conversation_contact", "contact", "activity_at"),
    Index("conversation_due", "due_at", "id", *KIND, **where("due_at IS NOT NULL")),
    Index("conversation_quarantined", "activity_at", **where("quarantined")),
    Index("conversation_failed", "activity_at", "id", *KIND, **where("failed")),
    Index("conversation_merged", "merged_into", **where("merged_into IS NOT NULL")),
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
    Index("message_client", "author", "client_id", unique=True, **where("client_id IS NOT NULL")),
    # Calls that go on, and those whose topic and outcome are still to be noted.
    Index(
        "message_call",
        "author",
        "at",
        **where("kind = 'call' AND state IN ('ringing', 'answered', 'ended')"),
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
    Index("attachment_draft", "draft", **where("draft IS NOT NULL")),
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
    Index("timer_due", "due_at", **where("state = 'waiting'")),
    Index("timer_subject", "kind", "subject", unique=True, **where("state = 'waiting'")),
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
