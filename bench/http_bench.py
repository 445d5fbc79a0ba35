"""Webhook over HTTP: signed events into a running hub, beside bare aiohttp answering the same bodies.

Run: ``python -m bench.http_bench [EVENTS] [FILLED]``. The hub, over a store of a million messages, and the bare server
are processes of their own; the client writes prepared requests on raw sockets, so that it is not what is measured.
Signatures, limits, 1,000 rules and traces are on; 10 % of the events are told twice and 20 % answer earlier ones. The
latency is taken open-loop at half of the measured rate, from the moment at which a request was due (wanted: at most 25
ms at p99); its floor is what the bare server shows at the same rate, which is the machine's own noise.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web

from bench.daemon import COMMAND, SECRET, configure, running
from bench.office import fill, some_text
from bench.report import line, median, percentile
from tests.servers.process import free_port

CONNECTIONS = 256
WARM = 500
REST = 3.0
"""Seconds in which the search index catches up after the sustained maximum, which is not what the latency is about."""

ROUNDS = 5


@contextmanager
def hub(port: int, filled: int) -> Iterator[int]:
    """A hub with a webhook inbox; yields the id of its process."""
    with tempfile.TemporaryDirectory() as name:
        file = configure(Path(name), public=port, private=free_port())
        fill(Path(name) / "data" / "centrala.db", filled)
        with running([*COMMAND, "run", "-c", str(file)], port) as process:
            yield process


@contextmanager
def bare(port: int) -> Iterator[int]:
    """aiohttp that reads a body and answers."""
    with running([sys.executable, "-m", "bench.http_bench", "--bare", str(port)], port) as process:
        yield process


def serve_bare(port: int) -> None:
    """The other process."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"ok": True})

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/in/system", take)
        app.router.add_get("/readyz", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()

    uvloop.run(run())


def requests(count: int, port: int, prefix: str, words: int = 60) -> list[bytes]:
    """Signed requests as they go over the wire; every tenth tells an earlier one again."""
    draw = random.Random(prefix)
    wire: list[bytes] = []
    for n in range(count):
        again = n >= 100 and draw.random() < 0.1
        wire.append(wire[draw.randrange(n)] if again else _request(draw, n, port, prefix, words))
    return wire


def _request(draw: random.Random, n: int, port: int, prefix: str, words: int) -> bytes:
    answers = n >= 100 and draw.random() < 0.2
    event = {
        "type": "message",
        "id": f"{prefix}-{n}",
        "thread": f"{prefix}-{draw.randrange(n) if answers else n}",
        "sender": {"address": f"u{draw.randrange(5000)}", "name": "Jan Kowalski"},
        "subject": "Pytanie",
        "text": some_text(draw, words),
    }
    body = msgspec.json.encode(event)
    timestamp = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    head = (
        f"POST /in/system HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"X-Forwarded-For: 198.51.100.{n % 250}\r\nX-Centrala-Timestamp: {timestamp}\r\n"
        f"X-Centrala-Signature: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"refused: {head.decode()[:200]}")
    for row in head.split(b"\r\n"):
        if row.lower().startswith(b"content-length:"):
            await reader.readexactly(int(row.split(b":")[1]))


async def _closed(port: int, wire: Sequence[bytes]) -> float:
    """Requests a second with a fixed number of connections that are never idle."""
    rest = iter(wire)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in rest:
            await _ask(reader, writer, request)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return len(wire) / (time.perf_counter() - began)


async def late_answers(port: int, wire: Sequence[bytes], rate: float) -> list[float]:
    """Seconds from the moment at which each request was due to its answer."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    took: list[float] = []
    began = time.perf_counter()

    async def one(due: float, request: bytes) -> None:
        pair = await free.get()
        await _ask(*pair, request)
        took.append(time.perf_counter() - due)
        free.put_nowait(pair)

    async with asyncio.TaskGroup() as tasks:
        for n, request in enumerate(wire):
            due = began + n / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(due, request))
    return took


def main(count: int = 10_000, filled: int = 1_000_000) -> None:
    """Measure and print."""
    ours, theirs, late, noise = [], [], [], []
    port, other = free_port(), free_port()
    with hub(port, filled), bare(other):
        for place in (port, other):
            uvloop.run(_closed(place, requests(WARM, place, "warm")))
        for number in range(ROUNDS):
            ours.append(uvloop.run(_closed(port, requests(count, port, f"a{number}"))))
            theirs.append(uvloop.run(_closed(other, requests(count, other, f"b{number}"))))
            half = median(ours) / 2
            time.sleep(REST)
            late.append(_late(port, requests(count // 2, port, f"c{number}"), half))
            noise.append(_late(other, requests(count // 2, other, f"d{number}"), half))
            rates = f"{ours[-1]:,.0f} and bare {theirs[-1]:,.0f} a second"
            print(f"round {number + 1}: {rates}, p99 {late[-1]:.1f} and bare {noise[-1]:.1f} ms")
    print(line("acknowledgement p99 at half load", median(late), "ms", median(noise), inverse=True))
    print(line("webhook over HTTP", median(ours), "events/s", median(theirs)))


def _late(port: int, wire: Sequence[bytes], rate: float) -> float:
    """The p99 in milliseconds."""
    return 1000 * percentile(uvloop.run(late_answers(port, wire, rate)), 0.99)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        serve_bare(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
