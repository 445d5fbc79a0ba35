"""A citizen on Telegram and an agent in Chromium: question, answer, photo, correction, reaction, block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from hub.config import Inbox
from hub.demo.peers.telegram import TelegramPeer
from hub.store import schema
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.connectors.telegram.beside import JAN, TOKEN, bot_settings, telegram_on_a_port
from tests.hub.specimen import add_conversation
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink
from tests.waiting import eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

QUESTION = "Dzień dobry, kiedy dostanę zasiłek? 😀"
ANSWER = "Zasiłek wypłacimy w piątek."
GREEN = (
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
    "0000001349444154789c63646838c1c0c0c0c4c0c00000090c0102e1e0a4b50000000049454e44ae426082"
)


@pytest_asyncio.fixture(loop_scope="module")
async def telegram() -> AsyncIterator[tuple[TelegramPeer, int]]:
    async with telegram_on_a_port() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def hub(
    tmp_path: Path, mailsink: MailSink, telegram: tuple[TelegramPeer, int]
) -> AsyncIterator[WholeHub]:
    """The shipped configuration with a bot."""
    settings = bot_settings(telegram[1])
    bot = Inbox(
        id="telegram",
        kind="telegram",
        name="Telegram",
        office="krajowa",
        queue="bezrobotni",
        settings=settings,
    )
    async with whole_hub(tmp_path, mailsink, inboxes=(bot,)) as running:
        yield running


async def answer(page: Page, text: str) -> None:
    await page.keyboard.press("r")
    await page.keyboard.type(text)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry--outbound").last).to_contain_text(text)


async def conversations(hub: WholeHub) -> int:
    found = await hub.hub.store.read(lambda tx: tx.rows(select(schema.conversation.c.id)))
    return len(found)


async def test_question_answer_and_what_became_of_it(
    hub: WholeHub, telegram: tuple[TelegramPeer, int], browser: Browser
) -> None:
    peer, _ = telegram
    await peer.writes(JAN, QUESTION)

    async def arrived() -> bool:
        return await conversations(hub) == 1

    await eventually(arrived)
    page = await hub.enter(browser, "konsultant")
    await page.goto(f"{hub.console}/inbox?view=unassigned")
    await page.locator("[data-row]", has_text="kiedy dostanę zasiłek").locator(".item__link").click()
    await page.wait_for_url("**/conversations/**")
    await expect(page.locator("#stream")).to_contain_text(QUESTION)
    await expect(page.locator("#stream")).to_contain_text("Jan Kowalski")

    await answer(page, ANSWER)
    await expect(page.locator(".entry--outbound").last).to_contain_text("Przyjęte")
    [ours] = peer.said_to(JAN.id)
    assert ours["text"] == ANSWER
    assert any(call.method == "sendChatAction" for call in peer.calls), (
        "the person saw that somebody is typing"
    )

    await peer.sends_file(JAN, "photo", bytes.fromhex(GREEN), "Oto zaświadczenie")
    await expect(page.locator("#stream")).to_contain_text("Oto zaświadczenie")
    await peer.reacts(JAN, ours["message_id"], "👍")
    first = next(made for made in peer.messages.values() if made.get("text") == QUESTION)
    await peer.edits(first, "Dzień dobry, kiedy dostanę dotację?")

    async def edited() -> bool:
        found = await hub.hub.store.read(lambda tx: tx.rows(select(schema.message.c.edited_at)))
        return any(row.edited_at for row in found)

    await eventually(edited)
    await page.reload()
    await expect(page.locator("#stream")).to_contain_text("kiedy dostanę dotację")
    await expect(page.locator("#stream")).to_contain_text("photo-")
    await expect(page.locator(".entry--outbound").last).to_contain_text("👍")
    await shot(page, "telegram-conversation")
    assert await axe_violations(page) == []

    await peer.blocks(JAN)

    async def silent() -> bool:
        table = schema.identity
        mine = select(table.c.silent_since).where(table.c.address == str(JAN.id))
        return await hub.hub.store.read(lambda tx: tx.scalar(mine)) is not None

    await eventually(silent)
    await page.reload()
    await expect(page.locator("#stream")).to_contain_text("poprosiła, aby nie pisać")
    await shot(page, "telegram-blocked")
    assert TOKEN not in hub.log.getvalue()
    assert TOKEN.partition(":")[2] not in hub.log.getvalue()
    assert ANSWER not in hub.log.getvalue()


async def test_a_matter_that_began_by_mail_goes_on_there(
    hub: WholeHub, telegram: tuple[TelegramPeer, int], browser: Browser, mailsink: MailSink
) -> None:
    """The agent puts the link into the answer; whoever opens it writes into the same conversation."""
    peer, _ = telegram
    number = await hub.hub.store.write(
        lambda tx: add_conversation(tx, email="jan@example.pl", inbox="kontakt", subject="Zasiłek")
    )
    page = await hub.enter(browser, "konsultant")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{hub.console}/conversations/{number}")
    offer = page.locator("#invitations")
    await offer.get_by_text("Kontynuuj w Telegramie").click()
    link = await offer.get_by_role("textbox").input_value()
    assert link.startswith("https://t.me/urzad_pracy_bot?start=")
    await offer.get_by_role("button", name="Kopiuj odnośnik").click()
    while await page.evaluate("navigator.clipboard.readText()") != link:
        await page.wait_for_timeout(50)
    await offer.get_by_role("button", name="Wstaw do odpowiedzi").click()
    await expect(page.locator("#reply-text")).to_have_value(
        f"Możemy kontynuować Państwa sprawę w Telegramie: {link}"
    )
    await shot(page, "telegram-invitation")
    assert await axe_violations(page) == []
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry--outbound").last).to_contain_text(link)

    await peer.writes(JAN, f"/start {link.partition('=')[2]}")
    await expect(page.locator("#stream")).to_contain_text("Jan Kowalski")
    assert await conversations(hub) == 1

    async def confirmed() -> bool:
        return bool(peer.said_to(JAN.id))

    await eventually(confirmed)
    await page.reload()
    await expect(page.locator("#stream")).to_contain_text("/start")
    await expect(offer).to_have_count(0)  # the person is reached there without a link now
    assert link.partition("=")[2] not in hub.log.getvalue()
