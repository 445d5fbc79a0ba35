"""Comments from a reader without JavaScript to the moderator's keys and back, through the whole hub in Chromium."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy import MetaData, Table, func, select
from sqlalchemy.engine import Row
from sqlalchemy.exc import SAWarning

from hub.store import schema
from hub.store.tx import Reader
from tests.browser.boxes import meets
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

ARTICLE = {"article": "zasilek-2026", "title": "Zasiłek krok po kroku", "section": "poradnik"}
ABUSE = "Ta złodziejka z PUP w Łomży ukradła mi zasiłek! Mój PESEL 44051401359, sprawdźcie, debile."
PESEL = "44051401359"


@pytest_asyncio.fixture(loop_scope="module")
async def hub(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[WholeHub]:
    async with whole_hub(tmp_path, mailsink) as running:
        yield running


class Citizen:
    """A reader whose browser runs no JavaScript."""

    def __init__(self, hub: WholeHub, page: Page) -> None:
        self.page = page
        self.address = f"{hub.public}/embed/comments/komentarze?{urlencode(ARTICLE)}"

    async def open(self) -> str:
        """The article's section; its text."""
        await self.page.goto(self.address)
        return await self.page.inner_text("main")

    async def write(self, text: str, *, name: str, email: str = "") -> str:
        """Post a comment; the text of the page that answers."""
        await self.open()
        await self.page.fill("textarea[name=text]", text)
        await self.page.fill("input[name=name]", name)
        await self.page.fill("input[name=email]", email)
        await self.page.check("input[name=consent]")
        await self.page.click("form.write button")
        await self.page.wait_for_url("**news=*")
        return await self.page.inner_text("main")


async def citizen(hub: WholeHub, browser: Browser) -> Citizen:
    context = await browser.new_context(java_script_enabled=False, locale="pl-PL")
    return Citizen(hub, await context.new_page())


async def bench(hub: WholeHub, browser: Browser, login: str = "redakcja") -> Page:
    """The moderation bench of a logged-in moderator."""
    page = await hub.enter(browser, login)
    await page.goto(f"{hub.console}/moderation")
    return page


async def test_posted_held_published_seen_answered(hub: WholeHub, browser: Browser) -> None:
    author, reader = await citizen(hub, browser), await citizen(hub, browser)
    told = await author.write("Czy zasiłek przysługuje po roku pracy?", name="Marek")
    assert "zatwierdzenie" in told and "Czy zasiłek przysługuje" in told
    assert "Czy zasiłek przysługuje" not in await reader.open()

    page = await bench(hub, browser)
    await expect(page.locator(".post")).to_contain_text("Czy zasiłek przysługuje po roku pracy?")
    await page.keyboard.press("p")
    await expect(page.locator(".post")).to_have_count(0)
    assert "Czy zasiłek przysługuje po roku pracy?" in await reader.open()

    await page.goto(f"{hub.console}/moderation?show=published")
    await page.keyboard.press("r")
    await page.keyboard.type("Tak, jeśli opłacano składki przez 365 dni.")
    await page.click(".answer form button")
    await expect(page.locator(".post", has_text="opłacano składki")).to_have_count(0)
    await expect(page.locator("#toasts")).to_contain_text(re.compile("odpowiedź", re.IGNORECASE))
    seen = await reader.open()
    assert "Tak, jeśli opłacano składki przez 365 dni." in seen
    assert "Infolinia urzędów pracy" in seen
    [state] = await until_settled(hub)
    assert state == "delivered"


async def until_settled(hub: WholeHub) -> list[str]:
    """States of all deliveries, once none is on its way."""
    for _ in range(600):
        rows = await hub.hub.store.read(lambda tx: tx.rows(select(schema.delivery.c.state)))
        if rows and not {row.state for row in rows} & {"queued", "held", "sending"}:
            return [str(row.state) for row in rows]
        await asyncio.sleep(0.05)
    raise AssertionError("deliveries are still on their way")


