"""What a decision does in a batch besides routing: its trace, joining, lines, notes about the person, timers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hub.deciding.naming import winner
from hub.deciding.waiting import timer_rows
from hub.desk.row import ACTIVE
from hub.store import schema
from hub.store.tx import Tx
from rules import Actions, Decision, Facts, Fault, encode_trace
from rules.language import ACCUMULATING, ACTIONS, MERGED
from rules.text import Text, mark

from .read import Known, read_conversations
from .state import ConversationState, Item, Person, Rows

_json = msgspec.json.Encoder().encode
_attributes = msgspec.json.Decoder(dict[str, str]).decode

NOT_OPEN = Text(mark("the conversation is not open any more, so joining is only suggested"))
NOT_PROVEN = Text(mark("who takes part in the conversation is not verified, so joining is only suggested"))


class Decided(msgspec.Struct):
    """A decision with the facts that it was made on."""

    facts: Facts
    decision: Decision
    faults: tuple[Fault, ...] = ()


def combined(decided: Sequence[Actions]) -> Actions:
    """Actions of several decisions about one message: the first that says something wins, what adds up adds up."""
    if len(decided) == 1:
        return decided[0]
    found: dict[str, Any] = {}
    for actions in decided:
        for name in ACTIONS:
            value = getattr(actions, name)
            if value is None or value is False or value in ((), {}):
                continue
            if name in ACCUMULATING:
                value = tuple(dict.fromkeys((*found.get(name, ()), *value)))
                found[name] = value
            elif name in MERGED:
                found[name] = {**value, **found.get(name, {})}
            else:
                found.setdefault(name, value)
    return Actions(**found)


def keep_traces(
    tx: Tx,
    rows: Rows,
    item: Item,
    state: ConversationState,
    message_id: int,
    decisions: Sequence[Decided],
    refused: Sequence[Fault],
) -> None:
    """Put the traces of one message's decisions up for writing; ``refused`` of the last could not be carried out."""
    house, load = item.call.house, item.call.load.id or None
    for decided in decisions:
        trace, faults = decided.decision.trace, decided.faults
        if refused and decided is decisions[-1]:
            faults += tuple(
                Fault(winner(decided.decision, fault.action), fault.why, fault.action) for fault in refused
            )
        if faults:
            trace = msgspec.structs.replace(trace, faults=trace.faults + faults)
        place = (tx.new_id(), state.id, message_id, tx.now, house.rules_version)
        rows.traces.append((*place, _json(decided.facts), load, encode_trace(trace)))


def joinable(
    tx: Tx, known: Known, person: Person, candidates: Sequence[int]
) -> tuple[ConversationState | None, Text | None]:
    """The conversation into which a rule may put a verified sender's message, or why it may not.

    The first candidate, as it is now, locked; and only where whoever takes part there is the sender, or verified too:
    an address that somebody merely claimed must not bring strangers into one conversation.
    """
    if not candidates:
        return None, None
    read_conversations(tx, known, {candidates[0]})
    state = known.conversation(candidates[0])
    if state is None or state.contact != person.contact or state.status not in ACTIVE or state.quarantined:
        return None, NOT_OPEN
    if state.identity != person.id and not _verified(tx, state.identity):
        return None, NOT_PROVEN
    return state, None


def _verified(tx: Tx, identity: int) -> bool:
    found = tx.lookup(schema.identity, ("id",), ("verified",), [(identity,)])
    return bool(found and found[0][0])


def add_line(tx: Tx, rows: Rows, state: ConversationState, what: str, **details: Any) -> None:
    """Put a system line up for writing, behind what the conversation holds so far."""
    if not any(state is opened for opened in rows.conversations):
        rows.changed[state.id] = state
    state.messages += 1
    state.version += 1
    line = tx.new_id()
    data = _json({"what": what, **details}).decode()
    own = (line, state.id, state.messages, "system", state.channel, None, None, tx.now, None, "", "")
    rows.messages.append((*own, None, None, "[]", None, "no", "", None, data))
    place = {"office": state.office, "queue": state.queue, "conversation": state.id}
    tx.emit("message", **place, message=line, version=state.version)


def note_contact(rows: Rows, known: Known, person: Person, noted: Mapping[str, str]) -> None:
    """Attributes of the contact as a rule sets them; later messages of the batch see them."""
    after = _json(_attributes(person.attributes) | dict(noted)).decode()
    if after == person.attributes:
        return
    rows.attributes[person.contact] = after
    for other in known.people.values():
        if other.contact == person.contact:
            other.attributes = after


def start_timers(tx: Tx, rows: Rows, state: ConversationState, timers: Mapping[str, int]) -> None:
    """Timers that rules start; one that runs under the same name begins anew."""
    for row in timer_rows(tx, state.id, timers.items()):
        rows.timers[row[1], state.id] = row
