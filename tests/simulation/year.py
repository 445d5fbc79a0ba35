"""A year of an office: letters by the hour and the day of the week, agents who come and go home, calls, bad days.

Nearly all of a year is calm, so what is asked here is what a storm of a minute cannot tell: that deadlines are met on
time over nights, weekends, holidays and both changes of the clock, and that nothing grows or is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from types import ModuleType

from sqlalchemy import select

from connectors.contract import Micros
from hub import running, wake
from hub.calendar import at_wall_clock
from hub.config import Outbox
from hub.deciding import waiting
from hub.house import House
from hub.outbox import sender
from hub.people.presence import set_presence
from hub.replay import replaying, shadow
from hub.ruleset import faults
from hub.store import schema
from hub.store.tx import Reader, Tx
from tests.simulation import channel, setting
from tests.simulation.kernel import SECOND, SimClock
from tests.simulation.node import Node
from tests.simulation.people import Agent, Habits
from tests.simulation.story import KINDS, Plan, Story, disk

DAY = 86_400
ZONE = "Europe/Warsaw"

YEAR = Plan(nodes=1, citizens=200, calls=0.05, answers=0.3, agents=3, twice=0.05, calm=21 * DAY, silence=240)

OUTBOX = Outbox(poll_seconds=1800.0)

LETTERS = (24, 26, 25, 24, 20, 5, 3)
"""Letters a day, from Monday to Sunday."""

LATE = 60
"""Seconds by which a deadline may be missed while all is well."""

IDLE = 1800.0
"""Seconds between two looks of what is woken besides; a year has thirty-one million of them."""

REST = IDLE + 300.0
"""Seconds after trouble within which nothing is held to its time. A loop whose look failed comes back with its next
one, which is half a minute away in a real hub and :data:`IDLE` here; then what piled up is done."""

LOOKS: tuple[tuple[ModuleType, str], ...] = (
    (wake, "POLL"),
    (waiting, "LOOK"),
    (faults, "LOOK"),
    (replaying, "POLL"),
    (shadow, "POLL"),
    (running, "CHECK_EVERY"),
    (sender, "RECOVER"),
)
"""How often each loop looks by itself; a mailbox is read every five minutes."""


@contextlib.contextmanager
def at_leisure() -> Iterator[None]:
    """Loops look by themselves every half hour. Deadlines and commits wake them as ever."""
    before = [(module, name, getattr(module, name)) for module, name in (*LOOKS, (channel, "POLL"))]
    for module, name in LOOKS:
        setattr(module, name, IDLE)
    channel.POLL = 300.0
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


class OfficeYear(Story):
    """``days`` of one node with everything at once, as a small office runs it."""

    outbox = OUTBOX

    def __init__(
        self,
        seed: int,
        plan: Plan,
        days: int,
        epoch: Micros = setting.EPOCH,
        dawn: Callable[[int], None] = lambda day: None,
    ) -> None:
        """``dawn`` is told of every day as it begins, for whoever waits for the end of a year."""
        self.epoch = epoch
        super().__init__(seed, plan)
        self._days = days
        self._dawn = dawn
        self._troubled = 0.0

    async def play(self) -> None:
        """All days, then until all is settled."""
        self.habits = Habits(undo=15.0, twice=self.plan.twice, pause=(60.0, 900.0), asleep=(3600.0, 90_000.0))
        self.citizens.answers_within = (60.0, 2.0 * DAY)
        agents = await self._hire()
        self.hub.nodes.append(Node(self._around, self._seats()[0]))
        watch = asyncio.create_task(self._watch())
        for day in range(self._days):
            self.kernel.note(f"day {day}: {self._now():%a %Y-%m-%d %H:%M}")
            self._dawn(day)
            await self._day(agents)
        for agent in agents:
            await self._become(agent, "available")
        await self._settle(agents, [asyncio.create_task(agent.work()) for agent in agents])
        watch.cancel()

    # --- a day ---------------------------------------------------------------------------------------------------

    def _now(self) -> dt.datetime:
        return at_wall_clock(ZONE, Micros(self.kernel.epoch + self.kernel.now))

    async def _day(self, agents: list[Agent]) -> None:
        """From midnight to midnight by the wall clock, which has 23 or 25 hours now and then."""
        today = self._now().date()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_letters(today))
            group.create_task(self._trouble())
            if today.weekday() < 5:
                for agent in agents:
                    group.create_task(self._shift(agent, today))
            group.create_task(self._until(today + dt.timedelta(days=1), 0.0))

    async def _until(self, day: dt.date, hour: float) -> None:
        moment = dt.datetime.combine(day, dt.time(), self._now().tzinfo) + dt.timedelta(hours=hour)
        await asyncio.sleep(max(0.0, moment.timestamp() - self._now().timestamp()))

    async def _write_letters(self, day: dt.date) -> None:
        draw = self.kernel.draw
        count = draw.randint(0, 2 * LETTERS[day.weekday()])
        for hour in sorted(min(23.9, max(0.0, draw.gauss(13.0, 4.0))) for _ in range(count)):
            await self._until(day, hour)
            if draw.random() < self.plan.calls:
                self.citizens.order_call()
            else:
                self.citizens.write(draw.choice(list(KINDS)), draw.randrange(self.plan.citizens))

    async def _shift(self, agent: Agent, day: dt.date) -> None:
        """Come, work, go home; some are ill."""
        draw = self.kernel.draw
        if draw.random() < 0.1:
            return
        await self._until(day, 7.9 + draw.random())
        await self._become(agent, "available")
        agent.going = False
        work = asyncio.create_task(agent.work())
        await self._until(day, 15.5 + draw.random())
        agent.going = True
        await work
        await self._become(agent, "offline")

    async def _become(self, agent: Agent, presence: str) -> None:
        def command(tx: Tx, house: House) -> None:
            set_presence(tx, house, agent.scope, presence)  # type: ignore[arg-type]

        await self.hub.surely(command)

    # --- bad days ------------------------------------------------------------------------------------------------

    async def _trouble(self) -> None:
        """What goes wrong today: mostly nothing; sometimes a crash, a slow hour, a channel that is away for a day."""
        draw = self.kernel.draw
        await asyncio.sleep(draw.uniform(0.0, 0.8 * DAY))
        lot = draw.random()
        if lot < 0.15:
            await self._restart(draw.uniform(5.0, 600.0))
        elif lot < 0.25:
            self.hub.nodes[0].process.hang(draw.uniform(5.0, 300.0))
            self._troubled = self.kernel.now / 1e6 + 300.0
        elif lot < 0.4:
            await self._bad_hour()
        elif lot < 0.43:
            await self._outage()

    async def _restart(self, away: float) -> None:
        self.kernel.note("dies")
        self.crashes += 1
        self._troubled = self.kernel.now / 1e6 + away
        self.hub.nodes[0].process.kill()
        await asyncio.sleep(away)
        self._replace(0)

    async def _bad_hour(self) -> None:
        self.kernel.note("a bad hour")
        self._worse(self.network.weather, lost=0.2, unanswered=0.2, slow=0.1)
        self._worse(self.wear, before=0.2, slow=0.1)
        for peer in self.peers.values():
            self._worse(peer.manners, busy=0.4, throttled=0.2, reports=0.5)
        for _ in range(12):
            self._troubled = self.kernel.now / 1e6 + 300.0
            await asyncio.sleep(300.0)
        self._calm()

    async def _outage(self) -> None:
        """One channel is away for a day; nothing else may notice."""
        peer = self.kernel.draw.choice(list(self.peers.values()))
        self.kernel.note(f"{peer.inbox} is away")
        peer.manners.closed = True
        self.kernel.after(float(DAY), self._calm)

    # --- deadlines -----------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """While all is well, everything that falls due is done within a minute."""
        while True:
            await asyncio.sleep(600.0)
            if self.kernel.now / 1e6 < self._troubled + REST:
                continue
            for late in disk().read(overdue, SimClock(self.kernel)):
                self.kernel.fault(late)


def overdue(tx: Reader) -> list[str]:
    """Deadlines that have passed."""
    timer, effect, conversation = schema.timer, schema.effect, schema.conversation
    limit = tx.now - LATE * SECOND
    missed = select(timer.c.kind, timer.c.due_at).where(timer.c.state == "waiting", timer.c.due_at < limit)
    found = [f"the timer {row.kind} is {(tx.now - row.due_at) // SECOND} s late" for row in tx.rows(missed)]
    undone = select(effect.c.kind, effect.c.due_at).where(
        effect.c.state == "waiting", effect.c.due_at < limit
    )
    found += [f"the effect {row.kind} is {(tx.now - row.due_at) // SECOND} s late" for row in tx.rows(undone)]
    asleep = select(conversation.c.id).where(conversation.c.snoozed_until < limit)
    return found + [f"conversation {row.id} should have woken" for row in tx.rows(asleep)]
