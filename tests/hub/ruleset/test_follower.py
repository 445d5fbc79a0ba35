"""The running hub takes over what is published anywhere, publishes at the set time, and keeps what works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
import pytest
from sqlalchemy import select

from hub.cautions import Cautions
from hub.configfile import ConfigError
from hub.house import House
from hub.logs import logger
from hub.ruleset import Change, change, draft, open_draft, published, schedule
from hub.ruleset.drafts import Draft
from hub.ruleset.follower import Parts, Taken, follow_rules, usable
from hub.ruleset.versions import Wanted, add_version, lock
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.wake import Wake
from rules.files.load import version_of
from tests.hub.conftest import FakeClock
from tests.hub.ruleset.conftest import SOURCE, proof_of_source

Scopes = Mapping[str, Scope]
LATER = SOURCE.replace("name: Dotacje", "name: Granty")


class Process:
    """One hub on the store, as far as rules go."""

    def __init__(self, store: Store, clock: FakeClock, house: House) -> None:
        self.house = house
        self.cautions = Cautions(clock, logger("test"))
        self.wake = Wake()
        self.after: list[int] = []
        parts = Parts(
            store=store,
            clock=clock,
            house=lambda: self.house,
            swap=self._swap,
            after=self._after,
            cautions=self.cautions,
            log=logger("test"),
        )
        self.task = asyncio.create_task(follow_rules(parts, self.wake))

    def _swap(self, before: House, taken: Taken) -> bool:
        assert before is self.house
        self.house = msgspec.structs.replace(before, rules=taken.compiled, rules_version=taken.version)
        return True

    async def _after(self, house: House) -> None:
        self.after.append(house.rules_version)


@pytest.fixture
async def process(
    store: Store, clock: FakeClock, house: House, scopes: Scopes
) -> AsyncIterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(other: House | None = None) -> Process:
        started.append(Process(store, clock, msgspec.structs.replace(other or house, rules_version=1)))
        return started[-1]

    yield start
    for one in started:
        one.task.cancel()
    await asyncio.gather(*(one.task for one in started), return_exceptions=True)


async def until(clock: FakeClock, met: Callable[[], bool], *, seconds: float = 3) -> None:
    """Let at most so many seconds of the hub's time pass until it is so."""
    for _ in range(int(seconds * 10)):
        if met():
            return
        clock.move(0.1)
        await asyncio.sleep(0.02)
    for _ in range(3000):  # a busy machine may need longer than the hub's clock says
        if met():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"not within {seconds} s")


async def put(store: Store, source: str) -> int:
    def command(tx: Tx) -> int:
        lock(tx)
        return add_version(tx, Wanted(source=source, origin="console"))

    return await store.write(command)


async def test_every_process_takes_over_what_any_of_them_published(
    store: Store, clock: FakeClock, process: Callable[..., Process]
) -> None:
    here, there = process(), process()
    await put(store, LATER)
    await until(clock, lambda: (here.house.rules_version, there.house.rules_version) == (2, 2))
    assert here.house.rules.ruleset.version == version_of(LATER)
    assert here.after == [2] and here.cautions.all() == ()


async def test_a_ring_makes_it_at_once(
    store: Store, clock: FakeClock, process: Callable[..., Process]
) -> None:
    here = process()
    store.on_rings = lambda loops: here.wake.ring() if "rules" in loops else None
    await asyncio.sleep(0.05)
    await put(store, LATER)
    for _ in range(3000):  # the clock stands still all the while
        if here.house.rules_version == 2:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nothing was taken over")


async def test_a_version_that_does_not_fit_here_leaves_the_old_one_with_a_warning(
    store: Store, clock: FakeClock, process: Callable[..., Process]
) -> None:
    here = process()
    await put(store, SOURCE.replace("queue: pracodawcy", "queue: nieznana"))
    await until(clock, lambda: bool(here.cautions.all()))
    (caution,) = here.cautions.all()
    assert caution.key == "rules" and "nieznana" in str(caution.text) and "version 1" in str(caution.text)
    assert here.house.rules_version == 1
    await put(store, LATER)
    await until(clock, lambda: here.house.rules_version == 3)
    assert here.cautions.all() == ()


async def a_scheduled_draft(
    store: Store, house: House, scope: Scope, clock: FakeClock, before: str, after: str
) -> Draft:
    def command(tx: Tx) -> Draft:
        made = open_draft(tx, scope)
        made = change(tx, scope, made.id, lambda text: text.replace(before, after), Change(kind="change"))
        proof = proof_of_source(tx, house, made.source)
        at = clock.now() + 60_000_000
        return schedule(tx, house, scope, made.id, made.revision, "Rano", at, proof=proof)

    return await store.write(command)


async def test_at_its_time_a_draft_is_published_by_one_and_taken_over_by_all(
    store: Store, clock: FakeClock, house: House, scopes: Scopes, process: Callable[..., Process]
) -> None:
    await a_scheduled_draft(store, house, scopes["anna"], clock, "name: Dotacje", "name: Granty")
    here, there = process(), process()  # begun after it was set: nothing but the store knows of it
    await asyncio.sleep(0.1)
    assert here.house.rules_version == 1
    clock.move(61)
    await until(clock, lambda: (here.house.rules_version, there.house.rules_version) == (2, 2))
    now = await store.read(published)
    assert now is not None and (now.version, now.author, now.note) == (2, scopes["anna"].user, "Rano")


@pytest.mark.parametrize("theirs", ["name: Śmieci", "name: Dotacje"], ids=["another rule", "the same rule"])
async def test_what_nobody_saw_together_is_not_published_at_the_set_time(
    store: Store, clock: FakeClock, house: House, scopes: Scopes, process: Callable[..., Process], theirs: str
) -> None:
    """Somebody publishes while a draft waits: its people are told at once, long before its time."""
    made = await a_scheduled_draft(store, house, scopes["anna"], clock, "name: Dotacje", "name: Granty")
    await put(store, SOURCE.replace(theirs, "name: Spam"))
    here = process()

    async def left() -> Draft:
        return await store.read(lambda tx: draft(tx, scopes["anna"], made.id))

    for _ in range(1500):
        if (await left()).state == "open":
            break
        await asyncio.sleep(0.02)
    clock.move(61)
    await until(clock, lambda: here.house.rules_version == 2)
    found = await left()
    assert (found.state, found.revision, found.publish_at) == ("open", made.revision, None)
    assert "name: Granty" in found.source
    now = await store.read(published)
    assert now is not None and "name: Spam" in now.source and "Granty" not in now.source
    kind = schema.notification.c
    told = await store.read(lambda tx: tx.rows(select(kind.user).where(kind.kind == "rules-refused")))
    assert scopes["anna"].user in {row.user for row in told}


async def test_a_start_uses_the_newest_version_that_fits(
    store: Store, clock: FakeClock, house: House, scopes: Scopes
) -> None:
    await put(store, LATER)
    await put(store, SOURCE.replace("queue: pracodawcy", "queue: nieznana"))
    cautions = Cautions(clock, logger("test"))
    taken = await usable(store, house.directory.config, cautions, older=True)
    assert taken.version == 2 and [caution.key for caution in cautions.all()] == ["rules"]
    with pytest.raises(ConfigError, match="nieznana"):
        await usable(store, house.directory.config, cautions, older=False)
