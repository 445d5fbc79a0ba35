"""A chat from its first word to its last, through the whole hub in Chromium: the visitor on a site, the agent in the
console, with and without a script."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, FrameLocator, Page, Route, expect

from connectors._widget import SHARED
from connectors.chat import rooms
from connectors.chat.connector import FOLDER
from hub.chats.port import FRESH
from hub.store import schema
from tests.browser.chat_site import ChatSite, answer, begin, chat_site, say
from tests.browser.shots import shot
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink, Received

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]

QUESTION = "Dzień dobry, do kiedy mam się odmeldować?"
ANSWER = "Dzień dobry, najlepiej jeszcze dziś."
XSS = "<img src=x onerror=window.ran=1><script>window.ran=1</script>"


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[ChatSite]:
    async with chat_site(tmp_path, mailsink) as found:
        yield found


async def framed(site: ChatSite, page: Page) -> FrameLocator:
    """Open the chat by its button on the site's page."""
    await page.goto(site.page)
    await page.get_by_role("button", name="Porozmawiaj z nami").click()
    await loaded(page)
    return page.frame_locator("#centrala-chat iframe")


async def loaded(page: Page) -> None:
    """Wait until the chat is there, its script too."""
    await page.frame_locator("#centrala-chat iframe").locator("#begin, #write").first.wait_for()
    frame = await page.locator("#centrala-chat iframe").element_handle()
    assert frame is not None
    content = await frame.content_frame()
    assert content is not None
    await content.wait_for_load_state()


async def open_first(console: Page) -> None:
    """Take the next conversation."""
    await console.goto(console.url.split("/", 3)[0] + "//" + console.url.split("/")[2] + "/inbox")
    await console.click(".places__take button")
    await console.wait_for_selector("[data-conversation-open]")


async def test_script_and_style_are_small() -> None:
    files = [*(FOLDER / "static").iterdir(), *(SHARED / "static").glob("widget.*")]
    assert {file.suffix for file in files} == {".js", ".css"}
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= 15_000


async def test_a_chat_on_a_site_is_answered_in_the_console(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION, email="zofia@example.org")
    await expect(chat.locator("#log")).to_contain_text(QUESTION)
    await expect(chat.locator("#state")).to_contain_text("Następna rozmowa będzie z Państwem")
    await open_first(console)
    await expect(console.locator("#stream")).to_contain_text(QUESTION)
    await expect(console.locator("#visitor")).to_contain_text("Osoba jest na czacie")
    await expect(chat.locator("#state")).to_contain_text("Rozmowę prowadzi: Anna")
    await console.locator("#reply-text").press_sequentially("Dzie")
    await expect(chat.locator("#typing")).to_contain_text("Konsultant pisze")
    await answer(console, ANSWER)
    await expect(chat.locator("#log")).to_contain_text(ANSWER)
    await expect(chat.locator("#typing")).to_be_empty()
    await expect(chat.locator(".said").last).to_contain_text("Anna")
    assert "Testowa" not in await chat.locator("#chat").inner_html()
    await expect(console.locator("#stream .sending summary").last).to_contain_text("Przeczytan")
    await chat.locator("#text").press_sequentially("Dzięku")
    await expect(console.locator("#visitor [data-typing]")).to_contain_text("Osoba pisze")
    await say(chat, "Dziękuję, a meldunek?")
    await expect(console.locator("#stream")).to_contain_text("a meldunek?")
    await expect(console.locator("#visitor [data-typing]")).to_be_hidden()
    assert len(await site.rows(schema.chat)) == 1
    assert await axe_violations(page) == []
    assert await axe_violations(console) == []
    await chat.locator(".more summary").click()
    await chat.locator("#transcript").fill("zofia@example.org")
    await chat.locator(".deed:has([value=transcript]) button").click()
    await expect(chat.locator(".news")).to_contain_text("wyślemy e-mailem")
    await site.until(_async(lambda: bool(site.hub.mails.to("zofia@example.org"))))
    [mail] = site.hub.mails.to("zofia@example.org")
    assert f"Ty: {QUESTION}" in text_of(mail) and f"Anna: {ANSWER}" in text_of(mail)


