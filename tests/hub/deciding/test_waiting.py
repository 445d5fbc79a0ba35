"""Rules that run when nobody has answered for so long: one row for each conversation, each duration once."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from hub.config import Office, Week
from hub.deciding.waiting import NEVER, arm_waiting, keep_armed
from hub.desk.actions import resolve, set_status, snooze, tag
from hub.desk.transfer import transfer
from hub.replay.stored import of_conversation
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.wake import Wake
from rules.waits import Wait
from tests.hub.conftest import FakeClock
from tests.hub.deciding.conftest import WAITING, Here
from tests.hub.intake.conftest import mail
from tests.hub.specimen import CONFIG

HOUR = 3_600_000_000


async def test_without_such_rules_nothing_is_set(here: Here) -> None:
    await here.one(mail(1))
    assert await here.waiting_timers() == []


async def test_each_duration_counts_once(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    (row,) = await here.waiting_timers()
    assert (row.subject, row.due_at) == (number, here.clock.now() + 4 * HOUR)
    await here.later(hours=3, minutes=59)
    assert await here.tags(number) == []
    await here.later(minutes=1)
    assert await here.tags(number) == ["four"]
    await here.store.write(lambda tx: tx.change(schema.conversation, number, tags="[]"))
    await here.later(hours=19)
    assert await here.tags(number) == []
    await here.later(hours=1)
    found = await here.conversation(number)
    assert (await here.tags(number), found.priority) == (["day"], 1)
    (row,) = await here.waiting_timers()
    assert row.due_at == NEVER
    await here.later(days=30)
    assert len(await here.traces(number)) == 3


async def test_two_that_came_true_while_the_hub_stood_still_are_one_decision(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    await here.later(days=3)
    assert await here.tags(number) == ["day", "four"]
    assert len(await here.traces(number)) == 2


async def test_an_answer_ends_it(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    await here.act(lambda tx: set_status(tx, SYSTEM, [number], "waiting-citizen"))
    assert await here.waiting_timers() == []
    await here.later(hours=5)
    assert await here.tags(number) == []


async def test_a_new_wait_begins_from_its_own_message(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    await here.later(hours=4)
    await here.act(lambda tx: resolve(tx, SYSTEM, [number]))
    here.clock.move(hours=2)
    assert await here.one(mail(2, answers=["1"])) == number
    (row,) = await here.waiting_timers()
    assert row.due_at == here.clock.now() + 4 * HOUR
    await here.later(hours=4)
    assert [trace.winners.get("tags") for trace in await here.traces(number)].count("four") == 2


async def test_a_further_message_does_not_move_it(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    here.clock.move(hours=3)
    await here.one(mail(2, answers=["1"]))
    await here.later(hours=1)
    assert await here.tags(number) == ["four"]


async def test_snoozing_stops_no_clock(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    await here.act(lambda tx: snooze(tx, here.house, SYSTEM, [number]))
    await here.later(hours=4)
    assert await here.tags(number) == ["four"]


OPEN = """
rules:
  - {id: two, name: Zwei, on: timer, when: {unanswered: {min: 2h, open_hours: true}}, do: {tags: [two]}}
