"""Chromium from Debian's packages, driven by Playwright, and axe run inside its pages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.servers.process import need

PROGRAM = PACKAGES = "chromium-headless-shell"
"""Chromium's engine without the windows around it: it takes a third of the processor time to start and to close."""

ARGUMENTS = [
    "--no-sandbox",  # a sandbox cannot be set up by root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # nothing but what the test asks for goes over the wire
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
# Text that fades in has too little contrast until it has. Only what is wrong is put together and handed over: all that
# is right would take a long page several times as long as the looking.
LOOK = """async () => {
    await Promise.allSettled(document.getAnimations()
        .filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map((one) => one.finished));
    const found = await axe.run({
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
        resultTypes: ["violations"],
        selectors: false,
    });
    return found.violations.flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${node.html.slice(0, 160)}`));
}"""
PATIENCE = 30_000
"""Milliseconds that a page has to show what is expected of it, as it has for clicks: a loaded machine is slow, and what
is there is seen at once."""

expect.set_options(timeout=PATIENCE)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless browser. Skips, or on CI fails, where there is none."""
    program = need(PROGRAM, PACKAGES)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


async def axe_violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.1 AA on a page as it is now, one line for each element."""
    if not AXE.exists():
        pytest.fail("axe-core is missing; fetch it with: npm ci", pytrace=False)
    if not await page.evaluate("typeof axe === 'object'"):
        # Evaluated, not added as an element: the page's own content security policy forbids inline scripts.
        await page.evaluate(AXE.read_text())
    found: list[str] = await page.evaluate(LOOK)
    return found
