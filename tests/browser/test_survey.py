"""Whether somebody is content: asked by buttons on Telegram and in the chat, said on a page, seen in the console."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from hub.config import Config, Inbox
from hub.demo.peers.telegram import TelegramPeer
from hub.desk import actions
from hub.people import passwords
from hub.people.users import add_user
from hub.scope import SYSTEM
from hub.store import schema
from tests.browser.chat_site import ChatSite, answer, begin, chat_site
from tests.browser.shots import shot
from tests.browser.whole_hub import PASSWORD
from tests.connectors.telegram.beside import JAN, bot_settings, telegram_on_a_port
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

QUESTION = "Dzień dobry, kiedy dostanę zasiłek?"
ANSWER = "Zasiłek wypłacimy w piątek."
WORDS = "Szybko i konkretnie, dziękuję!"


@pytest_asyncio.fixture(loop_scope="module")
async def telegram() -> AsyncIterator[tuple[TelegramPeer, int]]:
    async with telegram_on_a_port() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def site(
    tmp_path: Path, mailsink: MailSink, telegram: tuple[TelegramPeer, int]
) -> AsyncIterator[ChatSite]:
    """A hub that asks, with a chat and a bot."""

    def asking(config: Config) -> Config:
        settings = bot_settings(telegram[1])
        bot = Inbox(
            id="telegram",
            kind="telegram",
            name="Bot",
            office="krajowa",
            queue="bezrobotni",
            settings=settings,
        )
        hub = msgspec.structs.replace(config.hub, egress_allow=("127.0.0.0/8",))
        queues = tuple(msgspec.structs.replace(queue, survey=not queue.moderation) for queue in config.queues)
        return msgspec.structs.replace(config, hub=hub, queues=queues, inboxes=(*config.inboxes, bot))

    async with chat_site(tmp_path, mailsink, changed=asking) as found:
        hashed = passwords.hash_password(PASSWORD)
        await found.hub.hub.store.write(
            lambda tx: add_user(tx, SYSTEM, "wanda", "Wanda", "supervisor", "krajowa", hashed, "pl")
        )
        yield found


async def resolve(site: ChatSite) -> int:
    """Whoever supervises closes the only conversation."""
    number = int((await site.conversation()).id)
    await site.hub.hub.store.write(lambda tx: actions.resolve(tx, SYSTEM, [number]))
    return number


async def took(site: ChatSite, browser: Browser) -> Page:
    """Anna takes the only conversation and answers."""
    console = await site.hub.enter(browser, "anna", viewport={"width": 1440, "height": 900})
    await console.goto(f"{site.hub.console}/conversations/{(await site.conversation()).id}")
    await answer(console, ANSWER)
    await expect(console.locator(".entry--outbound").last).to_contain_text(ANSWER)
    return console


async def survey(site: ChatSite) -> Any:
    [row] = await site.rows(schema.survey)
    return row


async def test_a_button_on_telegram_a_few_words_on_the_page_and_the_console(
    site: ChatSite, telegram: tuple[TelegramPeer, int], browser: Browser
) -> None:
    peer, _ = telegram
    await peer.writes(JAN, QUESTION)
    await site.until(lambda: site.rows(schema.conversation))
    console = await took(site, browser)
    await site.until(lambda: _said(peer, ANSWER))
    number = await resolve(site)
    site.pass_minutes(61)
    await site.until(lambda: _said(peer, "Jak oceniają Państwo naszą pomoc"))
    question = peer.said_to(JAN.id)[-1]
    await peer.presses(JAN, question, "4")
    await site.until(lambda: _said(peer, "Dziękujemy: 4 na 5"))
    found = re.search(r"http\S+/survey/\w+", peer.said_to(JAN.id)[-1]["text"])
    assert found is not None and (await survey(site)).score == 4
    assert (await site.conversation()).status == "resolved"

    await _say_more(site, browser, found[0])
    row = await survey(site)
    assert (row.score, row.comment, row.way) == (5, WORDS, "button")
    matter = await site.conversation()
    assert (matter.status, matter.waiting_since) == ("resolved", None)
    assert len(await site.rows(schema.message, kind="inbound")) == 1

    await console.goto(f"{site.hub.console}/conversations/{number}")
    section = console.locator("section", has=console.get_by_role("heading", name="Zadowolenie"))
    await expect(section).to_contain_text("5 z 5 Bardzo dobrze")
    await expect(section).to_contain_text(WORDS)
    await expect(console.locator("#stream")).to_contain_text("Osoba zmieniła ocenę naszej pomocy na 5 z 5")
    await shot(console, "survey-conversation")
    assert await axe_violations(console) == []
    await _supervise(site, browser)


async def _said(peer: TelegramPeer, text: str) -> bool:
    return any(text in message.get("text", "") for message in peer.said_to(JAN.id))


async def _say_more(site: ChatSite, browser: Browser, address: str) -> None:
    """On the page, without JavaScript, on a narrow telephone."""
    page = await site.visitor(browser, javascript=False, viewport={"width": 320, "height": 700})
    await page.goto(address)
    await expect(page.get_by_label("4 Dobrze")).to_be_checked()
    await page.get_by_label("5 Bardzo dobrze").check()
    await page.get_by_label("Kilka słów").fill(WORDS)
    await page.get_by_role("button", name="Zmień odpowiedź").click()
    await expect(page.get_by_role("status")).to_contain_text("Dziękujemy za odpowiedź")
    await expect(page.get_by_label("Kilka słów")).to_have_value(WORDS)
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading")).to_have_text("How did we do?")
    for scheme in ("light", "dark"):
        scripted = await site.visitor(browser, viewport={"width": 320, "height": 700}, color_scheme=scheme)
        await scripted.goto(address)
        assert await axe_violations(scripted) == []
        assert await scripted.evaluate("document.documentElement.scrollWidth") <= 320
        await shot(scripted, f"survey-page-{scheme}")
    await scripted.goto(address[:-1] + ("a" if address[-1] != "a" else "b"))
    await expect(scripted.locator("main")).to_contain_text("Nie ma takiej strony")


async def _supervise(site: ChatSite, browser: Browser) -> None:
    page = await site.hub.enter(browser, "wanda")
    await page.goto(f"{site.hub.console}/supervisor")
    await page.get_by_role("link", name="Zadowolenie").click()
    row = page.get_by_role("region", name="Według konsultantów").locator("tbody tr")
    await expect(row).to_contain_text("Anna Testowa")
    await expect(row).to_contain_text("100 %")
    await expect(page.locator("main")).to_contain_text(WORDS)
    assert await axe_violations(page) == []
    await shot(page, "survey-figures")
    await page.set_viewport_size({"width": 320, "height": 800})
    await page.emulate_media(color_scheme="dark")
    assert await axe_violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await shot(page, "survey-figures-narrow")
    await page.fill("#since", "2026-01-01")
    await page.fill("#until", "2026-01-31")
    await page.get_by_role("button", name="Pokaż").click()
    await expect(page.locator("main")).to_contain_text("W tym czasie nikogo nie zapytano")


@pytest.mark.parametrize("javascript", [True, False])
async def test_in_the_chat_the_buttons_stand_under_the_last_message(
    site: ChatSite, browser: Browser, javascript: bool
) -> None:
    page = await site.visitor(browser, javascript=javascript)
    await page.goto(site.chat)
    await begin(page, QUESTION)
    await site.until(lambda: site.rows(schema.conversation))
    await took(site, browser)
    await resolve(site)
    await site.until(lambda: site.rows(schema.survey))
    if not javascript:
        await page.get_by_role("link", name="Pokaż nowe wiadomości").click()
    await expect(page.locator("#log .choices button")).to_have_text(["1", "2", "3", "4", "5"])
    if javascript:
        assert await axe_violations(page) == []
        await shot(page, "survey-chat")
    await page.locator("#log .choices button").nth(4).click()
    await expect(page.locator("header + .news")).to_contain_text("mamy Państwa odpowiedź")
    row = await survey(site)
    assert (row.score, row.way) == (5, "button")
    assert (await site.conversation()).status == "resolved"
    assert len(await site.rows(schema.message, kind="inbound")) == 1
    if javascript:
        await expect(page.locator("#log")).to_contain_text("Dziękujemy: 5 na 5")
        await expect(page.locator("#log .choices")).to_have_count(0)
