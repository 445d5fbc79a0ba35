"""People who answer: accounts, sessions, drafts, notes of what they did."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from hub.store.schema.words import Id, Time, metadata, where

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
    Index("user_extension", "extension", **where("extension <> ''")),
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

second_factor = Table(
    "second_factor",
    metadata,
    Column("user", Id, primary_key=True, autoincrement=False),
    Column("secret", Text, nullable=False),  # base32; what the person's app makes its codes of
    Column("last_period", Id, nullable=False),  # of the last code that counted: none counts twice
    Column("created_at", Time, nullable=False),
    Column("confirmed_at", Time),  # null: being set up, not asked for
)

paper_code = Table(
    "paper_code",
    metadata,
    Column("user", Id, primary_key=True, autoincrement=False),
    Column("code_hash", Text, primary_key=True),
)

login_step = Table(
    "login_step",  # between the password and the code
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("user", Id, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("login_step_user", "user"),
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),  # "account:", "address:" or "told:" and a hash
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
    Column("half_typed", Text),  # lines of recipients that cannot be read yet: JSON of role to line
    Column("inbox", Text),  # of a new conversation: from where, and in which queue
    Column("queue", Text),
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
    Column("rules", Text),  # ids of the rules that call, as a JSON list
    Index("notification_unread", "user", "at", **where("read_at IS NULL")),
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
