"""The writing half of a batch: a few statements, whatever the number of items."""

from __future__ import annotations

from hub.outbox.orders import EFFECT
from hub.store import bulk, schema
from hub.store.tx import Tx
from hub.timers import put_timers

from .state import CHANGING, CONVERSATION, MESSAGE, Rows, conversation_changes, conversation_row

RAW = ("id", "inbox", "received_at", "content_type", "content", "blob", "state")
_CONTACT = ("id", "name", "language", "created_at")
_IDENTITY = ("id", "kind", "address", "contact", "name", "verified", "created_at")
_ATTACHMENT = (
    *("id", "message", "position", "filename", "content_type", "size", "sha256", "blob", "remote"),
    *("inline", "content_id"),
)
_BLOB = ("id", "owner", "size", "sha256", "place", "content", "created_at")
_TRACE = ("id", "conversation", "message", "at", "version", "facts", "load", "data")
_KEY = ("key", "conversation", "at")
_SEEN = ("inbox", "external_id", "conversation", "message", "at")

_ARTICLE = ("id", "inbox", "key", "title", "url", "section", "site", "created_at")
_LINK = ("conversation", "other", "kind", "at")
_OFFICE = ("conversation", "office", "at")
POST = (
    *("id", "conversation", "inbox", "office", "article", "parent", "path", "author", "author_name", "state"),
    *("version", "revision", "text", "hold_reasons", "waiting_at", "reports", "urgent", "created_at"),
    *("published_at", "standing", "link", "parent_ref"),
)


def write(tx: Tx, rows: Rows) -> None:
    """Write everything that a batch put up."""
    insert, connection = bulk.insert, tx.connection
    insert(connection, schema.contact, _CONTACT, rows.contacts)
    insert(connection, schema.identity, _IDENTITY, rows.identities)
    changed_people = [(attributes, contact) for contact, attributes in sorted(rows.attributes.items())]
    bulk.update(connection, schema.contact, ("attributes",), changed_people)
    insert(connection, schema.conversation, CONVERSATION, [conversation_row(c) for c in rows.conversations])
    changed = [conversation_changes(state) for state in rows.changed.values()]
    bulk.update(connection, schema.conversation, CHANGING, changed)
    insert(connection, schema.message, MESSAGE, rows.messages)
    insert(connection, schema.blob, _BLOB, rows.blobs)
    bulk.update(connection, schema.blob, ("owner",), rows.owned_blobs)
    insert(connection, schema.attachment, _ATTACHMENT, rows.attachments)
    insert(connection, schema.trace, _TRACE, rows.traces)
    # A key that another writer took meanwhile keeps its first owner; a pair, and a thread that goes on in a new
    # conversation, mean the latest one. In the order of the keys: who finds one that another writer has put up waits
    # for the end of that transaction, and two must not wait for each other.
    bulk.insert_new(connection, schema.thread_key, _KEY, sorted(rows.thread_keys.values()))
    bulk.put(connection, schema.thread_key, ("key",), _KEY, sorted(rows.latest_keys.values()))
    insert(connection, schema.seen, _SEEN, sorted(rows.seen, key=lambda row: row[:2]))
    bulk.insert_new(connection, schema.effect, EFFECT, rows.effects)
    if rows.effects:
        tx.ring("effects")
    insert(connection, schema.article, _ARTICLE, rows.articles)
    bulk.update(connection, schema.article, ("site",), rows.sites)
    bulk.update(connection, schema.article, ("title", "url"), rows.titles)
    insert(connection, schema.post, POST, rows.posts)
    insert(connection, schema.conversation_link, _LINK, rows.links)
    insert(connection, schema.conversation_office, _OFFICE, rows.offices)
    put_timers(tx, list(rows.timers.values()))
