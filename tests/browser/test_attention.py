"""What needs attention beside the inboxes: shown above them, in both themes, on a narrow screen, to a screen reader."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from hub.ruleset.hits import Tally, write_hits
from rules import Actions, Decision, Fault, Trace
from rules.text import Text
from tests.browser.desk_console import console
from tests.servers.browser import axe_violations, chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WHY = Text("{name} is not known", {"name": "queue_load.informacja"})


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_rule_that_cannot_be_evaluated_is_seen(
    scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    tally = Tally()
    tally.add(Decision(actions=Actions(), trace=Trace(), faults=(Fault("employers", WHY),)))
    async with console(tmp_path) as here, chromium() as browser:
        await here.store.write(lambda tx: write_hits(tx, [tally]))
        page = await here.enter(browser, "ewa", color_scheme=scheme)
        await page.goto(f"{here.url}/inboxes")
        item = page.locator(".attention__item")
        assert "queue_load.informacja" in await item.inner_text()
        assert "Teraz" in await item.inner_text()
        assert await axe_violations(page) == []
        await page.screenshot(path=tmp_path / f"attention-{scheme}.png")
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await page.screenshot(path=tmp_path / f"attention-{scheme}-320.png")
