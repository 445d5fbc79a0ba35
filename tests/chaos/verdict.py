"""The verdict of a run: ledgers of senders and peers beside what the API shows, never the hub's own tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from tests.chaos.agent import Agent, answer_of
from tests.chaos.ledgers import Ledger, marker_of

UNFINISHED = ("held", "queued", "sending")
GOING_ON = ("ringing", "answered")


class Shown(msgspec.Struct, kw_only=True):
    """What the API shows at the end: inbound markers by conversation in order, states of answers and of calls by
    marker. A call bears its marker as the caller's name."""

    inbound: dict[str, list[str]] = msgspec.field(default_factory=dict)
    states: dict[str, list[str]] = msgspec.field(default_factory=dict)
    calls: dict[str, str] = msgspec.field(default_factory=dict)
    unfinished: int = 0

    def add(self, conversation: str, messages: Sequence[dict[str, Any]]) -> None:
        """All messages of one conversation."""
        for message in messages:
            self.unfinished += message["state"] in UNFINISHED
            called = message["kind"] == "call"
            text = message["sender"] if called else f"{message['text']} {message['subject']}"
            if message["kind"] in ("inbound", "call") and (marker := marker_of(text)):
                self.inbound.setdefault(conversation, []).append(marker)
                if called:
                    self.calls[marker] = message["state"]
            if (marker := answer_of(message)) is not None:
                self.states.setdefault(marker, []).extend([message["state"], *_attempts(message)])

    def count(self) -> Counter[str]:
        """How often each marker is there."""
        return Counter(marker for found in self.inbound.values() for marker in found)


def _attempts(message: dict[str, Any]) -> list[str]:
    """Outcomes of all attempts of a message."""
    return [
        attempt["outcome"] or "open"
        for delivery in message.get("deliveries", [])
        for attempt in delivery.get("attempts", [])
    ]


def lost(ledgers: Sequence[Ledger], shown: Shown) -> list[str]:
    """What was acknowledged and is not there."""
    there = shown.count()
    return sorted(marker for ledger in ledgers for marker in ledger.acknowledged if not there[marker])


def faults(
    ledgers: Sequence[Ledger],
    shown: Shown,
    agent: Agent,
    received: Sequence[Sequence[str]],
    numbered: Sequence[str] = (),
) -> list[str]:
    """Everything that breaks the promise. ``received`` are the markers of answers by peer, in order; ``numbered`` those
    of items that a server in between numbered, by its number."""
    return [
        *(f"lost {marker}" for marker in lost(ledgers, shown)),
        *_doubled(ledgers, shown),
        *_out_of_order(ledgers, shown, numbered),
        *_calls(ledgers, shown),
        *_answers(shown, agent, Counter(marker for one in received for marker in one)),
        *_answers_out_of_order(shown, agent, received),
    ]


def _doubled(ledgers: Sequence[Ledger], shown: Shown) -> list[str]:
    there = shown.count()
    return [f"{there[m]} times {m}" for ledger in ledgers for m in ledger.begun if there[m] > 1]


def _out_of_order(ledgers: Sequence[Ledger], shown: Shown, numbered: Sequence[str]) -> list[str]:
    """One person's messages, each told when the one before was acknowledged, stand in that order; those that were put
    into a mailbox stand as that has them."""
    series = {ledger.name for ledger in ledgers if ledger.series > 1}
    place = {marker: number for number, marker in reversed(list(enumerate(numbered)))}
    found = []
    for markers in shown.inbound.values():
        mine = [marker for marker in markers if marker[:-6] in series]
        if mine != sorted(mine, key=lambda marker: (place.get(marker, 0), marker)):
            found.append(f"order of {mine}")
    return found


def _calls(ledgers: Sequence[Ledger], shown: Shown) -> list[str]:
    """An exchange that was told that we know of a call's end shows none that goes on."""
    ended = {marker for ledger in ledgers for marker in ledger.acknowledged if marker in shown.calls}
    return [
        f"call {marker} is {shown.calls[marker]}"
        for marker in sorted(ended)
        if shown.calls[marker] in GOING_ON
    ]


def _answers(shown: Shown, agent: Agent, came: Counter[str]) -> list[str]:
    found = []
    for marker in sorted({*agent.made, *agent.tried}):
        states = shown.states.get(marker, [])
        if marker in agent.made and not came[marker] and not {"failed", "possibly-sent"} & set(states):
            found.append(f"answer to {marker} lost, shown as {states}")
        if came[marker] > 1 and "ambiguous" not in states:
            found.append(f"answer to {marker} came {came[marker]} times, shown as {states}")
    return found


def _answers_out_of_order(shown: Shown, agent: Agent, received: Sequence[Sequence[str]]) -> list[str]:
    """Answers of one conversation came in the order in which they were made, but for those that nobody is sure of."""
    made = {marker: number for number, marker in enumerate(agent.made)}
    found = []
    for came in received:
        lanes: defaultdict[str, list[int]] = defaultdict(list)
        for marker in dict.fromkeys(came):
            sure = not {"ambiguous", "failed", "possibly-sent"} & set(shown.states.get(marker, []))
            if marker in made and sure:
                lanes[agent.made[marker]].append(made[marker])
        found += [f"answers of conversation {lane} came out of order" for lane, order in lanes.items()
                  if order != sorted(order)]  # fmt: skip
    return found
