"""The audit log in Chromium: who did what to whom can be read in one line each, however long the details are."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from hub.audit import record
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.web.desk import Desk
from tests.browser.signed_in import clean, enter

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LINES = """cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return new Set([...range.getClientRects()].map((one) => Math.round(one.top))).size;
}"""
"""How many lines the text of a cell takes."""


async def test_a_name_stands_in_one_line(
    browser: Browser, server: TestServer, desk: Desk, sqlite_store: Store, people: dict[str, int]
) -> None:
    boss = people["administrator"]

    def command(tx: Tx) -> None:
        tx.change(schema.user, boss, name="Aleksandra Wrona")
        details = {"queues": [f"kolejka-numer-{number}" for number in range(40)]}
        record(tx, boss, "rules-publish-called-off", f"user:{boss}", details)
        record(tx, boss, "queues-set", f"user:{boss}", details)

    await sqlite_store.write(command)
    page = await enter(browser, server, desk, boss)
    await page.goto("/admin/audit")
    for column in (2, 4):
        cells = page.locator(f"tbody td:nth-child({column})").filter(has_text="Aleksandra")
        lines = [await cell.evaluate(LINES) for cell in await cells.all()]
        assert len(lines) >= 2 and set(lines) == {1}, column
    for width in (320, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        await clean(page, width)
