"""kill -9 under load on all five channels; the verdict compares the ledgers of senders and peers.

Every acknowledged message is there once; an unacknowledged one at most once; every reply that the API accepted was
received by its peer once, or is visibly failed or possibly sent. The harness is shown to fail on builds with the fault.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors._failpoint import names
from tests.chaos.peers import Agent, Api, HookPeer, answers_received, marker_of
from tests.chaos.senders import Ledger, all_senders
from tests.chaos.world import ROOT, World, a_world, faulty_copy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLACES = tuple(name for name in names(ROOT / "hub", ROOT / "connectors") if not name.startswith("imap"))
"""Named failpoints on the ways that these worlds use."""

UNFINISHED = ("held", "queued", "sending")
QUIET = 120.0
"""Seconds that the hub may take after the last kill until nothing is on its way any more."""


class Run:
    """What a run leaves to be judged."""

    def __init__(self, ledgers: dict[str, Ledger], agent: Agent) -> None:
        self.ledgers = ledgers
        self.agent = agent
        self.there: Counter[str] = Counter()
        self.states: dict[str, list[str]] = {}
        self.received: Counter[str] = Counter()
        self.kills = 0

    def faults(self) -> list[str]:
        """Everything that breaks the promise."""
        found = []
        for ledger in self.ledgers.values():
            found += [f"lost {m}" for m in sorted(ledger.acknowledged) if not self.there[m]]
            found += [f"{self.there[m]} times {m}" for m in sorted(ledger.begun) if self.there[m] > 1]
        for marker in sorted(self.agent.made):
            got, states = self.received[marker], self.states.get(marker, [])
            if got == 0 and not {"failed", "possibly-sent"} & set(states):
                found.append(f"answer to {marker} lost, shown as {states}")
            if got > 1 and "ambiguous" not in states:
                found.append(f"answer to {marker} came {got} times, shown as {states}")
        return found


async def run(
    world: World, kills: int, seed: int, *, agents: bool = True, places: Sequence[str] = PLACES
) -> Run:
    """Kill under load, let it settle, read what everybody has. Every second kill is at one of ``places``."""
    draw = random.Random(seed)
    stop, hook, agent = asyncio.Event(), HookPeer(), Agent()
    await hook.start(world.hook)
    await world.prepare()
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        ledgers, loops = all_senders(world, session, stop)
        result = Run(ledgers, agent)
        tasks = [asyncio.create_task(loop) for loop in loops]
        if agents:
            tasks.append(asyncio.create_task(agent.work(Api(world, session), stop)))
        for number in range(kills):
            await one_life(world, draw, places if number % 2 else ())
            result.kills += 1
        world.failpoints = ""
        await asyncio.to_thread(world.start)
        await asyncio.sleep(1.0)
        stop.set()
        await asyncio.gather(*tasks)
        await read_out(world, Api(world, session), result)
    result.received = answers_received(world, hook)
    await hook.stop()
    return result


async def one_life(world: World, draw: random.Random, places: Sequence[str]) -> None:
    """Start; die at a random moment, or at a named place if it is passed in time."""
    world.failpoints = f"{draw.choice(places)}=kill@{draw.randint(1, 30)}" if places else ""
    try:
        await asyncio.to_thread(world.start)
    except pytest.fail.Exception:
        if not places:
            raise
    await asyncio.sleep(draw.uniform(0.05, 0.8))
    world.kill()


async def read_out(world: World, api: Api, result: Run) -> None:
    """Wait until nothing is on its way, then read everything through the API."""
    async with asyncio.timeout(QUIET):
        while True:
            messages = await all_messages(api)
            if not any(m["state"] in UNFINISHED for m in messages):
                break
            await asyncio.sleep(0.5)
    for message in messages:
        if message["kind"] == "inbound" and (marker := marker_of(message["text"] + " " + message["subject"])):
            result.there[marker] += 1
        if message["kind"] == "outbound" and "odp-" in message["text"]:
            marker = message["text"].split("odp-")[1].split()[0]
            result.states[marker] = [message["state"], *attempts_of(message)]


def attempts_of(message: dict[str, Any]) -> list[str]:
    """Outcomes of all attempts of a message, as the API shows them."""
    return [
        attempt["outcome"] or "open"
        for delivery in message.get("deliveries", [])
        for attempt in delivery.get("attempts", [])
    ]


async def all_messages(api: Api) -> list[dict[str, Any]]:
    """Every message of every conversation."""
    found: list[dict[str, Any]] = []
    for row in await api.conversations():
        found += await api.messages(row["id"])
    return found


def summary(result: Run) -> str:
    """For the log of the run."""
    taken = {channel: len(ledger.acknowledged) for channel, ledger in result.ledgers.items()}
    return f"{result.kills} kills, acknowledged {taken}, replies {len(result.agent.made)}"


async def test_fifty_kills_lose_nothing_and_double_nothing() -> None:
    with a_world() as world:
        result = await run(world, kills=50, seed=1)
    print(summary(result), dict(result.agent.refused))
    for channel, ledger in result.ledgers.items():
        assert len(ledger.acknowledged) > 20, f"hardly any load on {channel}"
    assert len(result.agent.made) > 50
    assert result.faults() == []


async def test_the_harness_notices_an_acknowledgement_before_the_commit(tmp_path: Path) -> None:
    source = faulty_copy(
        tmp_path,
        "hub/intake/sink.py",
        "            receipts = await self._commit(call)\n",
        "            import asyncio\n"
        "            from connectors.contract import Receipt\n"
        "            asyncio.get_running_loop().call_later(0.3, asyncio.ensure_future, self._commit(call))\n"
        '            receipts = [Receipt(reference="ABC-DEF-GHJ") for _ in call.items]\n',
    )
    with a_world(source) as world:
        result = await run(world, kills=8, seed=2, agents=False)
    assert any(fault.startswith("lost") for fault in result.faults()), summary(result)


async def test_the_harness_notices_an_attempt_recorded_after_the_send(tmp_path: Path) -> None:
    """After a crash such a build knows nothing of the attempt: the delivery is as if it had never been tried."""
    source = faulty_copy(
        tmp_path,
        "hub/outbox/claim.py",
        "    for row in over:\n",
        "    for row in over:\n"
        "        tx.execute(attempt.delete().where(attempt.c.id == row.id))\n"
        '        tx.change(delivery, row.delivery, state="queued", attempts=0)\n'
        "        continue\n",
    )
    with a_world(source) as world:
        result = await run(world, kills=12, seed=3, places=["outbox.outcome.before"])
    assert any("times, shown as" in fault for fault in result.faults()), summary(result)
