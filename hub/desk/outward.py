"""What leaves besides replies: forwarding a message, starting a conversation, sending a failed one again."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, and_, func, select, update

from connectors.contract import Recipient
from hub.desk import drafts
from hub.desk.actions import QUIET
from hub.desk.addresses import is_address, without_repetition
from hub.desk.reply import BAD_ADDRESS, EMPTY, NO_FILES, NO_ONE, Replied, already, send, takes_files
from hub.desk.row import change, opened
from hub.desk.undoing import remember
from hub.desk.ways import signature
from hub.house import House
from hub.i18n import mark as N_
from hub.intake.references import new_reference
from hub.messages import append, system_line
from hub.outbox.queue import HOUR, derive_state, outlet
from hub.scope import Conflict, NotFound, Scope, own_office, require
from hub.store import schema
from hub.store.tx import Reader, Tx

message, delivery, attachment = schema.message, schema.delivery, schema.attachment

NO_MAIL = N_("No e-mail account runs here that could send it.")
NO_START = N_("This account cannot start a conversation.")
NOTHING_FAILED = N_("Nothing of this message failed: there is nothing to send again.")
NO_QUEUE = N_("Choose a queue for the new conversation.")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to addresses that an agent chose."""

    text: str
    client_id: str
    recipients: tuple[Recipient, ...]
    subject: str
    draft: int | None = None
    undo_seconds: float | None = None


def _checked(tx: Reader, house: House, inbox: str, letter: Letter) -> list[Recipient]:
    recipients = without_repetition(letter.recipients)
    if not any(recipient.role == "to" for recipient in recipients):
        raise Conflict(NO_ONE)
    if not all(is_address(recipient.address) for recipient in recipients):
        raise Conflict(BAD_ADDRESS)
    held = drafts.files(tx, letter.draft) if letter.draft is not None else []
    if not takes_files(house.capabilities[inbox], [(row.content_type, row.size) for row in held]):
        raise Conflict(NO_FILES)
    return recipients


def forward(
    tx: Tx, house: House, scope: Scope, message_id: int, letter: Letter, *, files: bool = True
) -> Replied:
    """Send a message on to outside addresses, with the agent's words before it and (``files``) its attachments.

    It is part of the conversation but answers nobody: clocks and status stay. Raises Denied, NotFound, Conflict.
    """
    original = tx.get(message, message_id)
    if original is None:
        raise NotFound("message")
    row = opened(tx, scope, original.conversation)
    said = forwarded_text(letter.text, original, _who(tx, original))
    if (before := already(tx, scope, letter.client_id, said)) is not None:
        return before
    inbox = outlet(house, row.office, "email", row.inbox)
    if inbox is None:
        raise Conflict(NO_MAIL)
    recipients = _checked(tx, house, inbox, letter)
    appended = append(
        tx,
        row.id,
        kind="outbound",
        text=said,
        author=scope.user,
        subject=_subject(letter.subject or f"Fwd: {original.subject or row.subject}"),
        inbox=inbox,
        channel=house.channels.get(inbox, "email"),
        recipients=recipients,
        client_id=letter.client_id,
        data={"forward": message_id},
    )
    if files:
        _copy_files(tx, message_id, appended.id)
    _hand_over(tx, scope, letter.draft, appended.id)
    send(tx, house, row, inbox, appended.id, recipients, letter.undo_seconds)
    data = {"message": appended.id, "conversation": row.id, "kind": "forward", "before": {}, "after": {}}
    undo = remember(tx, scope, "send", data)
    return Replied(message=appended.id, number=appended.number, undo=undo)


def _subject(text: str) -> str:
    return " ".join(text.split())[:998]


def _who(tx: Reader, row: Row[Any]) -> str:
    identity = schema.identity
    found = tx.row(select(identity.c.name, identity.c.address).where(identity.c.id == (row.identity or 0)))
    if found is None:
        return ""
    return f"{found.name} <{found.address}>" if found.name else str(found.address)


def forwarded_text(comment: str, original: Row[Any], who: str) -> str:
    """The agent's words, then the original as a whole, marked as such."""
    body = original.full_text or original.text
    head = "\n".join(line for line in (who, original.subject) if line)
    return f"{comment.strip()}\n\n---------- \n{head}\n\n{body}".lstrip()


def _copy_files(tx: Tx, source: int, target: int) -> None:
    """The same bytes under another message; they stay the source's, which is kept as long as the conversation."""
    for row in tx.rows(select(attachment).where(attachment.c.message == source)):
        tx.add(attachment, {**dict(row._mapping), "id": tx.new_id(), "message": target, "inline": False})


def _hand_over(tx: Tx, scope: Scope, draft: int | None, sent: int) -> None:
    if draft is not None:
        drafts.own_draft(tx, scope, draft)
        drafts.hand_over_files(tx, draft, sent)
        drafts.discard(tx, scope, draft)


def starting_inboxes(house: House, scope: Scope) -> list[str]:
    """Inboxes through which this actor may start a conversation."""
    able = (inbox for inbox, can in house.capabilities.items() if can.starts and "email" in can.reaches)
    return [inbox for inbox in able if own_office(scope, house.directory.inboxes[inbox].office)]


