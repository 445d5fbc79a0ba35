"""A rule that asks for a call: an order where the number is known, else the link to the form, else a line that says so.

Known is the contact's own telephone number, or the one number that stands in the message. Of two in a text nobody can
tell which is meant, so none is called.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from connectors._phone import BadNumber, to_call_back
from connectors.contract import CallbackWish, Micros
from hub.callbacks.service import request
from hub.house import House
from hub.intake.facts import MINUTE
from hub.messages import system_line
from hub.notices import notify_citizen
from hub.outbox.orders import DAY
from hub.store import schema
from hub.store.tx import Reader, Tx
from rules.decision import CallbackOrder
from rules.detect import phone_spans
from rules.text import Text, mark

identity = schema.identity

NO_NUMBER = Text(mark("no telephone number is known, and there is no form on which a call could be ordered"))


def ask_for_call(
    tx: Tx, house: House, row: Row[Any], text: str, order: CallbackOrder, rule: str
) -> Text | None:
    """Carry out the action ``callback`` for a conversation; ``text`` is what the person wrote, ``rule`` its name.

    The line that says so has the id that the call gets. Returns why nothing could be done, or None.
    """
    number = _number(tx, row, text)
    if number is None:
        return _offer_form(tx, house, row, rule)
    line = system_line(tx, row.id, "callback-wanted", rule=rule)
    at = Micros(tx.now + order.minutes * MINUTE) if order.minutes else None
    wish = CallbackWish(number=number, at=at, topic=order.topic or row.topic or "")
    request(tx, house, row.id, line.id, wish, inbox=row.inbox)
    return None


def _number(tx: Reader, row: Row[Any], text: str) -> str | None:
    """The number that the person wrote from, else their only other one, else the only one in the text."""
    phones = select(identity.c.id, identity.c.address).where(
        identity.c.contact == row.contact, identity.c.kind == "phone"
    )
    known = {found.id: found.address for found in tx.rows(phones)}
    if row.identity in known:
        return _callable(known[row.identity])
    own = {number for number in map(_callable, known.values()) if number is not None}
    if own:
        return own.pop() if len(own) == 1 else None
    written = {_callable(text[start:end]) for start, end in phone_spans(text)} - {None}
    return written.pop() if len(written) == 1 else None


def _callable(typed: str) -> str | None:
    try:
        return to_call_back(typed)
    except BadNumber:
        return None


def _offer_form(tx: Tx, house: House, row: Row[Any], rule: str) -> Text | None:
    forms = [
        found.id for found in house.directory.inboxes.values() if found.kind == "callback" and found.enabled
    ]
    if not forms:
        system_line(tx, row.id, "callback-impossible", rule=rule)
        return NO_NUMBER
    near = [form for form in forms if house.directory.inboxes[form].office == row.office]
    link = f"{house.directory.config.hub.public_url}/embed/callback/{(near or forms)[0]}"
    key = f"callback-offered:{row.contact}:{tx.now // DAY}"
    notify_citizen(tx, row.id, "callback-offered", {"link": link}, key=key)
    system_line(tx, row.id, "callback-offered-form", rule=rule)
    return None
