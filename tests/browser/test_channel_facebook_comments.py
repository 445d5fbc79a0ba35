"""Comments on a Facebook page in Chromium: in by a signed call, onto the bench, hidden, answered, told back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Locator, Page, expect

from connectors.contract import Secret
from hub.clock import SystemClock
from hub.config import Inbox
from hub.demo.peers.meta.comments import CommentsPeer
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import MetaPeer
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.contract.meta import PAGE, PAGE_TOKEN, VERIFY, make_peer
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink
from tests.waiting import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

PERSON = "6123456789012345"
ABUSE = "Złodzieje! Mój PESEL 44051401359, sprawdźcie to sobie."
QUESTION = "Kiedy będzie wypłata zasiłku za październik?"
GREEN = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
    "0000001349444154789c63646838c1c0c0c0c4c0c00000090c0102e1e0a4b50000000049454e44ae426082"
)
ANSWER = "Wypłaty są 10. dnia każdego miesiąca."


class Meta:
    """The provider: its platform, the people who comment, those who write directly."""

    def __init__(self, meta: MetaPeer) -> None:
        self.meta = meta
        self.comments = CommentsPeer(meta)
        self.direct = DirectPeer(meta)


@pytest_asyncio.fixture(loop_scope="module")
async def meta() -> AsyncIterator[Meta]:
    peer = make_peer(SystemClock().now)
    found = Meta(peer)
    runner = web.AppRunner(peer.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await peer.close()
        await runner.cleanup()


def _inboxes(meta: Meta) -> tuple[Inbox, Inbox]:
    """The page's comments, whose address Meta calls, and its messages."""
    common = {
        "account": PAGE,
        "app_id": meta.meta.app_id,
        "app_secret": Secret(meta.meta.app_secret),
        "access_token": Secret(PAGE_TOKEN),
        "verify_token": Secret(VERIFY),
        "graph_url": meta.meta.base,
    }
    sibling = {"inbox": "messenger", "kind": "messenger", "account": PAGE}
    fanpage = Inbox(
        id="fanpage",
        kind="facebook_comments",
        name="Facebook urzędu",
        office="krajowa",
        queue="redakcja",
        settings={**common, "siblings": [sibling], "list_seconds": 1},
    )
    messages = Inbox(
        id="messenger",
        kind="messenger",
        name="Messenger urzędu",
        office="krajowa",
        queue="bezrobotni",
        settings=common,
    )
    return fanpage, messages


@pytest_asyncio.fixture(loop_scope="module")
async def hub(tmp_path: Path, mailsink: MailSink, meta: Meta) -> AsyncIterator[WholeHub]:
    """The shipped configuration with a Facebook page; Meta has verified the callback."""
    async with whole_hub(tmp_path, mailsink, inboxes=_inboxes(meta)) as running:
        assert await meta.meta.subscribe("page", f"{running.public}/in/fanpage", VERIFY)
        yield running


async def until_shown(page: Page, element: Locator) -> None:
    """Reload until something that is fetched meanwhile is there."""
    for _ in range(200):
        if await element.count():
            break
        await asyncio.sleep(0.1)
        await page.reload()
    await expect(element).to_be_visible()


async def bench(hub: WholeHub, browser: Browser, show: str = "", **context: object) -> Page:
    page = await hub.enter(browser, "redakcja", **context)
    await page.goto(f"{hub.console}/moderation{show}")
    return page


async def test_hidden_and_answered_there_and_both_seen_here(
    hub: WholeHub, meta: Meta, browser: Browser
) -> None:
    there = meta.comments
    post = await there.posts(PAGE, "Zmiany w zasiłkach od stycznia\n\nSzczegóły na stronie.")
    picture = meta.meta.keep_file("zrzut.png", "image/png", GREEN)
    abuse = await there.comments(post, "6999", "Zły Człowiek", ABUSE, photo=picture)
    question = await there.comments(post, PERSON, "Jan Kowalski", QUESTION)

    page = await bench(hub, browser)
    first = page.locator(".post", has_text="Złodzieje")
    await expect(first).to_contain_text("440••••••••")
    await expect(first).to_contain_text("Widoczny publicznie (Facebook)")
    await expect(first).to_contain_text("Zmiany w zasiłkach od stycznia")
    await expect(first).to_contain_text("Ukryj komentarz")
    await until_shown(page, first.locator(".post__files img"))
    link = await first.get_by_text("Zobacz w serwisie Facebook").get_attribute("href")
    assert link is not None and link.endswith(f"?comment_id={abuse.rpartition('_')[2]}")
    await expect(page.locator(".post [data-own-key='m']")).to_have_count(0)  # nothing can be masked there
    await shot(page, "facebook-bench")
    assert await axe_violations(page) == []

    await first.click()
    await page.keyboard.press("h")
    await expect(page.locator(".post")).to_have_count(1)
    await until(lambda: there.things[abuse].hidden)
    assert there.things[question].hidden is False

    await page.keyboard.press("r")
    await page.keyboard.type(ANSWER)
    await page.locator(".answer form button").click()
    await expect(page.locator("#toasts")).to_contain_text("Facebook")
    await expect(page.locator(".post")).to_have_count(0)
    await until(lambda: any(t.text == ANSWER and t.parent == question for t in there.things.values()))

    await page.goto(f"{hub.console}/moderation?show=hidden")
    await expect(page.locator(".post")).to_contain_text("Ukryty (Facebook)")
    await shot(page, "facebook-hidden")
    await page.goto(f"{hub.console}/moderation?show=published")
    ours = page.locator(".post", has_text=ANSWER)
    await expect(ours).to_have_count(1)
    await expect(ours).to_contain_text("Widoczny publicznie (Facebook)")
    await shot(page, "facebook-published")

    await page.goto(f"{hub.console}/moderation?show=hidden")
    await page.locator(".post [data-own-key='p']").click()
    await until(lambda: not there.things[abuse].hidden)
    assert "44051401359" not in hub.log.getvalue()


