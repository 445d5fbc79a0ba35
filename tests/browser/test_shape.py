"""Where things stand at each width, what the list of keys says, and that a link to a message leads to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from hub.desk.canned import Text, save_text
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from rules import Match, Seen, Trace, encode_trace
from tests.browser.desk_console import Console, console, inbound, morning
from tests.servers.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one console and one browser
]

SHOWN = "[...document.querySelectorAll('.panes > .pane')].filter((one) => one.checkVisibility())"
WIDTHS = f"{SHOWN}.map((one) => [one.className.match(/pane--(queues|list|conversation|context)/)[1], one.offsetWidth])"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    async with console(tmp_path_factory.mktemp("shape")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(desk: Console) -> dict[str, int]:
    return await desk.store.write(lambda tx: morning(tx, desk.people))


async def panes(page: Page) -> dict[str, int]:
    """The panes in sight and their widths."""
    return dict(await page.evaluate(WIDTHS))


async def test_the_conversation_has_the_room_that_is_left(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    for width, shown in ((1440, 4), (1200, 3), (900, 2), (700, 1), (320, 1)):
        await page.set_viewport_size({"width": width, "height": 800})
        found = await panes(page)
        assert len(found) == shown and "conversation" in found, (width, found)
        rail = 100 if width > 768 else 0
        assert sum(found.values()) >= width - rail - 1, (width, found)
        await page.locator("#head [data-pane=context]").click(force=True) if shown < 4 else None
        if shown < 4:
            assert "conversation" not in await panes(page), width
            await page.locator(".pane--context [data-pane=conversation]").click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_list_of_keys_says_what_they_do_here(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    await page.locator(".bar details.menu summary").last.click()
    await page.locator('[data-opens="keys-help"]').click()
    listed = page.locator("#keys-help [data-keys-list]")
    await expect(listed.get_by_role("heading")).to_have_text(["Lista", "Zgłoszenie", "Wszędzie"])
    keys = dict(
        await listed.locator("dt").evaluate_all(
            "all => all.map(e => [e.textContent, e.nextSibling.textContent])"
        )
    )
    assert (
        keys["Ctrl Enter"] == "Wyślij"
        and keys["e"] == "Zakończ"
        and keys["r"] == "Odpowiedz"
        and keys["j k"].startswith("Następne")
    )
    assert all(len(key) <= 16 and len(text) < 50 for key, text in keys.items()), keys
    await page.keyboard.press("Escape")
    await page.keyboard.press("z")
    choice = page.locator("#dialog-snooze .choice", has_text="W poniedziałek")
    await expect(choice).to_contain_text("pon., ")
    await expect(choice).to_contain_text("08:00")


async def test_a_found_message_is_brought_into_sight(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    def talk(tx: Tx) -> list[int]:
        return [inbound(tx, made["woke"], f"Wiadomość {n}: wiaduktem na przełaj\n" * 6) for n in range(12)]

    messages = await desk.store.write(talk)
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/conversations/{made['woke']}#m{messages[3]}")
    await expect(page.locator(f"#m{messages[3]}")).to_be_in_viewport()
    await page.goto(f"{desk.url}/conversations/{made['woke']}")
    await expect(page.locator(f"#m{messages[-1]}")).to_be_in_viewport()


async def test_a_reply_is_sent_and_resolved_with_a_topic_by_two_keys(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/conversations/{made['ukrainian']}")
    await page.keyboard.press("e")
    await page.locator("#resolve-topic").fill("Praca cudzoziemców · Wyjaśniono")
    await page.keyboard.press("Enter")
    await expect(page.locator("#head .badge").first).to_have_text("Zakończone")
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    await page.keyboard.press("r")
    await page.keyboard.type("Tak, od dnia rejestracji.")
    await page.keyboard.press("Control+Shift+Enter")
    await expect(page.locator("#resolve-topic")).to_be_focused()
    await page.keyboard.press("1")
    await expect(page.locator("#head .badge").first).to_have_text("Zakończone")
    row = await desk.row(made["long"])
    assert (row.topic, row.outcome) == ("Praca cudzoziemców", "Wyjaśniono")
    await expect(page.locator("#stream")).to_be_focused()
    await page.keyboard.press("u")
    await expect(page.locator("#head .badge").first).to_have_text("Otwarte")
    await expect(page.locator("#reply-text")).to_have_value("Tak, od dnia rejestracji.")


async def test_a_lost_connection_is_told_until_it_is_back(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/conversations/{made['overdue']}")
    banner = page.locator("#lost")
    await expect(banner).to_be_hidden()
    await page.context.set_offline(True)
    await expect(banner).to_contain_text("Brak połączenia z systemem")
    await page.locator("#reply-text").fill("Napisane bez połączenia")
    await page.locator("#reply-form [data-send]").first.click()
    error = page.locator("#reply-error")
    await expect(error).to_contain_text("System nie odpowiada")
    await expect(page.locator(".composer__to")).not_to_have_attribute("open", "")
    assert not await axe_violations(page)
    for width in (1440, 320):
        await page.set_viewport_size({"width": width, "height": 700})
        inside = "(e => e.scrollHeight <= e.clientHeight && e.getBoundingClientRect().top >= 0)"
        assert await banner.evaluate(inside), width
        head = await page.locator("#head").bounding_box()
        line = await banner.bounding_box()
        assert head is not None and line is not None and head["y"] >= line["y"] + line["height"] - 1
    await page.context.set_offline(False)
    await expect(banner).to_be_hidden()
    await expect(error).to_contain_text("System znowu odpowiada")
    await page.locator("#reply-form [data-send]").first.click()
    await expect(page.locator(".entry--outbound").last).to_contain_text("Napisane bez połączenia")
    await expect(error).to_be_hidden()


async def test_whose_session_ended_is_led_to_the_log_in(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/inbox")
    await page.context.clear_cookies()
    await page.locator(".places__take button").click()
    await expect(page.get_by_role("heading", name="Wylogowano")).to_be_visible()
    await page.get_by_role("link", name="Zaloguj się").click()
    await expect(page.locator('input[name="login"]')).to_be_visible()


async def test_long_words_of_a_decision_fit_a_phone(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    actions = ("queue", "priority", "tags", "notify", "protocol", "office", "topic")
    trace = Trace(
        version="7",
        matched=(Match("crisis", (Seen("phrase", "nie chcę żyć"),)),),
        winners=dict.fromkeys(actions, "crisis"),
    )
    row = {"conversation": made["urgent"], "version": 7, "facts": b"{}", "data": encode_trace(trace)}
    await desk.store.write(lambda tx: tx.add(schema.trace, {**row, "at": tx.now}))
    page = await desk.enter(browser, viewport={"width": 320, "height": 640})
    await page.goto(f"{desk.url}/conversations/{made['urgent']}/why")
    await expect(page.locator(".decision .badge")).to_contain_text("Priorytet")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_lists_that_are_chosen_from_by_keys_show_what_is_chosen(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    national = msgspec.structs.replace(SYSTEM, office="krajowa")

    def texts(tx: Tx) -> None:
        for n in range(12):
            save_text(tx, national, Text(shortcut=f"tekst-{n:02}", title=f"Tekst {n}", text="Dzień dobry"))

    await desk.store.write(texts)
    page = await desk.enter(browser, viewport={"width": 1280, "height": 720})
    await page.goto(f"{desk.url}/conversations/{made['overdue']}")
    await page.keyboard.press("Control+k")
    for _ in range(11):
        await page.keyboard.press("ArrowDown")
    await expect(page.locator("#commands [aria-selected=true]")).to_be_in_viewport(ratio=0.9)
    await page.keyboard.type("scal z inn")  # which stands in a closed menu, and has no key
    await page.keyboard.press("Enter")
    await expect(page.locator("#merge-other")).to_be_focused()
    await page.keyboard.press("Escape")
    late = asyncio.Event()

    async def wait(route: Route) -> None:
        await late.wait()
        await route.continue_()

    await page.route("**/texts?q=tekst", wait)
    await page.locator("#reply-text").press_sequentially("/teks")
    await expect(page.locator("#canned [role=option]").nth(9)).to_be_attached()
    await page.keyboard.type("t")  # what this letter asks for comes after the arrows
    for _ in range(9):
        await page.keyboard.press("ArrowDown")
    chosen = page.locator("#canned [aria-selected=true]")
    await expect(chosen).to_contain_text("tekst-09")
    await page.evaluate("document.querySelector('#canned [aria-selected=true]').dataset.old = ''")
    late.set()
    await expect(page.locator("#canned [data-old]")).to_have_count(0)
    await expect(chosen).to_contain_text("tekst-09")
    await expect(chosen).to_be_in_viewport(ratio=0.9)


async def test_the_newest_message_stays_in_sight_while_its_answer_grows(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    await desk.seed(lambda tx: inbound(tx, made["long"], "Ostatnie słowo. " * 30))
    page = await desk.enter(browser, viewport={"width": 1280, "height": 800})
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    last = page.locator("#stream article").last
    bottom = "e => document.getElementById('stream').getBoundingClientRect().bottom - e.getBoundingClientRect().bottom"
    assert await last.evaluate(bottom) >= 0
    await page.locator("#reply-text").fill("Wiersz\n" * 9)
    await page.wait_for_timeout(200)
    assert await last.evaluate(bottom) >= 0
    await page.locator("#stream").evaluate("e => e.scrollTo(0, 0)")
    await page.wait_for_timeout(100)
    await page.locator("#reply-text").fill("Wiersz\n")
    assert await page.locator("#stream").evaluate("e => e.scrollTop") == 0


async def test_a_time_of_ones_own_can_be_chosen_on_a_phone(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser, viewport={"width": 320, "height": 640})
    await page.goto(f"{desk.url}/conversations/{made['overdue']}")
    await page.keyboard.press("z")
    inside = """e => [...e.querySelectorAll("button, input")].every(
      (part) => part.getBoundingClientRect().right <= e.getBoundingClientRect().right)"""
    assert await page.locator("#dialog-snooze").evaluate(inside)


async def test_any_word_of_a_name_finds_an_office_or_a_colleague(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/conversations/{made['failed']}")
    for key, field, typed, found in (
        ("t", "#transfer-to", "lomz", "Łomż"),
        ("t", "#transfer-to", "suw", "Suwałk"),
        ("a", "#assign-to", "zie", "Jan Zięba"),
    ):
        await page.keyboard.press(key)
        await expect(page.locator(field)).to_be_focused()
        await page.keyboard.type(typed)
        await expect(page.locator(f"{field} option:checked")).to_contain_text(found)
        await page.wait_for_timeout(1100)
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog[open]")).to_have_count(0)


CHOSEN = """(one) => {
    const [probe, seen] = [document.createElement("i"), getComputedStyle(one)];
    probe.style = "forced-color-adjust: none; background: Highlight; color: HighlightText";
    document.body.append(probe);
    const wanted = getComputedStyle(probe);
    const same = seen.forcedColorAdjust === "none"
        && seen.backgroundColor === wanted.backgroundColor && seen.color === wanted.color;
    probe.remove();
    return same;
}"""
"""Whether it stands in the system's colours for what is chosen: any other background is taken away there."""


