"""What an agent does to conversations, one or many at once: assign, status, snooze, tags, priority, spam, resolve.

Every action takes a sequence of conversations, so a bulk action is the same action. All of them succeed or none does;
one ``u`` undoes them all. ``version`` guards a single conversation against a stale screen; lists act without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import Row, select

from connectors.contract import Micros
from hub.calendar import calendar, next_working_day
from hub.desk.notify import tell
from hub.desk.row import change, opened
from hub.desk.undoing import CHANGED, remember
from hub.directory import Directory
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.scope import SYSTEM, Conflict, Scope, require
from hub.store import schema
from hub.store.kept import Engine, Inquiry, Kept, Question, engine_of, keep
from hub.store.tx import Reader, Tx
from hub.timers import cancel_timer, set_timer
from rules.decision import PRIORITIES

BULK = 500
"""Most conversations in one action: more would hold the one writer for too long."""

Settable = Literal["open", "waiting-citizen", "waiting-office"]
"""Statuses that are set by hand; the others are reached by snoozing, resolving, filing as spam."""

Status = Literal["open", "waiting-citizen", "waiting-office", "snoozed", "resolved", "spam"]

STATUS_NAMES: dict[Status, str] = {
    "open": N_("Open"),
    "waiting-citizen": N_("Waiting for the citizen"),
    "waiting-office": N_("Waiting for an office"),
    "snoozed": N_("Snoozed"),
    "resolved": N_("Resolved"),
    "spam": N_("Spam"),
}

TOO_MANY = N_("At most {n} conversations at once.")
PAST = N_("That time has passed already. Choose a later one.")
NO_AGENT = N_("Nobody active has that account, or they may not see this conversation.")
NOT_SNOOZABLE = N_("It is resolved or filed as spam; reopen it before snoozing.")

QUIET: dict[str, Any] = {"waiting_since": None, "due_at": None, "snoozed_until": None, "woken": None}
"""What a conversation that nobody waits for looks like."""

Values = Callable[[Row[Any]], dict[str, Any]]
"""The columns to set on one conversation; those that hold already are left out."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations changed, and the id by which it is undone (None when nothing changed)."""

    changed: tuple[int, ...]
    undo: int | None


def apply(
    tx: Tx,
    scope: Scope,
    conversations: Sequence[int],
    what: str,
    values: Values,
    *,
    version: int | None = None,
    kind: str = "set",
    **details: Any,
) -> Done:
    """Set columns on each conversation with a system line ``what``, remembered for undo under ``kind``.

    Raises Denied, NotFound, Conflict (stale version, merged, too many).
    """
    if len(conversations) > BULK:
        raise Conflict(TOO_MANY, n=BULK)
    if scope.rule:
        details = {"rule": scope.rule, **details}
    remembered: list[dict[str, Any]] = []
    for conversation in sorted(set(conversations)):  # in id order, so that two bulk actions never deadlock
        row = opened(tx, scope, conversation, version)
        new = {name: value for name, value in values(row).items() if getattr(row, name) != value}
        if not new:
            continue
        before = {name: getattr(row, name) for name in new}
        change(tx, scope, conversation, **new)
        keep_timer(tx, conversation, new)
        system_line(tx, conversation, what, scope.user, **details)
        remembered.append({"id": conversation, "before": before, "after": new})
    undo = remember(tx, scope, kind, {"rows": remembered}) if remembered else None
    return Done(changed=tuple(int(row["id"]) for row in remembered), undo=undo)


def keep_timer(tx: Tx, conversation: int, new: dict[str, Any]) -> None:
    """Bring the waking timer in line after ``snoozed_until`` changed."""
    if "snoozed_until" not in new:
        return
    if new["snoozed_until"] is None:
        cancel_timer(tx, "snooze", conversation)
    else:
        set_timer(tx, "snooze", conversation, new["snoozed_until"])


def undo_set(tx: Tx, house: House, scope: Scope, data: Any) -> None:
    """Undo of kind ``set``: each column goes back only while it holds what the action set. All or none."""
    for kept in data["rows"]:
        row = opened(tx, scope, kept["id"])
        if any(getattr(row, column) != value for column, value in kept["after"].items()):
            raise Conflict(CHANGED)
        change(tx, scope, row.id, **kept["before"])
        keep_timer(tx, row.id, kept["before"])
        system_line(tx, row.id, "undone", scope.user)


