"""A page of a logged-in person on a test server, and what every page must be."""

from __future__ import annotations

from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page

from hub.people.sessions import open_session
from hub.web.desk import Desk
from hub.web.guard import COOKIE
from tests.servers.browser import axe_violations


async def enter(
    browser: Browser, server: TestServer, desk: Desk, user: int, *, width: int = 1280, dark: bool = False
) -> Page:
    """A page of a logged-in person."""
    limits, token = desk.house().directory.config.limits, f"token-{user}-{width}"
    await desk.store.write(lambda tx: open_session(tx, limits, user, token, f"csrf-{token}"))
    address = str(server.make_url("")).rstrip("/")
    context = await browser.new_context(
        base_url=address,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        locale="pl-PL",
    )
    await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    page = await context.new_page()
    return page


async def clean(page: Page, width: int) -> None:
    assert await axe_violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
