"""Guessing, enumeration, fixation: what log-in must withstand."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hub.people import passwords
from hub.people.resets import make_reset
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.web.guard import COOKIE
from tests.hub.conftest import FakeClock
from tests.hub.web.conftest import PASSWORD, Client, field, log_in

GUESS = "wrong horse battery"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def _told(page: str) -> str:
    """What a page says, without what differs by nature: the token and the login that was typed."""
    return re.sub(r'(name="pre" value|id="login"[^>]*value)="[^"]*"', "", page)


async def test_an_unknown_login_is_answered_like_a_wrong_password(
    client: Client, people: dict[str, int]
) -> None:
    status, wrong = await log_in(client, "agent", GUESS)
    unknown_status, unknown = await log_in(client, "nobody", GUESS)
    assert status == unknown_status == 401
    assert _told(wrong) == _told(unknown)


async def test_a_disabled_account_is_answered_like_a_wrong_password(
    client: Client, people: dict[str, int], sqlite_store: Store
) -> None:
    await sqlite_store.write(lambda tx: tx.change(schema.user, people["agent"], active=False))
    status, disabled = await log_in(client, "agent", PASSWORD)
    _, wrong = await log_in(client, "lomza", GUESS)
    assert status == 401
    assert _told(disabled) == _told(wrong)


@pytest.mark.slow
@pytest.mark.usefixtures("real_passwords")
def test_nobody_takes_as_long_as_somebody() -> None:
    """The same work is done for an unknown login: argon2 with the same parameters."""
    stored = passwords.hash_password(PASSWORD)

    def cost(known: str | None) -> float:
        began = time.process_time()
        assert not passwords.verify_password(known, GUESS)
        return time.process_time() - began

    cost(None)
    known, unknown = (min(cost(which) for _ in range(3)) for which in (stored, None))
    assert 0.5 < known / unknown < 2
    assert stored.split("$")[3] == passwords.NOBODY.split("$")[3]


@pytest.mark.parametrize("password", ["", " ", PASSWORD.upper(), PASSWORD + " ", PASSWORD[:-1], "x" * 5000])
async def test_a_wrong_password_never_opens_the_door(
    client: Client, people: dict[str, int], password: str
) -> None:
    status, _ = await log_in(client, "agent", password)
    assert status == 401


async def test_an_account_without_a_password_cannot_be_entered(
    client: Client, people: dict[str, int], sqlite_store: Store
) -> None:
    await sqlite_store.write(lambda tx: tx.change(schema.user, people["agent"], password=None))
    for password in ("", "None", PASSWORD):
        assert (await log_in(client, "agent", password))[0] == 401


async def test_an_account_is_throttled_and_then_free_again(
    client: Client, people: dict[str, int], clock: FakeClock
) -> None:
    for _ in range(5):
        assert (await log_in(client, "agent", GUESS))[0] == 401
    assert (await log_in(client, "agent", PASSWORD))[0] == 429
    assert (await log_in(client, "AGENT ", PASSWORD))[0] == 429
    assert (await log_in(client, "supervisor", PASSWORD))[0] == 303
    client.session.cookie_jar.clear()
    clock.move(minutes=15.1)
    assert (await log_in(client, "agent", PASSWORD))[0] == 303


async def test_guessing_leaves_its_trace(
    client: Client, people: dict[str, int], sqlite_store: Store, clock: FakeClock
) -> None:
    async def log_ins() -> list[str]:
        audit = schema.audit.c
        rows = select(audit.detail).where(audit.action == "log-in").order_by(audit.id)
        return [row.detail for row in await sqlite_store.read(lambda tx: tx.rows(rows))]

    for _ in range(3):
        await log_in(client, "agent", GUESS)
    assert (await log_in(client, "agent", PASSWORD))[0] == 303
    assert await log_ins() == ['{"failed":3}']
    client.session.cookie_jar.clear()
    clock.move(minutes=16)
    assert (await log_in(client, "agent", PASSWORD))[0] == 303
    assert await log_ins() == ['{"failed":3}', "{}"]


async def test_unknown_logins_are_throttled_alike(client: Client, people: dict[str, int]) -> None:
    statuses = [(await log_in(client, "nobody", GUESS))[0] for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2


async def test_guesses_at_the_same_time_do_not_pass_the_throttle(
    client: Client, people: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def refuse(stored: str | None, password: str) -> bool:
        checked.append(password)
        return False

    monkeypatch.setattr("hub.web.auth.verify_password", refuse)
    page = await (await client.get("/login")).text()

    async def guess(number: int) -> int:
        form = {"login": "agent", "password": f"guess {number}", "pre": field(page, "pre")}
        async with client.post("/login", data=form, headers=SAME_SITE) as response:
            return response.status

    statuses = await asyncio.gather(*(guess(number) for number in range(40)))
    assert len(checked) == statuses.count(401) == 5


async def test_an_address_is_throttled_over_all_accounts(
    client: Client, people: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.auth.verify_password", lambda stored, password: False)
    statuses = [(await log_in(client, f"user{number}", GUESS))[0] for number in range(22)]
    assert statuses == [401] * 20 + [429] * 2


async def test_a_forged_forwarding_header_is_no_other_address(
    client: Client, people: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.auth.verify_password", lambda stored, password: False)
    page = await (await client.get("/login")).text()
    statuses = []
    for number in range(22):
        form = {"login": f"user{number}", "password": GUESS, "pre": field(page, "pre")}
        headers = {**SAME_SITE, "X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"}
        async with client.post("/login", data=form, headers=headers) as response:
            statuses.append(response.status)
    assert statuses[-2:] == [429, 429]


async def test_the_session_changes_at_log_in_and_the_one_before_ends(
    client: Client, people: dict[str, int], sqlite_store: Store
) -> None:
    client.session.cookie_jar.update_cookies({COOKIE: "fixed-by-somebody-else"}, client.make_url("/"))
    assert (await log_in(client, "agent"))[0] == 303
    cookies = client.session.cookie_jar.filter_cookies(client.make_url("/"))
    assert cookies[COOKIE].value not in ("", "fixed-by-somebody-else")
    stored = await sqlite_store.read(lambda tx: tx.rows(select(schema.session.c.token_hash)))
    assert len(stored) == 1 and stored[0].token_hash != cookies[COOKIE].value


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    client: Client, people: dict[str, int]
) -> None:
    page = await (await client.get("/login")).text()
    form = {"login": "agent", "password": PASSWORD, "pre": field(page, "pre")}
    async with client.post("/login", data=form, headers=SAME_SITE, allow_redirects=False) as response:
        cookie = response.cookies[COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"


async def test_an_ended_session_opens_nothing(enter: Callable[[str], Any], clock: FakeClock) -> None:
    agent = await enter("agent")
    assert (await agent.get("/settings"))[0] == 200
    clock.move(hours=9.9)
    assert (await agent.get("/settings"))[0] == 200
    clock.move(hours=10.1)
    assert (await agent.get("/settings"))[0] == 303


async def test_a_session_ends_in_any_case_after_a_week(enter: Callable[[str], Any], clock: FakeClock) -> None:
    agent = await enter("agent")
    for _ in range(24):
        clock.move(hours=7)
        status, _ = await agent.get("/settings")
    assert status == 303


async def test_a_changed_password_ends_the_other_sessions(enter: Callable[[str], Any]) -> None:
    here, there = await enter("agent"), await enter("agent")
    form = {"current": PASSWORD, "password": "another long one", "again": "another long one"}
    assert await here.post("/settings/password", form) == (303, "/settings")
    assert (await here.get("/settings"))[0] == 200
    assert (await there.get("/settings"))[0] == 303


async def test_the_present_password_is_asked_for_and_throttled(enter: Callable[[str], Any]) -> None:
    agent = await enter("agent")
    form = {"current": GUESS, "password": "another long one", "again": "another long one"}
    statuses = [(await agent.post("/settings/password", form))[0] for _ in range(6)]
    assert statuses == [400] * 5 + [429]


async def test_a_reset_link_works_once_and_not_for_long(
    client: Client, people: dict[str, int], sqlite_store: Store, clock: FakeClock
) -> None:
    used, old = "u" * 43, "o" * 43
    form = {"password": "a fresh password", "again": "a fresh password"}

    async def spend(token: str) -> int:
        async with client.post(
            f"/reset/{token}", data=form, headers=SAME_SITE, allow_redirects=False
        ) as response:
            return response.status

    await sqlite_store.write(lambda tx: make_reset(tx, SYSTEM, people["agent"], used))
    assert await spend("x" * 43) == 410
    assert await spend(used) == 303
    assert await spend(used) == 410
    assert (await log_in(client, "agent", "a fresh password"))[0] == 303
    await sqlite_store.write(lambda tx: make_reset(tx, SYSTEM, people["lomza"], old))
    clock.move(days=1, minutes=1)
    assert await spend(old) == 410
    kept = await sqlite_store.read(lambda tx: tx.rows(select(schema.password_reset.c.token_hash)))
    assert old not in {row.token_hash for row in kept}


async def test_logging_somebody_in_from_another_site_fails(client: Client, people: dict[str, int]) -> None:
    page = await (await client.get("/login")).text()
    form = {"login": "agent", "password": PASSWORD, "pre": field(page, "pre")}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        async with client.post("/login", data=form, headers=headers, allow_redirects=False) as response:
            assert response.status == 403
    for wrong in ("", "guess"):
        async with client.post("/login", data={**form, "pre": wrong}, headers=SAME_SITE) as response:
            assert response.status == 403


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/\r\nX: y", "javascript:x"]
)
async def test_log_in_leads_nowhere_else(client: Client, people: dict[str, int], target: str) -> None:
    page = await (await client.get("/login")).text()
    form = {"login": "agent", "password": PASSWORD, "pre": field(page, "pre"), "next": target}
    async with client.post("/login", data=form, headers=SAME_SITE, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/")
