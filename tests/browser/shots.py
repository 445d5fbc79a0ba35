"""Pictures of what a browser shows, for people to look at: only where ``CENTRALA_SHOTS`` names a folder."""

from __future__ import annotations

import os

from playwright.async_api import Page

SHOTS = os.environ.get("CENTRALA_SHOTS", "")


async def shot(page: Page, name: str, *, full_page: bool = True) -> None:
    """Keep a picture of the page under a name."""
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=full_page)
