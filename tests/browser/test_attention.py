"""What needs attention beside the inboxes: shown above them, in both themes, on a narrow screen, to a screen reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from hub.ruleset.hits import Tally, write_hits
from rules import Actions, Decision, Fault, Trace
from rules.text import Text
from tests.browser.desk_console import console
from tests.browser.shots import shot
from tests.servers.browser import axe_violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WHY = Text("{name} is not known", {"name": "queue_load.informacja"})


async def test_a_rule_that_cannot_be_evaluated_is_seen(tmp_path: Path, browser: Browser) -> None:
    tally = Tally()
    tally.add(Decision(actions=Actions(), trace=Trace(), faults=(Fault("employers", WHY),)))
    async with console(tmp_path) as here:
        await here.store.write(lambda tx: write_hits(tx, [tally]))
        page = await here.enter(browser, "ewa")
        await page.goto(f"{here.url}/inboxes")
        item = page.locator(".attention__item")
        await expect(item).to_contain_text("queue_load.informacja")
        await expect(item).to_contain_text("Teraz")
        assert await axe_violations(page) == []
        await shot(page, "attention")
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await axe_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await shot(page, "attention-dark-320")
