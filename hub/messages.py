"""Adding a message of any kind to a conversation: numbers, counters, the event.

Intake writes inbound messages in bulk on its own; everything else (replies, notes, system lines, automatic
answers) comes through :func:`append`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Row

from connectors.contract import Recipient
from hub.scope import NotFound
from hub.store import schema
from hub.store.tx import Tx

Kind = Literal["outbound", "note", "call", "system"]

_json = msgspec.json.Encoder().encode


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """A new message: its id and its number within the conversation."""

    id: int
    number: int


def locked_conversation(tx: Tx, conversation: int) -> Row[Any]:
    """The row of a conversation, locked. Raises NotFound."""
    row = tx.locked(schema.conversation, conversation)
    if row is None:
        raise NotFound("conversation")
    return row


def announce(tx: Tx, conversation: int, *, actor: int | None, queue_before: str | None = None) -> None:
    """Emit that a conversation's state changed, with what it is now."""
    row = tx.get(schema.conversation, conversation)
    if row is not None:
        tx.emit(
            "conversation",
            office=row.office,
            queue=row.queue,
            queue_before=queue_before,
            conversation=conversation,
            actor=actor,
            version=row.version,
        )


def append(
    tx: Tx,
    conversation: int,
    *,
    kind: Kind,
    text: str = "",
    author: int | None = None,
    identity: int | None = None,
    subject: str = "",
    inbox: str | None = None,
    channel: str | None = None,
    recipients: Sequence[Recipient] = (),
    reply_to: int | None = None,
    client_id: str | None = None,
    automatic: bool = False,
    language: str = "",
    state: str | None = None,
    data: dict[str, Any] | None = None,
) -> Appended:
    """Append a message and emit ``message``. Raises NotFound for an unknown conversation.

    The conversation's ``messages``, ``version`` and ``activity_at`` move; its status is the caller's business.
    System lines leave ``activity_at`` as it is: bookkeeping must not lift an old matter to the top of a list.
    """
    row = locked_conversation(tx, conversation)
    number = row.messages + 1
    message = tx.add(
        schema.message,
        {
            "conversation": conversation,
            "number": number,
            "kind": kind,
            "channel": channel or row.channel,
            "inbox": inbox,
            "identity": identity,
            "author": author,
            "at": tx.now,
            "subject": subject,
            "text": text,
            "recipients": _json(recipients).decode(),
            "automatic": "auto-reply" if automatic else "no",
            "language": language,
            "reply_to": reply_to,
            "client_id": client_id,
            "state": state,
            "data": _json(data or {}).decode(),
        },
    )
    activity = row.activity_at if kind == "system" else tx.now
    tx.change(
        schema.conversation, conversation, messages=number, version=row.version + 1, activity_at=activity
    )
    tx.emit(
        "message",
        office=row.office,
        queue=row.queue,
        conversation=conversation,
        message=message,
        actor=author,
        version=row.version + 1,
    )
    return Appended(id=message, number=number)


def system_line(tx: Tx, conversation: int, what: str, actor: int | None = None, **details: Any) -> Appended:
    """A line that says what happened; screens render ``what`` and its details through gettext."""
    return append(tx, conversation, kind="system", author=actor, data={"what": what, **details})
