"""A citizen on Messenger and an agent in Chromium: question, answer, delivered, read, a sign, a colleague elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from connectors.contract import Secret
from hub.clock import SystemClock
from hub.config import Inbox
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import MetaPeer
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.contract.meta import PAGE, PAGE_TOKEN, VERIFY, make_peer, served
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

PERSON = "24691357802468"
QUESTION = "Dzień dobry, czy na rejestrację trzeba się umówić?"
ANSWER = "Nie trzeba, zapraszamy od 8 do 15."
GREEN = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
    "0000001349444154789c63646838c1c0c0c0c4c0c00000090c0102e1e0a4b50000000049454e44ae426082"
)


@pytest_asyncio.fixture(loop_scope="module")
async def meta() -> AsyncIterator[MetaPeer]:
    """Meta on a port of loopback; telephones take messages by themselves."""
    peer = make_peer(SystemClock().now)
    peer.lively = True
    async with served(peer):
        yield peer


@pytest_asyncio.fixture(loop_scope="module")
async def hub(tmp_path: Path, mailsink: MailSink, meta: MetaPeer) -> AsyncIterator[WholeHub]:
    """The shipped configuration with a page."""
    settings = {
        "account": PAGE,
        "app_id": meta.app_id,
        "app_secret": Secret(meta.app_secret),
        "access_token": Secret(PAGE_TOKEN),
        "verify_token": Secret(VERIFY),
        "graph_url": meta.base,
    }
    page = Inbox(
        id="facebook",
        kind="messenger",
        name="Messenger",
        office="krajowa",
        queue="bezrobotni",
        settings=settings,
    )
    async with whole_hub(tmp_path, mailsink, inboxes=(page,)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def people(hub: WholeHub, meta: MetaPeer) -> DirectPeer:
    """Somebody on Messenger; the callback is entered at Meta."""
    found = DirectPeer(meta)
    found.meet(PERSON, PAGE, "Zofia Kowalska")
    assert await meta.subscribe("page", f"{hub.public}/in/facebook", VERIFY)
    return found


async def answer(page: Page, text: str) -> None:
    await page.keyboard.press("r")
    await page.keyboard.type(text)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry--outbound").last).to_contain_text(text)


async def test_question_answer_and_what_became_of_it(
    hub: WholeHub, meta: MetaPeer, people: DirectPeer, browser: Browser
) -> None:
    await people.writes(PERSON, QUESTION)
    page = await hub.enter(browser, "konsultant", viewport={"width": 1440, "height": 900})
    await page.goto(f"{hub.console}/inbox?view=unassigned")
    await page.locator("[data-row]", has_text="trzeba się umówić").locator(".item__link").click()
    await page.wait_for_url("**/conversations/**")
    await expect(page.locator("#stream")).to_contain_text(QUESTION)
    await expect(page.get_by_text("Zofia Kowalska").first).to_be_visible()

    await answer(page, ANSWER)
    ours = page.locator(".entry--outbound").last
    await expect(ours).to_contain_text("Doręczone")
    [got] = people.received
    assert got.text == ANSWER
    await people.reads(PERSON)
    await expect(ours).to_contain_text("Przeczytane")
    assert any(action.body["sender_action"] == "typing_on" for action in people.actions)

    await people.reacts(PERSON, got.mid, "👍")
    await people.sends_file(PERSON, "image", "dowod.png", "image/png", GREEN)
    await people.presses(PERSON, "Dziękuję", "thanks")
    await expect(page.locator("#stream")).to_contain_text("dowod.png")
    await people.written_elsewhere(PERSON, "Odpisane w skrzynce strony")
    elsewhere = page.locator(".entry--outbound", has_text="Odpisane w skrzynce strony")
    await expect(elsewhere).to_be_visible()
    await page.reload()
    await expect(page.locator("#stream")).to_contain_text("👍")
    await shot(page, "messenger-conversation")
    assert await axe_violations(page) == []

    log = hub.log.getvalue()
    assert [
        word for word in (PAGE_TOKEN, meta.app_secret, VERIFY, ANSWER, "Zofia", PERSON) if word in log
    ] == []


async def test_a_narrow_screen_in_the_dark(hub: WholeHub, people: DirectPeer, browser: Browser) -> None:
    await people.writes(PERSON, QUESTION)
    screen = {"width": 320, "height": 700}
    page = await hub.enter(browser, "konsultant", viewport=screen, color_scheme="dark")
    await page.goto(f"{hub.console}/inbox?view=unassigned")
    await page.locator("[data-row]", has_text="trzeba się umówić").locator(".item__link").click()
    await page.wait_for_url("**/conversations/**")
    await expect(page.locator("#stream")).to_contain_text(QUESTION)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await shot(page, "messenger-320")
    assert await axe_violations(page) == []