def assign(
    tx: Tx,
    house: House,
    scope: Scope,
    conversations: Sequence[int],
    assignee: int | None,
    *,
    version: int | None = None,
) -> Done:
    """Give conversations to somebody (None: back to the queue). Raises Conflict for somebody who cannot see them."""
    name = ""
    if assignee is not None:
        account = tx.get(schema.user, assignee)
        if account is None or not account.active:
            raise Conflict(NO_AGENT)
        name = account.name
        other = scope_of(house.directory, account)
        for conversation in conversations:
            if not _would_see(other, opened(tx, scope, conversation)):
                raise Conflict(NO_AGENT)
    what = "assigned" if assignee is not None else "unassigned"
    details: dict[str, Any] = {"name": name}
    if assignee is not None and assignee == scope.user:
        details["own"] = True  # told as taken: names alone do not say whether two of one name are one person
    done = apply(
        tx, scope, conversations, what, lambda row: {"assignee": assignee}, version=version, **details
    )
    if assignee is not None and assignee != scope.user:
        for conversation in done.changed:
            tell(tx, assignee, "assigned", conversation)
    return done


def about_assignable(tx: Reader, house: House, scope: Scope, office: str) -> Inquiry[Sequence[Row[Any]]]:
    """Active people who may be given a conversation of this office, by name; a county office offers its own only.

    Raises Denied.
    """
    require(scope, "answer")
    offices = {office, *house.directory.front} if scope.front or scope.role == "system" else {scope.office}
    return Inquiry([Question(_people(engine_of(tx), tuple(sorted(offices))), {})], lambda told: told[0])


@lru_cache(maxsize=512)
def _people(engine: Engine, offices: tuple[str, ...]) -> Kept:
    user = schema.user.c
    who = select(user.id, user.name, user.login, user.office, user.presence)
    return keep(engine, who.where(user.active.is_(True), user.office.in_(offices)).order_by(user.name))


def scope_of(directory: Directory, account: Row[Any]) -> Scope:
    """What another account may see, for handing things over to it."""
    front = account.office in directory.front
    return Scope(user=account.id, role=account.role, office=account.office, front=front)


def _would_see(other: Scope, row: Row[Any]) -> bool:
    """Whether somebody may work on it: an assignee sees what is theirs, so the office is what counts."""
    return other.front or row.office == other.office


def set_status(
    tx: Tx, scope: Scope, conversations: Sequence[int], status: Settable, *, version: int | None = None
) -> Done:
    """Set a status by hand. Waiting for the citizen stops the clock; raises ValueError for any other status."""
    if status not in get_args(Settable):
        raise ValueError(f"not a status to set by hand: {status!r}")
    base: dict[str, Any] = {"status": status, "snoozed_until": None, "resolved_at": None}
    if status == "waiting-citizen":
        base |= QUIET
    return apply(tx, scope, conversations, "status", lambda row: base, version=version, status=status)


def reopen(tx: Tx, scope: Scope, conversations: Sequence[int], *, version: int | None = None) -> Done:
    """Back to the queue from resolved or spam; whoever had it has it again."""
    return set_status(tx, scope, conversations, "open", version=version)


def default_snooze(house: House, office: str, now: Micros) -> Micros:
    """When a snooze without a time wakes: the configured time of the office's next working day."""
    cal = calendar(house.directory, office)
    return next_working_day(cal, now, house.directory.config.desk.snooze_until)


def snooze(
    tx: Tx,
    house: House,
    scope: Scope,
    conversations: Sequence[int],
    until: Micros | None = None,
    *,
    version: int | None = None,
) -> Done:
    """Put conversations away until a time (default: the next working morning). Clocks go on."""
    if until is not None and until <= tx.now:
        raise Conflict(PAST)

    def values(row: Row[Any]) -> dict[str, Any]:
        if row.status in ("resolved", "spam"):
            raise Conflict(NOT_SNOOZABLE)
        at = until if until is not None else default_snooze(house, row.office, tx.now)
        return {"status": "snoozed", "snoozed_until": at, "woken": None}

    return apply(tx, scope, conversations, "snoozed", values, version=version, until=until)


