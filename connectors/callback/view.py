"""What the templates of the callback form need: free times by day, times and states in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_datetime, format_time

from connectors._i18n import N_
from connectors.callback.reading import SECOND
from connectors.contract import Booking, Micros

_LOCALES = {"pl": "pl", "en": "en_GB"}

STATES: Mapping[str, str] = {
    "scheduled": N_("We will call you on {when}."),
    "retry-wait": N_("Nobody answered. We will call again on {when}."),
    "due": N_("We will call you in a moment."),
    "offered": N_("We will call you in a moment."),
    "dialling": N_("We are calling you right now."),
    "in-call": N_("We are talking with you right now."),
    "wrap-up": N_("This call is over. Thank you."),
    "done": N_("This call is over. Thank you."),
    "unreachable": N_("We called several times and nobody answered. You can order a new call."),
    "cancelled": N_("This call was cancelled. You can order a new one."),
    "expired": N_("We are sorry: nobody was free to call you in time. You can order a new call."),
    "rejected": N_("This number cannot be called. You can order a call to another one."),
}
"""What a citizen reads about their call, by its state."""

NEWS: Mapping[str, str] = {
    "moved": N_("The call was moved."),
    "cancelled": N_("The call was cancelled."),
    "late": N_("The call could not be changed any more."),
}
"""What the page of a call says after a change."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Free times of one day; each is the value of its choice and the words for it."""

    name: str
    times: tuple[tuple[str, str], ...]


def wall(zone: str, at: Micros) -> dt.datetime:
    """A moment on the clock of the office."""
    return dt.datetime.fromtimestamp(at // SECOND, ZoneInfo(zone))


def days(slots: Sequence[Micros], zone: str, language: str) -> list[Day]:
    """Free times grouped by local day, in order."""
    locale = _LOCALES[language]
    grouped: dict[dt.date, list[tuple[str, str]]] = {}
    for at in slots:
        here = wall(zone, at)
        choice = (str(at // SECOND), format_time(here, "HH:mm", locale=locale))
        grouped.setdefault(here.date(), []).append(choice)
    return [
        Day(name=format_date(day, "EEEE, d MMMM", locale=locale), times=tuple(times))
        for day, times in grouped.items()
    ]


def in_words(at: Micros | None, zone: str, language: str) -> str:
    """A moment in words; empty for none."""
    if at is None:
        return ""
    pattern = "EEEE, d MMMM, 'godz'. HH:mm" if language == "pl" else "EEEE, d MMMM, HH:mm"
    return format_datetime(wall(zone, at), pattern, locale=_LOCALES[language])


def state(booking: Booking) -> str:
    """The msgid of what the citizen reads about a call, with ``{when}``."""
    return STATES.get(booking.state, STATES["scheduled"])
