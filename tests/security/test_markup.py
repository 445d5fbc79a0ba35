"""Stored scripts: vectors in every text that a citizen or a colleague can write, opened in a real browser.

A vector that ran would call ``alert`` or set ``window.pwned``; the policy would report one that tried.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, Request

from hub.people.sessions import open_session
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.web.desk import Desk
from hub.web.guard import COOKIE
from tests.hub.specimen import add_conversation, add_message
from tests.security.world import World

VECTORS = (
    "<script>window.pwned=1;alert(1)</script>",
    '"><img src=x onerror="window.pwned=1;alert(1)">',
    "'><svg/onload=window.pwned=1>",
    "javascript:window.pwned=1",
    '<a href="javascript:window.pwned=1">x</a><iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
    "</textarea></title></style><script>window.pwned=1</script>",
    "{{7*7}}{% include 'x' %}${7*7}<%= 7*7 %>",
    "<style>*{background:url(/leak)}</style><link rel=stylesheet href=/leak.css>",
    "\u202e\u2066<b hx-get=/leak hx-trigger=load>x</b>",
)

ALL = " ".join(VECTORS)


def _plant(tx: Tx, things: dict[str, int]) -> None:
    """The vectors in every text column of what a page can show."""
    number = things["conversation"]
    tx.change(schema.conversation, number, subject=ALL, preview=ALL, topic=ALL, outcome=ALL, suspicious=ALL)
    tx.change(schema.conversation, number, tags=msgspec.json.encode(list(VECTORS)).decode())
    tx.change(schema.contact, things["contact"], name=ALL, note=ALL)
    tx.change(schema.message, things["message"], text=ALL, subject=ALL, html=f"<p>{ALL}</p>")
    tx.change(schema.attachment, things["file"], filename=ALL)
    tx.change(schema.raw, things["raw"], error=ALL)
    tx.change(schema.post, things["post"], text=ALL, author_name=ALL, pending_text=ALL)
    tx.change(schema.article, things["article"], title=ALL, section=ALL, url="javascript:window.pwned=1")
    tx.change(schema.callback, things["call"], topic=ALL, note=ALL, number=ALL[:40])
    tx.change(schema.draft, things["draft"], text=ALL, subject=ALL)
    tx.change(schema.canned, things["text"], title=ALL, text=ALL, shortcut=ALL)
    tx.change(schema.user, things["user"], name=ALL)
    tx.change(schema.api_token, things["token"], name=ALL)
    for position, kind in enumerate(("note", "system", "outbound"), 11):
        line = add_message(tx, number, number=position, kind=kind, text=ALL)
        tx.change(schema.message, line, data=msgspec.json.encode({"what": ALL, "name": ALL}).decode())
    tx.change(schema.conversation, number, messages=13)
    add_conversation(tx, subject=ALL, text=ALL, name=ALL)


async def watched(page: Page) -> list[str]:
    """What happens on a page that should not."""
    found: list[str] = []
    page.on("dialog", lambda dialog: found.append(f"dialog: {dialog.message}"))

    def look(request: Request) -> None:
        if "leak" in request.url:
            found.append(f"request: {request.url}")

    page.on("request", look)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    await page.add_init_script("window.pwned = 0")
    return found


@pytest.mark.slow
@pytest.mark.browser
async def test_no_text_becomes_a_script(
    browser: Browser,
    server: TestServer,
    world: World,
    sqlite_store: Store,
    desk: Desk,
    people: dict[str, int],
) -> None:
    things = await world.make("krajowa", "administrator")
    limits = desk.house().directory.config.limits

    def prepare(tx: Tx) -> None:
        _plant(tx, things)
        open_session(tx, limits, people["administrator"], "token", "csrf")

    await sqlite_store.write(prepare)
    base = str(server.make_url("")).rstrip("/")
    context = await browser.new_context()
    await context.add_cookies([{"name": COOKIE, "value": "token", "url": base}])
    page = await context.new_page()
    found = await watched(page)
    number = things["conversation"]
    for path in (
        "/inbox?view=all",
        f"/conversations/{number}",
        f"/conversations/{number}/print",
        f"/conversations/{number}/why",
        f"/contacts/{things['contact']}",
        "/inbox/drafts",
        "/texts",
        "/new?to=" + VECTORS[1],
        "/moderation",
        f"/moderation/{things['post']}",
        "/moderation/articles",
        "/callbacks",
        f"/callbacks/{things['call']}",
        "/search?q=" + VECTORS[0],
        "/notifications",
        "/supervisor",
        "/supervisor/queues/bezrobotni",
        "/supervisor/people",
        "/quarantine",
        "/admin/users",
        f"/admin/users/{things['user']}",
        "/admin/tokens",
        "/admin/audit",
        "/login?next=" + VECTORS[3],
    ):
        answer = await page.goto(base + path)
        assert answer is not None and answer.status < 500, path
        await page.wait_for_timeout(60)
        assert await page.evaluate("window.pwned") == 0, path
        await _press_links(page, path)
        assert not found, (path, found)
    await context.close()


async def _press_links(page: Page, path: str) -> None:
    """No link leads to a script."""
    links: list[Any] = await page.evaluate(
        "[...document.querySelectorAll('a, form, iframe')].map("
        "e => (e.getAttribute('href') || e.getAttribute('action') || e.getAttribute('src') || '').trim().toLowerCase())"
    )
    assert not [link for link in links if link.startswith(("javascript:", "data:", "vbscript:"))], path


@pytest.mark.slow
@pytest.mark.browser
async def test_the_html_of_a_mail_runs_nothing(
    browser: Browser,
    server: TestServer,
    world: World,
    sqlite_store: Store,
    desk: Desk,
    people: dict[str, int],
) -> None:
    things = await world.make("krajowa", "administrator")
    limits = desk.house().directory.config.limits

    def prepare(tx: Tx) -> None:
        html = f"<p style='background:url(/leak)'>{ALL}</p><style>*{{color:red}}</style>"
        tx.change(schema.message, things["message"], html=html)
        open_session(tx, limits, people["administrator"], "token", "csrf")

    await sqlite_store.write(prepare)
    base = str(server.make_url("")).rstrip("/")
    context = await browser.new_context()
    await context.add_cookies([{"name": COOKIE, "value": "token", "url": base}])
    page = await context.new_page()
    found = await watched(page)
    answer = await page.goto(f"{base}/messages/{things['message']}/html")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy and "script-src" not in policy.replace("script-src 'none'", "")
    assert "unsafe-inline" not in policy
    styled = "[getComputedStyle(document.body).padding, document.querySelectorAll('[style]').length]"
    assert await page.evaluate(styled) == ["12px", 0], "the frame's own style holds, and there is no other"
    await page.wait_for_timeout(200)
    assert not [what for what in found if not what.startswith("error")]
    assert await page.evaluate("window.pwned") == 0
    await context.close()
