"""One run: a hub, its world and its bad luck, all drawn from a seed; first a storm, then calm until all is settled."""

from __future__ import annotations

import asyncio
import functools

import msgspec

from hub.cluster.roles import ROLES, Role
from hub.config import Outbox
from hub.store.tx import Reader
from tests.simulation import setting
from tests.simulation.channel import Manners, Peer
from tests.simulation.disk import Disk, SimStore, Wear
from tests.simulation.hub import Hub
from tests.simulation.kernel import SECOND, Kernel, SimClock
from tests.simulation.network import Network, Weather
from tests.simulation.node import Node, Seat, Surroundings
from tests.simulation.people import Agent, Citizens, Habits, Ledger
from tests.simulation.verdict import judge, unfinished

KINDS = {setting.MAIL: "email", setting.TEXTS: "phone", setting.APP: "app"}

OUTBOX = Outbox(
    workers=4,
    gap_seconds=3.0,
    gap_seconds_most=15.0,
    give_up_hours=2.0,
    breaker_failures=3,
    breaker_seconds=8.0,
    poll_seconds=5.0,
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How large a run is and how bad things get; parts are of 1, times in virtual seconds."""

    storm: float = 50.0
    calm: float = 3600.0
    """How long it may take at most until all is settled after the storm."""

    nodes: int = 0
    """How many processes share the store; 0: drawn."""

    letters: int = 8
    calls: float = 0.12
    """Part of the letters that ask for a call."""

    citizens: int = 4
    answers: float = 0.4
    agents: int = 2
    silence: int = 2
    """Minutes for which somebody may wait for an answer until that is marked."""

    twice: float = 0.4
    """Part of the answers that are followed by another one at once."""

    busy: float = 0.0
    """Part of the sendings that peers refuse for the moment all through the storm."""

    slow: float = 0.0
    """Part of the transactions that take seconds all through the storm."""

    crashes: int = 2
    hangs: float = 0.3
    """Part of them in which a node only stands still for a while."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. ``digest`` is the hash of every step; ``faults`` empty where everything held."""

    seed: int
    digest: str
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    steps: int
    seconds: float
    letters: int
    answers: int
    crashes: int


@functools.cache
def disk() -> Disk:
    """The one database of this process; runs follow one another."""
    return Disk()


def run(seed: int, plan: Plan) -> Result:
    """Play one run to its end and judge it."""
    disk().empty()
    return tell(Story(seed, plan))


def tell(story: Story) -> Result:
    """Play a story on the empty disk to its end and judge it."""
    kernel = story.kernel
    try:
        kernel.run(story.outside, story.play())
        faults = disk().read(story.judge, SimClock(kernel))
    except AssertionError as error:
        faults = [repr(error)]
    finally:
        kernel.end()
    return Result(
        seed=story.seed,
        digest=kernel.digest,
        faults=(*kernel.faults, *faults),
        notes=tuple(kernel.notes),
        steps=kernel.steps,
        seconds=kernel.now / 1e6,
        letters=sum(len(peer.letters) for peer in story.peers.values()),
        answers=len(story.ledger.answers),
        crashes=story.crashes,
    )


class Story:
    """What a run is made of."""

    outbox = OUTBOX
    epoch = setting.EPOCH

    def __init__(self, seed: int, plan: Plan) -> None:
        self.kernel = kernel = Kernel(seed, self.epoch)
        self.outside = kernel.process("outside")
        self.plan = plan
        self.seed = seed
        self.nodes = plan.nodes or kernel.draw.choice((1, 1, 1, 2, 2, 3))
        self.crashes = 0
        self.network = Network(kernel)
        self.wear = Wear()
        self.habits = Habits(undo=kernel.draw.choice((0.0, 4.0)), twice=plan.twice)
        self.peers = {inbox: Peer(kernel, inbox, kind) for inbox, kind in KINDS.items()}
        self.ledger = Ledger(kernel)
        self.hub = Hub(kernel, self.network)
        self.citizens = Citizens(kernel, self.peers, self.hub, answers=plan.answers)
        self._around = Surroundings(
            kernel=kernel,
            network=self.network,
            disk=disk(),
            wear=self.wear,
            outside=self.outside,
            peers=self.peers,
            house=lambda draw: setting.house(self.outbox, draw, plan.silence),
        )

    def judge(self, tx: Reader) -> list[str]:
        """Everything that broke a promise."""
        return judge(tx, self.peers.values(), self.ledger, self.plan.silence, self.epoch)

    async def play(self) -> None:
        """The whole run, in the process ``outside``."""
        agents = await self._hire()
        self.hub.nodes += [Node(self._around, seat) for seat in self._seats()]
        work = [asyncio.create_task(agent.work()) for agent in agents]
        async with asyncio.TaskGroup() as troubles:
            troubles.create_task(self._letters())
            troubles.create_task(self._crashes())
            troubles.create_task(self._weather())
        self._calm()
        await self._settle(agents, work)

    async def _hire(self) -> list[Agent]:
        """Before anything is bad."""
        clock = SimClock(self.kernel)
        store = SimStore(disk(), self.kernel, clock, Wear(), alone=True)
        house = self._around.house(self.kernel.draw)
        users = await store.write(lambda tx: setting.hire(tx, house))
        names = zip(users, setting.AGENTS, strict=True)
        return [
            Agent(self.kernel, self.hub, user, name, self.ledger, self.habits)
            for user, name in list(names)[: self.plan.agents]
        ]

    def _seats(self) -> list[Seat]:
        """One node alone, or several that share the store: each does everything, or they share the roles."""
        draw, count = self.kernel.draw, self.nodes
        roles: list[tuple[Role, ...]] = [ROLES, ROLES, ROLES]
        if count > 1 and draw.random() < 0.5:
            roles[:2] = ("web", "connectors"), ("outbox", "timers")
        return [
            Seat(
                name=f"node-{number}",
                home=f"home-{number}",
                roles=does,
                alone=count == 1,
                skew=int(draw.uniform(-2, 2) * SECOND) if count > 1 else 0,
            )
            for number, does in enumerate(roles[:count], 1)
        ]

    async def _letters(self) -> None:
        draw = self.kernel.draw
        for _ in range(self.plan.letters):
            await asyncio.sleep(draw.expovariate(self.plan.letters / self.plan.storm))
            if draw.random() < self.plan.calls:
                self.citizens.order_call()
            else:
                self.citizens.write(draw.choice(list(KINDS)), draw.randrange(self.plan.citizens))

    async def _crashes(self) -> None:
        """Nodes die and come back, or hang for a while."""
        draw = self.kernel.draw
        for _ in range(self.plan.crashes):
            await asyncio.sleep(draw.uniform(0.3, 1.4) * self.plan.storm / (self.plan.crashes + 1))
            place = draw.randrange(len(self.hub.nodes))
            process = self.hub.nodes[place].process
            if draw.random() < self.plan.hangs:
                self.kernel.note(f"{process.name} hangs")
                process.hang(draw.uniform(1.0, 40.0))
                continue
            self.kernel.note(f"{process.name} dies")
            self.crashes += 1
            process.kill()
            await asyncio.sleep(draw.uniform(0.5, 10.0))
            self._replace(place)

    def _replace(self, place: int) -> None:
        """Another process takes the seat of one that died, on its own host or on another one."""
        seat = self.hub.nodes[place].seat
        if not seat.alone and self.kernel.draw.random() < 0.3:
            seat = msgspec.structs.replace(seat, home=f"{seat.home}+")
        self.hub.nodes[place] = Node(self._around, seat)

    async def _weather(self) -> None:
        """Network, storage and peers are good and bad in turn."""
        draw, until = self.kernel.draw, self.kernel.now / 1e6 + self.plan.storm
        while self.kernel.now / 1e6 < until:
            self._calm(self.plan.busy, self.plan.slow)
            await asyncio.sleep(draw.uniform(1.0, 15.0))
            kind = draw.choice(("network", "storage", "peers", "all"))
            self.kernel.note(f"bad weather: {kind}")
            if kind in ("network", "all"):
                self._worse(self.network.weather, lost=0.2, unanswered=0.2, slow=0.1)
            if kind in ("storage", "all"):
                # One file has no connection that could break between the commit and its answer.
                self._worse(self.wear, before=0.3, after=0.2 if self.nodes > 1 else 0.0, slow=0.1)
            if kind in ("peers", "all"):
                for peer in self.peers.values():
                    self._worse(peer.manners, busy=0.4, throttled=0.2, refused=0.1, reports=0.5)
                    peer.manners.closed = draw.random() < 0.2
            await asyncio.sleep(draw.uniform(1.0, 12.0))
        self._calm()

    def _worse(self, what: Weather | Wear | Manners, **most: float) -> None:
        for name, value in most.items():
            setattr(what, name, value * self.kernel.draw.random())

    def _calm(self, busy: float = 0.0, slow: float = 0.0) -> None:
        """All works as it should, but for peers that are ``busy`` and transactions that are ``slow`` at times."""
        for what in (self.network.weather, self.wear, *(peer.manners for peer in self.peers.values())):
            for name, value in msgspec.structs.asdict(type(what)()).items():
                setattr(what, name, value)
        for peer in self.peers.values():
            peer.manners.busy = busy
        self.wear.slow = slow

    async def _settle(self, agents: list[Agent], work: list[asyncio.Task[None]]) -> None:
        """Wait until agents have gone home and nothing is on its way any more."""
        for agent in agents:
            agent.going = True
        try:
            async with asyncio.timeout(self.plan.calm):
                await asyncio.gather(*work)
                while not self._settled():  # noqa: ASYNC110 - what is looked at is a ledger, not an event
                    await asyncio.sleep(2.0)
        except TimeoutError:
            self.kernel.note("not settled in time")

    def _settled(self) -> bool:
        letters = (letter for peer in self.peers.values() for letter in peer.letters)
        if self.citizens.writing or any(letter.acknowledged_at is None for letter in letters):
            return False
        return disk().read(lambda tx: next(unfinished(tx), None), SimClock(self.kernel)) is None
