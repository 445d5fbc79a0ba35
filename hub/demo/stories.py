"""The week as data: who writes what, when and by which channel, and what the office does about it.

The texts are YAML files in ``texts/``. A story that reaches past the present stays unfinished there: that is how some
conversations wait, whenever the demo is started.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import yaml

TEXTS = Path(__file__).parent / "texts"

Via = Literal[
    "email", "comments", "form", "callback", "webhook",
    "chat", "phone", "sms", "smpp", "smsapi", "twilio", "telegram", "xmpp", "messenger", "instagram", "whatsapp",
    "facebook", "reel", "x", "mention", "youtube",
]  # fmt: skip

_SPAN = re.compile(r"([0-9]+)([mhd])")
_MINUTES = {"m": 1, "h": 60, "d": 1440}


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the texts."""


class Act(_Part, frozen=True, kw_only=True):
    """What happens next. Exactly one of the fields below ``by`` that name a deed is set.

    ``after`` is the time since the act before: for people of the office in opening hours, for citizens by the clock.
    ``by`` is a login; without it the story's own agent.
    """

    after: str = "40m"
    by: str = ""

    writes: str = ""
    """The citizen writes again, in answer to the last letter where there was one."""
    reply: str = ""
    note: str = ""
    queue: str = ""
    """Handed on to this queue."""
    office: str = ""
    """Handed on to this county office."""
    snooze: str = ""
    """Put away for so long."""
    resolve: str = ""
    """Closed without an answer; the topic."""
    merge: str = ""
    """Merged with the story of this id."""
    tag: tuple[str, ...] = ()
    take: bool = False
    spam: bool = False
    bounce: bool = False
    """The last letter comes back."""
    call: Literal["", "answered", "no-answer", "dialling", "wrong-number", "cancelled"] = ""
    publish: bool = False
    reject: str = ""
    """The comment is refused for this reason."""
    hide: str = ""
    answer: str = ""
    """The office's public answer under a comment."""
    private: bool = False
    reports: tuple[str, ...] = ()
    """Readers report the comment, each for one reason."""

    close: str = ""
    """With ``reply``: the conversation is closed with this topic."""
    wait: bool = False
    """With ``reply``: the citizen's answer is awaited."""
    words: str = ""
    """With ``queue`` and ``office`` a note that goes along, with ``reject`` the moderator's own words, with ``call``
    the note about it."""
    files: tuple[str, ...] = ()


class Story(_Part, frozen=True, kw_only=True):
    """One conversation from its first message on.

    ``at``: ``"5 09:12"`` is five days ago at that time in the office, ``"90m"`` so long before the present.
    ``subject`` is the topic of a callback; ``wish`` the time from which it is wished for: ``"+2 10:00"`` in two days.
    ``broken``: the mail meets a fault of the program, as before a repair.
    """

    at: str
    via: Via
    who: str
    text: str = ""
    subject: str = ""
    id: str = ""
    email: str = ""
    phone: str = ""
    agent: str = "kamil"
    article: str = ""
    parent: str = ""
    wish: str = ""
    files: tuple[str, ...] = ()
    broken: bool = False
    then: tuple[Act, ...] = ()


class Colleague(_Part, frozen=True, kw_only=True):
    """An account of the demo; without a ``password`` nobody can log in with it."""

    login: str
    name: str
    role: Literal["agent", "moderator", "supervisor", "administrator"]
    office: str = "krajowa"
    queues: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    extension: str = ""
    """Of their telephone."""
    guest: bool = False
    """Whoever looks at the demo logs in with it."""
    presence: Literal["", "available", "away"] = ""
    """How a colleague whom nobody logs in as is there while the demo runs."""


class Canned(_Part, frozen=True, kw_only=True):
    """A canned response."""

    shortcut: str
    title: str
    text: str
    language: str = "pl"


class Arrival(_Part, frozen=True, kw_only=True):
    """Something that may come in while the demo runs; ``text`` may hold ``{name}`` of nobody but the writer."""

    via: Via
    subject: str = ""
    text: str = ""
    article: str = ""


class Arrivals(_Part, frozen=True, kw_only=True):
    """What may come in, by whom, and what people write back to an answer."""

    names: tuple[str, ...]
    messages: tuple[Arrival, ...]
    follow_ups: tuple[str, ...]


class Article(_Part, frozen=True, kw_only=True):
    """A page of the office's site. ``days`` is its age, ``text`` paragraphs separated by empty lines."""

    key: str
    title: str
    section: str
    days: int
    lead: str
    text: str

    @property
    def paragraphs(self) -> Sequence[str]:
        """Its text, paragraph by paragraph."""
        return [part.strip() for part in self.text.split("\n\n") if part.strip()]


T = TypeVar("T")


def read(name: str, kind: type[T]) -> T:
    """A file of ``texts/`` as its type. Raises msgspec.ValidationError for a slip in it."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = yaml.load((TEXTS / f"{name}.yaml").read_bytes(), loader)  # noqa: S506 - a safe loader, in C where there is one
    return msgspec.convert(found, kind)


def week() -> list[Story]:
    """All stories of the week."""
    names = sorted(path.stem for path in TEXTS.glob("week-*.yaml"))
    return [story for name in names for story in read(name, list[Story])]


def articles() -> list[Article]:
    """The articles of the site, the newest first."""
    return sorted(read("articles", list[Article]), key=lambda article: article.days)


def minutes(span: str) -> int:
    """``"3h"`` as minutes. Raises ValueError."""
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ValueError(f"not a span of time: {span!r}")
    return int(match[1]) * _MINUTES[match[2]]
