"""Carrying out a decision about a conversation that is there already; every deed is a line with the name of its rule.

An edited message, like a further one, never tears a conversation from its agent: it may be tagged, raised, answered
and told of, no more. A changed state and a timer may also move, assign, close or file it, which is what they are for.
Where a deed is refused (the queue is gone, the account is not active) the others are done all the same, and the trace
says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Row, select

from hub.deciding.calls import ask_for_call
from hub.deciding.naming import asked_by, rule_name, webhook_data, winner
from hub.deciding.waiting import timer_rows
from hub.desk import actions as desk
from hub.desk.row import change
from hub.desk.transfer import transfer
from hub.house import House
from hub.intake.orders import ACKNOWLEDGEMENT, may_answer
from hub.intake.routing import territorial_queue
from hub.messages import locked_conversation, system_line
from hub.outbox.orders import DAY, add_effect, answer_key
from hub.scope import SYSTEM, Conflict, Denied, NotFound, Scope
from hub.store import schema
from hub.store.tx import Tx
from hub.timers import put_timers
from rules import Decision, Fault, On
from rules.decision import PRIORITIES
from rules.text import Text, mark

MOVING: frozenset[On] = frozenset({"status", "timer"})
"""Events on which a rule may move, assign, close or file a conversation."""

CLOSED = Text(mark("it is resolved or filed as spam, and a rule reopens nothing"))
MISSING = Text(mark("the queue or office that it names does not exist any more"))
PROTECTED = Text(mark("never done by a machine for distress"))

_RANKS = {rank: name for name, rank in PRIORITIES.items()}
_tags = msgspec.json.Decoder(tuple[str, ...]).decode
_attributes = msgspec.json.Decoder(dict[str, str]).decode


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision is carried out on: the conversation, and the message that it is about, as rules saw it."""

    house: House
    on: On
    decision: Decision
    conversation: int
    message: int | None
    text: str
    automatic: str
    suspicious: str
    blocked: bool


Deed = Callable[[Tx, Case, Row[Any], Scope], Text | None]
"""Carries out one action; returns why it could not be done."""


def act(tx: Tx, case: Case) -> tuple[Fault, ...]:
    """Carry out a decision; returns what could not be done."""
    faults: list[Fault] = []
    for field, deed in DEEDS.items():
        if not getattr(case.decision.actions, field) and field != "priority":
            continue
        if case.decision.actions.priority is None and field == "priority":
            continue
        if field in ONLY_MOVING and case.on not in MOVING:
            continue
        why = _try(tx, case, field, deed)
        if why is not None:
            faults.append(Fault(winner(case.decision, field), why, field))
    return tuple(faults)


def _try(tx: Tx, case: Case, field: str, deed: Deed) -> Text | None:
    rule = rule_name(case.house, winner(case.decision, field))
    scope = msgspec.structs.replace(SYSTEM, rule=rule)
    try:
        with tx.savepoint() as inner:
            return deed(inner, case, locked_conversation(inner, case.conversation), scope)
    except NotFound:
        return MISSING
    except (Conflict, Denied) as error:
        return Text(str(error))


# --- deeds -------------------------------------------------------------------------------------------------------


