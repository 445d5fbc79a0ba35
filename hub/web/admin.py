"""Administration: accounts and their passwords, tokens of integrations, the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import Row, select

from hub import audit
from hub.config import Language
from hub.i18n import mark as N_
from hub.people import tokens, users
from hub.people.passwords import printable_password
from hub.people.resets import make_reset
from hub.people.second_factor import take_away
from hub.people.users import ROLE_NAMES, ROLES, Person
from hub.ruleset.drafts import notes
from hub.scope import Conflict, Denied, Scope, allows, own_office, require
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.web.audit_words import told
from hub.web.auth import hashed, unguessable
from hub.web.desk import Desk, desk_of, number_of, scope_of
from hub.web.forms import Form, read_form, read_query
from hub.web.render import redirect, refusal, render, text

SKILLS_HINT = N_("Separated by commas: skills that queues ask for, languages like uk or en.")


def _offices(desk: Desk, scope: Scope) -> list[tuple[str, str]]:
    directory = desk.house().directory
    return [(o.id, o.name) for o in directory.offices.values() if own_office(scope, o.id)]


def _queues(desk: Desk, scope: Scope) -> list[str]:
    """Queues that people can be put to: of all offices for the front office, else the own."""
    return [q.id for q in desk.house().directory.queues.values() if own_office(scope, q.office)]


# --- accounts --------------------------------------------------------------------------------------------------


class Added(Form, frozen=True, kw_only=True):
    login: str
    name: str
    role: Literal["agent", "moderator", "supervisor", "administrator"] = "agent"
    office: str
    language: Language = "pl"
    skills: str = ""
    extension: str = ""
    queues: tuple[str, ...] = ()


class Changed(Form, frozen=True, kw_only=True):
    name: str
    role: Literal["agent", "moderator", "supervisor", "administrator"]
    office: str
    language: Language
    skills: str = ""
    extension: str = ""
    active: bool = False
    queues: tuple[str, ...] = ()


async def user_list(request: web.Request) -> web.StreamResponse:
    """All accounts."""
    desk, scope = desk_of(request), scope_of(request)
    require(scope, "administer")
    people = await desk.store.read(lambda tx: users.list_users(tx, scope))
    return render(request, "admin/users.html", people=people, role_names=ROLE_NAMES)


def _user_page(
    request: web.Request,
    person: Person | None,
    values: msgspec.Struct | None = None,
    *,
    error: str = "",
    status: int = 200,
) -> web.Response:
    """The form of an account: empty for a new one, as sent where it was refused."""
    desk, scope = desk_of(request), scope_of(request)
    source = values if values is not None else person
    shown = msgspec.structs.asdict(source) if source is not None else {}
    if not isinstance(shown.get("skills", ""), str):
        shown["skills"] = ", ".join(shown["skills"])
    return render(
        request,
        "admin/user.html",
        status=status,
        person=person,
        values=shown,
        error=error,
        offices=_offices(desk, scope),
        queues=_queues(desk, scope),
        roles=[(role, text(request, ROLE_NAMES[role])) for role in ROLES],
        skills_hint=SKILLS_HINT,
    )


async def new_user(request: web.Request) -> web.StreamResponse:
    """The form for a new account."""
    require(scope_of(request), "administer")
    return _user_page(request, None)


def _skills(stated: str) -> list[str]:
    return [skill for skill in stated.split(",") if skill.strip()]


def _check_office(desk: Desk, office: str) -> None:
    if office not in desk.house().directory.offices:
        raise Conflict(users.NO_OFFICE)


async def add_user(request: web.Request) -> web.StreamResponse:
    """Make an account; its person gets in by a one-time link or a printed password, made on the next page."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, Added)

    def command(tx: Tx) -> int:
        _check_office(desk, form.office)
        new = users.add_user(
            tx,
            scope,
            form.login,
            form.name,
            form.role,
            form.office,
            None,
            form.language,
            _skills(form.skills),
        )
        users.set_extension(tx, scope, new, form.extension)
        users.set_queues(tx, scope, desk.house().directory, new, form.queues)
        return new

    try:
        new = await desk.store.write(command)
    except Conflict as refused:
        return _user_page(request, None, form, error=refusal(request, refused), status=409)
    return redirect(request, f"/admin/users/{new}", N_("The account was made. Give its person a way in."))


async def show_user(request: web.Request) -> web.StreamResponse:
    """One account."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    require(scope, "administer")
    person = await desk.store.read(lambda tx: users.get_user(tx, scope, number))
    return _user_page(request, person)


async def change_user(request: web.Request) -> web.StreamResponse:
    """Change an account and its queues."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, Changed)

    def command(tx: Tx) -> None:
        _check_office(desk, form.office)
        values = msgspec.structs.asdict(form) | {"skills": _skills(form.skills)}
        queues, extension = values.pop("queues"), values.pop("extension")
        users.change_user(tx, scope, number, **values)
        users.set_extension(tx, scope, number, extension)
        users.set_queues(tx, scope, desk.house().directory, number, queues)

    try:
        await desk.store.write(command)
    except Conflict as refused:
        person = await desk.store.read(lambda tx: users.get_user(tx, scope, number))
        return _user_page(request, person, form, error=refusal(request, refused), status=409)
    return redirect(request, "/admin/users", N_("Saved."))


