"""What somebody wants to do is at hand: within the screen of a phone, where the focus is, and asked before harm."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Dialog, Page, expect

from hub.desk.canned import Text, save_text
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from tests.browser.desk_console import Console, console, morning
from tests.hub.specimen import add_conversation
from tests.servers.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one console and one browser
]

PHONE = {"width": 360, "height": 740}
INSIDE = """e => [e, ...e.querySelectorAll("button, input, select")].every((part) => {
  const { left, right } = part.getBoundingClientRect();
  return left >= 0 && right <= document.documentElement.clientWidth && right <= e.getBoundingClientRect().right + 1;
})"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    async with console(tmp_path_factory.mktemp("at-hand")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(desk: Console) -> dict[str, int]:
    return await desk.store.write(lambda tx: morning(tx, desk.people))


def answered(page: Page, *answers: bool) -> list[str]:
    """Answer the page's questions one after the other, the last answer ever after; returns what is asked."""
    asked: list[str] = []
    say = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if next(say) else dialog.dismiss())

    page.on("dialog", answer)
    return asked


async def test_what_more_can_be_done_with_the_ticked_ones_fits_the_screen(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    for width in (360, 320, 900, 1280):
        await page.set_viewport_size({"width": width, "height": 740})
        paths = [f"/conversations/{made['long']}?view=all"] if width > 768 else []
        for path in ("/inbox?view=unassigned", *paths):
            await page.goto(f"{desk.url}{path}")
            await page.locator("[data-row] input").first.check()
            await page.locator("#bulk details summary").click()
            panel = page.locator("#bulk .menu__panel")
            await expect(panel).to_be_visible()
            assert await panel.evaluate(INSIDE), (path, width)
    await page.locator("#bulk-tag").fill("do sprawdzenia")
    await page.keyboard.press("Enter")  # adds the tag, not what the first button of the form does
    await expect(page.locator(".toast")).to_contain_text("Zmieniono")
    assert [row.tags for row in await desk.rows(schema.conversation) if "do sprawdzenia" in row.tags]


async def test_each_pane_of_a_phone_says_what_it_is_and_leads_back(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser, viewport=PHONE)
    await page.goto(f"{desk.url}/conversations/{made['overdue']}")
    head = page.locator("h1:visible")
    await expect(head).to_have_text("Brak odpowiedzi od tygodnia")
    await page.locator("#head [data-pane=context]").click()
    await expect(head).to_have_text("Osoba i kontekst")
    line = await page.locator(".pane--context .pane__head").bounding_box()
    person = await page.locator("#person-title").bounding_box()
    assert line is not None and person is not None and line["y"] + line["height"] <= person["y"]
    assert not await axe_violations(page)
    await page.locator(".pane--context").get_by_role("button", name="Wróć do zgłoszenia").click()
    await page.locator("#head [data-pane=list]").click()
    await page.locator(".pane--list [data-pane=queues]").click()
    await expect(head).to_have_text("Kolejki i widoki")
    assert not await axe_violations(page)
    await page.locator(".pane--queues").get_by_role("button", name="Wróć do listy").click()
    await expect(head).to_have_text("Moje")
    await page.set_viewport_size({"width": 1440, "height": 800})
    await expect(head).to_have_count(2)  # of the list and of the conversation


async def test_a_pane_of_a_phone_begins_at_its_top_and_the_list_keeps_its_place(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser, viewport=PHONE)
    await page.goto(f"{desk.url}/inbox?view=all")
    await page.evaluate("window.scrollTo(0, 600)")
    await page.locator(".pane--list [data-pane=queues]").click()
    await expect(page.locator(".places__take button")).to_be_in_viewport(ratio=1)
    await page.locator(".pane--queues [data-pane=list]").click()
    await page.wait_for_function("window.scrollY === 600")


async def test_who_goes_by_keys_stays_in_the_list(desk: Console, browser: Browser) -> None:
    def three(tx: Tx) -> list[int]:
        return [
            add_conversation(tx, subject=f"Po kolei {n}", queue="pracodawcy", waiting_since=tx.now - (9 - n))
            for n in range(3)
        ]

    first, second, third = await desk.store.write(three)
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/inbox?view=queue&queue=pracodawcy")
    rows = page.locator("[data-row]")
    await expect(rows).to_have_count(3)
    for key in ("j", "j", "x"):
        await page.keyboard.press(key)
    await page.keyboard.press("z")  # snoozes the second, which leaves the list
    await expect(rows).to_have_count(2)
    await expect(page.locator(f"#c{third} .item__link")).to_be_focused()
    await page.keyboard.press("u")
    await expect(rows).to_have_count(3)
    await expect(page.locator(f"#c{third} .item__link")).to_be_focused()
    await page.keyboard.press("k")
    await expect(page.locator(f"#c{second} .item__link")).to_be_focused()
    await page.keyboard.press("X")
    await page.keyboard.press("e")
    await expect(page.locator("#bulk-topic")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(0)
    await expect(page.locator("#list-title")).to_be_focused()
    await page.goto(f"{desk.url}/conversations/{first}")
    await page.keyboard.press("u")
    await expect(page.locator("#head .badge").first).to_have_text("Otwarte")
    await expect(page.locator("#stream")).to_be_focused()


async def test_whose_life_may_be_in_danger_is_not_closed_by_one_key(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    danger = made["urgent"]
    page = await desk.enter(browser)
    asked = answered(page, False, False, True)
    await page.goto(f"{desk.url}/conversations/{danger}")
    await page.keyboard.press("r")
    await page.keyboard.type("Jestem przy Panu. Proszę zostać ze mną w kontakcie.")
    await page.keyboard.press("Control+Shift+Enter")
    await page.locator("#resolve-topic").press("Enter")
    await expect(page.locator("#dialog-resolve")).to_be_visible()
    assert len(asked) == 1 and "w niebezpieczeństwie" in asked[0]
    await page.keyboard.press("Escape")
    assert (await desk.row(danger)).status == "open"
    assert not await desk.rows(schema.delivery, conversation=danger), "what is not closed is not sent either"
    await page.locator("#head details.menu summary").click()
    await page.get_by_role("button", name="Oznacz jako spam").click()
    await desk.until(lambda: _reached(asked, 2), page)
    await page.keyboard.press("Escape")
    await page.locator("#reply-text").press("Control+Shift+Enter")
    await page.locator("#resolve-topic").press("Enter")
    await expect(page.locator("#head .badge").first).to_have_text("Zakończone")
    assert len(asked) == 3
    assert len(await desk.rows(schema.delivery, conversation=danger)) == 1


async def _reached(asked: list[str], number: int) -> bool:
    return len(asked) == number


async def test_danger_that_shows_while_the_page_is_open_counts(desk: Console, browser: Browser) -> None:
    number = await desk.seed(lambda tx: add_conversation(tx, subject="Zwykłe pytanie", name="Jerzy Wolski"))
    page = await desk.enter(browser)
    asked = answered(page, False)
    await page.goto(f"{desk.url}/conversations/{number}")

    def raised(tx: Tx) -> None:
        tx.change(schema.conversation, number, protocol="kryzys", version=9)
        place = {"office": "krajowa", "queue": "bezrobotni", "conversation": number}
        tx.emit("conversation", version=9, **place)

    await desk.store.write(raised)
    await expect(page.locator("#head .protocol")).to_be_visible()
    await page.locator("#stream").focus()
    await page.keyboard.press("e")
    await page.locator("#resolve-topic").press("Enter")
    await desk.until(lambda: _reached(asked, 1), page)
    assert (await desk.row(number)).status == "open"


async def test_closing_many_asks_where_one_of_them_may_be_in_danger(desk: Console, browser: Browser) -> None:
    def three(tx: Tx) -> list[int]:
        protocols = ("", "kryzys", "")
        return [
            add_conversation(tx, subject=f"Razem {n}", office="pup-lomza", queue="lomza", protocol=protocol)
            for n, protocol in enumerate(protocols)
        ]

    found = await desk.store.write(three)
    page = await desk.enter(browser, "lom")
    asked = answered(page, False, True)
    await page.goto(f"{desk.url}/inbox?view=queue&queue=lomza")
    await page.keyboard.press("X")
    await page.keyboard.press("e")
    await page.locator("#bulk-topic").press("Enter")
    await desk.until(lambda: _reached(asked, 1), page)
    assert "zaznaczonych" in asked[0]
    assert {(await desk.row(one)).status for one in found} == {"open"}
    await page.keyboard.press("Escape")
    await page.locator(f"#c{found[1]} input").uncheck()
    await page.keyboard.press("e")
    await page.locator("#bulk-topic").press("Enter")
    await expect(page.locator(f"#c{found[0]}")).to_have_count(0)
    assert len(asked) == 1, "nobody of these is in danger"
    assert (await desk.row(found[1])).status == "open"


async def test_a_list_of_texts_that_scrolls_can_be_reached(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    national = msgspec.structs.replace(SYSTEM, office="krajowa")

    def texts(tx: Tx) -> None:
        for n in range(12):
            save_text(tx, national, Text(shortcut=f"wzor-{n:02}", title=f"Wzór {n}", text="Dzień dobry"))

    await desk.store.write(texts)
    page = await desk.enter(browser, viewport={"width": 1280, "height": 720})
    await page.goto(f"{desk.url}/conversations/{made['overdue']}")
    await page.locator("#reply-text").press_sequentially("/wzor")
    canned = page.locator("#canned")
    await expect(canned.locator("[role=option]").nth(9)).to_be_attached()
    assert await canned.evaluate("e => e.scrollHeight > e.clientHeight")
    assert not await axe_violations(page)
    await canned.click(position={"x": 20, "y": 20})
    await expect(page.locator("#reply-text")).to_be_focused()
