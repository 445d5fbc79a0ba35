"""What people read about callbacks: lines in the conversation, names of states and outcomes, times in words."""

from __future__ import annotations

from collections.abc import Mapping

from babel.dates import format_datetime

from connectors.contract import Micros
from hub.calendar import at_wall_clock
from hub.callbacks.states import State
from hub.i18n import mark as N_

LINES: Mapping[str, str] = {
    "callback-ordered": N_("A call was ordered for {when}."),
    "callback-joined": N_("The person ordered the call again; it is now set for {when}."),
    "callback-repeated": N_("The person ordered the call again while it was being made."),
    "callback-refused": N_("A call was ordered, but the number cannot be called: {reason}"),
    "callback-moved": N_("The call was moved to {when}."),
    "callback-cancelled": N_("The call was cancelled."),
    "callback-called-again": N_("The person rang again; the call back stands for {when}."),
    "callback-settled": N_("The person got through by themselves; the call back is not needed any more."),
    "callback-offered": N_("The call was offered to {name}."),
    "callback-offer-lapsed": N_("{name} did not take the offered call in time."),
    "callback-released": N_("The call was given back to the queue."),
    "callback-dialling": N_("Calling, attempt {attempt}."),
    "callback-answered": N_("The person answered."),
    "callback-no-answer": N_("Nobody answered attempt {attempt}; the next one is set for {when}."),
    "callback-unreachable": N_("Nobody answered attempt {attempt}; it was the last one."),
    "callback-wrong-number": N_("The number is wrong; the call was given up."),
    "callback-done": N_("The call is done: {outcome}."),
    "callback-too-late": N_("The person wanted to change the call, but too late: it was being made or over."),
    "callback-expired": N_("No agent could take the call in time; it was given up."),
}
"""Texts of the system lines by their ``what``; ``{when}`` is made of the detail ``at``."""

STATE_NAMES: Mapping[State, str] = {
    "requested": N_("Requested"),
    "scheduled": N_("Scheduled"),
    "due": N_("Due"),
    "offered": N_("Offered"),
    "dialling": N_("Dialling"),
    "in-call": N_("In call"),
    "wrap-up": N_("Wrap-up"),
    "done": N_("Done"),
    "no-answer": N_("No answer"),
    "retry-wait": N_("Waiting for the next attempt"),
    "offer-lapsed": N_("Offer lapsed"),
    "unreachable": N_("Unreachable"),
    "cancelled": N_("Cancelled"),
    "expired": N_("Expired"),
    "rejected": N_("Number rejected"),
}

OUTCOMES: Mapping[str, str] = {
    "settled": N_("Settled on the telephone"),
    "follow-up": N_("We still have to answer"),
    "redirected": N_("Sent to another office"),
    "not-needed": N_("No longer needed"),
}
"""Outcomes that a finished call can have."""

ATTEMPT_OUTCOMES: Mapping[str, str] = {
    "no-answer": N_("No answer"),
    "answered": N_("Answered"),
    "wrong-number": N_("Wrong number"),
}

_LOCALES = {"pl": "pl", "en": "en_GB", "uk": "uk", "ru": "ru"}
_PATTERNS = {"pl": "EEEE, d MMMM, 'godz'. HH:mm"}


def when(language: str, zone: str, at: Micros) -> str:
    """A time in words of a language: ``czwartek, 12 listopada, godz. 10:00``."""
    wall = at_wall_clock(zone, at)
    pattern = _PATTERNS.get(language, "EEEE, d MMMM, HH:mm")
    return format_datetime(wall, pattern, locale=_LOCALES.get(language, "en_GB"))
