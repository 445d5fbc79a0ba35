"""Noting a call: caller, topic, outcome and a note; of a call that the exchange told of, or of any other.

The call stands in the conversation that the agent chose, or opens one of its own in the agent's hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, select

from connectors._phone import NO_SUCH, SHORT, BadNumber, normalise
from connectors.contract import Party
from hub.callbacks.texts import OUTCOMES
from hub.desk import actions
from hub.desk.merging import merge_conversations
from hub.desk.repeats import TakenBefore, written_before
from hub.desk.row import change, opened, seen
from hub.house import House
from hub.i18n import mark as N_
from hub.intake.references import new_reference
from hub.messages import append
from hub.phone import record
from hub.phone.lists import phone_inbox
from hub.phone.states import SECOND, Facts
from hub.scope import Conflict, NotFound, Scope, require
from hub.store import schema
from hub.store.tx import Tx

NOTE_LIMIT = 4000

LATELY = 2 * 3600 * SECOND
"""How long ago a call may have begun that is noted by hand though the exchange told of it."""

CALL_OUTCOMES: Mapping[str, str] = {**OUTCOMES, "no-answer": N_("Nobody answered")}
"""What can come of a call; the ids are those of a callback."""

OPEN = frozenset({"follow-up", "no-answer"})
"""Outcomes after which something is still to be done: the conversation stays open with its agent."""

NO_OUTCOME = N_("Choose an outcome.")
NO_INBOX = N_("No inbox of the kind phone is set up; an administrator has to add one.")
NOTED = N_("This call was noted already.")
OTHER_PERSON = N_(
    "That conversation is with somebody else. Link the two people first, or open a new conversation."
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent filled in. ``call``: the message of a call that the exchange told of; ``conversation``: where
    another one belongs, None for a new one. ``number`` as typed, empty for a hidden one.

    ``client_id`` makes a repeated click harmless.
    """

    outcome: str
    client_id: str
    call: int | None = None
    conversation: int | None = None
    number: str = ""
    name: str = ""
    direction: Literal["in", "out"] = "in"
    topic: str = ""
    note: str = ""
    queue: str | None = None


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """Where the call stands now; ``undo`` is the id of the resolving, if that is what the outcome brought."""

    conversation: int
    message: int
    undo: int | None = None


def log_call(tx: Tx, house: House, scope: Scope, entry: Entry) -> Logged:
    """Note a call. Raises Denied, NotFound, Conflict (a bad number, an unknown outcome, noted already), TakenBefore for
    other words under the same ``client_id``."""
    require(scope, "answer")
    if entry.outcome not in CALL_OUTCOMES:
        raise Conflict(NO_OUTCOME)
    if (before := _written(tx, scope, entry)) is not None:
        return before
    entry = _recognised(tx, scope, entry)
    row = _told(tx, house, scope, entry) if entry.call is not None else _by_hand(tx, house, scope, entry)
    facts = msgspec.structs.replace(
        record.facts_of(row),
        topic=_topic(entry),
        outcome=entry.outcome,
        logged_at=tx.now,
    )
    record.keep(tx, house, row, facts, scope.user, entry.note.strip()[:NOTE_LIMIT])
    return Logged(
        conversation=row.conversation,
        message=row.id,
        undo=_conclude(tx, house, scope, row.conversation, facts),
    )


def _topic(entry: Entry) -> str:
    return " ".join(entry.topic.split())[:120]


def _written(tx: Tx, scope: Scope, entry: Entry) -> Logged | None:
    """What this form noted before. Raises TakenBefore where it says something else now."""
    row = written_before(tx, scope, entry.client_id, entry.note.strip()[:NOTE_LIMIT])
    if row is None:
        return None
    facts = record.facts_of(row)
    if (facts.topic, facts.outcome) != (_topic(entry), entry.outcome):
        raise TakenBefore
    return Logged(conversation=row.conversation, message=row.id)


def _recognised(tx: Tx, scope: Scope, entry: Entry) -> Entry:
    """A call noted by hand that the exchange told of is that call, not another one."""
    if entry.call is not None or scope.user is None or not entry.number.strip():
        return entry
    told = record.unnoted(tx, scope.user, number=_number(entry.number), since=tx.now - LATELY)
    return msgspec.structs.replace(entry, call=told[0]) if told else entry


def _told(tx: Tx, house: House, scope: Scope, entry: Entry) -> Row[Any]:
    """The message of a call that the exchange told of and that nobody has noted; with the conversation that it belongs
    to, where the agent chose another of this person: the two are merged, which can be undone."""
    row = record.locked(tx, entry.call or 0)
    opened(tx, scope, row.conversation)
    if record.facts_of(row).logged_at is not None:
        raise Conflict(NOTED)
    if entry.conversation is not None and entry.conversation != row.conversation:
        merge_conversations(tx, house, scope, row.conversation, entry.conversation)
        row = record.locked(tx, row.id)
    tx.change(schema.message, row.id, client_id=entry.client_id)
    if name := entry.name.strip()[:200]:
        _name(tx, row, name)
    return row


def _name(tx: Tx, row: Row[Any], name: str) -> None:
    """Whom the agent talked with, where nobody knew their name; a hidden number is a person of its own."""
    identity = tx.locked(schema.identity, row.identity or 0)
    contact = tx.locked(schema.contact, identity.contact) if identity is not None else None
    if identity is None or contact is None:
        return
    hidden = identity.kind == record.HIDDEN
    if hidden or not identity.name:
        tx.change(schema.identity, identity.id, name=name)
    if hidden or not contact.name:
        tx.change(schema.contact, contact.id, name=name)


