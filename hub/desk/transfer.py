"""Handing a conversation on: to another queue, or to a county office that answers in the name of the line.

A transfer to a queue is internal and the citizen hears nothing. A transfer to another office tells the citizen which
office and by when; the owner, who answers for closure, stays in the front office, and gets it back when the office
is silent past its date or has answered and nobody closed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, select

from connectors.contract import Micros
from hub.calendar import SECOND, at_wall_clock, calendar, working_days_after
from hub.desk.actions import PAST, Done, apply, undo_set
from hub.desk.notes import add_note
from hub.desk.notify import tell
from hub.desk.office_mail import order_office_mail
from hub.desk.row import opened
from hub.desk.undoing import amend
from hub.directory import Directory
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.notices import notify_citizen, withdraw_notice
from hub.scope import Conflict, NotFound, Scope
from hub.store import schema
from hub.store.tx import Tx
from hub.timers import cancel_timer, set_timer

asked = schema.conversation_office

OFFICE_DUE = "office-due"
OWNER_CHECK = "owner-check"
"""Kinds of timers, about a conversation: an office should have answered by now; it has, and somebody should look."""

MODERATED = N_("That queue is worked on the moderation bench. Choose another one.")
NO_QUEUE = N_("That office has no queue to take it.")


def transfer(
    tx: Tx,
    house: House,
    scope: Scope,
    conversations: Sequence[int],
    *,
    queue: str | None = None,
    office: str | None = None,
    note: str = "",
    due_at: Micros | None = None,
    version: int | None = None,
) -> Done:
    """Hand conversations to a queue, or to the first queue of an office. A note goes with them.

    ``due_at``: by when another office has to answer; without it the configured number of its working days.
    Raises Denied, NotFound for an unknown queue or office, Conflict.
    """
    line = _target(house.directory, queue, office)
    if due_at is not None and due_at <= tx.now:
        raise Conflict(PAST)
    rows = [opened(tx, scope, conversation, version) for conversation in sorted(set(conversations))]
    away = {row.id for row in rows if row.office != line.office}
    due = due_at if due_at is not None else office_due(house, line.office, tx.now)
    for row in rows:
        if note.strip():
            add_note(tx, house, scope, row.id, note)

    def values(row: Row[Any]) -> dict[str, Any]:
        return _moved(house.directory, scope, row, line.id, due if row.id in away else None)

    details = {"queue": line.id, "office": line.office}
    done = apply(tx, scope, conversations, "transferred", values, kind="transfer", **details)
    sent = [found for found in done.changed if found in away]
    fresh = [found for found in sent if _ask_office(tx, house, found, line.office, due, note)]
    if done.undo is not None:
        notices = [key for found in sent for key in _notices(tx, found)]
        amend(tx, done.undo, notices=notices, office=line.office, fresh=fresh)
    return done


def undo_transfer(tx: Tx, house: House, scope: Scope, data: Any) -> None:
    """Undo of kind ``transfer``: back where it was, the office not asked, the citizen not told if in time.

    Raises Conflict when somebody changed it since.
    """
    undo_set(tx, house, scope, data)
    for notice in data["notices"]:
        withdraw_notice(tx, notice)
    for conversation in data["fresh"]:
        key = and_(asked.c.conversation == conversation, asked.c.office == data["office"])
        tx.execute(asked.delete().where(key))
        cancel_timer(tx, OFFICE_DUE, conversation)


def _notices(tx: Tx, conversation: int) -> tuple[str, str]:
    """The keys of what citizen and office are told of this transfer: of this moment, so that a later one is another."""
    return f"office:{conversation}:{tx.now}", f"office-mail:{conversation}:{tx.now}"


def _target(directory: Directory, queue: str | None, office: str | None) -> Any:
    if queue is not None:
        line = directory.queues.get(queue)
        if line is None:
            raise NotFound("queue")
    else:
        if office not in directory.offices:
            raise NotFound("office")
        lines = (q for q in directory.queues.values() if q.office == office and not (q.moderation or q.spam))
        line = next(lines, None)
        if line is None:
            raise Conflict(NO_QUEUE)
    if line.moderation:
        raise Conflict(MODERATED)
    return line


def office_due(house: House, office: str, now: Micros) -> Micros:
    """By when an office has to answer unless a date is given: its closing time so many working days on."""
    return working_days_after(
        calendar(house.directory, office), now, house.directory.config.desk.office_due_days
    )


def _moved(
    directory: Directory, scope: Scope, row: Row[Any], queue: str, due_at: Micros | None
) -> dict[str, Any]:
    line = directory.queues[queue]
    values: dict[str, Any] = {
        "queue": queue,
        "office": line.office,
        "tier": line.tier,
        "assignee": None,
        "snoozed_until": None,
        "woken": None,
    }
    if row.status in ("resolved", "spam", "snoozed"):
        values |= {"status": "open", "resolved_at": None}
    if due_at is not None and line.tier == 3:
        values |= {
            "status": "waiting-office",
            "due_at": due_at,
            "owner": row.owner or row.assignee or scope.user,
        }
    elif due_at is not None:  # back from an office to the front
        values |= {"status": "open", "due_at": None}
    return values


def _ask_office(tx: Tx, house: House, conversation: int, office: str, due_at: Micros, note: str) -> bool:
    """Note whom we asked and by when, tell citizen and office, and watch the date. Whether it is the first time.

    Both are told only when the transfer cannot be undone by a quick ``u`` any more.
    """
    key = and_(asked.c.conversation == conversation, asked.c.office == office)
    first = tx.row(select(asked).where(key)) is None
    if first:
        tx.execute(asked.insert().values(conversation=conversation, office=office, at=tx.now, due_at=due_at))
    else:
        tx.execute(asked.update().where(key).values(at=tx.now, due_at=due_at))
    if office in house.directory.front:
        cancel_timer(tx, OFFICE_DUE, conversation)
        return first
    set_timer(tx, OFFICE_DUE, conversation, due_at, {"office": office})
    wall = at_wall_clock(house.directory.zone(office), due_at)
    citizens, offices = _notices(tx, conversation)
    told_at = tx.now + int(house.directory.config.outbox.undo_seconds * SECOND)
    if house.directory.offices[office].email:
        order_office_mail(tx, conversation, office, note=note, key=offices, due_at=told_at)
    notify_citizen(
        tx,
        conversation,
        "office-asked",
        {"office": house.directory.offices[office].name, "date": f"{wall:%d.%m.%Y}"},
        key=citizens,
        due_at=told_at,
    )
    return first


def office_silent(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of timer kind ``office-due``: the date passed; owner and supervisors are told."""
    row = tx.get(schema.conversation, timer.subject)
    over = row is None or row.status in ("resolved", "spam") or row.merged_into is not None
    # Not only while it waits for the office: a citizen who asks again meanwhile opens it, and is no answer.
    if row is None or over or row.office in house.directory.front:
        return
    system_line(tx, row.id, "office-silent", office=row.office)
    for user in _owner_and_supervisors(tx, house, row):
        tell(tx, user, "overdue", row.id)


