"""Getting past the second factor: what the password alone, an old code, a guess and a half-open log-in must not do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from hub.house import House
from hub.people import second_factor, users
from hub.people.second_factor import PERIOD, STEP_VALID, code_at
from hub.people.sessions import hash_token, open_session
from hub.people.throttle import Attempt
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.web import second_factor as pages
from hub.web.auth import STEP_COOKIE, begin_guess
from hub.web.guard import COOKIE
from tests.hub.conftest import FakeClock
from tests.hub.specimen import CONFIG, a_house
from tests.hub.web.conftest import PASSWORD, Client, field, log_in

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""That of RFC 6238, appendix B, in base32."""

PAPER = "k3vq-7mzd"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
PAGE = "/settings/second-factor"


@pytest.fixture
def house() -> House:
    """Administrators must have a second factor, everybody else may."""
    private = msgspec.structs.replace(CONFIG.private, second_factor=("administrator",))
    return a_house(msgspec.structs.replace(CONFIG, private=private))


@pytest.fixture
async def coded(sqlite_store: Store, people: dict[str, int], clock: FakeClock) -> int:
    """The agent, who logs in with a code of an app; the code of this moment is used up."""
    await turn_on(sqlite_store, clock, people["agent"])
    clock.move(seconds=60)
    return people["agent"]


async def turn_on(store: Store, clock: FakeClock, user: int) -> None:
    def command(tx: Tx) -> None:
        second_factor.prepare(tx, user, SECRET)
        assert second_factor.confirm(tx, user, code_at(SECRET, tx.now), [PAPER], keep_hash="")

    await store.write(command)


async def give(client: Client, code: str) -> tuple[int, str]:
    """Send the form that asks for the code; status and where it leads, or the page."""
    async with client.get("/login/code", allow_redirects=False) as response:
        if response.status != 200:
            return response.status, response.headers["Location"]
        page = await response.text()
    form = {"code": code, "pre": field(page, "pre"), "next": "/inbox"}
    async with client.post("/login/code", data=form, headers=SAME_SITE, allow_redirects=False) as response:
        return response.status, response.headers.get("Location") or await response.text()


async def is_in(client: Client) -> bool:
    async with client.get("/settings", allow_redirects=False) as response:
        return response.status == 200


