"""The line of those who wait for a chat, and an agent's chats."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from hub.chats.desk import chats_of
from hub.desk import actions
from hub.store import schema
from hub.store.store import StorageFault
from hub.store.tx import Tx
from tests.hub.chats.conftest import ANNA, BEN, INBOX, World

# --- the line ------------------------------------------------------------------------------------------------------


async def test_the_place_in_the_line_and_the_expected_wait(world: World) -> None:
    visitors = [f"{n:032x}" for n in range(6)]
    for visitor in visitors[:3]:
        number = await world.says("Pierwsi", visitor)
        await world.passes(seconds=60)
        await world.takes(world.jan)
        await world.answers(number, "Jestem", world.jan)
    for visitor in visitors[3:]:
        await world.says("Następni", visitor)
        await world.passes(seconds=1)
    places = [await world.sees(visitor) for visitor in visitors[3:]]
    assert [(chat.state, chat.place, chat.wait) for chat in places if chat] == [
        ("waiting", 1, 60.0),
        ("waiting", 2, 120.0),
        ("waiting", 3, 180.0),
    ]
    hours = await world.port.hours(INBOX)
    assert (hours.staffed, hours.waiting, hours.wait, hours.mails) == (True, 3, 240.0, True)
    await world.does("left", visitors[3])
    await world.takes(world.ola)
    last = await world.sees(visitors[5])
    assert last is not None and last.place == 1
    taken = await world.sees(visitors[4])
    assert taken is not None and (taken.state, taken.agent, taken.place) == ("active", "Ola Testowa", None)


async def test_of_few_answers_no_wait_is_made_up(world: World) -> None:
    await world.says("Sama jedna")
    found = await world.sees()
    assert found is not None and (found.place, found.wait) == (1, None)


async def test_nobody_on_duty_or_outside_the_hours_is_no_chat(world: World) -> None:
    def all_away(tx: Tx) -> None:
        tx.execute(update(schema.user).values(presence="away"))

    await world.store.write(all_away)
    hours = await world.port.hours(INBOX)
    assert (hours.staffed, hours.opens_at) == (False, None)
    world.clock.move(hours=11)  # 20:00
    evening = await world.port.hours(INBOX)
    assert not evening.staffed
    assert evening.opens_at is not None and evening.opens_at > world.clock.now()


async def test_a_crowd_asks_for_the_hours_once_and_a_failure_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked, away = world.store.read, 0, True

    async def slow(query: Any) -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        if away:
            raise StorageFault("away")
        return await read(query)

    monkeypatch.setattr(world.store, "read", slow)
    crowd = await asyncio.gather(*(world.port.hours(INBOX) for _ in range(50)), return_exceptions=True)
    assert asked == 1 and {type(found) for found in crowd} == {StorageFault}
    away = False
    assert all(found.staffed for found in await asyncio.gather(*(world.port.hours(INBOX) for _ in range(50))))
    assert asked == 2
    world.clock.move(seconds=3)
    await world.port.hours(INBOX)
    assert asked == 3


async def test_news_name_those_whose_chats_changed(world: World) -> None:
    await world.says("Anna")
    second = await world.says("Ben", BEN)
    told: list[frozenset[str]] = []

    async def listen() -> None:
        async for visitors in world.port.news(INBOX):
            told.append(visitors)

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await world.says("Jeszcze raz", BEN)
    await _until(lambda: bool(told))
    world.clock.move(seconds=1)
    assert told == [frozenset({BEN})]
    await world.store.write(lambda tx: actions.assign(tx, world.house, world.ola, [second], world.ola.user))
    await _until(lambda: len(told) > 1)
    assert told[-1] == {ANNA, BEN}, "the whole line has moved"
    task.cancel()


async def _until(ask: object) -> None:
    for _ in range(3000):
        if ask():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


# --- an agent's chats -----------------------------------------------------------------------------------------------


async def test_take_next_brings_visitors_first_and_no_more_than_one_may_have(world: World) -> None:
    limit = world.house.directory.config.chats.per_agent
    mail = await world.says("Dawno temu", f"{99:032x}")
    await world.does("left", f"{99:032x}")
    await world.passes(minutes=30)
    for n in range(limit + 1):
        await world.says("Jestem tu", f"{n:032x}")
    taken = [await world.takes(world.ola) for _ in range(limit + 2)]
    assert mail not in taken[:limit]
    assert taken[limit:] == [mail, None], "full: what nobody sits and waits for still comes"
    assert await world.takes(world.jan) not in (None, mail)


async def test_an_agents_chats_in_order_of_waiting(world: World) -> None:
    first, second = await world.says("Anna"), await world.says("Ben", BEN, name="")
    for _ in range(2):
        await world.takes(world.ola)
    await world.answers(first, "Dzień dobry")
    await world.passes(seconds=30)
    await world.does("left")
    found = await world.store.read(lambda tx: chats_of(tx, world.house, world.ola))
    assert [(one.conversation, one.unread > 0, one.here) for one in found.mine] == [
        (second, True, True),
        (first, False, False),
    ]
    await world.says("Jeszcze nikt mnie nie wziął", "c" * 32)
    nobody = await world.store.read(lambda tx: chats_of(tx, world.house, world.jan))
    assert (nobody.mine, nobody.waiting) == ((), 1)