async def test_the_day_of_the_abusive_comment(hub: WholeHub, browser: Browser) -> None:
    author, reader = await citizen(hub, browser), await citizen(hub, browser)
    pages = [await author.write(ABUSE, name="Zły", email="zly@example.org")]
    pages.append(await reader.open())
    assert "debile" not in pages[-1]

    page = await bench(hub, browser)
    shown = await page.inner_text(".post")
    assert "440••••••••" in shown
    pages.append(await page.content())
    await page.keyboard.press("o")
    await expect(page.locator(".post a[href^='/conversations/']")).to_have_count(1)
    private = str(await page.get_attribute(".post a[href^='/conversations/']", "href"))
    reference = (await one(hub, schema.conversation, int(private.rsplit("/", 1)[1]))).reference
    await expect(page.locator(".toast")).to_contain_text(reference)
    await page.keyboard.press("d")
    await page.keyboard.press("1")
    await expect(page.locator(".post")).to_have_count(0)

    [mail] = await hub.mails.wait_for(1)
    letter = mail.message.get_body(("plain",))
    assert letter is not None and mail.recipients == ("zly@example.org",)
    words = letter.get_content()
    appeal = re.findall(r"https?://\S+", words)[0]
    pages += [words, await author.open()]
    assert "Nieopublikowany" in pages[-1] or "nie został opublikowany" in pages[-1].lower()

    conversation = await one(hub, schema.conversation, int(private.rsplit("/", 1)[1]))
    assert (conversation.queue, conversation.listed, conversation.status) == ("bezrobotni", True, "open")
    agent = await hub.enter(browser, "konsultant")
    for address in (private, "/inbox", "/search?q=ukradła", "/moderation"):
        await agent.goto(hub.console + address)
        pages.append(await agent.content())
    await agent.goto(f"{hub.console}/search?q={PESEL}")
    await expect(agent.locator(".hit")).to_have_count(0)

    await author.page.goto(appeal)
    await author.page.fill("form.write textarea", "Proszę o ponowne sprawdzenie.")
    await author.page.click("form.write button")
    pages.append(await author.page.inner_text("main"))
    second = await bench(hub, browser, "redakcja2")
    await expect(second.locator(".post")).to_contain_text("Proszę o ponowne sprawdzenie.")
    await second.keyboard.press("d")
    await second.keyboard.press("1")
    await expect(second.locator(".post")).to_have_count(0)

    clean = await author.write("Nie dostałem zasiłku z PUP w Łomży, proszę o sprawdzenie.", name="Zły")
    assert "zatwierdzenie" in clean
    await second.goto(f"{hub.console}/moderation")
    await expect(second.locator(".post")).to_have_count(1)
    await second.keyboard.press("p")
    await expect(second.locator(".post")).to_have_count(0)
    pages.append(await reader.open())
    assert "Nie dostałem zasiłku" in pages[-1]

    for number, text in enumerate(pages):
        assert PESEL not in text.replace(" ", ""), f"page {number}"
    assert PESEL not in hub.log.getvalue()
    for received in hub.mails.mails:
        assert PESEL.encode() not in received.content
    assert await places_of(hub, PESEL) == ["raw.content"]


async def one(hub: WholeHub, table: Table, number: int) -> Row[Any]:
    row = await hub.hub.store.read(lambda tx: tx.row(select(table).where(table.c.id == number)))
    assert row is not None
    return row


async def places_of(hub: WholeHub, text: str) -> list[str]:
    """Every column of the database in which ``text`` stands, the engine's own search index included."""

    def query(tx: Reader) -> list[str]:
        found = []
        everything = MetaData()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", SAWarning
            )  # indexes over expressions are left out, columns are not
            everything.reflect(tx.connection)
        for table in everything.sorted_tables:
            for column in table.columns:
                # Of a text SQLite compares characters, of a blob bytes.
                wanted = (func.instr(column, text) > 0) | (func.instr(column, text.encode()) > 0)
                number = tx.scalar(select(func.count()).select_from(table).where(wanted))
                if number:
                    found.append(f"{table.name}.{column.name}")
        return found

    return await hub.hub.store.read(query)