def another(server: TestServer) -> Client:
    return TestClient(server, cookie_jar=CookieJar(unsafe=True))


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B: the last six of its eight digits."""
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert code_at(SECRET, seconds * 1_000_000) == code


@pytest.mark.parametrize(
    "path", ["/", "/inbox", "/settings", PAGE, "/live", "/admin/users", "/conversations/1"]
)
async def test_the_password_alone_opens_nothing(client: Client, coded: int, path: str) -> None:
    assert await log_in(client, "agent") == (303, "/login/code?next=%2F")
    async with client.get(path, allow_redirects=False) as response:
        assert response.status in (303, 401) and "/login" in response.headers.get("Location", "/login")


async def test_the_code_lets_in_once(
    client: Client, coded: int, clock: FakeClock, server: TestServer
) -> None:
    code = code_at(SECRET, clock.now())
    await log_in(client, "agent")
    assert await give(client, code) == (303, "/inbox")
    assert await is_in(client)
    async with another(server) as second:
        await log_in(second, "agent")
        status, page = await give(second, code)
        assert status == 401 and "został już użyty" in page and not await is_in(second)


async def test_a_code_that_two_show_at_once_lets_one_in(
    coded: int, clock: FakeClock, server: TestServer, sqlite_store: Store
) -> None:
    code = code_at(SECRET, clock.now())
    right = await asyncio.gather(
        *(sqlite_store.write(lambda tx: second_factor.spend(tx, coded, code)) for _ in range(5))
    )
    assert sorted(right) == [False] * 4 + [True]


@pytest.mark.parametrize(("periods", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_clock_may_be_half_a_minute_wrong(
    client: Client, coded: int, clock: FakeClock, periods: int, right: bool
) -> None:
    clock.move(seconds=120)
    await log_in(client, "agent")
    status, _ = await give(client, code_at(SECRET, clock.now() + periods * PERIOD))
    assert (status == 303) is right


async def test_codes_cannot_be_guessed(client: Client, coded: int, clock: FakeClock) -> None:
    """Not one after the other, not many at a time: the throttle is that of the password."""
    await log_in(client, "agent")
    right = code_at(SECRET, clock.now())
    guesses = [f"{number:06}" for number in range(1, 40) if f"{number:06}" != right]
    answers = [status for status, _ in await asyncio.gather(*(give(client, guess) for guess in guesses))]
    assert answers.count(401) <= 10 and set(answers) == {401, 429}
    assert (await give(client, right))[0] == 429
    assert not await is_in(client)


async def test_a_half_open_log_in_ends(
    client: Client, coded: int, clock: FakeClock, sqlite_store: Store, password_hash: str
) -> None:
    await log_in(client, "agent")
    clock.move(seconds=STEP_VALID // 1_000_000 + 1)
    assert await give(client, code_at(SECRET, clock.now())) == (303, "/login")
    await log_in(client, "agent")
    await sqlite_store.write(lambda tx: users.set_password(tx, coded, password_hash))
    assert await give(client, code_at(SECRET, clock.now())) == (303, "/login")
    await log_in(client, "agent")
    await sqlite_store.write(lambda tx: tx.change(schema.user, coded, active=False))
    assert await give(client, code_at(SECRET, clock.now())) == (303, "/login")


async def test_what_a_browser_holds_in_between_is_no_session(client: Client, coded: int) -> None:
    await log_in(client, "agent")
    [step] = [cookie for cookie in client.session.cookie_jar if cookie.key == STEP_COOKIE]
    assert step["httponly"] and step["samesite"] == "Strict" and step["path"] == "/login"
    client.session.cookie_jar.update_cookies({COOKIE: step.value}, client.make_url("/"))
    assert not await is_in(client)


async def test_nobody_begins_with_the_code(client: Client, coded: int, clock: FakeClock) -> None:
    assert await give(client, code_at(SECRET, clock.now())) == (303, "/login")
    form = {"code": code_at(SECRET, clock.now()), "pre": "x"}
    async with client.post("/login/code", data=form, headers=SAME_SITE, allow_redirects=False) as response:
        assert response.status == 403


async def test_a_code_on_paper_works_once_however_it_is_typed(
    client: Client, coded: int, server: TestServer, sqlite_store: Store
) -> None:
    kept = await sqlite_store.read(lambda tx: tx.rows(select(schema.paper_code.c.code_hash)))
    assert [row for row in kept if PAPER in row.code_hash or PAPER.replace("-", "") in row.code_hash] == []
    await log_in(client, "agent")
    assert (await give(client, " K3VQ 7MZD "))[0] == 303
    async with another(server) as second:
        await log_in(second, "agent")
        assert (await give(second, PAPER))[0] == 401


async def test_the_secret_is_shown_to_its_person_alone_and_only_until_it_counts(
    enter: Callable[[str], Any], clock: FakeClock
) -> None:
    agent, colleague = await enter("agent"), await enter("moderator")
    assert 'class="secret mono"' not in (await agent.get(PAGE))[1]
    status, page = await agent.post(f"{PAGE}/begin", {"current": "wrong horse battery"})
    assert status == 400 and "Obecne hasło jest nieprawidłowe" in page
    assert await agent.post(f"{PAGE}/begin", {"current": PASSWORD}) == (303, PAGE)
    _, page = await agent.get(PAGE)
    secret = "".join(re.findall(r"[A-Z2-7]{4}", page.partition('class="secret mono"')[2])[:8])
    assert len(secret) == 32 and "data:image/svg+xml" in page
    assert 'class="secret mono"' not in (await colleague.get(PAGE))[1]
    assert (await agent.post(f"{PAGE}/confirm", {"code": "000000"}))[0] == 400
    status, page = await agent.post(f"{PAGE}/confirm", {"code": code_at(secret, clock.now())})
    assert status == 200 and len(re.findall(r"<li>[a-z2-7]{4}-[a-z2-7]{4}</li>", page)) == 10
    for shown in (await agent.get(PAGE), await agent.get("/settings")):
        assert secret not in shown[1].replace(" ", "") and "data:image/svg" not in shown[1]


async def test_other_sessions_end_when_it_is_turned_on(
    enter: Callable[[str], Any], people: dict[str, int], sqlite_store: Store, clock: FakeClock
) -> None:
    here, there = await enter("agent"), await enter("agent")
    await here.post(f"{PAGE}/begin", {"current": PASSWORD})
    row = await sqlite_store.read(lambda tx: tx.row(select(schema.second_factor)))
    assert row is not None
    await here.post(f"{PAGE}/confirm", {"code": code_at(row.secret, clock.now())})
    assert (await here.get("/settings"))[0] == 200
    assert (await there.get("/settings"))[0] == 303


async def test_it_is_turned_off_by_a_code_only(
    enter: Callable[[str], Any], coded: int, clock: FakeClock, client: Client
) -> None:
    agent = await enter("agent")
    assert (await agent.post(f"{PAGE}/begin", {"current": PASSWORD}))[0] == 303  # changes nothing any more
    assert (await agent.post(f"{PAGE}/end", {"code": "000000"}))[0] == 400
    assert await log_in(client, "agent") == (303, "/login/code?next=%2F")
    assert (await agent.post(f"{PAGE}/end", {"code": code_at(SECRET, clock.now())}))[0] == 303
    assert await log_in(client, "agent") == (303, "/")


async def test_new_codes_on_paper_end_the_old_ones(
    enter: Callable[[str], Any], coded: int, clock: FakeClock, sqlite_store: Store
) -> None:
    agent = await enter("agent")
    status, page = await agent.post(f"{PAGE}/papers", {"code": code_at(SECRET, clock.now())})
    fresh = re.findall(r"<li>([a-z2-7]{4}-[a-z2-7]{4})</li>", page)
    assert status == 200 and len(fresh) == 10
    assert not await sqlite_store.write(lambda tx: second_factor.spend(tx, coded, PAPER))
    assert await sqlite_store.write(lambda tx: second_factor.spend(tx, coded, fresh[3]))


async def test_a_role_that_must_have_it_does_nothing_without(
    enter: Callable[[str], Any], people: dict[str, int], sqlite_store: Store, clock: FakeClock
) -> None:
    boss = await enter("administrator")
    for path in ("/", "/inbox", "/admin/users", "/settings", "/settings/password"):
        assert (await boss.get(path))[0] == 303
    assert (await boss.get("/inbox", headers={"HX-Request": "true"}))[0] == 403
    assert (await boss.post("/presence", {"presence": "away"}))[0] == 403
    status, page = await boss.get(PAGE)
    assert status == 200 and "Twoja rola tego wymaga" in page
    await boss.post(f"{PAGE}/begin", {"current": PASSWORD})
    row = await sqlite_store.read(lambda tx: tx.row(select(schema.second_factor)))
    assert row is not None
    assert (await boss.post(f"{PAGE}/confirm", {"code": code_at(row.secret, clock.now())}))[0] == 200
    assert (await boss.get("/admin/users"))[0] == 200
    clock.move(seconds=60)
    assert (await boss.post(f"{PAGE}/end", {"code": code_at(row.secret, clock.now())}))[0] == 403
    assert (await (await enter("agent")).get("/inbox"))[0] == 200


async def test_an_administrator_takes_it_away_and_the_person_is_out(
    coded: int, people: dict[str, int], sqlite_store: Store, house: House, client: Client
) -> None:
    def command(tx: Tx) -> None:
        open_session(tx, house.directory.config.limits, coded, "t", "c")
        second_factor.take_away(tx, SYSTEM, coded)

    await sqlite_store.write(command)
    left = select(schema.session.c.user).where(schema.session.c.token_hash == hash_token("t"))
    assert await sqlite_store.read(lambda tx: tx.scalar(left)) is None
    assert await log_in(client, "agent") == (303, "/")


@pytest.fixture
def reset_meanwhile(
    sqlite_store: Store, people: dict[str, int], password_hash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody resets the agent's password while a password or a code of their own pages is looked at."""

    async def reset() -> None:
        await sqlite_store.write(lambda tx: users.set_password(tx, people["agent"], f"{password_hash} "))

    async def password_is_right(stored: str | None, password: str) -> bool:
        await reset()
        return True

    async def guess(request: web.Request, login: str) -> Attempt:
        attempt = await begin_guess(request, login)
        await reset()
        return attempt

    monkeypatch.setattr(pages, "verified", password_is_right)
    monkeypatch.setattr(pages, "begin_guess", guess)


