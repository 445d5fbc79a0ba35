"""Another mailbox read or edited: every route × role × own and foreign office, and no route that nobody thought of."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestServer

from hub.store.store import Store
from tests.hub.specimen import add_person
from tests.hub.web.conftest import Browser, Client
from tests.security.matrix import MATRIX, Row
from tests.security.world import World

GRANTS = {
    "agent": {"anyone", "answer"},
    "moderator": {"anyone", "answer", "moderate"},
    "supervisor": {"anyone", "answer", "moderate", "supervise"},
    "administrator": {"anyone", "answer", "moderate", "supervise", "administer"},
}

PRIVATE = frozenset(
    {"conversation", "message", "file", "contact", "merge", "call", "telephone-call", "draft"}
)
"""What moderators do not see: they work on comments."""

REFUSED = (403, 404, 409)
"""409: a number that the asker may not know is told like one that does not exist ("no such conversation")."""

Key = tuple[str, str]
SESSION = sorted(key for key, row in MATRIX.items() if row.needs not in ("nobody", "token"))


def routes_of(server: TestServer) -> set[Key]:
    """Methods and addresses of an application, without the variable parts' patterns."""
    router = server.app.router
    return {
        (route.method, route.resource.canonical)
        for route in router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def test_the_matrix_knows_every_route(server: TestServer) -> None:
    assert routes_of(server) - set(MATRIX) == set(), "say in matrix.py who may use these"
    assert set(MATRIX) - routes_of(server) == set(), "these are gone"


def address(path: str, row: Row, things: dict[str, int]) -> str:
    """The path with the number of a thing, and whatever else it asks for."""
    named = {"id": str(things.get(row.thing, 1)), **row.extra, "token": "x" * 43}
    for name, value in named.items():
        path = path.replace("{" + name + "}", value)
    return path.replace("{version}", "0").replace("{path}", "css/base.css")


def filled(row: Row, things: dict[str, int]) -> dict[str, Any]:
    """The body with the numbers of things."""
    body = {}
    for name, value in (row.body or {}).items():
        if isinstance(value, str):
            for kind, number in things.items():
                value = value.replace("{" + kind + "}", str(number))
            value = value.replace("{uuid}", str(uuid.uuid4()))
        body[name] = int(value) if row.json and str(value).isdigit() else value
    return body


async def ask(browser: Browser, key: Key, things: dict[str, int]) -> int:
    """Send the request of a row; its status."""
    method, path = key
    row, target = MATRIX[key], address(path, MATRIX[key], things)
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF": browser.csrf}
    options: dict[str, Any] = {"allow_redirects": False, "headers": headers}
    if path == "/drafts/{id}/files":
        form = FormData()
        form.add_field("file", b"abc", filename="a.txt", content_type="text/plain")
        options["data"] = form
    elif method == "POST":
        options["json" if row.json else "data"] = filled(row, things)
    async with asyncio.timeout(30), browser.client.request(method, target, **options) as response:
        return response.status


def may_use(role: str, row: Row) -> bool:
    """Whether a role of the front office may use a route on things of its own office."""
    return row.needs in GRANTS[role] and not (role == "moderator" and row.thing in PRIVATE)


# Whoever may do least and whoever may do most are tried every day; all of them in the slow part.
ROLES = [
    role if role in ("agent", "administrator") else pytest.param(role, marks=pytest.mark.slow)
    for role in GRANTS
]


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_not_do_what_it_is_not_for(
    role: str, enter: Callable[[str], Any], world: World
) -> None:
    browser, wrong = await enter(role), []
    things = await world.make("krajowa", "supervisor")
    before = await world.looks()
    for key in SESSION:
        if not may_use(role, MATRIX[key]):
            status = await ask(browser, key, things)
            if status not in REFUSED:
                wrong.append((key, status))
    assert await world.looks() == before
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.slow
@pytest.mark.parametrize("role", GRANTS)
async def test_a_role_may_do_what_it_is_for(role: str, enter: Callable[[str], Any], world: World) -> None:
    """Otherwise a refusal elsewhere would prove nothing: each request of the matrix does work for somebody."""
    browser, wrong = await enter(role), []
    for key in sorted(SESSION, key=lambda key: key[1] == "/logout"):
        row = MATRIX[key]
        if not may_use(role, row):
            continue
        status = await ask(browser, key, await world.make("krajowa", role))
        if (status in (400, 401, 403, 404, 405) and not row.stateful) or status >= 500:
            wrong.append((key, status))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
async def test_nobody_reaches_into_another_office(
    role: str,
    enter: Callable[[str], Any],
    world: World,
    sqlite_store: Store,
    people: dict[str, int],
) -> None:
    """A person of PUP Suwałki, whatever their role, against things of the national line and of PUP Łomża."""
    people["intruder"] = await sqlite_store.write(
        lambda tx: add_person(tx, "intruder", role=role, office="pup-suwalki", queues=("suwalki",))
    )
    browser, wrong = await enter("intruder"), []
    for office in ("krajowa", "pup-lomza"):
        things = await world.make(office, "agent")
        before = await world.looks()
        for key in SESSION:
            row = MATRIX[key]
            if row.bound and not row.reasoned:
                status = await ask(browser, key, things)
                if status not in REFUSED and not (row.quiet and status == 303):
                    wrong.append((key, office, status))
        assert await world.looks() == before, f"something of {office} was changed"
    assert not wrong, "\n".join(map(str, wrong))


async def test_what_belongs_to_a_person_is_nobody_elses(enter: Callable[[str], Any], world: World) -> None:
    """Drafts, notifications and undo steps of a colleague in the same office."""
    administrator = await enter("administrator")
    things = await world.make("krajowa", "agent")
    before, wrong = await world.looks(), []
    for key in SESSION:
        if MATRIX[key].bound != "person":
            continue
        status = await ask(administrator, key, things)
        if status not in (403, 404):
            wrong.append((key, status))
    assert await world.looks() == before
    assert not wrong, "\n".join(map(str, wrong))


async def test_without_a_session_nothing_is_shown_or_changed(
    client: Client, world: World, people: dict[str, int]
) -> None:
    things = await world.make("krajowa", "agent")
    before, wrong = await world.looks(), []
    for key in SESSION:
        status = await ask(Browser(client, "guess"), key, things)
        if status not in (303, 401):
            wrong.append((key, status))
    assert await world.looks() == before
    assert not wrong, "\n".join(map(str, wrong))


async def test_the_set_up_page_does_not_exist(client: Client) -> None:
    """The first administrator is made from the command line; a fresh hub offers nobody an account."""
    for path in ("/setup", "/install", "/register", "/signup", "/admin/setup"):
        async with client.get(path, allow_redirects=False) as response:
            assert response.status in (303, 404)


@pytest.mark.slow
async def test_looking_changes_nothing(enter: Callable[[str], Any], world: World) -> None:
    """No state change on GET, except that reading notes what was read."""
    administrator = await enter("administrator")
    things = await world.make("krajowa", "administrator")
    read = {"conversation_read", "notification"}
    before = await world.looks(but=read)
    for method, path in SESSION:
        if method == "GET" and path != "/live":
            await ask(administrator, (method, path), things)
    assert await world.looks(but=read) == before
