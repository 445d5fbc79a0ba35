"""Answering a comment: in public as the office, or in a private conversation linked to it.

A public answer is an outbound message in the author's conversation with a post under theirs. A private
continuation is a new conversation in an agents' queue; the comment's own stays with the editorial team.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors._split import units
from connectors.contract import Micros, Recipient
from hub.audit import record
from hub.calendar import add_open_minutes, calendar
from hub.changes import began, note
from hub.deciding.keeping import keep_decision
from hub.desk.repeats import written_before
from hub.desk.undoing import remember
from hub.house import House
from hub.i18n import mark as N_
from hub.intake.facts import with_texts
from hub.intake.load import present_load
from hub.intake.references import new_reference
from hub.messages import append, locked_conversation, system_line
from hub.moderation import platform
from hub.moderation.decide import STALE, UNDONE
from hub.moderation.placing import path_of
from hub.moderation.rows import article_of, change, workable
from hub.moderation.telling import address_given, tell_author
from hub.outbox.compose import wire_id
from hub.outbox.queue import enqueue, outlet
from hub.replay.standins import unmask
from hub.scope import Conflict, Scope, require
from hub.store import schema
from hub.store.tx import Reader, Tx
from rules import Facts, evaluate

post, message, conversation, link = (
    schema.post,
    schema.message,
    schema.conversation,
    schema.conversation_link,
)

LONGEST_ANSWER = 10_000

NOT_PUBLIC = N_("Publish the comment first: readers would see an answer to nothing.")
EMPTY = N_("Please write the answer.")
TOO_LONG = N_("The answer is too long.")
UNREACHABLE = N_("Nothing reaches the author of this comment in private.")
NO_QUEUE = N_("There is no queue for private conversations of this office.")

CONTINUATION = "continuation"
"""The kind of link between a comment's conversation and its private one."""


def answer_in_public(
    tx: Tx, house: House, scope: Scope, number: int, text: str, *, client_id: str, revision: int | None = None
) -> int:
    """Put the office's answer under a published comment; returns its post. The same ``client_id`` answers once.

    The author is told by a notice where an address is known. Raises Conflict for an unpublished or changed comment,
    TakenBefore when another text was given with that id.
    """
    require(scope, "moderate")
    row = workable(tx, scope, number)
    text = text.replace("\r\n", "\n").strip()
    before = earlier_answer(tx, scope, client_id, text)
    if before is not None:
        return before
    if not text or len(text) > LONGEST_ANSWER:
        raise Conflict(TOO_LONG if text else EMPTY)
    if row.state != "published":
        raise Conflict(NOT_PUBLIC)
    if row.standing is not None:
        _check_platform(house, row, text)
    if revision is not None and revision != row.revision:
        raise Conflict(STALE)
    return _answer(tx, house, scope, row, text, client_id)


def _check_platform(house: House, row: Row[Any], text: str) -> None:
    can = platform.capabilities(house, row.inbox)
    if not can.public_replies:
        raise Conflict(platform.CANNOT)
    if row.standing == "deleted":
        raise Conflict(platform.GONE_THERE)
    if can.max_length is not None and units(text) > can.max_length:
        raise Conflict(TOO_LONG)


def earlier_answer(tx: Reader, scope: Scope, client_id: str, text: str) -> int | None:
    """The answer that this actor gave with this id, or None. Raises TakenBefore when it was another one."""
    found = written_before(tx, scope, client_id, text)
    return None if found is None else int(found.id)


