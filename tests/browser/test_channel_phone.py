"""The telephone through the whole hub in Chromium: noting a call, a ringing call, a missed one and its call back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from sqlalchemy import select

from hub.demo.peers.exchange import ExchangePeer
from hub.people.users import set_extension
from hub.phone.record import facts_of
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from tests.browser.boxes import meets
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

SECRET = "sekret centrali telefonicznej"
CALLER = "600 700 800"


@pytest_asyncio.fixture(loop_scope="module")
async def hub(tmp_path: Path, mailsink: MailSink, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WholeHub]:
    """A hub with an exchange; konsultant sits at extension 101."""
    async with whole_hub(tmp_path, mailsink, {"CENTRALA_INBOX_TELEFON_SECRET": SECRET}) as running:

        def telephone(tx: Tx) -> None:
            user = tx.scalar(select(schema.user.c.id).where(schema.user.c.login == "konsultant"))
            set_extension(tx, SYSTEM, user, "101")

        await running.hub.store.write(telephone)
        yield running


@pytest.fixture
def exchange(hub: WholeHub) -> ExchangePeer:
    """The office's telephone exchange."""
    return ExchangePeer(hub=f"{hub.public}/in/telefon", secret=SECRET)


async def calls(hub: WholeHub) -> list[Any]:
    table = schema.message
    found = select(table).where(table.c.kind == "call").order_by(table.c.id)
    return list(await hub.hub.store.read(lambda tx: tx.rows(found)))


async def test_calls_that_are_to_be_noted_wait_in_a_list(
    hub: WholeHub, browser: Browser, exchange: ExchangePeer
) -> None:
    page = await hub.enter(browser, "konsultant", color_scheme="dark", viewport={"width": 320, "height": 700})
    await exchange.talks(CALLER, "101", 125, name="Jan Kowalski")
    await exchange.talks("anonymous", "101", 61)
    await page.goto(f"{hub.console}/phone")
    await expect(page.locator(".calls__row")).to_have_count(2)
    await (
        page.locator(".calls__row").filter(has_text="Jan Kowalski").get_by_role("link", name="Opisz").click()
    )
    dialog = page.get_by_role("dialog", name="Zapisz rozmowę telefoniczną")
    await expect(dialog).to_contain_text("czas rozmowy 2:05")
    await shot(page, "phone-dark-narrow")
    assert await axe_violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= 320")
    await page.keyboard.press("Escape")
    await shot(page, "phone-list-dark-narrow")
    assert await axe_violations(page) == []


async def test_a_call_is_noted_in_two_clicks(hub: WholeHub, browser: Browser) -> None:
    page = await hub.enter(browser, "konsultant")
    await page.goto(f"{hub.console}/inbox")
    await page.get_by_role("link", name="Zapisz rozmowę telefoniczną").click()  # one
    dialog = page.get_by_role("dialog", name="Zapisz rozmowę telefoniczną")
    await expect(dialog.get_by_label("Numer rozmówcy")).to_be_focused()
    await page.keyboard.type("22 123 45 67")
    await dialog.get_by_label("Imię i nazwisko").fill("Anna Nowak")
    await dialog.get_by_label("Temat").fill("Rejestracja przez internet")
    await dialog.get_by_label("Notatka").fill("Pytała o profil zaufany.")
    await shot(page, "phone-form")
    assert await axe_violations(page) == []
    await dialog.get_by_role("button", name="Załatwione przez telefon").click()  # two
    await expect(page.get_by_role("status").filter(has_text="Rozmowa zapisana.")).to_be_visible()
    [row] = await calls(hub)
    facts = facts_of(row)
    assert (row.state, row.text, facts.topic, facts.outcome) == (
        "logged",
        "Pytała o profil zaufany.",
        "Rejestracja przez internet",
        "settled",
    )
    await page.goto(f"{hub.console}/conversations/{row.conversation}")
    entry = page.get_by_role("article", name="Telefon od: Anna Nowak")
    await expect(entry).to_contain_text("Rejestracja przez internet · Załatwione przez telefon")
    await expect(entry).to_contain_text("+48 22 123 45 67")
    await shot(page, "phone-conversation")
    assert await axe_violations(page) == []

    # The same person again, by key, from the open conversation: found, and their conversation is offered.
    await page.keyboard.press("Escape")
    await page.keyboard.press("l")
    await expect(dialog.get_by_text("Anna Nowak")).to_be_visible()
    await expect(dialog.get_by_label("Numer rozmówcy")).to_have_value("+48221234567")
    await dialog.get_by_role("button", name="Musimy jeszcze odpowiedzieć").click()
    await expect(page.get_by_role("status").filter(has_text="Rozmowa zapisana.")).to_be_visible()
    assert len(await calls(hub)) == 2


