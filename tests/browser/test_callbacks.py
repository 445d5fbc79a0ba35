"""A call from its order to its end, and the contact form, through the whole hub in Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from connectors.contract import Micros
from hub import logs
from hub.app import Hub
from hub.clock import SystemClock
from hub.directory import directory
from hub.people import passwords
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from tests.browser.whole_hub import PASSWORD, WholeHub
from tests.browser.whole_hub import _config as config_of
from tests.hub.callbacks.desk import at, shown
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink
from tests.wordforms import keep_forms, known_rules, lend_forms

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

ORDER = "/embed/callback/oddzwonienie"
FORM = "/embed/form/formularz"


class MovedClock(SystemClock):
    """The machine's clock, moved to a Monday morning, and further when a test says so."""

    def __init__(self) -> None:
        self._ahead = at("2026-11-16 10:00") - time.time_ns() // 1000

    def now(self) -> Micros:
        return Micros(time.time_ns() // 1000 + self._ahead)

    def jump(self, to: str) -> None:
        """To a moment in Warsaw."""
        self._ahead += at(to) - self.now()


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest_asyncio.fixture(loop_scope="module")
async def hub(tmp_path: Path, mailsink: MailSink, clock: MovedClock) -> AsyncIterator[WholeHub]:
    """A hub on Monday at ten, with two agents who work all queues."""
    config = config_of(tmp_path, mailsink)
    os.makedirs(config.hub.data_dir)
    lend_forms(Path(config.hub.data_dir))
    hub = Hub(lambda: config, clock, random.Random(7), logs.logger)
    with known_rules():
        await hub.start()
    keep_forms(Path(config.hub.data_dir))

    def hire(tx: Tx) -> None:
        for login in ("anna", "ewa"):
            person = add_user(tx, SYSTEM, login, login.title(), "agent", "krajowa", hashed, "pl")
            set_queues(
                tx,
                SYSTEM,
                directory(config),
                person,
                ("informacja", "cudzoziemcy", "bezrobotni", "pracodawcy"),
            )

    try:
        hashed = passwords.hash_password(PASSWORD)
        await hub.store.write(hire)
        yield WholeHub(hub, mailsink, io.StringIO())
    finally:
        await hub.stop()


@contextlib.asynccontextmanager
async def citizen(browser: Browser, *, javascript: bool = False, **options: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(java_script_enabled=javascript, locale="pl-PL", **options)
    yield await context.new_page()
    await context.close()


async def order(page: Page, hub: WholeHub, *, phone: str = "600 700 800", when: str = "soon") -> None:
    """Fill in the form and send it."""
    await page.goto(hub.public + ORDER)
    await page.fill("input[name=phone]", phone)
    await page.select_option("select[name=time]", when)
    await page.select_option("select[name=topic]", "Inna sprawa")
    await page.fill("input[name=name]", "Jan Kowalski")
    await page.fill("input[name=email]", "jan@example.org")
    await page.check("input[name=consent]")
    await page.click("main button")


async def call_row(hub: WholeHub) -> Any:
    rows = await hub.hub.store.read(lambda tx: tx.rows(select(schema.callback)))
    assert len(rows) == 1
    return rows[0]


async def until_state(hub: WholeHub, state: str) -> Any:
    for _ in range(600):
        row = await call_row(hub)
        if row.state == state:
            return row
        await asyncio.sleep(0.05)
    raise AssertionError(f"the call is {row.state}, not {state}")


async def mails_to(hub: WholeHub, address: str, count: int) -> list[str]:
    """Texts of the mails that an address got, once there are ``count``."""
    for _ in range(600):
        found = [mail.message.get_body(("plain",)) for mail in hub.mails.mails if address in mail.recipients]
        if len(found) >= count:
            return [str(body.get_content()) for body in found if body is not None]
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(found)} of {count} mails came")


async def test_a_call_from_order_to_end(hub: WholeHub, browser: Browser, clock: MovedClock) -> None:
    async with citizen(browser) as page:
        await order(page, hub, phone="700 123 456")
        await expect(page.locator("#phone-error")).to_be_visible()
        assert await page.input_value("input[name=name]") == "Jan Kowalski"
        assert await page.input_value("select[name=topic]") == "Inna sprawa"
        await page.fill("input[name=phone]", "600 700 800")
        await page.select_option("select[name=time]", str(at("2026-11-16 11:00") // 1_000_000))
        await page.click("main button")
        await page.wait_for_url("**/thanks?*")
        told = await page.inner_text("main")
        assert re.search(r"[2-9A-Z]{3}-[2-9A-Z]{3}-[2-9A-Z]{3}", told)
        assert "poniedziałek, 16 listopada, godz. 11:00" in told
        await page.reload()
    [confirmation] = await mails_to(hub, "jan@example.org", 1)
    assert "11:00" in confirmation and "600" not in confirmation

    anna = await hub.enter(browser, "anna")
    await anna.goto(f"{hub.console}/callbacks")
    await expect(anna.locator("#call-now")).to_have_attribute("data-call", "")
    assert await axe_violations(anna) == []
    clock.jump("2026-11-16 11:00")
    await expect(anna.locator("#call-now")).to_have_attribute("data-state", "offered")
    await expect(anna.locator("a.call__number")).to_have_attribute("href", "tel:+48600700800")
    assert await axe_violations(anna) == []
    await anna.click('form[action$="/no-answer"] button')  # one click, and the next attempt is set
    row = await until_state(hub, "retry-wait")
    assert shown(row.due_at).startswith("2026-11-16 13:0")
    [_, missed] = await mails_to(hub, "jan@example.org", 2)
    link = re.search(r"http://\S+/call/\w+", missed)
    assert link

    async with citizen(browser) as page:
        await page.goto(link[0])
        assert await axe_free(browser, link[0]) == []
        assert (await call_row(hub)).version == row.version  # looking changes nothing
        await page.select_option("select[name=time]", str(at("2026-11-17 09:00") // 1_000_000))
        await page.click("fieldset button >> nth=0")
        await page.wait_for_url("**news=moved")
        assert "wtorek, 17 listopada, godz. 09:00" in await page.inner_text("main")

    clock.jump("2026-11-17 09:00")
    anna = await hub.enter(browser, "anna")  # a night has passed, and with it the session
    await anna.goto(f"{hub.console}/callbacks")
    await expect(anna.locator("#call-now")).to_have_attribute("data-state", "offered")
    for key, state in (("d", "dialling"), ("y", "in-call"), ("h", "wrap-up")):
        await anna.keyboard.press(key)
        await expect(anna.locator("#call-now")).to_have_attribute("data-state", state)
        assert await axe_violations(anna) == []
        if state == "in-call":
            await anna.fill("textarea[name=note]", "Pytała o druk")
            await anna.locator("h1").click()
    assert await anna.input_value("textarea[name=note]") == "Pytała o druk"  # written while they talked
    await anna.fill("input[name=topic]", "Zasiłek")
    await anna.click('form[action$="/finish"] button')
    row = await until_state(hub, "done")
    assert row.attempts == 2
    assert len(await mails_to(hub, "jan@example.org", 4)) == 4


async def test_news_never_touches_what_an_agent_writes(hub: WholeHub, browser: Browser) -> None:
    async with citizen(browser) as page:
        await order(page, hub)
        await page.wait_for_url("**/thanks?*")
        anna = await hub.enter(browser, "anna")
        await anna.goto(f"{hub.console}/callbacks")
        now, coming = anna.locator("#call-now"), anna.locator("#call-lists section:last-child li")
        await expect(now).to_have_attribute("data-state", "offered")
        await anna.evaluate(
            "document.querySelector('a[data-dials]').addEventListener('click', e => e.preventDefault())"
        )
        await anna.press("a[data-dials]", "Enter")  # the number itself: dialling is noted with it
        await expect(now).to_have_attribute("data-state", "dialling")
        await expect(now).to_be_focused()
        await anna.keyboard.press("y")
        await expect(now).to_have_attribute("data-state", "in-call")
        await expect(now).to_be_focused()
        await anna.fill("textarea[name=note]", "Prosi o druk")
        await order(page, hub, phone="600 700 801", when=str(at("2026-11-17 09:00") // 1_000_000))
        await page.wait_for_url("**/thanks?*")
    await expect(coming).to_have_count(1)
    assert await anna.input_value("textarea[name=note]") == "Prosi o druk"
    assert await anna.evaluate("document.activeElement.name") == "note"
    await anna.hover("#call-lists li")
    async with citizen(browser) as page:
        await order(page, hub, phone="600 700 802", when=str(at("2026-11-17 10:00") // 1_000_000))
        await page.wait_for_url("**/thanks?*")
    await expect(anna.locator("#call-refresh")).to_be_visible()
    await expect(coming).to_have_count(1)
    await anna.press("#call-refresh", "Enter")
    await expect(coming).to_have_count(2)
    await expect(now).to_be_focused()
    assert await anna.input_value("textarea[name=note]") == "Prosi o druk"


async def test_an_agent_without_javascript(hub: WholeHub, browser: Browser) -> None:
    async with citizen(browser) as page:
        await order(page, hub)
        await page.wait_for_url("**/thanks?*")
    await hub.enter(browser, "ewa")
    await until_state(hub, "offered")
    agent = await hub.enter(browser, "ewa", java_script_enabled=False)
    await agent.goto(f"{hub.console}/callbacks")
    for deed in ("dial", "answer", "hang-up", "finish"):
        await agent.click(f'form[action$="/{deed}"] button')
    await until_state(hub, "done")


async def axe_free(browser: Browser, address: str) -> list[str]:
    """What axe finds on a public page, in both colour schemes and on a narrow screen."""
    found = []
    for scheme in ("light", "dark"):
        view: Any = {"width": 320, "height": 640}
        context = await browser.new_context(color_scheme=scheme, viewport=view, bypass_csp=True)
        page = await context.new_page()
        await page.goto(address)
        found += await axe_violations(page)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, "the page scrolls sideways"
        await context.close()
    return found


async def test_public_pages_are_for_everyone(hub: WholeHub, browser: Browser) -> None:
    for path in (ORDER, f"{ORDER}?lang=en", FORM, f"{FORM}?lang=en", f"{ORDER}/call/wrong"):
        assert await axe_free(browser, hub.public + path) == [], path


async def test_the_contact_form_without_javascript(hub: WholeHub, browser: Browser, tmp_path: Path) -> None:
    paper = tmp_path / "zaświadczenie.pdf"
    paper.write_bytes(b"%PDF-1.7 specimen")
    async with citizen(browser) as page:
        await page.goto(hub.public + FORM)
        await page.fill("input[name=email]", "ola(at)example.org")
        await page.fill("input[name=subject]", "Zasiłek")
        await page.fill("textarea[name=message]", "Kiedy wypłata?")
        await page.click("main button")
        await expect(page.locator(".problems a")).to_have_count(2)
        assert await page.input_value("textarea[name=message]") == "Kiedy wypłata?"
        await page.fill("input[name=email]", "ola@example.org")
        await page.set_input_files("input[name=files]", paper)
        await page.check("input[name=consent]")
        await page.click("main button")
        await page.wait_for_url("**/thanks?*")
        reference = await page.inner_text(".number")
        await page.reload()
        assert await page.inner_text(".number") == reference
    rows = await hub.hub.store.read(lambda tx: tx.rows(select(schema.attachment.c.filename)))
    assert [row.filename for row in rows] == ["zaświadczenie.pdf"]
    matters = await hub.hub.store.read(lambda tx: tx.rows(select(schema.conversation.c.reference)))
    assert [row.reference for row in matters] == [reference]
    [mail] = await mails_to(hub, "ola@example.org", 1)
    assert reference in mail


async def test_a_double_click_with_javascript_is_one_message(hub: WholeHub, browser: Browser) -> None:
    async with citizen(browser, javascript=True) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        await page.goto(hub.public + FORM)
        await page.fill("input[name=email]", "ola@example.org")
        await page.fill("input[name=subject]", "Zasiłek")
        await page.fill("textarea[name=message]", "Kiedy wypłata?")
        await page.check("input[name=consent]")
        await page.dblclick("main button")
        await page.wait_for_url("**/thanks?*")
        assert errors == []
    rows = await hub.hub.store.read(
        lambda tx: tx.rows(select(schema.message).where(schema.message.c.kind == "inbound"))
    )
    assert len(rows) == 1


async def test_the_form_in_the_frame_of_a_site(hub: WholeHub, browser: Browser) -> None:
    """A site that is not named may not show it; the hub's own origin may."""
    async with citizen(browser, javascript=True) as page:
        await page.route(
            "https://evil.example/**",
            lambda route: route.fulfill(
                content_type="text/html", body=f'<iframe src="{hub.public}{FORM}"></iframe>'
            ),
        )
        await page.goto("https://evil.example/")
        frame = page.frames[-1]
        with contextlib.suppress(Exception):
            await frame.wait_for_load_state()
        assert await frame.locator("textarea[name=message]").count() == 0
