"""Whole days of the desk: a call with a holiday, two misses, a move and a kill; an order on Saturday night."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.callbacks import calls
from hub.callbacks.appointments import CallbackAppointments
from hub.store.sqlite import SqliteStore
from tests.hub.callbacks.desk import Centre, at, make_house, shown
from tests.hub.conftest import FakeClock

RULES = """
default: {queue: informacja}
rules:
  - id: pracodawcy
    when: {words: [zatrudnić, pracownik]}
    do: {queue: pracodawcy}
"""


@pytest.fixture
def clock() -> FakeClock:
    """Tuesday, 10 November 2026, 17:40; the next day is a holiday."""
    return FakeClock(at("2026-11-10 17:40"))


async def test_the_callback_day(clock: FakeClock, sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path, clock)
    await store.open()
    centre = Centre(store, clock, make_house(rules=RULES))
    anna = await centre.agent("anna", queues=("pracodawcy",))
    free = await CallbackAppointments(store, lambda: centre.house, clock).slots("oddzwonimy", 10)
    assert shown(free[0]) == "2026-11-12 08:00"
    assert at("2026-11-12 10:00") in free

    receipt = await centre.order(when=at("2026-11-12 10:00"), topic="Chcę zatrudnić pracownika z Indii")
    call = receipt.message
    assert call is not None
    assert (await centre.row(call)).queue == "pracodawcy"

    await centre.run_until(at("2026-11-12 09:59"))
    assert (await centre.row(call)).state == "scheduled"
    for hour in ("10:00", "12:00"):
        await centre.run_until(at(f"2026-11-12 {hour}"))
        row = await centre.row(call)
        assert (row.state, row.agent) == ("offered", anna.user)
        await centre.do(calls.dial, anna, call)
        await centre.do(calls.no_answer, anna, call)
        await centre.notices()
    assert shown((await centre.row(call)).due_at) == "2026-11-13 08:00"
    mails = await centre.mails()
    link = f"/embed/callback/oddzwonimy/call/{centre.house.tokens.sign('callback', call)}"
    assert len(mails) == 3
    assert all(link in text for text in mails[1:])

    await centre.run_until(at("2026-11-12 20:15"))
    await centre.change(call, "move", at("2026-11-13 09:00"))
    # Killed in the night: what the next process finds is the files as they are now, without an orderly end.
    left = shutil.copytree(sqlite_path.parent, sqlite_path.parent.with_name("left")) / sqlite_path.name
    await store.close()
    clock.move(hours=9)
    reopened = SqliteStore(left, clock)
    await reopened.open()
    centre.reopened(reopened)

    await centre.run_until(at("2026-11-13 08:59"))
    assert (await centre.row(call)).state == "scheduled"
    await centre.run_until(at("2026-11-13 09:00"))
    assert (await centre.lines()).count("callback-offered") == 3
    await centre.do(calls.dial, anna, call)
    await centre.do(calls.answer, anna, call)
    await centre.do(calls.finish, anna, call, outcome="settled", topic="Zatrudnianie cudzoziemców")
    await centre.run_until(at("2026-11-20 12:00"))

    row, matter = await centre.row(call), await centre.matter(call)
    assert (row.state, row.outcome) == ("done", "settled")
    assert (matter.status, matter.topic, matter.queue) == (
        "resolved",
        "Zatrudnianie cudzoziemców",
        "pracodawcy",
    )
    assert await centre.attempts(call) == [
        (1, "2026-11-12 10:00", "no-answer"),
        (2, "2026-11-12 12:00", "no-answer"),
        (3, "2026-11-13 09:00", "answered"),
    ]
    assert (await centre.lines()).count("callback-offered") == 3
    assert len(await centre.told()) == 5  # ordered, twice nobody answered, moved, closed
    await reopened.close()


async def test_ordered_on_saturday_night(clock: FakeClock, sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path, clock)
    await store.open()
    centre = Centre(store, clock)
    clock.move((at("2026-12-26 23:10") - clock.now()) / 1e6)  # Saturday, and the second day of Christmas
    anna = await centre.agent("anna")
    ewa = await centre.agent("ewa")
    receipt = await centre.order()
    call = receipt.message or 0
    assert shown((await centre.row(call)).due_at) == "2026-12-28 08:00"
    await centre.run_until(at("2026-12-28 07:59"))
    assert (await centre.row(call)).state == "scheduled"
    await centre.run_until(at("2026-12-28 08:00"))
    first = (await centre.row(call)).agent
    await centre.run_until(at("2026-12-28 08:02"))  # nobody took it: the other agent is asked
    row = await centre.row(call)
    assert {first, row.agent} == {anna.user, ewa.user}
    caller = anna if row.agent == anna.user else ewa
    await centre.do(calls.no_answer, caller, call)
    assert shown((await centre.row(call)).due_at) == "2026-12-28 10:02"
    await centre.run_until(at("2026-12-28 10:02"))
    row = await centre.row(call)
    caller = anna if row.agent == anna.user else ewa
    await centre.do(calls.dial, caller, call)
    await centre.do(calls.answer, caller, call)
    await centre.do(calls.finish, caller, call, outcome="settled", topic="Inne")
    assert (await centre.row(call)).state == "done"
    assert [outcome for _, _, outcome in await centre.attempts(call)] == ["no-answer", "answered"]
    await store.close()


async def test_a_holiday_on_monday_moves_the_call_to_tuesday(clock: FakeClock, sqlite_path: Path) -> None:
    store = SqliteStore(sqlite_path, clock)
    await store.open()
    centre = Centre(store, clock)
    clock.move(
        (at("2027-03-27 23:30") - clock.now()) / 1e6
    )  # the night in which summer time begins, then Easter Monday
    receipt = await centre.order()
    assert shown((await centre.row(receipt.message or 0)).due_at) == "2027-03-30 08:00"
    await store.close()
