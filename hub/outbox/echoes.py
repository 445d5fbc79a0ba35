"""An answer of ours that a channel tells us of before anybody here has written down what the channel calls it.

A platform that hears our own messages tells of them by its webhook or its list: to whichever process that reaches,
perhaps before the sending process has its answer, perhaps after that process has died without it. Then no id can be
compared; what tells them apart from a colleague's words on the platform itself is that an answer with these words is
being sent to this person just now, or may have been a moment before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Row, and_, func, select

from connectors.contract import Capabilities, Message, Receipt, Recipient
from hub.house import House
from hub.store import bulk, schema
from hub.store.tx import Reader, Tx

from .queue import parts_of, sent_as
from .settle import arrived

SECOND = 1_000_000

SOONER = 60 * SECOND
"""How much earlier than its attempt an echo may seem to have been written: clocks differ, and some tell minutes."""

LATER = 900 * SECOND
"""How much later: the longest sending, and the patience of a platform that was busy."""

delivery, attempt, message = schema.delivery, schema.attempt, schema.message

_recipients = msgspec.json.Decoder(tuple[Recipient, ...]).decode
_SEEN = ("inbox", "external_id", "conversation", "message", "at")
_LINK = re.compile(r"https?://\S+")
_BETWEEN = re.compile(r"[\W_]+")


def recognise(tx: Tx, house: House, heard: Message, conversations: Iterable[int]) -> Receipt | None:
    """The answer of which ``heard``, a message that is ``ours``, is the echo, as a duplicate; None where there is none.

    Call it when nothing sent bears its id yet. ``conversations`` are those of the person. What was possibly sent
    has arrived then, and what was to be tried again need not be.
    """
    name = heard.wire_id or heard.external_id
    if name is None:
        return None
    for found in _candidates(tx, heard, conversations):
        row = tx.locked(delivery, found.id)
        if row is not None and row.remote_id is None and _says(tx, house, row, heard):
            _note(tx, row, heard, name)
            return _duplicate(row)
    # While we waited for a row its sending may have been written down.
    return next((_duplicate(row) for row in sent_as(tx, heard.inbox, name)), None)


def _duplicate(row: Row[Any]) -> Receipt:
    return Receipt(conversation=row.conversation, message=row.message, duplicate=True)


def _candidates(tx: Reader, heard: Message, conversations: Iterable[int]) -> Iterator[Row[Any]]:
    """Answers to this person through this inbox that are being sent, or may have been about then; the oldest first."""
    at = heard.sent_at or tx.now
    last = and_(attempt.c.delivery == delivery.c.id, attempt.c.number == delivery.c.attempts)
    fresh = and_(
        delivery.c.inbox == heard.inbox,
        delivery.c.operation == "send",
        attempt.c.started_at.between(at - LATER, at + SOONER),
    )
    columns = (
        select(delivery.c.id, delivery.c.recipients, attempt.c.started_at).join(attempt, last).where(fresh)
    )
    being_sent = columns.where(attempt.c.finished_at.is_(None))
    unsure = (
        columns.join(message, message.c.id == delivery.c.message)
        .where(message.c.conversation.in_(sorted(set(conversations))))
        .where(attempt.c.outcome == "ambiguous", delivery.c.state.in_(("possibly-sent", "queued")))
    )
    rows = {row.id: row for query in (being_sent, unsure) for row in tx.rows(query)}
    for row in sorted(rows.values(), key=lambda row: (row.started_at, row.id)):
        if any(to.address == heard.sender.address for to in _recipients(row.recipients)):
            yield row


def _says(tx: Reader, house: House, row: Row[Any], heard: Message) -> bool:
    """Whether an answer has these words, but for what platforms change: links, spaces, signs."""
    if row.state not in ("sending", "possibly-sent", "queued"):
        return False
    written = tx.scalar(select(message.c.text).where(message.c.id == row.message)) or ""
    parts = parts_of(house.capabilities.get(row.inbox, Capabilities()), written)
    return _words(parts[min(row.part, len(parts) - 1)]) == _words(heard.text)


def _words(text: str) -> str:
    return _BETWEEN.sub(" ", _LINK.sub(" ", unicodedata.normalize("NFKC", text))).strip()


def _note(tx: Tx, row: Row[Any], heard: Message, name: str) -> None:
    """It is out, under this name. Where its process may still say so itself, that is left to it.

    Of a text whose files leave as messages of their own only the text is known to be out: no more is concluded.
    """
    if heard.external_id is not None:
        known = (heard.inbox, heard.external_id, row.conversation, row.message, tx.now)
        bulk.insert_new(tx.connection, schema.seen, _SEEN, [known])
    whole = len(heard.attachments) >= _files(tx, row)
    if whole:
        tx.change(delivery, row.id, remote_id=name, updated_at=tx.now)
    keys = [(key, row.conversation, tx.now) for key in dict.fromkeys(heard.adds_keys)]
    bulk.insert_new(tx.connection, schema.thread_key, ("key", "conversation", "at"), keys)
    if whole and row.state != "sending":
        arrived(tx, row, name)


def _files(tx: Reader, row: Row[Any]) -> int:
    attachment = schema.attachment
    found = select(func.count()).select_from(attachment).where(attachment.c.message == row.message)
    return int(tx.scalar(found))