async def test_without_a_script_it_is_a_form(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser, javascript=False, viewport={"width": 320, "height": 700})
    await page.goto(site.page)
    await page.click("a[data-centrala-chat]")
    await begin(page, QUESTION)
    await expect(page.locator("#log")).to_contain_text(QUESTION)
    await open_first(console)
    await answer(console, ANSWER)
    await expect(console.locator("#stream .sending summary").last).to_contain_text("Przyjęte")
    await page.click(".plainly")
    await expect(page.locator("#log")).to_contain_text(ANSWER)
    file: FilePayload = {"name": "pismo.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    await page.set_input_files("#file", files=file)
    await say(page, "W załączniku pismo.")
    await expect(page.locator("#log a[download]")).to_have_text("pismo.pdf")
    await expect(console.locator("#stream a[download]")).to_have_text("pismo.pdf")
    await page.goto(site.chat)
    await expect(page.locator("#log")).to_contain_text("W załączniku pismo.")  # the cookie leads back
    await page.click(".more summary")
    await page.click(".deed:has([value=end]) button")
    await expect(page.locator("[role=status].news")).to_contain_text("Zakończono czat")
    await expect(console.locator("#visitor")).to_contain_text("Osoba zakończyła czat")


async def test_a_visitor_comes_back_on_another_page_of_the_site(site: ChatSite, browser: Browser) -> None:
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION)
    await expect(chat.locator("#log")).to_contain_text(QUESTION)
    await page.goto(site.page.replace("/strona", "/inna"))
    chat = page.frame_locator("#centrala-chat iframe")
    await expect(chat.locator("#log")).to_contain_text(QUESTION)
    await say(chat, "Wróciłam.")
    await expect(chat.locator("#log")).to_contain_text("Wróciłam.")
    assert len(await site.rows(schema.conversation)) == 1
    frame = await (await page.wait_for_selector("#centrala-chat iframe")).content_frame()  # type: ignore[union-attr]
    assert frame is not None and "me=" not in frame.url, "the token is in no address"
    stranger = await framed(site, await site.visitor(browser))
    await expect(stranger.locator("#begin")).to_be_visible()


async def test_by_the_keyboard_alone_and_not_on_a_page_that_is_not_named(
    site: ChatSite, browser: Browser
) -> None:
    page = await site.visitor(browser)
    await page.goto(site.page)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await loaded(page)
    chat = page.frame_locator("#centrala-chat iframe")
    await chat.locator("input[name=name]").focus()
    await page.keyboard.type("Zofia")
    for _ in range(2):
        await page.keyboard.press("Tab")
    await page.keyboard.type(QUESTION)
    await chat.locator("input[name=consent]").focus()
    await page.keyboard.press("Space")
    await chat.locator("#begin button").focus()
    await page.keyboard.press("Enter")
    await expect(chat.locator("#text")).to_be_focused()
    await page.keyboard.type("Drugie pytanie")
    await page.keyboard.press("Enter")
    await expect(chat.locator("#log")).to_contain_text("Drugie pytanie")
    await page.keyboard.press("Escape")
    await expect(page.locator("#centrala-chat")).to_be_hidden()
    await expect(page.locator(".centrala-chat-button")).to_be_focused()
    await page.goto(site.page.replace("localhost", "127.0.0.1"))
    async with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        await page.get_by_role("button", name="Porozmawiaj z nami").click()


async def test_who_leaves_is_answered_by_mail_and_answers_by_mail(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION, email="zofia@example.org")
    await expect(chat.locator("#state")).to_contain_text("Po wyjściu z czatu odpowiemy e-mailem")
    await open_first(console)
    goes = console.locator("#reply-form .composer__to > summary")
    await expect(goes).to_contain_text("Czat")
    await page.goto("about:blank")
    await expect(console.locator("#visitor")).to_contain_text("Osoba wyszła z czatu")
    await expect(console.locator("#visitor")).to_contain_text("zofia@example.org")
    for _ in range(2):
        await expect(goes).to_contain_text("zofia@example.org")
        await expect(goes).not_to_contain_text("Czat")
        await console.reload()
    await answer(console, ANSWER)
    await site.until(_async(lambda: bool(site.hub.mails.to("zofia@example.org"))))
    [mail] = site.hub.mails.to("zofia@example.org")
    assert ANSWER in text_of(mail)
    await expect(console.locator("#stream")).to_contain_text("wysłano e-mailem na adres zofia@example.org")
    assert len(await site.rows(schema.conversation)) == 1


