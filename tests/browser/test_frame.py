"""The frame in Chromium: every page of it clean for axe in both themes and at 320 px, keys, news, notifications."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, Page, expect

from hub.desk.notify import tell
from hub.messages import announce
from hub.people.sessions import open_session
from hub.store.store import Store
from hub.store.tx import Tx
from hub.web.desk import Desk
from hub.web.guard import COOKIE
from tests.hub.specimen import add_conversation
from tests.security.world import World
from tests.servers.browser import axe_violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = (
    "/settings",
    "/settings/password",
    "/notifications",
    "/search",
    "/search?q=zasi%C5%82ek",
    "/supervisor",
    "/supervisor/queues/bezrobotni",
    "/supervisor/people",
    "/inboxes",
    "/quarantine",
    "/admin/users",
    "/admin/users/new",
    "/admin/users/1",
    "/admin/rules",
    "/admin/tokens",
    "/admin/audit?check=1",
    "/conversations/999999",
)

Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_page(
    browser: Browser, server: TestServer, sqlite_store: Store, desk: Desk, people: dict[str, int]
) -> AsyncIterator[Open]:
    """``await open_page("agent", "/settings")`` gives the page of a logged-in person."""
    contexts: list[BrowserContext] = []
    base = str(server.make_url("")).rstrip("/")

    async def opened(login: str, path: str, **context: Any) -> Page:
        token = f"token-{login}-{len(contexts)}"
        limits = desk.house().directory.config.limits
        await sqlite_store.write(lambda tx: open_session(tx, limits, people[login], token, f"csrf-{token}"))
        contexts.append(await browser.new_context(base_url=base, **context))
        await contexts[-1].add_cookies([{"name": COOKIE, "value": token, "url": base}])
        page = await contexts[-1].new_page()
        await page.goto(path)
        return page

    yield opened
    for context in contexts:
        await context.close()


@pytest.fixture
async def busy(sqlite_store: Store, people: dict[str, int]) -> None:
    """Conversations, some late, a quarantined one, a notification."""
    await World(sqlite_store, people).make("krajowa", "administrator")

    def fill(tx: Tx) -> None:
        for hours in range(3):
            waiting = tx.now - hours * 3_600_000_000
            number = add_conversation(tx, waiting_since=waiting, due_at=tx.now - 1)
            tell(tx, people["administrator"], "overdue", number)

    await sqlite_store.write(fill)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
async def test_every_page_is_clean_for_axe(open_page: Open, busy: None, scheme: Any, width: int) -> None:
    viewport: Any = {"width": width, "height": 800}
    page = await open_page("administrator", "/settings", color_scheme=scheme, viewport=viewport)
    found = []
    for path in PAGES:
        await page.goto(path)
        found += [f"{path}: {violation}" for violation in await axe_violations(page)]
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{path}: wider than {width} px")
    await page.goto("/search")
    hit = '<p class="hit__text">zaległy <mark>zasiłek</mark></p>'
    await page.locator("main").evaluate("(main, hit) => main.insertAdjacentHTML('beforeend', hit)", hit)
    found += [f"found words: {violation}" for violation in await axe_violations(page)]
    assert not found, "\n".join(found)


async def test_the_log_in_page_is_clean_and_lets_in(
    browser: Browser, server: TestServer, people: dict[str, int]
) -> None:
    context = await browser.new_context(base_url=str(server.make_url("")).rstrip("/"), locale="pl-PL")
    page = await context.new_page()
    await page.goto("/login")
    assert await axe_violations(page) == []
    await page.fill("#login", "administrator")
    await page.fill("#password", "wrong password")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await axe_violations(page) == []
    await page.fill("#password", "correct horse battery")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/inbox*")
    await context.close()


async def test_open_menus_and_dialogs_are_clean_for_axe(open_page: Open, busy: None) -> None:
    page = await open_page("administrator", "/settings")
    await page.click("details[data-presence] > summary")
    assert await axe_violations(page) == []
    await page.keyboard.press("Escape")
    await page.locator("h1").click()
    await page.keyboard.press("?")
    await expect(page.locator("#keys-help")).to_be_visible()
    assert await axe_violations(page) == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#commands input")).to_be_focused()
    await page.keyboard.type("kolej")
    await expect(page.locator("#commands [role=option]").first).to_be_visible()
    assert await axe_violations(page) == []
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/supervisor")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("nic takiego")
    await expect(page.locator("#commands [role=option]")).to_have_text("Szukaj „nic takiego” w wiadomościach")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?q=nic%20takiego")


async def test_keys_act_outside_fields_only_and_can_be_switched_off(open_page: Open) -> None:
    page = await open_page("administrator", "/settings")
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.name") == "q"
    await page.keyboard.type("g a")
    assert page.url.endswith("/settings")
    await page.locator("h1").click()
    await page.keyboard.type("ga")
    await page.wait_for_url("**/admin/users")
    await page.goto("/settings")
    await page.uncheck("input[name=keys]")
    async with page.expect_event("load"):
        await page.click("main button.button--main")
    await page.locator("h1").click()
    await page.keyboard.type("ga")
    await page.wait_for_timeout(300)
    assert page.url.endswith("/settings")


async def test_the_first_tab_stop_skips_to_the_content(open_page: Open) -> None:
    page = await open_page("administrator", "/settings")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.querySelector('main').contains(document.activeElement)")


async def test_presence_is_set_in_two_clicks(open_page: Open) -> None:
    page = await open_page("agent", "/settings")
    await page.click("details[data-presence] > summary")
    await page.click("details[data-presence] button[value=away]")
    await expect(page.locator("details[data-presence] > summary .dot")).to_have_class("dot dot--away")
    assert page.url.endswith("/settings")


async def test_presence_leads_back_to_the_same_list_in_every_tab(open_page: Open) -> None:
    """Also where the menu was brought up to date because another tab changed it."""
    page = await open_page("agent", "/inbox?view=all")
    other = await page.context.new_page()
    await other.goto(page.url)
    await other.click("details[data-presence] > summary")
    await other.click("details[data-presence] button[value=away]")
    await expect(page.locator("details[data-presence] > summary .dot")).to_have_class("dot dot--away")
    await page.click("details[data-presence] > summary")
    await page.click("details[data-presence] button[value=available]")
    await expect(page.locator("details[data-presence] > summary .dot")).to_have_class("dot dot--available")
    for tab in (page, other):
        assert tab.url.endswith("/inbox?view=all")
        await expect(tab.locator("#rows")).to_be_visible()


async def test_an_opened_list_of_people_stays_open_while_queues_change(
    open_page: Open, sqlite_store: Store, busy: None
) -> None:
    page = await open_page("supervisor", "/supervisor")

    def arrive(tx: Tx) -> None:
        announce(tx, add_conversation(tx, waiting_since=tx.now), actor=None)

    menu = page.locator("td details.menu").first
    await menu.locator("summary").click()
    await sqlite_store.write(arrive)
    await page.wait_for_timeout(3500)
    await expect(menu).to_have_attribute("open", "")
    before = await page.locator(".figures dd").first.inner_text()
    await page.keyboard.press("Escape")
    await sqlite_store.write(arrive)
    await expect(page.locator(".figures dd").first).not_to_have_text(before)


async def test_news_arrive_in_the_title_and_at_the_bell(
    open_page: Open, sqlite_store: Store, people: dict[str, int]
) -> None:
    page = await open_page("agent", "/settings")
    conversation = await sqlite_store.write(lambda tx: add_conversation(tx, assignee=people["agent"]))
    await sqlite_store.write(lambda tx: tell(tx, people["agent"], "mention", conversation))
    await expect(page.locator(".bar__bell .count")).to_have_text("1")
    await expect(page).to_have_title(re.compile(r"^\(2\)"))


async def test_several_tabs_share_one_stream_and_all_hear(
    open_page: Open, sqlite_store: Store, people: dict[str, int]
) -> None:
    first = await open_page("agent", "/settings")
    second = await first.context.new_page()
    await second.goto("/notifications")
    await sqlite_store.write(lambda tx: tell(tx, people["agent"], "mention"))
    for page in (first, second):
        await expect(page.locator(".bar__bell .count")).to_have_text("1")
    streams = (
        "performance.getEntriesByType('resource').filter(e => new URL(e.name).pathname === '/live').length"
    )
    assert await first.evaluate(streams) + await second.evaluate(streams) <= 1


async def test_fifty_are_moved_with_four_clicks(open_page: Open, sqlite_store: Store, busy: None) -> None:
    page = await open_page("supervisor", "/supervisor")
    async with page.expect_event("load"):
        await page.click("text=Bezrobotni")
    await page.check("[data-checks=conversation]")
    await page.click(".bulk summary")
    await page.click(".bulk button[value=pracodawcy]")
    await expect(page.locator(".toast")).to_contain_text("Pracodawcy")
    await expect(page.locator("input[name=conversation]")).to_have_count(0)


async def test_a_new_colleague_gets_in_by_a_one_time_link(
    open_page: Open, browser: Browser, server: TestServer
) -> None:
    page = await open_page("administrator", "/admin/users")
    await page.click("a[href='/admin/users/new']")
    await page.fill("#login", "zofia.nowa")
    await page.fill("#name", "Zofia Nowa")
    await page.check("input[name=queues][value=bezrobotni]")
    await page.click("main form button.button--main")
    await page.wait_for_url(re.compile(r"/admin/users/\d+$"))
    async with page.expect_event("load"):
        await page.click("form[action$='/reset-link'] button")
    link = await page.locator(".secret").inner_text()
    assert await axe_violations(page) == []
    base = str(server.make_url("")).rstrip("/")
    context = await browser.new_context(base_url=base)
    fresh = await context.new_page()
    await fresh.goto("/reset/" + link.rsplit("/", 1)[1])
    await fresh.fill("#password", "cztery luźne słowa")
    await fresh.fill("#again", "cztery luźne słowa")
    await fresh.keyboard.press("Enter")
    await fresh.wait_for_url("**/login*")
    await fresh.fill("#login", "zofia.nowa")
    await fresh.fill("#password", "cztery luźne słowa")
    await fresh.keyboard.press("Enter")
    await fresh.wait_for_url("**/inbox*")
    await context.close()


async def test_a_page_reflows_at_400_percent(open_page: Open, busy: None) -> None:
    """1280 px at 400 % is 320 px with everything four times as large; text grows with the browser's own size."""
    page = await open_page("administrator", "/supervisor", viewport={"width": 320, "height": 256})
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 321