def start(
    tx: Tx, house: House, scope: Scope, inbox: str, letter: Letter, queue: str | None = None
) -> Replied:
    """Start a conversation by e-mail with the first recipient; it is the actor's.

    ``queue``: without it the inbox's. Raises Denied, NotFound for an inbox or queue that there is not, Conflict.
    """
    require(scope, "answer")
    if (before := already(tx, scope, letter.client_id, letter.text)) is not None:
        return before
    if inbox not in starting_inboxes(house, scope):
        raise Conflict(NO_START)
    if not letter.text.strip():
        raise Conflict(EMPTY)
    recipients = _checked(tx, house, inbox, letter)
    chief = next(recipient for recipient in recipients if recipient.role == "to")
    identity = _identity(tx, chief)
    row = _new_conversation(tx, house, scope, identity, inbox, queue, letter)
    end = signature(house, scope, row.queue, row.office)
    appended = append(
        tx,
        row.id,
        kind="outbound",
        text=letter.text.strip() + (f"\n\n-- \n{end}" if end else ""),
        author=scope.user,
        subject=_subject(letter.subject),
        inbox=inbox,
        recipients=recipients,
        client_id=letter.client_id,
        language=row.language,
        data={"signature": end} if end else None,
    )
    _hand_over(tx, scope, letter.draft, appended.id)
    send(tx, house, row, inbox, appended.id, recipients, letter.undo_seconds)
    new = {"status": "resolved", **QUIET}
    data = {
        "message": appended.id,
        "conversation": row.id,
        "kind": "reply",
        "before": new,
        "after": {"status": row.status},
    }
    undo = remember(tx, scope, "send", data)
    return Replied(message=appended.id, number=appended.number, undo=undo)


def _identity(tx: Tx, recipient: Recipient) -> Row[Any]:
    """The address as we know it, or a new person."""
    identity, address = schema.identity, recipient.address.lower()
    known = select(identity).where(identity.c.kind == "email", identity.c.address == address)
    found = tx.row(known)
    if found is None:
        person = {"name": recipient.name, "created_at": tx.now}
        contact = tx.add(schema.contact, person)
        own = {
            "kind": "email",
            "address": address,
            "contact": contact,
            "name": recipient.name,
            "verified": False,
        }
        tx.add(identity, {**own, "created_at": tx.now})
        found = tx.row(known)
    if found is None:
        raise NotFound("identity")
    return found


def _new_conversation(
    tx: Tx, house: House, scope: Scope, identity: Row[Any], inbox: str, queue: str | None, letter: Letter
) -> Row[Any]:
    directory = house.directory
    line = directory.queues.get(queue or directory.inboxes[inbox].queue)
    if line is None or line.moderation:
        raise Conflict(NO_QUEUE)
    new = tx.add(
        schema.conversation,
        {
            "reference": new_reference(house.random),
            "office": line.office,
            "queue": line.id,
            "status": "waiting-citizen",
            "priority": 0,
            "tier": line.tier,
            "assignee": scope.user,
            "owner": scope.user,
            "contact": identity.contact,
            "identity": identity.id,
            "inbox": inbox,
            "channel": house.channels.get(inbox, "email"),
            "subject": _subject(letter.subject),
            "preview": " ".join(letter.text.split())[:160],
            "language": directory.inboxes[inbox].language,
            "tags": "[]",
            "messages": 0,
            "version": 1,
            "created_at": tx.now,
            "activity_at": tx.now,
            "first_reply_at": tx.now,
            "listed": True,
        },
    )
    row = tx.get(schema.conversation, new)
    if row is None:
        raise NotFound("conversation")
    return row


AGAIN = ("failed", "possibly-sent")
"""States of deliveries that a person may send again."""


def retry(tx: Tx, house: House, scope: Scope, message_id: int) -> int:
    """Send again what failed of a message, as new attempts at once; returns how many deliveries.

    Raises NotFound, Conflict when nothing of it failed.
    """
    sent = tx.locked(message, message_id)
    if sent is None or sent.kind != "outbound":
        raise NotFound("message")
    row = opened(tx, scope, sent.conversation)
    again = and_(delivery.c.message == message_id, delivery.c.state.in_(AGAIN))
    until = tx.now + int(house.directory.config.outbox.give_up_hours * HOUR)
    values = {"state": "queued", "due_at": tx.now, "give_up_at": until, "reason": None, "updated_at": tx.now}
    count = tx.execute(update(delivery).where(again).values(values)).rowcount
    if not count:
        raise Conflict(NOTHING_FAILED)
    tx.ring("outbox")
    derive_state(tx, message_id)
    failed = and_(delivery.c.conversation == row.id, delivery.c.state == "failed")
    left = tx.scalar(select(func.count()).select_from(delivery).where(failed))
    change(tx, scope, row.id, failed=bool(left))
    system_line(tx, row.id, "sent-again", scope.user, number=sent.number)
    tx.emit(
        "delivery",
        office=row.office,
        queue=row.queue,
        conversation=row.id,
        message=message_id,
        actor=scope.user,
    )
    return int(count)


def conversation_of(tx: Reader, message_id: int) -> int:
    """Where a message stands. Raises NotFound."""
    found = tx.scalar(select(message.c.conversation).where(message.c.id == message_id))
    if found is None:
        raise NotFound("message")
    return int(found)
