"""Comments under a video and a moderator in Chromium: rejected there, answered there, changed there and seen here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from connectors.contract import Secret
from hub.clock import SystemClock
from hub.config import Inbox
from hub.demo.peers.youtube import YouTubePeer
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.connectors.youtube.world import CHANNEL, JAN, VIDEO, ZOFIA
from tests.servers.app import on_a_port
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ABUSE = "Złodzieje i oszuści, tyle w temacie"
QUESTION = "Czy dotacja przysługuje studentom?"
ANSWER = "Tak, jeśli są zarejestrowani jako bezrobotni."


@pytest.fixture
async def youtube() -> AsyncIterator[tuple[YouTubePeer, str]]:
    peer = YouTubePeer(SystemClock().now, CHANNEL)
    peer.videos[VIDEO] = "Jak złożyć wniosek o dotację"
    async with on_a_port(peer.app()) as address:
        yield peer, address


@pytest.fixture
async def hub(
    tmp_path: Path, mailsink: MailSink, youtube: tuple[YouTubePeer, str]
) -> AsyncIterator[WholeHub]:
    """The shipped configuration with a channel that is asked often."""
    settings = {
        "channel_id": CHANNEL,
        "client_id": "client-id",
        "client_secret": Secret("client-secret-of-the-peer"),
        "refresh_token": Secret("refresh-token-of-the-peer"),
        "api_url": f"{youtube[1]}/youtube/v3",
        "token_url": f"{youtube[1]}/token",
        "poll_seconds": 0.2,
        "daily_units": 10_000_000,
    }
    youtube[0].day_units = 10_000_000
    channel = Inbox(
        id="youtube", kind="youtube", name="YouTube", office="krajowa", queue="redakcja", settings=settings
    )
    async with whole_hub(tmp_path, mailsink, inboxes=(channel,)) as running:
        yield running


async def shown(hub: WholeHub, page: Page, words: str, show: str = "") -> None:
    """The bench, once it shows a comment."""
    for _ in range(200):
        await page.goto(f"{hub.console}/moderation{show}")
        if await page.locator(".post", has_text=words).count():
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"the bench does not show {words!r}")


async def test_rejected_answered_and_changed(
    hub: WholeHub, youtube: tuple[YouTubePeer, str], browser: Browser
) -> None:
    peer, _ = youtube
    abuse = peer.comments_on(VIDEO, JAN, ABUSE)
    page = await hub.enter(browser, "redakcja")
    await shown(hub, page, ABUSE)
    await expect(page.locator(".post")).to_contain_text("Jak złożyć wniosek o dotację")
    await expect(page.locator(".post")).to_contain_text("YouTube")
    await shot(page, "youtube-bench")
    assert await axe_violations(page) == []
    await page.keyboard.press("d")
    await page.keyboard.press("1")
    await expect(page.locator(".post")).to_have_count(0)
    await until(lambda: peer.comments[abuse]["snippet"]["moderationStatus"] == "rejected")

    question = peer.comments_on(VIDEO, ZOFIA, QUESTION)
    await shown(hub, page, QUESTION)
    await page.keyboard.press("p")
    await expect(page.locator(".post")).to_have_count(0)
    await shown(hub, page, QUESTION, "?show=published")
    await page.keyboard.press("r")
    length = page.locator(".answer [id^=answer-length]")
    await expect(length).to_have_text("0 / 10000")
    await page.locator(".answer textarea").fill("a" * 10_001)
    await expect(length).to_have_text("10001 / 10000 · za długie o 1")
    await page.locator(".answer textarea").fill("")
    await page.keyboard.type(ANSWER)
    await expect(length).to_have_text(f"{len(ANSWER)} / 10000")
    await page.click(".answer form button")

    def answered() -> bool:
        return any(item["snippet"]["textOriginal"] == ANSWER for item in peer.comments.values())

    await until(answered)
    ours = next(item for item in peer.comments.values() if item["snippet"]["textOriginal"] == ANSWER)
    assert ours["snippet"]["parentId"] == question
    await shown(hub, page, ANSWER, "?show=published")
    await shot(page, "youtube-answered")

    peer.moderates(question, "rejected")
    await shown(hub, page, QUESTION, "?show=hidden")
    await shot(page, "youtube-hidden-there")
    for secret in ("client-secret-of-the-peer", "refresh-token-of-the-peer", "ya29", ABUSE):
        assert secret not in hub.log.getvalue()