async def test_few_keys(hub: WholeHub, browser: Browser) -> None:
    """Tasks 15 to 17: reject with a reason and next in 2 keys, approve 30 in 3, answer and go private in 3 clicks."""
    author = await citizen(hub, browser)
    for n in range(4):
        await author.write(f"Komentarz numer {n}", name="Marek")
    page = await bench(hub, browser)
    await expect(page.locator(".post")).to_have_count(4)
    await page.keyboard.press("d")
    await page.keyboard.press("4")
    await expect(page.locator(".post")).to_have_count(3)
    await expect(page.locator('.post[aria-current="true"]')).to_contain_text("Komentarz numer 1")

    await page.keyboard.press("u")
    await expect(page.locator(".post")).to_have_count(4)
    await expect(page.locator('.post[aria-current="true"]')).to_be_focused()
    await expect(page.locator(".toast button")).to_have_count(0)

    await page.locator(".post .answer summary").first.click()
    await expect(page.locator(".post .answer textarea").first).to_be_focused()
    await page.keyboard.type("Dziękujemy.")
    await page.locator(".post .answer button").first.click()
    await expect(page.locator(".post")).to_have_count(3)
    await author.write("Komentarz spóźniony", name="Marek")
    await page.locator("button.news").press("Enter")
    await expect(page.locator(".post")).to_have_count(4)
    await expect(page.locator('.post[aria-current="true"]')).to_be_focused()
    await page.keyboard.press("Shift+X")
    await page.keyboard.press("p")
    await expect(page.locator(".post")).to_have_count(0)
    await expect(page.locator("#main")).to_be_focused()
    seen = await author.open()
    assert all(f"Komentarz numer {n}" in seen for n in range(4))
    assert "Dziękujemy." in seen


async def test_what_is_told_never_covers_the_reasons(hub: WholeHub, browser: Browser) -> None:
    author = await citizen(hub, browser)
    for text in ("Pierwszy", "Drugi", "Trzeci"):
        await author.write(text, name="Marek")
    page = await bench(hub, browser)
    for height in (900, 720):
        await page.set_viewport_size({"width": 1280, "height": height})
        await page.keyboard.press("p")
        await expect(page.locator(".toast")).to_be_visible()
        await page.keyboard.press("d")
        reasons = await page.locator(".menu__panel:visible").bounding_box()
        toast = await page.locator(".toast").last.bounding_box()
        assert reasons is not None and toast is not None and not meets(toast, reasons), height
        await page.keyboard.press("Escape")
        await page.reload()


async def test_a_reported_comment_that_was_answered_is_still_to_be_decided(
    hub: WholeHub, browser: Browser
) -> None:
    author, reader = await citizen(hub, browser), await citizen(hub, browser)
    await author.write("Sporny komentarz", name="Marek")
    page = await bench(hub, browser)
    await page.keyboard.press("p")
    await expect(page.locator(".post")).to_have_count(0)
    await expect(page.locator(".bench__moves")).to_be_hidden()
    await reader.open()
    await reader.page.locator("details:has([form=report]) summary").click()
    await reader.page.locator('[form=report][value$=".abuse"]').click()
    post = page.locator(".post", has_text="Sporny komentarz")
    await expect(post).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("r")
    await page.keyboard.type("Prosimy o rzeczowe uwagi.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#toasts")).to_contain_text("Odpowiedź jest opublikowana")
    await expect(post.locator(".answer")).not_to_have_attribute("open", "")
    await expect(post).to_be_focused()  # so that the next key decides
    await page.keyboard.press("o")
    await expect(post.get_by_role("link", name="Zgłoszenie prywatne")).to_be_visible()
    await page.keyboard.press("p")
    await expect(post).to_have_count(0)


async def test_two_moderators_see_each_other(hub: WholeHub, browser: Browser) -> None:
    author = await citizen(hub, browser)
    await author.write("Pierwszy", name="Marek")
    await author.write("Drugi", name="Marek")
    first = await bench(hub, browser)
    await expect(first.locator('.post[aria-current="true"]')).to_contain_text("Pierwszy")
    await first.keyboard.press("j")
    await expect(first.locator('.post[aria-current="true"]')).to_contain_text("Drugi")
    second = await bench(hub, browser, "redakcja2")
    await expect(second.locator(".post", has_text="Drugi").locator("[data-claim]")).to_be_visible()
    await first.keyboard.press("k")
    await first.keyboard.press("p")
    await expect(second.locator(".post", has_text="Pierwszy")).to_have_class(re.compile("is-leaving"))


