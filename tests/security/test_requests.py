"""Requests that no page of ours sends: forged, with fields too many, with expressions in filters, with line breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.people.tokens import make_token
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from tests.hub.specimen import a_house, add_conversation
from tests.hub.web.conftest import Client
from tests.security.matrix import MATRIX
from tests.security.test_access import SESSION, address, filled
from tests.security.world import World

UNSAFE = [key for key in SESSION if key[0] == "POST"]

HOSTILE = (
    "'",
    "' OR 1=1 --",
    "1; DROP TABLE conversation",
    '{"$gt": ""}',
    "-1",
    "99999999999999999999",
    "1.5",
    "\x00",
    "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "%s%n{0}{{7*7}}${7*7}",
    "../../etc/passwd",
    "ąęł" * 400,
)


@pytest.mark.slow
async def test_every_unsafe_request_needs_the_sessions_token(
    enter: Callable[[str], Any], world: World
) -> None:
    administrator, other = await enter("administrator"), await enter("agent")
    things = await world.make("krajowa", "administrator")
    before, wrong = await world.looks(), []
    for key in UNSAFE:
        row = MATRIX[key]
        target, body = address(key[1], row, things), filled(row, things)
        for headers in (
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "same-origin", "X-CSRF": "guess"},
            {"Sec-Fetch-Site": "same-origin", "X-CSRF": other.csrf},
            {"Sec-Fetch-Site": "cross-site", "X-CSRF": administrator.csrf},
            {"Origin": "https://evil.example", "X-CSRF": administrator.csrf},
        ):
            sent = {"json": body} if row.json else {"data": body}
            async with administrator.client.post(
                target, headers=headers, allow_redirects=False, **sent
            ) as response:
                if response.status != 403:
                    wrong.append((key, headers, response.status))
    assert await world.looks() == before
    assert not wrong, "\n".join(map(str, wrong))


async def test_no_form_takes_a_field_that_it_does_not_show(enter: Callable[[str], Any], world: World) -> None:
    """An owner, a role, an id slipped into any form is refused, and nothing is half done."""
    administrator, wrong = await enter("administrator"), []
    things = await world.make("krajowa", "administrator")
    before = await world.looks()
    for key in UNSAFE:
        row = MATRIX[key]
        if not row.body or key[1] in ("/drafts/{id}/files",):
            continue
        body = {**filled(row, things), "owner_id": "1"}
        headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF": administrator.csrf}
        sent = {"json": body} if row.json else {"data": body}
        async with administrator.client.post(
            address(key[1], row, things), headers=headers, allow_redirects=False, **sent
        ) as response:
            if response.status != 400:
                wrong.append((key, response.status))
    assert await world.looks() == before
    assert not wrong, "\n".join(map(str, wrong))


FILTERS = {
    "/inbox": ("view", "queue", "after"),
    "/search": ("q",),
    "/moderation": ("show", "reason", "article", "after", "q"),
    "/callbacks": ("queue",),
    "/admin/audit": ("before", "check"),
    "/conversations/{id}": ("before", "view"),
    "/conversations/{id}/parts": ("before",),
    "/new": ("to",),
    "/live/counts": ("q",),
    "/settings": ("q",),
}


@pytest.mark.slow
async def test_no_filter_is_an_expression(
    enter: Callable[[str], Any], world: World, sqlite_store: Store
) -> None:
    administrator, wrong = await enter("administrator"), []
    things = await world.make("krajowa", "administrator")
    for path, names in FILTERS.items():
        target = address(path, MATRIX["GET", path], things)
        for name in (*names, "unknown"):
            for value in HOSTILE:
                async with administrator.client.get(
                    target, params={name: value}, allow_redirects=False
                ) as response:
                    text = await response.text()
                    evaluated = "7*7" in value and "%s%n{0}{49}" in text
                    if response.status >= 500 or evaluated:
                        wrong.append((path, name, value[:20], response.status))
    count = select(func.count()).select_from(schema.conversation)
    assert await sqlite_store.read(lambda tx: tx.scalar(count)) > 0
    assert not wrong, "\n".join(map(str, wrong))


async def test_a_search_finds_no_more_by_hostile_words(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    await sqlite_store.write(lambda tx: add_conversation(tx, office="pup-lomza", queue="lomza", text="tajne"))
    suwalki = await enter("suwalki")
    for text in ("tajne", '" OR "tajne', "tajne reach : officekrajowa", "*", "%", "_"):
        status, page = await suwalki.get("/search", params={"q": text})
        assert status == 200 and "PUP Łomża" not in page


@pytest.mark.parametrize(
    "value", ["/\r\nSet-Cookie: a=b", "/%0d%0aSet-Cookie: a=b", "/\nX: y", "//evil.example"]
)
async def test_no_line_break_reaches_a_header(enter: Callable[[str], Any], value: str) -> None:
    agent = await enter("agent")
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF": agent.csrf}
    form = {"presence": "away", "next": value}
    async with agent.client.post("/presence", data=form, headers=headers, allow_redirects=False) as response:
        assert response.status in (303, 400)
        assert "a" not in response.cookies and "X" not in response.headers
        assert not response.headers.get("Location", "/").startswith("//")


async def test_every_page_has_its_policy(enter: Callable[[str], Any], world: World) -> None:
    """No inline script or style, no frames around the console, nothing guessed about types, nothing kept."""
    administrator = await enter("administrator")
    things = await world.make("krajowa", "administrator")
    for method, path in SESSION:
        if method != "GET" or path == "/live":
            continue
        target = address(path, MATRIX[method, path], things)
        async with administrator.client.get(target, allow_redirects=False) as response:
            policy = response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "no-store" in response.headers["Cache-Control"]
            if response.content_type == "text/html" and "sandbox" not in policy:
                page = await response.text()
                assert "'unsafe-inline'" not in policy and "frame-ancestors 'none'" in policy
                assert " style=" not in page and "<style" not in page and "<script>" not in page, path
                assert " onclick=" not in page and " onload=" not in page and "javascript:" not in page, path


async def test_an_unreadable_request_is_told_so(enter: Callable[[str], Any]) -> None:
    agent = await enter("agent")
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF": agent.csrf, "Content-Type": "application/json"}
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"conversation": "x", "what": "gone"}'):
        async with agent.client.post("/live/here", data=body, headers=headers) as response:
            assert response.status == 400


async def test_a_personal_number_is_in_no_error_page(enter: Callable[[str], Any]) -> None:
    agent = await enter("agent")
    _, page = await agent.post("/presence", {"presence": "44051401359"})
    assert "44051401359" not in page
    status, page = await agent.get("/conversations/44051401359")
    assert status == 404 and "44051401359" not in page.replace('value="44051401359"', "")


async def test_static_files_do_not_lead_out_of_their_folder(client: Client) -> None:
    for path in (
        "../../../etc/passwd",
        "..%2f..%2fhub%2fweb%2fauth.py",
        "css/../../auth.py",
        "/etc/passwd",
        ".hidden",
    ):
        async with client.get(f"/static/x/{path}", allow_redirects=False) as response:
            assert response.status in (303, 404)
            assert b"root:" not in await response.read()


async def test_a_flood_of_live_pages_ends_with_the_hub(enter: Callable[[str], Any]) -> None:
    """Open streams never hold up a shutdown."""
    agent = await enter("agent")
    streams = await asyncio.gather(*(agent.client.get("/live") for _ in range(10)))
    async with asyncio.timeout(30):
        await agent.client.server.close()
    assert all(response.status == 200 for response in streams)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "kontakt@evil.example", "evil.example/a?b", ""]
)
async def test_no_host_that_a_request_names_stands_in_what_we_say(
    enter: Callable[[str], Any], world: World, host: str
) -> None:
    """Links (to a new password above all) are made of the configured address, whatever Host a request bears."""
    administrator = await enter("administrator")
    things = await world.make("krajowa", "administrator")
    sent = {"Host": host, "X-Forwarded-Host": "evil.example", "Sec-Fetch-Site": "same-origin"}
    form = {"csrf": administrator.csrf}
    path = f"/admin/users/{things['user']}/reset-link"
    async with administrator.client.post(path, data=form, headers=sent) as response:
        assert "evil.example" not in await response.text()
        assert response.status in (200, 400)
    async with administrator.client.get("/inbox", headers=sent, allow_redirects=False) as response:
        assert "evil.example" not in response.headers.get("Location", "") + await response.text()


async def test_a_body_beyond_reason_is_refused(enter: Callable[[str], Any], sqlite_store: Store) -> None:
    """Too large, too deep, of too many fields: each a refusal, none a failure."""
    agent = await enter("agent")
    headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF": agent.csrf}
    fields = {f"f{n}": "x" for n in range(5000)}
    bodies: tuple[dict[str, Any], ...] = (
        {"data": {"presence": "x" * 3_000_000}},
        {"data": fields},
        {"data": b"[" * 200_000, "headers": {**headers, "Content-Type": "application/json"}},
        {"data": b'{"conversation":' * 20_000, "headers": {**headers, "Content-Type": "application/json"}},
        {"data": b"1" * 100_000, "headers": {**headers, "Content-Type": "application/json"}},
    )
    for options in bodies:
        path = "/live/here" if "headers" in options else "/presence"
        async with agent.client.post(path, **{"headers": headers, **options}) as response:
            assert response.status in (400, 413), (path, str(options)[:40])


async def test_the_api_refuses_depth_and_size_alike(
    client: Client, world: World, sqlite_store: Store
) -> None:
    things = await world.make("krajowa", "agent")
    wanted: dict[str, Any] = {"name": "S", "office": "krajowa", "grants": ("write",), "token": "writes"}
    await sqlite_store.write(lambda tx: make_token(tx, SYSTEM, a_house().directory, **wanted))
    headers = {"Authorization": "Bearer writes", "Content-Type": "application/json"}
    path = f"/api/v1/conversations/{things['conversation']}/notes"
    sent = {**headers, "Idempotency-Key": "good"}
    async with client.post(path, json={"text": "Notatka"}, headers=sent) as response:
        assert response.status == 200, "a body as described is taken"
    for number, body in enumerate(
        (b"[" * 200_000, b'{"a":' * 50_000, b"9" * 400_000, b'"' + b"\\u0000" * 300_000)
    ):
        sent = {**headers, "Idempotency-Key": f"k{number}"}
        async with client.post(path, data=body, headers=sent) as response:
            assert response.status in (400, 413)
