"""The comment section in a foreign page: framed by script or by hand, without cookies, accessible in every state."""

from __future__ import annotations

import contextlib
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Frame, Page, expect

from connectors._widget import SHARED
from connectors.comments.settings import Settings
from hub.moderation import answers
from hub.store.sqlite import SqliteStore
from tests.hub.conftest import FakeClock
from tests.hub.moderation.site import Site, section
from tests.hub.moderation.world import World
from tests.servers.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

SCRIPT_LIMIT = 15_000


@pytest_asyncio.fixture(loop_scope="module")
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    store = SqliteStore(tmp_path / "centrala.db", clock)
    await store.open()
    yield await World(store, clock).open()
    await store.close()


class Host:
    """A page of another site: for the browser another host, on another port. ``body`` may be set later."""

    def __init__(self) -> None:
        self.body = ""
        self.origin = ""

    async def serve(self, _: web.Request) -> web.Response:
        text = f'<!doctype html><html lang="pl"><title>Artykuł</title><h1>Artykuł</h1>{self.body}'
        return web.Response(text=text, content_type="text/html")


@contextlib.asynccontextmanager
async def foreign() -> AsyncIterator[Host]:
    """A running foreign page at ``/artykul``."""
    host, app = Host(), web.Application()
    app.router.add_get("/artykul", host.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.origin = f"http://localhost:{runner.addresses[0][1]}"
    try:
        yield host
    finally:
        await runner.cleanup()


async def frame_of(page: Page) -> Frame:
    """The frame of the section, loaded."""
    element = await page.wait_for_selector("iframe")
    assert element is not None
    frame = await element.content_frame()
    assert frame is not None
    await frame.wait_for_load_state()
    return frame


async def write(frame: Frame, text: str) -> None:
    await frame.fill("textarea[name=text]", text)
    await frame.fill("input[name=name]", "Anna")
    await frame.check("input[name=consent]")
    await frame.click("form.write button")
    await frame.wait_for_url("**news=*")


def plain_frame(site: Site) -> str:
    """The section in a frame that a site writes by hand."""
    return f'<iframe src="{site.url}?article=zasilek&amp;title=Zasi%C5%82ek" title="Komentarze"></iframe>'


async def test_a_foreign_page_that_is_not_named_may_not_frame_it(world: World, browser: Browser) -> None:
    settings = Settings(origins=("https://praca.example.pl",))
    async with section(world, settings) as site, foreign() as host:
        host.body = plain_frame(site)
        page = await browser.new_page()
        async with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            await page.goto(f"{host.origin}/artykul")


async def test_framed_by_hand_without_javascript(world: World, browser: Browser) -> None:
    async with foreign() as host, section(world, Settings(origins=(host.origin,))) as site:
        host.body = plain_frame(site)
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{host.origin}/artykul")
        frame = await frame_of(page)
        await write(frame, "Z ramki innej strony")
        assert "Z ramki innej strony" in await frame.inner_text(".thread")
        assert await context.cookies(site.root) == [], (
            "a frame of another site keeps no cookie (SameSite=Lax)"
        )


async def test_framed_by_the_script(world: World, browser: Browser) -> None:
    async with foreign() as host, section(world, Settings(origins=(host.origin,))) as site:
        source = f"{site.url}/static/embed.js"
        host.body = f'<script src="{source}" data-article="zasilek" data-title="Zasiłek" defer></script>'
        page = await browser.new_page()
        await page.goto(f"{host.origin}/artykul")
        frame = await frame_of(page)
        await write(frame, "Z ramki innej strony")
        assert "Z ramki innej strony" in await frame.inner_text(".thread")
        height = await frame.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)")
        await expect(page.locator("iframe")).to_have_attribute("height", str(height))
        assert f"url={quote(host.origin + '/artykul', safe='')}" in str(
            await page.get_attribute("iframe", "src")
        )


async def in_sight(frame: Frame, selector: str) -> None:
    """Wait until something in a frame is in the window, however the page around is scrolled."""
    looks = """async (selector) => {
        const element = document.querySelector(selector);
        const seen = new Promise((done) => new IntersectionObserver(([entry]) => done(entry)).observe(element));
        return (await seen).intersectionRatio > 0.9;
    }"""
    await frame.wait_for_function(looks, arg=selector, polling=100)


async def test_the_page_around_follows_to_what_a_link_or_a_form_led_to(
    world: World, browser: Browser
) -> None:
    for number in range(12):
        await world.comment(f"Pytanie {number} o zasiłek", by=f"v{number}")
    async with foreign() as host, section(world, Settings(origins=(host.origin,))) as site:
        script = f'<script src="{site.url}/static/embed.js" data-article="zasilek"></script>'
        host.body = f'<p style="height: 900px">Tekst</p>{script}<p style="height: 900px">Stopka</p>'
        page = await browser.new_page(locale="pl-PL", viewport={"width": 360, "height": 640})
        await page.goto(f"{host.origin}/artykul")
        frame = await frame_of(page)
        await expect(page.locator("iframe")).to_have_attribute(
            "height", re.compile(r"\d{4}")
        )  # as tall as it needs
        assert await page.evaluate("scrollY") == 0
        box = await frame.get_by_role("link", name="Odpowiedz").nth(5).bounding_box()
        assert box is not None
        await page.evaluate(f"scrollTo(0, {box['y'] - 300})")
        await frame.get_by_role("link", name="Odpowiedz").nth(5).click()
        await frame.wait_for_url("**reply=*")
        await in_sight(frame, "textarea[name=text]")
        await page.evaluate("scrollBy(0, -100)")
        await write(frame, "Też o to pytam.")
        await in_sight(frame, "#news")
        await expect(frame.locator("#news")).to_be_focused()


async def test_every_state_is_accessible(world: World, browser: Browser) -> None:
    asked = await world.comment("Czy zasiłek przysługuje po roku pracy?", by="v2")
    await world.comment("Ja też pytam.", by="v3", parent=asked)
    await world.store.write(
        lambda tx: answers.answer_in_public(tx, world.house, world.anna, asked, "Tak.", client_id="c1")
    )
    refused = await world.comment("Debile", by="v1")
    await world.decide("reject", refused, reason="abuse")
    me = world.house.tokens.sign("visitor", "v1")
    async with section(world) as site:
        for scheme in ("light", "dark"):
            context = await browser.new_context(
                viewport={"width": 320, "height": 800},
                color_scheme=scheme,
            )
            page = await context.new_page()
            for query in (f"reply={asked}", f"me={me}", f"me={me}&appeal={refused}", "lang=en", "article="):
                await page.goto(f"{site.url}?article=zasilek&{query}")
                if await page.locator("details").count():
                    await page.locator("details summary").first.click()
                assert await axe_violations(page) == [], (scheme, query)
                assert await page.evaluate("document.documentElement.scrollWidth") <= 320
            await page.goto(f"{site.url}?article=zasilek")
            await page.locator("form.write").evaluate("form => form.noValidate = true")
            await page.click("form.write button")
            await expect(page.locator(".problems")).to_be_focused()
            assert await axe_violations(page) == []


async def test_scripts_are_small() -> None:
    scripts = [*(SHARED / "static").glob("*.js")]
    assert scripts
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) <= SCRIPT_LIMIT
