"""Accounts of the people who answer: added, changed, disabled; never deleted, because their words stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select

from hub.audit import record
from hub.directory import Directory
from hub.i18n import mark as N_
from hub.people.presence import AGENT_GONE
from hub.people.second_factor import end_steps, forget_begun, is_on, who_has_it
from hub.people.sessions import close_sessions, hash_token
from hub.scope import Conflict, Denied, NotFound, Role, Scope, own_office, require
from hub.store.schema import password_reset, user, user_queue
from hub.store.tx import Reader, Tx
from hub.timers import set_timer

ROLES: tuple[Role, ...] = ("agent", "moderator", "supervisor", "administrator")

ROLE_NAMES: dict[Role, str] = {
    "agent": N_("Agent"),
    "moderator": N_("Moderator"),
    "supervisor": N_("Supervisor"),
    "administrator": N_("Administrator"),
}

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,62}")
_EXTENSION = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")

TAKEN = N_("There is an account with this login already.")
BAD_LOGIN = N_("A login has 2 to 63 letters without diacritics, digits, dots, hyphens or @.")
NO_NAME = N_("A name is needed: colleagues see it.")
NO_OFFICE = N_("There is no such office in the configuration.")
NO_ROLE = N_("There is no such role.")
BAD_EXTENSION = N_(
    "An extension has up to 64 letters, digits, dots, hyphens; most exchanges use a few digits."
)
EXTENSION_TAKEN = N_("That extension belongs to somebody else already.")
FOREIGN_QUEUE = N_(
    "That queue belongs to another office: only people of that office and of the line work it."
)
LAST_ADMINISTRATOR = N_("This is the last active administrator; make somebody else one first.")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One account as lists show it, without its password."""

    id: int
    login: str
    name: str
    role: Role
    office: str
    language: str
    skills: tuple[str, ...]
    queues: tuple[str, ...]
    active: bool
    presence: str
    seen_at: int | None
    has_password: bool
    second_factor: bool
    extension: str = ""


def login_form(login: str) -> str:
    """How a login is stored and compared."""
    return login.strip().lower()


def new_login(login: str) -> str:
    """The stored form of a login that is to be. Raises Conflict for one that cannot be."""
    form = login_form(login)
    if not _LOGIN.fullmatch(form):
        raise Conflict(BAD_LOGIN)
    return form


def add_user(
    tx: Tx,
    scope: Scope,
    login: str,
    name: str,
    role: str,
    office: str,
    password_hash: str | None,
    language: str,
    skills: Sequence[str] = (),
) -> int:
    """A new account; returns its id. The office is not checked against the configuration here.

    Raises Denied, and Conflict for a login that is taken or malformed, an empty name, an unknown role.
    """
    require(scope, "administer")
    _own(scope, office)
    login = new_login(login)
    if find_login(tx, login, active_only=False) is not None:
        raise Conflict(TAKEN)
    row = {
        "login": login,
        **_described(name, role, office, language, skills),
        "password": password_hash,
        "active": True,
        "presence": "offline",
        "presence_at": tx.now,
        "created_at": tx.now,
    }
    new = tx.add(user, row)
    record(tx, scope.user, "user-added", f"user:{new}", {"role": role, "office": office})
    tx.emit("user", actor=new)
    return new


def _own(scope: Scope, office: str) -> None:
    """Whoever is not of the front office manages the people of their own office alone."""
    if not own_office(scope, office):
        raise Denied("administer")


def _described(name: str, role: str, office: str, language: str, skills: Sequence[str]) -> dict[str, Any]:
    if not name.strip():
        raise Conflict(NO_NAME)
    if role not in ROLES:
        raise Conflict(NO_ROLE)
    kept = sorted({skill.strip().lower() for skill in skills if skill.strip()})
    return {
        "name": name.strip(),
        "role": role,
        "office": office,
        "language": language,
        "skills": msgspec.json.encode(kept).decode(),
    }


