"""Faults of the network on HTTP: those who post to the hub, and those whom the hub posts to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiohttp import web

from connectors.contract import InboxId, Outbound, Party, Secret, SendError
from connectors.webhook.connector import Webhook
from connectors.webhook.settings import Settings
from hub.clock import SystemClock
from hub.config import Listener
from hub.egress import CheckedEgress
from hub.i18n import translate
from hub.rates import Rates
from hub.web import public_bodies, public_watch
from hub.web.public import Settings as Public
from hub.web.public import build
from hub.web.serving import Listeners
from tests.contract.world import Log, make_env
from tests.servers.fault_proxy import FaultProxy, fault_proxy

pytestmark = pytest.mark.timeout(30)

SECRET = "a secret of the tests of networks"


def webhook(egress: CheckedEgress | None = None, **settings: object) -> Webhook:
    chosen = {"secret": Secret(SECRET), "per_address": "", **settings}
    return Webhook(Settings(**chosen), make_env(**({"egress": egress} if egress else {})))  # type: ignore[arg-type]


# --- in: a slow-loris ------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """The public listener with a webhook behind it, as the hub serves it; gives its port."""
    address, listeners = Listener(host="127.0.0.1", port=0), Listeners()
    app = build(
        routes=webhook().routes(),
        settings=Public(public_url="http://127.0.0.1", per_address="100000/minute"),
        translate=translate,
        log=Log(),
        ready=lambda: True,
        rates=Rates(time.monotonic),
    )
    listeners.bind("public", address)
    await listeners.serve("public", app, address)
    watching = asyncio.create_task(listeners.watch_public(SystemClock()))
    try:
        yield listeners.ports()["public"]
    finally:
        watching.cancel()
        await listeners.stop()
        listeners.close()


HEAD = b"POST /in/test-inbox HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
CROWD, OTHERS = 300, 40

PATIENCE = 4.0
"""Seconds that the hub gives a slow client here: forty answers take far less, even on a busy machine."""


async def drip(port: int, at_once: bytes) -> bytes:
    """A client that goes on with a byte now and then until it is told or cut off: what it was told."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(at_once)
    told = b""
    with contextlib.suppress(OSError):
        while not reader.at_eof() and not told:
            writer.write(b"x")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    told += await reader.read(1000)
    writer.close()
    return told


@pytest.mark.slow
@pytest.mark.parametrize(("at_once", "told"), [(HEAD, b"HTTP/1.1 408"), (HEAD[:60], b"")])
async def test_a_slow_loris_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, at_once: bytes, told: bytes
) -> None:
    """A crowd drips bodies, or heads: others are answered while it is still there, and then it is sent away."""
    monkeypatch.setattr(public_bodies, "PATIENCE", PATIENCE)
    monkeypatch.setattr(public_bodies, "SLOWEST", 10_000_000)
    monkeypatch.setattr(public_watch, "HEAD_SECONDS", PATIENCE)
    monkeypatch.setattr(public_watch, "EVERY", 0.2)
    longest = 0.0
    async with listening() as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        crowd = [asyncio.create_task(drip(port, at_once)) for _ in range(CROWD)]
        for _ in range(OTHERS):
            began = time.monotonic()
            async with client.get("/healthz") as answer:
                assert answer.status == 200
            longest = max(longest, time.monotonic() - began)
        assert not any(task.done() for task in crowd), "the others waited until the crowd was gone"
        sent_away = await asyncio.gather(*crowd)
    print(f"{CROWD} slow clients; others waited at most {longest * 1000:.0f} ms")
    assert all(answer_to_it.startswith(told) for answer_to_it in sent_away)


# --- out -----------------------------------------------------------------------------------------------------------


class Peer:
    """The other system; remembers what came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        return web.json_response({"ok": True, "why": "x" * 200})


@pytest.fixture
async def peer() -> Peer:
    return Peer()


@pytest.fixture
async def line(peer: Peer) -> AsyncIterator[FaultProxy]:
    app = web.Application()
    app.router.add_post("/", peer.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with fault_proxy(runner.addresses[0][1]) as proxy:
        yield proxy
    await runner.cleanup()


@pytest.fixture
async def egress() -> AsyncIterator[CheckedEgress]:
    client = CheckedEgress(["127.0.0.0/8"])
    yield client
    await client.close()


async def sent(egress: CheckedEgress, port: int) -> str:
    """What became of one post: ``sent`` or the kind of failure."""
    connector = webhook(egress, url=f"http://127.0.0.1:{port}/", timeout_seconds=0.9)
    to = (Party(kind="webhook", address="k-1"),)
    try:
        await connector.send(
            Outbound(delivery=1, inbox=InboxId("test-inbox"), message=1, to=to, text="Odpowiedź")
        )
    except SendError as error:
        return error.kind
    return "sent"


@pytest.mark.parametrize(
    ("words", "fault", "outcome"),
    [
        (b"POST", "cut", "ambiguous"),
        (b"POST", "black_hole", "ambiguous"),
        (b"POST", "half_open", "ambiguous"),
        (b"HTTP/1.1 200", "cut", "sent"),
    ],
)
async def test_a_post_that_was_cut_off(
    egress: CheckedEgress, line: FaultProxy, peer: Peer, words: bytes, fault: str, outcome: str
) -> None:
    line.when("down" if words.startswith(b"HTTP") else "up", words, getattr(line, fault))
    assert await sent(egress, line.port) == outcome
    line.heal()
    await asyncio.sleep(0.05)  # until the client has seen that its old connection is gone
    assert await sent(egress, line.port) == "sent"
    assert set(peer.bodies) == {peer.bodies[0]}, "it is repeated as it was, so that the peer can tell"


async def test_an_answer_that_drips_does_not_hold_a_worker(egress: CheckedEgress, line: FaultProxy) -> None:
    line.slow(0.05)
    began = time.monotonic()
    assert await sent(egress, line.port) == "ambiguous"
    assert time.monotonic() - began < 4.0, "all of it counts, not the wait for each byte"


@pytest.fixture
def swallowing() -> Iterator[int]:
    """A port that answers no SYN, as behind a firewall that drops: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        for _ in range(4):
            held = stack.enter_context(socket.socket())
            held.setblocking(False)
            held.connect_ex(("127.0.0.1", port))
        yield port


async def test_where_no_connection_came_about_nothing_was_sent(
    egress: CheckedEgress, swallowing: int
) -> None:
    assert await sent(egress, swallowing) == "temporary"
