"""The reading half of a batch: everything that its items refer to, one statement a kind of thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

import msgspec
from sqlalchemy import ColumnElement, literal_column, select

from connectors.contract import Message
from hub import threads
from hub.store import bulk, driver, schema
from hub.store.tx import Tx

from .joining import DAY
from .state import CONVERSATION, ConversationState, Person, Recent

HISTORY = 90 * DAY
RECENT = 50
"""Conversations of one contact that rules look back on, and how far."""

SENT_BEHIND = 50
"""How far behind a conversation's end it is looked for what we sent last."""

_IDENTITY = ("id", "kind", "address", "contact", "name", "verified", "created_at")

MERGE_CHAIN = 5
"""How often a merged conversation may itself have been merged."""


_encode = msgspec.json.Encoder().encode


class Known:
    """What the store knows about the things that a batch refers to; grows as the batch goes on. ``met`` are the
    contacts that it knew before, ``writers`` those who wrote in a conversation whose reference number was named."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], tuple[int | None, int | None]] = {}
        self.people: dict[tuple[str, str], Person] = {}
        self.met: set[int] = set()
        self.keys: dict[str, int] = {}
        self.references: dict[str, int] = {}
        self.conversations: dict[int, ConversationState] = {}
        self.history: dict[int, list[Recent]] = {}
        self.sent: dict[int, str] = {}
        self.callbacks: dict[str, int] = {}
        self.articles: dict[tuple[str, str], tuple[int, str | None, str]] = {}
        self.titles: dict[int, str] = {}
        self.posts: dict[int, tuple[int, str]] = {}
        self.writers: dict[int, set[int]] = {}

    def conversation(self, id_: int | None) -> ConversationState | None:
        """A conversation by id, or the one it was merged into."""
        found = self.conversations.get(id_) if id_ is not None else None
        while found is not None and found.merged_into is not None:
            found = self.conversations.get(found.merged_into)
        return found


def pair_key(message: Message) -> str:
    """The key of a channel without threads: this sender in this inbox."""
    return threads.pair_key(message.inbox, message.sender.kind, message.sender.address)


def comment_key(message: Message) -> str:
    """The key of a commenter's conversation about one article."""
    article = message.comment.article if message.comment else ""
    return f"comment:{message.inbox}:{message.sender.address}:{article}"


def read(tx: Tx, messages: Sequence[Message], events: Iterable[tuple[str, str]]) -> Known:
    """Read what ``messages`` refer to. ``events`` are the (inbox, external id) pairs of all items."""
    known = Known()
    # People first: another process that takes a message of the same person at this moment is waited for there, and what
    # it has seen by then must be known here.
    _read_people(tx, known, messages)
    pairs = list(dict.fromkeys(events))
    for inbox, external_id, conversation, message in tx.lookup(
        schema.seen, ("inbox", "external_id"), ("inbox", "external_id", "conversation", "message"), pairs
    ):
        known.seen[inbox, external_id] = (conversation, message)
    _read_keys(tx, known, messages)
    wanted = {*known.keys.values(), *known.references.values(), *known.callbacks.values()}
    wanted.update(conversation for conversation, _ in known.seen.values() if conversation is not None)
    read_conversations(tx, known, wanted)
    _read_writers(tx, known)
    known.history = read_history(tx, known.met)
    _read_places(tx, known, messages)
    return known


def _read_people(tx: Tx, known: Known, messages: Sequence[Message]) -> None:
    addresses = sorted({(party.kind, party.address) for m in messages for party in (m.sender, *m.also)})
    columns = ("kind", "address", "id", "contact", "blocked_until")
    key = ("kind", "address")
    for kind, address, *rest in bulk.lookup(
        tx.connection, schema.identity, key, columns, addresses, lock=True
    ):
        known.people[kind, address] = Person(*rest)
    fresh = set() if tx.sqlite else _claim_new_people(tx, known, messages, addresses)
    known.met = {person.contact for person in known.people.values()} - fresh
    contacts = [(contact,) for contact in known.met]
    attributes: dict[int, str] = dict(tx.lookup(schema.contact, ("id",), ("id", "attributes"), contacts))
    for person in known.people.values():
        person.attributes = attributes.get(person.contact, "{}")


