"""The people of a simulation: citizens who write and answer back, an application that posts, agents who work.

They live in the process ``outside``, reach the hub over the simulated network, do again what broke, and write down
what they were told, each in a ledger of their own.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import select

from connectors.contract import Micros, Refused
from hub.desk import actions
from hub.desk.reply import Draft, Replied, Stale, reply
from hub.desk.take import take_next
from hub.house import House
from hub.scope import Conflict, NotFound, Scope
from hub.store import schema
from hub.store.tx import Tx
from tests.simulation import setting
from tests.simulation.calls import go_on, number_of
from tests.simulation.channel import Arrival, Letter, Peer
from tests.simulation.hub import UNSURE, Hub
from tests.simulation.kernel import SECOND, Kernel

TEXTS = (
    "Kiedy dostanę zasiłek?",
    "Jestem pracodawcą, pracodawca pyta o staż.",
    "Proszę o kontakt",
    "dziękuję",
)

GIVE_UP = (Conflict, NotFound)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that the hub took from an agent."""

    marker: str
    conversation: int
    number: int
    message: int
    at: int


class Citizens:
    """Write letters at drawn moments, and answer some of what they get."""

    def __init__(self, kernel: Kernel, peers: dict[str, Peer], hub: Hub, *, answers: float) -> None:
        self.writing = 0
        self._kernel = kernel
        self._peers = peers
        self._hub = hub
        self.answers_within = (1.0, 40.0)
        self._answers = answers
        self._count = 0
        self._orders = 0
        for peer in peers.values():
            peer.on_arrival = partial(self._got, peer)

    def write(self, inbox: str, person: int, *, token: str = "") -> None:
        """Somebody writes now. What an application tells is posted until it is taken."""
        self._count += 1
        text = self._kernel.draw.choice(TEXTS)
        address = _address(inbox, person)
        letter = self._peers[inbox].write(f"list-{self._count}", address, text, token=token)
        if inbox == setting.APP:
            self._start(self._post(letter))

    def order_call(self) -> None:
        """Somebody asks to be called back, through the application; some ask twice for one number."""
        self._count += 1
        self._orders += self._kernel.draw.random() < 0.8
        address, phone = f"call-{self._orders}", number_of(self._orders)
        letter = self._peers[setting.APP].write(
            f"call-{self._count}", address, "Proszę zadzwonić", phone=phone
        )
        self._start(self._post(letter))

    def _got(self, peer: Peer, arrival: Arrival) -> None:
        """A person reads an answer; some write back. A report of the application is posted like anything else."""
        last = peer.letters[-1] if peer.letters else None
        if peer.inbox == setting.APP and last is not None and last.report == arrival.remote_id:
            self._start(self._post(last))
        if not arrival.automatic and self._kernel.draw.random() < self._answers:
            self._start(self._write_back(peer, arrival))

    async def _write_back(self, peer: Peer, arrival: Arrival) -> None:
        await asyncio.sleep(self._kernel.draw.uniform(*self.answers_within))
        person = int(arrival.address.rpartition("-")[2])
        self.write(peer.inbox, person, token="" if peer.inbox == setting.TEXTS else arrival.token)

    async def _post(self, letter: Letter) -> None:
        while True:
            try:
                await self._hub.post(setting.APP, letter)
            except (*UNSURE, Refused):
                await asyncio.sleep(self._kernel.draw.uniform(1.0, 6.0))
            else:
                self._peers[setting.APP].acknowledged(letter)
                return

    def _start(self, work: Any) -> None:
        self.writing += 1
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.writing -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            self._kernel.fault(f"a citizen stumbled: {error!r}")


