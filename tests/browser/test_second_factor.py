"""A person turns on the second factor, logs in with it, then with a code on paper: in Chromium, by keyboard."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from hub.people.second_factor import code_at
from hub.store.store import Store
from hub.web.desk import Desk
from tests.browser.shots import shot
from tests.browser.signed_in import clean, enter
from tests.hub.conftest import FakeClock
from tests.hub.web.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def _log_in(page: Page) -> None:
    await page.goto("/login")
    await page.get_by_label("Login").fill("agent")
    await page.get_by_label("Hasło").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Kod z aplikacji")).to_be_visible()
    await expect(page.get_by_label("Kod", exact=True)).to_be_focused()


async def _clean(page: Page) -> None:
    for width in (320, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        await clean(page, width)


async def test_from_the_settings_to_the_next_log_in(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    sqlite_store: Store,
    people: dict[str, int],
    clock: FakeClock,
) -> None:
    page = await enter(browser, server, desk, people["agent"])
    await page.goto("/settings")
    await page.get_by_role("link", name="Weryfikacja dwuetapowa").click()
    await _clean(page)
    await page.get_by_label("Obecne hasło").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("img", name="Obrazek z kluczem dla aplikacji")).to_be_visible()
    await _clean(page)
    await shot(page, "second-factor")
    secret = (await page.locator(".secret").inner_text()).replace(" ", "")
    await page.get_by_label("Kod", exact=True).fill(code_at(secret, clock.now()))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Kody zapasowe")).to_be_visible()
    await _clean(page)
    await shot(page, "codes-on-paper")
    papers = await page.locator(".paper-codes li").all_inner_texts()
    await page.goto("/settings/second-factor")
    await expect(page.get_by_text("Zostało 10 kodów zapasowych.")).to_be_visible()
    await _clean(page)
    await page.context.clear_cookies()
    clock.move(seconds=60)

    await _log_in(page)
    await _clean(page)
    await shot(page, "code")
    await page.keyboard.type("000000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("nieprawidłowy")
    await page.get_by_label("Kod", exact=True).fill(code_at(secret, clock.now()))
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{str(server.make_url('')).rstrip('/')}/inbox")
    await page.context.clear_cookies()

    await _log_in(page)
    await page.keyboard.type(papers[0])
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{str(server.make_url('')).rstrip('/')}/inbox")