def change_user(
    tx: Tx,
    scope: Scope,
    user_id: int,
    *,
    name: str,
    role: str,
    office: str,
    language: str,
    skills: Sequence[str],
    active: bool,
) -> None:
    """Change an account. A disabled one, and one whose role or office changed, is logged out everywhere; what a
    disabled one had in hand goes back to the queues (:mod:`hub.people.leaving`).

    Raises Denied, NotFound, and Conflict when nobody active would be left who may administer.
    """
    require(scope, "administer")
    before = tx.locked(user, user_id)
    if before is None or not own_office(scope, before.office):
        raise NotFound("user")
    _own(scope, office)
    values = {**_described(name, role, office, language, skills), "active": active}
    was = before.role == "administrator" and before.active
    if was and not (role == "administrator" and active) and _administrators(tx) == 1:
        raise Conflict(LAST_ADMINISTRATOR)
    tx.change(user, user_id, **values)
    if before.active and not active:
        tx.change(user, user_id, presence="offline", presence_at=tx.now, presence_before=None)
        set_timer(tx, AGENT_GONE, user_id, tx.now)
    changed = {key: value for key, value in values.items() if getattr(before, key) != value}
    if "office" in changed:
        tx.execute(delete(user_queue).where(user_queue.c.user == user_id))
    if {"active", "role", "office"} & set(changed):
        close_sessions(tx, user_id)
        tx.execute(delete(password_reset).where(password_reset.c.user == user_id))
    if changed:
        record(tx, scope.user, "user-changed", f"user:{user_id}", {"fields": sorted(changed)})
        tx.emit("user", actor=user_id)


def _administrators(tx: Tx) -> int:
    """How many there are, locked: of two who disable each other at once the second must see what the first did."""
    active = (user.c.role == "administrator", user.c.active.is_(True))
    return len(tx.rows(select(user.c.id).where(*active).order_by(user.c.id).with_for_update()))


def set_password(tx: Tx, user_id: int, password_hash: str, *, keep: str = "", keep_hash: str = "") -> None:
    """Set a password; every session of the account ends, but the one given by its token or token hash. A second factor
    that is being set up is begun anew: whoever had the old password may know its secret."""
    if not tx.change(user, user_id, password=password_hash):
        raise NotFound("user")
    close_sessions(tx, user_id, but=keep_hash or (hash_token(keep) if keep else ""))
    end_steps(tx, user_id)
    forget_begun(tx, user_id)
    tx.execute(delete(password_reset).where(password_reset.c.user == user_id))


def set_queues(tx: Tx, scope: Scope, directory: Directory, user_id: int, queues: Sequence[str]) -> None:
    """Which queues somebody is offered work from. Queues that are not configured are left out.

    Raises Denied for less than supervisors, NotFound, and Conflict for a queue of an office whose matters the person
    may not see: whoever is offered a conversation gets to read it.
    """
    require(scope, "supervise")
    row = tx.locked(user, user_id)
    if row is None or not own_office(scope, row.office):
        raise NotFound("user")
    kept = sorted(set(queues) & set(directory.queues))
    if not all(directory.may_work(row.office, queue) for queue in kept):
        raise Conflict(FOREIGN_QUEUE)
    tx.execute(delete(user_queue).where(user_queue.c.user == user_id))
    if kept:
        tx.execute(insert(user_queue), [{"user": user_id, "queue": queue} for queue in kept])
    record(tx, scope.user, "queues-set", f"user:{user_id}", {"queues": kept})
    tx.emit("user", actor=user_id)


def set_extension(tx: Tx, scope: Scope, user_id: int, typed: str) -> None:
    """Which telephone is somebody's, as the exchange names it; "" for none. One telephone is one active person's.

    Raises Denied, NotFound, and Conflict for what is no extension or is somebody else's.
    """
    require(scope, "administer")
    row = tx.locked(user, user_id)
    if row is None or not own_office(scope, row.office):
        raise NotFound("user")
    extension = _extension(typed)
    theirs = select(user.c.id).where(
        user.c.extension == extension, user.c.active.is_(True), user.c.id != user_id
    )
    if extension and row.active and tx.scalar(theirs) is not None:
        raise Conflict(EXTENSION_TAKEN)
    if row.extension != extension:
        tx.change(user, user_id, extension=extension)
        record(tx, scope.user, "user-changed", f"user:{user_id}", {"fields": ["extension"]})
        tx.emit("user", actor=user_id)


