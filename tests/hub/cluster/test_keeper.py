"""Keepers of several processes on one store: who does the work, and that nobody does it twice.

Each process has a clock and a connection of its own, so that one can hang while time goes on for the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.cluster.fenced import FencedStore
from hub.cluster.keeper import REST
from hub.cluster.leases import Fenced, Lease
from hub.cluster.members import Me
from hub.cluster.refusals import NameTaken, OtherSecret
from hub.cluster.roles import ROLES
from hub.store.store import StorageFault
from tests.hub.cluster.process import TTL, Make, Process, does, passes, settle


async def test_the_first_does_everything_until_a_second_comes_and_then_they_share(process: Make) -> None:
    first, second = process("first"), process("second")
    await first.start("a", "b", "c", "d")
    await settle()
    assert does(first) == [["a", "b", "c", "d"]]
    await second.start("a", "b", "c", "d")
    await passes(4, first, second)
    assert [len(names) for names in does(first, second)] == [2, 2]
    assert sorted([*first.doing, *second.doing]) == ["a", "b", "c", "d"]
    before = does(first, second)
    await passes(60, first, second)
    assert does(first, second) == before, "what is shared out stays where it is"


async def test_a_dead_process_is_replaced_within_one_and_a_half_leases(process: Make) -> None:
    first, second = process("first"), process("second")
    await first.start("a", "b")
    await second.start("a", "b")
    await passes(4, first, second)
    await first.die()
    await passes(1.4 * TTL, second)
    assert does(second) == [["a", "b"]]


async def test_one_that_ends_in_good_order_is_replaced_at_once(process: Make) -> None:
    first, second = process("first"), process("second")
    await first.start("a", "b")
    await second.start("a", "b")
    await passes(4, first, second)
    await first.keeper.retire()
    await passes(1.5, second)
    assert does(first, second) == [[], ["a", "b"]]


async def test_who_hung_and_wakes_writes_nothing_and_stops(process: Make) -> None:
    first, second = process("first"), process("second")
    await first.start("a")
    await second.start("a")
    await settle()
    held = first.doing["a"]
    await passes(1.4 * TTL, second)
    assert does(first, second) == [["a"], ["a"]], "the first hangs: it knows of nothing"
    with pytest.raises(Fenced):
        await FencedStore(first.store, held).write(lambda tx: None)
    await FencedStore(second.store, second.doing["a"]).write(lambda tx: None)
    first.clock.move(1.4 * TTL)
    await settle()
    assert does(first, second) == [[], ["a"]]
    await passes(30, first, second)
    assert does(first, second) == [[], ["a"]]


async def test_who_cannot_renew_stops_before_others_begin(
    process: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = process("first")
    await first.start("a")
    await settle()

    async def fails(*_: object) -> None:
        raise StorageFault("the cable is out")

    with monkeypatch.context() as cut:
        cut.setattr(first.store, "write", fails)
        await passes(0.6 * TTL, first)
        assert does(first) == [["a"]]
        await passes(0.5 * TTL, first)
        assert does(first) == [[]]
    await passes(2, first)
    assert does(first) == [["a"]], "with the storage the work comes back"


async def test_what_was_just_taken_lasts_from_then_however_long_ago_something_was_renewed(
    process: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = process("first")
    read = first.store.read

    async def slowly(*wanted: Any) -> Any:
        first.clock.move(1.2 * TTL)
        return await read(*wanted)

    with monkeypatch.context() as busy:
        busy.setattr(first.store, "read", slowly)
        await first.start("a")
        await settle()
    taken = first.doing["a"]
    await passes(TTL, first)
    assert first.doing["a"] == taken, "it was lost, and taken again"


async def test_what_does_not_end_with_its_lease_is_told_once(
    process: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    first = process("first")

    async def deaf(_: Lease) -> None:
        for _number in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    first.keeper.keep("deaf", deaf)
    await first.start()
    await passes(1, first)
    held = first.keeper.held("deaf")
    assert held is not None
    first.keeper.lost(Fenced(["deaf"]))
    await passes(2 * TTL, first)
    assert "does not end" not in capsys.readouterr().out
    await passes(5 * TTL, first)
    assert capsys.readouterr().out.count("does not end") == 1


async def test_what_fails_is_left_to_others_for_a_while(process: Make) -> None:
    first, second = process("first"), process("second")

    async def fails(_: Lease) -> None:
        raise ValueError("a fault of the loop")

    await first.open()
    first.keeper.keep("a", fails)
    await first.keeper.enter()
    first.tasks = [asyncio.create_task(first.keeper.run())]
    await settle()
    assert first.keeper.held("a") is None
    await second.start("a")
    await settle()
    assert does(second) == [["a"]]
    await passes(REST + 2, first, second)
    assert does(second) == [["a"]]


async def test_each_role_has_what_is_its_own(process: Make) -> None:
    reader, timers = process("reader", roles=("connectors",)), process("timers", roles=("timers",))
    await reader.open()
    reader.keeper.keep("inbox:x", reader._work("inbox:x"), role="connectors")
    await reader.start()
    await timers.start("search", "armed")
    await passes(4, reader, timers)
    assert does(reader, timers) == [["inbox:x"], ["armed", "search"]]


async def test_what_the_others_do_not_know_is_done_by_who_knows_it(process: Make) -> None:
    first, second = process("first"), process("second")
    await first.start("a")
    await second.start("a", "new-1", "new-2", "new-3")
    await passes(TTL, first, second)
    assert sorted([*first.doing, *second.doing]) == ["a", "new-1", "new-2", "new-3"]
    before = does(first, second)
    await passes(30, first, second)
    assert does(first, second) == before, "it is not handed to and fro"


async def test_a_name_belongs_to_one_living_process(process: Make) -> None:
    first, again = process("first"), process("first", home="elsewhere", boot="2")
    await first.start("a")
    await again.open("a")
    waiting = asyncio.create_task(again.keeper.enter())
    await passes(TTL, first, again)
    with pytest.raises(NameTaken, match="CENTRALA_HUB_NODE"):
        await waiting
    assert does(first) == [["a"]] and not first.displaced


async def test_after_a_crash_the_name_is_free_once_nobody_renewed_it(process: Make) -> None:
    first, again = process("first"), process("first", home="elsewhere", boot="2")
    await first.start("a")
    await settle()
    await first.die()
    await again.open("a")
    waiting = asyncio.create_task(again.keeper.enter())
    await passes(1.2 * TTL, again)
    await waiting


async def test_in_the_same_data_folder_the_one_before_is_certainly_dead(process: Make) -> None:
    first, again = process("first"), process("first", boot="2")
    await first.start("a")
    await settle()
    await first.die()
    await again.start("a")
    await settle()
    assert does(again) == [["a"]], "at once: the folder is locked by who runs in it"
    assert again.keeper.gone(first.keeper.me.id)
    assert not again.keeper.gone("second/x")


def test_all_earlier_runs_in_the_same_data_folder_are_over() -> None:
    """Also the one before the one before, which died again before it could settle what the first had left open."""
    me = Me(name="host.one", boot="f00d.3", home="f00d", roles=ROLES, version="1")
    assert me.follows("host.one/f00d.1") and me.follows("host.one/f00d.2")
    others = ("host.one/f00d.3", "host.one/beef.1", "host.two/f00d.1", "host.one/1", "host.one")
    assert not any(me.follows(other) for other in others)


async def test_who_slept_so_long_that_another_has_its_name_ends(process: Make) -> None:
    first, again = process("first"), process("first", home="elsewhere", boot="2")
    await first.start("a")
    await again.open("a")
    waiting = asyncio.create_task(again.keeper.enter())
    await passes(1.2 * TTL, again)
    await waiting
    first.clock.move(1.3 * TTL)
    await settle()
    assert first.displaced


async def test_alone_everything_is_held_at_once_and_nothing_is_written(sqlite_path: Path) -> None:
    process = Process(sqlite_path, "only")
    process.keeper.alone = True
    await process.open("a")
    await process.keeper.enter()
    await settle()
    assert does(process) == [["a"]]
    await FencedStore(process.store, process.doing["a"]).write(lambda tx: None)
    await process.keeper.drop("a")
    assert does(process) == [[]]
    await process.store.close()


async def test_another_signing_secret_is_refused_while_others_live(process: Make) -> None:
    first, other = process("first", secret="one"), process("other", secret="two")
    await first.start("a")
    await other.open("a")
    with pytest.raises(OtherSecret, match="not that of first"):
        await other.keeper.enter()
    await first.die()
    other.clock.move(TTL)
    await other.keeper.enter()


async def test_what_is_dropped_while_it_is_taken_is_free_again(
    process: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = process("first"), process("second")
    await first.open("a")
    write, taking = first.store.write, asyncio.Event()

    async def slow(command: Callable[..., Any]) -> Any:
        done = await write(command)
        if isinstance(done, list) and done:
            taking.set()
            await asyncio.sleep(0.02)
        return done

    monkeypatch.setattr(first.store, "write", slow)
    await first.start()
    await taking.wait()
    await first.keeper.drop("a")
    await asyncio.sleep(0.05)
    await second.start("a")
    await settle()
    assert does(first, second) == [[], ["a"]]
