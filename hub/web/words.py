"""How screens say times, sizes, numbers and names: the filters of the templates, by language and zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal
from markupsafe import Markup

from connectors._phone import shown
from connectors.contract import Micros
from hub.i18n import mark as N_
from hub.i18n import translate, translate_plural

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY


def moment(at: int, zone: str) -> dt.datetime:
    """A time of the store on the wall clock of an office."""
    return dt.datetime.fromtimestamp(at / SECOND, ZoneInfo(zone))


def exact(at: int, language: str, zone: str) -> str:
    """Date and time in full: "poniedziałek, 16 listopada 2026 09:00"."""
    return _exact(at // MINUTE, language, zone)


# A page of a list tells a hundred times, and Babel takes a tenth of a millisecond for each.
@lru_cache(maxsize=8192)
def _exact(minute: int, language: str, zone: str) -> str:
    local = moment(minute * MINUTE, zone)
    # Babel's own full date is the American one in English; everywhere else the day comes before the month.
    day = format_date(local, "EEEE, d MMMM y", locale=language)
    return f"{day} {format_time(local, 'HH:mm', locale=language)}"


@lru_cache(maxsize=4096)
def _day(day: dt.date, pattern: str, language: str) -> str:
    return str(format_date(day, pattern, locale=language))


@lru_cache(maxsize=4096)
def _distance(seconds: int, language: str) -> str:
    span = dt.timedelta(seconds=seconds)
    return str(format_timedelta(span, add_direction=True, format="short", threshold=1, locale=language))


def relative(at: int, now: int, language: str, zone: str) -> str:
    """As people say it: "now", "5 min ago", "yesterday 14:05", "3 Nov", "3 Nov 2025"."""
    distance = now - at
    if abs(distance) < MINUTE:
        return translate(language, "now")
    if abs(distance) < WEEK:
        unit = next(unit for unit in (DAY, HOUR, MINUTE) if abs(distance) >= unit)
        # Whole units that have passed, as the page counts on by itself; never rounded up, or a reload would differ.
        whole = abs(distance) // unit * unit // SECOND
        return _distance(-whole if distance > 0 else whole, language)
    local = moment(at, zone)
    pattern = "d MMM" if local.year == moment(now, zone).year else "d MMM y"
    return _day(local.date(), pattern, language)


_WHEN = Markup('<time datetime="%s" title="%s" data-relative>%s</time>')
"""Filled with ``%``, which escapes as ``format`` does in a quarter of its time."""


def time_element(at: int | None, now: int, language: str, zone: str) -> Markup:
    """A ``<time>`` with the relative time as text and the exact one on hover; a dash for None."""
    if at is None:
        return Markup("<span aria-hidden='true'>–</span>")
    return _WHEN % (machine(at), exact(at, language, zone), relative(at, now, language, zone))


def clock_element(at: int | None, now: int, language: str, zone: str) -> Markup:
    """A ``<time>`` that shows date and time of day: the day is left out today."""
    if at is None:
        return Markup("<span aria-hidden='true'>–</span>")
    local, today = moment(at, zone), moment(now, zone)
    if local.date() == today.date():
        text = format_time(local, "HH:mm", locale=language)
    else:
        pattern = "d MMM, HH:mm" if local.year == today.year else "d MMM y, HH:mm"
        text = format_datetime(local, pattern, locale=language)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        machine(at), exact(at, language, zone), text
    )


def day_and_time(at: int, now: int, language: str, zone: str) -> str:
    """A time to come as one says it to somebody: "10:24" today, else "pon., 23 lis, 08:00"."""
    local, today = moment(at, zone), moment(now, zone)
    pattern = "HH:mm" if local.date() == today.date() else "EEE, d MMM, HH:mm"
    return str(format_datetime(local, pattern, locale=language))


def machine(at: int) -> str:
    """RFC 3339 in UTC."""
    return dt.datetime.fromtimestamp(at / SECOND, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(micros: int, language: str) -> str:
    """A length of time in its two largest units: "2 d 3 h", "1 h 5 min", "45 s"."""
    left = abs(int(micros))
    units = (
        (DAY, translate(language, "d")),
        (HOUR, translate(language, "h")),
        (MINUTE, translate(language, "min")),
        (SECOND, translate(language, "s")),
    )
    parts = []
    for unit, name in units:
        amount, left = divmod(left, unit)
        if amount:
            parts.append(f"{amount}\u00a0{name}")
        if len(parts) == 2 or (parts and unit == MINUTE) or (parts and not amount):
            break
    return " ".join(parts) or f"0\u00a0{units[-1][1]}"


def size(octets: int, language: str) -> str:
    """A size of a file in decimal units: "1,2 MB"."""
    value, unit = float(octets), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    digits = "0" if unit == "B" or value >= 100 else "0.#"
    return f"{format_decimal(value, digits, locale=language)}\u00a0{unit}"


def number(value: float, language: str) -> str:
    """With the separators of the language."""
    return str(format_decimal(value, locale=language))


@lru_cache(maxsize=4096)
def address(known: str) -> str:
    """An address as people write it: a telephone number in groups, anything else as it is."""
    return shown(known) if known.startswith("+") else known


def who(name: str | None, known: str | None, language: str) -> str:
    """What a list calls a person: the name, else the address, else that it is not known."""
    return name or address(known or "") or translate(language, "Unknown person")


CHANNELS = {
    "email": N_("E-mail"),
    "sms": N_("SMS"),
    "comments": N_("Comment"),
    "form": N_("Form"),
    "callback": N_("Callback"),
    "phone": N_("Telephone"),
    "chat": N_("Chat"),
    "webhook": N_("Other system"),
}

BRANDS = {
    "telegram": "Telegram",
    "xmpp": "XMPP",
    "messenger": "Messenger",
    "instagram": "Instagram",
    "whatsapp": "WhatsApp",
    "x": "X",
    "youtube": "YouTube",
    "kannel": "SMS (Kannel)",
    "smpp": "SMS (SMPP)",
    "smsapi": "SMS (SMSAPI)",
    "twilio": "SMS (Twilio)",
    "facebook_comments": "Facebook",
    "instagram_comments": "Instagram",
}


def channel_name(channel: str, language: str) -> str:
    """What people call a channel."""
    return translate(language, CHANNELS[channel]) if channel in CHANNELS else BRANDS.get(channel, channel)


def initials(name: str) -> str:
    """Up to two letters for an avatar; a number has none."""
    words = [word for word in name.split() if word[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def filters(language: str, zone: str, now: Micros) -> dict[str, Callable[..., Any]]:
    """The functions of a page in one language and zone; templates call them ``when(x)``, ``size(x)`` …"""
    return {
        "when": lambda at: time_element(at, now, language, zone),
        "at": lambda at: clock_element(at, now, language, zone),
        "day_at": lambda at: day_and_time(at, now, language, zone),
        "exact": lambda at: exact(at, language, zone),
        "span": lambda micros: span(micros, language),
        "size": lambda octets: size(octets, language),
        "number": lambda value: number(value, language),
        "initials": initials,
        "who": lambda row: who(row.person, row.address, language),
        "address": address,
        "channel_name": lambda channel: channel_name(channel, language),
        "plural": lambda one, many, n, **rest: translate_plural(language, one, many, n, **rest),
    }
