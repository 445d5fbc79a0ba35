"""Whose turn a call is: offered to one agent at a time, to whom it belongs, and what happens when nobody can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from hub.callbacks import calls, offers, service
from hub.people.presence import set_presence
from hub.scope import Conflict, Denied
from hub.store import schema
from hub.store.tx import Tx
from tests.hub.callbacks.desk import CONFIG, Centre, at, make_house, ordered


async def test_an_offer_lapses_and_goes_to_somebody_else(centre: Centre) -> None:
    anna, ewa = await centre.agent("anna"), await centre.agent("ewa")
    call = await ordered(centre, "2026-11-16 10:00")
    await centre.run_until(at("2026-11-16 10:00"))
    first = (await centre.row(call)).agent
    await centre.run_until(at("2026-11-16 10:02"))
    row = await centre.row(call)
    assert {first, row.agent} == {anna.user, ewa.user}
    assert (row.state, row.attempts) == ("offered", 0)
    assert await centre.attempts(call) == []
    assert (await centre.lines()).count("callback-offer-lapsed") == 1
    other = anna if first == anna.user else ewa
    with pytest.raises(Denied):
        await centre.do(calls.dial, other, call)


async def test_a_lapsed_offer_comes_back_to_the_only_agent_after_a_pause(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:02"))
    assert (await small_centre.row(call)).state == "due"
    await small_centre.run_until(at("2026-11-16 10:03"))
    assert (await small_centre.row(call)).agent == anna.user


async def test_nobody_is_offered_two_calls_and_no_call_two_people(centre: Centre) -> None:
    agents = [await centre.agent(f"agent{n}") for n in range(3)]
    for n in range(8):
        await ordered(centre, number=f"60070080{n}", email="")
    await centre.run_until(at("2026-11-16 09:01"))
    await asyncio.gather(*(centre.offer_next(agent) for agent in agents for _ in range(3)))
    rows = await centre.store.read(lambda tx: tx.rows(select(schema.callback)))
    offered = [row.agent for row in rows if row.state == "offered"]
    assert sorted(offered) == sorted(agent.user for agent in agents if agent.user)
    assert sum(row.state == "due" for row in rows) == 5


async def test_an_agent_who_never_looks_does_not_fill_the_conversation(small_centre: Centre) -> None:
    await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 17:00"))
    lines = await small_centre.lines()
    assert (lines.count("callback-offered"), lines.count("callback-offer-lapsed")) == (3, 3)
    assert (await small_centre.row(call)).lapses > 20


async def test_only_agents_at_work_in_the_queue_with_its_skills_are_asked(small_centre: Centre) -> None:
    queues = tuple(
        msgspec.structs.replace(queue, skills=("uk",)) if queue.id == "informacja" else queue
        for queue in CONFIG.queues
    )
    small_centre.house = make_house(msgspec.structs.replace(CONFIG, queues=queues))
    await small_centre.agent("away", presence="away", skills='["uk"]')
    await small_centre.agent("gone", presence="offline", skills='["uk"]')
    await small_centre.agent("closed", active=False, skills='["uk"]')
    await small_centre.agent("other", queues=("pracodawcy",), skills='["uk"]')
    await small_centre.agent("plain")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:10"))
    assert (await small_centre.row(call)).state == "due"
    able = await small_centre.agent("able", skills='["uk", "en"]')
    await small_centre.run_until(at("2026-11-16 10:11"))
    assert (await small_centre.row(call)).agent == able.user


async def test_an_agent_who_comes_is_given_the_oldest_call_at_once(small_centre: Centre) -> None:
    older = await ordered(small_centre, "2026-11-16 10:00")
    await ordered(small_centre, "2026-11-16 10:30", number="600700801")
    await small_centre.run_until(at("2026-11-16 11:00"))
    anna = await small_centre.agent("anna")
    assert await small_centre.offer_next(anna) == older


async def test_the_queue_is_that_of_the_conversation_when_the_call_is_due(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna", queues=("pracodawcy",))
    call = await ordered(small_centre, "2026-11-16 10:00")
    conversation = (await small_centre.row(call)).conversation
    await small_centre.store.write(
        lambda tx: tx.change(schema.conversation, conversation, queue="pracodawcy")
    )
    await small_centre.run_until(at("2026-11-16 10:00"))
    row = await small_centre.row(call)
    assert (row.queue, row.agent) == ("pracodawcy", anna.user)


async def test_a_due_call_follows_a_conversation_that_is_handed_on(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna", queues=("pracodawcy",))
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:05"))
    assert (await small_centre.row(call)).state == "due"
    conversation = (await small_centre.row(call)).conversation
    await small_centre.store.write(
        lambda tx: tx.change(schema.conversation, conversation, queue="pracodawcy")
    )
    await small_centre.run_until(at("2026-11-16 10:10"))
    row = await small_centre.row(call)
    assert (row.queue, row.last_agent) == ("pracodawcy", anna.user)


async def test_a_call_of_a_spammer_is_not_made_and_nobody_is_told(small_centre: Centre) -> None:
    await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    conversation = (await small_centre.row(call)).conversation
    await small_centre.store.write(lambda tx: tx.change(schema.conversation, conversation, status="spam"))
    await small_centre.run_until(at("2026-11-16 10:10"))
    assert (await small_centre.row(call)).state == "cancelled"
    assert len(await small_centre.told()) == 1


async def test_a_call_of_an_agent_who_went_home_goes_back_while_it_only_rang(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:00"))
    await small_centre.do(calls.dial, anna, call)
    await small_centre.run_until(at("2026-11-16 10:40"))
    assert (await small_centre.row(call)).state == "dialling"
    await small_centre.presence(anna, "offline")
    await small_centre.run_until(at("2026-11-16 11:10"))
    row = await small_centre.row(call)
    assert (row.state, row.agent, row.attempts) == ("due", None, 0)


async def test_a_talk_that_nobody_finished_waits_for_a_supervisor(small_centre: Centre) -> None:
    anna, boss = (
        await small_centre.agent("anna"),
        await small_centre.agent("boss", role="supervisor", presence="away"),
    )
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:00"))
    for action in (calls.dial, calls.answer):
        await small_centre.do(action, anna, call)
    await small_centre.presence(anna, "offline")
    await small_centre.run_until(at("2026-11-16 15:00"))
    assert (await small_centre.row(call)).state == "in-call"
    await small_centre.do(calls.finish, boss, call, outcome="settled", topic="Inne")
    row = await small_centre.row(call)
    assert (row.state, row.attempts) == ("done", 1)


async def test_a_call_that_no_agent_can_take_is_given_up_and_told(small_centre: Centre) -> None:
    rules = msgspec.structs.replace(CONFIG.desk, callback_expire_days=1)
    small_centre.house = make_house(msgspec.structs.replace(CONFIG, desk=rules))
    call = await ordered(small_centre, "2026-11-16 17:00")
    await small_centre.run_until(at("2026-11-17 17:59"))
    assert (await small_centre.row(call)).state == "due"
    await small_centre.run_until(at("2026-11-18 09:00"))
    assert (await small_centre.row(call)).state == "expired"
    assert (await small_centre.matter(call)).status == "open"
    assert (await small_centre.lines())[-1] == "callback-expired"
    assert len(await small_centre.told()) == 2


async def test_nothing_is_offered_in_quiet_hours(small_centre: Centre) -> None:
    call = await ordered(small_centre, "2026-11-16 17:30")
    await small_centre.run_until(at("2026-11-16 20:00"))
    assert (await small_centre.row(call)).state == "due"
    await small_centre.agent("anna")
    await small_centre.run_until(at("2026-11-17 07:59"))
    assert (await small_centre.row(call)).state == "due"
    await small_centre.run_until(at("2026-11-17 08:00"))
    assert (await small_centre.row(call)).state == "offered"


async def at_once(centre: Centre, first: Callable[[Tx], Any], second: Callable[[Tx], Any]) -> Any:
    """What the ``second`` gives that begins while the ``first`` has not committed; two processes on PostgreSQL."""

    begun = asyncio.Event()

    def slowly(tx: Tx) -> None:
        first(tx)
        begun.set()
        tx.execute(text("SELECT pg_sleep(0.5)"))

    slow = asyncio.create_task(centre.store.write(slowly))
    await begun.wait()
    try:
        return await centre.store.write(second)
    finally:
        await slow


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_whoever_ends_a_call_loses_nothing_because_a_colleague_takes_the_next_one(
    centre: Centre,
) -> None:
    first = await ordered(centre, "2026-11-16 10:00")
    ola, jan = await centre.agent("ola", presence="away"), await centre.agent("jan", presence="away")
    await centre.run_until(at("2026-11-16 10:00"))
    other = await ordered(centre, "2026-11-16 10:30", number="+48600700801")
    await centre.run_until(at("2026-11-16 10:30"))
    await centre.store.write(lambda tx: calls.take(tx, centre.house, ola, first))
    await centre.store.write(lambda tx: tx.change(schema.user, ola.user or 0, presence="available"))
    row = await at_once(
        centre,
        lambda tx: calls.take(tx, centre.house, jan, other),
        lambda tx: calls.no_answer(tx, centre.house, ola, first),
    )
    assert (row.state, row.attempts) == ("retry-wait", 1)
    assert (await centre.row(other)).agent == jan.user


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_whoever_takes_a_call_while_another_is_offered_to_them_is_told_so(centre: Centre) -> None:
    one, other = [await ordered(centre, "2026-11-16 10:00", number=f"+4860070080{n}") for n in range(2)]
    ola = await centre.agent("ola", presence="away")
    await centre.run_until(at("2026-11-16 10:00"))
    await centre.store.write(lambda tx: tx.change(schema.user, ola.user or 0, presence="available"))
    with pytest.raises(Conflict, match="another call in hand"):
        await at_once(
            centre,
            lambda tx: offers.offer_next(tx, centre.house, ola.user or 0),
            lambda tx: calls.take(tx, centre.house, ola, other),
        )
    assert (await centre.row(one)).agent == ola.user


async def test_who_comes_is_given_what_waits_at_once(small_centre: Centre) -> None:
    """The loop of timers sleeps until what it knows of falls due, so it must be told."""
    ewa = await small_centre.agent("ewa", presence="away")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 11:00"))

    def comes(tx: Tx) -> set[str]:
        set_presence(tx, small_centre.house, ewa, "available")
        return set(tx.rings)

    assert "timers" in await small_centre.store.write(comes)
    await small_centre.run_until(at("2026-11-16 11:00"))
    row = await small_centre.row(call)
    assert (row.state, row.agent) == ("offered", ewa.user)


@pytest.mark.parametrize("deed", ["move", "cancel"])
async def test_who_has_no_call_in_hand_any_more_is_given_what_waits_at_once(
    small_centre: Centre, deed: str
) -> None:
    """Not only by ending a call: it was put off, or is not needed."""
    ewa = await small_centre.agent("ewa")
    first = await ordered(small_centre, "2026-11-16 10:00")
    other = await ordered(small_centre, "2026-11-16 10:01", number="+48600700801")
    await small_centre.run_until(at("2026-11-16 10:00"))
    for action in (calls.dial, calls.answer):
        await small_centre.do(action, ewa, first)
    await small_centre.run_until(at("2026-11-16 12:00"))
    if deed == "move":
        await small_centre.do(service.move, ewa, first, at=at("2026-11-16 15:00"))
    else:
        await small_centre.do(service.cancel, ewa, first)
    await small_centre.run_until(at("2026-11-16 12:00"))
    row = await small_centre.row(other)
    assert (row.state, row.agent) == ("offered", ewa.user)
