"""The way out: deliveries, attempts, effects; live chats."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from hub.store.schema.words import PENDING, UNSURE, Id, Time, metadata, where

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
    Index("delivery_due", "due_at", **where("state IN ('held', 'queued')")),
    Index("delivery_lane", "lane", "created_at", "id", **where("state IN ('held', 'queued', 'sending')")),
    Index("delivery_sending", "lane", unique=True, **where("state = 'sending'")),
    Index("delivery_unsure", "inbox", "id", **where(UNSURE)),
    Index("delivery_message", "message"),
    Index("delivery_remote_id", "remote_id", "inbox", **where("remote_id IS NOT NULL")),
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
    Index("attempt_open", "send_by", **where("finished_at IS NULL")),
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
    Index("effect_key", "key", unique=True, **where("key IS NOT NULL")),
    Index("effect_due", "due_at", **where(PENDING)),
)

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
    Index("chat_present", "conversation", **where("ended_at IS NULL AND left_at IS NULL")),
    Index("chat_answered", "answered_at", **where("answered_at IS NOT NULL")),
)
