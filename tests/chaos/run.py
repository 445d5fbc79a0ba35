"""A run: load on every channel, kills in between, then quiet, and what everybody has."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import aiohttp
import msgspec

from tests.chaos import verdict
from tests.chaos.agent import Agent, Api
from tests.chaos.channels.base import Server
from tests.chaos.ledgers import Ledger, keep_sending
from tests.chaos.node import Died, Node
from tests.chaos.verdict import Shown
from tests.chaos.world import World

READINGS = 4
"""How often everything is read at least before something counts as missing."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a run goes: ``kills`` of the hub at random moments and at ``places`` in turn, each place at least once while
    the kills last; every ``others``-th kill is of another server instead (0: never)."""

    kills: int
    seed: int
    places: Sequence[str] = ()
    others: int = 0
    agents: bool = True
    quiet: float = 90.0
    """Seconds that the hub may take after the last kill until nothing is on its way and nothing missing any more."""
    longest: float = 0.8
    """Seconds of the longest life that ends at random."""
    first: float = 2.0
    """Seconds that the first hub lives, so that it is known which places are passed."""
    hangs: int = 0
    """Every so many times a node stands still for ``hang_seconds`` instead of being killed (0: never)."""
    hang_seconds: float = 3.0
    patience: float = 4.0
    """Seconds that a place may take to be passed."""


class Run:
    """What a run leaves to be judged."""

    def __init__(self) -> None:
        self.ledgers: list[Ledger] = []
        self.agent = Agent()
        self.shown = Shown()
        self.received: list[Sequence[str]] = []
        self.numbered: list[str] = []
        """Items that a server in between put into an order of its own, in that order."""
        self.seconds: dict[str, float] = {}
        self.killed: Counter[str] = Counter()
        """Kills by what was killed: ``hub``, the name of a server, or the place where the hub died by itself."""
        self.hung = 0
        self.complaints: list[str] = []

    def faults(self) -> list[str]:
        """Everything that breaks the promise."""
        found = verdict.faults(self.ledgers, self.shown, self.agent, self.received, self.numbered)
        return found + self.complaints

    def summary(self) -> str:
        """For the log of the run."""
        taken = {ledger.name: len(ledger.acknowledged) for ledger in self.ledgers}
        came = sum(len(set(one)) for one in self.received)
        ambiguous = sum("ambiguous" in states for states in self.shown.states.values())
        return (
            f"{self.killed.total()} kills and {self.hung} hangs {dict(self.killed)}, "
            f"acknowledged {sum(taken.values())} {taken}, answers made {len(self.agent.made)}, "
            f"received {came}, possibly twice {ambiguous}, "
            f"refused {dict(self.agent.refused)}, unfinished {self.shown.unfinished}, seconds {self.seconds}"
        )


@contextlib.asynccontextmanager
async def channels_open(world: World, session: aiohttp.ClientSession) -> AsyncIterator[None]:
    """The other side of every channel."""
    async with contextlib.AsyncExitStack() as stack:
        for channel in world.channels:
            await channel.open(session)
            stack.push_async_callback(channel.close)
        yield


@contextlib.asynccontextmanager
async def under_load(
    world: World, session: aiohttp.ClientSession, result: Run, *, agents: bool = True
) -> AsyncIterator[None]:
    """Senders on every channel, and the agent; at the end each sender is asked to stop, and waited for."""
    stop, tasks = asyncio.Event(), []
    for channel in world.channels:
        for name, way in channel.ways().items():
            ledger = Ledger(name, way.series)
            result.ledgers.append(ledger)
            tasks.append(asyncio.create_task(keep_sending(ledger, way.attempt, stop, way.pace)))
    if agents:
        tasks.append(asyncio.create_task(result.agent.work(Api(world.base, session), stop)))
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def run(world: World, plan: Plan) -> Run:
    """Kill under load, let it settle, read what everybody has."""
    draw, result, began = random.Random(plan.seed), Run(), time.monotonic()
    await world.prepare()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        async with world.around(), channels_open(world, session):
            await asyncio.to_thread(world.start)
            for channel in world.channels:
                await channel.ready()
            async with under_load(world, session, result, agents=plan.agents):
                await asyncio.sleep(plan.first)
                await _lives(world, plan, draw, result)
                await asyncio.sleep(1.0)
            result.seconds["killing"] = time.monotonic() - began
            await settled(world, session, result, plan.quiet)
            result.complaints = world.complaints()
            result.seconds["settling"] = time.monotonic() - began - result.seconds["killing"]
    return result


async def _lives(world: World, plan: Plan, draw: random.Random, result: Run) -> None:
    """Every kill, and all of the hub up again after the last."""
    servers = {name: server for channel in world.channels for name, server in channel.servers().items()}
    servers |= world.servers()
    places = draw.sample(list(plan.places), len(plan.places))
    for number in range(plan.kills):
        node = world.nodes[number % len(world.nodes)]
        place = _next_place(node, result, places) if number % 4 else ""
        if plan.others and servers and number % plan.others == plan.others - 1:
            await _revive(node)
            name = draw.choice(sorted(servers))
            await _kill_server(servers[name], draw.uniform(0.0, 0.3))
            result.killed[name] += 1
        elif plan.hangs and number % plan.hangs == plan.hangs - 1:
            await _hang(node, plan.hang_seconds)
            result.hung += 1
        elif place:
            result.killed[await _life_until(node, draw, place, plan.patience)] += 1
        else:
            await _revive(node)
            await asyncio.sleep(draw.uniform(0.02, plan.longest))
            node.kill()
            result.killed["hub"] += 1
        if len(world.nodes) > 1:
            await _revive(node)
    for node in world.nodes:
        await _revive(node)


async def _revive(node: Node) -> None:
    """Start it, with nothing armed, unless it lives."""
    if not node.alive():
        node.failpoints = ""
        await asyncio.to_thread(node.start)


def _next_place(node: Node, result: Run, places: Sequence[str]) -> str:
    """One that the node passes under this load and where the fewest have died; of those the first."""
    passed = node.passed()
    return min((place for place in places if place in passed), key=lambda p: result.killed[p], default="")


async def _kill_server(server: Server, rest: float) -> None:
    """Dead for a moment, then back with what it had on its disk."""
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(rest)
    await asyncio.to_thread(server.start)


async def _hang(node: Node, seconds: float) -> None:
    """Silent for longer than its leases last; then it goes on as if nothing had been."""
    node.hang()
    try:
        await asyncio.sleep(seconds)
    finally:
        node.wake()


async def _life_until(node: Node, draw: random.Random, place: str, seconds: float) -> str:
    """A new life that ends at a named place if it is passed in time, else so late. Returns what killed it."""
    node.kill()
    node.failpoints = f"{place}=kill@{draw.choice((1, 1, 2, 3, 5))}"
    with contextlib.suppress(Died):
        await asyncio.to_thread(node.start)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not node.alive():
            return place
        await asyncio.sleep(0.01)
    node.kill()
    return "hub"


async def settled(world: World, session: aiohttp.ClientSession, result: Run, seconds: float = 90.0) -> None:
    """Read everything until nothing is on its way and nothing is missing, or the time is over.

    One reading shows no moment: what comes meanwhile lifts its conversation out of pages still to be read. On a
    loaded machine a reading may take longer than all of the time; then a few count.
    """
    api, until = Api(world.base, session), time.monotonic() + seconds
    for reading in itertools.count(1):
        result.shown = await shown(api)
        result.received = [await channel.received() for channel in world.channels]
        result.numbered = [marker for channel in world.channels for marker in await channel.numbered()]
        over = reading >= READINGS and time.monotonic() > until
        if over or not (result.shown.unfinished or result.faults()):
            return
        await asyncio.sleep(0.5)


async def shown(api: Api) -> Shown:
    """Everything that the API shows."""
    found = Shown()
    for row in await api.conversations():
        found.add(row["id"], await api.messages(row["id"]))
    return found