def _claim_new_people(
    tx: Tx, known: Known, messages: Sequence[Message], addresses: Sequence[tuple[str, str]]
) -> set[int]:
    """Where several writers exist: put new senders' rows in first, in key order, so that of two first messages of one
    person at once the second waits here and then finds the first one's contact. Returns the new contacts."""
    senders = {(m.sender.kind, m.sender.address): m.sender for m in messages}
    new = [key for key in addresses if key in senders and key not in known.people]
    claims = {key: Person(tx.new_id(), tx.new_id()) for key in new}
    rows = [
        (claim.id, *key, claim.contact, senders[key].name, senders[key].verified, tx.now)
        for key, claim in claims.items()
    ]
    if bulk.insert_new(tx.connection, schema.identity, _IDENTITY, rows) < len(rows):
        _give_way(tx, known, claims)
    contacts = [(claim.contact, senders[key].name, "", tx.now) for key, claim in claims.items()]
    bulk.insert(tx.connection, schema.contact, ("id", "name", "language", "created_at"), contacts)
    known.people.update(claims)
    return {claim.contact for claim in claims.values()}


def _give_way(tx: Tx, known: Known, claims: dict[tuple[str, str], Person]) -> None:
    """Take out of ``claims`` whom another writer entered first, as they are known there."""
    wanted = ("kind", "address", "id", "contact", "blocked_until")
    key = ("kind", "address")
    for kind, address, *rest in bulk.lookup(
        tx.connection, schema.identity, key, wanted, list(claims), lock=True
    ):
        if claims[kind, address].id != rest[0]:
            del claims[kind, address]
            known.people[kind, address] = Person(*rest)


def _read_keys(tx: Tx, known: Known, messages: Sequence[Message]) -> None:
    wanted: set[str] = set()
    numbers: set[str] = set()
    for message in messages:
        wanted.update(message.thread_keys)
        if message.direct:
            wanted.add(pair_key(message))
        if message.comment is not None:
            wanted.add(comment_key(message))
        if message.callback is not None:
            numbers.add(message.callback.number)
    stored = [(key,) for key in sorted(wanted) if not key.startswith("conversation:")]
    known.keys.update(tx.lookup(schema.thread_key, ("key",), ("key", "conversation"), stored))
    for key in wanted:
        prefix, _, number = key.partition(":")
        if prefix == "conversation" and number.isdecimal():
            known.keys[key] = int(number)
    mentions = [(reference,) for reference in sorted({r for m in messages for r in m.mentions})]
    known.references.update(tx.lookup(schema.conversation, ("reference",), ("reference", "id"), mentions))
    if numbers:
        _read_callbacks(tx, known, sorted(numbers))


def _read_writers(tx: Tx, known: Known) -> None:
    """Who wrote in conversations whose reference number was named: they take part beside the one it is about."""
    states = (known.conversation(number) for number in known.references.values())
    wanted = sorted({state.id for state in states if state is not None})
    if wanted:
        message, identity = schema.message, schema.identity
        wrote = (message.c.conversation.in_(wanted), message.c.kind == "inbound")
        joined = select(message.c.conversation, identity.c.contact).join(
            identity, identity.c.id == message.c.identity
        )
        for row in tx.rows(joined.where(*wrote).distinct()):
            known.writers.setdefault(row.conversation, set()).add(row.contact)


def _read_callbacks(tx: Tx, known: Known, numbers: list[str]) -> None:
    callback = schema.callback.c
    still: ColumnElement[bool] = literal_column(f"({schema.OPEN_CALL})")  # as its index says it
    waiting = select(callback.number, callback.conversation).where(callback.number.in_(numbers), still)
    known.callbacks.update({row.number: row.conversation for row in tx.rows(waiting)})


def read_conversations(tx: Tx, known: Known, wanted: set[int]) -> None:
    """Read conversations by id, those that they were merged into too, locked; and what was sent last in each."""
    for _ in range(MERGE_CHAIN):
        missing = [(id_,) for id_ in sorted(wanted - known.conversations.keys())]
        rows = bulk.lookup(tx.connection, schema.conversation, ("id",), CONVERSATION, missing, lock=True)
        for row in rows:
            known.conversations[row[0]] = ConversationState(*row)
        wanted = {
            state.merged_into for state in known.conversations.values() if state.merged_into is not None
        }
        if wanted <= known.conversations.keys():
            break
    _read_sent(tx, known)


_SENT = """
    (SELECT m.automatic FROM message m WHERE m.conversation = {id} AND m.number > {behind}
    AND m.kind = 'outbound' ORDER BY m.number DESC LIMIT 1)
"""
_OF_JSON = {"id": "json_extract(k.value, '$[0]')", "behind": "json_extract(k.value, '$[1]')"}
_SENT_SQLITE = f"""
    SELECT json_group_array(json_array({_OF_JSON["id"]}, {_SENT.format(**_OF_JSON)})) FROM json_each(?) k
"""  # noqa: S608 - our own column names
_SENT_POSTGRES = f"""
    SELECT k.id, {_SENT.format(id="k.id", behind="k.behind")}
    FROM unnest($1::bigint[], $2::bigint[]) AS k (id, behind)
"""  # noqa: S608 - our own column names


