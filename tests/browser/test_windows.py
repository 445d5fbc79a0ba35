"""Several windows and colleagues at the same things: what came while a page was made, who is where, what stays open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from hub.store import schema
from tests.browser.desk_console import Console, console, inbound, morning
from tests.hub.specimen import add_conversation

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path, language="en") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def made(desk: Console) -> dict[str, int]:
    return await desk.store.write(lambda tx: morning(tx, desk.people))


async def at(desk: Console, page: Page, path: str) -> Page:
    """The page at an address of the console, failing the test on any script error."""
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    await page.goto(f"{desk.url}{path}")
    return page


async def test_a_second_window_hears_what_came_before_it_listened(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    first = await at(desk, await desk.enter(browser), "/inbox?view=unassigned")
    await first.wait_for_timeout(700)  # its event stream runs
    second, ready = await first.context.new_page(), asyncio.Event()

    async def late(route: Route) -> None:
        await ready.wait()
        await route.continue_()

    await second.route("**/live.js", late)
    await second.goto(f"{desk.url}/conversations/{made['long']}", wait_until="commit")
    await expect(second.locator("#stream")).to_be_visible()
    await desk.seed(lambda tx: inbound(tx, made["long"], "W samą porę"))
    await first.wait_for_timeout(500)
    ready.set()
    await expect(second.locator("#stream")).to_contain_text("W samą porę")


async def test_who_writes_stays_in_the_list_when_its_rows_are_drawn_anew(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await at(desk, await desk.enter(browser), "/inbox?view=unassigned")
    colleague = await at(desk, await desk.enter(browser, "jan"), f"/conversations/{made['overdue']}")
    mark = page.locator(f"[data-marks='{made['overdue']}']")
    await expect(mark).to_contain_text("Jan Zięba")
    before = await page.locator("[data-row]").count()
    await desk.seed(lambda tx: add_conversation(tx, subject="Nowe"))
    await expect(page.locator("[data-row]")).to_have_count(before + 1)
    await expect(mark).to_contain_text("Jan Zięba")
    # who left while nothing was heard is not there for ever
    await page.context.set_offline(True)
    await page.wait_for_timeout(300)
    await colleague.close()
    await page.wait_for_timeout(300)
    await page.context.set_offline(False)
    await expect(mark).to_be_hidden()


async def test_what_somebody_opened_stays_open_when_news_comes(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await at(desk, await desk.enter(browser), f"/conversations/{made['long']}")
    sending = page.locator("#stream details.sending").first
    linking = page.locator("#context details", has=page.locator("#link-other"))
    await sending.locator("summary").click()
    await linking.locator("summary").click()
    await page.fill("#link-other", "000-")
    await page.locator("#stream").focus()
    await desk.seed(lambda tx: inbound(tx, made["long"], "Jeszcze jedno"))
    await expect(page.locator("#stream")).to_contain_text("Jeszcze jedno")
    await expect(sending.locator(".sending__body")).to_be_visible()
    await expect(page.locator("#link-other")).to_be_visible()
    await expect(page.locator("#link-other")).to_have_value("000-")


async def test_the_count_of_what_is_selected_goes_with_the_rows(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await at(desk, await desk.enter(browser), "/inbox?view=unassigned")
    rows = page.locator("[data-row]")
    for number in (2, 3):
        await rows.nth(number).locator("input").check()
    gone = int(await rows.nth(2).get_attribute("data-row") or 0)
    await page.mouse.move(5, 5)
    await page.evaluate("document.activeElement.blur()")
    await desk.store.write(lambda tx: tx.change(schema.conversation, gone, status="resolved", listed=False))

    chosen = asyncio.Event()

    async def slow(route: Route) -> None:
        await chosen.wait()
        await route.continue_()

    await page.route("**/inbox?*", slow)
    async with page.expect_request("**/inbox?*"):
        await page.evaluate("document.dispatchEvent(new CustomEvent('centrala:refresh'))")
    await rows.nth(4).locator("input").check()  # while the rows are on their way
    chosen.set()
    await expect(page.locator(f"#c{gone}")).to_have_count(0)
    await expect(page.locator("#bulk [data-number]")).to_have_text("2")
    await expect(page.locator("[data-row] input:checked")).to_have_count(2)
    await expect(page.locator("#bulk [data-checks]")).not_to_be_checked()
    await page.keyboard.press("X")
    await expect(page.locator("#bulk [data-checks]")).to_be_checked()


async def test_what_was_not_taken_back_for_want_of_an_answer_can_still_be(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await at(desk, await desk.enter(browser), f"/conversations/{made['long']}")
    await page.keyboard.press("r")
    await page.keyboard.type("Za wcześnie")
    await page.keyboard.press("Control+Enter")
    undo = page.locator(".toast", has_text="You can take it back").locator("button")
    await page.route("**/undo/*", lambda route: route.abort())
    await undo.click()
    await expect(page.locator(".toast--danger")).to_contain_text("does not answer")
    await page.unroute("**/undo/*")
    await undo.click()
    await expect(page.locator("#reply-text")).to_have_value("Za wcześnie")


async def test_what_its_author_took_back_is_not_printed(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    number = await desk.seed(lambda tx: inbound(tx, made["long"], "Mój PESEL to 44051401359"))
    await desk.store.write(lambda tx: tx.change(schema.message, number, deleted_at=tx.now))
    page = await at(desk, await desk.enter(browser), f"/conversations/{made['long']}/print")
    await expect(page.locator(".paper")).to_contain_text("took this message back")
    await expect(page.locator(".paper")).not_to_contain_text("44051401359")


async def test_a_key_pressed_before_the_scripts_are_there_opens_but_changes_nothing(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page, ready = await desk.enter(browser), asyncio.Event()

    async def late(route: Route) -> None:
        await ready.wait()
        await route.continue_()

    await page.route("**/composer.js", late)
    # A key is forgotten after a while, which a slow machine may need for the scripts.
    await page.add_init_script("performance.now = () => 0")
    for key, there in (("e", "#dialog-resolve"), ("r", "#reply-text"), ("q", "#reply-text")):
        ready.clear()
        await page.goto(f"{desk.url}/conversations/{made['long']}", wait_until="commit")
        await expect(page.locator(there)).to_be_attached()
        await page.keyboard.press(key)
        await page.keyboard.press("z")
        ready.set()
        await page.wait_for_load_state("load")
        if key == "e":
            await expect(page.locator(there)).to_be_visible()
            await expect(page.locator("dialog[open]")).to_have_count(1)
        elif key == "r":
            await expect(page.locator(there)).to_be_focused()
            await expect(page.locator("dialog[open]")).to_have_count(0)
        else:
            await expect(page.locator("#dialog-snooze")).to_be_visible()
            assert page.url.endswith(f"/conversations/{made['long']}")
    assert (await desk.row(made["urgent"])).assignee is None


async def test_the_open_conversation_is_not_unread_in_rows_that_are_drawn_anew(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await at(desk, await desk.enter(browser), f"/conversations/{made['long']}?view=mine")

    async def slow(route: Route) -> None:
        await asyncio.sleep(3)
        await route.continue_()

    await page.route("**/read", slow)  # that it is read comes to the hub after the rows were asked for
    async with page.expect_response("**/inbox?*"):
        await desk.seed(lambda tx: inbound(tx, made["long"], "Jeszcze jedno"))
    await expect(page.locator(f"#c{made['long']} .item__when")).to_have_text("now")
    await expect(page.locator(f"#c{made['long']}")).to_have_class("item item--open")