def text_of(mail: Received) -> str:
    """The words of a mail."""
    body = mail.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _async(ask: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return ask()

    return asked


async def test_silence_is_warned_of_and_closes_and_at_night_there_is_a_form(
    site: ChatSite, browser: Browser
) -> None:
    console = await site.hub.enter(browser, "anna")
    chat = await framed(site, await site.visitor(browser))
    await begin(chat, QUESTION)
    await open_first(console)
    await answer(console, ANSWER)
    await expect(chat.locator("#log")).to_contain_text(ANSWER)
    site.pass_minutes(10.5)
    await expect(chat.locator("#state")).to_contain_text("Czy są Państwo nadal na czacie?")
    await expect(console.locator("#visitor")).to_contain_text("Milczy")
    site.pass_minutes(5.5)
    await expect(chat.locator("#state")).to_contain_text("Czat się zakończył")
    await say(chat, "Jednak jestem.")
    await expect(chat.locator("#state")).to_contain_text("Rozmowę prowadzi: Anna")
    site.jump("2026-11-16 20:00")
    await console.wait_for_timeout(1000 * FRESH)
    page = await site.visitor(browser)
    late = await framed(site, page)
    await expect(late.locator(".outlook")).to_contain_text("Otwarcie: wtorek 17.11.2026, 08:00")
    await begin(late, QUESTION)
    await expect(late.locator(".problems")).to_contain_text(
        "Adres e-mail: Teraz nikogo tu nie ma: prosimy podać, gdzie mamy odpowiedzieć"
    )
    await expect(late.locator(".problems")).to_be_focused()
    await late.locator("#begin input[name=email]").fill("ben@example.org")
    await late.locator("#begin button").click()
    await expect(late.locator(".news")).to_contain_text("odpowiemy na podany adres")
    _, row = await site.rows(schema.conversation)
    assert len(await site.rows(schema.chat)) == 1
    await console.goto(f"{site.hub.console}/conversations/{row.id}")
    await expect(console.locator(".composer__to summary")).to_contain_text("ben@example.org")


async def test_a_lost_connection_loses_no_word(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION)
    await open_first(console)
    await page.context.set_offline(True)
    await say(chat, "Napisane bez sieci")
    await expect(chat.locator(".said[data-failed]")).to_contain_text("Nie wysłano")
    await page.context.set_offline(False)
    await chat.locator(".said[data-failed] button").click()
    await expect(console.locator("#stream")).to_contain_text("Napisane bez sieci")
    await answer(console, ANSWER)
    await expect(chat.locator("#log")).to_contain_text(ANSWER)
    await expect(chat.locator(".said")).to_have_count(3)


async def test_what_is_typed_and_not_sent_yet_stays_when_the_page_is_drawn_anew(
    site: ChatSite, browser: Browser
) -> None:
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION)
    await open_first(console)
    await answer(console, ANSWER)
    await expect(chat.locator("#log")).to_contain_text(ANSWER)
    await page.context.set_offline(True)
    await say(chat, "Bez sieci")
    await expect(chat.locator(".said[data-failed]")).to_contain_text("Nie wysłano")
    await page.context.set_offline(False)
    await chat.locator("#text").fill("Jeszcze nie koniec")
    await chat.locator(".more summary").click()
    await chat.locator("#transcript").fill("zofia@example.org")
    await chat.locator(".deed:has([value=transcript]) button").click()
    await expect(chat.locator(".news")).to_contain_text("wyślemy e-mailem")
    await expect(chat.locator("#text")).to_have_value("Jeszcze nie koniec")
    await chat.get_by_role("link", name="English").click()
    await expect(chat.get_by_role("link", name="Polski")).to_be_focused()
    await expect(chat.locator("#text")).to_have_value("Jeszcze nie koniec")
    await expect(chat.locator("#log")).to_contain_text(QUESTION)  # without a cookie too: the frame is on http
    await chat.locator(".said[data-failed] button").click()
    await expect(console.locator("#stream")).to_contain_text("Bez sieci")
    await expect(chat.locator(".said[data-failed]")).to_have_count(0)
    await expect(chat.locator(".said", has_text="Bez sieci")).to_have_count(1)
    await chat.locator("#text").press("Escape")
    await expect(page.locator("#centrala-chat")).to_be_hidden()


