"""Logging in and out as a browser does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hub.people.passwords import hash_password, verify_password
from hub.people.users import set_password
from hub.store.schema import user
from hub.store.store import Store
from hub.web import auth
from hub.web.render import own
from tests.hub.web.conftest import PASSWORD, Client, decoded, field, log_in


async def test_a_page_asks_to_log_in_first(client: Client) -> None:
    async with client.get("/settings/password?a=b", allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Location"] == "/login?next=%2Fsettings%2Fpassword%3Fa%3Db"


async def test_logging_in_opens_the_console(client: Client, people: dict[str, int]) -> None:
    assert await log_in(client, "agent") == (303, "/")
    async with client.get("/settings/password") as response:
        assert response.status == 200
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert "Agent" in await response.text()


async def test_logging_out_ends_the_session(enter: Callable[[str], Any]) -> None:
    agent = await enter("agent")
    assert await agent.post("/logout") == (303, "/login")
    status, _ = await agent.get("/settings/password")
    assert status == 303


async def test_whoever_is_logged_out_goes_back_to_the_page_they_left(
    client: Client, people: dict[str, int]
) -> None:
    """There waits what they wrote. A mistyped password does not forget the place, nor does another tab's log-in."""
    async with client.get("/conversations/7?view=mine", allow_redirects=False) as response:
        log_in_page = response.headers["Location"]
    assert log_in_page == "/login?next=%2Fconversations%2F7%3Fview%3Dmine"
    page = await (await client.get(log_in_page)).text()
    form = {"login": "agent", "password": "pomyłka", "pre": field(page, "pre"), "next": field(page, "next")}
    here = {"Sec-Fetch-Site": "same-origin"}
    async with client.post("/login", data=form, headers=here) as response:
        assert response.status == 401
        assert field(await response.text(), "next") == "/conversations/7?view=mine"
    assert await log_in(client, "agent") == (303, "/")
    async with client.get(log_in_page, allow_redirects=False) as response:
        assert response.headers["Location"] == "/conversations/7?view=mine"
    for elsewhere in ("//evil.example", "https://evil.example/", "javascript:alert(1)"):
        async with client.get("/login", params={"next": elsewhere}, allow_redirects=False) as response:
            assert response.headers["Location"] == "/"


async def test_a_page_that_asks_by_itself_is_not_led_away(client: Client) -> None:
    """Somebody may be writing in it. Where they pressed a button they are told why nothing happened."""
    htmx = {"HX-Request": "true", "Sec-Fetch-Site": "same-origin"}
    async with client.get("/chats", headers=htmx) as response:
        assert response.status == 401 and "HX-Redirect" not in response.headers
        assert decoded(response.headers["HX-Trigger"]) == {"centrala:ended": True}
    async with client.post("/conversations/7/spam", headers=htmx) as response:
        assert response.status == 401
        assert "zachowano" in decoded(response.headers["HX-Trigger"])["centrala:toast"]["text"]


async def test_a_form_of_a_lost_session_leads_back(client: Client) -> None:
    for referer, leads in (
        ("https://hub.example/texts", "/login?next=%2Ftexts"),
        ("http://[", "/login"),
    ):
        headers = {"Sec-Fetch-Site": "same-origin", "Referer": referer}
        async with client.post("/texts", data={"title": "x"}, headers=headers) as response:
            assert response.status == 401 and f'href="{leads}"' in await response.text()


async def test_a_page_from_before_another_log_in_says_so(enter: Callable[[str], Any]) -> None:
    agent = await enter("agent")
    agent.csrf = "of the session before"
    status, page = await agent.post("/presence", {"presence": "away"})
    assert status == 403 and "Odśwież ją" in page and "Nie udało się</h1>" in page


AFTER_THE_RESET = "set by the administrator"


@pytest.fixture
def reset_while_checked(
    sqlite_store: Store, people: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Any]:
    """Somebody resets the agent's password at the moment when the old one has just been found right; gives what the
    agent's account has then."""

    async def verified(stored: str | None, password: str) -> bool:
        fresh = hash_password(AFTER_THE_RESET)
        await sqlite_store.write(lambda tx: set_password(tx, people["agent"], fresh))
        return verify_password(stored, password)

    async def password_now() -> Any:
        def query(tx: Any) -> Any:
            return tx.scalar(select(user.c.password).where(user.c.id == people["agent"]))

        return await sqlite_store.read(query)

    monkeypatch.setattr(auth, "verified", verified)
    return password_now


async def test_a_password_that_is_reset_while_it_is_checked_opens_nothing(
    client: Client, reset_while_checked: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for outdated in (False, True):
        monkeypatch.setattr(auth, "is_outdated", lambda stored, now=outdated: now)
        assert (await log_in(client, "agent", PASSWORD if not outdated else AFTER_THE_RESET))[0] == 401
        async with client.get("/settings", allow_redirects=False) as response:
            assert response.status == 303
    assert verify_password(await reset_while_checked(), AFTER_THE_RESET)


async def test_a_password_that_is_reset_while_it_is_changed_stays(
    enter: Callable[[str], Any], reset_while_checked: Callable[[], Any]
) -> None:
    agent = await enter("agent")
    form = {"current": PASSWORD, "password": "another long one", "again": "another long one"}
    assert (await agent.post("/settings/password", form))[0] == 400
    assert verify_password(await reset_while_checked(), AFTER_THE_RESET)


ELSEWHERE = ("", "inbox", "//evil.example", "/\\evil.example", "https://evil.example", "/\n/e")


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_nobody_is_sent_on_to_another_host(elsewhere: str) -> None:
    assert own(elsewhere) == "/" and own(elsewhere, "/inbox") == "/inbox"
    assert own("/texts?q=a", "/inbox") == "/texts?q=a"