def _address(inbox: str, person: int) -> str:
    """A person's address on the channel of an inbox; its number stands at the end."""
    return f"{inbox}-{person}"


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How agents work; times in seconds.

    ``undo`` is how long answers can be taken back, the same for all: of two answers with different times the later one
    may leave first, because what is held holds up nothing. ``twice``: part of the answers that another one follows.
    """

    undo: float
    twice: float = 0.4
    pause: tuple[float, float] = (1.0, 15.0)
    asleep: tuple[float, float] = (15.0, 60.0)


class Agent:
    """Takes the next conversation and does something with it, until told to go home."""

    def __init__(
        self, kernel: Kernel, hub: Hub, user: int, name: str, ledger: Ledger, habits: Habits
    ) -> None:
        self.going = False
        self._kernel = kernel
        self._hub = hub
        self._ledger = ledger
        self._name = name
        self._habits = habits
        self.scope = Scope(
            user=user,
            role="agent",
            office="krajowa",
            front=True,
            queues=("bezrobotni", "pracodawcy"),
            name=name,
        )
        self._count = 0

    async def work(self) -> None:
        """One conversation after the other."""
        draw = self._kernel.draw
        while not self.going:
            await asyncio.sleep(draw.uniform(*self._habits.pause))
            if await go_on(self._kernel, self._hub, self.scope, self._ledger.calls):
                continue
            try:
                found = await self._hub.ask(lambda tx, house: take_next(tx, house, self.scope))
            except UNSURE:
                continue
            if found is None:
                continue
            await asyncio.sleep(draw.uniform(0.5, 10.0))
            try:
                await self._act(found)
            except GIVE_UP as error:
                self._kernel.note(f"{self._name}: not possible: {error}")

    async def _act(self, conversation: int) -> None:
        draw = self._kernel.draw.random()
        if draw < 0.75:
            for _ in range(1 + (self._kernel.draw.random() < self._habits.twice)):
                await self._reply(conversation, resolve=draw > 0.5)
        elif draw < 0.9:
            await self._snooze(conversation)
        else:
            await self._hub.surely(lambda tx, house: actions.resolve(tx, self.scope, [conversation]))

    async def _reply(self, conversation: int, *, resolve: bool) -> None:
        """Answer what was seen; when something came in between, look again and answer that."""
        self._count += 1
        marker = f"odp-{self._name}-{self._count}"
        while True:
            based_on = await self._hub.surely(lambda tx, house: _last_number(tx, conversation))
            await asyncio.sleep(self._kernel.draw.uniform(0.1, 3.0))
            draft = Draft(
                text=f"Odpowiedź [{marker}]",
                client_id=marker,
                based_on=based_on,
                after="resolve" if resolve else "waiting-citizen",
                undo_seconds=self._habits.undo,
            )
            command = partial(_reply, scope=self.scope, conversation=conversation, draft=draft)
            try:
                sent = await self._hub.surely(command)
            except Stale:
                continue
            self._ledger.answered(marker, conversation, sent)
            return

    async def _snooze(self, conversation: int) -> None:
        kernel = self._kernel
        until = Micros(kernel.epoch + kernel.now + int(kernel.draw.uniform(*self._habits.asleep) * SECOND))
        await self._hub.surely(lambda tx, house: actions.snooze(tx, house, self.scope, [conversation], until))
        self._ledger.snoozed[conversation] = until


class Ledger:
    """What agents were told that was done."""

    def __init__(self, kernel: Kernel) -> None:
        self.answers: dict[str, Answer] = {}
        self.snoozed: dict[int, int] = {}
        self.calls: set[int] = set()
        self._kernel = kernel

    def answered(self, marker: str, conversation: int, sent: Replied) -> None:
        """The hub has taken an answer."""
        self._kernel.note(f"answer {marker} in {conversation} as {sent.number}")
        self.answers[marker] = Answer(
            marker=marker,
            conversation=conversation,
            number=sent.number,
            message=sent.message,
            at=self._kernel.now,
        )


def _reply(tx: Tx, house: House, *, scope: Scope, conversation: int, draft: Draft) -> Replied:
    return reply(tx, house, scope, conversation, draft)


def _last_number(tx: Tx, conversation: int) -> int:
    table = schema.conversation
    return int(tx.scalar(select(table.c.messages).where(table.c.id == conversation)) or 0)