def _by_hand(tx: Tx, house: House, scope: Scope, entry: Entry) -> Row[Any]:
    """A message for a call that only the agent knows of."""
    inbox = phone_inbox(house, scope.office)
    if inbox is None:
        raise Conflict(NO_INBOX)
    number = _number(entry.number)
    if entry.conversation is not None:
        identity = _speaker(tx, scope, entry.conversation, number, entry.name)
        conversation = opened(tx, scope, entry.conversation).id
    else:
        party = _party(house, inbox, number, entry)
        identity = _identity(tx, party)
        conversation = _open(tx, house, scope, inbox, identity, entry)
    facts = Facts(direction=entry.direction, began_at=tx.now)
    added = append(
        tx,
        conversation,
        kind="call",
        author=scope.user,
        identity=identity.id,
        inbox=inbox,
        channel=record.CHANNEL,
        client_id=entry.client_id,
    )
    tx.change(schema.message, added.id, data=record.stored(facts))
    return record.locked(tx, added.id)


def _number(typed: str) -> str:
    if not typed.strip():
        return ""
    try:
        return normalise(typed)
    except BadNumber as error:
        raise Conflict(NO_SUCH if error.reason == SHORT else error.reason) from error


def _party(house: House, inbox: str, number: str, entry: Entry) -> Party:
    if number:
        return Party(kind=record.CHANNEL, address=number, name=entry.name.strip()[:200])
    hidden = record.hidden_party(house, inbox, entry.client_id)
    return msgspec.structs.replace(hidden, name=entry.name.strip()[:200] or hidden.name)


def _known(tx: Tx, kind: str, address: str) -> Row[Any] | None:
    identity = schema.identity
    return tx.row(select(identity).where(identity.c.kind == kind, identity.c.address == address))


def _add_identity(tx: Tx, party: Party, contact: int) -> Row[Any]:
    own = {"kind": party.kind, "address": party.address, "contact": contact, "name": party.name}
    tx.add(schema.identity, {**own, "verified": False, "created_at": tx.now})
    row = _known(tx, party.kind, party.address)
    if row is None:
        raise NotFound("identity")
    return row


def _identity(tx: Tx, party: Party) -> Row[Any]:
    """Whose number it is, or a new person."""
    found = _known(tx, party.kind, party.address)
    if found is not None:
        contact = tx.locked(schema.contact, found.contact)
        if party.name and contact is not None and not contact.name:
            tx.change(schema.contact, contact.id, name=party.name)
        return found
    return _add_identity(tx, party, tx.add(schema.contact, {"name": party.name, "created_at": tx.now}))


def _speaker(tx: Tx, scope: Scope, conversation: int, number: str, name: str) -> Row[Any]:
    """Who called about a conversation that is there: by a number of theirs, a new one (which is noted), or unnamed.

    Raises Conflict for a number that is somebody else's.
    """
    row = seen(tx, scope, conversation)
    if number:
        found = _known(tx, record.CHANNEL, number)
        if found is None:
            party = Party(kind=record.CHANNEL, address=number, name=name.strip()[:200])
            return _add_identity(tx, party, row.contact)
        if found.contact != row.contact:
            raise Conflict(OTHER_PERSON)
        return found
    found = tx.locked(schema.identity, row.identity)
    if found is None:
        raise NotFound("identity")
    return found


def _open(tx: Tx, house: House, scope: Scope, inbox: str, identity: Row[Any], entry: Entry) -> int:
    """A new conversation in the hands of the agent who talked."""
    directory = house.directory
    line = directory.queues.get(entry.queue or "") or directory.queues.get(directory.inboxes[inbox].queue)
    if line is None or line.moderation or line.spam:
        raise NotFound("queue")
    new = tx.add(
        schema.conversation,
        {
            "reference": new_reference(house.random),
            "office": line.office,
            "queue": line.id,
            "status": "open",
            "priority": 0,
            "tier": line.tier,
            "assignee": scope.user,
            "owner": scope.user,
            "contact": identity.contact,
            "identity": identity.id,
            "inbox": inbox,
            "channel": record.CHANNEL,
            "subject": "",
            "preview": "",
            "language": directory.inboxes[inbox].language,
            "tags": "[]",
            "messages": 0,
            "version": 0,
            "created_at": tx.now,
            "activity_at": tx.now,
            "inbound_at": tx.now,
            "first_reply_at": tx.now,
            "listed": True,
        },
    )
    tx.execute(schema.conversation_office.insert().values(conversation=new, office=line.office, at=tx.now))
    return new


def _conclude(tx: Tx, house: House, scope: Scope, conversation: int, facts: Facts) -> int | None:
    """Topic and outcome of the call are those of the conversation; it is resolved unless something is still owed."""
    if facts.outcome not in OPEN:
        said = house.translate(house.directory.config.hub.language, CALL_OUTCOMES[facts.outcome])
        return actions.resolve(tx, scope, [conversation], topic=facts.topic, outcome=said).undo
    row = opened(tx, scope, conversation)
    values: dict[str, Any] = {}
    if row.status in ("resolved", "waiting-citizen"):
        values = {"status": "open", "resolved_at": None}
    if facts.topic:
        values["topic"] = facts.topic
    if row.assignee is None:
        values["assignee"] = scope.user
    if facts.outcome == "follow-up" and row.waiting_since is None:
        values["waiting_since"] = tx.now
    if values:
        change(tx, scope, conversation, **values)
    return None
