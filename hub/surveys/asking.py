"""Whether and when somebody is asked what they think of how their matter was handled.

A resolve sets a timer; what was true then is looked at again when it is due, because the matter may have been opened
again, or have turned out to be spam. Nobody is asked twice about one conversation. Nobody is asked who wrote in public,
who did not want to be written to, whose matter is one of distress or quarantine, to whom nobody of us has answered,
or from whose address machines write (RFC 3834: no loops).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, and_, exists, func, or_, select

from connectors.contract import Capabilities, Micros, Recipient
from hub.calendar import calendar, next_loud
from hub.changes import Changed
from hub.chats.record import is_here
from hub.chats.record import of_conversation as chats_of
from hub.house import House
from hub.notices import Address, reachable
from hub.store.schema import conversation, identity, message, survey
from hub.store.tx import Reader, Tx
from hub.surveys.record import (
    DAY,
    SCORES,
    TIMER,
    anybody_asked,
    buttons,
    is_asked,
    of_conversation,
)
from hub.surveys.saying import say
from hub.timers import Handler, cancel_timers, put_timers, set_timer, timer_row

MINUTE = 60_000_000
SECOND = 1_000_000

UNSENT = ("failed", "cancelled", "held")
"""States of an answer of ours that its person has not had."""


# --- after a resolve -------------------------------------------------------------------------------------------


def arrange(tx: Tx, house: House, changes: Iterable[Changed]) -> None:
    """At the end of a transaction: a timer for what it resolved, none for what it opened again."""
    if not anybody_asked(house.directory):
        return
    first: dict[int, str] = {}
    last: dict[int, str] = {}
    for change in changes:
        first.setdefault(change.conversation, change.before["status"])
        last[change.conversation] = change.after["status"]
    resolved = [n for n, status in last.items() if status == "resolved" and first[n] != "resolved"]
    cancel_timers(tx, TIMER, [n for n, status in last.items() if status != "resolved" == first[n]])
    if resolved:
        rows = tx.rows(select(conversation).where(conversation.c.id.in_(sorted(resolved))))
        asked = [row for row in rows if is_asked(house.directory, row.inbox, row.queue)]
        put_timers(tx, [timer_row(tx, TIMER, row.id, _when(tx, house, row), {}) for row in asked])


def _when(tx: Reader, house: House, row: Row[Any]) -> int:
    """Somebody who is in the chat is asked there at once; everybody else after the delay, outside quiet hours."""
    if _chatting(tx, house, row):
        return tx.now
    delay = int(house.directory.config.survey.delay_minutes * MINUTE)
    return _loud(house, row, Micros(tx.now + delay))


def _loud(house: House, row: Row[Any], at: Micros) -> Micros:
    return next_loud(house.directory.config.desk, calendar(house.directory, row.office), at)


def _chatting(tx: Reader, house: House, row: Row[Any]) -> bool:
    if not house.capabilities.get(row.inbox, Capabilities()).live:
        return False
    return any(chat.left_at is None and chat.ended_at is None for chat in chats_of(tx, row.id))


# --- when it is due --------------------------------------------------------------------------------------------


def on_timer(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of the timer: ask, if it is still right to; wait for the morning where quiet hours have begun."""
    row = tx.locked(conversation, timer.subject)
    if row is None or not may_be_asked(tx, house, row):
        return
    address = _address(tx, house, row)
    if address is None:
        return
    loud = _loud(house, row, Micros(tx.now))
    if loud > tx.now and not house.capabilities[address.inbox].live:
        set_timer(tx, TIMER, row.id, loud)
    else:
        ask(tx, house, row, address)


def may_be_asked(tx: Reader, house: House, row: Row[Any]) -> bool:
    """Whether the person of a resolved conversation is asked at all; see the head of this module."""
    settled = row.status == "resolved" and row.merged_into is None
    doubtful = row.quarantined or row.suspicious or row.protocol or row.channel == "comments"
    if not settled or doubtful or not is_asked(house.directory, row.inbox, row.queue):
        return False
    return not (
        of_conversation(tx, row.id)
        or _asked_lately(tx, house, row)
        or _machine_or_blocked(tx, row)
        or _last_answer(tx, row.id) is None
    )


def _asked_lately(tx: Reader, house: House, row: Row[Any]) -> bool:
    since = tx.now - int(house.directory.config.survey.rest_days * DAY)
    lately = select(survey.c.id).where(survey.c.contact == row.contact, survey.c.asked_at > since)
    return tx.row(lately.limit(1)) is not None


def _machine_or_blocked(tx: Reader, row: Row[Any]) -> bool:
    """Whether a machine wrote from the address, or it is blocked."""
    machine = exists().where(
        message.c.conversation == row.id,
        message.c.identity == identity.c.id,
        message.c.kind == "inbound",
        message.c.automatic != "no",
    )
    bad = select(identity.c.id).where(
        identity.c.id == row.identity, or_(machine, identity.c.blocked_until > tx.now)
    )
    return tx.row(bad) is not None


def _last_answer(tx: Reader, number: int) -> Row[Any] | None:
    """The last thing that one of us said to the person, in writing or on the telephone: its author is rated."""
    arrived = func.coalesce(message.c.state, "").not_in(UNSENT)
    said = and_(message.c.kind == "outbound", message.c.automatic == "no", arrived)
    statement = (
        select(message.c.id, message.c.author)
        .where(message.c.conversation == number, or_(said, message.c.kind == "call"))
        .order_by(message.c.number.desc())
    )
    return tx.row(statement.limit(1))


def _address(tx: Reader, house: House, row: Row[Any]) -> Address | None:
    """Where to ask; None where nobody can be reached now: left chats, closed windows, public platforms."""
    address = reachable(tx, house, row)
    if address is None:
        return None
    can = house.capabilities[address.inbox]
    if can.live:
        return address if is_here(tx, address.inbox, address.address) else None
    if can.reply_window is None:
        return address
    wrote = tx.scalar(
        select(func.max(message.c.at))
        .join(identity, identity.c.id == message.c.identity)
        .where(
            message.c.conversation == row.id,
            message.c.kind == "inbound",
            message.c.inbox == address.inbox,
            identity.c.address == address.address,
        )
    )
    return address if wrote is not None and tx.now < wrote + can.reply_window * SECOND else None


def ask(tx: Tx, house: House, row: Row[Any], address: Address) -> int:
    """Send the question and keep that it was sent; returns the survey."""
    number = tx.new_id()
    with_buttons = house.capabilities[address.inbox].choices >= len(SCORES)
    asked = say(
        tx,
        house,
        row,
        "survey-buttons" if with_buttons else "survey-short" if address.kind == "phone" else "survey-link",
        number,
        inbox=address.inbox,
        recipients=[Recipient(address=address.address, name=address.name)],
        choices=buttons(house.tokens, number) if with_buttons else (),
    )
    last = _last_answer(tx, row.id)
    tx.add(
        survey,
        {
            "id": number,
            "conversation": row.id,
            "message": asked,
            "contact": row.contact,
            "office": row.office,
            "queue": row.queue,
            "agent": row.assignee or (last.author if last is not None else None),
            "inbox": address.inbox,
            "channel": house.channels[address.inbox],
            "asked_at": tx.now,
        },
    )
    tx.emit("survey", office=row.office, queue=row.queue, conversation=row.id, message=asked)
    return number


HANDLERS: dict[str, Handler] = {TIMER: on_timer}
"""Timer kinds of surveys, for hub/app.py."""
