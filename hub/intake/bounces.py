"""Bounces: which mail of ours came back, and why, in words that agents understand.

The original is known by its Message-ID; else by the signed token that the returned headers carry, and the address
that is named. A bounce of something we never sent is shown like any other mail from a machine.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors.contract import Bounce, Message, Party, Receipt, Recipient
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.outbox.queue import sent_as
from hub.outbox.settle import fail_reported
from hub.outbox.states import may_move
from hub.store import schema
from hub.store.tx import Reader, Tx

REFUSED = N_("The recipient's server refused it.")

REASONS = {
    "5.1.1": N_("The address does not exist."),
    "5.1.2": N_("The recipient's domain does not exist."),
    "5.1.10": N_("The address does not exist."),
    "5.2.1": N_("The mailbox is switched off."),
    "5.2.2": N_("The mailbox is full."),
    "5.2.3": N_("The mail is too large for the recipient."),
    "5.3.4": N_("The mail is too large for the recipient."),
    "5.7.1": N_("The recipient's server refused it by its policy."),
    "4.4.7": N_("The recipient's server could not be reached for days."),
}
"""Enhanced status codes (RFC 3463 and the IANA registry) in plain words."""

LOOKED_BACK = 20
"""Deliveries of a conversation among which the one that bounced is looked for."""

delivery = schema.delivery

_recipients = msgspec.json.Decoder(tuple[Recipient, ...]).decode


def original_of(tx: Reader, event: Bounce) -> Row[Any] | None:
    """The delivery that came back, or None when it is none of ours."""
    rows = sent_as(tx, event.inbox, event.target)
    if rows:
        return rows[0]
    named = {recipient.address.lower() for recipient in event.recipients}
    for conversation in _conversations(tx, event):
        sent = select(delivery).where(delivery.c.conversation == conversation)
        latest = sent.order_by(delivery.c.created_at.desc(), delivery.c.id.desc()).limit(LOOKED_BACK)
        for row in tx.rows(latest):
            if named & {recipient.address.lower() for recipient in _recipients(row.recipients)}:
                return row
    return None


def _conversations(tx: Reader, event: Bounce) -> list[int]:
    """Conversations that the returned headers name, the surest first."""
    tokens = [
        key.removeprefix("conversation:") for key in event.thread_keys if key.startswith("conversation:")
    ]
    keys = [(str(key),) for key in event.thread_keys]
    known: dict[str, int] = dict(tx.lookup(schema.thread_key, ("key",), ("key", "conversation"), keys))
    return [
        *(int(token) for token in tokens if token.isdecimal()),
        *(known[k] for (k,) in keys if k in known),
    ]


def bounced(tx: Tx, event: Bounce) -> Receipt | None:
    """Mark the message that bounced, with the reason. A mere delay is only noted."""
    row = original_of(tx, event)
    if row is None:
        return None
    failed = [r for r in event.recipients if r.action == "failed"]
    details = [{"address": r.address, "status": r.status, "action": r.action} for r in event.recipients]
    if failed and may_move(row.state, "failed"):
        reason = reason_of(failed[0].status, failed[0].diagnostic)
        fail_reported(tx, row, reason, [recipient.address for recipient in failed])
    what = "bounced" if failed else "delayed"
    system_line(tx, row.conversation, what, message=row.message, recipients=details)
    return Receipt(conversation=row.conversation, message=row.message)


def reason_of(status: str, diagnostic: str) -> str:
    """Why, as a msgid where we know words for the code, else as the other server said it."""
    return REASONS.get(status) or diagnostic[:300] or REFUSED


def as_message(event: Bounce) -> Message:
    """A bounce of something that we did not send: people see it, nobody answers it."""
    return Message(
        inbox=event.inbox,
        external_id=event.external_id,
        received_at=event.received_at,
        sender=event.sender or Party(kind="email", address="mailer-daemon"),
        recipients=event.to,
        subject=event.subject,
        text=event.text,
        full_text=event.text,
        sent_at=event.sent_at,
        thread_keys=event.thread_keys,
        automatic="bounce",
    )
