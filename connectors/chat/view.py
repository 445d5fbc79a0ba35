"""What visitors read: names, times and states in words, and the transcript of a chat."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from connectors._i18n import N_
from connectors.contract import Chat, ChatHours, ChatMessage, Micros, Translate

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

WEEKDAYS = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)

CONSULTANT = N_("Consultant")
OFFICE = N_("The office")
YOU = N_("You")

NEWS: Mapping[str, str] = {
    "ended": N_("You ended the chat. Write again to go on."),
    "transcript": N_("We will send you what was said here by e-mail."),
    "noted": N_("Thank you, we have your answer."),
    "left": N_("We have your message and will answer at the address that you gave."),
}
"""What a page says after a deed without a script, by the word in its address."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Which words a reader gets: their language, the office's zone, how agents are called."""

    translate: Translate
    language: str
    zone: str
    agents: Literal["role", "first-name", "full-name"]

    def say(self, text: str, **details: Any) -> str:
        """A text in the reader's language."""
        return str(self.translate(self.language, text, **details))

    def agent(self, name: str) -> str:
        """An agent as visitors may know them; never more of the name than the settings say."""
        if self.agents == "role" or not name:
            return self.say(CONSULTANT)
        return name if self.agents == "full-name" else name.split()[0]

    def author(self, message: ChatMessage) -> str:
        """Who wrote a message."""
        if message.mine:
            return self.say(YOU)
        return self.agent(message.author) if message.author else self.say(OFFICE)

    def time(self, at: Micros) -> str:
        """The time of day on the office's wall."""
        return f"{_wall(self.zone, at):%H:%M}"

    def exact(self, at: Micros) -> str:
        """For machines and screen readers: date and time with offset (ISO 8601)."""
        return _wall(self.zone, at).isoformat(timespec="seconds")

    def day(self, at: Micros) -> str:
        """Weekday, date and time."""
        wall = _wall(self.zone, at)
        return f"{self.say(WEEKDAYS[wall.weekday()])} {wall:%d.%m.%Y}, {wall:%H:%M}"

    def place(self, chat: Chat) -> str:
        """The place in the line and the expected wait."""
        if chat.place is None:
            return self.say(N_("We will be with you in a moment."))
        first = (
            self.say(N_("You are next."))
            if chat.place == 1
            else self.say(N_("You are number {place} in the line."), place=chat.place)
        )
        return f"{first} {self.wait(chat.wait)}".rstrip()

    def wait(self, seconds: float | None) -> str:
        """The expected wait in whole minutes, as far as it is known."""
        if seconds is None:
            return ""
        if seconds <= 60:
            return self.say(N_("It should take about a minute."))
        return self.say(N_("It should take about {minutes} minutes."), minutes=ceil(seconds / 60))

    def opening(self, hours: ChatHours) -> str:
        """Why nobody is there, and when somebody will be."""
        if hours.opens_at is None:
            return self.say(N_("All consultants are away just now."))
        return self.say(N_("The chat is closed now. It opens on {when}."), when=self.day(hours.opens_at))

    def outlook(self, hours: ChatHours) -> str:
        """What somebody who begins now has to expect."""
        if not hours.waiting:
            return self.say(N_("A consultant is here."))
        line = self.say(N_("People waiting before you: {n}."), n=hours.waiting)
        return f"{line} {self.wait(hours.wait)}".rstrip()


@lru_cache(maxsize=32)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _wall(zone: str, at: Micros) -> dt.datetime:
    return (_EPOCH + dt.timedelta(microseconds=at)).astimezone(_zone(zone))


def transcript(chat: Chat, shown: Shown) -> str:
    """Everything that was said on the page, line by line, as the visitor has seen it."""
    lines: list[str] = []
    day = ""
    for message in chat.messages:
        written = f"{_wall(shown.zone, message.at):%d.%m.%Y}"
        if written != day:
            day = written
            lines.append(day)
        names = "".join(f" [{file.filename}]" for file in message.files)
        lines.append(f"{shown.time(message.at)} {shown.author(message)}: {message.text}{names}")
    return "\n".join(lines)