default: {queue: bezrobotni}
"""


async def test_opening_hours_alone_count(store: Store, clock: FakeClock) -> None:
    """Monday 15:00 in Warsaw and an office that closes at 16:00: an hour today, an hour tomorrow from 08:00 on."""
    hours = Week(**dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-16:00"))
    national = msgspec.structs.replace(CONFIG.offices[0], hours=hours)
    here = Here(store, clock, msgspec.structs.replace(CONFIG, offices=(national, *CONFIG.offices[1:])))
    await here.rules(OPEN)
    clock.move(hours=6)
    number = await here.one(mail(1))
    (row,) = await here.waiting_timers()
    assert row.due_at == clock.now() + 18 * HOUR
    await here.later(hours=17, minutes=59)
    assert await here.tags(number) == []
    await here.later(minutes=1)
    assert await here.tags(number) == ["two"]


async def test_an_office_that_never_opens_counts_by_the_plain_clock(store: Store, clock: FakeClock) -> None:
    shut = Week(**dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ""))
    national = Office(id="krajowa", name="Infolinia", city="Białystok", hours=shut)
    here = Here(store, clock, msgspec.structs.replace(CONFIG, offices=(national, *CONFIG.offices[1:])))
    await here.rules(OPEN)
    number = await here.one(mail(1))
    await here.later(hours=2)
    assert await here.tags(number) == ["two"]


# --- publication --------------------------------------------------------------------------------------------------


async def test_publishing_sets_rows_for_those_who_wait_already(here: Here) -> None:
    waiting = [await here.one(mail(number, sender=f"p{number}@example.pl")) for number in range(5)]
    answered = await here.one(mail("answered"))
    await here.act(lambda tx: resolve(tx, SYSTEM, [answered]))
    here.clock.move(hours=3)
    assert await arm_waiting(here.store, await here.rules(WAITING)) == 5
    rows = await here.waiting_timers()
    assert sorted(row.subject for row in rows) == waiting
    assert {row.due_at for row in rows} == {here.clock.now() + HOUR}
    await here.later(hours=1)
    assert [await here.tags(number) for number in waiting] == [["four"]] * 5


async def test_who_waited_longer_than_a_new_duration_is_looked_at_at_once(here: Here) -> None:
    number = await here.one(mail(1))
    here.clock.move(hours=6)
    await arm_waiting(here.store, await here.rules(WAITING))
    await here.timers()
    assert await here.tags(number) == ["four"]


async def test_the_same_durations_published_again_do_not_count_again(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    await here.later(hours=5)
    shorter = WAITING.replace("on: timer, when: {unanswered: 1d}", "on: timer, when: {unanswered: 2h}")
    await arm_waiting(here.store, await here.rules(shorter))
    await here.timers()
    assert [trace.winners for trace in await here.traces(number)][1:] == [
        {"tags": "four"},
        {"tags": "day", "priority": "day"},
    ]


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_an_answer_while_rows_are_set_is_not_overlooked(here: Here) -> None:
    house = await here.rules(WAITING)
    number = await here.one(mail(1))
    settle = here.store.on_end

    begun = asyncio.Event()

    def slowly(tx: Tx) -> None:
        settle(tx)
        begun.set()
        tx.execute(text("SELECT pg_sleep(0.5)"))

    here.store.on_end = slowly
    answered = asyncio.create_task(here.act(lambda tx: set_status(tx, SYSTEM, [number], "waiting-citizen")))
    await begun.wait()
    await arm_waiting(here.store, house)
    await answered
    assert await here.waiting_timers() == []


async def test_rules_without_durations_leave_nothing_that_would_fall_due(here: Here) -> None:
    await here.rules(WAITING)
    number = await here.one(mail(1))
    await arm_waiting(here.store, await here.rules("rules: []\ndefault: {queue: bezrobotni}"))
    assert await here.waiting_timers() == []
    await here.later(days=2)
    assert await here.tags(number) == []


async def test_many_are_set_in_pieces(here: Here, monkeypatch: Any) -> None:
    monkeypatch.setattr("hub.deciding.waiting.PIECE", 2)
    for number in range(5):
        await here.one(mail(number, sender=f"p{number}@example.pl"))
    assert await arm_waiting(here.store, await here.rules(WAITING)) == 5
    assert len(await here.waiting_timers()) == 5


async def test_a_row_names_what_the_rules_were_asked_about(here: Here) -> None:
    await here.rules(WAITING)
    await here.one(mail(1))
    await here.later(hours=4)
    (row,) = await here.waiting_timers()
    kept = msgspec.json.decode(row.data)
    assert kept["waits"] == [msgspec.to_builtins(Wait(240))]


# --- what a timer may do -------------------------------------------------------------------------------------------

ESCALATE = """
rules:
  - id: escalate
    name: Eskalacja
    on: timer
    when: {unanswered: 4h}
    do: {queue: pracodawcy, notify: [supervisor], timer: {pilne: 30m}}
  - {id: urgent, name: Pilne, on: timer, when: {timer: pilne}, do: {tags: [pilne]}}