def wake(tx: Tx, conversation: int, why: Literal["time", "failed-delivery"]) -> bool:
    """Wake a snoozed conversation: to its assignee when on duty, else to the queue. False when it does not sleep.

    An inbound message wakes it too; intake does that within its batch.
    """
    row = tx.locked(schema.conversation, conversation)
    if row is None or row.status != "snoozed":
        return False
    on_duty = row.assignee is not None and _on_duty(tx, row.assignee)
    values: dict[str, Any] = {"status": "open", "snoozed_until": None, "woken": why, "activity_at": tx.now}
    change(tx, SYSTEM, conversation, **values, assignee=row.assignee if on_duty else None)
    cancel_timer(tx, "snooze", conversation)
    system_line(tx, conversation, "woken", why=why)
    if row.assignee is not None:
        tell(tx, row.assignee, "woke", conversation)
    return True


def wake_on_time(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of timer kind ``snooze``."""
    row = tx.locked(schema.conversation, timer.subject)
    if row is None or row.merged_into is not None:
        return  # taken apart again, it is woken then
    if row.snoozed_until is not None and row.snoozed_until <= tx.now:
        wake(tx, timer.subject, "time")


def _on_duty(tx: Tx, user: int) -> bool:
    account = tx.get(schema.user, user)
    return account is not None and account.active and account.presence != "offline"


def tag(
    tx: Tx,
    scope: Scope,
    conversations: Sequence[int],
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    version: int | None = None,
) -> Done:
    """Add and take away tags; they are kept in lower case, at most 60 characters, in order."""
    plus, minus = clean_tags(add), clean_tags(remove)

    def values(row: Row[Any]) -> dict[str, Any]:
        tags = (set(msgspec.json.decode(row.tags)) | set(plus)) - set(minus)
        return {"tags": msgspec.json.encode(sorted(tags)).decode()}

    return apply(tx, scope, conversations, "tagged", values, version=version, add=plus, remove=minus)


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags as they are kept."""
    cut = (" ".join(tag.split()).lower()[:60] for tag in tags)
    return sorted({tag for tag in cut if tag})


def prioritise(
    tx: Tx, scope: Scope, conversations: Sequence[int], priority: str, *, version: int | None = None
) -> Done:
    """Set a priority by its name in the rules. Raises ValueError for an unknown one."""
    if priority not in PRIORITIES:
        raise ValueError(f"no priority {priority!r}; there are {', '.join(PRIORITIES)}")
    rank = PRIORITIES[priority]
    return apply(
        tx,
        scope,
        conversations,
        "priority",
        lambda row: {"priority": rank},
        version=version,
        priority=priority,
    )


LANGUAGES = {
    "pl": "Polski",
    "en": "English",
    "uk": "Українська",
    "ru": "Русский",
    "be": "Беларуская",
    "de": "Deutsch",
}
"""Languages that an agent may set, each by its own name."""


def set_language(
    tx: Tx, scope: Scope, conversations: Sequence[int], language: str, *, version: int | None = None
) -> Done:
    """Say in which language the person is answered. Raises ValueError for one that is not offered."""
    if language not in LANGUAGES:
        raise ValueError(f"no language {language!r}; there are {', '.join(LANGUAGES)}")
    name = LANGUAGES[language]
    return apply(
        tx,
        scope,
        conversations,
        "language",
        lambda row: {"language": language},
        version=version,
        language=name,
    )


def resolve(
    tx: Tx,
    scope: Scope,
    conversations: Sequence[int],
    *,
    topic: str | None = None,
    outcome: str | None = None,
    version: int | None = None,
) -> Done:
    """Close conversations, with or without a reply before. A topic or outcome that is not given stays as it was."""
    told = {"topic": topic or None, "outcome": outcome or None}
    known = {name: " ".join(value.split())[:120] for name, value in told.items() if value}
    base = {"status": "resolved", "resolved_at": tx.now, "failed": False, **QUIET, **known}

    def values(row: Row[Any]) -> dict[str, Any]:
        if row.status == "resolved":
            return known
        return base

    return apply(tx, scope, conversations, "resolved", values, version=version, **known)


def spam(tx: Tx, scope: Scope, conversations: Sequence[int], *, version: int | None = None) -> Done:
    """File as spam: off every list but its own, nobody is told anything."""
    base = {"status": "spam", "failed": False, **QUIET}
    return apply(tx, scope, conversations, "spam", lambda row: base, version=version)
