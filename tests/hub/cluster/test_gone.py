"""Who is gone: known to the others by its silence, and to itself before it does anything more."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from connectors.contract import Health
from hub.cluster.keeper import Keeper
from hub.inboxes import Inboxes
from hub.running import Means, Running
from hub.store.store import StorageFault
from tests.hub.cluster.process import TTL, Make, passes, settle


async def test_a_dead_process_is_gone_for_the_others_and_nobody_else(process: Make) -> None:
    first, second, third = process("first"), process("second"), process("third")
    for one in (first, second, third):
        await one.start()
    await passes(4, first, second, third)
    await first.die()
    await passes(TTL, second, third)
    assert not second.keeper.gone(first.keeper.me.id), "it may be late by as much"
    await passes(0.5 * TTL, second, third)
    assert second.keeper.gone(first.keeper.me.id) and third.keeper.gone(first.keeper.me.id)
    assert not second.keeper.gone(third.keeper.me.id) and not third.keeper.gone(second.keeper.me.id)


async def test_who_is_taken_for_gone_knows_it_before_and_when_it_wakes(process: Make) -> None:
    """A process that hangs: what it claimed before may be settled by others, and what it claims now is its own."""
    first, second = process("first"), process("second")
    await first.start()
    await second.start()
    await passes(4, first, second)
    claimed = first.clock.monotonic()
    assert first.keeper.unbroken(claimed)
    await passes(1.5 * TTL, second)
    assert second.keeper.gone(first.keeper.me.id)
    first.clock.move(1.5 * TTL)
    assert not first.keeper.unbroken(claimed), "before it has had any time to look about"
    await passes(2, first, second)
    assert not first.keeper.unbroken(claimed), "nor when it is back"
    assert first.keeper.unbroken(first.clock.monotonic())
    assert not second.keeper.gone(first.keeper.me.id)


async def test_one_that_has_just_come_back_is_not_gone_in_the_transaction_that_asks(process: Make) -> None:
    first, second = process("first"), process("second")
    await first.start()
    await second.start()
    await passes(4, first, second)
    await passes(1.5 * TTL, second)
    gone = first.keeper.me.id
    assert second.keeper.gone(gone)
    assert await second.store.write(lambda tx: second.keeper.still_gone(tx, gone))
    await passes(4, first)
    assert second.keeper.gone(gone), "it has not looked since"
    assert not await second.store.write(lambda tx: second.keeper.still_gone(tx, gone))


async def test_an_outage_of_the_store_makes_nobody_gone(
    process: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = process("first"), process("second")
    await first.start()
    await second.start()
    await passes(4, first, second)

    async def fails(*_: object) -> None:
        raise StorageFault("no disk")

    with monkeypatch.context() as patch:
        for one in (first, second):
            patch.setattr(one.store, "write", fails)
            patch.setattr(one.store, "read", fails)
        claimed = first.clock.monotonic()
        await passes(4 * TTL, first, second)
        assert not first.keeper.unbroken(claimed)
        assert not second.keeper.gone(first.keeper.me.id)
    for _ in range(40):
        await passes(0.5, first, second)
        assert not second.keeper.gone(first.keeper.me.id)


async def test_before_its_first_beat_a_process_claims_nothing(process: Make) -> None:
    """It was listed when it entered; what it did until it beats could be taken for that of one that stands still."""
    first = process("first")
    await first.open()
    await first.keeper.enter()
    assert not first.keeper.unbroken(first.clock.monotonic())
    first.tasks = [asyncio.create_task(first.keeper.run())]
    await settle()
    assert first.keeper.unbroken(first.clock.monotonic())


async def test_what_a_dead_process_told_of_its_inboxes_is_no_news(process: Make) -> None:
    """However its name sorts: who reads the inbox now knows better, and what nobody reads does not work."""
    dead, living, web = process("z"), process("a"), process("web")
    dead.health = {name: Health(state="ok") for name in ("poczta", "sms")}
    for one in (dead, web):
        await one.start()
    await passes(5, dead, web)
    nobody = cast(Any, None)
    inboxes = Inboxes(cast(Means, Seen(web.keeper)), nobody, nobody, sends=False)
    inboxes.swap({name: (nobody, Running(inbox=name, connector=nobody)) for name in dead.health})
    assert {inbox: health.state for inbox, health in inboxes.health().items()} == dict.fromkeys(
        dead.health, "ok"
    )
    await dead.die()
    living.health = {"poczta": Health(state="wrong_credentials")}
    await living.start()
    await passes(30, living, web)
    found = {inbox: health.state for inbox, health in inboxes.health().items()}
    assert found == {"poczta": "wrong_credentials", "sms": "starting"}


class Seen:
    """Of what inboxes run by, the keeper."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
