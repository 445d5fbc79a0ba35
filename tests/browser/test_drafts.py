"""What somebody writes, in two windows, on two devices, before the scripts are there and while it is being sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from hub.desk.drafts import save_draft
from hub.store import schema
from tests.browser.desk_console import Console, console, morning
from tests.hub.desk.conftest import Who
from tests.servers.browser import axe_violations

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
async def long(desk: Console) -> int:
    made = await desk.store.write(lambda tx: morning(tx, desk.people))
    return made["long"]


async def opened(desk: Console, page: Page, conversation: int) -> Page:
    """The page with a conversation open, failing the test on any script error."""
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    await page.goto(f"{desk.url}/conversations/{conversation}")
    return page


async def texts(desk: Console, conversation: int) -> list[str]:
    """What was answered, without the signature."""
    rows = await desk.rows(schema.message, conversation=conversation, kind="outbound")
    return [row.text.partition("\n\n-- ")[0] for row in rows]


async def elsewhere(desk: Console, conversation: int, text: str) -> None:
    """Another device of the same person goes on with the draft as it was saved last."""
    scope = Who(desk.people).ola
    [stored] = await desk.rows(schema.draft, conversation=conversation)
    await desk.store.write(
        lambda tx: save_draft(
            tx,
            scope,
            conversation=conversation,
            kind="reply",
            revision=stored.revision,
            text=text,
            based_on=9,
        )
    )


async def test_who_logs_out_leaves_no_text_behind_that_the_hub_has(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.locator("#reply-text").fill("Szanowna Pani")
    await expect(page.locator("[data-kept]").first).to_have_text("Saved")
    kept = "Object.keys(localStorage).filter((name) => name.startsWith('draft '))"
    assert len(await page.evaluate(kept)) == 1
    await page.locator("summary", has=page.locator(".avatar")).last.click()
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login*")
    assert await page.evaluate(kept) == []
    assert [row.text for row in await desk.rows(schema.draft, conversation=long)] == ["Szanowna Pani"]


async def test_what_is_typed_while_a_reply_is_on_its_way_begins_the_next_one(
    desk: Console, long: int, browser: Browser
) -> None:
    page, written = await opened(desk, await desk.enter(browser), long), asyncio.Event()

    async def slow(route: Route) -> None:
        await written.wait()
        await route.continue_()

    await page.route("**/reply", slow)
    await page.keyboard.press("r")
    await page.keyboard.type("Pierwsza.")
    await page.keyboard.press("Control+Enter")
    await page.keyboard.type(" I jeszcze jedno")
    written.set()
    await expect(page.locator(".toast").last).to_contain_text("Sent")
    await expect(page.locator("#reply-text")).to_have_value("I jeszcze jedno")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await page.unroute("**/reply")
    await page.locator(".toast", has_text="Sent").get_by_role("button").click()
    await expect(page.locator("#reply-text")).to_have_value("Pierwsza.\n\nI jeszcze jedno")
    await expect(page.locator("#reply-form [data-twice]")).to_be_hidden()
    await page.locator("#reply-text").fill("Pierwsza.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-text")).to_have_value("")
    await page.keyboard.type("I jeszcze jedno")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-text")).to_have_value("")
    assert (await texts(desk, long))[-2:] == ["Pierwsza.", "I jeszcze jedno"]


async def test_two_versions_are_shown_as_two_and_one_is_chosen(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.keyboard.press("r")
    await page.keyboard.type("Tutaj")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await page.route("**/drafts", lambda route: route.abort())
    await page.keyboard.type(" bez sieci")
    await elsewhere(desk, long, "Na telefonie")
    await page.unroute("**/drafts")
    await page.goto("about:blank")  # its last words cannot be saved any more
    await page.goto(f"{desk.url}/conversations/{long}")
    text, twice = page.locator("#reply-text"), page.locator("#reply-form [data-twice]")
    await expect(text).to_have_value("Na telefonie")
    await expect(twice).to_be_visible()
    assert await axe_violations(page) == []
    await page.reload()
    await twice.get_by_role("button", name="Show the other one").click()
    await expect(text).to_have_value("Tutaj bez sieci")
    await twice.get_by_role("button", name="Show the other one").click()
    await expect(text).to_have_value("Na telefonie")
    await twice.get_by_role("button", name="Show the other one").click()
    await twice.get_by_role("button", name="Keep this one").click()
    await expect(text).to_be_focused()
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await page.reload()
    await expect(text).to_have_value("Tutaj bez sieci")
    await expect(twice).to_be_hidden()
    await page.keyboard.press("r")
    await page.keyboard.type(" i dalej")
    await expect(text).to_have_value("Tutaj bez sieci i dalej")


async def test_two_windows_at_one_draft_lose_and_mix_nothing(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.keyboard.press("r")
    await page.keyboard.type("Tutaj")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await elsewhere(desk, long, "Na telefonie")
    await page.keyboard.type(" dalej")
    await expect(page.locator("#reply-form [data-twice]")).to_be_visible()
    await expect(page.locator("#reply-text")).to_have_value("Tutaj dalej")
    await expect(page.locator("#reply-text")).to_be_focused()
    await page.locator("[data-twice-swap]:visible").click()
    await expect(page.locator("#reply-text")).to_have_value("Na telefonie")


async def test_what_another_device_sent_does_not_come_back(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.keyboard.press("r")
    await page.keyboard.type("Odpowiedź")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    other = await opened(desk, await desk.enter(browser), long)
    await expect(other.locator("#reply-text")).to_have_value("Odpowiedź")
    await other.locator("#reply-text").press("Control+Enter")
    await expect(other.locator("#reply-text")).to_have_value("")
    await expect(page.locator("#stream")).to_contain_text("Odpowiedź")
    third = await opened(desk, await page.context.new_page(), long)
    await expect(third.locator("#reply-text")).to_have_value("")
    await page.locator("#reply-text").press("Control+Enter")
    await expect(page.locator(".toast")).to_contain_text("from another window")
    await expect(page.locator("#reply-text")).to_have_value("")
    assert (await texts(desk, long)).count("Odpowiedź") == 1


async def test_what_one_window_sent_the_other_one_does_not_send_again(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.keyboard.press("r")
    await page.keyboard.type("Odpowiedź")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    other = await opened(desk, await page.context.new_page(), long)
    await expect(other.locator("#reply-text")).to_have_value("Odpowiedź")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-text")).to_have_value("")
    await expect(other.locator("#reply-text")).to_have_value("")
    await other.locator("#reply-text").fill("I jeszcze coś")
    await other.locator("#reply-text").press("Control+Enter")
    await expect(other.locator("#reply-text")).to_have_value("")
    assert (await texts(desk, long))[-2:] == ["Odpowiedź", "I jeszcze coś"]


async def test_the_last_words_of_a_page_reach_the_server(desk: Console, long: int, browser: Browser) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.keyboard.press("r")
    await page.keyboard.type("Dopiszę w domu")
    await expect(page.locator("[data-kept]")).to_have_text("Not saved yet")
    await page.close()
    at_home = await desk.enter(browser)
    for _ in range(50):
        await opened(desk, at_home, long)
        if await at_home.locator("#reply-text").input_value():
            break
    await expect(at_home.locator("#reply-text")).to_have_value("Dopiszę w domu")


NO_LAST_WORDS = """for (const event of ["visibilitychange", "pagehide"])
  window.addEventListener(event, (leaving) => leaving.stopImmediatePropagation(), { capture: true })"""
"""Run before a page's own scripts: leaving it becomes losing it, for nothing is saved on the way out."""


