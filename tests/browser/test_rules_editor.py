"""Rules changed by administrators in Chromium, in a whole hub: made, moved, edited, tested, published and taken back.

Nobody needs a mouse, a script or luck: the same is done by keys, without JavaScript, and by two people at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from hub.people import passwords
from hub.people.users import add_user
from hub.ruleset import draft, published
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from rules.editing.blocks import fields_of, names
from tests.browser.whole_hub import PASSWORD, WholeHub, whole_hub
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

ADMINISTRATORS = {"ada": "Ada Nowicka", "ewa": "Ewa Maj"}
NARROW = {"viewport": {"width": 320, "height": 700}}
WIDE = {"viewport": {"width": 1440, "height": 1000}}


CHOSEN = "(area => area.value.slice(area.selectionStart, area.selectionEnd))(document.activeElement)"


class Office:
    """A running hub with two administrators."""

    def __init__(self, hub: WholeHub, browser: Browser) -> None:
        self.hub = hub
        self.browser = browser

    async def enter(self, login: str = "ada", **context: Any) -> Page:
        page = await self.hub.enter(self.browser, login, **{**WIDE, **context})
        return page

    async def source(self, page: Page) -> str:
        """The text of the draft that a page is about, as it is stored."""
        number = int(page.url.split("/drafts/")[1].split("/")[0].split("#")[0])
        return (await self.hub.hub.store.read(lambda tx: draft(tx, SYSTEM, number))).source

    async def version(self) -> int:
        found = await self.hub.hub.store.read(published)
        assert found is not None
        return found.version

    def at(self, path: str) -> str:
        return f"{self.hub.console}/admin/rules{path}"


@pytest_asyncio.fixture(loop_scope="module")
async def office(tmp_path: Path, mailsink: MailSink, browser: Browser) -> AsyncIterator[Office]:
    async with whole_hub(tmp_path, mailsink) as hub:
        password = passwords.hash_password(PASSWORD)

        def hire(tx: Tx) -> None:
            for login, name in ADMINISTRATORS.items():
                add_user(tx, SYSTEM, login, name, "administrator", "krajowa", password, "pl")

        await hub.hub.store.write(hire)
        yield Office(hub, browser)


async def new_draft(office: Office, page: Page) -> str:
    """Open a draft; its address."""
    await page.goto(office.at(""))
    await page.get_by_role("button", name="Zmień reguły").click()
    await page.wait_for_url("**/drafts/*")
    return page.url


async def in_step(page: Page, text: str) -> None:
    """Wait until the text beside the form says so."""
    await expect(page.locator("#text")).to_have_value(containing(text))


async def put(page: Page, text: str) -> None:
    """Put a long text into the field at once: typing it takes a browser seconds."""
    script = "(area, text) => { area.value = text; area.dispatchEvent(new Event('input', {bubbles: true})); }"
    await page.locator("#text").evaluate(script, text)


def containing(text: str) -> Any:
    return re.compile(re.escape(text))


async def order(page: Page) -> list[str]:
    found: list[str] = await page.locator("[data-rule]").evaluate_all(
        "all => all.map((row) => row.dataset.rule)"
    )
    return found


# --- making and changing -------------------------------------------------------------------------------------------


async def test_a_rule_is_made_by_its_form(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    async with page.expect_event("load"):
        await page.get_by_role("link", name="Nowa reguła", exact=True).first.click()
    await page.get_by_label("Nazwa reguły").fill("Urlop rodzicielski")
    await page.select_option("[id='w:new']", "words")
    await page.locator("button[value='add w']").click()
    words = page.locator("[name='w-0.any']")
    await expect(words).to_be_focused()
    await words.fill("urlop rodzicielski\nmacierzyński")
    await in_step(page, "macierzyński")
    await page.select_option("[id='d:new']", "queue")
    await page.locator("button[value='add d']").click()
    await page.select_option("[name='d-1.value']", "bezrobotni")
    await page.locator("[name='d-0.values']").fill("urlop")
    await in_step(page, "queue: bezrobotni")
    await expect(page.locator("#problems")).to_contain_text("Wszystko w porządku")
    await page.get_by_role("button", name="Zapisz", exact=True).click()
    await page.wait_for_url(home)
    row = page.locator("[data-rule]", has=page.get_by_role("link", name="Urlop rodzicielski"))
    await expect(row).to_contain_text("Gdy w tekście jest „urlop rodzicielski” lub „macierzyński”")
    await expect(row).to_contain_text("skieruj do kolejki Bezrobotni")
    await expect(row.locator(".hits")).to_contain_text("nigdy")
    source = await office.source(page)
    rule = fields_of(source, names(source, "rule")[-1])
    assert isinstance(rule, dict)
    assert rule["when"] == {"words": ["urlop rodzicielski", "macierzyński"]}
    assert rule["do"] == {"tags": ["urlop"], "queue": "bezrobotni"}


async def test_form_and_text_follow_each_other(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    await page.goto(f"{home}/rules/spam")
    before = await page.locator("#text").input_value()
    await page.select_option("[name='w:kind']", "any")
    await in_step(page, "any:\n")
    await page.select_option("[name='w:kind']", "all")
    await page.locator("button[value='wrap-not w-1']").dispatch_event("click")
    await expect(page.locator("#w-1")).to_have_class("group group--not")
    await expect(page.locator("#w-1")).to_be_focused()
    await page.locator("button[value='unwrap w-1']").dispatch_event("click")
    await expect(page.locator("[name='w-1.mode']")).to_have_count(1)
    await page.locator("button[value='down w-0']").click()
    await expect(page.locator("[name='w-0:kind']")).to_have_value("history")
    await page.locator("button[value='up w-1']").click()
    await expect(page.locator("[name='w-0:kind']")).to_have_value("condition")

    await page.locator("#text").fill(
        before.replace("name: Spam", "name: Reklamy").replace("at_least: 2", "at_least: 3")
    )
    await expect(page.locator("[name='w-2-0.at_least']")).to_have_value("3")
    await expect(page.locator("#text")).to_be_focused()
    await page.locator("#text").fill(before.replace("history: 0", "histori: 0"))
    await expect(page.locator("#problems")).to_contain_text("wiersz")
    await page.locator("#problems [data-line]").first.click()
    assert await page.evaluate(CHOSEN) == "    histori: 0"
    await page.locator("#text").fill("- id: spam\n name: x")
    await expect(page.locator("#problems")).to_contain_text("ten wiersz nie pasuje do poprzednich")
    # What stood beside it was said of another text.
    await expect(page.locator("[data-panel]").nth(1)).to_contain_text("gdy szkic da się odczytać")
    await page.locator("#text").fill(before.replace("at_least: 2", "at_least: 1"))
    await expect(page.locator("#problems")).to_contain_text("Wszystko w porządku")
    await page.get_by_role("button", name="Zapisz", exact=True).click()
    await page.wait_for_url(home)
    assert "at_least: 1" in await office.source(page)


async def test_a_button_counts_though_somebody_goes_on_typing_before_its_answer(office: Office) -> None:
    page, typed = await office.enter(), asyncio.Event()
    home = await new_draft(office, page)
    await page.goto(f"{home}/rules/spam")

    async def late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/form", late)
    await page.select_option("[id='w:new']", "pesel")
    async with page.expect_request("**/form"):
        await page.locator("button[value='add w']").click()
    await page.get_by_label("Nazwa reguły").fill("Spam i numery")
    typed.set()
    await expect(page.locator("[name='w-3.is']")).to_have_count(1)
    await expect(page.get_by_label("Nazwa reguły")).to_be_focused()
    await in_step(page, "name: Spam i numery")
    await in_step(page, "pesel: true")


async def test_a_filter_that_is_faster_than_the_scripts_works(office: Office) -> None:
    page, typed = await office.enter(), asyncio.Event()
    home = await new_draft(office, page)

    async def late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/rules-list.js", late)
    await page.goto(home, wait_until="commit")
    await page.fill("#rule-filter", "KOLEJKI spam")
    typed.set()
    await expect(page.locator("[data-rule]:not([hidden])")).to_have_count(1)


async def test_a_text_that_is_not_finished_is_not_written_over_by_the_form(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    await page.goto(f"{home}/rules/spam")
    before = await page.locator("#text").input_value()
    half = before.replace("name: Spam", "name: [Reklamy")
    await page.locator("#text").fill(half)
    await expect(page.locator("#problems")).to_contain_text("Wiersz 2")
    async with page.expect_response("**/form"):
        await page.select_option("[name='w:kind']", "any")
    await expect(page.locator("#problems")).to_contain_text("Wiersz 2")
    await expect(page.locator("#text")).to_have_value(half)
    await page.locator("#text").fill(before.replace("name: Spam", "name: Reklamy"))
    await expect(page.get_by_label("Nazwa reguły")).to_have_value("Reklamy")


async def test_keys_pressed_while_a_rule_moves_count_and_a_refused_move_is_not_told(office: Office) -> None:
    page = await office.enter()
    await new_draft(office, page)
    before = await order(page)
    first = before[0]
    pressed, refused = asyncio.Event(), asyncio.Event()

    async def moved(route: Route) -> None:
        if refused.is_set():
            refusal = '{"detail": "Tego nie można przenieść."}'
            await route.fulfill(status=409, content_type="application/json", body=refusal)
        else:
            await pressed.wait()
            await route.continue_()

    await page.route("**/move", moved)
    await page.locator(f"#rule-{first} [data-grip]").focus()
    for _ in range(2):
        await page.keyboard.press("Shift+ArrowDown")
    pressed.set()
    await expect(page.locator("#list-said")).to_contain_text("teraz numer 3")
    assert (await order(page))[:3] == [*before[1:3], first]

    await page.evaluate("document.getElementById('list-said').textContent = ''")
    refused.set()
    await page.keyboard.press("Shift+ArrowUp")
    await expect(page.locator(".toast--danger")).to_contain_text("Tego nie można przenieść.")
    await expect(page.locator("#list-said")).to_be_empty()


async def test_rules_move_by_pointer_keys_and_menu(office: Office) -> None:
    page = await office.enter()
    await new_draft(office, page)
    before = await order(page)
    first, second, third = before[:3]
    grip = page.locator(f"#rule-{first} [data-grip]")
    await grip.focus()
    await page.keyboard.press("Shift+ArrowDown")
    await expect(page.locator("#list-said")).to_contain_text("teraz numer 2")
    assert (await order(page))[:3] == [second, first, third]
    await expect(page.locator(f"#rule-{first} [data-grip]")).to_be_focused()
    await page.keyboard.press("Shift+ArrowUp")
    await expect(page.locator("#list-said")).to_contain_text("teraz numer 1")
    assert (await order(page)) == before

    start, end = (
        await page.locator(f"#rule-{third} [data-grip]").bounding_box(),
        await page.locator(f"#rule-{first}").bounding_box(),
    )
    assert start and end
    await page.mouse.move(start["x"] + 8, start["y"] + 8)
    await page.mouse.down()
    await page.mouse.move(end["x"] + 40, end["y"] + 20, steps=5)
    await page.mouse.move(end["x"] + 40, end["y"] + 6)
    await page.mouse.up()
    await expect(page.locator("[data-rule]").first).to_have_attribute("data-rule", third)
    assert (await order(page))[:3] == [third, first, second]
    assert list(names(await office.source(page), "rule")) == await order(page)

    row = page.locator(f"#rule-{third}")
    await row.locator("summary").click()
    await row.get_by_role("button", name="Przenieś do…").click()
    await page.locator("#move-to").select_option(label="na sam koniec")
    await page.get_by_role("button", name="Przenieś", exact=True).click()
    await expect(page.locator("[data-rule]").last).to_have_attribute("data-rule", third)
    await page.get_by_role("button", name="Cofnij", exact=True).last.click()
    await expect(page.locator("[data-rule]").first).to_have_attribute("data-rule", third)


async def test_rules_are_switched_copied_deleted_and_brought_back(office: Office) -> None:
    page = await office.enter()
    await new_draft(office, page)
    before = await order(page)
    row = page.locator("#rule-spam")
    await row.get_by_role("switch").click()
    await expect(page.locator("#rule-spam [role=switch]")).to_have_attribute("aria-checked", "false")
    await expect(page.locator("#rule-spam [role=switch]")).to_be_focused()
    assert fields_of(await office.source(page), "spam")["enabled"] is False  # type: ignore[call-overload,index]
    await row.locator("summary").click()
    await row.get_by_role("button", name="Powiel").click()
    await expect(page.locator("#rule-spam-2")).to_contain_text("Kopia: Spam")
    await page.locator("#rule-spam-2 summary").click()
    await page.locator("#rule-spam-2").get_by_role("button", name="Usuń", exact=True).click()
    await expect(page.locator("#rule-spam-2")).to_have_count(0)
    async with page.expect_event("load"):
        await page.get_by_role("button", name="Cofnij", exact=True).last.click()
    await expect(page.locator("#rule-spam-2")).to_have_count(1)
    await page.get_by_role("button", name="Cofnij ostatnią zmianę").click()
    await expect(page.locator("#rule-spam-2")).to_have_count(0)
    assert await order(page) == before
    await page.fill("#rule-filter", "zgwalcic")
    await expect(page.locator("#filter-none")).to_be_visible()
    await page.fill("#rule-filter", "KOLEJKI spam")
    await expect(page.locator("[data-rule]:not([hidden])")).to_have_count(1)


async def test_what_a_rules_menu_offers_is_within_a_phones_screen(office: Office) -> None:
    page = await office.enter(viewport=NARROW["viewport"])
    await new_draft(office, page)
    for rule in (await order(page))[:8]:
        row = page.locator(f"#rule-{rule}")
        await row.locator("summary").click()
        panel = row.locator(".menu__panel")
        await expect(panel.get_by_role("button").first).to_be_in_viewport(ratio=1)
        await page.wait_for_function(
            "e => e.getBoundingClientRect().left >= 0 && e.getBoundingClientRect().right <= innerWidth",
            arg=await panel.element_handle(),
        )


async def test_words_conditions_schedules_and_tests_have_their_pages(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    await page.goto(f"{home}/words/spam")
    await page.get_by_label("Słowa, każde w osobnym wierszu").fill("kasyno\nviagra\nbitcoin")
    await page.get_by_role("button", name="Zapisz").click()
    await page.wait_for_url("**/names")
    assert fields_of(await office.source(page), "spam", "words") == ["kasyno", "viagra", "bitcoin"]
    box = page.locator("section", has=page.get_by_role("heading", name="Harmonogramy"))
    await box.locator("summary").click()
    await box.get_by_label("Nazwa", exact=True).fill("noc")
    await box.get_by_role("button", name="Dodaj").click()
    await page.wait_for_url("**/schedules/noc")
    await page.locator("[name='w-0-1.from']").first.fill("22:00")
    await page.locator("[name='w-0-1.to']").first.fill("06:00")
    await in_step(page, "22:00-06:00")
    await page.get_by_role("button", name="Zapisz", exact=True).click()
    await page.wait_for_url("**/names")
    assert fields_of(await office.source(page), "noc", "schedule") == [
        {"days": "mon-fri", "hours": "22:00-06:00"}
    ]
    async with page.expect_event("load"):
        await page.get_by_role("button", name="Usuń: noc").click()
    await expect(page.get_by_role("link", name="noc", exact=True)).to_have_count(0)

    await page.goto(f"{home}/test")
    await page.get_by_label("Nazwa testu").fill("Kasyno to spam")
    await page.get_by_label("Kanał").select_option("email")
    await page.get_by_label("Treść").fill("Kasyno i viagra czekają: https://a.example")
    await page.get_by_label("Kolejka").select_option("spam")
    await page.get_by_role("button", name="Zapisz").click()
    await page.wait_for_url("**/tests")
    test = fields_of(await office.source(page), "Kasyno to spam", "sample")
    assert isinstance(test, dict) and test["expect"] == {"queue": "spam"}


# --- to the end ------------------------------------------------------------------------------------------------------


async def test_a_word_is_changed_tested_and_published_in_four_steps_and_taken_back(office: Office) -> None:
    """Task 20: from the published list to a published change. Counted: what a person does besides typing the word."""
    page = await office.enter()
    await page.goto(office.at(""))
    before, running = await office.version(), office.hub.hub.house().rules_version
    steps = 0
    await page.locator("#rule-techniczne-inne").get_by_role("button", name="Zmień").click()
    steps += 1
    await page.wait_for_url("**/rules/techniczne-inne")
    words = page.locator("[name='w-0.any']")
    await words.focus()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("\nzawieszony formularz")
    steps += 1
    await in_step(page, "zawieszony formularz")
    await page.get_by_role("button", name="Zapisz i sprawdź").click()
    steps += 1
    await page.wait_for_url("**/publish")
    await expect(page.locator("main")).to_contain_text("zawieszony formularz")
    await page.get_by_label("Co zmienia i dlaczego").fill("Nowe słowo")
    await page.get_by_role("button", name="Opublikuj teraz").click()
    steps += 1
    await page.wait_for_url(lambda url: "/publish" not in url)
    assert await office.version() == before + 1
    while office.hub.hub.house().rules_version == running:
        await page.wait_for_timeout(50)
    rule = next(rule for rule in office.hub.hub.house().rules.ruleset.rules if rule.id == "techniczne-inne")
    assert "zawieszony formularz" in str(rule.when)
    assert steps <= 4

    await page.goto(office.at(f"/versions/{before}"))
    await page.get_by_role("link", name="Wróć do niej").click()
    await page.get_by_role("button", name="Wróć do wersji").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Reguły, wersja {before + 2}")
    await page.goto(office.at(""))
    await expect(page.locator("#rule-techniczne-inne")).not_to_contain_text("zawieszony formularz")


# --- two at once -----------------------------------------------------------------------------------------------------


async def test_two_administrators_lose_nothing(office: Office) -> None:
    ada, ewa = await office.enter("ada"), await office.enter("ewa")
    home = await new_draft(office, ada)
    await ada.goto(f"{home}/rules/spam")
    await ewa.goto(f"{home}/rules/spam")
    await ada.get_by_label("Nazwa reguły").fill("Spam (Ada)")
    await ada.get_by_role("button", name="Zapisz", exact=True).click()
    await ada.wait_for_url(home)
    await expect(ada.locator("#draft-bar")).to_contain_text("Ewa Maj")

    await ewa.get_by_label("Nazwa reguły").fill("Spam (Ewa)")
    await in_step(ewa, "Spam (Ewa)")
    async with ewa.expect_event("load"):
        await ewa.get_by_role("button", name="Zapisz", exact=True).click()
    clash = ewa.locator(".clash")
    await expect(clash).to_contain_text("Ktoś zmienił w tym czasie tę regułę")
    await expect(clash.locator("pre").first).to_contain_text("Spam (Ada)")
    await expect(clash.locator("pre").last).to_contain_text("Spam (Ewa)")
    await expect(ewa.get_by_label("Nazwa reguły")).to_have_value("Spam (Ewa)")
    assert "Spam (Ada)" in await office.source(ada)
    assert await axe_violations(ewa) == []
    await ewa.get_by_label("Nazwa reguły").fill("Spam (Ada i Ewa)")
    await in_step(ewa, "Ada i Ewa")
    await ewa.get_by_role("button", name="Zapisz", exact=True).click()
    await ewa.wait_for_url(home)
    assert "Spam (Ada i Ewa)" in await office.source(ewa)

    await ada.goto(f"{home}/rules/automaty")
    await ewa.goto(f"{home}/rules/komentarze")
    for page, name in ((ada, "Automaty!"), (ewa, "Komentarze!")):
        await page.get_by_label("Nazwa reguły").fill(name)
        await in_step(page, name)
        await page.get_by_role("button", name="Zapisz", exact=True).click()
        await page.wait_for_url(home)
    source = await office.source(ewa)
    assert "Automaty!" in source and "Komentarze!" in source


async def test_what_is_typed_survives_a_reload(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    await page.goto(f"{home}/rules/spam")
    await page.get_by_label("Nazwa reguły").fill("Nie zapisane")
    await in_step(page, "Nie zapisane")
    await page.reload()
    await in_step(page, "Nie zapisane")
    await expect(page.get_by_label("Nazwa reguły")).to_have_value("Nie zapisane")
    await page.get_by_role("button", name="Zapisz", exact=True).click()
    await page.wait_for_url(home)
    assert "Nie zapisane" in await office.source(page)


async def test_what_could_not_be_saved_is_back_after_the_log_in(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    await page.goto(f"{home}/rules/spam")
    await page.get_by_label("Nazwa reguły").fill("Długo pisane")
    await in_step(page, "Długo pisane")
    await office.hub.hub.store.write(lambda tx: tx.execute(schema.session.delete()))
    await page.get_by_role("button", name="Zapisz", exact=True).click()
    await page.get_by_role("link", name="Zaloguj się").click()
    await page.fill('input[name="login"]', "ada")
    await page.fill('input[name="password"]', PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{home}/rules/spam")
    await in_step(page, "Długo pisane")
    await page.get_by_role("button", name="Zapisz", exact=True).click()
    await page.wait_for_url(home)
    assert "Długo pisane" in await office.source(page)
    await page.get_by_role("button", name="Cofnij ostatnią zmianę").click()
    await expect(page.locator("#rule-spam h3")).not_to_contain_text("Długo pisane")
    await page.goto(f"{home}/rules/spam")  # what was saved and undone does not come back
    await expect(page.get_by_label("Nazwa reguły")).not_to_have_value("Długo pisane")


async def test_the_whole_file_is_edited_with_its_lines(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    await page.goto(f"{home}/yaml")
    source = await office.source(page)
    await put(page, source.replace("queue: spam", "kueue: spam", 1))
    await expect(page.locator("#problems")).to_contain_text("kueue")
    await expect(page.locator("#lines .is-wrong")).to_have_count(1)
    await put(page, source.replace("name: Spam", "name: Śmieci", 1))
    await expect(page.locator("#problems")).to_contain_text("daje się odczytać")
    await page.get_by_role("button", name="Zapisz", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("zapisano")
    assert await office.source(page) == source.replace("name: Spam", "name: Śmieci", 1)


# --- for everyone ----------------------------------------------------------------------------------------------------


async def test_without_a_script_the_form_works_too(office: Office) -> None:
    page = await office.enter()
    home = await new_draft(office, page)
    plain = await office.enter("ewa", java_script_enabled=False)
    await plain.goto(f"{home}/rules/spam")
    await plain.get_by_label("Nazwa reguły").fill("Bez skryptu")
    await plain.select_option("[id='w:new']", "pesel")
    await plain.locator("button[value='add w']").click()
    await expect(plain.get_by_label("Nazwa reguły")).to_have_value("Bez skryptu")
    await plain.select_option("[name='w-3.is']", "no")
    await plain.get_by_role("button", name="Zapisz", exact=True).click()
    await plain.wait_for_url(home)
    rule = fields_of(await office.source(plain), "spam")
    assert isinstance(rule, dict) and rule["name"] == "Bez skryptu"
    assert rule["when"]["pesel"] is False and list(rule["when"])[-1] == "pesel"


PAGES = (
    "",
    "/rules/spam",
    "/rules/bezrobotni",
    "/names",
    "/words/spam",
    "/conditions/pracodawca",
    "/default/default",
    "/new-rule",
    "/test",
    "/tests",
    "/yaml",
)


@pytest.mark.parametrize(("theme", "screen"), [("light", WIDE), ("dark", NARROW)])
async def test_every_page_is_for_everyone(office: Office, theme: Any, screen: Any) -> None:
    page = await office.enter(color_scheme=theme, **screen)
    home = await new_draft(office, page)
    wrong = []
    for address in (office.at(""), office.at("/drafts"), *(home + path for path in PAGES)):
        await page.goto(address)
        wrong += [f"{address}: {found}" for found in await axe_violations(page)]
        await page.evaluate(
            "document.querySelectorAll('main details').forEach((one) => (one.open = !one.matches('.menu')))"
        )
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{address}: wider than the window")
    assert not wrong, "\n".join(wrong)
