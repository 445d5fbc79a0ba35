"""What a person said: by a pressed button, by the one figure that they wrote back, or on the page of their survey.

An answer is no message: it opens nothing again, nobody has to answer it, and no rule sees it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import Row, and_, select

from connectors.contract import Message, Receipt, Recipient, storable
from hub.house import House
from hub.messages import system_line
from hub.store import bulk, schema
from hub.store.schema import conversation, identity, survey
from hub.store.tx import Tx
from hub.surveys.record import BUTTON, COMMENT, DAY, SCORES, Pressed, changes_until, pressed
from hub.surveys.saying import say

Way = Literal["button", "reply", "page"]
"""How somebody answered."""

REPLIED_WITHIN = 3 * DAY
"""So long after the question a lone figure is taken for the answer to it."""

ALONE = 8
"""Characters of a lone figure at most, spaces included."""

_FIGURES = frozenset(str(score) for score in SCORES)

THANKS = "survey-thanks"
"""The notice after a pressed button, with the address of the page where more can be said."""


def answer(tx: Tx, house: House, number: int, score: int, comment: str | None, way: Way) -> bool:
    """Keep an answer, or change it; without a ``comment`` the one that is there stays.

    False where there is no such survey (its person was erased), or it is too late. Raises ValueError for a score that
    there is not.
    """
    if score not in SCORES:
        raise ValueError(f"a score is {SCORES.start} to {SCORES.stop - 1}, not {score}")
    row = tx.locked(survey, number)
    matter = _survivor(tx, row.conversation) if row is not None else None
    if row is None or matter is None or tx.now > changes_until(house, row):
        return False
    words = row.comment if comment is None else storable(comment).strip()[:COMMENT]
    if (row.score, row.comment) == (score, words):
        return True
    first = {"answered_at": tx.now, "way": way} if row.answered_at is None else {}
    tx.change(survey, number, score=score, comment=words, changed_at=tx.now, **first)
    _tell(tx, row, matter, score)
    if row.answered_at is None and way == "button":
        _thank(tx, house, row, matter, score)
    return True


def _thank(tx: Tx, house: House, row: Row[Any], number: int, score: int) -> None:
    """A word back where the question was sent, with the address of the page where more can be said."""
    question = tx.get(schema.message, row.message)
    matter = tx.locked(conversation, number)
    if question is None or matter is None:
        return
    recipients = msgspec.json.decode(question.recipients, type=list[Recipient])
    params = {"score": str(score)}
    say(tx, house, matter, THANKS, row.id, inbox=row.inbox, recipients=recipients, params=params)


def _tell(tx: Tx, row: Row[Any], number: int, score: int) -> None:
    """A line in the conversation where the score is new, and an event for whoever follows."""
    if row.score != score:
        what = "survey-answered" if row.score is None else "survey-changed"
        system_line(tx, number, what, score=score)
    tx.emit("survey", office=row.office, queue=row.queue, conversation=number, message=row.message)


def _survivor(tx: Tx, number: int) -> int | None:
    """The conversation itself, or the one that it was merged into, however often; None for an erased one."""
    found = tx.row(select(conversation.c.merged_into).where(conversation.c.id == number))
    if found is None or found.merged_into is None:
        return None if found is None else number
    return _survivor(tx, found.merged_into)


# --- what comes in by a channel --------------------------------------------------------------------------------


def may_answer(message: Message) -> bool:
    """Whether a message could be an answer, by itself: what costs nothing, asked of every message."""
    return message.choice.startswith(BUTTON) or _figure(message) > 0


def take_answer(tx: Tx, house: House, message: Message) -> Receipt | None:
    """What became of a message that is an answer; None for every other one, which goes its usual way."""
    found = pressed(house.tokens, message.choice) or _replied(tx, message)
    if found is None:
        return None
    before = _seen(tx, message)
    if before is not None:
        return before
    answer(tx, house, found.survey, found.score, None, "button" if message.choice else "reply")
    asked = tx.scalar(select(survey.c.conversation).where(survey.c.id == found.survey))
    receipt = Receipt(conversation=None if asked is None else _survivor(tx, asked))
    if message.external_id is not None:
        columns = ("inbox", "external_id", "conversation", "message", "at")
        key = (str(message.inbox), message.external_id, receipt.conversation, None, tx.now)
        bulk.insert(tx.connection, schema.seen, columns, [key])
    return receipt


def _seen(tx: Tx, message: Message) -> Receipt | None:
    if message.external_id is None:
        return None
    key = [(str(message.inbox), message.external_id)]
    before = tx.lookup(schema.seen, ("inbox", "external_id"), ("conversation",), key)
    return Receipt(conversation=before[0][0], duplicate=True) if before else None


def _figure(message: Message) -> int:
    """The one figure that a direct message consists of; 0 for any other message. Every message is asked, so the length
    comes first."""
    if len(message.text) > ALONE or not message.direct or message.choice or message.attachments:
        return 0
    text = message.text.strip()
    return int(text) if text in _FIGURES and message.automatic == "no" else 0


def _replied(tx: Tx, message: Message) -> Pressed | None:
    """A lone figure, where a survey asked this sender through this inbox and nothing else was said since."""
    score = _figure(message)
    if not score:
        return None
    asked = and_(
        identity.c.kind == message.sender.kind,
        identity.c.address == message.sender.address,
        survey.c.contact == identity.c.contact,
        survey.c.inbox == message.inbox,
        survey.c.score.is_(None),
        survey.c.asked_at > tx.now - REPLIED_WITHIN,
    )
    later = schema.message.alias("later")
    question = schema.message.alias("question")
    said = (
        select(later.c.id)
        .where(later.c.conversation == question.c.conversation, later.c.number > question.c.number)
        .where(later.c.kind.in_(("inbound", "outbound")))
        .exists()
    )
    statement = (
        select(survey.c.id)
        .join(question, question.c.id == survey.c.message)
        .where(asked, ~said)
        .order_by(survey.c.asked_at.desc())
    )
    found = tx.scalar(statement.limit(1))
    return None if found is None else Pressed(int(found), score)
