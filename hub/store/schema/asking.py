"""Comments as posts, reports of them; callbacks; surveys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from hub.store.schema.words import FALSE, OPEN_CALL, Id, Time, metadata, where

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
    Index("post_parent", "parent", **where("parent IS NOT NULL")),
    Index("post_bench", "urgent", "waiting_at", "id", **where("waiting_at IS NOT NULL")),
    Index("post_recent", "office", "created_at"),
    Index("post_author", "author"),
    Index("post_orphan", "inbox", "parent_ref", **where("parent_ref IS NOT NULL")),
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
        **where(OPEN_CALL),
    ),
    Index("callback_due", "office", "queue", "state", "due_at"),
    Index("callback_conversation", "conversation"),
    Index("callback_agent", "agent", unique=True, **where("agent IS NOT NULL")),  # one at a time
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
