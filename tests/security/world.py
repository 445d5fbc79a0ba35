"""One of each thing that an address can name, in any office."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from sqlalchemy import select

from hub.desk.merging import merge_conversations
from hub.people.tokens import make_token
from hub.ruleset.versions import Wanted, add_version, lock, published_number
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from tests.hub.specimen import a_house, add_conversation, add_message, add_person

QUEUES = {"krajowa": "bezrobotni", "pup-lomza": "lomza", "pup-suwalki": "suwalki"}
MAILBOXES = {"krajowa": "kontakt", "pup-lomza": "lomza-mail", "pup-suwalki": "lomza-mail"}

VOLATILE = frozenset({"session", "event", "stream_head", "id_block", "audit", "setting", "login_failure"})
"""Tables that looking changes: when a session was seen, who downloaded what."""


class World:
    """``make`` gives the ids of fresh things by kind."""

    def __init__(self, store: Store, people: Mapping[str, int]) -> None:
        self.store = store
        self.people = people
        self._made = 0

    async def make(self, office: str, owner: str) -> dict[str, int]:
        """Things of an office; drafts, notifications and undo rows belong to ``owner`` (a login)."""
        self._made += 1
        return await self.store.write(lambda tx: self._make(tx, office, self.people[owner], self._made))

    def _make(self, tx: Tx, office: str, owner: int, number: int) -> dict[str, int]:
        things = _mail(tx, office, f"world{number}@example.pl") | _comment(tx, office, number)
        things |= _own(tx, office, owner, things["conversation"], number) | _call(tx, office, number)
        things |= _managed(tx, office, number) | _rules(tx, owner)
        return things

    async def looks(self, but: Collection[str] = ()) -> str:
        """A fingerprint of everything that a request could have changed, except in some tables."""
        return await self.store.read(lambda tx: _fingerprint(tx, but))


def _mail(tx: Tx, office: str, address: str) -> dict[str, int]:
    """A conversation with a mail, its attachment and original, merged with another and linked."""
    queue, inbox = QUEUES[office], MAILBOXES[office]
    made = add_conversation(tx, office=office, queue=queue, inbox=inbox, email=address, quarantined=True)
    other = add_conversation(tx, office=office, queue=queue, inbox=inbox)
    row = tx.row(select(schema.conversation).where(schema.conversation.c.id == made))
    raw = tx.add(
        schema.raw,
        {
            "inbox": inbox,
            "received_at": tx.now,
            "content_type": "message/rfc822",
            "content": b"Subject: x\n\nx",
            "state": "quarantined",
            "error": "unreadable",
        },
    )
    message = tx.scalar(select(schema.message.c.id).where(schema.message.c.conversation == made))
    tx.change(schema.message, message, raw=raw, html="<p>x</p>")
    file = _file(tx, message=message)
    again = add_conversation(tx, office=office, queue=queue, inbox=inbox)
    contact = row.contact if row is not None else 0
    tx.change(schema.conversation, again, contact=contact)
    merged = merge_conversations(tx, a_house(), SYSTEM, made, again)
    return {
        "conversation": made,
        "other": other,
        "message": message,
        "file": file,
        "raw": raw,
        "contact": contact,
        "merge": merged.merge,
    }


def _file(tx: Tx, **owner: int) -> int:
    blob = tx.add(
        schema.blob,
        {"size": 3, "sha256": "", "place": "row", "content": b"abc", "created_at": tx.now},
    )
    row = {
        "position": 0,
        "filename": "a.png",
        "content_type": "image/png",
        "size": 3,
        "sha256": "",
        "blob": blob,
    }
    return tx.add(schema.attachment, {**row, "inline": False, "content_id": "", **owner})


def _comment(tx: Tx, office: str, number: int) -> dict[str, int]:
    made = add_conversation(
        tx, office=office, queue="redakcja", inbox="artykuly", channel="comments", listed=False
    )
    message = add_message(tx, made, number=2, channel="comments", text="komentarz")
    site = {"inbox": "artykuly", "key": f"a{number}-{office}", "title": "Artykuł", "url": "", "section": ""}
    article = tx.add(schema.article, {**site, "created_at": tx.now})
    post = {
        "id": message,
        "conversation": made,
        "inbox": "artykuly",
        "office": office,
        "article": article,
        "path": f"{message:016d}",
        "author_name": "Gość",
        "state": "held",
        "version": 1,
        "text": "komentarz",
        "hold_reasons": '["words"]',
        "waiting_at": tx.now,
        "reports": 0,
        "created_at": tx.now,
    }
    tx.add(schema.post, post)
    return {"post": message, "article": article, "comment": made}


def _own(tx: Tx, office: str, owner: int, conversation: int, number: int) -> dict[str, int]:
    draft = {
        "user": owner,
        "conversation": conversation,
        "kind": "reply",
        "revision": 1,
        "based_on": 1,
        "subject": "",
        "text": "szkic",
        "recipients": "[]",
        "updated_at": tx.now,
    }
    told = {"user": owner, "kind": "mention", "conversation": conversation, "at": tx.now}
    canned = {"office": office, "shortcut": f"t{number}", "title": "T", "text": "T", "language": "pl"}
    made = tx.add(schema.draft, draft)
    return {
        "draft": made,
        "draft-file": _file(tx, draft=made),
        "notification": tx.add(schema.notification, told),
        "undo": tx.add(schema.undo, {"user": owner, "kind": "set", "data": '{"rows": []}', "at": tx.now}),
        "text": tx.add(schema.canned, {**canned, "updated_at": tx.now}),
    }


def _call(tx: Tx, office: str, number: int) -> dict[str, int]:
    made = add_conversation(
        tx, office=office, queue=QUEUES[office], channel="callback", phone=f"+4860000{number:04d}"
    )
    message = tx.scalar(select(schema.message.c.id).where(schema.message.c.conversation == made))
    row = tx.row(select(schema.conversation).where(schema.conversation.c.id == made))
    call = {
        "id": message,
        "conversation": made,
        "contact": row.contact if row is not None else 0,
        "office": office,
        "inbox": MAILBOXES[office],
        "queue": QUEUES[office],
        "number": f"+4860000{number:04d}",
        "topic": "zasiłek",
        "state": "due",
        "due_at": tx.now,
        "attempts": 0,
        "version": 1,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    talked = add_message(
        tx, made, number=2, kind="call", channel="phone", state="ended", data='{"call": {"answered_at": 1}}'
    )
    tx.change(schema.conversation, made, messages=2)
    return {"call": tx.add(schema.callback, call), "telephone-call": talked}


def _managed(tx: Tx, office: str, number: int) -> dict[str, int]:
    directory = a_house().directory
    token = make_token(
        tx,
        SYSTEM,
        directory,
        name="System",
        office=office,
        grants=("read",),
        token=f"secret-{number}-{office}",
    )
    return {"user": add_person(tx, f"person{number}", office=office), "token": token}


def _rules(tx: Tx, owner: int) -> dict[str, int]:
    """A draft of the rules, a replay of it that waits, and a version in force; rules belong to no office."""
    text = (
        "words:\n  w: [a]\nrules:\n  - id: x\n    do: {queue: bezrobotni}\n"
        "  - id: y\n    do: {spam: true}\ndefault: {queue: bezrobotni}\n"
    )
    row = {"state": "open", "source": text, "author": owner, "created_at": tx.now, "updated_at": tx.now}
    draft = tx.add(schema.rule_draft, row)
    run = {"kind": "replay", "state": "waiting", "draft": draft, "version": 1, "source": text}
    lock(tx)
    return {
        "rule-draft": draft,
        "rule-run": tx.add(schema.rule_run, {**run, "created_at": tx.now}),
        "rule-version": published_number(tx) or add_version(tx, Wanted(source=f"# in force\n{text}")),
    }


def _fingerprint(tx: Reader, but: Collection[str]) -> str:
    digest = hashlib.sha256()
    for table in schema.metadata.sorted_tables:
        if table.name not in VOLATILE and table.name not in but:
            columns = [c for c in table.c if c.name not in ("seen_at", "presence", "presence_at")]
            rows = sorted(repr(tuple(row)) for row in tx.rows(select(*columns)))
            digest.update("\n".join([table.name, *rows]).encode())
    return digest.hexdigest()
