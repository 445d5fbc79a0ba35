"""A test made of a real letter, and advice on a draft, by an administrator in Chromium."""

from __future__ import annotations

import re

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect
from sqlalchemy import select

from hub.house import House
from hub.ruleset import open_draft
from hub.scope import Scope
from hub.store import schema
from hub.web.desk import Desk
from tests.browser.shots import shot
from tests.browser.signed_in import clean, enter
from tests.hub.intake.conftest import mail
from tests.hub.replay.conftest import BEFORE, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAILING = """
  - name: Cisza
    message: {text: cisza, channel: email}
    expect: {queue: spam}
"""


@pytest.fixture
def house(world: World) -> House:
    return world.house


@pytest.fixture
async def written(world: World) -> int:
    """A conversation with a letter that names people."""
    text = "Moja firma szuka ludzi, proszę o ofertę.\n\nPozdrawiam\nMarek Trąbka, tel. 601 234 567"
    await world.feed([mail(1, sender="marek.trabka@poczta.example", text=text, subject="Od Marka Trąbki")])
    return await world.store.read(lambda tx: int(tx.scalar(select(schema.conversation.c.id))))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (320, True)])
async def test_a_letter_becomes_a_test(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    people: dict[str, int],
    written: int,
    width: int,
    dark: bool,
) -> None:
    page = await enter(browser, server, desk, people["administrator"], width=width, dark=dark)
    await page.goto(f"/conversations/{written}/why")
    await page.get_by_role("link", name="Zrób z tego test").first.click()
    field = page.get_by_label("Test", exact=True)
    await expect(field).to_have_value(re.compile("name: Od Anna Wójcik"))
    assert "Trąbk" not in await page.inner_text("main")
    await clean(page, width)
    await shot(page, f"make-{width}")
    await page.get_by_label("Kolejka, do której ma trafić").select_option("spam")
    await page.get_by_role("button", name="Przygotuj ponownie").click()
    await expect(page.get_by_text("nie przechodzi").first).to_be_visible()
    await field.press("Control+Home")
    await field.press("Tab")
    await page.get_by_role("button", name="Dodaj test").press("Enter")
    await page.wait_for_url("**/admin/rules/drafts/*/tests")
    await expect(page.locator("#samples").get_by_text("nie przechodzi", exact=True)).to_be_visible()
    await expect(page.locator("#samples").get_by_text("oczekiwano Spam")).to_be_visible()
    await clean(page, width)
    await shot(page, f"tests-{width}")


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (320, False)])
async def test_advice_beside_the_form(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    people: dict[str, int],
    world: World,
    width: int,
    dark: bool,
) -> None:
    scope = Scope(user=people["administrator"], role="administrator", office="krajowa", front=True)
    source = BEFORE.replace(
        "default:",
        "  - {id: hurt, name: Hurt, when: {words: firma, channel: email}, do: {queue: spam}}\ndefault:",
    )
    opened = await world.store.write(lambda tx: open_draft(tx, scope, source=f"{source}tests:{FAILING}"))
    page = await enter(browser, server, desk, people["administrator"], width=width, dark=dark)
    await page.goto(f"/admin/rules/drafts/{opened.id}/rules/hurt")
    await expect(page.locator("#findings").get_by_text("Do „Hurt” nigdy nie dochodzi")).to_be_visible()
    await expect(page.locator("#samples").get_by_text("Cisza")).to_be_visible()
    await page.locator("#findings").scroll_into_view_if_needed()
    await shot(page, f"form-{width}")
    await clean(page, width)
    await page.locator("#findings").get_by_role("link", name="wiersz 12").click()
    await page.wait_for_url("**/yaml#line-12")
    selected = "(area) => area.value.slice(area.selectionStart, area.selectionEnd)"
    chosen = await page.locator("#text").evaluate(selected)
    assert "id: hurt" in chosen, "the line that the finding is about"
