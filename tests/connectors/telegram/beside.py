"""A Telegram connector beside the stand-in on loopback, and people who write: for the tests of this folder."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from connectors.contract import Env, Outbound, Party, Secret
from connectors.telegram import CHANNEL
from connectors.telegram.connector import Telegram
from connectors.telegram.settings import Settings
from hub.clock import SystemClock
from hub.demo.peers.telegram import TelegramPeer
from hub.demo.peers.telegram_payloads import Person
from hub.egress import CheckedEgress
from tests.contract.cases.telegram import peer_on_a_port
from tests.contract.world import INBOX, Clock, Ledger, Log, make_env
from tests.waiting import until

TOKEN = "4200117:AAFtoken_do_prob"
SECRET = "sekret-webhooka-do-prob"
JAN = Person(id=1111111, first_name="Jan", last_name="Kowalski", username="jan_k")
OLENA = Person(id=2222222, first_name="Олена", language="uk")
PNG = bytes.fromhex("89504e470d0a1a0a") + b"zdjecie"


class QuickClock(Clock):
    """The machine's time, but waits are a hundredth as long; ``waited`` are those that were asked for."""

    def __init__(self) -> None:
        self.ahead = 0
        self.waited: list[float] = []

    def now(self) -> Any:
        return super().now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(seconds / 100)


@contextlib.asynccontextmanager
async def telegram_on_a_port() -> AsyncIterator[tuple[TelegramPeer, int]]:
    """The provider by the machine's clock, listening; and its port."""
    clock = SystemClock()
    peer = TelegramPeer(TOKEN, lambda: clock.now() / 1e6)
    async with peer_on_a_port(peer) as port:
        yield peer, port


def bot_settings(port: int) -> dict[str, Any]:
    """Of an inbox that asks the provider there."""
    return {"token": Secret(TOKEN), "api_url": f"http://127.0.0.1:{port}", "poll_seconds": 5}


@dataclasses.dataclass
class Beside:
    """What a test works with."""

    peer: TelegramPeer
    connector: Telegram
    ledger: Ledger
    log: Log
    clock: QuickClock
    env: Env
    port: int
    running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run the connector."""
        self.running = asyncio.create_task(self.connector.run(self.ledger))

    async def stop(self) -> None:
        """End it."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait({self.running})
            self.running = None

    def again(self, **settings: Any) -> None:
        """A new process with the same hub behind it."""
        self.connector = CHANNEL.create(settings_for(self.port, **settings), self.env)  # type: ignore[assignment]
        self.start()

    def called(self, method: str) -> list[dict[str, Any]]:
        """The parameters of all calls of a method."""
        return [call.params for call in self.peer.calls if call.method == method]


def settings_for(port: int, **more: Any) -> Settings:
    """Settings of a bot at the stand-in."""
    base = Settings(
        token=Secret(TOKEN), api_url=f"http://127.0.0.1:{port}", poll_seconds=5, timeout_seconds=1.0
    )
    return msgspec.structs.replace(base, **more)


@contextlib.asynccontextmanager
async def beside(*, started: Any = True, **settings: Any) -> AsyncIterator[Beside]:
    """A connector and its peer, running unless told otherwise."""
    clock, log, ledger, egress = QuickClock(), Log(), Ledger(), CheckedEgress(["127.0.0.0/8"])
    peer = TelegramPeer(TOKEN, lambda: clock.now() / 1e6)
    async with peer_on_a_port(peer) as port:
        env = make_env(clock=clock, log=log, egress=egress, public_url="https://centrala.example")
        connector = CHANNEL.create(settings_for(port, **settings), env)
        assert isinstance(connector, Telegram)
        found = Beside(peer, connector, ledger, log, clock, env, port)
        if started:
            found.start()
            await until(lambda: peer.updates.asked or peer.updates.hook)
        try:
            yield found
        finally:
            await found.stop()
            await egress.close()


def outbound(to: Any = JAN, **more: Any) -> Outbound:
    """A delivery to somebody."""
    address = str(to.id) if isinstance(to, Person) else to
    base = Outbound(
        delivery=41,
        inbox=INBOX,
        message=17,
        to=(Party(kind="telegram", address=address),),
        text="Odpowiadamy w piątek.",
    )
    return msgspec.structs.replace(base, **more)
