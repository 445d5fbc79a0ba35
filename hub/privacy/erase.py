"""Taking a person out of the store: what they wrote, what was written to and about them, and all traces of it.

What stays is nobody's: that there was a conversation in a queue at a time (for the figures), the scores of surveys, ids
in the stream and in the audit log, and a tombstone where a comment was answered. A copy in a backup stays until the
backup is replaced; a platform keeps what was written there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select, text, update

from connectors.contract import Recipient
from hub.audit import record
from hub.moderation.erasing import erase as erase_post
from hub.privacy.people import Person, occurs, subject
from hub.scope import Conflict, Scope, require
from hub.store import schema as s
from hub.store.tx import Reader, Tx

IN_HAND = "An answer to this person is being sent, or a call with them goes on. Try again in a few minutes"

MEANWHILE = "The person wrote meanwhile. Try again"


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """How much was taken away. ``letters`` were begun to them and not sent."""

    letters: int
    conversations: int
    messages: int
    files: int
    comments: int


def hold(tx: Tx, person: Person) -> None:
    """Keep everybody else off what is this person's until the transaction ends, where several write at once: whoever
    takes a message of theirs in, writes to them or sends has committed by now, or waits. What they wrote meanwhile may
    have changed who and what the person is: look again after this and before :func:`erase`."""
    delivery = s.delivery.c
    leaving = and_(
        delivery.conversation.in_(person.conversations), delivery.state.in_(("held", "queued", "sending"))
    )
    theirs: tuple[tuple[Table, ColumnElement[bool]], ...] = (
        (s.identity, s.identity.c.id.in_(person.identities)),
        (s.conversation, s.conversation.c.id.in_(person.conversations)),
        (s.delivery, leaving),
    )
    for table, condition in theirs:
        tx.rows(select(table.c.id).where(condition).order_by(table.c.id).with_for_update())


def erase(tx: Tx, scope: Scope, person: Person, originals: Sequence[int]) -> Erased:
    """Take everything of a person away. ``originals`` are further raws that hold an address of theirs (reports of
    deliveries, what lies in the quarantine); see :func:`naming`.

    Raises Denied, and Conflict while something of theirs is in hand, for then a part would come back.
    """
    require(scope, "administer")
    _refuse_in_hand(tx, person)
    if tx.sqlite:
        tx.execute(text("PRAGMA secure_delete = ON"))
    messages = or_(
        s.message.c.conversation.in_(person.conversations),
        s.message.c.id.in_(person.elsewhere),
    )
    letters = _begun_letters(tx, person)
    counted = {
        "letters": len(letters),
        "conversations": len(person.conversations),
        "messages": tx.scalar(select(func.count()).select_from(s.message).where(messages)),
        "comments": _erase_comments(tx, person),
        "files": _erase_files(tx, messages, originals),
    }
    _erase_around(tx, person, messages, letters)
    tx.execute(delete(s.message).where(messages, s.message.c.id.not_in(select(s.post.c.id))))
    tx.execute(update(s.message).where(messages).values(**_NOTHING_SAID))
    _erase_names(tx, person)
    _blank_conversations(tx, person)
    record(tx, scope.user, "contact-erased", subject(person), counted)
    if tx.sqlite:
        tx.execute(text("PRAGMA secure_delete = OFF"))
    return Erased(**counted)


def naming(tx: Reader, addresses: Sequence[str], after: int, many: int) -> tuple[list[int], int | None]:
    """Originals of machines (reports of deliveries, what lies in the quarantine) whose bytes hold one of the addresses,
    among ``many`` behind ``after``; and where to go on, None at the end."""
    raw = s.raw.c
    rows = tx.rows(select(raw.id, raw.content).where(raw.id > after).order_by(raw.id).limit(many))
    wanted = occurs(addresses)
    found = [row.id for row in rows if wanted and row.content and wanted.search(row.content)]
    if found:  # what somebody else wrote stays theirs, whomever it names
        people = and_(s.message.c.raw.in_(found), s.message.c.automatic == "no")
        others = {row.raw for row in tx.rows(select(s.message.c.raw).where(people))}
        found = [one for one in found if one not in others]
    return found, rows[-1].id if len(rows) == many else None


NOWHERE = 0
"""An erased conversation is merged into none: no token, number, link or address leads there any more."""

_NOTHING_SAID: dict[str, Any] = {
    **{"subject": "", "text": "", "full_text": None, "html": None, "recipients": "[]", "data": "{}"},
    **{"raw": None, "external_id": None, "client_id": None, "sent_at": None},
}
"""Columns of a message under a tombstone."""

_NOTHING_KNOWN: dict[str, Any] = {
    **{"status": "resolved", "listed": False, "quarantined": False, "failed": False, "tags": "[]"},
    **{"subject": "", "preview": "", "topic": None, "outcome": None, "suspicious": None, "protocol": None},
    **{"waiting_since": None, "due_at": None, "snoozed_until": None, "woken": None},
    **{"suggested_office": None, "possible_duplicate": None, "merged_into": NOWHERE},
}
"""Columns of a conversation that is only counted any more."""


def _refuse_in_hand(tx: Tx, person: Person) -> None:
    delivery, callback = s.delivery.c, s.callback.c
    sending = and_(delivery.conversation.in_(person.conversations), delivery.state == "sending")
    calling = and_(callback.contact.in_(person.contacts), callback.agent.is_not(None))
    for column, condition in ((delivery.id, sending), (callback.id, calling)):
        if tx.row(select(column).where(condition).limit(1)) is not None:
            raise Conflict(IN_HAND)


def _erase_comments(tx: Tx, person: Person) -> int:
    post = s.post
    theirs = or_(post.c.conversation.in_(person.conversations), post.c.author.in_(person.identities))
    rows = tx.rows(select(post).where(theirs))
    for row in rows:
        if row.state != "erased":
            erase_post(tx, row)
    ids = [row.id for row in rows]
    tx.execute(update(s.report).where(s.report.c.post.in_(ids)).values(text=""))
    tx.execute(update(s.report).where(s.report.c.reporter.in_(person.identities)).values(text="", origin=""))
    tx.execute(update(s.appeal).where(s.appeal.c.post.in_(ids)).values(text=""))
    tx.execute(update(post).where(post.c.id.in_(ids)).values(reason_text=None))
    return len(rows)


def _erase_files(tx: Tx, messages: ColumnElement[bool], originals: Sequence[int]) -> int:
    """Attachments and originals."""
    attachment, raw, of_them = s.attachment, s.raw, select(s.message.c.id).where(messages)
    files = tx.rows(select(attachment.c.id, attachment.c.blob).where(attachment.c.message.in_(of_them)))
    kept = tx.rows(select(s.message.c.raw).where(messages, s.message.c.raw.is_not(None)).distinct())
    raws = [*(row.raw for row in kept), *originals]
    blobs = tx.rows(select(raw.c.blob).where(raw.c.id.in_(raws), raw.c.blob.is_not(None)))
    # One original may hold what several people wrote: messages of the others refer to none then.
    tx.execute(delete(s.parked).where(s.parked.c.raw.in_(raws)))
    tx.execute(delete(raw).where(raw.c.id.in_(raws)))
    tx.execute(delete(attachment).where(attachment.c.id.in_([file.id for file in files])))
    loose = [row.blob for row in (*files, *blobs) if row.blob is not None]
    _let_go(tx, s.blob.c.id.in_(loose))
    return len(files)


def _let_go(tx: Tx, blobs: ColumnElement[bool]) -> None:
    """Bytes without an owner since ever: the next sweep takes them."""
    tx.execute(update(s.blob).where(blobs).values(owner=None, created_at=0))


def _erase_around(tx: Tx, person: Person, messages: ColumnElement[bool], letters: Sequence[int]) -> None:
    """What stands around messages and conversations."""
    here, of_them = person.conversations, select(s.message.c.id).where(messages)
    deliveries = select(s.delivery.c.id).where(s.delivery.c.message.in_(of_them))
    draft = s.draft.c
    theirs = or_(draft.conversation.in_(here), draft.id.in_(letters))
    drafts = select(draft.id).where(theirs)
    calls = select(s.callback.c.id).where(s.callback.c.contact.in_(person.contacts))
    traced = or_(s.trace.c.conversation.in_(here), s.trace.c.message.in_(person.elsewhere))
    _let_go(tx, s.blob.c.id.in_(select(s.attachment.c.blob).where(s.attachment.c.draft.in_(drafts))))
    gone: tuple[tuple[Table, ColumnElement[bool]], ...] = (
        (s.attempt, s.attempt.c.delivery.in_(deliveries)),
        (s.delivery, s.delivery.c.message.in_(of_them)),
        (s.attachment, s.attachment.c.draft.in_(drafts)),
        (s.draft, theirs),
        (s.callback_attempt, s.callback_attempt.c.callback.in_(calls)),
        (s.timer, and_(s.timer.c.subject.in_(calls), s.timer.c.kind.like("callback%"))),
        (s.callback, s.callback.c.contact.in_(person.contacts)),
        (s.rule_run_move, s.rule_run_move.c.trace.in_(select(s.trace.c.id).where(traced))),
        (s.trace, traced),
        (s.search_doc, s.search_doc.c.message.in_(of_them)),
        (s.thread_key, s.thread_key.c.conversation.in_(here)),
        (s.timer, s.timer.c.subject.in_([*here, *person.contacts])),
        (s.timer, s.timer.c.subject.in_(of_them)),  # telephone calls
        (s.effect, or_(s.effect.c.conversation.in_(here), s.effect.c.message.in_(person.elsewhere))),
        (s.notification, s.notification.c.conversation.in_(here)),
        (s.access_grant, s.access_grant.c.conversation.in_(here)),
        (
            s.conversation_merge,
            or_(s.conversation_merge.c.survivor.in_(here), s.conversation_merge.c.absorbed.in_(here)),
        ),
        (s.chat, s.chat.c.conversation.in_(here)),
    )
    for table, condition in gone:
        tx.execute(delete(table).where(condition))
    tx.execute(update(s.survey).where(s.survey.c.conversation.in_(here)).values(comment=""))


def _begun_letters(tx: Tx, person: Person) -> list[int]:
    """Drafts of conversations that are to begin with this person. One to somebody else stays without their address."""
    draft, named = s.draft.c, occurs(person.addresses)
    theirs = {address.lower() for address in person.addresses}
    begun = select(draft.id, draft.recipients, draft.half_typed).where(draft.conversation.is_(None))
    found = []
    for row in tx.rows(begun.order_by(draft.id).with_for_update()):
        recipients = msgspec.json.decode(row.recipients, type=list[Recipient])
        lines = msgspec.json.decode(row.half_typed or "{}", type=dict[str, str])
        others = [recipient for recipient in recipients if recipient.address.lower() not in theirs]
        unclear = {role: line for role, line in lines.items() if not (named and named.search(line.encode()))}
        whole = {recipient.role for recipient in recipients if recipient not in others}
        if "to" in (named_in := whole | (lines.keys() - unclear)):
            found.append(row.id)
        elif named_in:
            kept = msgspec.json.encode(unclear).decode() if unclear else None
            tx.change(s.draft, row.id, recipients=msgspec.json.encode(others).decode(), half_typed=kept)
    return found


def _erase_names(tx: Tx, person: Person) -> None:
    contact, identity = s.contact, s.identity
    tx.execute(
        update(contact)
        .where(contact.c.id.in_(person.contacts))
        .values(name="", language="", attributes="{}", note="", version=contact.c.version + 1)
    )
    for one in person.identities:
        nobody = {"kind": "erased", "address": str(one), "name": "", "verified": False}
        tx.change(identity, one, **nobody, blocked_reason=None, blocked_until=None, silent_since=tx.now)


def _blank_conversations(tx: Tx, person: Person) -> None:
    conversation = s.conversation
    rows = tx.rows(
        select(conversation.c.id, conversation.c.office, conversation.c.queue, conversation.c.version)
        .where(conversation.c.id.in_(person.conversations))
        .order_by(conversation.c.id)
        .with_for_update()
    )
    for row in rows:
        values = {**_NOTHING_KNOWN, "resolved_at": func.coalesce(conversation.c.resolved_at, tx.now)}
        tx.change(conversation, row.id, **values, version=row.version + 1)
        tx.emit(
            "conversation",
            office=row.office,
            queue=row.queue,
            conversation=row.id,
            version=row.version + 1,
        )