def _extension(typed: str) -> str:
    extension = typed.strip()
    if extension and not _EXTENSION.fullmatch(extension):
        raise Conflict(BAD_EXTENSION)
    return extension


def claim_extension(tx: Tx, scope: Scope, typed: str) -> None:
    """Sit down at a telephone, or leave it (""): its calls are the actor's from now on, and no longer those of a
    colleague of the same office who sat there before.

    Raises Denied, and Conflict for what is no extension or belongs to another office.
    """
    require(scope, "answer")
    if scope.user is None:
        raise Denied("answer")
    extension = _extension(typed)
    theirs = select(user).where(
        user.c.extension == extension, user.c.active.is_(True), user.c.id != scope.user
    )
    for before in tx.rows(theirs.with_for_update()) if extension else ():
        if before.office != scope.office:
            raise Conflict(EXTENSION_TAKEN)
        tx.change(user, before.id, extension="")
        record(tx, scope.user, "user-changed", f"user:{before.id}", {"fields": ["extension"]})
        tx.emit("user", actor=before.id)
    tx.change(user, scope.user, extension=extension)
    record(tx, scope.user, "user-changed", f"user:{scope.user}", {"fields": ["extension"]})
    tx.emit("user", actor=scope.user)


def extension_of(tx: Reader, scope: Scope) -> str:
    """Which telephone is the actor's; "" for none."""
    return str(tx.scalar(select(user.c.extension).where(user.c.id == (scope.user or 0))) or "")


def by_extension(tx: Reader, extension: str) -> int | None:
    """Whose telephone it is, or None."""
    if not extension:
        return None
    found = select(user.c.id).where(user.c.extension == extension, user.c.active.is_(True))
    number = tx.scalar(found.order_by(user.c.id).limit(1))
    return None if number is None else int(number)


def find_login(tx: Reader, login: str, *, active_only: bool = True) -> Row[Any] | None:
    """The account with this login, or None."""
    statement = select(user).where(user.c.login == login_form(login))
    return tx.row(statement.where(user.c.active.is_(True)) if active_only else statement)


def list_users(tx: Reader, scope: Scope) -> list[Person]:
    """Accounts by name, the disabled last; outside the front office those of the own one. Raises Denied."""
    require(scope, "supervise")
    queues: dict[int, list[str]] = {}
    for row in tx.rows(select(user_queue).order_by(user_queue.c.queue)):
        queues.setdefault(row.user, []).append(row.queue)
    people = select(user).where(user.c.login.not_like("%#%"))  # accounts of integrations are no people
    if not scope.front:
        people = people.where(user.c.office == scope.office)
    rows, coded = tx.rows(people.order_by(user.c.active.desc(), user.c.name, user.c.id)), who_has_it(tx)
    return [_person(row, queues.get(row.id, []), row.id in coded) for row in rows]


def get_user(tx: Reader, scope: Scope, user_id: int) -> Person:
    """One account. Raises Denied, NotFound."""
    require(scope, "supervise")
    row = tx.get(user, user_id)
    if row is None or not own_office(scope, row.office):
        raise NotFound("user")
    queues = tx.rows(
        select(user_queue.c.queue).where(user_queue.c.user == user_id).order_by(user_queue.c.queue)
    )
    return _person(row, [found.queue for found in queues], is_on(tx, user_id))


def _person(row: Row[Any], queues: Sequence[str], coded: bool) -> Person:
    return Person(
        id=row.id,
        login=row.login,
        name=row.name,
        role=row.role,
        office=row.office,
        language=row.language,
        skills=msgspec.json.decode(row.skills, type=tuple[str, ...]),
        queues=tuple(queues),
        active=row.active,
        presence=row.presence,
        seen_at=row.seen_at,
        has_password=row.password is not None,
        second_factor=coded,
        extension=row.extension,
    )


def names(tx: Reader, users: Sequence[int | None]) -> dict[int, str]:
    """Names of people by id, for lists that show who did something."""
    wanted = sorted({one for one in users if one is not None})
    rows = tx.rows(select(user.c.id, user.c.name).where(user.c.id.in_(wanted))) if wanted else []
    return {row.id: row.name for row in rows}
