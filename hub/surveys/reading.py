"""What the page of one survey shows, and what is posted to it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import select

from connectors._widget import clean_text
from connectors.contract import Micros
from hub.house import House
from hub.i18n import mark as N_
from hub.store.schema import conversation, survey
from hub.store.tx import Reader
from hub.surveys.record import COMMENT, SCORES, changes_until

NO_SCORE = N_("Please choose one of the five.")
TOO_LONG = N_("Characters: at most {n}, and there are {count}.")

SCORE_NAMES: Mapping[int, str] = {
    1: N_("Very bad"),
    2: N_("Bad"),
    3: N_("Neither good nor bad"),
    4: N_("Good"),
    5: N_("Very good"),
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A survey as its person may see it; ``until`` is when it can be answered or changed last."""

    id: int
    reference: str
    office: str
    language: str
    score: int | None
    comment: str
    until: Micros
    open: bool


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A posted page: what was said, and what is wrong with it by field, as a msgid and its placeholders."""

    score: int | None
    comment: str
    problems: Mapping[str, tuple[str, Mapping[str, object]]]


def asked(tx: Reader, house: House, number: int) -> Asked | None:
    """One survey, None where there is none of this number."""
    statement = select(survey, conversation.c.reference, conversation.c.language).join(
        conversation, conversation.c.id == survey.c.conversation
    )
    row = tx.row(statement.where(survey.c.id == number))
    if row is None:
        return None
    office = house.directory.offices.get(row.office)
    until = changes_until(house, row)
    return Asked(
        id=number,
        reference=row.reference,
        office=office.name if office else house.directory.config.hub.name,
        language=row.language,
        score=row.score,
        comment=row.comment,
        until=until,
        open=tx.now <= until,
    )


def filled(fields: Mapping[str, str]) -> Filled:
    """What was posted, checked at once."""
    comment = clean_text(fields.get("comment", ""))
    score = next((known for known in SCORES if fields.get("score") == str(known)), None)
    problems: dict[str, tuple[str, Mapping[str, object]]] = {}
    if score is None:
        problems["score"] = (NO_SCORE, {})
    if len(comment) > COMMENT:
        problems["comment"] = (TOO_LONG, {"n": COMMENT, "count": len(comment)})
    return Filled(score=score, comment=comment, problems=problems)
