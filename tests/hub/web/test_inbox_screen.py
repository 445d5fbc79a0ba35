"""The inbox over HTTP, without a browser: forms that work alone, answers for scripts, originals and files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors._html import sanitise
from connectors.email.wrapped import ENCRYPTED
from hub.desk.lists import NAMES
from hub.house import House
from hub.i18n import translate
from hub.messages import append
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.web.conversation_files import attachment_headers, framed, has_remote_images
from hub.web.conversation_words import line
from hub.web.desk import Desk
from tests.hub.desk.conftest import desk_house
from tests.hub.specimen import add_conversation, add_message
from tests.hub.web.conftest import decoded

Enter = Callable[[str], Any]
JSON = {"Accept": "application/json"}


@pytest.fixture
def house() -> House:
    return desk_house()


async def make(store: Store, **columns: Any) -> int:
    return await store.write(lambda tx: add_conversation(tx, **columns))


@pytest.mark.slow
@pytest.mark.parametrize("view", NAMES)
async def test_every_view_opens(enter: Enter, sqlite_store: Store, view: str) -> None:
    await make(sqlite_store)
    agent = await enter("agent")
    queue = "&queue=bezrobotni" if view == "queue" else ""
    status, page = await agent.get(f"/inbox?view={view}{queue}")
    assert status == 200 and 'id="rows"' in page


async def test_addresses_of_lists_are_checked(enter: Enter) -> None:
    agent = await enter("agent")
    for query in ("view=nothing", "view=mine&after=1;DROP", "view=mine&x=1"):
        assert (await agent.get(f"/inbox?{query}"))[0] == 400, query
    assert (await agent.get("/inbox?view=queue&queue=nowhere"))[0] == 404


async def test_a_reply_as_a_plain_form_and_from_a_script(enter: Enter, sqlite_store: Store) -> None:
    found = await make(sqlite_store)
    agent = await enter("agent")
    form = {"text": "Dzień dobry", "client_id": "aaaaaaaa-1", "based_on": "1", "after": "open"}
    assert await agent.post(f"/conversations/{found}/reply", form) == (303, f"/conversations/{found}")
    status, body = await agent.post(f"/conversations/{found}/reply", form, **JSON)
    assert status == 200 and decoded(body)["number"] == 2  # the same again: nothing new was sent

    def later(tx: Tx) -> None:
        append(tx, found, kind="note", text="uwaga", author=None)

    await sqlite_store.write(later)
    status, body = await agent.post(
        f"/conversations/{found}/reply", form | {"client_id": "bbbbbbbb-1", "based_on": "2"}, **JSON
    )
    assert status == 409 and decoded(body)["new"] == [3]
    bad = form | {"client_id": "cccccccc-1", "based_on": "3", "to": "nie adres"}
    status, body = await agent.post(f"/conversations/{found}/reply", bad, **JSON)
    assert status == 422 and decoded(body)["field"] == "recipients"
    status, page = await agent.post(f"/conversations/{found}/reply", bad)
    assert status == 422 and "<h1>" in page and "nie adres" in page


async def test_other_words_after_a_lost_answer_are_not_called_sent(enter: Enter, sqlite_store: Store) -> None:
    found = await make(sqlite_store)
    agent = await enter("agent")
    form = {"text": "Dzień dobry", "client_id": "aaaaaaaa-1", "based_on": "1", "after": "open"}
    assert (await agent.post(f"/conversations/{found}/reply", form, **JSON))[0] == 200
    more = form | {"text": "Dzień dobry, proszę przyjść jutro."}
    status, body = await agent.post(f"/conversations/{found}/reply", more, **JSON)
    assert status == 409 and decoded(body)["again"] is True
    note = {"text": "Uwaga", "client_id": "bbbbbbbb-1"}
    assert (await agent.post(f"/conversations/{found}/notes", note, **JSON))[0] == 200
    status, body = await agent.post(f"/conversations/{found}/notes", note | {"text": "Inna"}, **JSON)
    assert status == 409 and decoded(body)["again"] is True


async def test_an_undo_is_of_the_action_that_offers_it(enter: Enter, sqlite_store: Store) -> None:
    """Also when another came after it; and what changed nothing offers none."""
    first, second = await make(sqlite_store), await make(sqlite_store)
    agent = await enter("agent")
    htmx = {"HX-Request": "true"}

    async def act(path: str, **form: str) -> str | None:
        headers = {"X-CSRF": agent.csrf, "Sec-Fetch-Site": "same-origin", **htmx}
        async with agent.client.post(path, data=form, headers=headers) as answer:
            assert answer.status == 200
            toast = decoded(answer.headers["HX-Trigger"])["centrala:toast"]
            return str(toast["undo"]) if toast["undo"] else None

    resolved = await act(f"/conversations/{first}/resolve", topic="zasiłek")
    assert await act(f"/conversations/{second}/tags", add="pilne") is not None
    assert await act(f"/conversations/{second}/tags", add="pilne") is None
    assert resolved is not None and (await agent.post(resolved, **JSON))[0] == 200
    table = schema.conversation
    kept = await sqlite_store.read(
        lambda tx: {row.id: (row.status, row.tags) for row in tx.rows(select(table))}
    )
    assert kept == {first: ("open", "[]"), second: ("open", '["pilne"]')}


async def test_actions_answer_htmx_with_the_parts_that_changed(enter: Enter, sqlite_store: Store) -> None:
    found = await make(sqlite_store)
    agent = await enter("agent")
    status, body = await agent.post(
        f"/conversations/{found}/resolve", {"topic": "zasiłek", "version": "1"}, **{"HX-Request": "true"}
    )
    assert status == 200 and body.count("<hx-partial") == 3 and "Zakończone" in body
    stale = await agent.post(f"/conversations/{found}/spam", {"version": "1"}, **{"HX-Request": "true"})
    assert stale[0] == 409
    status, _ = await agent.post(f"/conversations/{found}/snooze", {"until": "kiedyś"})
    assert status == 400


async def test_a_page_alone_marks_nothing_as_read(enter: Enter, sqlite_store: Store) -> None:
    found = await make(sqlite_store)
    agent = await enter("agent")
    assert "item--unread" in (await agent.get("/inbox?view=all"))[1]
    assert (await agent.get(f"/conversations/{found}?view=all"))[0] == 200
    assert "item--unread" in (await agent.get("/inbox?view=all"))[1]
    headers = {"X-CSRF": agent.csrf, "Sec-Fetch-Site": "same-origin"}
    async with agent.client.post(
        f"/conversations/{found}/read", json={"number": 1}, headers=headers
    ) as answer:
        assert answer.status == 200
    assert "item--unread" not in (await agent.get("/inbox?view=all"))[1]


async def test_a_refused_form_leads_back_and_is_not_called_a_change(
    enter: Enter, sqlite_store: Store
) -> None:
    found = await make(sqlite_store)
    agent = await enter("agent")
    here = f"http://hub.example/conversations/{found}?view=mine"
    status, page = await agent.post(f"/conversations/{found}/merge", {"other": "ABC"}, Referer=here)
    assert status == 409 and "Nie udało się</h1>" in page
    assert f'href="/conversations/{found}?view=mine"' in page
    for elsewhere in ("http://hub.example//evil.example/", "javascript:alert(1)", ""):
        _, page = await agent.post(f"/conversations/{found}/merge", {"other": "ABC"}, Referer=elsewhere)
        assert "evil" not in page and "alert(1)" not in page


async def test_bulk_refuses_unknown_actions(enter: Enter, sqlite_store: Store) -> None:
    found = await make(sqlite_store)
    agent = await enter("agent")
    assert (await agent.post("/inbox/bulk", {"c": str(found), "act": "drop"}))[0] == 400
    status, where = await agent.post(
        "/inbox/bulk", {"c": str(found), "act": "resolve", "next": "//evil.example"}
    )
    assert (status, where) == (303, "/inbox")


async def test_the_original_is_shown_as_text_and_downloaded(enter: Enter, sqlite_store: Store) -> None:
    def fill(tx: Tx) -> tuple[int, int]:
        found = add_conversation(tx)
        content = b"Subject: x\r\n\r\n<script>alert(1)</script>"
        kept = {"inbox": "kontakt", "received_at": tx.now, "content_type": "message/rfc822", "state": "ok"}
        raw = tx.add(schema.raw, {**kept, "content": content})
        message = add_message(tx, found, number=2, raw=raw)
        tx.change(schema.conversation, found, messages=2)
        return found, message

    _, message = await sqlite_store.write(fill)
    agent = await enter("agent")
    status, page = await agent.get(f"/messages/{message}/source")
    assert status == 200 and "&lt;script&gt;" in page
    async with agent.client.get(f"/messages/{message}/source?download") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    stranger = await enter("lomza")
    assert (await stranger.get(f"/messages/{message}/source"))[0] == 404


async def test_a_file_leaves_only_as_a_download(enter: Enter, sqlite_store: Store, desk: Desk) -> None:
    blob = await desk.blobs.put(b"<script>alert(1)</script>")
    found = await make(sqlite_store)

    def attach(tx: Tx) -> int:
        message = add_message(tx, found, number=2)
        file = {
            "message": message,
            "position": 1,
            "filename": 'a"b\r\nX: y.html',
            "content_type": "text/html",
        }
        rest = {"size": 3, "sha256": "x", "blob": blob, "inline": False, "content_id": ""}
        return tx.add(schema.attachment, {**file, **rest})

    number = await sqlite_store.write(attach)
    agent = await enter("agent")
    async with agent.client.get(f"/files/{number}") as answer:
        assert answer.status == 200 and answer.content_type == "application/octet-stream"
        assert "\n" not in answer.headers["Content-Disposition"] and "X" not in answer.headers
    assert (await agent.get(f"/files/{number}/image"))[0] == 404
    assert (await (await enter("lomza")).get(f"/files/{number}"))[0] == 404


async def test_every_file_of_a_mail_is_on_its_page(enter: Enter, sqlite_store: Store, desk: Desk) -> None:
    """A picture inside the text may be a logo, or what the letter is about."""
    blob = await desk.blobs.put(b"x")
    found = await make(sqlite_store)

    def attach(tx: Tx) -> None:
        file = {"message": add_message(tx, found, number=2), "position": 1, "content_type": "image/png"}
        rest = {"size": 3, "sha256": "x", "blob": blob, "content_id": "a@b"}
        tx.add(schema.attachment, {**file, **rest, "filename": "zrzut.png", "inline": True})
        tx.add(schema.attachment, {**file, **rest, "filename": "umowa.png", "inline": False})

    await sqlite_store.write(attach)
    _, page = await (await enter("agent")).get(f"/conversations/{found}")
    inside = page[page.index("Obrazy w treści") :]
    assert "zrzut.png" in inside and "umowa.png" not in inside
    assert page.index("umowa.png") < page.index("Obrazy w treści")


@pytest.mark.parametrize(
    ("html", "gone"),
    [
        ("<script>alert(1)</script>ok", "script"),
        ("<p onclick=alert(1)>ok</p>", "onclick"),
        ("ok<img src=https://x.example/p.gif>", "x.example"),
        ("ok<img src='//x.example/p.gif'>", "x.example"),
        ("ok<a href='javascript:alert(1)'>x</a>", "javascript"),
        ("ok<a href='data:text/html,<script>'>x</a>", "data:text"),
        ("ok<form action=https://x.example><input></form>", "form"),
        ("ok<iframe src=https://x.example></iframe>", "iframe"),
        ("ok<svg onload=alert(1)><style>@import url(//x.example)</style></svg>", "x.example"),
        ("ok<p style='background:url(https://x.example/a)'>x</p>", "style="),
        ("ok<img data-src='https://x.example/p.gif'>", " src="),
        ("ok<base href=https://x.example><link rel=stylesheet href=//x.example>", "x.example"),
    ],
)
def test_mail_html_is_cleaned_for_its_frame(html: str, gone: str) -> None:
    shown = framed(html, {}, remote=False).partition("</style>")[2]
    assert "ok" in shown and gone not in shown


def test_pictures_of_a_mail() -> None:
    html = "<img src='cid:a@b'><img src='https://x.example/p.gif'>"
    shown = framed(html, {"a@b": "data:image/png;base64,AAAA"}, remote=True)
    assert "data:image/png;base64,AAAA" in shown and "https://x.example/p.gif" in shown
    kept = sanitise(html + "<img alt='' src='http://x.example/plain.gif'>")
    assert " src='https:" not in kept and has_remote_images(kept)
    assert '<img src="https://x.example/p.gif">' in framed(kept, {}, remote=True), "after a click they load"
    assert "x.example" not in framed(kept, {}, remote=False), "and before it they do not"
    assert 'src="https://x.example/plain.gif"' in framed(kept, {}, remote=True), "never in the clear"
    named = framed(
        '<img src="CID:a%40b"><img src="cid:c&amp;d">',
        {"a@b": "data:image/png,A", "c&d": "data:image/png,B"},
        remote=False,
    )
    assert "data:image/png,A" in named and "data:image/png,B" in named
    assert (
        has_remote_images(html) and not has_remote_images("<img src='cid:a'>") and not has_remote_images(None)
    )


@pytest.mark.parametrize(
    "name", ["zażółć.pdf", 'a"; filename="b.exe', "x\r\nSet-Cookie: a=b", "../../etc/passwd", ""]
)
def test_no_file_name_leaves_its_place(name: str) -> None:
    disposition = attachment_headers(name, "application/pdf")["Content-Disposition"]
    assert disposition.count('"') == 2 and "\n" not in disposition and "\r" not in disposition
    assert "/" not in disposition.split("filename*")[0]


def test_every_key_of_the_desk_is_on_its_page() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/console.md").read_text(encoding="utf-8")
    templates = (root / "hub/web/templates/inbox").glob("*.html")
    keys = {
        key
        for file in templates
        for key in re.findall(r'data-key="([^"{]+)"', file.read_text(encoding="utf-8"))
    }
    assert len(keys) > 8
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


def test_system_lines_in_words(house: House) -> None:
    def said(**data: Any) -> str:
        return line(data, "Ola", "en", "Europe/Warsaw", house.directory)

    assert said(what="assigned", name="Ola") == "Ola gave it to Ola."  # two of one name
    assert said(what="assigned", name="Ola", own=True) == "Ola took it."
    assert said(what="transferred", queue="pracodawcy") == "Ola handed it to the queue “Employers”."
    assert (
        said(what="resolved", topic="x") == "Ola resolved it: x."
        and said(what="resolved") == "Ola resolved it."
    )
    assert said(what="tagged", add=["a", "b"], remove=[]) == "Ola added tags: a, b."
    assert said(what="snoozed", until=1_794_816_000_000_000).startswith("Ola snoozed it until Monday")
    assert said(what="woken", why="failed-delivery") != said(what="woken", why="time")
    assert said(what="bounced", recipients=[{"address": "a@b.pl", "status": "5.1.1"}]).endswith(
        "a@b.pl 5.1.1"
    )
    assert "{" not in said(what="never-heard-of")


async def test_what_cannot_be_read_says_why_where_it_is_shown_and_printed(
    enter: Enter, sqlite_store: Store
) -> None:
    data = msgspec.json.encode({"unreadable": ENCRYPTED}).decode()

    def write(tx: Tx) -> int:
        found = add_conversation(tx)
        add_message(tx, found, number=2, data=data)
        return found

    found = await sqlite_store.write(write)
    agent = await enter("agent")
    for path in ("", "/print"):
        assert translate("pl", ENCRYPTED) in (await agent.get(f"/conversations/{found}{path}"))[1]
