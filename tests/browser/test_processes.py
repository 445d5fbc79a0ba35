"""The processes that share a store: seen beside the inboxes, in both themes, on a narrow screen, to a screen reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from hub.cluster import leases, members
from hub.cluster.members import Me
from hub.cluster.roles import Role
from hub.store.tx import Tx
from tests.browser.desk_console import console
from tests.browser.shots import shot
from tests.servers.browser import axe_violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = 3600_000_000
MAILS = [f"inbox:pup-{name}" for name in ("bialystok", "grudziadz", "jelenia-gora", "siemianowice-slaskie")]


def seed(tx: Tx) -> None:
    """A process for people, one for mail, one that has ended: nobody minds the deadlines."""
    roles: dict[str, tuple[Role, ...]] = {
        "web-1": ("web",),
        "poczta-1": ("connectors", "outbox"),
        "web-2": (),
    }
    for name, has in roles.items():
        me = Me(name=name, boot="1", home=name, roles=has, version="0.5.0" if has else "0.4.9")
        members.enter(tx, me, LONG)
        if "connectors" in has:
            leases.take(tx, me.id, MAILS, LONG)
    other = Me(name="poczta-2", boot="1", home="x", roles=("connectors",), version="0.5.0")
    members.enter(tx, other, LONG)
    leases.take(tx, other.id, [f"inbox:pup-{number}" for number in range(1, 171)], LONG)


async def test_who_does_what_and_what_nobody_does(tmp_path: Path, browser: Browser) -> None:
    async with console(tmp_path) as here:
        await here.store.write(seed)
        page = await here.enter(browser, "ewa")
        await page.goto(f"{here.url}/inboxes")
        section = page.get_by_role("region", name="Procesy")
        told = await section.inner_text()
        assert "poczta-1" in told and "inbox:pup-bialystok" in told and "odbieranie ze skrzynek" in told
        assert "Kończy pracę" in told and "kilka wersji" in told
        many = section.get_by_text("170", exact=True)
        await expect(section.get_by_text("inbox:pup-99")).to_be_hidden()
        await many.click()
        await expect(section.get_by_text("inbox:pup-99")).to_be_visible()
        missing = await page.locator(".attention").inner_text()
        assert "Żaden proces tego nie robi: terminy, wyszukiwanie i porządki" in missing
        assert await axe_violations(page) == []
        await shot(page, "processes")
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await axe_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await shot(page, "processes-dark-320")


async def test_where_one_process_does_everything_there_is_nothing_to_share_out(
    tmp_path: Path, browser: Browser
) -> None:
    async with console(tmp_path) as here:
        page = await here.enter(browser, "ewa")
        await page.goto(f"{here.url}/inboxes")
        await expect(page.get_by_role("region", name="Procesy")).to_have_count(0)
