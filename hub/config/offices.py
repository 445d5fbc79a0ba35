"""Offices with their hours, queues and teams; inboxes; addresses that rules may call."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from connectors.contract import Secret
from hub.config.words import Hours, Id, Language, Section, about


class Week(Section, frozen=True, kw_only=True):
    """Opening hours of a week, for example ``tue = "08:00-12:00, 13:00-16:00"``; an empty day is closed."""

    mon: Annotated[Hours, about("Monday.")] = "07:30-15:30"
    tue: Annotated[Hours, about("Tuesday.")] = "07:30-15:30"
    wed: Annotated[Hours, about("Wednesday.")] = "07:30-15:30"
    thu: Annotated[Hours, about("Thursday.")] = "07:30-15:30"
    fri: Annotated[Hours, about("Friday.")] = "07:30-15:30"
    sat: Annotated[Hours, about("Saturday.")] = ""
    sun: Annotated[Hours, about("Sunday.")] = ""

    def spans(self, weekday: int) -> tuple[tuple[int, int], ...]:
        """Open times of a weekday (0 is Monday) as pairs of minutes since midnight, in order.

        Raises ValueError for a span that ends before it begins.
        """
        text: str = getattr(self, WEEKDAYS[weekday])
        return tuple(_span(part) for part in text.split(",") if part.strip())


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def minutes(time_of_day: str) -> int:
    """``"08:30"`` as minutes since midnight."""
    hour, minute = time_of_day.strip().split(":")
    return int(hour) * 60 + int(minute)


def _span(text: str) -> tuple[int, int]:
    start, end = (minutes(part) for part in text.split("-"))
    if start >= end:
        raise ValueError(f"opening hours {text.strip()!r} end before they begin")
    return start, end


class Office(Section, frozen=True, kw_only=True):
    """One labour office, or the national line itself. It has queues, people and hours of its own."""

    id: Annotated[Id, about("Stable name, for example pup-lomza.")]
    name: Annotated[str, about("Name as citizens know it.", min_length=1)]
    city: Annotated[str, about("Town of its seat.")] = ""
    county: Annotated[str, about("County (powiat) it serves, without the word powiat.")] = ""
    postcodes: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern="^[0-9]{2}(-[0-9]{0,3})?$", examples=["18-4"])], ...],
        about('Beginnings of the postcodes that it serves: "18-4" is all of 18-400 to 18-499.'),
    ] = ()
    zone: Annotated[str | None, about("IANA time zone; without it the hub's.")] = None
    language: Annotated[Language, about("Language of its texts.")] = "pl"
    hours: Annotated[Week, about("Opening hours.")] = Week()
    holidays: Annotated[
        str,
        about(
            "ISO country whose public holidays it keeps; empty: none.",
            pattern="^([A-Z]{2})?$",
            examples=["PL"],
        ),
    ] = "PL"
    closed: Annotated[
        tuple[
            Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-12-24"])], ...
        ],
        about("Further days (YYYY-MM-DD) on which it is closed."),
    ] = ()
    email: Annotated[
        str | None, about("Its registered address: the only one from which it may answer by mail.")
    ] = None
    address: Annotated[str, about("Street address as shown to citizens.")] = ""
    signature: Annotated[str, about("Text under its answers.")] = ""


class Queue(Section, frozen=True, kw_only=True):
    """A waiting line that agents work from."""

    id: Annotated[Id, about("Stable name, used by rules.")]
    name_pl: Annotated[str, about("Name on Polish screens.", min_length=1)]
    name_en: Annotated[str, about("Name on English screens.", min_length=1)]
    office: Annotated[Id, about("The office it belongs to.")]
    tier: Annotated[int, about("1 front office, 2 back office, 3 territorial office.", ge=1, le=3)] = 1
    signature: Annotated[str, about("Text under replies; without it the office's.")] = ""
    target_minutes: Annotated[
        int, about("Opening-hours minutes within which a first answer is due.", ge=1)
    ] = 480
    skills: Annotated[tuple[str, ...], about("Skills an agent needs to be offered its conversations.")] = ()
    hours: Annotated[Week | None, about("Hours in which its clocks run; without them the office's.")] = None
    moderation: Annotated[bool, about("Worked on the moderation bench, not from the list.")] = False
    spam: Annotated[bool, about("Where spam goes; nobody is offered its conversations.")] = False
    survey: Annotated[
        bool, about("Whether people are asked what they think once their matter here is resolved.")
    ] = False


class Team(Section, frozen=True, kw_only=True):
    """People who work the same queues; who belongs to it is kept in the database."""

    id: Annotated[Id, about("Stable name.")]
    name_pl: Annotated[str, about("Name on Polish screens.", min_length=1)]
    name_en: Annotated[str, about("Name on English screens.", min_length=1)]
    office: Annotated[Id, about("The office it belongs to.")]
    queues: Annotated[tuple[Id, ...], about("Queues it works.")] = ()


class Inbox(Section, frozen=True, kw_only=True):
    """One account on a channel."""

    id: Annotated[Id, about("Stable name; part of the webhook address /in/ID.")]
    kind: Annotated[str, about("Kind of channel, as the pages in docs/channels name it.")]
    name: Annotated[str, about("Name shown to agents, and as the sender of mails.", min_length=1)]
    office: Annotated[Id, about("The office it belongs to.")]
    queue: Annotated[Id, about("Queue of conversations that no rule routes.")]
    language: Annotated[
        Language, about("Language of its site and of texts for people whose own is not known.")
    ] = "pl"
    on_ambiguous: Annotated[
        Literal["retry", "hold"] | None,
        about(
            "What to do with a sending whose outcome a crash left unknown; without it the channel's own default."
        ),
    ] = None
    survey: Annotated[
        bool | None,
        about("Whether people who wrote here are asked what they think; without it as the queue says."),
    ] = None
    enabled: Annotated[bool, about("Whether it is started.")] = True
    settings: Annotated[dict[str, Any], about("Settings of the channel itself; see the channel's page.")] = {}

    def __repr__(self) -> str:
        # Settings are passwords until the channel's type says which of them are not.
        return f"Inbox(id={self.id!r}, kind={self.kind!r}, settings={sorted(self.settings)!r}, …)"


class Hook(Section, frozen=True, kw_only=True):
    """An address that rules may call with the action webhook."""

    id: Annotated[Id, about("Stable name, used by rules.")]
    url: Annotated[
        str,
        about(
            "Where the event is posted as JSON.",
            pattern="^https?://",
            examples=["https://system.example.pl/zdarzenia"],
        ),
    ]
    secret: Annotated[
        Secret,
        about("Signs the body: the header X-Centrala-Signature is HMAC-SHA256 over timestamp and body."),
    ]
