"""Tokens, reference numbers, timers, housekeeping and the bound on what may wait."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Row, select, text

from connectors.contract import DeliveryReport, InboxId
from hub.house import House
from hub.intake.events import apply_event
from hub.intake.joining import is_mere_thanks
from hub.intake.load import keep_load, present_load, read_load
from hub.intake.references import ALPHABET, new_reference, read_reference
from hub.logs import logger
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.sqlite import SqliteStore
from hub.store.store import Grouping, Store, StoreFull
from hub.store.tx import Tx
from hub.sweep import sweep
from hub.timers import cancel_timer, run_due, run_timers, set_timer
from hub.tokens import SignedTokens
from hub.wake import Wake
from tests.contract.world import Log
from tests.hub.conftest import FakeClock
from tests.hub.specimen import a_house, add_conversation, add_message

TOKENS = SignedTokens(b"a secret of the tests, at least 32 bytes")


@given(st.one_of(st.integers(0, 2**53), st.from_regex("[0-9a-z]{1,40}", fullmatch=True)))
def test_a_token_gives_back_what_was_signed(value: int | str) -> None:
    token = TOKENS.sign("conversation", value)
    assert token.isalnum() and token == token.lower()
    assert TOKENS.verify("conversation", token) == str(value)
    assert TOKENS.verify("conversation", token.upper()) == str(value), "mail servers may change the case"
    assert TOKENS.verify("callback", token) is None


@given(st.integers(0, 2**53), st.data())
def test_a_changed_token_is_worth_nothing(value: int, data: st.DataObject) -> None:
    token = TOKENS.sign("callback", value)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz"))
    changed = token[:place] + other + token[place + 1 :]
    if changed != token:
        assert TOKENS.verify("callback", changed) != str(value)


@given(st.text(max_size=80))
def test_any_text_is_no_token(text: str) -> None:
    assert TOKENS.verify("conversation", text) is None


@given(st.integers())
def test_a_reference_is_read_however_it_is_written(seed: int) -> None:
    reference = new_reference(random.Random(seed))
    for written in (reference, reference.lower(), reference.replace("-", ""), f"Re: [{reference}] Sprawa"):
        assert read_reference(written) == reference


@given(st.integers(), st.data())
def test_one_slip_of_a_character_is_noticed(seed: int, data: st.DataObject) -> None:
    reference = new_reference(random.Random(seed))
    place = data.draw(st.sampled_from([n for n, c in enumerate(reference) if c != "-"]))
    other = data.draw(st.sampled_from(ALPHABET))
    if other != reference[place]:
        assert read_reference(reference[:place] + other + reference[place + 1 :]) is None


@pytest.mark.parametrize(
    ("text", "thanks"),
    [
        ("dziękuję", True),
        ("Dziekuje bardzo za pomoc!", True),
        ("Дякую!", True),
        ("Thank you", True),
        ("Dziękuję, a meldunek?", False),
        ("Dziękuję. Proszę jednak o przesłanie decyzji pocztą na mój adres domowy.", False),
        ("Dziękuję i pozdrawiam, Anna Nowak", True),
        ("Serdecznie dziękuję za wyczerpujące wyjaśnienia", True),
        ("dzięki 👍", True),
        ("Thanks a lot!", True),
        ("Dziękuję, nie mam więcej pytań", True),
        ("Dziękuję, ale nadal nie działa", False),
        ("Nie dziękuję", False),
        ("dziekuje a kiedy wyplata", False),
        ("Dziękuję, proszę jeszcze o zaświadczenie", False),
        ("Dziękuję za nic, składam skargę", False),
        ("Dziękuję, mój nowy numer to 600700800", False),
        ("Thanks, it still doesn't work", False),
        ("Дякую, а коли виплата", False),
        ("Спасибо, но деньги не пришли", False),
        ("Tak", False),
        ("", False),
    ],
)
def test_mere_thanks(text: str, thanks: bool) -> None:
    assert is_mere_thanks(text, 60) is thanks


async def test_a_timer_runs_once_when_due_and_survives_a_bad_neighbour(
    store: Store, clock: FakeClock
) -> None:
    house, ran = a_house(), list[int]()

    def note(tx: Tx, house: House, row: Row[Any]) -> None:
        ran.append(row.subject)

    def fail(tx: Tx, house: House, row: Row[Any]) -> None:
        raise ValueError("a bug")

    def set_all(tx: Tx) -> None:
        set_timer(tx, "bad", 1, clock.now() + 1_000_000)
        set_timer(tx, "good", 2, clock.now() + 2_000_000)
        set_timer(tx, "good", 3, clock.now() + 2_000_000)
        set_timer(tx, "good", 3, clock.now() + 900_000_000)
        set_timer(tx, "good", 4, clock.now() + 2_000_000)
        cancel_timer(tx, "good", 4)

    def due(tx: Tx) -> int:
        return run_due(tx, house, {"good": note, "bad": fail}, logger("test"))

    await store.write(set_all)
    assert await store.write(due) == 0
    clock.move(5)
    assert await store.write(due) == 2
    assert await store.write(due) == 0, "the bad one waits a minute, the good one is done"
    assert ran == [2]
    clock.move(1000)
    await store.write(due)
    assert ran == [2, 3]


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_two_that_set_the_same_timer_at_once_set_one(store: Store, clock: FakeClock) -> None:
    begun = asyncio.Event()

    def slowly(tx: Tx) -> None:
        set_timer(tx, "good", 1, clock.now() + 1)
        begun.set()
        tx.execute(text("SELECT pg_sleep(0.5)"))

    first = asyncio.create_task(store.write(slowly))
    await begun.wait()
    await store.write(lambda tx: set_timer(tx, "good", 1, clock.now() + 2))
    await first
    rows = await store.read(lambda tx: tx.rows(select(schema.timer.c.due_at)))
    assert [row.due_at for row in rows] == [clock.now() + 2]


async def test_a_report_parked_while_its_message_was_written_down_is_not_forgotten(
    store: Store, clock: FakeClock
) -> None:
    """Two processes on PostgreSQL: one looked for the message before the other had committed it, and the other for
    parked reports before the one had."""
    house = a_house()
    report = DeliveryReport(inbox=InboxId("kontakt"), external_id="r", target="m-1", state="failed")

    def written(tx: Tx) -> int:
        assert apply_event(tx, house, report, 1).parked
        found = add_conversation(tx, status="waiting-citizen", waiting_since=None)
        sent = add_message(tx, found, number=2, kind="outbound")
        tx.change(schema.conversation, found, messages=2)
        to = {"message": sent, "conversation": found, "inbox": "kontakt", "operation": "send", "part": 0}
        where = {"lane": "a", "destination": "b", "recipients": "[]", "remote_id": "m-1", "attempts": 1}
        times = dict.fromkeys(("due_at", "give_up_at", "created_at", "updated_at"), tx.now)
        tx.add(schema.delivery, {**to, **where, **times, "state": "accepted"})
        return found

    found = await store.write(written)
    await store.write(lambda tx: sweep(tx, house, logger("test")))
    states = await store.read(lambda tx: tx.rows(select(schema.delivery.c.state)))
    row = await store.read(lambda tx: tx.get(schema.conversation, found))
    assert [one.state for one in states] == ["failed"]
    assert row is not None and (row.status, row.failed) == ("open", True)
    assert await store.read(lambda tx: tx.rows(select(schema.parked.c.id))) == []


async def test_one_row_that_cannot_be_swept_stops_nothing_else(store: Store, clock: FakeClock) -> None:
    """A parked report that cannot be read would otherwise keep sessions and events for ever; people see it."""
    house, log = a_house(), Log()

    def written(tx: Tx) -> int:
        values = {"inbox": "kontakt", "received_at": tx.now, "content_type": "", "state": "ok"}
        raw = tx.add(schema.raw, values)
        parked = {"inbox": "kontakt", "target": "m-1", "inbound": b"{}", "raw": raw, "at": tx.now}
        tx.add(schema.parked, {**parked, "expires_at": tx.now + 3_600_000_000})
        key = {"inbox": "kontakt", "external_id": "m-1", "at": clock.now()}
        tx.execute(schema.seen.insert().values(**key))
        tx.add(schema.login_failure, {"key": "k", "at": clock.now() - 3 * 86_400_000_000})
        return raw

    raw = await store.write(written)
    await store.write(lambda tx: sweep(tx, house, log))
    assert await store.read(lambda tx: tx.rows(select(schema.login_failure.c.id))) == []
    assert await store.read(lambda tx: tx.rows(select(schema.parked.c.id))) == []
    [shown] = await store.read(lambda tx: tx.rows(select(schema.raw.c.state).where(schema.raw.c.id == raw)))
    assert (shown.state, log.count("housekeeping failed")) == ("quarantined", 0)


async def test_a_step_of_housekeeping_that_fails_is_told_and_stops_nothing_else(
    sqlite_store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(tx: Tx, house: House) -> None:
        raise ValueError("bug")

    monkeypatch.setattr("hub.sweep.release_known", fails)
    log, old = Log(), {"key": "k", "at": clock.now() - 3 * 86_400_000_000}
    await sqlite_store.write(lambda tx: tx.add(schema.login_failure, old))
    await sqlite_store.write(lambda tx: sweep(tx, a_house(), log))
    assert await sqlite_store.read(lambda tx: tx.rows(select(schema.login_failure.c.id))) == []
    assert log.count("housekeeping failed") == 1


@pytest.mark.parametrize(
    "closed_store", [pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True
)
async def test_what_is_due_elsewhere_is_not_asked_for_again_and_again(store: Store, clock: FakeClock) -> None:
    """Another process has all that is due in hand and is slow, or hangs: this one leaves the database alone."""
    assert isinstance(store, PostgresStore)
    await store.write(lambda tx: set_timer(tx, "slow", 1, tx.now))
    other = await asyncpg.connect(store.url.replace("+asyncpg", ""))
    tries = 0

    def house() -> House:
        nonlocal tries
        tries += 1
        return a_house()

    async with other.transaction():
        await other.execute("SELECT * FROM timer FOR UPDATE")
        loop = run_timers(store, clock, house, {"slow": lambda *_: None}, {}, Wake(), logger("test"))
        task = asyncio.create_task(loop)
        for _ in range(10):
            await clock.is_slept_by()
            clock.move(0.05)
        assert 1 <= tries <= 2
    for _ in range(20):
        clock.move(0.1)
        await clock.is_slept_by()
    state = select(schema.timer.c.state)
    assert await store.read(lambda tx: tx.scalar(state)) == "done"
    task.cancel()
    await asyncio.wait({task})
    await other.close()


async def test_after_the_clock_was_put_back_the_load_is_looked_at_anew(
    sqlite_store: Store, clock: FakeClock
) -> None:
    later = await sqlite_store.write(lambda tx: keep_load(tx, read_load(tx)))
    clock.move(hours=-1)
    found = await sqlite_store.write(present_load)
    assert found.id != later.id
    assert (await sqlite_store.write(present_load)).id == found.id


async def test_reports_that_nobody_claims_are_shown_after_three_days(store: Store, clock: FakeClock) -> None:
    house = a_house()
    row = {
        "inbox": "kontakt",
        "received_at": clock.now(),
        "content_type": "x",
        "content": b"x",
        "state": "ok",
    }
    raw = await store.write(lambda tx: tx.add(schema.raw, row))
    report = DeliveryReport(inbox=InboxId("kontakt"), external_id="r", target="nobody", state="delivered")
    receipt = await store.write(lambda tx: apply_event(tx, house, report, raw))
    assert receipt.parked
    clock.move(hours=71)
    await store.write(lambda tx: sweep(tx, house, logger("test")))
    state = select(schema.raw.c.state).where(schema.raw.c.id == raw)
    assert await store.read(lambda tx: tx.scalar(state)) == "ok"
    clock.move(hours=2)
    await store.write(lambda tx: sweep(tx, house, logger("test")))
    assert await store.read(lambda tx: tx.scalar(state)) == "quarantined"


async def test_what_waits_is_bounded_by_number_and_by_bytes() -> None:
    free = asyncio.Event()

    async def run(works: list[Any]) -> None:
        await free.wait()
        for work in works:
            work.settle("done")

    group = Grouping(run, calls=3, size=100)
    waiting: list[asyncio.Task[Any]] = [asyncio.create_task(group.submit(len, "first"))]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    waiting += [asyncio.create_task(group.submit(len, "x", 10)) for _ in range(3)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    with pytest.raises(StoreFull):
        await group.submit(len, "one more")  # type: ignore[arg-type]
    free.set()
    assert await asyncio.gather(*waiting) == ["done"] * 4
    free.clear()
    large: asyncio.Task[Any] = asyncio.create_task(group.submit(len, "large", 90))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    with pytest.raises(StoreFull):
        await group.submit(len, "too large", 20)  # type: ignore[arg-type]
    free.set()
    assert await large == "done"


async def test_an_inline_store_needs_no_thread(tmp_path: Any, clock: FakeClock) -> None:
    store = SqliteStore(tmp_path / "inline.db", clock, inline=True)
    await store.open()
    before = await store.write(lambda tx: tx.add(schema.contact, {"name": "x", "created_at": tx.now}))
    assert await store.read(lambda tx: tx.scalar(select(schema.contact.c.id))) == before
    await store.close()