async def test_who_is_logged_out_meanwhile_begins_nothing(
    enter: Callable[[str], Any], reset_meanwhile: None, sqlite_store: Store
) -> None:
    agent = await enter("agent")
    assert (await agent.post(f"{PAGE}/begin", {"current": PASSWORD}))[0] == 401
    assert await sqlite_store.read(lambda tx: tx.row(select(schema.second_factor))) is None


@pytest.mark.parametrize("deed", ["end", "papers"])
async def test_who_is_logged_out_meanwhile_changes_nothing(
    enter: Callable[[str], Any],
    coded: int,
    clock: FakeClock,
    reset_meanwhile: None,
    sqlite_store: Store,
    deed: str,
) -> None:
    agent = await enter("agent")
    assert (await agent.post(f"{PAGE}/{deed}", {"code": code_at(SECRET, clock.now())}))[0] == 401
    assert await sqlite_store.read(lambda tx: second_factor.is_on(tx, coded))
    assert await sqlite_store.write(lambda tx: second_factor.spend(tx, coded, PAPER))


async def test_a_secret_from_before_a_new_password_is_gone(
    sqlite_store: Store, people: dict[str, int], password_hash: str, coded: int
) -> None:
    """Whoever had the old password may have read it. One that is on stays."""
    moderator = people["moderator"]

    def command(tx: Tx) -> None:
        second_factor.prepare(tx, moderator, SECRET)
        for account in (moderator, coded):
            users.set_password(tx, account, password_hash)

    await sqlite_store.write(command)
    assert (await sqlite_store.read(lambda tx: second_factor.standing(tx, moderator))).secret == ""
    assert await sqlite_store.read(lambda tx: second_factor.is_on(tx, coded))
