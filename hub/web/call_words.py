"""Calls in words: what became of each, how long it lasted, for the stream of a conversation and the telephone pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors._phone import shown
from hub.desk.view import Entry
from hub.i18n import mark as N_
from hub.phone.log import CALL_OUTCOMES
from hub.phone.states import Facts, State, talked

STATES: Mapping[State, tuple[str, str]] = {
    "ringing": (N_("Ringing"), "badge--warn"),
    "missed": (N_("Missed"), "badge--danger"),
    "answered": (N_("On the telephone"), "badge--accent"),
    "ended": (N_("To be noted"), "badge--warn"),
    "logged": (N_("Noted"), "badge--ok"),
}
"""Name and colour of the state of a call."""

NOT_TAKEN = N_("Nobody answered")
"""A missed call of ours."""


def facts_of(entry: Entry) -> Facts:
    """What is known of the call that a message is."""
    return msgspec.convert(entry.data.get("call", {}), Facts)


def length(facts: Facts) -> str:
    """How long it was talked: ``2:05``; empty where there was no talk or nobody told."""
    seconds = talked(facts)
    if not seconds:
        return ""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def state_of(state: State, facts: Facts) -> tuple[str, str]:
    """Name and colour, with a word of its own for a call of ours that nobody took."""
    if state == "missed" and facts.direction == "out":
        return NOT_TAKEN, ""
    return STATES[state]


CALL_WORDS: Mapping[str, Any] = {
    "call_facts": facts_of,
    "call_length": length,
    "call_state": state_of,
    "call_outcomes": CALL_OUTCOMES,
    "call_number": shown,
}
"""What the templates need to tell of a call."""
