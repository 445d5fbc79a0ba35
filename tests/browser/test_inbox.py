"""What an agent does all day, in Chromium against the real console: read, take, answer, hand over, put away, undo."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Page, Route, expect
from sqlalchemy import select

from hub.messages import announce
from hub.store import schema
from hub.store.tx import Tx
from tests.browser.boxes import meets
from tests.browser.desk_console import PASSWORD, Console, console, inbound, morning
from tests.hub.specimen import add_conversation
from tests.servers.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # all share one browser
]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path, language="en") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def made(desk: Console) -> dict[str, int]:
    return await desk.store.write(lambda tx: morning(tx, desk.people))


async def opened(desk: Console, browser: Browser, conversation: int, login: str = "ola") -> Page:
    """Somebody's page with a conversation open, failing the test on any script error."""
    page = await desk.enter(browser, login)
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    await page.goto(f"{desk.url}/conversations/{conversation}?view=mine")
    return page


async def said(page: Page) -> str:
    """The newest toast."""
    toast = page.locator(".toast").last
    await expect(toast).to_be_visible()
    return await toast.inner_text()


async def test_taking_the_next_is_one_key(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/inbox?view=unassigned")
    await page.keyboard.press("q")
    await page.wait_for_url(f"**/conversations/{made['urgent']}")
    await expect(page.locator(".notice--danger")).to_contain_text("112")
    assert (await desk.row(made["urgent"])).assignee == desk.people["ola"]
    async with page.expect_navigation():
        await page.keyboard.press("u")
    await desk.until(lambda: _is_free(desk, made["urgent"]), page)


async def _is_free(desk: Console, conversation: int) -> bool:
    return (await desk.row(conversation)).assignee is None


async def test_the_list_by_keyboard_and_many_at_once(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/inbox?view=unassigned")
    first = page.locator("[data-row]").first
    await page.keyboard.press("j")
    await expect(first.locator(".item__link")).to_be_focused()
    await page.keyboard.press("x")
    await expect(page.locator("#bulk")).to_be_visible()
    await expect(page.locator("#bulk [data-number]")).to_have_text("1")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(first.locator(".item__link")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#bulk")).to_be_hidden()
    page.once("dialog", lambda dialog: dialog.accept())  # in one of them somebody may be in danger
    # three keys: all, resolve, Enter
    waiting = await page.locator("[data-row]").count()
    await page.keyboard.press("X")
    await page.keyboard.press("e")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-row]")).to_have_count(0)
    assert str(waiting) in await said(page)
    assert (await desk.row(made["overdue"])).status == "resolved"
    await page.locator(".toast button").last.click()
    await expect(page.locator("[data-row]")).to_have_count(waiting)
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/conversations/**")


async def test_a_reply_is_sent_once_and_can_be_taken_back(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("r")
    await page.keyboard.type("Tak, ubezpieczenie też.")
    await page.keyboard.press("Control+Enter")
    assert "15" in await said(page)
    sent = page.locator(".entry--outbound").last
    await expect(sent).to_contain_text("Tak, ubezpieczenie też.")
    await expect(sent).to_contain_text("Infolinia urzędów pracy")  # the signature
    await expect(page.locator("#reply-text")).to_have_value("")
    deliveries = await desk.rows(schema.delivery, conversation=made["long"])
    assert [row.state for row in deliveries] == ["delivered", "held"]
    await page.locator(".toast button").last.press("Enter")
    await expect(page.locator("#reply-text")).to_have_value("Tak, ubezpieczenie też.")
    await expect(page.locator("#reply-text")).to_be_focused()
    await expect(page.locator("#stream")).not_to_contain_text("Tak, ubezpieczenie też.")
    deliveries = await desk.rows(schema.delivery, conversation=made["long"])
    assert [row.state for row in deliveries] == ["delivered", "cancelled"]
    # four keys: Ctrl+Shift+Enter, the topic, Enter
    await page.locator("#reply-text").focus()
    await page.keyboard.press("Control+Shift+Enter")
    await expect(page.locator("#resolve-topic")).to_be_focused()
    await page.keyboard.type("zasiłek · wyjaśniono")
    await page.keyboard.press("Enter")
    await expect(page.locator("#head .badge").first).to_have_text("Resolved")
    row = await desk.row(made["long"])
    assert (row.status, row.topic, row.outcome) == ("resolved", "zasiłek", "wyjaśniono")


async def test_a_draft_survives_reload_a_colleague_and_a_dead_server(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("r")
    await page.keyboard.type("Zaczynam pisać")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    colleague = await opened(desk, browser, made["long"], "jan")
    await colleague.keyboard.press("a")
    await expect(colleague.locator("#assign-to")).to_be_focused()
    await colleague.keyboard.press("Enter")
    await expect(page.locator("#head")).to_contain_text("Jan Zięba")
    await page.reload()
    await expect(page.locator("#reply-text")).to_have_value("Zaczynam pisać")
    await page.route("**/drafts", lambda route: route.abort())
    await page.locator("#reply-text").press("End")
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/drafts")):
        await page.locator("#reply-text").press_sequentially(" dalej")
    await page.unroute("**/drafts")
    await page.reload()
    await expect(page.locator("#reply-text")).to_have_value("Zaczynam pisać dalej")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await page.goto(f"{desk.url}/inbox/drafts")
    await expect(page.locator(".draft")).to_contain_text("Zaczynam pisać dalej")


async def test_sending_stops_and_shows_what_is_new(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("r")
    await page.keyboard.type("Odpowiedź")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    await desk.seed(lambda tx: inbound(tx, made["long"], "Już nieaktualne, dziękuję."))
    await expect(page.locator("#stream")).to_contain_text("Już nieaktualne")  # live
    await expect(page.locator("[data-news]")).to_be_visible()
    await page.locator("#reply-text").press("Control+Enter")
    await page.wait_for_timeout(300)
    assert len(await desk.rows(schema.delivery, conversation=made["long"])) == 1
    await page.locator("[data-news-read]").click()
    await page.locator("#reply-text").press("Control+Enter")
    await said(page)
    assert len(await desk.rows(schema.delivery, conversation=made["long"])) == 2


async def lose_the_answer(page: Page, text: str) -> None:
    """Send a reply that the hub takes while its answer gets lost."""

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/reply", lose)
    await page.keyboard.press("r")
    await page.keyboard.type(text)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-form [role=alert]")).to_be_visible()
    await page.unroute("**/reply")


async def test_the_same_sending_repeated_after_a_lost_answer_is_one(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])

    await lose_the_answer(page, "Raz")
    await page.reload()
    await expect(page.locator("#reply-text")).to_have_value("Raz")
    await page.locator("#reply-text").press("Control+Enter")
    await said(page)
    assert len(await desk.rows(schema.delivery, conversation=made["long"])) == 2


async def test_what_was_written_after_a_lost_answer_is_not_called_sent(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])

    await lose_the_answer(page, "Raz")
    await page.keyboard.type(" i jeszcze coś")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-form [role=alert]")).to_contain_text("without your later changes")
    await expect(page.locator("#reply-text")).to_have_value("Raz i jeszcze coś")
    await expect(page.locator("#stream article").last).to_contain_text("Raz")
    await page.locator("#reply-text").fill("I jeszcze coś")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-text")).to_have_value("")
    texts = [row.text for row in await desk.rows(schema.message, conversation=made["long"], kind="outbound")]
    assert [text.partition("\n")[0] for text in texts[-2:]] == ["Raz", "I jeszcze coś"]


async def test_a_draft_that_was_thrown_away_elsewhere_is_no_dead_end(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("r")
    await page.keyboard.type("Zaczynam")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")
    other = await page.context.new_page()
    other.on("dialog", lambda dialog: dialog.accept())
    await other.goto(f"{desk.url}/inbox/drafts")
    await other.locator(".draft button").first.click()
    await expect(other.locator(".draft")).to_have_count(0)
    await page.keyboard.type(" od nowa")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-text")).to_have_value("")
    texts = [row.text for row in await desk.rows(schema.message, conversation=made["long"], kind="outbound")]
    assert texts[-1].startswith("Zaczynam od nowa")


@pytest.mark.parametrize("how", ["its stream ends", "something new comes"])
async def test_an_ended_session_is_told_and_the_text_is_there_again(
    desk: Console, made: dict[str, int], browser: Browser, how: str
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("r")
    await page.keyboard.type("Długa odpowiedź")
    await expect(page.locator("[data-kept]")).to_have_text("Saved")

    def end(tx: Tx) -> None:
        tx.execute(schema.session.delete())
        if how == "its stream ends":
            tx.emit("user", actor=desk.people["ola"])
        else:
            announce(tx, made["long"], actor=None)

    await desk.store.write(end)
    await page.keyboard.type(", która trwa")
    await expect(page.locator("#lost")).to_contain_text("Log in again")
    assert await axe_violations(page) == []
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#reply-form [role=alert]")).to_contain_text("Zaloguj się ponownie")
    await page.click("#lost a")
    await page.fill('input[name="login"]', "ola")
    await page.fill('input[name="password"]', PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/conversations/{made['long']}?view=mine")
    await expect(page.locator("#reply-text")).to_have_value("Długa odpowiedź, która trwa")
    await expect(page.locator("#lost")).to_be_hidden()


async def test_a_page_from_before_another_log_in_says_so(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("r")
    await page.keyboard.type("Odpowiedź")
    other = await page.context.new_page()
    await other.goto(f"{desk.url}/inbox")
    await other.click(".bar__side details:last-of-type summary")
    await other.click('form[action="/logout"] button')
    await other.fill('input[name="login"]', "ola")
    await other.fill('input[name="password"]', PASSWORD)
    await other.keyboard.press("Enter")
    await other.wait_for_url(lambda url: "/login" not in url)
    await page.locator("#reply-text").press("Control+Enter")
    await expect(page.locator("#reply-form [role=alert]")).to_contain_text("Reload it")
    await page.reload()
    await expect(page.locator("#reply-text")).to_have_value("Odpowiedź")
    await page.locator("#reply-text").press("Control+Enter")
    await expect(page.locator("#reply-text")).to_have_value("")


async def test_canned_notes_and_recipients(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await opened(desk, browser, made["long"])
    for key in ("r", "/", "d"):  # four keys, with the next one
        await page.keyboard.press(key)
    await expect(page.locator("#canned [aria-selected=true]")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.locator("#reply-text")).to_have_value(
        re.compile(r"^Dzień dobry Anna Nowak,.*000-000-", re.DOTALL)
    )
    await page.locator(".composer__to summary").click()
    await page.locator("#reply-cc").fill("to nie adres")
    await page.locator("#reply-form [data-send]").first.click()
    await expect(page.locator("#reply-error")).to_contain_text("to nie adres")
    await page.locator("#reply-cc").fill("Szef <szef@firma.example>")
    await page.locator("#reply-form [data-send]").first.click()
    await said(page)
    (_, delivery) = await desk.rows(schema.delivery, conversation=made["long"])
    assert "szef@firma.example" in delivery.recipients and '"cc"' in delivery.recipients
    await page.keyboard.press("Escape")
    await page.locator("#stream").focus()
    await page.keyboard.press("n")
    await page.keyboard.type("@")
    await expect(page.locator("#mentions [role=option]").first).to_be_visible()
    await page.keyboard.type("ja")
    await expect(page.locator("#mentions [aria-selected=true]")).to_contain_text("@jan")
    await page.keyboard.press("Enter")
    await expect(page.locator("#note-text")).to_have_value("@jan ")
    await expect(page.locator("#mentions")).to_be_hidden()
    await page.keyboard.type("proszę o telefon")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry--note").last).to_contain_text("proszę o telefon")
    told = await desk.rows(schema.notification, user=desk.people["jan"], kind="mention")
    assert told


async def test_files_by_choice_and_drop(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await opened(desk, browser, made["long"])
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
    files: list[FilePayload] = [
        {"name": "skan.png", "mimeType": "image/png", "buffer": png},
        {"name": "<img src=x>.html", "mimeType": "text/html", "buffer": b"<script>alert(1)</script>"},
    ]
    await page.locator("#reply-form [data-upload]").set_input_files(files)
    await expect(page.locator("#reply-form .file")).to_have_count(2)
    await expect(page.locator("#reply-form .file").last).to_be_visible()
    await expect(page.locator("#reply-form .file img")).to_have_count(1)
    await page.reload()
    await expect(page.locator("#reply-form .file")).to_have_count(2)
    kept = await desk.rows(schema.attachment)
    async with page.expect_download() as started:
        await page.evaluate(f"location.assign('/files/{kept[1].id}')")
    assert (await (await started.value).path()).read_bytes() == b"<script>alert(1)</script>"
    stranger = await desk.enter(browser, "jan")
    answer = await stranger.request.get(f"{desk.url}/files/{kept[0].id}")
    assert answer.status == 404
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    await page.locator("#reply-form [data-removes]").last.click()
    await expect(page.locator("#reply-form .file")).to_have_count(1)
    await expect(page.locator("#reply-text")).to_be_focused()
    await page.locator("#reply-text").press("Control+Enter")
    await said(page)
    await expect(page.locator(".entry--outbound").last.locator(".file")).to_contain_text("skan.png")
    await expect(page.locator("#reply-form .file")).to_have_count(0)


async def test_hand_over_snooze_tag_and_undo(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("z")
    await expect(page.locator("#dialog-snooze")).to_be_visible()
    await page.keyboard.press("m")  # Monday: two keys
    await expect(page.locator("#head .badge").first).to_have_text("Snoozed")
    await said(page)
    await page.keyboard.press("u")
    await expect(page.locator("#head .badge").first).to_have_text("Open")
    await page.locator("#tag-add").fill("dotacja na rozpoczęcie działalności gospodarczej w powiecie")
    await page.keyboard.press("Enter")
    await expect(page.locator(".tags")).to_contain_text("dotacja")
    await page.locator(".tags .badge", has_text="dotacja").locator(".tag__off").click()
    await expect(page.locator(".tags .badge", has_text="dotacja")).to_have_count(0)
    await page.locator("#stream").focus()
    await page.keyboard.press("t")
    await page.locator("#transfer-to").select_option("office:pup-lomza")
    await page.locator("#transfer-note").fill("To sprawa z Łomży")
    await page.locator("#transfer-until").fill("2020-01-02T08:00")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#dialog-transfer [role=alert]")).to_contain_text("passed")
    await page.locator("#transfer-until").fill("")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#head .badge").first).to_have_text("Waiting for an office")
    await expect(page.locator("#stream")).to_contain_text("To sprawa z Łomży")
    row = await desk.row(made["long"])
    assert (row.office, row.owner) == ("pup-lomza", desk.people["ola"])
    consultant = await desk.enter(browser, "lom")
    await consultant.goto(f"{desk.url}/inbox?view=unassigned")
    await expect(consultant.locator("[data-row]")).to_have_count(1)


async def test_who_comes_second_is_told_and_may_repeat(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.keyboard.press("a")
    await page.locator("#assign-to").select_option(label="Nobody: back to the queue")
    await desk.store.write(
        lambda tx: tx.change(schema.conversation, made["long"], version=77, tags='["nowa"]')
    )
    await page.keyboard.press("Enter")
    await expect(page.locator("#dialog-assign [role=alert]")).to_contain_text("changed by somebody else")
    assert (await desk.row(made["long"])).assignee == desk.people["ola"]
    await expect(page.locator(".tags")).to_contain_text("nowa")
    await page.locator("#assign-to").press("Enter")
    await desk.until(lambda: _is_free(desk, made["long"]), page)


async def test_a_refused_link_breaks_nothing_and_a_refused_mail_is_kept(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.locator("summary", has_text="The same person").click()
    await page.fill("#link-other", "nobody")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast--danger")).to_contain_text("no conversation with that number")
    await page.wait_for_timeout(800)  # what it asks for anew comes in
    await page.goto(f"{desk.url}/new")
    await page.fill("#new-to", "jan")
    await page.fill("#new-subject", "Temat")
    await page.fill("#new-text", "Treść")
    await page.set_viewport_size({"width": 390, "height": 600})
    await page.locator("[data-kept]").scroll_into_view_if_needed()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("form [role=alert]")).to_contain_text("jan")
    await expect(page.locator("form [role=alert]")).to_be_in_viewport()
    await expect(page.locator("[data-kept]")).to_have_text("Saved")


async def test_a_double_click_is_one_action(desk: Console, made: dict[str, int], browser: Browser) -> None:
    """Also where the answer takes a moment: the second click is nobody else's change."""
    page = await opened(desk, browser, made["long"])

    async def slow(route: Route) -> None:
        await asyncio.sleep(0.3)
        await route.continue_()

    await page.route("**/resolve", slow)
    for expected in ("Resolved.", "Undone.", "Resolved."):
        if expected == "Undone.":
            await page.keyboard.press("u")
        else:
            await page.keyboard.press("e")
            await page.locator("#dialog-resolve [data-primary]").dblclick()
        await expect(page.locator(".toast").last).to_contain_text(expected)
        await page.wait_for_timeout(500)
        assert await page.locator(".toast--danger").count() == 0
    assert (await desk.row(made["long"])).status == "resolved"


async def test_on_a_phone_a_conversation_begins_at_its_newest_message(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    await desk.seed(lambda tx: inbound(tx, made["long"], "Najnowsze pytanie"))
    page = await desk.enter(browser, viewport={"width": 390, "height": 600})
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    newest, oldest = page.locator("#stream > *").last, page.locator("#stream > *").first
    await expect(newest).to_contain_text("Najnowsze pytanie")
    await expect(newest).to_be_in_viewport(ratio=1)
    await expect(oldest).not_to_be_in_viewport()
    await page.locator("#reply-text").fill("Odpowiedź\n" * 60)
    await expect(page.locator("[data-kept]").first).to_have_text("Saved")
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    await expect(newest).to_be_in_viewport(ratio=1)
    await page.goto(f"{desk.url}/conversations/{made['long']}?before=3")
    await expect(oldest).to_be_in_viewport()


async def test_on_a_phone_what_to_do_for_somebody_in_danger_comes_first(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    for number in range(9):
        await desk.seed(lambda tx, number=number: inbound(tx, made["urgent"], f"{number}\n" * 9))  # type: ignore[misc]
    page = await desk.enter(browser, viewport={"width": 390, "height": 600})
    async with page.expect_response("**/read"):  # the script has begun
        await page.goto(f"{desk.url}/conversations/{made['urgent']}")
    await expect(page.locator(".protocol")).to_be_in_viewport()


async def test_a_wrong_number_to_merge_with_is_told_where_it_was_typed(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["duplicate"])
    opener = page.locator("[data-opens='dialog-merge']")
    await page.locator("#head details.menu", has=opener).locator("summary").click()
    await opener.click()
    await page.locator("#merge-other").fill("ABC")
    await page.keyboard.press("Enter")
    await expect(page.locator("#dialog-merge [role=alert]")).to_contain_text(
        "no conversation with that number"
    )
    await expect(page.locator("#merge-other")).to_have_value("ABC")
    await page.locator("#merge-other").fill((await desk.row(made["long"])).reference)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{desk.url}/conversations/{made['long']}?view=mine")  # beside the same list
    assert await said(page) == "Merged.\nUndo"


async def test_what_cannot_be_merged_or_moved_is_told_in_place(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["duplicate"])

    def now_somebody_else(tx: Tx) -> int:
        other = tx.row(select(schema.conversation).where(schema.conversation.c.id == made["urgent"]))
        assert other is not None
        tx.change(schema.conversation, made["duplicate"], contact=other.contact)
        return 0

    await desk.seed(now_somebody_else)
    await page.locator("#context form[action$='/merge'] button").click()
    await expect(page.locator(".toast--danger").last).to_contain_text("two different people")
    await page.locator(".entry--inbound details.menu summary").click()
    await page.locator("form[action$='/move'] button").click()
    await expect(page.locator(".toast--danger").last).to_contain_text("only message")
    assert page.url.endswith(f"/conversations/{made['duplicate']}?view=mine")


async def test_who_has_the_open_one_keeps_their_circle_in_the_list(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    ground = "(place) => getComputedStyle(place).backgroundColor"
    row = page.locator(".item--open")
    assert await row.evaluate(ground) != await row.locator(".avatar").evaluate(ground)


async def test_merge_by_one_click_and_taken_apart(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["duplicate"])
    await page.locator("#context form[action$='/merge'] button").click()
    await page.wait_for_url(f"{desk.url}/conversations/{made['long']}?view=mine")
    taken = page.locator(".entry--system form[action^='/merges/']")
    await expect(taken).to_be_visible()  # in the line that tells of the merge
    assert (await desk.row(made["duplicate"])).merged_into == made["long"]
    await expect(page.locator("#stream")).to_contain_text("ubezpieczenie zdrowotne")
    await page.goto(f"{desk.url}/conversations/{made['duplicate']}")
    await page.wait_for_url(f"**/conversations/{made['long']}")
    await page.locator("form[action^='/merges/'] button").click()
    await page.wait_for_url(f"**/conversations/{made['duplicate']}")
    assert (await desk.row(made["duplicate"])).merged_into is None
    # a message to a conversation of its own, and back
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    last = page.locator(".entry--inbound").last
    await last.locator("details.menu summary").click()
    await last.locator("form[action$='/move'] button").click()
    await page.wait_for_url(lambda url: not url.endswith(f"/{made['long']}"))
    await expect(page.locator(".entry--inbound")).to_have_count(1)
    async with page.expect_navigation():
        await page.keyboard.press("u")
    await desk.until(lambda: _has_inbound(desk, made["long"], 2), page)


async def _has_inbound(desk: Console, conversation: int, count: int) -> bool:
    return len(await desk.rows(schema.message, conversation=conversation, kind="inbound")) == count


async def test_a_failed_mail_is_sent_again_by_one_click(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["failed"])
    await expect(page.locator(".entry__foot")).to_contain_text("Failed")
    await page.locator("form[action$='/retry'] button").click()
    await expect(page.locator(".entry__foot")).to_contain_text("Queued")
    await expect(page.locator("#stream")).to_be_focused()  # the button is gone
    (delivery,) = await desk.rows(schema.delivery, conversation=made["failed"])
    assert delivery.state == "queued" and not (await desk.row(made["failed"])).failed


async def test_why_is_it_here_is_one_click(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await opened(desk, browser, made["long"])
    await page.locator("#why summary").click()
    await expect(page.locator("#why .decision")).to_contain_text("Przedsiębiorcy")
    await expect(page.locator("#why .decision")).to_contain_text("wniosek")


async def test_a_colleague_who_types_is_seen(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await opened(desk, browser, made["long"])
    colleague = await opened(desk, browser, made["long"], "jan")
    await expect(page.locator(".marks")).to_contain_text("Jan Zięba")
    await colleague.locator("#reply-text").press_sequentially("Ja")
    await expect(page.locator(".marks")).to_contain_text("is writing")


async def test_news_is_announced_and_nothing_moves_under_the_pointer(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    await page.goto(f"{desk.url}/inbox?view=unassigned")
    await page.locator("[data-row]").nth(2).hover()
    before = await page.locator("[data-row]").evaluate_all("rows => rows.map(row => row.dataset.row)")

    def arrive(tx: Tx) -> int:
        return add_conversation(tx, subject="Wypadek", priority=3, waiting_since=tx.now - 1)

    await desk.seed(arrive)
    await expect(page.locator("#news")).to_be_visible()
    after = await page.locator("[data-row]").evaluate_all("rows => rows.map(row => row.dataset.row)")
    assert after == before
    assert await page.locator("#news-said").inner_text() != ""
    await page.locator("#news").press("Enter")
    await expect(page.locator("#news")).to_be_hidden()
    await expect(page.locator("[data-row]")).to_have_count(len(before) + 1)
    await expect(page.locator("#list-title")).to_be_focused()


async def test_news_without_a_pause_is_shown_all_the_same(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    """On the day of a flood something comes ten times a second: the list goes on, and asks a few times only."""
    page = await desk.enter(browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/inbox?" in request.url else None)
    await page.goto(f"{desk.url}/inbox?view=unassigned")
    before = await page.locator("[data-row]").count()
    asked.clear()
    began = time.monotonic()
    number = 0
    while number < 25 or await page.locator("[data-row]").count() == before:
        await desk.seed(lambda tx, number=number: add_conversation(tx, subject=f"Awaria {number}"))  # type: ignore[misc]
        await page.wait_for_timeout(100)
        number += 1
    asked_at_most = time.monotonic() - began + 2  # once a second, and at both ends
    assert len(asked) <= asked_at_most


async def test_a_queue_that_was_moved_shows_what_is_back_after_an_undo(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser, "ewa")
    await page.goto(f"{desk.url}/supervisor/queues/{(await desk.row(made['long'])).queue}")
    rows = page.locator("input[name=conversation]")
    waiting = await rows.count()
    assert waiting
    await page.locator("[data-checks=conversation]").click()
    await page.locator(".bulk details.menu summary").click()
    await page.locator(".bulk .menu__item").first.click()
    await expect(rows).to_have_count(0)
    await page.locator(".toast button").last.click()
    await expect(rows).to_have_count(waiting)


async def test_forward_and_start_a_conversation(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    first = page.locator(".entry--inbound").first
    await first.locator("details.menu summary").click()
    await first.locator("[data-forward]").click()
    await page.locator("#forward-to").fill("biegly@example.com")
    await page.locator("#forward-text").fill("Prosimy o opinię.")
    await page.keyboard.press("Control+Enter")
    await said(page)
    await expect(page.locator(".entry--outbound").last).to_contain_text("Prosimy o opinię.")
    await page.goto(f"{desk.url}/new")
    await page.locator("#new-to").fill("Nowa Osoba <nowa@example.pl>")
    await page.locator("#new-subject").fill("W nawiązaniu do rozmowy")
    await page.locator("#new-text").fill("Dzień dobry, przesyłam ustalenia.")
    await page.locator("[data-send]").click()
    await page.wait_for_url("**/conversations/**")
    await expect(page.locator("h1#conversation-title")).to_have_text("W nawiązaniu do rozmowy")


async def test_keys_do_nothing_in_fields_and_can_be_switched_off(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await opened(desk, browser, made["long"])
    await page.locator("#reply-text").fill("")
    await page.locator("#reply-text").press_sequentially("ez azt")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.locator("#stream").focus()
    await page.keyboard.press("Alt+e")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.keyboard.press("e")
    await expect(page.locator("#dialog-resolve")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.evaluate("document.documentElement.dataset.keys = 'off'")
    await desk.store.write(
        lambda tx: tx.change(schema.user, desk.people["ola"], settings='{"theme":"auto","keys":false}')
    )
    await page.reload()
    await page.locator("#stream").focus()
    await page.keyboard.press("e")
    await page.keyboard.press("j")
    await expect(page.locator("dialog[open]")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 320])
async def test_a_long_subject_can_be_read_to_its_end(
    desk: Console, made: dict[str, int], browser: Browser, width: int
) -> None:
    subject = (
        "Prośba o ponowne rozpatrzenie wniosku o zasiłek po utracie pracy w spółce, która ogłosiła upadłość"
    )
    await desk.store.write(lambda tx: tx.change(schema.conversation, made["long"], subject=subject))
    page = await opened(desk, browser, made["long"])
    await page.set_viewport_size({"width": width, "height": 720})
    title = page.locator("#conversation-title")
    await expect(title).to_have_text(subject)
    cut = (
        "(title) => title.scrollWidth > title.clientWidth + 1 || title.scrollHeight > title.clientHeight + 1"
    )
    assert not await title.evaluate(cut)


async def test_a_key_right_behind_the_closing_of_a_dialog_acts(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    """Until the browser draws again, the field of the closed dialog has the focus, and would swallow it."""
    page = await opened(desk, browser, made["long"])
    await page.locator("#reply-text").blur()
    await page.keyboard.press("z")
    await expect(page.locator("#dialog-snooze")).to_be_visible()
    where = await page.evaluate(
        """() => {
          const dialog = document.getElementById("dialog-snooze");
          const field = dialog.querySelector("input:not([type=hidden]):not([type=radio])");
          field.focus();
          dialog.close();
          const held = document.activeElement === field;
          field.dispatchEvent(new KeyboardEvent("keydown", { key: "r", bubbles: true, cancelable: true }));
          return [held, document.activeElement.id];
        }"""
    )
    assert where == [True, "reply-text"]


XSS = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"


async def test_nothing_that_a_citizen_writes_runs(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    def attack(tx: Tx) -> int:
        tx.change(
            schema.conversation, made["long"], subject=XSS, preview=XSS, tags='["' + "x" + '"]', topic=XSS
        )
        return inbound(tx, made["long"], XSS, html=f"<p>{XSS}</p><a href='javascript:hacked=1'>x</a>")

    number = await desk.seed(attack)
    page = await opened(desk, browser, made["long"])
    await expect(page.locator(".entry--inbound").last).to_contain_text("<script>")
    await page.locator(".entry--inbound").last.locator("[data-frame] summary").click()
    frame = page.locator("iframe").last
    await expect(frame).to_be_visible()
    assert "allow-scripts" not in (await frame.get_attribute("sandbox") or "")
    answer = await page.request.get(f"{desk.url}/messages/{number}/html")
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy and "default-src 'none'" in policy and "script" not in await answer.text()
    assert "https:" not in policy and "x.example" not in await answer.text()
    await page.wait_for_timeout(300)
    assert await page.evaluate("window.hacked") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing(desk: Console, made: dict[str, int], browser: Browser, theme: str) -> None:
    page = await desk.enter(browser, "ewa", color_scheme=theme)
    found: set[str] = set()
    for path in (
        "/inbox?view=unassigned",
        "/inbox?view=spam",
        "/new",
        "/texts",
        "/inbox/drafts",
        f"/conversations/{made['urgent']}",
        f"/conversations/{made['long']}/print",
        f"/conversations/{made['long']}/why",
    ):
        await page.goto(f"{desk.url}{path}")
        found |= {f"{path}: {each}" for each in await axe_violations(page)}
    await page.goto(f"{desk.url}/conversations/{made['failed']}?view=all")
    found |= set(await axe_violations(page))
    for name in ("resolve", "snooze", "assign", "transfer"):
        await page.click(f'#head [data-opens="dialog-{name}"]')
        await expect(page.locator(f"#dialog-{name}[open]")).to_be_visible()
        found |= {f"{name}: {each}" for each in await axe_violations(page)}
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.keyboard.press("n")
    found |= set(await axe_violations(page))
    assert found == set()


async def test_what_is_told_never_covers_what_somebody_writes(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser)
    told = {
        "text": "This conversation was changed by somebody else meanwhile. Look at it again, then repeat."
    }
    for width in (1440, 1200, 1024, 800, 320):
        await page.set_viewport_size({"width": width, "height": 720})
        await page.goto(f"{desk.url}/conversations/{made['long']}?view=mine")
        await page.evaluate(
            "told => document.dispatchEvent(new CustomEvent('centrala:toast', { detail: told }))", told
        )
        toast = await page.locator(".toast").bounding_box()
        assert toast is not None and toast["x"] >= 0 and toast["x"] + toast["width"] <= width, width
        for part in ("#composer", ".bar", ".rail"):
            other = await page.locator(part).bounding_box()
            assert other is not None and not meets(toast, other), (part, width)


async def test_one_pane_at_a_time_on_a_phone(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await desk.enter(browser, viewport={"width": 320, "height": 640})
    for path in ("/inbox?view=unassigned", f"/conversations/{made['long']}", "/new", "/texts"):
        await page.goto(f"{desk.url}{path}")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, path
    await page.goto(f"{desk.url}/inbox?view=unassigned")
    await expect(page.locator(".pane--queues")).to_be_hidden()
    await page.locator("[data-pane=queues]").click()
    await expect(page.locator(".pane--queues")).to_be_visible()
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    await page.locator("#head [data-pane=context]").click()
    await expect(page.locator(".pane--context")).to_be_visible()
    await page.locator(".pane--context [data-pane=conversation]").click()
    await page.locator("#reply-text").fill("Z telefonu")
    await page.locator("#reply-form [data-send]").first.click()
    await said(page)
    await expect(page.locator(".entry--outbound").last).to_contain_text("Z telefonu")


async def test_who_goes_by_keyboard_stands_where_a_button_led(
    desk: Console, made: dict[str, int], browser: Browser
) -> None:
    page = await desk.enter(browser, viewport={"width": 320, "height": 640})
    await page.goto(f"{desk.url}/conversations/{made['long']}")
    for button, pane in (
        ("#head [data-pane=context]", ".pane--context"),
        (".pane--context [data-pane=conversation]", ".pane--conversation"),
        ("#head [data-pane=list]", ".pane--list"),
        (".pane--list [data-pane=queues]", ".pane--queues"),
    ):
        await page.locator(button).press("Enter")
        await expect(page.locator(pane)).to_be_focused()


async def test_it_works_without_scripts(desk: Console, made: dict[str, int], browser: Browser) -> None:
    page = await desk.enter(browser, java_script_enabled=False)
    await page.goto(f"{desk.url}/inbox?view=mine")
    await page.locator(".item__link").first.click()
    await page.locator("#reply-text").fill("Bez skryptów")
    await page.locator("#reply-form [data-send]").first.click()
    await expect(page.locator(".entry--outbound").last).to_contain_text("Bez skryptów")