async def reset_link(request: web.Request) -> web.StreamResponse:
    """A one-time link, shown this once."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    token = unguessable(desk)

    def command(tx: Tx) -> Person:
        make_reset(tx, scope, number, token)
        return users.get_user(tx, scope, number)

    person = await desk.store.write(command)
    link = f"{desk.house().directory.config.hub.console_url}/reset/{token}"
    return render(
        request, "admin/secret.html", person=person, link=link, password="", token="", name=person.name
    )


async def take_second_factor(request: web.Request) -> web.StreamResponse:
    """For somebody whose telephone and codes on paper are lost."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await desk.store.write(lambda tx: take_away(tx, scope, number))
    return redirect(
        request,
        f"/admin/users/{number}",
        N_("The second factor is taken away, and the person is logged out."),
    )


async def printed_password(request: web.Request) -> web.StreamResponse:
    """A password to hand over on paper, shown this once."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    require(scope, "administer")
    await desk.store.read(lambda tx: users.get_user(tx, scope, number))
    password = printable_password()
    stored = await hashed(password)

    def command(tx: Tx) -> Person:
        person = users.get_user(tx, scope, number)
        users.set_password(tx, number, stored)
        audit.record(tx, scope.user, "password-printed", f"user:{number}")
        return person

    person = await desk.store.write(command)
    return render(
        request, "admin/secret.html", person=person, link="", password=password, token="", name=person.name
    )


# --- tokens ----------------------------------------------------------------------------------------------------


class NewToken(Form, frozen=True, kw_only=True):
    name: str
    office: str
    grants: tuple[tokens.Grant, ...] = ()


async def token_list(request: web.Request) -> web.StreamResponse:
    """All tokens of integrations."""
    return await _token_page(request)


async def _token_page(request: web.Request, *, error: str = "", status: int = 200) -> web.Response:
    desk, scope = desk_of(request), scope_of(request)
    rows = await desk.store.read(lambda tx: tokens.list_tokens(tx, scope))
    return render(
        request,
        "admin/tokens.html",
        status=status,
        rows=[(row, tokens.grants_of(row)) for row in rows],
        offices=_offices(desk, scope),
        grant_names=tokens.GRANT_NAMES,
        error=error,
    )


async def make_token(request: web.Request) -> web.StreamResponse:
    """Make a token and show it, this once."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, NewToken)
    token = tokens.PREFIX + unguessable(desk)

    def command(tx: Tx) -> None:
        directory = desk.house().directory
        tokens.make_token(
            tx, scope, directory, name=form.name, office=form.office, grants=form.grants, token=token
        )

    try:
        await desk.store.write(command)
    except Conflict as refused:
        return await _token_page(request, error=refusal(request, refused), status=409)
    return render(
        request, "admin/secret.html", person=None, link="", password="", token=token, name=form.name
    )


async def revoke_token(request: web.Request) -> web.StreamResponse:
    """End a token."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await desk.store.write(lambda tx: tokens.revoke_token(tx, scope, number))
    return redirect(request, "/admin/tokens", N_("The token works no more."))


# --- audit -----------------------------------------------------------------------------------------------------


class AuditPage(Form, frozen=True, kw_only=True):
    before: int | None = None
    check: bool = False


AUDIT_ROWS = 100


async def audit_log(request: web.Request) -> web.StreamResponse:
    """Who did what; on demand the chain is checked from its start."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, AuditPage)

    def query(tx: Reader) -> tuple[list[Row[Any]], dict[str, dict[int, str]], audit.Verdict | None]:
        rows = list(audit.page(tx, scope, before=asked.before, limit=AUDIT_ROWS))
        named = {
            "user": users.names(tx, [*(row.actor for row in rows), *_subjects(rows, "user")]),
            "rule-draft": notes(tx, _subjects(rows, "rule-draft")),
            "conversation": _references(tx, _subjects(rows, "conversation")),
        }
        return rows, named, audit.verify(tx) if asked.check else None

    rows, named, verdict = await desk.store.read(query)
    directory = desk.house().directory
    return render(
        request,
        "admin/audit.html",
        rows=[(row, told(row, named, directory, scope.language, partial(text, request))) for row in rows],
        names=named["user"],
        verdict=verdict,
        page_size=AUDIT_ROWS,
    )


def _subjects(rows: Iterable[Row[Any]], kind: str) -> list[int]:
    """The numbers of one kind of thing in rows of the log."""
    return [int(row.subject.removeprefix(f"{kind}:")) for row in rows if row.subject.startswith(f"{kind}:")]


def _references(tx: Reader, conversations: list[int]) -> dict[int, str]:
    """The numbers by which people know conversations, by id."""
    table = schema.conversation
    rows = (
        tx.rows(select(table.c.id, table.c.reference).where(table.c.id.in_(conversations)))
        if conversations
        else []
    )
    return {row.id: row.reference for row in rows}


async def start(request: web.Request) -> web.StreamResponse:
    """The first page of the administration."""
    if not allows(scope_of(request), "administer"):
        raise Denied("administer")
    return web.Response(status=303, headers={"Location": "/admin/users"})


ROUTES = [
    web.get("/admin", start),
    web.get("/admin/users", user_list),
    web.get("/admin/users/new", new_user),
    web.post("/admin/users", add_user),
    web.get("/admin/users/{id}", show_user),
    web.post("/admin/users/{id}", change_user),
    web.post("/admin/users/{id}/reset-link", reset_link),
    web.post("/admin/users/{id}/printed-password", printed_password),
    web.post("/admin/users/{id}/take-second-factor", take_second_factor),
    web.get("/admin/tokens", token_list),
    web.post("/admin/tokens", make_token),
    web.post("/admin/tokens/{id}/revoke", revoke_token),
    web.get("/admin/audit", audit_log),
]