async def test_what_is_chosen_is_marked_where_the_system_gives_the_colours(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser, forced_colors="active", reduced_motion="reduce")
    await page.goto(f"{desk.url}/conversations/{made['long']}?view=unassigned")
    for mode, other in (("note", "reply"), ("reply", "note")):
        await page.click(f"button[data-mode={mode}]")
        await expect(page.locator(f"button[data-mode={mode}]")).to_have_attribute("aria-pressed", "true")
        await page.mouse.move(0, 0)
        assert await page.locator(f"button[data-mode={mode}]").evaluate(CHOSEN), mode
        assert not await page.locator(f"button[data-mode={other}]").evaluate(CHOSEN), mode
    for places in (".place", ".rail a"):
        assert await page.locator(f"{places}[aria-current]").first.evaluate(CHOSEN), places
        assert not await page.locator(f"{places}:not([aria-current])").first.evaluate(CHOSEN), places
    assert await axe_violations(page) == []


async def test_who_has_no_mailbox_is_told_how_to_go_on(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser, "suw")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(f"{desk.url}/new")
    await expect(page.get_by_text("Administrator może")).to_be_visible()
    assert await axe_violations(page) == []
    await page.get_by_role("link", name="Do zgłoszeń").click()
    await page.wait_for_url("**/inbox*")
    assert wrong == []
