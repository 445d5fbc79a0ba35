"""The pages that a citizen's browser gets instead of the one that it asked for, in Chromium."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from connectors.contract import Request, Response, Route
from hub.i18n import translate
from hub.logs import logger
from hub.rates import Rates
from hub.web import public
from tests.browser.shots import shot
from tests.servers.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[str]:
    """A public listener whose one page may be seen once an hour."""

    async def hello(request: Request) -> Response:
        return Response(body=b"<p>hello</p>")

    app = public.build(
        routes=[Route(method="GET", path="/page", handler=hello, per_address="1/hour")],
        settings=public.Settings(public_url="http://127.0.0.1", name="Zielona Linia"),
        translate=translate,
        log=logger("test"),
        ready=lambda: True,
        rates=Rates(time.monotonic),
    )
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
async def test_what_is_refused_is_a_page(browser: Browser, site: str, scheme: Any, width: int) -> None:
    viewport: Any = {"width": width, "height": 700}
    context = await browser.new_context(locale="pl-PL", color_scheme=scheme, viewport=viewport)
    page = await context.new_page()
    await page.goto(f"{site}/page")
    for path, heading in (("/nie-ma", "Nie ma takiej strony"), ("/page", "Prosimy o chwilę")):
        await page.goto(site + path)
        await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert await axe_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        edge = await page.locator("#widget").evaluate("element => getComputedStyle(element).borderTopWidth")
        assert edge == "1px", "its own style is there, also for whom a limit turned away"
        await shot(page, f"refused-{path[1:]}-{scheme}", full_page=False)
    await page.get_by_role("link", name="Spróbuj ponownie").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Prosimy o chwilę")
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("A moment, please")
    await context.close()