async def test_a_refusal_is_told_and_the_comment_comes_back(
    hub: WholeHub, meta: Meta, browser: Browser
) -> None:
    there = meta.comments
    post = await there.posts(PAGE, "Dni otwarte")
    abuse = await there.comments(post, "6999", "Zły Człowiek", "Brednie!")
    page = await bench(hub, browser)
    await expect(page.locator(".post")).to_have_count(1)
    meta.meta.fail("100")
    await page.keyboard.press("d")
    await page.keyboard.press("1")
    failed = page.locator(".post .notice--danger")

    async def told() -> bool:
        await page.goto(f"{hub.console}/moderation")
        return await failed.count() == 1

    for _ in range(100):
        if await told():
            break
        await asyncio.sleep(0.1)
    await expect(failed).to_contain_text("nadal jest tam publicznie widoczny")
    await expect(page.locator(".post")).to_contain_text("Serwis tego nie wykonał")
    await shot(page, "facebook-failed")
    assert await axe_violations(page) == []

    meta.meta.fail("")
    await page.keyboard.press("d")
    await page.locator(".post .refuse input[name=erase]").check()
    await page.locator(".post .refuse button[value=abuse]").click()
    await until(lambda: abuse in there.deleted)
    await page.goto(f"{hub.console}/moderation?show=rejected")
    await expect(page.locator(".post")).to_contain_text("Usunięty (Facebook)")


async def test_a_private_answer_and_what_the_person_writes_back(
    hub: WholeHub, meta: Meta, browser: Browser
) -> None:
    there = meta.comments
    person = meta.direct.meet(PERSON, PAGE, "Jan Kowalski")
    post = await there.posts(PAGE, "Zmiany w zasiłkach")
    await there.comments(post, PERSON, "Jan Kowalski", QUESTION)
    page = await bench(hub, browser)
    await page.keyboard.press("o")
    private = page.locator(".post a[href^='/conversations/']")
    await expect(private).to_have_count(1)
    address = str(await private.get_attribute("href"))

    agent = await hub.enter(browser, "konsultant")
    await agent.goto(hub.console + address)
    await expect(agent.locator(".composer")).to_contain_text("prywatna odpowiedź na publiczny komentarz")
    await shot(agent, "facebook-private")
    await agent.keyboard.press("r")
    await agent.keyboard.type("Proszę podać numer sprawy.")
    await agent.keyboard.press("Control+Enter")
    await until(lambda: [p.text for p in there.private] == ["Proszę podać numer sprawy."])

    await meta.direct.writes(person.id, "Numer UP/123/2026")
    await expect(agent.locator("#stream")).to_contain_text("Numer UP/123/2026")
    await expect(agent.locator("[data-once]")).to_have_count(0)
    await agent.keyboard.type("Dziękujemy, sprawdzamy.")
    await agent.keyboard.press("Control+Enter")
    await until(lambda: [r.text for r in meta.direct.received] == ["Dziękujemy, sprawdzamy."])
    assert await axe_violations(agent) == []


async def test_what_meta_never_told_is_found_and_what_happens_there_is_shown(
    hub: WholeHub, meta: Meta, browser: Browser
) -> None:
    there = meta.comments
    post = await there.posts(PAGE, "Nabór na szkolenia")
    there.tells = False
    lost = await there.comments(post, PERSON, "Jan Kowalski", "Czy są jeszcze miejsca?")
    there.tells = True
    page = await bench(hub, browser)
    await expect(page.locator(".post")).to_contain_text("Czy są jeszcze miejsca?")
    await there.edits(lost, "Czy są jeszcze miejsca w Łomży?")
    await expect(page.locator(".post")).to_contain_text("w Łomży")
    await there.hides(lost)
    await page.goto(f"{hub.console}/moderation?show=hidden")
    await expect(page.locator(".post")).to_contain_text("w Łomży")
    await there.removes(lost)
    await page.goto(f"{hub.console}/moderation?show=all")
    await expect(page.locator(".post")).to_have_count(0)


async def test_accessible_at_320_pixels(hub: WholeHub, meta: Meta, browser: Browser) -> None:
    there = meta.comments
    post = await there.posts(PAGE, "Zmiany w zasiłkach od stycznia i o wiele dłuższy tytuł niż zwykle bywa")
    await there.comments(post, "6999", "Zły Człowiek", ABUSE)
    page = await bench(hub, browser, viewport={"width": 320, "height": 700})
    await expect(page.locator(".post")).to_have_count(1)
    for address in ("/moderation", "/moderation?show=published", "/moderation/articles"):
        await page.goto(hub.console + address)
        assert await axe_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.goto(f"{hub.console}/moderation")
    await shot(page, "facebook-phone")