async def test_a_half_written_answer_outlives_what_others_do(hub: WholeHub, browser: Browser) -> None:
    author = await citizen(hub, browser)
    await author.write("Pierwszy", name="Marek")
    first, second = await bench(hub, browser), await bench(hub, browser, "redakcja2")
    answer = first.locator(".post .answer textarea")
    await first.locator(".post .answer summary").click()
    await answer.fill("Dziękujemy, odpowiedź jest długa.")
    await first.locator("h1").click()  # looks elsewhere for a moment
    await second.keyboard.press("p")
    await expect(first.locator(".post")).to_have_class(re.compile("is-leaving"))
    await expect(answer).to_have_value("Dziękujemy, odpowiedź jest długa.")
    await expect(answer).not_to_be_focused()
    await first.locator(".post .answer form button").click()
    await expect(first.locator(".toast").last).to_be_visible()
    assert "Dziękujemy, odpowiedź jest długa." in await author.open()
    await expect(first.locator(".notice", has_text="niewysłany")).to_have_count(0)


async def test_escape_leads_out_of_an_answer_to_the_keys_of_the_bench(
    hub: WholeHub, browser: Browser
) -> None:
    await (await citizen(hub, browser)).write("Gdzie jest najbliższy urząd?", name="Marek")
    page = await bench(hub, browser)
    post, answer = page.locator(".post").first, page.locator(".post .answer textarea").first
    await page.keyboard.press("r")
    await expect(answer).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(answer).to_be_hidden()
    await expect(post).to_be_focused()
    await page.keyboard.press("r")
    await page.keyboard.type("Dzień dobry")
    await page.keyboard.press("Escape")
    await expect(answer).to_be_visible()
    await page.keyboard.press("d")
    await expect(answer).to_have_value("Dzień dobry")
    await expect(page.locator(".post details.menu[open]")).to_have_count(1)


async def test_a_half_written_answer_outlives_the_page_until_it_is_sent(
    hub: WholeHub, browser: Browser
) -> None:
    author = await citizen(hub, browser)
    await author.write("Pierwszy", name="Marek")
    page = await bench(hub, browser)
    answer = page.locator(".post .answer textarea")
    await page.keyboard.press("r")
    await page.keyboard.type("Dziękujemy.")
    await page.reload()
    await expect(answer).to_have_value("Dziękujemy.")
    await expect(answer).to_be_visible()
    await expect(answer).not_to_be_focused()
    await answer.focus()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".post")).to_have_count(0)
    assert "Dziękujemy." in await author.open()
    await page.goto(f"{hub.console}/moderation?show=published")
    await expect(page.locator(".post", has_text="Pierwszy").locator(".answer textarea")).to_have_value("")


async def test_who_begins_an_answer_while_the_comment_is_on_its_way_goes_on_writing(
    hub: WholeHub, browser: Browser
) -> None:
    author, begun = await citizen(hub, browser), asyncio.Event()
    await author.write("Pierwszy", name="Marek")
    first, second = await bench(hub, browser), await bench(hub, browser, "redakcja2")
    answer = first.locator(".post .answer textarea")

    async def late(route: Route) -> None:
        await begun.wait()
        await route.continue_()

    await first.route(re.compile(r"/moderation/\d+$"), late)
    async with first.expect_request(re.compile(r"/moderation/\d+$")):
        await second.keyboard.press("p")
    await first.locator(".post .answer summary").click()
    await expect(answer).to_be_focused()
    await first.keyboard.type("Dzię")
    begun.set()
    await expect(first.locator(".post")).to_have_class(re.compile("is-leaving"))
    await expect(answer).to_be_focused()
    await first.keyboard.type("kujemy.")
    await expect(answer).to_have_value("Dziękujemy.")


