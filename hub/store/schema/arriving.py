"""What arrives and who writes: raw bytes, what was seen already, threads, files, contacts and their identities."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text

from hub.store.schema.words import Id, Time, metadata, where

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
    Index("raw_quarantined", "received_at", **where("state = 'quarantined'")),
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
    Index("blob_unowned", "created_at", **where("owner IS NULL")),
)

blob_chunk = Table(
    "blob_chunk",
    metadata,
    Column("blob", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

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
