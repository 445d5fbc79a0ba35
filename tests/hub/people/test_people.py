"""Accounts, sessions, presence, tokens, the audit log and idempotency, on both engines."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from hub import audit
from hub.idempotency import KeyReused, once, request_hash
from hub.logs import logger
from hub.people import presence, tokens, users
from hub.people.leaving import HANDLERS
from hub.people.resets import make_reset, spend_reset
from hub.people.sessions import find_session, open_session, touch_session
from hub.people.throttle import Attempt, begin_attempt, failures, forgive
from hub.people.users import (
    add_user,
    by_extension,
    change_user,
    claim_extension,
    extension_of,
    get_user,
    list_users,
    set_extension,
    set_queues,
)
from hub.scope import SYSTEM, Conflict, Denied, NotFound, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.timers import run_due
from tests.hub.conftest import FakeClock
from tests.hub.specimen import CONFIG, a_house, add_conversation, add_person

HOUSE = a_house()
LOMZA = Scope(user=1, role="administrator", office="pup-lomza")


async def person(store: Store, login: str = "anna", **columns: Any) -> int:
    return await store.write(lambda tx: add_person(tx, login, **columns))


async def test_a_login_exists_once_in_any_case(store: Store) -> None:
    await person(store, "anna.nowak")
    for login in ("anna.nowak", " Anna.Nowak "):
        with pytest.raises(Conflict, match="already"):
            await person(store, login)
    for login in ("", "a", "żółć", "a b", "api#1", "x" * 64):
        with pytest.raises(Conflict, match="login"):
            await person(store, login)


async def test_an_office_manages_its_own_people_alone(store: Store) -> None:
    theirs, ours = await person(store, "theirs"), await person(store, "ours", office="pup-lomza")
    assert [found.id for found in await store.read(lambda tx: list_users(tx, LOMZA))] == [ours]
    with pytest.raises(NotFound):
        await store.read(lambda tx: get_user(tx, LOMZA, theirs))
    with pytest.raises(NotFound):
        await store.write(lambda tx: set_queues(tx, LOMZA, HOUSE.directory, theirs, ["lomza"]))
    with pytest.raises(NotFound):
        await store.write(lambda tx: make_reset(tx, LOMZA, theirs, "t"))
    with pytest.raises(Denied):
        await store.write(
            lambda tx: add_user(tx, LOMZA, "spy", "Spy", "administrator", "krajowa", None, "pl")
        )
    moved: dict[str, Any] = {
        "name": "A",
        "role": "agent",
        "office": "krajowa",
        "language": "pl",
        "skills": (),
        "active": True,
    }
    with pytest.raises(Denied):
        await store.write(lambda tx: change_user(tx, LOMZA, ours, **moved))


def described(**changed: Any) -> dict[str, Any]:
    same = {"name": "A", "role": "agent", "office": "krajowa", "language": "pl", "skills": (), "active": True}
    return same | changed


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_two_administrators_cannot_disable_each_other(store: Store) -> None:
    one, other = [await person(store, login, role="administrator") for login in ("ewa", "jan")]

    begun = asyncio.Event()

    def slowly(tx: Tx) -> None:
        change_user(tx, SYSTEM, one, **described())
        begun.set()
        tx.execute(text("SELECT pg_sleep(0.5)"))

    first = asyncio.create_task(store.write(slowly))
    await begun.wait()
    with pytest.raises(Conflict, match="last active administrator"):
        await store.write(lambda tx: change_user(tx, SYSTEM, other, **described()))
    await first


async def test_what_a_disabled_person_had_goes_back_to_the_queues(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.people.leaving.PIECE", 2)
    anna = await person(store)
    statuses = ("open", "waiting-citizen", "snoozed", "waiting-office", "resolved")

    def fill(tx: Tx) -> None:
        for status in statuses:
            add_conversation(tx, status=status, assignee=anna)

    await store.write(fill)
    await store.write(lambda tx: change_user(tx, SYSTEM, anna, **described(active=False)))
    for _ in range(3):
        await store.write(lambda tx: run_due(tx, HOUSE, HANDLERS, logger("test")))
    table = schema.conversation.c
    left = await store.read(lambda tx: tx.rows(select(table.status).where(table.assignee.is_not(None))))
    assert [row.status for row in left] == ["resolved"]


async def test_queues_that_do_not_exist_are_left_out(store: Store) -> None:
    one = await person(store)
    await store.write(lambda tx: set_queues(tx, SYSTEM, HOUSE.directory, one, ["lomza", "nowhere", "lomza"]))
    assert (await store.read(lambda tx: get_user(tx, SYSTEM, one))).queues == ("lomza",)


async def test_a_session_carries_the_rights_as_they_are_now(store: Store, clock: FakeClock) -> None:
    one = await person(store, queues=("bezrobotni",), skills=("uk",))
    await store.write(lambda tx: open_session(tx, CONFIG.limits, one, "token", "csrf"))
    signed = await store.read(lambda tx: find_session(tx, HOUSE.directory, "token"))
    assert signed is not None and signed.scope.front
    assert (signed.scope.role, signed.scope.queues, signed.scope.skills) == (
        "agent",
        ("bezrobotni",),
        ("uk",),
    )
    assert await store.read(lambda tx: find_session(tx, HOUSE.directory, "other")) is None
    clock.move(hours=9)
    used = await store.read(lambda tx: find_session(tx, HOUSE.directory, "token"))
    assert used is not None
    clock.move(hours=1)  # the use is written down late, and counts from when it was
    await store.write(lambda tx: touch_session(tx, used))
    clock.move(hours=8.9)
    assert await store.read(lambda tx: find_session(tx, HOUSE.directory, "token")) is not None
    clock.move(hours=0.2)
    assert await store.read(lambda tx: find_session(tx, HOUSE.directory, "token")) is None
    await store.write(lambda tx: touch_session(tx, msgspec.structs.replace(used, at=tx.now)))
    await store.write(lambda tx: tx.change(schema.user, one, active=False))
    assert await store.read(lambda tx: find_session(tx, HOUSE.directory, "token")) is None


async def test_failures_count_until_they_are_old_and_a_right_password_is_no_failure(
    store: Store, clock: FakeClock
) -> None:
    def attempt() -> Any:
        return store.write(lambda tx: begin_attempt(tx, CONFIG.limits, "anna", "192.0.2.1"))

    for _ in range(10):
        right = await attempt()
        await store.write(lambda tx, right=right: forgive(tx, right))  # type: ignore[misc]
    for _ in range(5):
        assert not (await attempt()).refused
        clock.move(minutes=1)
    refused = await attempt()
    assert refused.refused and refused.rows == ()
    assert 9 * 60 < refused.wait <= 10 * 60 + 1
    clock.move(refused.wait)
    assert not (await attempt()).refused


async def test_an_account_that_is_closed_is_told_once_and_a_login_that_nobody_has_never(
    store: Store, clock: FakeClock
) -> None:
    one = await person(store)
    login = (await store.read(lambda tx: tx.get(schema.user, one))).login  # type: ignore[union-attr]

    async def guess(name: str, times: int) -> Attempt:
        for _ in range(times):
            last: Attempt = await store.write(lambda tx: begin_attempt(tx, CONFIG.limits, name, "192.0.2.1"))
        return last

    async def told() -> list[tuple[Any, ...]]:
        audit = schema.audit.c
        rows = select(audit.actor, audit.subject).where(audit.action == "log-in-closed").order_by(audit.id)
        return [tuple(row) for row in await store.read(lambda tx: tx.rows(rows))]

    assert (await guess(login, 5)).failed == 4 and await told() == []
    assert await store.read(failures) == 5
    assert (await guess(f" {login.upper()} ", 7)).refused and await told() == [(None, f"user:{one}")]
    assert (await guess("haslo-zamiast-loginu", 7)).refused and len(await told()) == 1
    clock.move(minutes=16)
    assert await store.read(failures) == 0 and len(await told()) == 1
    await guess(login, 7)
    assert len(await told()) == 2


async def test_guesses_made_at_the_same_moment_count_like_guesses_one_by_one(store: Store) -> None:
    def guess(n: int) -> Any:
        address = f"192.0.2.{n}"
        return store.write(lambda tx: begin_attempt(tx, CONFIG.limits, "anna", address))

    await asyncio.gather(*(store.read(lambda tx: tx.get(schema.user, 1)) for _ in range(8)))  # connections
    attempts = await asyncio.gather(*(guess(n) for n in range(40)))
    assert sum(not attempt.refused for attempt in attempts) == 5


async def test_a_browser_that_is_gone_and_back(store: Store, clock: FakeClock) -> None:
    one = await person(store)
    scope = Scope(user=one, role="agent", office="krajowa", front=True)

    async def state() -> str:
        await store.write(lambda tx: run_due(tx, HOUSE, HANDLERS, NoLog()))
        return str(
            await store.read(
                lambda tx: tx.scalar(select(schema.user.c.presence).where(schema.user.c.id == one))
            )
        )

    await store.write(lambda tx: presence.set_presence(tx, HOUSE, scope, "away"))
    await store.write(lambda tx: presence.browser_gone(tx, one))
    clock.move(59)
    assert await state() == "away"
    clock.move(2)
    assert await state() == "offline"
    assert await store.read(lambda tx: presence.browser_is_missed(tx, one))
    await store.write(lambda tx: presence.browser_back(tx, HOUSE, one))
    assert await state() == "away"
    assert not await store.read(lambda tx: presence.browser_is_missed(tx, one))
    await store.write(lambda tx: presence.browser_gone(tx, one))
    await store.write(lambda tx: presence.signed_in(tx, one))
    clock.move(61)
    assert await state() == "away", "whoever logs in is there"
    await store.write(lambda tx: presence.set_presence(tx, HOUSE, scope, "offline"))
    await store.write(lambda tx: presence.browser_back(tx, HOUSE, one))
    assert await state() == "offline", "who said so stays offline"
    await store.write(presence.expect_browsers)
    waiting = select(schema.timer.c.kind).where(schema.timer.c.state == "waiting")
    assert [row.kind for row in await store.read(lambda tx: tx.rows(waiting))] == ["agent-gone"]


class NoLog:
    def info(self, event: str, **details: Any) -> None: ...
    def warning(self, event: str, **details: Any) -> None: ...
    def error(self, event: str, **details: Any) -> None:
        raise AssertionError(event)


async def test_a_token_is_its_office_and_its_grants(store: Store) -> None:
    def make(tx: Tx, **fields: Any) -> int:
        wanted = {"name": "System", "office": "pup-lomza", "grants": ("read",), "token": "secret", **fields}
        return tokens.make_token(tx, SYSTEM, HOUSE.directory, **wanted)

    number = await store.write(make)
    bearer = await store.read(lambda tx: tokens.find_bearer(tx, HOUSE.directory, "secret"))
    assert bearer is not None and bearer.scope.user is not None
    assert (bearer.grants, bearer.scope.office, bearer.scope.front) == (("read",), "pup-lomza", False)
    assert [found.name for found in await store.read(lambda tx: list_users(tx, SYSTEM))] == []
    for wrong in ({"office": "nowhere"}, {"grants": ()}, {"grants": ("root",)}, {"name": " "}):
        with pytest.raises(Conflict):
            await store.write(lambda tx, wrong=wrong: make(tx, **{"token": "other", **wrong}))  # type: ignore[misc]
    await store.write(lambda tx: tokens.revoke_token(tx, SYSTEM, number))
    assert await store.read(lambda tx: tokens.find_bearer(tx, HOUSE.directory, "secret")) is None


async def test_what_a_revoked_integration_had_goes_back_to_the_queues(store: Store) -> None:
    asked: dict[str, Any] = {"name": "System", "office": "krajowa", "grants": ("write",), "token": "secret"}
    number = await store.write(lambda tx: tokens.make_token(tx, SYSTEM, HOUSE.directory, **asked))
    bearer = await store.read(lambda tx: tokens.find_bearer(tx, HOUSE.directory, "secret"))
    assert bearer is not None
    found = await store.write(lambda tx: add_conversation(tx, assignee=bearer.scope.user))
    await store.write(lambda tx: tokens.revoke_token(tx, SYSTEM, number))
    await store.write(lambda tx: run_due(tx, HOUSE, HANDLERS, logger("test")))
    row = await store.read(lambda tx: tx.get(schema.conversation, found))
    assert row is not None and row.assignee is None


async def test_a_link_is_spent_by_one_of_many(store: Store) -> None:
    one = await person(store)
    await store.write(lambda tx: make_reset(tx, SYSTEM, one, "token"))
    spent = await asyncio.gather(
        *(store.write(lambda tx: spend_reset(tx, "token", "hash")) for _ in range(8))
    )
    assert spent.count(True) == 1


async def test_rows_written_side_by_side_make_one_chain(store: Store) -> None:
    await asyncio.gather(
        *(store.write(lambda tx, n=n: audit.record(tx, None, "test", f"thing:{n}")) for n in range(24))  # type: ignore[misc]
    )
    verdict = await store.read(audit.verify)
    assert (verdict.intact, verdict.rows) == (True, 24)


async def test_a_key_takes_effect_once_even_side_by_side(store: Store) -> None:
    def work(tx: Tx) -> str:
        tx.add(schema.contact, {"name": "x", "created_at": tx.now})
        return "done"

    def call(request: str = "a") -> Any:
        return store.write(lambda tx: once(tx, "me", "key", request_hash(request.encode()), work))

    answers = await asyncio.gather(*(call() for _ in range(8)))
    assert sorted(answers) == [("done", False)] + [("done", True)] * 7
    with pytest.raises(KeyReused):
        await call("b")
    assert len(await store.read(lambda tx: tx.rows(select(schema.contact)))) == 1


def test_parts_of_a_request_are_not_confused() -> None:
    assert request_hash(b"ab", b"c") != request_hash(b"a", b"bc")


async def test_every_role_has_a_name() -> None:
    assert set(users.ROLE_NAMES) == set(users.ROLES)


async def test_a_telephone_is_one_persons_and_goes_to_who_sits_down(store: Store) -> None:
    def setting(tx: Tx) -> tuple[Scope, Scope, Scope]:
        people = (add_person(tx, "ala"), add_person(tx, "ola"), add_person(tx, "lom2", office="pup-lomza"))
        offices = ("krajowa", "krajowa", "pup-lomza")
        return tuple(  # type: ignore[return-value]
            Scope(user=user, role="agent", office=office, front=office == "krajowa")
            for user, office in zip(people, offices, strict=True)
        )

    ala, ola, lomza = await store.write(setting)
    await store.write(lambda tx: set_extension(tx, SYSTEM, ala.user or 0, " 101 "))
    with pytest.raises(Conflict):
        await store.write(lambda tx: set_extension(tx, SYSTEM, ola.user or 0, "101"))
    with pytest.raises(Denied):
        await store.write(lambda tx: set_extension(tx, ala, ala.user or 0, "102"))
    with pytest.raises(Conflict):
        await store.write(lambda tx: claim_extension(tx, lomza, "101"))
    await store.write(lambda tx: claim_extension(tx, ola, "101"))
    assert await store.read(lambda tx: by_extension(tx, "101")) == ola.user
    assert await store.read(lambda tx: extension_of(tx, ala)) == ""
    for bad in ("1 0 1", "x" * 65, "ąę"):
        with pytest.raises(Conflict):
            await store.write(lambda tx, bad=bad: claim_extension(tx, ola, bad))  # type: ignore[misc]
    await store.write(lambda tx: claim_extension(tx, ola, ""))
    assert await store.read(lambda tx: by_extension(tx, "101")) is None
    assert await store.read(lambda tx: by_extension(tx, "")) is None