async def test_an_answer_without_a_place_is_shown(hub: WholeHub, browser: Browser) -> None:
    author = await citizen(hub, browser)
    await author.write("Pierwszy", name="Marek")
    first, second = await bench(hub, browser), await bench(hub, browser, "redakcja2")
    await first.locator(".post .answer summary").click()
    await first.locator(".post .answer textarea").fill("Dziękujemy.")
    await first.locator("h1").click()
    await second.keyboard.press("d")
    await second.keyboard.press("1")
    await expect(first.locator(".post .notice", has_text="niewysłany")).to_contain_text("Dziękujemy.")


async def test_accessible_at_320_pixels(hub: WholeHub, browser: Browser) -> None:
    author = await citizen(hub, browser)
    await author.write("Czy zasiłek przysługuje po roku pracy?", name="Marek")
    page = await hub.enter(browser, "redakcja", viewport={"width": 320, "height": 700})
    for address in ("/moderation", "/moderation?show=published", "/moderation/articles"):
        await page.goto(hub.console + address)
        assert await axe_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    reader = await (await browser.new_context(viewport={"width": 320, "height": 700})).new_page()
    await reader.goto(author.address)
    assert await axe_violations(reader) == []
    assert await reader.evaluate("document.documentElement.scrollWidth") <= 320


async def test_what_could_not_be_read_again_is_still_to_be_decided(hub: WholeHub, browser: Browser) -> None:
    author = await citizen(hub, browser)
    for text in ("Pierwszy", "Drugi", "Trzeci"):
        await author.write(text, name="Marek")
    first, second = await bench(hub, browser), await bench(hub, browser, "redakcja2")
    number = first.locator(".bench__bar [data-number]")
    await first.set_viewport_size({"width": 1280, "height": 800})
    place = await first.locator(".post").first.bounding_box()
    for text in ("Drugi", "Pierwszy"):
        await first.locator(".post", has_text=text).locator("input").first.check()
    assert await first.locator(".post").first.bounding_box() == place
    caps = first.locator("kbd:visible", has_text="p")  # the key stands where it acts
    await expect(caps).to_have_count(1)
    await expect(first.locator(".bench__bar kbd:visible")).to_have_text(["X", "p", "h", "d"])
    # a colleague looks at one of them: it stays selected
    await second.locator(".post", has_text="Drugi").click()
    await expect(first.locator(".post", has_text="Drugi").locator("[data-claim]")).to_be_visible()
    await expect(first.locator(".post", has_text="Drugi").locator("input").first).to_be_checked()
    await second.locator(".post", has_text="Trzeci").click()
    await expect(first.locator(".post", has_text="Trzeci").locator("[data-claim]")).to_be_visible()
    await first.route(re.compile(r"/moderation/\d+$"), lambda route: route.abort())
    async with first.expect_event("requestfailed", lambda request: "/moderation/" in request.url):
        await second.keyboard.press("p")
    await expect(first.locator(".post")).to_have_count(3)
    await first.unroute(re.compile(r"/moderation/\d+$"))
    await second.close()  # and lets go of what it looked at
    await expect(first.locator(".post", has_text="Drugi").locator("[data-claim]")).to_be_hidden()
    await expect(number).to_have_text("2")
    await first.locator("h1").click()
    await first.keyboard.press("p")
    await expect(first.locator(".post")).to_have_count(1)
    await expect(first.locator(".bench__bar [data-checked]")).to_be_hidden()


async def test_what_is_decided_while_a_page_is_being_loaded_is_seen(hub: WholeHub, browser: Browser) -> None:
    author = await citizen(hub, browser)
    await author.write("Pierwszy", name="Marek")
    first, second = await bench(hub, browser), await bench(hub, browser, "redakcja2")
    ready = asyncio.Event()

    async def late(route: Route) -> None:
        await ready.wait()
        await route.continue_()

    await second.route("**/moderation.js", late)
    await second.goto(f"{hub.console}/moderation", wait_until="commit")
    await expect(second.locator(".post")).to_have_count(1)
    await first.locator(".post").click()
    await first.keyboard.press("p")
    await expect(first.locator(".post")).to_have_count(0)
    await asyncio.sleep(1)  # in which nobody listens on the second page
    ready.set()
    await expect(second.locator(".post.is-leaving")).to_have_count(1)
