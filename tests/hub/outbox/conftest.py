"""A sender at work against a connector that does as it is told, on both stores, under a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import Row, select

from connectors.contract import Capabilities, Clock, Health, Outbound, Recipient, Route, SendError, Sent, Sink
from hub.house import House
from hub.intake.events import release_target
from hub.logs import logger
from hub.messages import append, locked_conversation
from hub.outbox.queue import enqueue
from hub.outbox.sender import Parts, Sender
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.wake import Wake
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import feed, intake  # noqa: F401 - fixtures
from tests.hub.specimen import a_house

delivery = schema.delivery

Answer = Sent | BaseException


class Scripted:
    """A connector whose answers a test queues up by recipient; without one it accepts."""

    def __init__(self) -> None:
        self.capabilities = Capabilities(reaches=("email",), copies=True, on_ambiguous="hold")
        self.script: dict[str, list[Answer]] = {}
        self.sent: list[Outbound] = []
        self.hold: asyncio.Event | None = None
        self.called = asyncio.Event()

    async def send(self, outbound: Outbound) -> Sent:
        self.sent.append(outbound)
        self.called.set()
        if self.hold is not None:
            await self.hold.wait()
        first = (*outbound.to, *outbound.cc)[0]
        answers = self.script.get(first.address, [])
        answer = answers.pop(0) if answers else Sent(remote_id=f"<r{outbound.delivery}>")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def routes(self) -> Sequence[Route]:
        return ()

    async def run(self, sink: Sink) -> None:
        await asyncio.Event().wait()

    async def fetch(self, ref: str) -> bytes:
        raise SendError("permanent", "nothing to fetch")

    async def check(self) -> Health:
        return Health(state="ok")


class Files:
    """One file, whatever is asked for; ``failing`` says what comes before it. Without ``content`` there is none."""

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.failing: list[Exception] = []

    async def put(self, content: Any) -> Any:
        raise AssertionError

    async def get(self, blob: int) -> bytes:
        if self.failing:
            raise self.failing.pop(0)
        if self.content is None:
            raise KeyError(blob)
        return self.content


@pytest.fixture
def peer() -> Scripted:
    return Scripted()


@pytest.fixture
def house(peer: Scripted) -> House:
    plain = a_house()
    return msgspec.structs.replace(plain, capabilities={"kontakt": peer.capabilities})


class Bell(Wake):
    """One that tells for how long each wait would be."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def wait(self, clock: Clock, seconds: float) -> None:
        self.pauses.append(seconds)
        await super().wait(clock, seconds)


class Outgoing:
    """A sender that can be started, ended and asked."""

    def __init__(self, store: Store, clock: FakeClock, house: House, peer: Scripted) -> None:
        self.store, self.clock, self.house, self.peer = store, clock, house, peer
        self.peers = {"kontakt": peer}
        self.wake = Bell()
        self.files = Files()
        self.on_sent: Callable[[Tx, House, str, str], None] = release_target
        self.boots = 0
        self.unbroken_since = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.boots += 1
        parts = Parts(
            store=self.store,
            clock=self.clock,
            house=lambda: self.house,
            connectors=lambda: self.peers,
            blobs=self.files,
            log=logger("test"),
            node=f"this/{self.boots}",
            wake=self.wake,
            on_sent=lambda *told: self.on_sent(*told),
            gone=lambda node: node.startswith("this/"),
            still_gone=lambda tx, node: node.startswith("this/"),
            unbroken=lambda since: since >= self.unbroken_since,
        )
        self.sender = Sender(parts)
        self._task = asyncio.create_task(self.sender.run())

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def state(self, key: int) -> str:
        row = await self.store.read(lambda tx: tx.row(select(delivery.c.state).where(delivery.c.id == key)))
        assert row is not None
        return str(row.state)

    async def becomes(self, key: int, wanted: str, attempts: int = 0) -> None:
        """Until a delivery is in a state after so many attempts; the clock stands still meanwhile."""
        async with asyncio.timeout(20):
            while True:
                row = await self.row(delivery, key)
                if row.state == wanted and row.attempts >= attempts:
                    return
                self.wake.ring()
                await asyncio.sleep(0.01)

    async def next_pause(self) -> float:
        """For how long it means to rest when it is rung now and finds nothing more to do."""
        pauses = self.wake.pauses
        async with asyncio.timeout(20):
            seen = len(pauses)
            while len(pauses) < seen + 2:
                self.wake.ring()
                await asyncio.sleep(0.01)
        return pauses[-1]

    async def row(self, table: Any, key: int) -> Row[Any]:
        found = await self.store.read(lambda tx: tx.row(select(table).where(table.c.id == key)))
        assert found is not None
        return found

    async def reply(
        self,
        conversation_id: int | None,
        to: str = "jan@example.pl",
        text: str = "Odpowiedź",
        inbox: str = "kontakt",
        also: Sequence[Recipient] = (),
        **more: Any,
    ) -> int:
        assert conversation_id is not None

        def command(tx: Tx) -> int:
            recipients = [Recipient(address=to), *also]
            added = append(
                tx, conversation_id, kind="outbound", text=text, recipients=recipients, author=None
            )
            place = locked_conversation(tx, conversation_id)
            return enqueue(tx, self.house, place, added.id, recipients, inbox=inbox, **more)[0]

        return await self.store.write(command)


@pytest.fixture
async def out(store: Store, clock: FakeClock, house: House, peer: Scripted) -> AsyncIterator[Outgoing]:
    outgoing = Outgoing(store, clock, house, peer)
    outgoing.start()
    yield outgoing
    await outgoing.end()
