"""A citizen's SMS through a real Kannel and an agent in Chromium: question, answer, its delivery, STOP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from connectors.contract import Secret
from hub.config import Inbox
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.servers.browser import axe_violations
from tests.servers.kannel import PASSWORD, SECRET, USER, Kannel
from tests.servers.mailsink import MailSink
from tests.servers.process import folder

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

CITIZEN = "+48600700800"
QUESTION = "Dzień dobry, kiedy dostanę zasiłek? 😀"
ANSWER = "Zasiłek wypłacimy w piątek, 13 listopada."


@pytest.fixture
async def place(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[tuple[WholeHub, Kannel]]:
    """The shipped configuration with an SMS inbox, and the Kannel that it talks with."""
    with folder("kannel") as path:
        kannel = Kannel(path)
        settings = {
            "url": kannel.url,
            "username": USER,
            "password": Secret(PASSWORD),
            "secret": Secret(SECRET),
            "sender": "+48123123123",
            "price": 9,
        }
        sms = Inbox(
            id="sms", kind="kannel", name="SMS", office="krajowa", queue="bezrobotni", settings=settings
        )
        async with whole_hub(tmp_path, mailsink, inboxes=(sms,)) as hub:
            kannel.hub = f"{hub.public}/in/sms"
            await asyncio.to_thread(kannel.start)
            try:
                yield hub, kannel
            finally:
                await asyncio.to_thread(kannel.stop)
                log = hub.log.getvalue()
                assert not [private for private in (PASSWORD, SECRET, "600700800", ANSWER) if private in log]


async def answer(page: Page, text: str) -> None:
    await page.keyboard.press("r")
    await page.keyboard.type(text)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry--outbound").last).to_contain_text(text)


async def test_question_answer_and_what_became_of_it(
    place: tuple[WholeHub, Kannel], browser: Browser
) -> None:
    hub, kannel = place
    page = await hub.enter(browser, "konsultant")
    await asyncio.to_thread(kannel.writes, CITIZEN, QUESTION)
    await page.goto(f"{hub.console}/inbox?view=unassigned")
    row = page.locator("[data-row]", has_text="kiedy dostanę zasiłek")
    for _ in range(100):
        if await row.count():
            break
        await asyncio.sleep(0.25)
        await page.reload()
    await row.locator(".item__link").click()
    await page.wait_for_url("**/conversations/**")
    await expect(page.locator("#stream")).to_contain_text(QUESTION)
    await shot(page, "sms-question")

    await answer(page, ANSWER)
    await expect(page.locator(".entry--outbound").last).to_contain_text("Doręczone")
    got = await asyncio.to_thread(kannel.wait_for, 1)
    assert ("+48123123123", CITIZEN, "ucs-2", ANSWER) in got
    assert not mailed(hub), "the answer left by SMS alone"

    await asyncio.to_thread(kannel.writes, CITIZEN, "Dziekuje. A gdzie jest biuro?")
    await expect(page.locator("#stream")).to_contain_text("A gdzie jest biuro?")
    await asyncio.to_thread(kannel.writes, CITIZEN, "Dziekuje. A gdzie jest biuro?")
    await expect(page.locator("#stream")).to_contain_text("Możliwe powtórzenie")
    await shot(page, "sms-answered")
    assert await axe_violations(page) == []

    sent = len(kannel.received())
    await asyncio.to_thread(kannel.writes, CITIZEN, "Stop.")
    silence = page.locator("#stream", has_text="nie pisać już do niej na adres +48600700800")
    for _ in range(100):
        if await silence.count():
            break
        await asyncio.sleep(0.25)
        await page.reload()
    await expect(silence).to_be_visible()
    await shot(page, "sms-stop")
    await page.keyboard.press("r")
    await page.keyboard.type("Biuro jest przy ul. Nowej 1.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("body")).to_contain_text("nie pisać do niej tym kanałem")
    await shot(page, "sms-refused")
    assert len(kannel.received()) == sent, "nothing leaves after STOP"


def mailed(hub: WholeHub) -> list[object]:
    """What the mail server got."""
    return list(hub.mails.mails)
