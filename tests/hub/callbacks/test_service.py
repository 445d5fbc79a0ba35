"""Ordering, moving and cancelling a call, on both stores."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import CallbackChange
from hub.callbacks import calls, service
from hub.desk.merging import move_back
from hub.desk.moving import move_message
from hub.scope import Conflict
from hub.store import schema
from tests.hub.callbacks.desk import MAIL, NUMBER, Centre, at, make_house, ordered, shown
from tests.hub.specimen import add_message


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


async def test_the_same_submission_twice_is_one_call(small_centre: Centre) -> None:
    first = await small_centre.order(identity="order:same")
    second = await small_centre.order(identity="order:same")
    assert second.duplicate
    assert second.message == first.message
    assert await small_centre.lines() == ["callback-ordered"]


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


async def test_after_the_end_the_number_can_be_ordered_anew(small_centre: Centre) -> None:
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.change(call, "cancel")
    other = await ordered(small_centre, "2026-11-16 11:00")
    assert other != call
    assert (await small_centre.row(call)).state == "cancelled"
    assert (await small_centre.row(other)).state == "scheduled"


@pytest.mark.parametrize("number", ["700123456", "+48700123456", "112", "19524"])
async def test_a_number_that_cannot_be_called_is_rejected_and_seen(small_centre: Centre, number: str) -> None:
    call = await ordered(small_centre, number=number)
    row, matter = await small_centre.row(call), await small_centre.matter(call)
    assert row.state == "rejected"
    assert row.outcome
    assert matter.status == "open"
    await small_centre.notices()
    assert await small_centre.lines() == ["callback-refused"]
    [text] = await small_centre.mails()
    assert "http://127.0.0.1:8080/embed/callback/oddzwonimy" in text


async def test_nothing_is_told_to_a_number_that_is_wrong(small_centre: Centre) -> None:
    small_centre.house = make_house(reaches=("phone",))
    await ordered(small_centre, number="700123456", email="")
    await small_centre.notices()
    assert await small_centre.told() == []


async def test_the_confirmation_goes_to_the_address_given_though_it_is_somebody_elses_already(
    small_centre: Centre,
) -> None:
    await small_centre.order(number="600700801")
    await small_centre.order(number="600700802")
    await small_centre.notices()
    assert await small_centre.recipients() == [MAIL, MAIL]


async def test_nobody_gets_the_link_by_claiming_an_address_later(small_centre: Centre) -> None:
    await ordered(small_centre, "2026-11-16 10:00", email="")
    small_centre.clock.move(60)
    await small_centre.order(email="curious@example.org")
    await small_centre.notices()
    assert await small_centre.recipients() == []


async def test_told_by_sms_where_there_is_no_mail(small_centre: Centre) -> None:
    small_centre.house = make_house(reaches=("phone",))
    await ordered(small_centre, email="")
    await small_centre.notices()
    assert len(await small_centre.told()) == 1


@pytest.mark.parametrize("number", [NUMBER, "112"])
async def test_a_suspicious_order_is_kept_and_nobody_is_told(small_centre: Centre, number: str) -> None:
    call = await ordered(small_centre, number=number, suspicious="a program filled in the form")
    assert (await small_centre.row(call)).state == ("scheduled" if number == NUMBER else "rejected")
    await small_centre.notices()
    assert await small_centre.told() == []


async def test_counters_survive_a_move(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    for due in ("2026-11-16 10:00", "2026-11-16 12:00"):
        await small_centre.run_until(at(due))
        await small_centre.do(calls.no_answer, anna, call)
    await small_centre.change(call, "move", at("2026-11-18 11:00"))
    row = await small_centre.row(call)
    assert (row.state, row.attempts, shown(row.due_at)) == ("scheduled", 2, "2026-11-18 11:00")
    await small_centre.run_until(at("2026-11-18 11:00"))
    await small_centre.do(calls.no_answer, anna, call)
    assert (await small_centre.row(call)).state == "unreachable"


async def test_a_move_takes_an_offered_call_away(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:01"))
    await small_centre.change(call, "move", at("2026-11-17 10:00"))
    row = await small_centre.row(call)
    assert (row.state, row.agent) == ("scheduled", None)
    with pytest.raises(Conflict):
        await small_centre.do(calls.dial, anna, call)
    assert (await small_centre.matter(call)).status == "snoozed"


@pytest.mark.parametrize("action", ["move", "cancel"])
async def test_a_change_while_somebody_calls_is_only_noted(small_centre: Centre, action: str) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:01"))
    await small_centre.do(calls.dial, anna, call)
    await small_centre.change(call, action, at("2026-11-17 10:00"))
    assert (await small_centre.row(call)).state == "dialling"
    assert (await small_centre.lines())[-1] == "callback-too-late"
    await small_centre.order()
    assert (await small_centre.row(call)).state == "dialling"
    assert (await small_centre.lines())[-1] == "callback-repeated"


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
async def test_a_change_of_no_call_changes_nothing(small_centre: Centre, target: str) -> None:
    call = await ordered(small_centre)
    found = await small_centre.store.write(
        lambda tx: service.change_by_citizen(
            tx,
            small_centre.house,
            msgspec.convert(
                {"kind": "callback", "inbox": "oddzwonimy", "target": target, "action": "cancel"},
                CallbackChange,
            ),
        )
    )
    assert found is None
    assert (await small_centre.row(call)).state == "scheduled"


async def test_a_call_goes_with_the_message_that_ordered_it(small_centre: Centre) -> None:
    call = await ordered(small_centre, "2026-11-16 10:00")
    old = (await small_centre.row(call)).conversation
    await small_centre.store.write(lambda tx: add_message(tx, old, number=90))
    agent = await small_centre.agent("ola")
    new = await small_centre.store.write(lambda tx: move_message(tx, small_centre.house, agent, call))
    assert (await small_centre.row(call)).conversation == new
    await small_centre.store.write(lambda tx: move_back(tx, small_centre.house, agent, new))
    assert (await small_centre.row(call)).conversation == old
