"""From a conversation to what every rule said about it, and on to a changed message, in Chromium."""

from __future__ import annotations

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect
from sqlalchemy import select

from hub.house import House
from hub.logs import logger
from hub.outbox.effects import run_inside
from hub.outbox.handlers import INSIDE
from hub.ruleset import open_draft
from hub.scope import Scope
from hub.store import schema
from hub.web.desk import Desk
from tests.browser.shots import shot
from tests.browser.signed_in import clean, enter
from tests.hub.intake.conftest import mail
from tests.hub.replay.conftest import AFTER, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TEXT = "Dzień dobry, moja firma szuka pracowników. Proszę o kontakt."


@pytest.fixture
def house(world: World) -> House:
    return world.house


@pytest.fixture
def desk(desk: Desk, world: World) -> Desk:
    return msgspec.structs.replace(desk, house=lambda: world.house)


@pytest.mark.parametrize(("width", "dark"), [(1500, False), (320, True)])
async def test_from_a_conversation_to_a_changed_message(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    people: dict[str, int],
    world: World,
    width: int,
    dark: bool,
) -> None:
    await world.feed([mail(1, text=TEXT)])
    conversation = await world.store.read(lambda tx: tx.scalar(select(schema.conversation.c.id)))
    scope = Scope(user=people["administrator"], role="administrator", office="krajowa", front=True)
    draft = await world.store.write(lambda tx: open_draft(tx, scope, source=AFTER))
    page = await enter(browser, server, desk, people["administrator"], width=width, dark=dark)

    # One click in the conversation shows the decisions, the next one all of the first.
    await page.goto(f"/conversations/{conversation}")
    if width < 600:
        await page.goto(f"/conversations/{conversation}/why")
    else:
        await page.locator("#why summary").click()
    await expect(page.get_by_text("nowe zgłoszenie").first).to_be_visible()
    await page.get_by_role("link", name="Co powiedziała każda reguła").click()
    await expect(page.get_by_role("heading", name="Co postanowiono")).to_be_visible()
    await expect(page.get_by_role("row", name="Pilne")).to_contain_text("natychmiast")
    await clean(page, width)
    await shot(page, f"why-{width}")

    # The rules are looked through by name.
    await page.get_by_label("Reguła", exact=True).fill("pil")
    await page.get_by_role("button", name="Pokaż").click()
    await expect(page.get_by_role("row", name="Firmy")).to_have_count(0)

    # The message is changed and held against the draft.
    await page.get_by_role("link", name="Wypróbuj zmianę").click()
    await expect(page.get_by_label("Treść")).to_have_value(TEXT)
    await clean(page, width)
    await page.get_by_label("Treść").fill("Promocja dla firm, odpowiedz natychmiast!")
    await page.get_by_role("button", name="Zobacz, co by się stało").click()
    result = page.locator("#result")
    await expect(result).to_contain_text("Firmy")
    await expect(page.locator("#outcome")).to_be_focused()
    await clean(page, width)
    await shot(page, f"try-{width}")
    await page.get_by_label("Porównaj z").select_option(f"draft-{draft.id}")
    await page.get_by_label("Treść").press("Tab")
    await page.get_by_role("button", name="Zobacz, co by się stało").click()
    await expect(page.get_by_role("heading", name="Reguły, które mówią co innego")).to_be_visible()
    await expect(page.get_by_role("row", name="Reklamy reklamy")).to_contain_text("nie ma jej")
    await clean(page, width)
    await shot(page, f"compare-{width}")

    # What no message can be is told beside the form, which keeps what was typed.
    await page.get_by_text("Załączniki, osoba, etykiety i więcej").click()
    await page.get_by_label("Dalsze fakty").fill("history: wiele")
    await page.get_by_role("button", name="Zobacz, co by się stało").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Dalsze fakty")).to_have_value("history: wiele")
    await clean(page, width)


CALLING = """
rules:
  - {id: firmy, name: Firmy, when: {channel: email}, do: {notify: [administrator]}, then: continue}
default: {queue: bezrobotni}
"""


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (320, True)])
async def test_a_call_of_a_rule_leads_to_its_reasons(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    people: dict[str, int],
    world: World,
    width: int,
    dark: bool,
) -> None:
    await world.publish(CALLING)
    await world.feed([mail(1, text=TEXT)])
    await world.store.write(lambda tx: run_inside(tx, world.house, INSIDE, logger("test")))
    page = await enter(browser, server, desk, people["administrator"], width=width, dark=dark)
    await page.goto("/notifications")
    await expect(page.locator(".news-list")).to_contain_text("Reguła: Firmy")
    await clean(page, width)
    await shot(page, f"called-{width}", full_page=False)
    await page.get_by_role("link", name="Dlaczego").click()
    await expect(page.get_by_role("main")).to_contain_text("Firmy")
    await clean(page, width)
