"""What fits into a message is told while it is written, as the channel declares it: in Chromium, channel by channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, expect

from connectors.contract import Capabilities
from hub.store.tx import Tx
from tests.browser.desk_console import Console, console
from tests.browser.shots import shot
from tests.hub.desk.conftest import desk_house
from tests.hub.specimen import add_conversation
from tests.servers.browser import axe_violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]


CHANNELS = {
    "sms": Capabilities(reaches=("phone",), max_length=650, splits=True, segments=10, cost_per_segment=16),
    "parts": Capabilities(reaches=("phone",), max_length=4096, splits=True),
    "bytes": Capabilities(reaches=("phone",), max_length=1000, counts="utf8", splits=True),
    "short": Capabilities(reaches=("phone",), max_length=500),
}

SAID = {
    "sms": [
        ("Dzien dobry", "11 / 160 · 1 SMS · 0,16\xa0zł"),
        ("Dzień dobry {x}", "15 / 70 · 1 SMS · 0,16\xa0zł"),
        ("[a]", "5 / 160 · 1 SMS · 0,16\xa0zł"),
        ("a" * 161, "161 / 306 · 2 SMS · 0,32\xa0zł"),
        ("ą" * 71, "71 / 134 · 2 SMS · 0,32\xa0zł"),
        ("ą" * 651, "651 / 670 · 10 SMS · 1,60\xa0zł · wiadomości: 2"),
    ],
    "parts": [("ą" * 4096, "4096 / 4096"), ("ą" * 4097, "4097 / 4096 · wiadomości: 2")],
    "bytes": [("ą" * 500, "1000 / 1000"), ("😀" * 251, "1004 / 1000 · wiadomości: 2")],
    "short": [("", "0 / 500"), ("a" * 500, "500 / 500"), ("a" * 503, "503 / 500 · za długie o 3")],
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    """The desk's house with a channel of each kind of limit."""
    plain = desk_house()
    sms = plain.directory.inboxes["sms"]
    more = {name: msgspec.structs.replace(sms, id=name, name=name) for name in CHANNELS}
    directory = msgspec.structs.replace(plain.directory, inboxes={**plain.directory.inboxes, **more})
    capabilities = {**plain.capabilities, **CHANNELS}
    channels = {**plain.channels, **{name: name for name in CHANNELS}}
    house = msgspec.structs.replace(plain, directory=directory, capabilities=capabilities, channels=channels)
    async with console(tmp_path, house=house) as running:
        yield running


def begun(tx: Tx, *, inbox: str, phone: str) -> int:
    """A conversation on one of the channels."""
    return add_conversation(tx, phone=phone, inbox=inbox, channel=inbox)


async def test_what_fits_is_told_by_the_channels_own_measure(desk: Console, browser: Browser) -> None:
    page = await desk.enter(browser)
    length, field = page.locator("#reply-form [data-length]"), page.locator("#reply-text")
    for number, (inbox, cases) in enumerate(SAID.items()):
        found = await desk.seed(partial(begun, inbox=inbox, phone=f"+4850150250{number}"))
        await page.goto(f"{desk.url}/conversations/{found}")
        for text, said in cases:
            await field.fill(text)
            await expect(length).to_have_text(said)
        await shot(page, f"length-{inbox}", full_page=False)

    over = page.locator("#reply-form [data-too-long-said]")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(over).to_have_text("Treść jest dłuższa, niż przyjmuje ten kanał.")
    assert await axe_violations(page) == []
    await field.press("Control+Enter")
    await expect(page.locator("#reply-error")).to_contain_text("Treść jest dłuższa")
    await field.fill("a" * 500)
    await expect(field).not_to_have_attribute("aria-invalid", "true")
    await expect(over).to_be_empty()