def office_answered(tx: Tx, house: House, conversation: int) -> None:
    """A county office answered (in the console or by mail): its clock stops, the owner is asked to check later."""
    row = tx.locked(schema.conversation, conversation)
    if row is None or row.office in house.directory.front:
        return
    cancel_timer(tx, OFFICE_DUE, conversation)
    days = house.directory.config.desk.office_check_days
    front = next((o for o in house.directory.front), row.office)
    due = working_days_after(calendar(house.directory, front), tx.now, days)
    set_timer(tx, OWNER_CHECK, conversation, due)


def owner_check(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of timer kind ``owner-check``: the office answered two working days ago; may it be closed?"""
    row = tx.get(schema.conversation, timer.subject)
    if row is None or row.status in ("resolved", "spam") or row.merged_into is not None:
        return
    system_line(tx, row.id, "owner-check")
    for user in [row.owner] if _is_active(tx, row.owner) else _owner_and_supervisors(tx, house, row):
        tell(tx, user, "owner-check", row.id)


def _is_active(tx: Tx, user: int | None) -> bool:
    account = tx.get(schema.user, user) if user is not None else None
    return account is not None and bool(account.active)


def _owner_and_supervisors(tx: Tx, house: House, row: Row[Any]) -> list[int]:
    """The owner, and the active supervisors of the office that the owner belongs to (else of the front office)."""
    user = schema.user
    offices = sorted(house.directory.front)
    if row.owner is not None:
        home = tx.scalar(select(user.c.office).where(user.c.id == row.owner))
        offices = [home] if home else offices
    chiefs = select(user.c.id).where(
        user.c.role == "supervisor", user.c.active.is_(True), user.c.office.in_(offices)
    )
    found = {chief.id for chief in tx.rows(chiefs)}
    return sorted(found | ({row.owner} if row.owner is not None else set()))