async def test_a_refusal_is_never_shown_in_the_place_of_the_chat(site: ChatSite, browser: Browser) -> None:
    page = await site.visitor(browser)
    chat = await framed(site, page)
    asked = 0

    async def refuse(route: Route) -> None:
        nonlocal asked
        if route.request.method == "GET" and asked < 2:
            asked += 1
            page = '<main id="widget"><h1>Prosimy o chwilę</h1></main>'
            await route.fulfill(status=429, content_type="text/html", body=page)
        else:
            await route.continue_()

    await chat.locator("#begin").wait_for()
    await page.route("**/embed/chat/czat?*", refuse)
    await begin(chat, QUESTION)
    await expect(chat.locator("#begin .problems")).to_contain_text("Utracono połączenie")
    await expect(chat.locator("#log")).to_contain_text(QUESTION)
    await expect(chat.locator("#text")).to_have_value("")
    assert asked == 2
    await say(chat, "Dalej")
    await expect(chat.locator("#log")).to_contain_text("Dalej")
    assert len(await site.rows(schema.conversation)) == 1


async def test_a_refused_message_comes_back_before_what_is_typed_by_now(
    site: ChatSite, browser: Browser
) -> None:
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION)
    await expect(chat.locator("#log")).to_contain_text(QUESTION)
    goes_on = asyncio.Event()

    async def late(route: Route) -> None:
        if route.request.method == "POST":
            await goes_on.wait()
        await route.continue_()

    await page.route("**/embed/chat/czat?*", late)
    program: FilePayload = {"name": "program.exe", "mimeType": "application/pdf", "buffer": b"MZ\x00\x01"}
    await chat.locator("#file").set_input_files(program)
    await say(chat, "W załączniku wniosek.")
    await chat.locator("#text").fill("I jeszcze jedno")
    goes_on.set()
    await expect(chat.locator(".problems")).to_contain_text("program.exe")
    await expect(chat.locator("#text")).to_have_value("W załączniku wniosek.\nI jeszcze jedno")
    await chat.locator("#file").set_input_files([program] * 4)
    await chat.locator("#write button").first.click()
    await expect(chat.locator(".problems")).to_contain_text("3")


async def test_a_chat_that_is_over_gives_back_what_was_not_sent(site: ChatSite, browser: Browser) -> None:
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION)
    await expect(chat.locator("#log")).to_contain_text(QUESTION)
    await page.context.set_offline(True)
    await say(chat, "Nie dotarło")
    await expect(chat.locator(".said[data-failed]")).to_contain_text("Nie wysłano")
    await chat.locator("#text").fill("Piszę dalej")
    site.clock.ahead += 60 * 24 * 3_600_000_000
    await page.context.set_offline(False)
    await expect(chat.locator("#begin")).to_be_visible()
    await expect(chat.locator("#text")).to_have_value("Nie dotarło\nPiszę dalej")


async def test_news_of_a_closed_chat_are_counted_on_its_button(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser)
    chat = await framed(site, page)
    await begin(chat, QUESTION)
    await open_first(console)
    await page.get_by_role("button", name="Zamknij czat").click()
    await answer(console, ANSWER)
    await expect(page.locator(".centrala-chat-button")).to_have_text(
        "Porozmawiaj z nami (nowe wiadomości: 1)"
    )


