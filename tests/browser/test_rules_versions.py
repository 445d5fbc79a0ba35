"""Versions in Chromium: published, approved by a second person, put off to a set time, merged, taken back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from hub.cautions import Cautions
from hub.house import House
from hub.logs import logger
from hub.people.sessions import open_session
from hub.ruleset import Change, Draft, change, open_draft, published
from hub.ruleset.follower import Parts, Taken, follow_rules
from hub.ruleset.versions import Wanted, add_version, lock
from hub.scope import Scope
from hub.store.store import Store
from hub.store.tx import Tx
from hub.wake import Wake
from hub.web.desk import Desk
from hub.web.guard import COOKIE
from tests.hub.conftest import FakeClock
from tests.hub.ruleset.conftest import SOURCE, made_house
from tests.hub.specimen import add_person
from tests.servers.browser import axe_violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = (
    SOURCE.replace("[kasyno]", "[kasyno, ruletka, jackpot]")
    + """\
tests:
  - name: Pytanie firmy
    message: {text: Nasza firma szuka ludzi}
    expect: {queue: pracodawcy}
"""
)


class Living:
    """The house of a running hub, whose rules are swapped."""

    def __init__(self, house: House) -> None:
        self.house = house

    def swap(self, before: House, taken: Taken) -> bool:
        self.house = msgspec.structs.replace(before, rules=taken.compiled, rules_version=taken.version)
        return True


@pytest.fixture
def approval() -> bool:
    return False


@pytest.fixture
def house(tmp_path: Path, approval: bool) -> House:
    return made_house(tmp_path, approval=approval)


@pytest.fixture
async def admins(sqlite_store: Store, people: dict[str, int]) -> Mapping[str, int]:
    """Two administrators; version 1 is in force."""

    def command(tx: Tx) -> dict[str, int]:
        lock(tx)
        add_version(tx, Wanted(source=RULES, note="Pierwsze reguły"))
        names = {"anna": "Anna Wrona", "bogdan": "Bogdan Zięba"}
        return {
            login: add_person(tx, login, role="administrator", name=name) for login, name in names.items()
        }

    return await sqlite_store.write(command)


@pytest.fixture
async def follower(
    sqlite_store: Store, clock: FakeClock, house: House, admins: Mapping[str, int]
) -> AsyncIterator[Living]:
    """What takes over and publishes at set times; the clock moves when a test moves it."""
    living = Living(msgspec.structs.replace(house, rules_version=1))

    async def after(house: House) -> None:
        """Nothing else hangs on the rules here."""

    parts = Parts(
        store=sqlite_store,
        clock=clock,
        house=lambda: living.house,
        swap=living.swap,
        after=after,
        cautions=Cautions(clock, logger("test")),
        log=logger("test"),
    )
    task = asyncio.create_task(follow_rules(parts, Wake()))
    yield living
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


Enter = Callable[..., Awaitable[Page]]


@pytest.fixture
async def enter(browser: Browser, server: TestServer, desk: Desk) -> AsyncIterator[Enter]:
    """``await enter(user)`` gives a page of a logged-in person; they go before the server does."""
    opened = []
    address = str(server.make_url("")).rstrip("/")

    async def make(user: int, *, width: int = 1280, dark: bool = False) -> Page:
        limits, token = desk.house().directory.config.limits, f"token-{user}-{width}-{dark}"
        await desk.store.write(lambda tx: open_session(tx, limits, user, token, f"csrf-{token}"))
        context = await browser.new_context(
            base_url=address,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            locale="pl-PL",
        )
        opened.append(context)
        await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
        page = await context.new_page()
        return page

    yield make
    for context in opened:
        await context.close()


async def a_draft(store: Store, user: int, *edits: tuple[str, str]) -> int:
    """A draft of somebody with some changes."""
    scope = Scope(user=user, role="administrator", office="krajowa", front=True)

    def command(tx: Tx) -> Draft:
        made = open_draft(tx, scope)
        for before, after in edits:
            assert before in made.source
            edit = Change(kind="change")
            made = change(tx, scope, made.id, lambda text, b=before, a=after: text.replace(b, a), edit)  # type: ignore[misc]
        return made

    return (await store.write(command)).id


EDITS = (
    ("name: Dotacje", "name: Dotacje i granty"),
    ("[kasyno, ruletka, jackpot]", "[kasyno, ruletka, bitcoin]"),
    ("do: {queue: pracodawcy}", "do: {queue: pracodawcy, priority: high}"),
)


async def clean(page: Page, name: str) -> None:
    """No violation of WCAG and nothing wider than the window; a picture where a folder for them is named."""
    assert await axe_violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("CENTRALA_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def in_force(store: Store) -> int:
    now = await store.read(published)
    assert now is not None
    return now.version


async def test_publish_and_take_back(
    enter: Enter, desk: Desk, admins: Mapping[str, int], follower: Living
) -> None:
    number = await a_draft(desk.store, admins["anna"], *EDITS)
    page = await enter(admins["anna"])
    await page.goto(f"/admin/rules/drafts/{number}/publish")
    changes = page.locator(".changes")
    await expect(changes).to_contain_text("Lista słów „spam”: dodano bitcoin, usunięto jackpot")
    await expect(changes).to_contain_text("Reguła „Przedsiębiorcy”: teraz także priorytet: wysoki")
    await expect(page.get_by_text("Bez błędów")).to_be_visible()
    await clean(page, "publish")
    await page.get_by_label("Co zmienia i dlaczego").fill("Granty i nowe oszustwa")
    await page.get_by_role("button", name="Opublikuj teraz").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Reguły, wersja 2")
    await expect(page.get_by_text("Granty i nowe oszustwa").first).to_be_visible()
    await clean(page, "version")
    assert await in_force(desk.store) == 2

    await page.goto("/admin/rules/versions")
    await clean(page, "versions")
    await page.get_by_role("link", name="Wróć do wersji 1").click()
    await expect(page.locator(".changes")).to_contain_text("dodano jackpot, usunięto bitcoin")
    await clean(page, "rollback")
    await page.get_by_label("Dlaczego").fill("Za szeroko")
    await page.get_by_role("button", name="Wróć do wersji 1").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Reguły, wersja 3")
    now = await desk.store.read(published)
    assert now is not None and (now.version, now.source, now.note) == (3, RULES, "Za szeroko")


async def test_the_only_version_is_compared_with_nothing(
    enter: Enter, desk: Desk, admins: Mapping[str, int]
) -> None:
    page = await enter(admins["anna"])
    await page.goto("/admin/rules/versions/1")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Reguły, wersja 1")
    await expect(page.get_by_role("button", name="Porównaj")).to_have_count(0)
    await clean(page, "only-version")


async def test_a_version_by_keyboard_alone(enter: Enter, desk: Desk, admins: Mapping[str, int]) -> None:
    number = await a_draft(desk.store, admins["anna"], *EDITS)
    page = await enter(admins["anna"])
    await page.goto(f"/admin/rules/drafts/{number}/publish")
    await page.get_by_label("Co zmienia i dlaczego").focus()
    await page.keyboard.type("Z klawiatury")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Opublikuj teraz")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Reguły, wersja 2")


@pytest.mark.parametrize("approval", [True])
async def test_a_second_person_approves(enter: Enter, desk: Desk, admins: Mapping[str, int]) -> None:
    number = await a_draft(desk.store, admins["anna"], *EDITS)
    anna = await enter(admins["anna"])
    await anna.goto(f"/admin/rules/drafts/{number}/publish")
    await expect(anna.get_by_role("button", name="Opublikuj teraz")).to_have_count(0)
    await anna.get_by_label("Co zmienia i dlaczego").fill("Granty")
    await anna.get_by_role("button", name="Poproś o zatwierdzenie").click()
    await expect(anna.get_by_text("musi go zatwierdzić ktoś inny")).to_be_visible()
    await expect(anna.get_by_role("button", name="Zatwierdź", exact=True)).to_have_count(0)
    await clean(anna, "submitted")

    bogdan = await enter(admins["bogdan"], width=320, dark=True)
    await bogdan.goto("/notifications")
    await bogdan.get_by_role("button", name="Szkic reguł czeka na Twoje zatwierdzenie").click()
    await expect(bogdan.get_by_role("heading", level=1)).to_contain_text("Szkice reguł")
    await bogdan.goto(f"/admin/rules/drafts/{number}/publish")
    await clean(bogdan, "approve-narrow-dark")
    await bogdan.get_by_role("button", name="Zatwierdź", exact=True).click()
    await expect(bogdan.get_by_text("zatwierdzone przez: Bogdan Zięba")).to_be_visible()

    await anna.reload()
    await anna.get_by_role("button", name="Opublikuj teraz").click()
    await expect(anna.get_by_text("Bogdan Zięba")).to_be_visible()
    assert await in_force(desk.store) == 2


async def test_at_a_set_time(
    enter: Enter,
    desk: Desk,
    admins: Mapping[str, int],
    follower: Living,
    clock: FakeClock,
) -> None:
    number = await a_draft(desk.store, admins["anna"], *EDITS)
    page = await enter(admins["anna"], width=320)
    await page.goto(f"/admin/rules/drafts/{number}/publish")
    await page.get_by_label("Albo w wyznaczonym czasie").fill("2026-11-16T18:00")
    await clean(page, "publish-narrow")
    await page.get_by_role("button", name="Opublikuj w tym czasie").click()
    await expect(page.get_by_text("poniedziałek, 16 listopada 2026 18:00")).to_be_visible()
    await clean(page, "scheduled-narrow")
    clock.move(hours=9, minutes=1)
    for _ in range(1500):
        if follower.house.rules_version == 2:
            break
        clock.move(0.5)
        await asyncio.sleep(0.02)
    assert follower.house.rules_version == 2
    await page.reload()
    await page.get_by_role("link", name="wersja 2").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Reguły, wersja 2")


async def test_what_both_changed_is_decided_by_a_person(
    enter: Enter, desk: Desk, admins: Mapping[str, int]
) -> None:
    first = await a_draft(desk.store, admins["anna"], *EDITS)
    second = await a_draft(
        desk.store,
        admins["bogdan"],
        ("name: Dotacje", "name: Dopłaty"),
        ("name: Śmieci", "name: Spam"),
    )
    anna = await enter(admins["anna"])
    await anna.goto(f"/admin/rules/drafts/{first}/publish")
    await anna.get_by_role("button", name="Opublikuj teraz").click()
    await expect(anna.get_by_role("heading", level=1)).to_have_text("Reguły, wersja 2")

    bogdan = await enter(admins["bogdan"], width=320)
    await bogdan.goto(f"/admin/rules/drafts/{second}/publish")
    await clean(bogdan, "stale-narrow")
    await bogdan.get_by_role("button", name="Przejmij zmiany").click()
    await expect(bogdan.get_by_role("heading", level=1)).to_have_text("Zmieniono to samo miejsce")
    await expect(bogdan.get_by_role("region", name="Opublikowane w tym czasie")).to_contain_text(
        "Dotacje i granty"
    )
    await clean(bogdan, "clash-narrow")
    await bogdan.get_by_label("Który tekst zostaje").select_option(label="tekst tego szkicu")
    await bogdan.get_by_role("button", name="Połącz").click()
    await bogdan.get_by_role("button", name="Opublikuj teraz").click()
    await expect(bogdan.get_by_role("heading", level=1)).to_have_text("Reguły, wersja 3")
    now = await desk.store.read(published)
    assert now is not None
    for kept in ("name: Dopłaty", "name: Spam", "bitcoin", "priority: high"):
        assert kept in now.source


async def test_mistakes_lead_to_their_rule(enter: Enter, desk: Desk, admins: Mapping[str, int]) -> None:
    number = await a_draft(
        desk.store,
        admins["anna"],
        ("do: {queue: pracodawcy}", "do: {queue: pracodawcyy}"),
    )
    page = await enter(admins["anna"], dark=True)
    await page.goto(f"/admin/rules/drafts/{number}/publish")
    await expect(page.get_by_text("1 błąd stoi na przeszkodzie publikacji.")).to_be_visible()
    await expect(page.get_by_role("button", name="Opublikuj teraz")).to_have_count(0)
    await clean(page, "mistakes-dark")
    await page.get_by_role("link", name="Przedsiębiorcy").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Przedsiębiorcy")