def _move(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    """To a queue, or to an office's own; as an agent hands it on, so that office and citizen are told."""
    asked, directory = case.decision.actions, case.house.directory
    queue = asked.queue or territorial_queue(directory.queues.values(), asked.office or "")
    if queue is None:
        raise NotFound("queue")
    if row.status in ("resolved", "spam"):
        return CLOSED
    if queue != row.queue:
        transfer(tx, case.house, scope, [row.id], queue=queue)
    return None


def _office(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    return None if case.decision.actions.queue else _move(tx, case, row, scope)


def _set(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    """What is only a column, and only where nobody said anything yet."""
    asked = case.decision.actions
    values: dict[str, Any] = {
        "topic": row.topic or asked.topic,
        "suggested_office": row.suggested_office or asked.suggest_office,
        "protocol": row.protocol or asked.distress,
    }
    if asked.tier is not None and case.on in MOVING:
        values["tier"] = asked.tier
    new = {name: value for name, value in values.items() if value != getattr(row, name)}
    if new:
        change(tx, scope, row.id, **new)
    return None


def _priority(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    """A message and an edit only raise it; so does everything where a protocol of distress is on."""
    rank = case.decision.actions.priority or 0
    if (case.on not in MOVING or row.protocol) and rank <= row.priority:
        return None
    desk.prioritise(tx, scope, [row.id], _RANKS[rank])
    return None


def _tag(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    new = [tag for tag in desk.clean_tags(case.decision.actions.tags) if tag not in _tags(row.tags)]
    if new:
        desk.tag(tx, scope, [row.id], add=new)
    return None


def _assign(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    user = schema.user
    login = case.decision.actions.assign
    person = tx.scalar(select(user.c.id).where(user.c.login == login, user.c.active.is_(True)))
    if person is None:
        raise Conflict(desk.NO_AGENT)
    if row.status in ("resolved", "spam"):
        return CLOSED
    desk.assign(tx, case.house, scope, [row.id], person)
    return None


def _close(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    if row.protocol:
        return PROTECTED
    if row.status != "spam":
        desk.resolve(tx, scope, [row.id])
    return None


def _spam(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    if row.protocol:
        return PROTECTED
    desk.spam(tx, scope, [row.id])
    return None


def _contact(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    person = tx.locked(schema.contact, row.contact)
    if person is None:
        return None
    before = _attributes(person.attributes)
    after = before | dict(case.decision.actions.set_contact)
    if after != before:
        encoded = msgspec.json.encode(after).decode()
        tx.change(schema.contact, row.contact, attributes=encoded, version=person.version + 1)
        said = [f"{name}: {value}" for name, value in after.items() if before.get(name) != value]
        system_line(tx, row.id, "contact-noted", rule=scope.rule, noted=said)
    return None


def _timer(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    put_timers(tx, timer_rows(tx, row.id, case.decision.actions.timer.items()))
    return None


def _may_answer(case: Case, row: Row[Any]) -> bool:
    return may_answer(case.automatic, case.suspicious or row.suspicious, row, blocked=case.blocked)


def _answer(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    asked = case.decision.actions
    again = asked.answer == ACKNOWLEDGEMENT and row.messages > 1
    if asked.answer is not None and not again and _may_answer(case, row):
        key = answer_key(row.contact, tx.now // DAY)
        add_effect(
            tx, "answer", {"template": asked.answer}, key=key, conversation=row.id, message=case.message
        )
    return None


def _callback(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    order = case.decision.actions.callback
    if order is None or not _may_answer(case, row):
        return None
    return ask_for_call(tx, case.house, row, case.text, order, scope.rule)


def _notify(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    calls = asked_by(case.house, case.decision, "notify")
    data = {"whom": case.decision.actions.notify, "calls": calls}
    add_effect(tx, "notify", data, conversation=row.id, message=case.message)
    return None


def _webhook(tx: Tx, case: Case, row: Row[Any], scope: Scope) -> Text | None:
    asked = asked_by(case.house, case.decision, "webhook")
    for name in case.decision.actions.webhook:
        add_effect(tx, "webhook", webhook_data(name, asked), conversation=row.id, message=case.message)
    return None


DEEDS: dict[str, Deed] = {
    "queue": _move,
    "office": _office,
    "distress": _set,
    "topic": _set,
    "suggest_office": _set,
    "tier": _set,
    "priority": _priority,
    "tags": _tag,
    "assign": _assign,
    "set_contact": _contact,
    "spam": _spam,
    "close": _close,
    "answer": _answer,
    "callback": _callback,
    "notify": _notify,
    "webhook": _webhook,
    "timer": _timer,
}
"""By field of the actions, in the order in which they are carried out. ``hold`` and ``mask`` are of comments, ``join``
and ``split`` of a message that comes in: elsewhere they mean nothing."""

ONLY_MOVING = frozenset({"queue", "office", "assign", "close", "spam"})
"""Deeds that are left undone for an edit."""
