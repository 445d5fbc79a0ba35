"""The contact form under a person's hands, in Chromium: what is typed survives a refusal, a stop and a mistake."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Page, Route, expect

from connectors.form.settings import Settings
from tests.connectors.form.test_form import BASE, Running, running
from tests.connectors.webapp import served
from tests.contract.world import Log
from tests.servers.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

LIMITS = Settings(max_file_bytes=1000, max_bytes=1500, per_address="2/hour")


class Place:
    """The form on a real port."""

    def __init__(self, form: Running, address: str) -> None:
        self.form = form
        self.address = address


@pytest_asyncio.fixture(loop_scope="module")
async def place() -> AsyncIterator[Place]:
    async with running(LIMITS) as form, served(form.connector.routes(), Log()) as client:
        yield Place(form, str(client._build_url(BASE)))


async def opened(browser: Browser, place: Place) -> Page:
    """The form, filled in, on a narrow screen."""
    context = await browser.new_context(locale="pl-PL", viewport={"width": 320, "height": 700})
    page = await context.new_page()
    await page.clock.install()
    await page.goto(place.address)
    await fill(page, "Kiedy dostanę zasiłek?")
    return page


async def fill(page: Page, message: str) -> None:
    for name, value in {"email": "jan@example.pl", "subject": "Zasiłek", "message": message}.items():
        await page.fill(f"#{name}", value)
    await page.check("#consent")


def file(size: int, name: str = "skan.pdf") -> FilePayload:
    return {"name": name, "mimeType": "application/pdf", "buffer": b"%PDF-1.7".ljust(size)}


async def test_files_that_are_too_large_are_not_sent_in_vain(browser: Browser, place: Place) -> None:
    page = await opened(browser, place)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method) if request.method == "POST" else None)
    for files, said in (
        ([file(1001)], "Plik skan.pdf jest za duży"),
        ([file(900), file(900)], "Łącznie pliki mogą mieć najwyżej"),
    ):
        await page.set_input_files("#files", files=files)
        await page.click("form button")
        await expect(page.locator(".problems")).to_contain_text(said)
        await expect(page.locator(".problems")).to_be_focused()
        assert await axe_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert posts == []
    await page.set_input_files("#files", files=[file(700), file(700)])
    await page.click("form button")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("otrzymaliśmy wiadomość")
    assert len(place.form.message.attachments) == 2
    await expect(page.locator(".news")).to_be_focused()


async def test_after_a_refusal_the_way_back_leads_to_what_was_typed(browser: Browser, place: Place) -> None:
    page = await opened(browser, place)
    for number in range(3):
        await page.goto(place.address)
        await fill(page, f"Wiadomość {number}")
        async with page.expect_event("load"):
            await page.click("form button")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Prosimy o chwilę")
    await page.go_back()
    await expect(page.locator("#message")).to_have_value("Wiadomość 2")
    await expect(page.locator("#consent")).to_be_checked()


async def test_a_sending_that_was_stopped_can_be_begun_again(browser: Browser, place: Place) -> None:
    page = await opened(browser, place)
    stopped: list[Route] = []

    async def stop(route: Route) -> None:
        """As a person does whose network is too slow: the page stays where it is."""
        if route.request.method == "POST" and not stopped:
            stopped.append(route)
            await route.abort("aborted")
        else:
            await route.continue_()

    await page.route("**/embed/form/**", stop)
    await page.click("form button")
    while not stopped:
        await page.wait_for_timeout(50)
    await page.clock.fast_forward(5200)
    await page.click("form button")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("otrzymaliśmy wiadomość")
    assert place.form.message.text == "Kiedy dostanę zasiłek?"