async def test_letters_that_are_faster_than_the_scripts_stay(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.add_init_script(NO_LAST_WORDS)
    await opened(desk, page, long)
    await page.route("**/drafts", lambda route: route.abort())
    await page.keyboard.press("r")
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/drafts")):
        await page.keyboard.type("Wczoraj")
        await expect(page.locator("[data-kept]")).to_have_text("Not saved yet")
    await page.goto("about:blank")
    await page.unroute("**/drafts")
    ready = asyncio.Event()

    async def late(route: Route) -> None:
        await ready.wait()
        await route.continue_()

    await page.route("**/composer.js", late)
    await page.goto(f"{desk.url}/conversations/{long}", wait_until="commit")
    await page.locator("#reply-text").press_sequentially("Dziś")
    ready.set()
    await expect(page.locator("#reply-form [data-twice]")).to_be_visible()
    await expect(page.locator("#reply-text")).to_have_value("Dziś")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await page.locator("[data-twice-swap]:visible").click()
    await expect(page.locator("#reply-text")).to_have_value("Wczoraj")


async def test_a_save_whose_answer_is_lost_makes_no_second_version(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    lost: list[asyncio.Event] = []

    async def save(route: Route) -> None:
        """The hub keeps the first words and says so; the page does not hear it."""
        if not lost:
            await route.continue_()
            return
        stored = lost.pop()
        await route.fetch()
        stored.set()
        await heard.wait()
        await route.abort()

    await page.route("**/drafts", save)
    text, twice = page.locator("#reply-text"), page.locator("#reply-form [data-twice]")

    async def begun(words: str) -> None:
        lost.append(stored := asyncio.Event())
        await text.fill(words)
        await stored.wait()

    heard = asyncio.Event()
    await begun("Zaczynam pisać list")
    await text.fill("Zaczynam pisać odpowiedź")
    await page.reload()
    await expect(text).to_have_value("Zaczynam pisać odpowiedź")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await expect(twice).to_be_hidden()

    await begun("Zaczynam pisać odpowiedź na")
    await text.fill("Zaczynam pisać to samo")
    heard.set()
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await expect(twice).to_be_hidden()
    await page.reload()
    await expect(text).to_have_value("Zaczynam pisać to samo")
    await expect(twice).to_be_hidden()


async def test_two_new_conversations_are_two_drafts(desk: Console, long: int, browser: Browser) -> None:
    page = await desk.enter(browser)
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    for words in ("Pierwsza", "Druga"):
        await page.goto(f"{desk.url}/new")
        await expect(page.locator("#new-text")).to_have_value("")
        await page.fill("#new-text", words)
        await expect(page.locator("[data-kept]")).to_have_text("Saved")
        await page.reload()
        await expect(page.locator("#new-text")).to_have_value(words)
    await page.goto(f"{desk.url}/inbox/drafts")
    await expect(page.locator(".draft .pre")).to_have_text(["Druga", "Pierwsza"])
    await page.goto(f"{desk.url}/new")
    await page.fill("#new-to", "kadry@")
    await page.fill("#new-subject", "Praca sezonowa")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await page.goto(f"{desk.url}/inbox/drafts")
    await expect(page.locator(".draft").first).to_contain_text("kadry@ · Praca sezonowa")
    await page.locator(".draft").first.get_by_role("link", name="Go on writing").click()
    await expect(page.locator("#new-to")).to_have_value("kadry@")


async def test_a_new_conversation_keeps_its_places_and_a_half_typed_address(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await desk.enter(browser, "jan")
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    await page.goto(f"{desk.url}/new")
    await page.fill("#new-text", "Szanowni Państwo")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    chosen = {}
    for name in ("inbox", "queue"):
        values = await page.locator(f"#new-{name} option").evaluate_all("all => all.map(one => one.value)")
        chosen[name] = values[-1]
        await page.select_option(f"#new-{name}", values[-1])
    assert len(values) > 1
    await page.fill("#new-to", "kadry@urzad, jan")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    another = await desk.enter(browser, "jan")
    await another.goto(page.url)
    await page.reload()
    for device in (page, another):
        await expect(device.locator("#new-text")).to_have_value("Szanowni Państwo")
        await expect(device.locator("#new-to")).to_have_value("kadry@urzad, jan")
        for name, value in chosen.items():
            await expect(device.locator(f"#new-{name}")).to_have_value(value)


async def test_a_half_typed_copy_of_a_reply_outlives_the_page(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.fill("#reply-text", "Szanowni Państwo")
    await page.click(".composer__to summary")
    await page.fill("#reply-cc", "kadry@urzad, jan")
    await expect(page.locator("#composer [data-kept]")).to_have_text("Saved")
    await page.reload()
    await expect(page.locator("#reply-text")).to_have_value("Szanowni Państwo")
    await expect(page.locator("#reply-cc")).to_have_value("kadry@urzad, jan")
    await expect(page.locator("#reply-cc")).to_be_visible()


async def test_what_was_refused_for_a_moment_is_not_said_any_longer(
    desk: Console, long: int, browser: Browser
) -> None:
    page = await opened(desk, await desk.enter(browser), long)
    await page.clock.install()
    detail = "The hub cannot store anything at the moment."
    full = re.compile(r"/(reply|drafts|forward)$")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, json={"detail": detail})

    await page.route(full, refuse)
    reply, forward = page.locator("#reply-form > [role=alert]"), page.locator("#forward-form [role=alert]")
    await page.locator("#reply-text").fill("Odpowiedź")
    await page.locator("#reply-text").press("Control+Enter")
    await expect(reply).to_have_text(detail)
    await page.locator(".entry--inbound").first.locator("details.menu summary").click()
    await page.locator(".entry--inbound").first.locator("[data-forward]").click()
    await page.locator("#forward-to").fill("biegly@example.com")
    await page.locator("#forward-to").press("Control+Enter")
    await expect(forward).to_have_text(detail)
    async with page.expect_response(lambda answer: answer.url.endswith("/drafts") and answer.status == 503):
        await page.clock.fast_forward(6000)
    await expect(forward).to_have_text(detail)
    await page.unroute(full)
    async with page.expect_response(lambda answer: answer.url.endswith("/drafts") and answer.ok):
        await page.clock.fast_forward(6000)
    await expect(forward).to_be_hidden()
    await expect(page.locator("#forward-to")).to_have_value("biegly@example.com")
    await page.keyboard.press("Escape")
    await expect(reply).to_be_hidden()
    await expect(page.locator("#reply-text")).to_have_value("Odpowiedź")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
