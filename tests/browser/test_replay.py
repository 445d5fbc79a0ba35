"""A draft replayed and put into the shadow by an administrator in Chromium: from the form to a message that moves."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect
from sqlalchemy import select

from hub.house import House
from hub.logs import logger
from hub.replay.replaying import run_replays
from hub.replay.shadow import run_shadows
from hub.ruleset import open_draft
from hub.scope import Scope
from hub.store import schema
from hub.wake import Wake
from hub.web.desk import Desk
from tests.browser.shots import shot
from tests.browser.signed_in import clean, enter
from tests.hub.conftest import FakeClock
from tests.hub.replay.conftest import AFTER, World, some_mails
from tests.servers.browser import axe_violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def house(world: World) -> House:
    return world.house


@pytest.fixture
async def loops(world: World, clock: FakeClock) -> AsyncIterator[None]:
    """What a running hub does beside its console; time goes on."""
    wake = Wake()

    async def time_goes_on() -> None:
        while True:
            clock.move(0.5)
            await asyncio.sleep(0.05)

    tasks = [
        asyncio.create_task(run_replays(world.store, clock, lambda: world.house, wake, logger("test"))),
        asyncio.create_task(run_shadows(world.store, clock, lambda: world.house, wake, logger("test"))),
        asyncio.create_task(time_goes_on()),
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def draft(world: World, people: dict[str, int]) -> int:
    """A draft that says what ``AFTER`` says."""
    scope = Scope(user=people["administrator"], role="administrator", office="krajowa", front=True)
    return (await world.store.write(lambda tx: open_draft(tx, scope, source=AFTER))).id


async def on_duty(world: World, present: bool) -> None:
    presence = "available" if present else "offline"
    await world.store.write(lambda tx: tx.execute(schema.user.update().values(presence=presence)))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (320, True)])
async def test_a_draft_is_replayed(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    people: dict[str, int],
    world: World,
    draft: int,
    loops: None,
    width: int,
    dark: bool,
) -> None:
    mails = some_mails(60)
    await on_duty(world, True)
    await world.feed(mails[:30], every=7_000)
    await on_duty(world, False)
    await world.feed(mails[30:], every=7_000)
    page = await enter(browser, server, desk, people["administrator"], width=width, dark=dark)
    await page.goto(f"/admin/rules/drafts/{draft}/replay")
    await clean(page, width)
    await page.get_by_label("Najnowsze").check()
    await page.keyboard.press("Tab")
    await page.get_by_label("Wiadomości", exact=True).select_option("1000")
    await page.get_by_role("button", name="Uruchom powtórkę").click()
    await page.wait_for_url("**/admin/rules/runs/*")
    await expect(page.get_by_role("heading", name="Z kolejki do kolejki")).to_be_visible()
    await expect(page.get_by_text("zakończone").first).to_be_visible()
    assert await page.evaluate("document.querySelector('[hx-trigger^=every]')") is None
    await page.locator("summary", has_text="według godzin").first.click()
    await shot(page, f"run-{width}")
    await clean(page, width)

    square = page.get_by_role("region", name="Z kolejki do kolejki")
    count = int(await square.get_by_role("link").first.inner_text())
    await square.get_by_role("link").first.click()
    await page.wait_for_url("**/messages*")
    assert await page.locator(".runs-moved > li").count() == count
    await shot(page, f"messages-{width}")
    await clean(page, width)
    await page.locator(".runs-moved a").first.click()
    await page.wait_for_url("**/conversations/*")
    await page.go_back()
    await page.get_by_role("link", name="Wróć do wyniku").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Jako plik tabeli (CSV)").click()
    path = await (await downloading.value).path()
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert len(rows) > count
    assert rows[0][:4] == ["Czas", "Numer", "Zdarzenie", "Z kolejki"]


async def test_a_shadow_is_watched_live(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    people: dict[str, int],
    world: World,
    draft: int,
    loops: None,
) -> None:
    page = await enter(browser, server, desk, people["administrator"])
    await page.goto(f"/admin/rules/drafts/{draft}/replay")
    await page.get_by_label("Jak długo").select_option(label="do zatrzymania")
    await page.get_by_role("button", name="Uruchom w cieniu").click()
    await page.wait_for_url("**/admin/rules/runs/*")
    mails = some_mails(40)
    await world.feed(mails[:20])
    await expect(page.get_by_text("porównano 20 decyzji")).to_be_visible()
    await page.locator("summary", has_text="według godzin").first.click()
    await world.feed(mails[20:])
    await expect(page.get_by_text("porównano 40 decyzji")).to_be_visible()
    await shot(page, "shadow")
    await clean(page, 1280)
    await page.get_by_role("button", name="Zatrzymaj").click()
    await expect(page.get_by_text("zakończone").first).to_be_visible()
    await expect(page.get_by_role("button", name="Zatrzymaj")).to_have_count(0)
    await page.goto("/admin/rules/runs")
    await clean(page, 1280)
    row = await world.store.read(lambda tx: tx.row(select(schema.rule_run)))
    assert row is not None
    assert row.state == "done"


async def test_what_a_rule_catches_stands_beside_its_form(
    browser: Browser,
    server: TestServer,
    desk: Desk,
    people: dict[str, int],
    world: World,
    draft: int,
    loops: None,
) -> None:
    await world.feed(some_mails(60))
    page = await enter(browser, server, desk, people["administrator"])
    await page.goto(f"/admin/rules/drafts/{draft}/rules/firmy")
    count = page.locator(".preview__count")
    await expect(count).to_be_visible()
    before = int(await count.inner_text())
    assert before > 0
    await expect(page.get_by_text("Na swoim miejscu dochodzi do głosu")).to_be_visible()
    await shot(page, "form")
    assert await axe_violations(page) == []
