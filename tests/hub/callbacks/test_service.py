"""Ordering, offering, attempting and closing calls, on both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from connectors.contract import CallbackChange
from hub.callbacks import calls, offers, service
from hub.callbacks.lists import board, history, waiting
from hub.callbacks.texts import OUTCOMES
from hub.desk.merging import move_back
from hub.desk.moving import move_message
from hub.i18n import translate
from hub.people.presence import set_presence
from hub.scope import Conflict, Denied, NotFound, Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.callbacks.desk import CONFIG, MAIL, NUMBER, Centre, at, make_house, shown
from tests.hub.conftest import FakeClock
from tests.hub.specimen import add_message


@pytest.fixture
async def centre(store: Store, clock: FakeClock) -> Centre:
    """An empty call centre on Monday, 9:00."""
    return Centre(store, clock)


@pytest.fixture
async def small(sqlite_store: Store, clock: FakeClock) -> Centre:
    """The same on the embedded store alone."""
    return Centre(sqlite_store, clock)


async def ordered(centre: Centre, when: str | None = None, **more: Any) -> int:
    receipt = await centre.order(when=at(when) if when else None, **more)
    assert receipt.message is not None
    return receipt.message


async def test_an_order_is_scheduled_told_and_sleeps(centre: Centre) -> None:
    call = await ordered(centre, "2026-11-16 10:00")
    row, matter = await centre.row(call), await centre.matter(call)
    assert (row.state, shown(row.due_at), row.number, row.attempts) == (
        "scheduled",
        "2026-11-16 10:00",
        NUMBER,
        0,
    )
    assert (matter.status, shown(matter.snoozed_until), shown(matter.due_at)) == (
        "snoozed",
        "2026-11-16 10:00",
        "2026-11-16 10:00",
    )
    await centre.notices()
    [text] = await centre.mails()
    assert "poniedziałek, 16 listopada, godz. 10:00" in text
    assert "••• ••• 800" in text
    assert NUMBER not in text
    token = centre.house.tokens.sign("callback", call)
    assert f"http://127.0.0.1:8080/embed/callback/oddzwonimy/call/{token}" in text


async def test_the_same_submission_twice_is_one_call(small: Centre) -> None:
    first = await small.order(identity="order:same")
    second = await small.order(identity="order:same")
    assert second.duplicate
    assert second.message == first.message
    assert await small.lines() == ["callback-ordered"]


async def test_a_second_wish_for_the_number_moves_the_open_call(centre: Centre) -> None:
    call = await ordered(centre, "2026-11-16 10:00")
    again = await centre.order(when=at("2026-11-17 09:00"), topic="inna sprawa")
    row = await centre.row(call)
    assert again.conversation == row.conversation
    assert (row.state, shown(row.due_at), row.topic) == ("scheduled", "2026-11-17 09:00", "inna sprawa")
    count = await centre.store.read(lambda tx: len(tx.rows(select(schema.callback.c.id))))
    assert count == 1
    await centre.notices()
    assert await centre.lines() == ["callback-ordered", "callback-joined"]
    assert len(await centre.told()) == 2


async def test_wishes_for_one_number_at_the_same_moment_are_one_call(centre: Centre) -> None:
    await asyncio.gather(*(centre.order() for _ in range(6)))
    rows = await centre.store.read(lambda tx: tx.rows(select(schema.callback)))
    assert [row.state for row in rows] == ["scheduled"]


async def test_after_the_end_the_number_can_be_ordered_anew(small: Centre) -> None:
    call = await ordered(small, "2026-11-16 10:00")
    await small.change(call, "cancel")
    other = await ordered(small, "2026-11-16 11:00")
    assert other != call
    assert (await small.row(call)).state == "cancelled"
    assert (await small.row(other)).state == "scheduled"


@pytest.mark.parametrize("number", ["700123456", "+48700123456", "112", "19524"])
async def test_a_number_that_cannot_be_called_is_rejected_and_seen(small: Centre, number: str) -> None:
    call = await ordered(small, number=number)
    row, matter = await small.row(call), await small.matter(call)
    assert row.state == "rejected"
    assert row.outcome
    assert matter.status == "open"
    await small.notices()
    assert await small.lines() == ["callback-refused"]
    [text] = await small.mails()
    assert "http://127.0.0.1:8080/embed/callback/oddzwonimy" in text


async def test_nothing_is_told_to_a_number_that_is_wrong(small: Centre) -> None:
    small.house = make_house(reaches=("phone",))
    await ordered(small, number="700123456", email="")
    await small.notices()
    assert await small.told() == []


async def test_the_confirmation_goes_to_the_address_given_though_it_is_somebody_elses_already(
    small: Centre,
) -> None:
    await small.order(number="600700801")
    await small.order(number="600700802")
    await small.notices()
    assert await small.recipients() == [MAIL, MAIL]


async def test_nobody_gets_the_link_by_claiming_an_address_later(small: Centre) -> None:
    await ordered(small, "2026-11-16 10:00", email="")
    small.clock.move(60)
    await small.order(email="curious@example.org")
    await small.notices()
    assert await small.recipients() == []


async def test_told_by_sms_where_there_is_no_mail(small: Centre) -> None:
    small.house = make_house(reaches=("phone",))
    await ordered(small, email="")
    await small.notices()
    assert len(await small.told()) == 1


async def test_due_offered_taken_answered_done(centre: Centre) -> None:
    anna = await centre.agent("anna")
    call = await ordered(centre, "2026-11-16 10:00")
    await centre.run_until(at("2026-11-16 09:59"))
    assert (await centre.row(call)).state == "scheduled"
    await centre.run_until(at("2026-11-16 10:00"))
    row = await centre.row(call)
    assert (row.state, row.agent) == ("offered", anna.user)
    assert (await centre.matter(call)).status == "open"
    await centre.do(calls.dial, anna, call)
    assert (await centre.matter(call)).assignee == anna.user
    await centre.do(calls.answer, anna, call)
    await centre.do(calls.hang_up, anna, call)
    assert (await centre.row(call)).state == "wrap-up"
    await centre.do(calls.finish, anna, call, outcome="settled", topic="Zatrudnienie", note="Wysłać druk")
    row, matter = await centre.row(call), await centre.matter(call)
    assert (row.state, row.outcome, row.note, row.agent) == ("done", "settled", "Wysłać druk", None)
    assert (matter.status, matter.topic) == ("resolved", "Zatrudnienie")
    assert matter.outcome == translate("pl", OUTCOMES["settled"])
    assert await centre.attempts(call) == [(1, "2026-11-16 10:00", "answered")]
    await centre.run_until(at("2026-11-20 12:00"))
    assert (await centre.row(call)).state == "done"
    assert await centre.lines() == [
        "callback-ordered",
        "callback-offered",
        "callback-dialling",
        "callback-answered",
        "callback-done",
        "resolved",
    ]
    assert await centre.events() == 7


async def test_an_answer_that_is_still_owed_keeps_the_matter_open(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small)
    await small.run_until(at("2026-11-16 09:05"))
    for action in (calls.take, calls.answer):
        await small.do(action, anna, call)
    await small.do(calls.finish, anna, call, outcome="follow-up", topic="Dotacja")
    matter = await small.matter(call)
    assert (matter.status, matter.topic, matter.assignee) == ("open", "Dotacja", anna.user)


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


async def test_a_lapsed_offer_comes_back_to_the_only_agent_after_a_pause(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:02"))
    assert (await small.row(call)).state == "due"
    await small.run_until(at("2026-11-16 10:03"))
    assert (await small.row(call)).agent == anna.user


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


async def test_an_agent_who_never_looks_does_not_fill_the_conversation(small: Centre) -> None:
    await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 17:00"))
    lines = await small.lines()
    assert (lines.count("callback-offered"), lines.count("callback-offer-lapsed")) == (3, 3)
    assert (await small.row(call)).lapses > 20


async def test_only_agents_at_work_in_the_queue_with_its_skills_are_asked(small: Centre) -> None:
    queues = tuple(
        msgspec.structs.replace(queue, skills=("uk",)) if queue.id == "informacja" else queue
        for queue in CONFIG.queues
    )
    small.house = make_house(msgspec.structs.replace(CONFIG, queues=queues))
    await small.agent("away", presence="away", skills='["uk"]')
    await small.agent("gone", presence="offline", skills='["uk"]')
    await small.agent("closed", active=False, skills='["uk"]')
    await small.agent("other", queues=("pracodawcy",), skills='["uk"]')
    await small.agent("plain")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:10"))
    assert (await small.row(call)).state == "due"
    able = await small.agent("able", skills='["uk", "en"]')
    await small.run_until(at("2026-11-16 10:11"))
    assert (await small.row(call)).agent == able.user


async def test_an_agent_who_comes_is_given_the_oldest_call_at_once(small: Centre) -> None:
    older = await ordered(small, "2026-11-16 10:00")
    await ordered(small, "2026-11-16 10:30", number="600700801")
    await small.run_until(at("2026-11-16 11:00"))
    anna = await small.agent("anna")
    assert await small.offer_next(anna) == older


async def test_the_queue_is_that_of_the_conversation_when_the_call_is_due(small: Centre) -> None:
    anna = await small.agent("anna", queues=("pracodawcy",))
    call = await ordered(small, "2026-11-16 10:00")
    conversation = (await small.row(call)).conversation
    await small.store.write(lambda tx: tx.change(schema.conversation, conversation, queue="pracodawcy"))
    await small.run_until(at("2026-11-16 10:00"))
    row = await small.row(call)
    assert (row.queue, row.agent) == ("pracodawcy", anna.user)


async def test_a_due_call_follows_a_conversation_that_is_handed_on(small: Centre) -> None:
    anna = await small.agent("anna", queues=("pracodawcy",))
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:05"))
    assert (await small.row(call)).state == "due"
    conversation = (await small.row(call)).conversation
    await small.store.write(lambda tx: tx.change(schema.conversation, conversation, queue="pracodawcy"))
    await small.run_until(at("2026-11-16 10:10"))
    row = await small.row(call)
    assert (row.queue, row.last_agent) == ("pracodawcy", anna.user)


async def test_a_call_of_a_spammer_is_not_made_and_nobody_is_told(small: Centre) -> None:
    await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    conversation = (await small.row(call)).conversation
    await small.store.write(lambda tx: tx.change(schema.conversation, conversation, status="spam"))
    await small.run_until(at("2026-11-16 10:10"))
    assert (await small.row(call)).state == "cancelled"
    assert len(await small.told()) == 1


async def test_a_call_of_an_agent_who_went_home_goes_back_while_it_only_rang(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:00"))
    await small.do(calls.dial, anna, call)
    await small.run_until(at("2026-11-16 10:40"))
    assert (await small.row(call)).state == "dialling"
    await small.presence(anna, "offline")
    await small.run_until(at("2026-11-16 11:10"))
    row = await small.row(call)
    assert (row.state, row.agent, row.attempts) == ("due", None, 0)


async def test_a_talk_that_nobody_finished_waits_for_a_supervisor(small: Centre) -> None:
    anna, boss = await small.agent("anna"), await small.agent("boss", role="supervisor", presence="away")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:00"))
    for action in (calls.dial, calls.answer):
        await small.do(action, anna, call)
    await small.presence(anna, "offline")
    await small.run_until(at("2026-11-16 15:00"))
    assert (await small.row(call)).state == "in-call"
    await small.do(calls.finish, boss, call, outcome="settled", topic="Inne")
    row = await small.row(call)
    assert (row.state, row.attempts) == ("done", 1)


async def test_no_answer_in_one_click_then_retries_then_unreachable(centre: Centre) -> None:
    anna = await centre.agent("anna")
    call = await ordered(centre, "2026-11-16 10:00")
    for due, state in [
        ("2026-11-16 10:00", "retry-wait"),
        ("2026-11-16 12:00", "retry-wait"),
        ("2026-11-17 08:00", "unreachable"),
    ]:
        await centre.run_until(at(due))
        assert (await centre.row(call)).agent == anna.user
        await centre.do(calls.no_answer, anna, call)
        assert (await centre.row(call)).state == state
    assert [outcome for _, _, outcome in await centre.attempts(call)] == ["no-answer"] * 3
    await centre.run_until(at("2026-11-25 12:00"))
    assert (await centre.row(call)).state == "unreachable"
    told = await centre.mails()
    assert len(told) == 4
    assert "/call/" in told[1]
    assert "/call/" in told[2]
    assert "/call/" not in told[3]
    assert "/embed/callback/oddzwonimy" in told[3]
    matter = await centre.matter(call)
    assert (matter.status, matter.waiting_since, matter.assignee) == ("waiting-citizen", None, None)


async def test_counters_survive_a_move(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    for due in ("2026-11-16 10:00", "2026-11-16 12:00"):
        await small.run_until(at(due))
        await small.do(calls.no_answer, anna, call)
    await small.change(call, "move", at("2026-11-18 11:00"))
    row = await small.row(call)
    assert (row.state, row.attempts, shown(row.due_at)) == ("scheduled", 2, "2026-11-18 11:00")
    await small.run_until(at("2026-11-18 11:00"))
    await small.do(calls.no_answer, anna, call)
    assert (await small.row(call)).state == "unreachable"


async def test_a_move_takes_an_offered_call_away(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:01"))
    await small.change(call, "move", at("2026-11-17 10:00"))
    row = await small.row(call)
    assert (row.state, row.agent) == ("scheduled", None)
    with pytest.raises(Conflict):
        await small.do(calls.dial, anna, call)
    assert (await small.matter(call)).status == "snoozed"


@pytest.mark.parametrize("action", ["move", "cancel"])
async def test_a_change_while_somebody_calls_is_only_noted(small: Centre, action: str) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:01"))
    await small.do(calls.dial, anna, call)
    await small.change(call, action, at("2026-11-17 10:00"))
    assert (await small.row(call)).state == "dialling"
    assert (await small.lines())[-1] == "callback-too-late"
    await small.order()
    assert (await small.row(call)).state == "dialling"
    assert (await small.lines())[-1] == "callback-repeated"


async def test_a_cancelled_call_is_never_made(centre: Centre) -> None:
    await centre.agent("anna")
    call = await ordered(centre, "2026-11-16 10:00")
    await centre.change(call, "cancel")
    await centre.run_until(at("2026-11-17 12:00"))
    assert (await centre.row(call)).state == "cancelled"
    assert (await centre.matter(call)).status == "resolved"
    assert await centre.attempts(call) == []
    assert len(await centre.told()) == 2


@pytest.mark.parametrize("target", ["999999", "", "abc", "-1", "1 or 1=1"])
async def test_a_change_of_no_call_changes_nothing(small: Centre, target: str) -> None:
    call = await ordered(small)
    found = await small.store.write(
        lambda tx: service.change_by_citizen(
            tx,
            small.house,
            msgspec.convert(
                {"kind": "callback", "inbox": "oddzwonimy", "target": target, "action": "cancel"},
                CallbackChange,
            ),
        )
    )
    assert found is None
    assert (await small.row(call)).state == "scheduled"


async def test_a_wrong_number_ends_it_and_is_told_by_mail_only(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:00"))
    await small.do(calls.dial, anna, call)
    await small.do(calls.wrong_number, anna, call)
    row = await small.row(call)
    assert (row.state, row.outcome, row.attempts) == ("rejected", "wrong-number", 1)
    await small.notices()
    assert len(await small.told()) == 2
    assert await small.attempts(call) == [(1, "2026-11-16 10:00", "wrong-number")]


async def test_a_call_that_no_agent_can_take_is_given_up_and_told(small: Centre) -> None:
    rules = msgspec.structs.replace(CONFIG.desk, callback_expire_days=1)
    small.house = make_house(msgspec.structs.replace(CONFIG, desk=rules))
    call = await ordered(small, "2026-11-16 17:00")
    await small.run_until(at("2026-11-17 17:59"))
    assert (await small.row(call)).state == "due"
    await small.run_until(at("2026-11-18 09:00"))
    assert (await small.row(call)).state == "expired"
    assert (await small.matter(call)).status == "open"
    assert (await small.lines())[-1] == "callback-expired"
    assert len(await small.told()) == 2


async def test_nothing_is_offered_in_quiet_hours(small: Centre) -> None:
    call = await ordered(small, "2026-11-16 17:30")
    await small.run_until(at("2026-11-16 20:00"))
    assert (await small.row(call)).state == "due"
    await small.agent("anna")
    await small.run_until(at("2026-11-17 07:59"))
    assert (await small.row(call)).state == "due"
    await small.run_until(at("2026-11-17 08:00"))
    assert (await small.row(call)).state == "offered"


async def test_giving_back_is_no_attempt(small: Centre) -> None:
    anna, ewa = await small.agent("anna"), await small.agent("ewa", queues=())
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:00"))
    await small.do(calls.dial, anna, call)
    with pytest.raises(Denied):
        await small.do(calls.release, ewa, call)
    boss = await small.agent("boss", role="supervisor")
    await small.do(calls.release, boss, call)
    row = await small.row(call)
    assert (row.state, row.agent, row.attempts) == ("due", None, 0)
    assert (await small.matter(call)).assignee is None


async def test_one_agent_has_one_call(small: Centre) -> None:
    anna = await small.agent("anna", presence="away")
    first = await ordered(small, "2026-11-16 10:00")
    second = await ordered(small, "2026-11-16 10:00", number="600700801")
    await small.run_until(at("2026-11-16 10:05"))
    await small.do(calls.take, anna, first)
    with pytest.raises(Conflict):
        await small.do(calls.take, anna, second)


async def at_once(centre: Centre, first: Callable[[Tx], Any], second: Callable[[Tx], Any]) -> Any:
    """What the ``second`` gives that begins while the ``first`` has not committed; two processes on PostgreSQL."""

    def slowly(tx: Tx) -> None:
        first(tx)
        tx.execute(text("SELECT pg_sleep(0.5)"))

    slow = asyncio.create_task(centre.store.write(slowly))
    await asyncio.sleep(0.2)
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


async def test_who_comes_is_given_what_waits_at_once(small: Centre) -> None:
    """The loop of timers sleeps until what it knows of falls due, so it must be told."""
    ewa = await small.agent("ewa", presence="away")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 11:00"))

    def comes(tx: Tx) -> set[str]:
        set_presence(tx, small.house, ewa, "available")
        return set(tx.rings)

    assert "timers" in await small.store.write(comes)
    await small.run_until(at("2026-11-16 11:00"))
    row = await small.row(call)
    assert (row.state, row.agent) == ("offered", ewa.user)


async def test_a_stale_screen_changes_nothing(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:00"))
    seen = (await small.row(call)).version
    await small.do(calls.dial, anna, call, version=seen)
    with pytest.raises(Conflict):
        await small.do(calls.no_answer, anna, call, version=seen)
    assert (await small.row(call)).state == "dialling"


ACTIONS: tuple[Callable[..., Any], ...] = (
    *(
        calls.take,
        calls.dial,
        calls.answer,
        calls.hang_up,
        calls.release,
        calls.no_answer,
        calls.wrong_number,
    ),
    *(service.cancel, service.move, calls.finish),
)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: str(action.__name__))
async def test_another_office_cannot_touch_it(small: Centre, action: Callable[..., Any]) -> None:
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:00"))
    stranger = await small.agent("county", queues=("pup",), office="pup")
    more: dict[str, Any] = {"at": None} if action is service.move else {}
    more |= {"outcome": "settled"} if action is calls.finish else {}
    with pytest.raises(NotFound):
        await small.do(action, stranger, call, **more)
    moderator = Scope(user=99, role="moderator", office="krajowa", front=True)
    with pytest.raises((Denied, NotFound)):
        await small.do(action, moderator, call, **more)
    assert (await small.row(call)).state == "due"


async def test_an_outcome_must_be_one_of_ours(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small)
    await small.run_until(at("2026-11-16 09:01"))
    await small.do(calls.dial, anna, call)
    await small.do(calls.answer, anna, call)
    with pytest.raises(Conflict):
        await small.do(calls.finish, anna, call, outcome="<script>")


async def test_the_board_shows_what_is_mine_due_and_coming(small: Centre) -> None:
    anna = await small.agent("anna")
    due = await ordered(small, "2026-11-16 10:00")
    mine = await ordered(small, "2026-11-16 09:30", number="600700801")
    coming = await ordered(small, "2026-11-17 10:00", number="600700802")
    await small.run_until(at("2026-11-16 09:30"))
    await small.do(calls.dial, anna, mine)
    await small.run_until(at("2026-11-16 10:01"))
    found = await small.store.read(lambda tx: board(tx, small.house, anna))
    assert found.mine is not None
    assert found.mine.id == mine
    assert [row.id for row in found.due] == [due]
    assert await small.store.read(lambda tx: waiting(tx, anna)) == 2
    assert [row.id for row in found.coming] == [coming]
    stranger = await small.agent("county", queues=("pup",), office="pup")
    empty = await small.store.read(lambda tx: board(tx, small.house, stranger))
    assert (empty.mine, empty.due, empty.coming) == (None, (), ())


async def test_the_history_names_who_called(small: Centre) -> None:
    anna = await small.agent("anna")
    call = await ordered(small, "2026-11-16 10:00")
    await small.run_until(at("2026-11-16 10:00"))
    await small.do(calls.no_answer, anna, call)
    [line] = await small.store.read(lambda tx: history(tx, anna, call))
    assert (line.number, line.name, line.outcome) == (1, "Anna", "no-answer")


async def test_a_call_goes_with_the_message_that_ordered_it(small: Centre) -> None:
    call = await ordered(small, "2026-11-16 10:00")
    old = (await small.row(call)).conversation
    await small.store.write(lambda tx: add_message(tx, old, number=90))
    agent = await small.agent("ola")
    new = await small.store.write(lambda tx: move_message(tx, small.house, agent, call))
    assert (await small.row(call)).conversation == new
    await small.store.write(lambda tx: move_back(tx, small.house, agent, new))
    assert (await small.row(call)).conversation == old