async def test_a_ringing_call_pops_up_and_its_conversation_opens(
    hub: WholeHub, browser: Browser, exchange: ExchangePeer
) -> None:
    page = await hub.enter(browser, "konsultant")
    other = await hub.enter(browser, "redakcja")
    await page.goto(f"{hub.console}/callbacks")
    call = exchange.new_call()
    assert await exchange.tells("ringing", call, CALLER, extension="101", name="Jan Kowalski") == 200
    corner = page.get_by_role("region", name="Telefon", exact=True)
    await expect(corner).to_contain_text("Dzwoni telefon do Ciebie")
    await expect(corner).to_contain_text("Jan Kowalski")
    await expect(corner).to_contain_text("+48 600 700 800")
    await shot(page, "phone-ringing")
    assert await axe_violations(page) == []
    await expect(other.get_by_role("region", name="Telefon", exact=True)).to_be_hidden()

    await exchange.tells("answered", call, CALLER, extension="101")
    await expect(corner).to_contain_text("W trakcie rozmowy")
    await corner.get_by_role("link", name="Otwórz zgłoszenie").click()
    await page.wait_for_url(f"**/conversations/{(await calls(hub))[0].conversation}")
    await expect(page.get_by_role("article", name="Telefon od: Jan Kowalski")).to_contain_text(
        "W trakcie rozmowy"
    )

    before = page.viewport_size
    for width in (1440, 1281, 1200, 1024, 800, 320):  # never over what somebody writes
        await page.set_viewport_size({"width": width, "height": 720})
        shown, composer = await corner.bounding_box(), await page.locator("#composer").bounding_box()
        assert shown is not None and composer is not None and not meets(shown, composer), width
    assert before is not None
    await page.set_viewport_size(before)

    await exchange.tells("hung_up", call, CALLER, extension="101", duration=125)
    await expect(corner).to_contain_text("Rozmowa zakończona · 2:05")
    await corner.get_by_role("link", name="Opisz rozmowę").click()  # one
    dialog = page.get_by_role("dialog", name="Zapisz rozmowę telefoniczną")
    await shot(page, "phone-note-told")
    await dialog.get_by_role("button", name="Załatwione przez telefon").click()  # two
    await expect(corner).to_be_hidden()
    await expect(page.get_by_role("article", name="Telefon od: Jan Kowalski")).to_contain_text(
        "czas rozmowy 2:05"
    )
    row = (await calls(hub))[0]
    assert (row.state, facts_of(row).outcome) == ("logged", "settled")


async def test_a_missed_call_becomes_a_call_back(
    hub: WholeHub, browser: Browser, exchange: ExchangePeer
) -> None:
    page = await hub.enter(browser, "konsultant")
    call = await exchange.misses(CALLER, "101")
    await exchange.tells("missed", call, CALLER, extension="101")
    conversation = (await calls(hub))[0].conversation
    table = schema.callback
    [row] = await hub.hub.store.read(lambda tx: tx.rows(select(table)))
    assert (row.number, row.conversation) == ("+48600700800", conversation)
    await page.goto(f"{hub.console}/callbacks?queue=informacja")
    await expect(page.locator("#calls")).to_contain_text("+48 600 700 800")
    await page.goto(f"{hub.console}/conversations/{conversation}")
    await expect(page.get_by_role("article", name="Telefon od: +48 600 700 800")).to_contain_text(
        "Nieodebrane"
    )
    await shot(page, "phone-missed")
    assert await axe_violations(page) == []


async def test_without_a_script_and_on_a_narrow_screen_the_form_is_a_page(
    hub: WholeHub, browser: Browser
) -> None:
    page = await hub.enter(
        browser, "konsultant", java_script_enabled=False, viewport={"width": 320, "height": 700}
    )
    await page.goto(f"{hub.console}/phone/log")
    await page.get_by_label("Numer rozmówcy").fill("12")
    await page.get_by_role("button", name="Załatwione przez telefon").click()
    await expect(page.get_by_role("alert")).not_to_be_empty()
    await page.get_by_label("Numer rozmówcy").fill("")
    await page.get_by_label("Notatka").fill("Numer zastrzeżony, pytanie o godziny otwarcia")
    await shot(page, "phone-narrow")
    await page.get_by_role("button", name="Załatwione przez telefon").click()
    await page.wait_for_url("**/conversations/*")
    await expect(page.get_by_role("article", name="Telefon od: Numer zastrzeżony")).to_be_visible()
