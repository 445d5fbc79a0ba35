"""Opening a conversation and putting a decision's actions into effect on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hub.config import Queue
from hub.directory import Directory
from rules import Actions, Fault
from rules.text import Text, mark

from .joining import DAY
from .references import new_reference
from .state import ConversationState, Item, Person, Recent

NO_AGENT = Text(mark("nobody active has that account, or they may not see this conversation"))

_json = msgspec.json.Encoder().encode
_tags = msgspec.json.Decoder(tuple[str, ...]).decode


def tags_of(state: ConversationState) -> tuple[str, ...]:
    """The tags of a conversation."""
    return _tags(state.tags) if state.tags != "[]" else ()


def open_conversation(
    item: Item, person: Person, id_: int, now: int, previous: ConversationState | None
) -> ConversationState:
    """A new conversation in its inbox's queue, before any rule has spoken; version 0 until its message is in."""
    message, house = item.message, item.call.house
    inbox = house.directory.inboxes[message.inbox]
    return ConversationState(
        id=id_,
        reference=new_reference(house.random),
        office=inbox.office,
        queue=inbox.queue,
        status="open",
        priority=0,
        tier=1,
        owner=None,
        assignee=None,
        contact=person.contact,
        identity=person.id,
        inbox=message.inbox,
        channel=house.channels[message.inbox],
        subject=message.subject,
        preview="",
        language=inbox.language,
        tags="[]",
        topic=None,
        outcome=None,
        messages=0,
        version=0,
        created_at=now,
        activity_at=now,
        inbound_at=None,
        waiting_since=None,
        due_at=None,
        previous=previous.id if previous else None,
        listed=message.comment is None,
    )


def possible_duplicate(history: Sequence[Recent], days: float, now: int) -> int | None:
    """A conversation of the same sender that is still open and this young."""
    since = now - int(days * DAY)
    active = (r for r in history if r.status not in ("resolved", "spam") and r.activity_at >= since)
    return next((r.id for r in active), None)


def reopen(item: Item, state: ConversationState) -> None:
    """To the same assignee if on duty, else to the same queue; the clock of the next answer starts anew."""
    state.status = "open"
    state.resolved_at = None
    state.waiting_since = None
    if state.assignee not in item.call.load.available:
        state.assignee = None


def apply(
    item: Item, state: ConversationState, actions: Actions, now: int, *, blocked: bool
) -> tuple[Fault, ...]:
    """Put a decision into effect; returns what could not be done. Only a new conversation is routed, assigned, closed
    or marked as spam: a reopened one stays in its queue, and a follow-up is never torn from its agent.
    """
    fresh = state.version == 0
    if fresh:
        _route(item.call.house.directory, state, actions)
    if actions.priority is not None:
        state.priority = actions.priority if fresh else max(state.priority, actions.priority)
    if actions.tags:
        state.tags = _json(tuple(dict.fromkeys((*tags_of(state), *actions.tags)))).decode()
    state.topic = state.topic or actions.topic
    state.suggested_office = state.suggested_office or actions.suggest_office
    state.protocol = state.protocol or actions.distress
    state.suspicious = state.suspicious or item.message.suspicious or None
    if fresh and (actions.spam or blocked):
        state.status = "spam"
    elif fresh and actions.close:
        state.status = "resolved"
        state.resolved_at = now
    if fresh and actions.assign is not None:
        return _assign(item, state, actions.assign)
    return ()


def _assign(item: Item, state: ConversationState, login: str) -> tuple[Fault, ...]:
    """To somebody who may work on it: of its office, or of the front office."""
    person, office = item.call.load.people.get(login, (None, ""))
    if person is None or office not in (*item.call.house.directory.front, state.office):
        return (Fault("", NO_AGENT, "assign"),)
    state.assignee = person
    return ()


def _route(directory: Directory, state: ConversationState, actions: Actions) -> None:
    queue = actions.queue
    if queue is None and actions.office is not None:
        queue = territorial_queue(directory.queues.values(), actions.office)
    line = directory.queues.get(queue or "")
    if line is not None:
        state.queue, state.office, state.tier = line.id, line.office, line.tier
        state.listed = state.listed or not line.moderation
    else:
        state.office = directory.office_of_queue(state.queue, state.office)
    if actions.tier is not None:
        state.tier = actions.tier


def territorial_queue(queues: Iterable[Queue], office: str) -> str | None:
    """The queue in which an office works what it is sent."""
    return next((queue.id for queue in queues if queue.office == office and not queue.spam), None)
