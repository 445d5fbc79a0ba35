"""Whom the chat believes: tokens and cookies, files, what becomes no markup."""

from __future__ import annotations

import asyncio
import json
import re
import uuid

import pytest

from connectors.chat.connector import LiveChats
from connectors.chat.settings import Settings
from connectors.chat.view import Shown
from connectors.chat.visitors import COOKIE, HEADER
from connectors.contract import (
    ChatFile,
    Message,
    OutAttachment,
    Request,
    Response,
    UploadedFile,
)
from hub.i18n import translate
from tests.connectors.chat.site import (
    ANNA,
    BEN,
    JSON,
    PATH,
    Site,
    body,
    said,
)
from tests.connectors.requests import form_post, get

XSS = "<img src=x onerror=alert(1)>\"'&"


# --- whom it believes -----------------------------------------------------------------------------------------------


async def test_nobody_gets_in_with_another_ones_or_a_forged_token(site: Site) -> None:
    site.answered(said(17, "Tajne"))
    forged = (BEN, site.token()[:-1] + "0", site.env.tokens.sign("visitor", ANNA), site.token(BEN), "")
    for token in forged:
        assert "Tajne" not in body(await get(site.chat, f"{PATH}?me={token}"))
        stream = await _plain_get(site, f"{PATH}/stream", {HEADER: token})
        assert stream.status == 404
    assert "Tajne" in body(await get(site.chat, f"{PATH}?me={site.token()}"))


async def _plain_get(site: Site, path: str, headers: dict[str, str]) -> Response:
    [route] = [route for route in site.chat.routes() if route.path == path and route.method == "GET"]
    request = Request(
        method="GET",
        path=path,
        params={},
        query={},
        headers=headers,
        cookies={},
        body=b"",
        remote="192.0.2.1",
        language="pl",
    )
    return await route.handler(request)


async def test_the_cookie_wins_over_an_unused_token_and_not_over_a_used_one(site: Site) -> None:
    route = next(route for route in site.chat.routes() if route.path == PATH and route.method == "POST")

    async def post(**fields: str) -> str:
        request = Request(
            method="POST",
            path=PATH,
            params={},
            query={},
            headers=JSON,
            cookies={COOKIE: site.token(ANNA)},
            body=b"x",
            remote="192.0.2.1",
            language="pl",
            fields={
                "me": site.token(BEN),
                "client": str(uuid.uuid4()),
                "text": "x",
                "consent": "yes",
                **fields,
            },
        )
        await route.handler(request)
        event = site.ledger.events[-1]
        assert isinstance(event, Message)
        return event.sender.address

    assert await post(fresh="yes") == ANNA
    assert await post() == BEN


async def test_files_are_judged_by_what_they_are(site: Site) -> None:
    site.answered(said())
    fields = {"me": site.token(), "client": str(uuid.uuid4()), "text": "Załączam"}

    async def post(name: str, content: bytes, claimed: str = "application/pdf") -> int:
        file = UploadedFile(field="file", filename=name, content_type=claimed, content=content)
        return (await form_post(site.chat, PATH, fields, (file,), headers=JSON)).status

    assert await post("zly.pdf", b"<script>alert(1)</script>\x00") == 422
    assert await post("wielki.pdf", b"%PDF-" + b"x" * 5_000_001) == 422
    assert await post("../../etc/passwd\r\nX: y.pdf", b"%PDF-1.7") == 200
    [message] = site.ledger.events
    assert isinstance(message, Message)
    assert message.attachments[0].filename == "passwdX: y.pdf"


async def test_a_file_goes_to_whoever_holds_its_ticket_as_a_download(site: Site) -> None:
    name = 'pismo"\r\nX-Zle: 1.html'
    site.answered(said(files=(ChatFile(id=5, filename=name, size=3),)))
    site.house.files[ANNA, 5] = OutAttachment(filename=name, content_type="text/html", content=b"<b>")
    page = body(await get(site.chat, f"{PATH}?me={site.token()}"))
    [ticket] = re.findall(rf"{PATH}/files/(\w+)", page)
    answer = await get(site.chat, f"{PATH}/files/{ticket}")
    assert (answer.status, answer.content_type) == (200, "application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''pismo%22%0D%0A")
    other = site.env.tokens.sign("chatfile", f"{BEN}z5")
    for wrong in (ticket[:-1] + "0", other, site.token(), "x"):
        assert (await get(site.chat, f"{PATH}/files/{wrong}")).status == 404


async def test_nothing_that_was_written_becomes_markup(site: Site) -> None:
    files = (ChatFile(id=1, filename=XSS, size=1),)
    site.answered(said(1, XSS, mine=True, files=files), said(2, XSS, author=XSS, files=files), agent=XSS)
    for agents in ("role", "first-name", "full-name"):
        other = LiveChats(Settings(agents=agents), site.env)
        page = body(await get(other, f"{PATH}?me={site.token()}"))
        assert "<img" not in page and "&lt;img" in page
    async with site.page() as told:
        await asyncio.sleep(0.02)
    assert "<img" not in json.dumps(told) and "&lt;img" in json.dumps(told)
    typed = await form_post(site.chat, PATH, {"me": site.token(BEN), "text": XSS, "name": XSS, "email": XSS})
    assert "<img" not in body(typed)


@pytest.mark.parametrize(
    ("agents", "shown"), [("role", "Konsultant"), ("first-name", "Anna"), ("full-name", "Anna Sekretna")]
)
def test_agents_are_called_as_the_site_wants(agents: str, shown: str) -> None:
    words = Shown(translate=translate, language="pl", zone="Europe/Warsaw", agents=agents)  # type: ignore[arg-type]
    assert words.author(said()) == shown
    assert words.author(said(author="")) == "Urząd"