async def test_a_network_that_is_gone_without_a_word_is_noticed(
    site: ChatSite, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands still is given up and tried again: the stream, and what is being sent."""
    console = await site.hub.enter(browser, "anna")
    page = await site.visitor(browser)
    await page.context.add_init_script(
        "const after = AbortSignal.timeout, set = window.setTimeout; window.signs = []; window.hasty = false;"
        "AbortSignal.timeout = (wait) => after.call(AbortSignal, window.hasty ? 1000 : wait);"
        "window.setTimeout = (what, wait) => {"
        "  if (wait === 45000) window.signs.push(performance.now());"
        "  return set(what, wait === 45000 ? 1500 : wait); };"
    )
    monkeypatch.setattr(rooms, "BEAT_SECONDS", 0.5)
    await page.goto(site.chat)
    await begin(page, QUESTION)
    await expect(page.locator("#log")).to_contain_text(QUESTION)
    await open_first(console)
    await expect(page.locator("#state")).to_contain_text("Rozmowę prowadzi: Anna")
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/stream" in request.url else None)
    while await page.evaluate("signs.length") < 10:
        await page.wait_for_timeout(100)
    longest = await page.evaluate("Math.max(...signs.slice(1).map((at, before) => at - signs[before]))")
    assert streams == [] or longest > 1400, "signs of life keep it open"
    streams.clear()
    monkeypatch.setattr(rooms, "BEAT_SECONDS", 100.0)
    while not streams:
        await page.wait_for_timeout(100)
    await answer(console, ANSWER)
    await expect(page.locator("#log")).to_contain_text(ANSWER)
    hanging: list[Route] = []

    async def hang(route: Route) -> None:
        if route.request.method == "POST" and not hanging:
            hanging.append(route)
        else:
            await route.continue_()

    await page.route("**/embed/chat/czat?*", hang)
    await page.evaluate("window.hasty = true")
    await say(page, "Bez odpowiedzi")
    await expect(page.locator(".said[data-failed]")).to_contain_text("Nie wysłano")
    await page.evaluate("window.hasty = false")
    await page.locator(".said[data-failed] button").click()
    await expect(console.locator("#stream")).to_contain_text("Bez odpowiedzi")
    await expect(page.locator(".said[data-failed]")).to_have_count(0)


async def test_one_agent_has_several_chats(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    chats = []
    for name in ("Zofia", "Ben", "Ewa"):
        chat = await framed(site, await site.visitor(browser))
        await begin(chat, f"Pytanie: {name}", name=name)
        await expect(chat.locator("#log")).to_contain_text("Pytanie")
        chats.append(chat)
    await expect(console.locator("#chats")).to_contain_text("Czekają na czacie: 3")
    for _ in range(3):
        await open_first(console)
    await expect(console.locator("#chats li")).to_have_count(3)
    await expect(console.locator("#chats [data-free]")).to_have_count(0)
    await expect(console.locator("#chats")).to_contain_text("3/4")
    await answer(console, "Chwileczkę")
    await expect(chats[2].locator("#log")).to_contain_text("Chwileczkę")
    await expect(console.locator("#chats li").last).to_contain_text("Ewa")
    await chats[1].locator("#text").press_sequentially("Hal")
    await expect(console.locator("#chats li", has_text="Ben")).to_contain_text("pisze")
    await say(chats[0], "Halo, halo?")
    await expect(console.locator("#chats li", has_text="Zofia").locator(".count")).to_be_visible()
    assert await axe_violations(console) == []
    await console.locator("#chats a", has_text="Ben").click()
    await expect(console.locator("#stream")).to_contain_text("Pytanie: Ben")
    await expect(console.locator("#chats [aria-current]")).to_contain_text("Ben")


async def test_every_state_is_accessible_in_both_themes_at_320_px(site: ChatSite, browser: Browser) -> None:
    console = await site.hub.enter(browser, "anna")
    for scheme in ("light", "dark"):
        page = await site.visitor(browser, viewport={"width": 320, "height": 640}, color_scheme=scheme)
        await page.goto(f"{site.chat}?lang=en")
        await check(page, f"chat-begin-{scheme}")
        await page.click("#begin button")
        await expect(page.locator(".problems")).to_be_focused()
        await check(page, f"chat-problems-{scheme}")
        await begin(page, XSS, email="zofia@example.org", name=XSS)
        await expect(page.locator("#log")).to_contain_text(XSS)
        await check(page, f"chat-waiting-{scheme}")
        await open_first(console)
        await expect(console.locator("#stream")).to_contain_text(XSS)
        await answer(console, XSS)
        await expect(page.locator(".said").nth(1)).to_contain_text(XSS)
        await page.click(".more summary")
        await check(page, f"chat-chat-{scheme}")
        await page.click(".deed:has([value=end]) button")
        await expect(page.locator("#state")).to_contain_text("The chat has ended")
        await check(page, f"chat-ended-{scheme}")


async def check(page: Page, name: str) -> None:
    """Nothing for axe to find, nothing wider than the window, no script of a visitor or an agent has run; a picture for
    whoever wants to look."""
    await shot(page, name, full_page=False)
    assert await axe_violations(page) == [], name
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320, name
    assert await page.evaluate("window.ran === undefined && !document.querySelector('#log img')")


async def test_over_https_the_cookie_of_the_frame_leads_back(
    tmp_path: Path, mailsink: MailSink, browser: Browser
) -> None:
    """A new tab has nothing of the page's own: only the cookie, which no script of the site can read, leads back."""
    async with chat_site(tmp_path, mailsink, tls=True) as site:
        page = await site.visitor(browser, ignore_https_errors=True)
        await begin(await framed(site, page), QUESTION)
        await expect(page.frame_locator("#centrala-chat iframe").locator("#log")).to_contain_text(QUESTION)
        assert await page.evaluate("Object.keys(sessionStorage).filter((key) => key.endsWith(' me'))") == []
        [cookie] = await page.context.cookies()
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "None")
        assert str(cookie["partitionKey"]).endswith("localhost")
        tab = await page.context.new_page()
        chat = await framed(site, tab)
        await expect(chat.locator("#log")).to_contain_text(QUESTION)