def _read_sent(tx: Tx, known: Known) -> None:
    """Whether what we sent last in each conversation was automatic; nothing for one in which nothing was sent."""
    keys = [(c.id, c.messages - SENT_BEHIND) for c in known.conversations.values() if c.id not in known.sent]
    if not keys:
        return
    if tx.sqlite:
        found = bulk.fetch_json(tx.connection, _SENT_SQLITE, (_encode(keys).decode(),))
    else:
        lists = ([key[0] for key in keys], [key[1] for key in keys])
        found = driver.fetch(tx.connection, _SENT_POSTGRES, lists)
    for id_, automatic in found:
        known.sent[id_] = automatic or ""


_RECENT = ("id", "contact", "status", "queue", "channel", "activity_at", "created_at")
_LATEST = f"""
    FROM conversation WHERE contact = {{contact}} AND activity_at >= {{since}} AND merged_into IS NULL
    ORDER BY activity_at DESC LIMIT {RECENT}
"""
_HISTORY_SQLITE = f"""
    SELECT json_group_array(json_array({", ".join(f"c.{name}" for name in _RECENT)}))
    FROM json_each(?) k CROSS JOIN conversation c
    ON c.id IN (SELECT id {_LATEST.format(contact="k.value", since="?")})
"""  # noqa: S608 - our own column names
_HISTORY_POSTGRES = f"""
    SELECT c.* FROM unnest($1::bigint[]) AS k (contact)
    CROSS JOIN LATERAL (SELECT {", ".join(_RECENT)} {_LATEST.format(contact="k.contact", since="$2")}) c
"""  # noqa: S608 - our own column names
_activity = itemgetter(_RECENT.index("activity_at"))


def read_history(tx: Tx, contacts: Iterable[int]) -> dict[int, list[Recent]]:
    """Recent conversations by contact, the one that moved last first."""
    found: dict[int, list[Recent]] = {}
    wanted = sorted(contacts)
    if not wanted:
        return found
    since = tx.now - HISTORY
    if tx.sqlite:
        rows = bulk.fetch_json(tx.connection, _HISTORY_SQLITE, (str(wanted), since))
    else:
        rows = driver.fetch(tx.connection, _HISTORY_POSTGRES, (wanted, since))
    rows.sort(key=_activity, reverse=True)
    for id_, contact, *rest in rows:
        found.setdefault(contact, []).append(Recent(id_, *rest))
    return found


def _read_places(tx: Tx, known: Known, messages: Sequence[Message]) -> None:
    comments = [(m.inbox, m.comment) for m in messages if m.comment is not None]
    if not comments:
        return
    articles = sorted({(str(inbox), place.article) for inbox, place in comments})
    columns = ("inbox", "key", "id", "moderation", "site", "title")
    for inbox, key, *found, title in tx.lookup(schema.article, ("inbox", "key"), columns, articles):
        known.articles[inbox, key] = (found[0], found[1], found[2])
        known.titles[found[0]] = title
    parents = {place.parent for _, place in comments if place.parent is not None}
    refs = sorted({(str(inbox), place.parent_ref) for inbox, place in comments if place.parent_ref})
    if refs:
        parents |= _read_refs(tx, known, refs)
    wanted = [(parent,) for parent in sorted(parents)]
    for id_, article, path in tx.lookup(schema.post, ("id",), ("id", "article", "path"), wanted):
        known.posts[id_] = (article, path)


def _read_refs(tx: Tx, known: Known, refs: Sequence[tuple[str, str]]) -> set[int]:
    """What comments on platforms answer, as the platform names it: somebody's comment, or an answer of ours."""
    key = ("inbox", "external_id")
    for inbox, ref, conversation, message in tx.lookup(
        schema.seen, key, (*key, "conversation", "message"), refs
    ):
        known.seen[inbox, ref] = (conversation, message)
    missing = [ref for ref in refs if ref not in known.seen]
    key = ("inbox", "remote_id")
    for inbox, ref, conversation, message in tx.lookup(
        schema.delivery, key, (*key, "conversation", "message"), missing
    ):
        known.seen[inbox, ref] = (conversation, message)
    return {known.seen[ref][1] or 0 for ref in refs if ref in known.seen}