default: {queue: bezrobotni}
"""


async def test_it_moves_the_conversation_tells_and_starts_a_timer(here: Here) -> None:
    await here.rules(ESCALATE)
    number = await here.one(mail(1))
    await here.later(hours=4)
    assert (await here.conversation(number)).queue == "pracodawcy"
    (line,) = await here.lines(number)
    assert (line["what"], line["queue"], line["rule"]) == ("transferred", "pracodawcy", "Eskalacja")
    assert len(await here.effect_rows("notify")) == 1
    (named,) = await here.waiting_timers("rules:pilne")
    assert named.due_at == here.clock.now() + HOUR // 2
    await here.later(minutes=30)
    assert await here.tags(number) == ["pilne"]


async def test_a_conversation_that_an_agent_moved_back_is_left_alone(here: Here) -> None:
    await here.rules(ESCALATE)
    number = await here.one(mail(1))
    await here.later(hours=4)
    await here.act(lambda tx: transfer(tx, here.house, SYSTEM, [number], queue="bezrobotni"))
    await here.later(days=10)
    assert (await here.conversation(number)).queue == "bezrobotni"


async def test_the_loop_follows_whatever_rules_are_in_force(here: Here) -> None:
    number = await here.one(mail(1))
    wake = Wake()
    loop = asyncio.create_task(keep_armed(here.store, here.clock, lambda: here.house, wake))

    async def until(count: int) -> None:
        for _ in range(3000):
            if len(await here.waiting_timers()) == count:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the rows were not set")

    try:
        await here.rules(WAITING)
        wake.ring()
        await until(1)
        await here.rules("rules: []\ndefault: {queue: bezrobotni}")
        here.clock.move(seconds=3)
        await until(0)
        await here.rules(WAITING)
        wake.ring()
        await until(1)
        assert (await here.waiting_timers())[0].subject == number
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


DURATIONS = (60, 240, 1560)
MANY = "rules:\n" + "".join(
    f"  - {{id: d{minutes}, on: timer, when: {{unanswered: {minutes}m}}, do: {{tags: [d{minutes}]}}, then: continue}}\n"
    for minutes in DURATIONS
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_each_duration_is_asked_about_once_a_wait(
    sqlite_store: Store, clock: FakeClock, seed: int
) -> None:
    """Messages, answers, snoozes, transfers, undone answers, new versions and time, in any order."""
    here, draw = Here(sqlite_store, clock), random.Random(seed)
    rules = f"{MANY}default: {{queue: bezrobotni}}"
    await here.rules(rules)
    numbers = [await here.one(mail(f"first-{n}", sender=f"p{n}@example.pl")) for n in range(3)]
    asked: dict[tuple[int, int], list[int]] = {}
    known: set[int] = set()
    for step in range(40):
        which = draw.randrange(3)
        await _something(here, draw.choice(DEEDS), numbers[which], which, step)
        if draw.random() < 0.2:
            await arm_waiting(here.store, here.house)
        await here.later(minutes=draw.choice((0, 7, 40, 61, 300, 1700)))
        for number in numbers:
            for stored in await here.store.read(lambda tx, n=number: of_conversation(tx, n, 500)):  # type: ignore[misc]
                if stored.facts.on == "timer" and stored.id not in known:
                    known.add(stored.id)
                    since = stored.at - stored.facts.unanswered_minutes * 60_000_000
                    asked.setdefault((number, since), []).extend(stored.facts.unanswered_due)
        for number in numbers:
            row = await here.conversation(number)
            if row.waiting_since is not None:
                true = [d for d in DURATIONS if here.clock.now() - row.waiting_since >= d * 60_000_000]
                assert sorted(asked.get((number, row.waiting_since), [])) == true
    assert all(len(set(found)) == len(found) for found in asked.values())
    assert sum(map(len, asked.values())) > 10


DEEDS = ("message", "answer", "resolve", "snooze", "transfer", "tag", "publish", "nothing")


async def _something(here: Here, deed: str, number: int, which: int, step: int) -> None:
    if deed == "message":
        await here.one(mail(f"{step}", sender=f"p{which}@example.pl", answers=[f"first-{which}"]))
    elif deed == "publish":
        await here.rules(f"# {step}\n{MANY}default: {{queue: bezrobotni}}")
    elif deed == "answer":
        await here.act(lambda tx: set_status(tx, SYSTEM, [number], "waiting-citizen"))
    elif deed == "resolve":
        await here.act(lambda tx: resolve(tx, SYSTEM, [number]))
    elif deed == "tag":
        await here.act(lambda tx: tag(tx, SYSTEM, [number], add=[f"t{step}"]))
    elif deed == "transfer":
        queue = "pracodawcy" if step % 2 else "bezrobotni"
        await here.act(lambda tx: transfer(tx, here.house, SYSTEM, [number], queue=queue))
    elif deed == "snooze" and (await here.conversation(number)).status == "open":
        await here.act(lambda tx: snooze(tx, here.house, SYSTEM, [number]))