def _answer(tx: Tx, house: House, scope: Scope, row: Row[Any], text: str, client_id: str) -> int:
    added = append(
        tx,
        row.conversation,
        kind="outbound",
        text=text,
        author=scope.user,
        inbox=row.inbox,
        channel="comments",
        reply_to=row.id,
        client_id=client_id,
        data={"public": True} | ({"target": _reference(tx, row)} if row.standing is not None else {}),
    )
    standing = None if row.standing is None else platform.UNSENT
    revision = add_office_post(tx, house, row, added.id, text, standing=standing)
    conversation_row = locked_conversation(tx, row.conversation)
    undo = int(house.directory.config.outbox.undo_seconds * 1_000_000)
    to = Recipient(address=_address(tx, row.author), name=row.author_name)
    if row.standing is None:
        enqueue(tx, house, conversation_row, added.id, [to], inbox=row.inbox, operation="publish")
    else:
        # It leaves for good, so it waits like any reply until it can no longer be taken back.
        due = tx.now + undo if undo else None
        enqueue(tx, house, conversation_row, added.id, [to], inbox=row.inbox, due_at=due, held=undo > 0)
    answered(tx, conversation_row)
    place = article_of(tx, row)
    key = f"comment-answer:{added.id}"
    tell_author(tx, house, row, place, "comment-answered", text=text, key=key, due_at=tx.now + undo)
    record(tx, scope.user, "comment-answer", f"post:{row.id}", {"answer": added.id})
    item = {
        "post": added.id,
        "revision": revision,
        "before": {"state": "hidden"},
        "notice": key,
        "answer": True,
    }
    remember(tx, scope, UNDONE, {"posts": [item]})
    return added.id


def _reference(tx: Reader, row: Row[Any]) -> str | None:
    """What the platform calls a comment, or an answer of ours."""
    written = tx.get(message, row.id)
    return wire_id(tx, written) if written is not None else None


def add_office_post(
    tx: Tx,
    house: House,
    row: Row[Any],
    number: int,
    text: str,
    *,
    standing: str | None = None,
    link: str = "",
) -> int:
    """The office's post under a comment; returns its revision. ``standing`` and ``link``: of one on a platform."""
    office = house.directory.offices.get(row.office)
    tx.add(
        post,
        {
            "id": number,
            "conversation": row.conversation,
            "inbox": row.inbox,
            "office": row.office,
            "article": row.article,
            "parent": row.id,
            "path": path_of(number, row.path),
            "author": None,
            "author_name": office.name if office else house.directory.config.hub.name,
            "state": "published",
            "version": 1,
            "revision": 1,
            "text": text,
            "hold_reasons": "[]",
            "reports": 0,
            "urgent": False,
            "created_at": tx.now,
            "published_at": tx.now,
            "standing": standing,
            "link": link,
        },
    )
    tx.emit("post", office=row.office, conversation=row.conversation, message=number, version=1)
    return 1


def answered(tx: Tx, row: Row[Any]) -> None:
    """Nobody owes the author an answer any more."""
    values = {"first_reply_at": row.first_reply_at or tx.now, "waiting_since": None, "due_at": None}
    tx.change(conversation, row.id, **values)
    note(tx, row, values)


def _address(tx: Reader, identity: int | None) -> str:
    found = tx.scalar(select(schema.identity.c.address).where(schema.identity.c.id == identity))
    return str(found or "")


def open_private(tx: Tx, house: House, scope: Scope, number: int) -> int:
    """Open a private conversation with a comment's author, linked to the comment; returns its id.

    The rules decide its queue as they would for the same text in a form. Asked again, the open one is returned.
    """
    require(scope, "moderate")
    row = workable(tx, scope, number)
    if row.author is None or row.state == "erased":
        raise Conflict(N_("This comment has no author to talk to."))
    if row.standing is not None and not _reachable(tx, house, row):
        raise Conflict(UNREACHABLE)
    open_one = _continuation(tx, row.conversation)
    if open_one is not None:
        return open_one
    source = locked_conversation(tx, row.conversation)
    place = article_of(tx, row)
    created = _open(tx, house, row, source, place)
    values = {"conversation": source.id, "other": created, "kind": CONTINUATION, "at": tx.now}
    tx.execute(link.insert().values(values))
    system_line(tx, created, "continued-from-comment", scope.user, post=row.id, other=source.id)
    system_line(tx, source.id, "continued-in-private", scope.user, post=row.id, other=created)
    change(tx, row, scope.user)
    record(tx, scope.user, "comment-private", f"post:{row.id}", {"conversation": created})
    return created


