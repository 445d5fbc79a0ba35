"""Rows of surveys, and the names under which buttons and links lead back to them.

A name is signed, so whoever has the message or the link may answer, and nobody else; its number alone says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Row, or_, select

from connectors.contract import Choice, Micros, Tokens
from hub.directory import Directory
from hub.house import House
from hub.store.kept import Engine, Inquiry, Kept, Question, engine_of, keep, learn, value
from hub.store.schema import conversation, message, survey
from hub.store.tx import Reader

TIMER = "survey"
"""The kind of timer at which a conversation's person is asked."""

SCORES = range(1, 6)
"""From very bad to very good."""

COMMENT = 2_000
"""Longest comment in characters."""

DAY = 86_400_000_000

BUTTON = "survey."
"""What the names of buttons begin with."""

NOTICES = "survey-"
"""What the names of a survey's notices begin with."""

_SPACE = "survey"


class Pressed(msgspec.Struct, frozen=True):
    """A button of a survey: whose, and which."""

    survey: int
    score: int


def is_asked(directory: Directory, inbox: str, queue: str | None) -> bool:
    """Whether people of this inbox and queue are asked at all: the inbox says so, else the queue."""
    own = directory.inboxes.get(inbox)
    if own is not None and own.survey is not None:
        return own.survey
    line = directory.queues.get(queue or "")
    return line is not None and line.survey


def anybody_asked(directory: Directory) -> bool:
    """Whether any inbox or queue asks."""
    config = directory.config
    return any(queue.survey for queue in config.queues) or any(inbox.survey for inbox in config.inboxes)


def page_address(house: House, number: int) -> str:
    """Where a survey is answered; whoever has the address may."""
    return f"{house.directory.config.hub.public_url}/survey/{house.tokens.sign(_SPACE, number)}"


def hidden_address(house: House) -> str:
    """The same as it is kept in messages: it leads nowhere."""
    return f"{house.directory.config.hub.public_url}/survey/…"


def spelled_out(house: House, text: str, number: int) -> str:
    """A text with the address of the page where it stands hidden; ``number`` 0: of no survey."""
    return text.replace(hidden_address(house), page_address(house, number)) if number else text


def named(tokens: Tokens, token: str) -> int | None:
    """The survey that an address names; None for one that we did not make."""
    value = tokens.verify(_SPACE, token)
    return int(value) if value is not None and value.isdecimal() else None


def buttons(tokens: Tokens, number: int) -> tuple[Choice, ...]:
    """One for each score."""
    token = tokens.sign(_SPACE, number)
    return tuple(Choice(id=f"{BUTTON}{token}.{score}", label=str(score)) for score in SCORES)


def pressed(tokens: Tokens, choice: str) -> Pressed | None:
    """What a pressed button says; None for one that is not of a survey of ours."""
    token, _, score = choice.removeprefix(BUTTON).partition(".")
    if not choice.startswith(BUTTON) or score not in {str(known) for known in SCORES}:
        return None
    number = named(tokens, token)
    return Pressed(number, int(score)) if number is not None else None


def about_survey(tx: Reader, number: int) -> bool:
    """Whether a message of ours is a survey's question or thanks: if it does not arrive, nothing has to be done."""
    data = tx.scalar(select(message.c.data).where(message.c.id == number))
    notice = msgspec.json.decode(data, type=dict[str, Any]).get("notice", "") if data else ""
    return str(notice).startswith(NOTICES)


def of_conversation(tx: Reader, number: int) -> Sequence[Row[Any]]:
    """The surveys of a conversation and of those that were merged into it: mostly one, or none."""
    return learn(tx, about_surveys(tx, number))


def about_surveys(tx: Reader, number: int) -> Inquiry[Sequence[Row[Any]]]:
    """What :func:`of_conversation` tells."""
    return Inquiry([Question(_of_conversation(engine_of(tx)), {"id": number})], lambda told: told[0])


@cache
def _of_conversation(engine: Engine) -> Kept:
    merged = select(conversation.c.id).where(conversation.c.merged_into == value("id"))
    theirs = or_(survey.c.conversation == value("id"), survey.c.conversation.in_(merged))
    return keep(engine, select(survey).where(theirs).order_by(survey.c.id))


def changes_until(house: House, row: Row[Any]) -> Micros:
    """Until when an answer is taken or changed: so long after it was given first, or after the question."""
    settings = house.directory.config.survey
    if row.answered_at is not None:
        return Micros(row.answered_at + int(settings.change_days * DAY))
    return Micros(row.asked_at + int(settings.answer_days * DAY))
