"""A citizen on X and an agent in Chromium: a direct message and a public post, each answered where it was written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from connectors._weight import weight
from connectors.contract import Secret
from hub.clock import SystemClock
from hub.config import Inbox
from hub.demo.peers.x import XPeer
from hub.store import schema
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.connectors.x.world import JAN, ME, ZOFIA, keys
from tests.servers.app import on_a_port
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

WEIGHTS = [
    ("Zażółć gęślą jaźń", 17),
    ("Добрий день", 11),
    ("日本 👨\u200d👩\u200d👧\u200d👦 🇵🇱", 10),
    ("patrz https://example.com.", 30),
    ("zielonalinia.gov.pl i koniec", 32),
]
"""Texts and how long X takes them for."""

QUESTION = "Dzień dobry, kiedy dostanę decyzję o zasiłku?"
ANSWER = "Decyzja zapadnie w piątek."
POST = "@zielonalinia kiedy wypłacicie zasiłek za październik?"
REPLY = "@jan_k Zasiłek wypłacimy w piątek."


@pytest_asyncio.fixture(loop_scope="module")
async def x() -> AsyncIterator[tuple[XPeer, str]]:
    peer = XPeer(SystemClock().now, ME)
    async with on_a_port(peer.app()) as address:
        yield peer, address


@pytest_asyncio.fixture(loop_scope="module")
async def hub(tmp_path: Path, mailsink: MailSink, x: tuple[XPeer, str]) -> AsyncIterator[WholeHub]:
    """The shipped configuration with an account on X, whose webhook is registered."""
    settings = {"account_id": ME.number, "api_url": x[1], **keys()}
    account = Inbox(id="x", kind="x", name="X", office="krajowa", queue="bezrobotni", settings=settings)
    async with whole_hub(tmp_path, mailsink, inboxes=(account,)) as running:
        assert await x[0].registers(f"{running.public}/in/x")
        yield running


async def opened(hub: WholeHub, page: Page, words: str) -> None:
    await page.goto(f"{hub.console}/inbox?view=unassigned")
    await page.locator("[data-row]", has_text=words).locator(".item__link").click()
    await page.wait_for_url("**/conversations/**")
    await expect(page.locator("#stream")).to_contain_text(words)


async def answer(page: Page, text: str) -> None:
    await page.locator("#reply-text").fill(text)
    await page.locator("#reply-text").press("Control+Enter")
    await expect(page.locator(".entry--outbound").last).to_contain_text(text)


@pytest.mark.parametrize("form", ["account", "activity"])
async def test_a_direct_message_is_answered_and_read(
    hub: WholeHub, x: tuple[XPeer, str], browser: Browser, form: str
) -> None:
    peer, _ = x
    peer.form = form
    await peer.writes(ZOFIA, QUESTION)
    page = await hub.enter(browser, "konsultant")
    await opened(hub, page, QUESTION)
    await expect(page.locator("#stream")).to_contain_text("Zofia Poufna")
    await answer(page, ANSWER)
    last = page.locator(".entry--outbound").last
    await expect(last).to_contain_text("Doręczone")
    assert peer.sent() == [{"text": ANSWER}]
    await peer.reads(ZOFIA)
    await expect(last).to_contain_text("Przeczytane")
    await shot(page, f"x-direct-{form}")
    assert await axe_violations(page) == []
    await expect(page.locator(".entry--outbound")).to_have_count(1)
    assert set(peer.answers) == {200}, "what came back to us as an echo was taken, and shown once"
    for secret in (Secret("app-secret-of-the-peer").reveal(), "account-secret", ANSWER, QUESTION):
        assert secret not in hub.log.getvalue()


async def test_a_public_post_is_answered_under_it(
    hub: WholeHub, x: tuple[XPeer, str], browser: Browser
) -> None:
    peer, _ = x
    number = await peer.mentions(JAN, POST)
    page = await hub.enter(browser, "konsultant")
    await opened(hub, page, "zasiłek za październik")
    await expect(page.locator("main")).to_contain_text("Publiczny wpis na X")
    await answer(page, REPLY)
    last = page.locator(".entry--outbound").last
    await expect(last).to_contain_text("Doręczone")
    assert peer.sent() == [{"text": REPLY, "reply": {"in_reply_to_tweet_id": number}}]
    ours = peer.posts[-1]
    again = "@zielonalinia Dziękuję, a kiedy dokładnie?"
    await peer.mentions(JAN, again, (ours["id"], ME.number))
    await expect(page.locator("#stream")).to_contain_text(again)
    await shot(page, "x-mention")

    await page.reload()
    await expect(page.locator("#reply-form")).to_contain_text("Ta odpowiedź pojawi się publicznie")
    length = page.locator("#reply-form [data-length]")
    for text, count in WEIGHTS:
        await page.locator("#reply-text").fill(text)
        assert weight(text) == count
        await expect(length).to_have_text(f"{count} / 280")
    await page.locator("#reply-text").fill("Bardzo długa odpowiedź. " * 15)
    await page.locator("#reply-text").press("Control+Enter")
    await expect(page.locator("#reply-form")).to_contain_text("Treść jest dłuższa, niż przyjmuje ten kanał")
    assert len(peer.sent()) == 1, "what does not fit is not posted"
    rows = await hub.hub.store.read(lambda tx: tx.rows(select(schema.conversation.c.id)))
    assert len(rows) == 1
