"""A chat from its first word to its last, through the whole hub in Chromium: the visitor on a site, the agent in the
console, with and without a script."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from connectors._widget import SHARED
from connectors.chat.connector import FOLDER
from hub.store import schema
from tests.browser.chat_site import ChatSite, answer, begin, chat_site, say
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

QUESTION = "Dzień dobry, do kiedy mam się odmeldować?"
ANSWER = "Dzień dobry, najlepiej jeszcze dziś."


@pytest.fixture
async def site(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[ChatSite]:
    async with chat_site(tmp_path, mailsink) as found:
        yield found


async def framed(site: ChatSite, page: Page) -> FrameLocator:
    """Open the chat by its button on the site's page."""
    await page.goto(site.page)
    await page.get_by_role("button", name="Porozmawiaj z nami").click()
    return page.frame_locator("#centrala-chat iframe")


async def open_first(console: Page) -> None:
    """Take the next conversation."""
    await console.goto(console.url.split("/", 3)[0] + "//" + console.url.split("/")[2] + "/inbox")
    await console.click(".places__take button")
    await console.wait_for_selector("[data-conversation-open]")


def test_script_and_style_are_small() -> None:
    files = [*(FOLDER / "static").iterdir(), *(SHARED / "static").glob("widget.*")]
    assert {file.suffix for file in files} == {".js", ".css"}
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= 15_000


async def test_a_chat_on_a_site_is_answered_in_the_console(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION, email="zofia@example.org")
    await expect(chat.locator("#log")).to_contain_text(QUESTION)
    await expect(chat.locator("#state")).to_contain_text("Jesteś następną osobą w kolejce")
    await open_first(console)
    await expect(console.locator("#stream")).to_contain_text(QUESTION)
    await expect(chat.locator("#state")).to_contain_text("Rozmawia z Tobą: Anna")
    await answer(console, ANSWER)
    await expect(chat.locator("#log")).to_contain_text(ANSWER)
    await expect(chat.locator(".said").last).to_contain_text("Anna")
    assert "Testowa" not in await chat.locator("#chat").inner_html()
    await expect(console.locator("#stream .sending summary").last).to_contain_text("Przeczytan")
    await say(chat, "Dziękuję, a meldunek?")
    await expect(console.locator("#stream")).to_contain_text("a meldunek?")
    assert re.search("chat", (await site.conversation()).channel)
    assert len(await site.rows(schema.chat)) == 1
    assert await axe_violations(page) == []