def _reachable(tx: Reader, house: House, row: Row[Any]) -> bool:
    """Whether the platform lets us write to the author of a comment, or we know another way to them."""
    if platform.capabilities(house, row.inbox).private_replies:
        return True
    table = schema.identity
    contact = select(table.c.contact).where(table.c.id == row.author).scalar_subquery()
    kinds = tx.rows(select(table.c.kind).where(table.c.contact == contact).distinct())
    return any(outlet(house, row.office, found.kind) is not None for found in kinds)


def _continuation(tx: Reader, source: int) -> int | None:
    """The private conversation that a comment already has, while it is not resolved."""
    statement = (
        select(conversation.c.id)
        .join(link, link.c.other == conversation.c.id)
        .where(link.c.conversation == source, link.c.kind == CONTINUATION)
        .where(conversation.c.status.not_in(("resolved", "spam")))
        .order_by(conversation.c.id.desc())
        .limit(1)
    )
    found: int | None = tx.scalar(statement)
    return found


def _open(tx: Tx, house: House, row: Row[Any], source: Row[Any], place: Row[Any]) -> int:
    """A new conversation with the masked comment as its first message."""
    facts = Facts(on="new", channel="form", inbox=row.inbox, office=row.office)
    load = present_load(tx)
    decision = evaluate(house.rules, with_texts(facts, unmask(place.title), unmask(row.text), load))
    actions = decision.actions
    queue = _queue(house, row, actions.queue)
    line = house.directory.queues[queue]
    cal = calendar(house.directory, line.office, queue)
    created = tx.add(
        conversation,
        {
            "reference": new_reference(house.random),
            "office": line.office,
            "queue": queue,
            "status": "open",
            "priority": actions.priority or 0,
            "tier": line.tier,
            "contact": source.contact,
            "identity": source.identity,
            "inbox": row.inbox,
            "channel": source.channel,
            "subject": place.title,
            "preview": " ".join(row.text.split())[:160],
            "language": source.language,
            "tags": msgspec.json.encode(list(actions.tags)).decode(),
            "messages": 1,
            "version": 1,
            "created_at": tx.now,
            "activity_at": tx.now,
            "inbound_at": tx.now,
            "waiting_since": tx.now,
            "due_at": add_open_minutes(cal, Micros(tx.now), line.target_minutes),
            "listed": True,
            "previous": source.id,
        },
    )
    tx.execute(
        schema.conversation_office.insert().values(conversation=created, office=line.office, at=tx.now)
    )
    written = _copy_comment(tx, created, row, source, place)
    keep_decision(tx, house, decision, facts, load, conversation=created, message=written)
    began(tx, created)
    tx.emit("conversation", office=line.office, queue=queue, conversation=created, version=1)
    return created


def _copy_comment(tx: Tx, created: int, row: Row[Any], source: Row[Any], place: Row[Any]) -> int:
    """What the author wrote, as the agent sees it: the masked text of the comment."""
    copy = {
        "conversation": created,
        "number": 1,
        "kind": "inbound",
        "channel": source.channel,
        "inbox": row.inbox,
        "identity": row.author,
        "at": tx.now,
        "sent_at": row.created_at,
        "subject": place.title,
        "text": row.text,
        "recipients": "[]",
        "automatic": "no",
        "language": source.language,
        "data": msgspec.json.encode({"from_post": row.id} | _reply_address(tx, row)).decode(),
    }
    return tx.add(message, copy)


def _reply_address(tx: Reader, row: Row[Any]) -> dict[str, Any]:
    """Where the author wants the answer, as intake keeps it; on a platform what it calls the comment."""
    if row.standing is not None:
        return {"wire_id": _reference(tx, row)}
    address = address_given(tx, row.id)
    return {"reply_to": [{"address": address, "name": ""}]} if address else {}


def _queue(house: House, row: Row[Any], wished: str | None) -> str:
    """The queue for a private conversation: the rules' own, else the inbox's, else the first of the office; never one
    for moderation or spam. Raises Conflict when there is none."""
    queues = house.directory.queues
    near = [queue.id for queue in queues.values() if queue.office == row.office]
    inbox = house.directory.inboxes.get(row.inbox)
    for name in (wished, inbox.queue if inbox else "", *near):
        line = queues.get(name or "")
        if line is not None and not line.moderation and not line.spam:
            return line.id
    raise Conflict(NO_QUEUE)
