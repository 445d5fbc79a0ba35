"""Asking the rules about a conversation that is there: after an edit, a changed state, a timer.

The decision is made with what the store holds now, is kept as a trace with all its facts, and is carried out in the
same transaction. What it changes never makes the rules run again (see :mod:`hub.deciding.ending`).
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from hub.changes import by_rule
from hub.deciding.acting import Case, act
from hub.deciding.ending import StatusChange
from hub.deciding.keeping import keep_decision
from hub.deciding.matter import Matter, read_matter, read_state
from hub.deciding.waiting import TIMER, asked_about, due_now, row_of
from hub.house import House
from hub.intake.facts import NOTHING, Clockwork, Moment, build_facts, with_texts
from hub.intake.load import present_load
from hub.intake.routing import tags_of
from hub.store.tx import Tx
from hub.timers import put_timers
from rules import Actions, Facts, On, evaluate

_change = msgspec.json.Decoder(StatusChange).decode


def decide(
    tx: Tx,
    house: House,
    conversation: int,
    on: On,
    *,
    message: int | None = None,
    moment: Moment = NOTHING,
    text: str | None = None,
) -> Actions | None:
    """Ask the rules, keep the trace, carry the decision out; returns what they wanted.

    ``message`` is what the event is about (default: the person's last); ``text`` what was written, where less of it is
    kept (a comment). None when the conversation is gone or merged into another, or no rule runs on such an event; an
    edit is decided on in any case, so that a draft can be tried on what was written.
    """
    if on != "edit" and on not in house.watch.events:
        return None
    matter = read_matter(tx, house, conversation, message, text)
    if matter is None:
        return None
    load = present_load(tx)
    facts = _facts(tx, house, matter, on, moment)
    decision = evaluate(house.rules, with_texts(facts, matter.message.subject, matter.text, load))
    case = Case(
        house=house,
        on=on,
        decision=decision,
        conversation=conversation,
        message=matter.id,
        text=matter.text,
        automatic=matter.message.automatic,
        suspicious=matter.message.suspicious,
        blocked=(matter.person.blocked_until or 0) > tx.now,
    )
    with tx.savepoint() as inner:
        refused = act(inner, case)
        by_rule(inner)
    kept, here = _kept(facts, matter), matter.state.id
    keep_decision(tx, house, decision, kept, load, conversation=here, message=matter.id, refused=refused)
    return decision.actions


def _facts(tx: Tx, house: House, matter: Matter, on: On, moment: Moment) -> Facts:
    inbox = house.directory.inboxes.get(matter.message.inbox)
    return build_facts(
        on,
        matter.message,
        matter.language,
        person=matter.person,
        state=matter.state,
        history=matter.history,
        office=inbox.office if inbox else matter.state.office,
        clockwork=Clockwork(house.directory),
        now=tx.now,
        tags=tags_of(matter.state),
        sent=matter.sent,
        moment=moment,
    )


def _kept(facts: Facts, matter: Matter) -> Facts:
    """The facts as they are stored. The message of an edit will hold what it is changed to next, perhaps at this very
    moment, so its text is kept with them; but not a comment's, whose words are masked."""
    if facts.on != "edit" or matter.state.channel == "comments":
        return facts
    return msgspec.structs.replace(facts, text=matter.text)


# --- what asks ---------------------------------------------------------------------------------------------------


def on_status(tx: Tx, house: House, order: Row[Any]) -> bool:
    """The handler of the effect ``decide``: somebody changed a conversation's status or tags."""
    change = _change(order.data)
    moment = Moment(
        status=change.status,
        status_before=change.before,
        tags_added=change.added,
        tags_removed=change.removed,
    )
    return decide(tx, house, order.conversation, "status", moment=moment) is not None


def on_timer(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of timers of the kind ``rules``: nobody has answered for so long, or a timer of a rule ran out."""
    name = timer.kind.partition(":")[2]
    if name:
        decide(tx, house, timer.subject, "timer", moment=Moment(timer=name))
        return
    state = read_state(tx, timer.subject)
    if state is None:
        return
    clockwork = Clockwork(house.directory)
    due = due_now(house, clockwork, state, timer, tx.now)
    asked = {*asked_about(timer.data, state), *due}
    if due:
        plain = tuple(wait.minutes for wait in due if not wait.open_hours)
        opened = tuple(wait.minutes for wait in due if wait.open_hours)
        decide(tx, house, timer.subject, "timer", moment=Moment(due=plain, due_open=opened))
        state = read_state(tx, timer.subject) or state
    row = row_of(tx, house, clockwork, state, asked)
    put_timers(tx, [row] if row is not None else [])


TIMERS = {TIMER: on_timer}
"""Timer kinds of this package, for hub/app.py."""
