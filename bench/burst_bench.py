"""A burst of signed webhooks of Messenger: 2,000 a second for 30 seconds into a running hub, then 500 a second.

Run: ``python -m bench.burst_bench [SECONDS]``. The hub is a process of its own with 1,000 rules; this one plays Meta:
each call is due at its moment whatever the hub does, is signed over its body, and when the hub answers anything but 200
it is told again, as Meta does. What was acknowledged is in this one's ledger; at the end each of it must be among the
hub's messages, once. What is more than the machine can take waits at the sender: that is what "nothing lost" means, and
how long the last one waited is printed too.

Floors: 2,000 a second for the burst; 250 ms at p99 for acknowledging at 500 a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import uvloop

from bench.daemon import COMMAND, configure, running
from bench.office import some_text
from bench.report import line, percentile
from tests.servers.process import free_port

BURST, CALM = 2_000, 500
"""Calls a second."""

CONNECTIONS = 128
AGAIN = 0.5
"""Seconds after which a refused call is told again."""

SECRET, PAGE = "app-secret-of-the-burst", "104212345678901"

INBOX = f"""
[[inboxes]]
id = "messenger"
kind = "messenger"
name = "Messenger"
office = "krajowa"
queue = "q0"
[inboxes.settings]
account = "{PAGE}"
app_id = "900100200300400"
app_secret = "{SECRET}"
access_token = "token-of-the-burst"
verify_token = "word-of-the-burst"
graph_url = "http://127.0.0.1:9"
profiles = false
"""


def call(draw: random.Random, number: int, prefix: str) -> bytes:
    """One message of one of 20,000 people, as it goes over the wire."""
    at = int(time.time() * 1000)
    message = {"mid": f"m_{prefix}{number}", "text": some_text(draw, 30)}
    event = {
        "sender": {"id": f"2469135780{draw.randrange(20_000):05d}"},
        "recipient": {"id": PAGE},
        "timestamp": at,
        "message": message,
    }
    body = json.dumps({"object": "page", "entry": [{"id": PAGE, "time": at, "messaging": [event]}]}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        "POST /in/messenger HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Meta:
    """The sender: open connections, calls that wait, and what was acknowledged, by number."""

    def __init__(self, port: int, wire: list[bytes]) -> None:
        self._port = port
        self._wire = wire
        self._due: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        self.waits: list[float] = []
        self.acknowledged: set[int] = set()
        self.refused = 0
        self._all = asyncio.Event()

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while True:
            number, due = await self._due.get()
            writer.write(self._wire[number])
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(row for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            if head.startswith(b"HTTP/1.1 200"):
                self.waits.append(time.perf_counter() - due)
                self.acknowledged.add(number)
                if len(self.acknowledged) == len(self._wire):
                    self._all.set()
            else:
                self.refused += 1
                asyncio.get_running_loop().call_later(AGAIN, self._due.put_nowait, (number, due))

    async def send(self, rate: float) -> float:
        """All calls, each at its moment; seconds until the last one was acknowledged."""
        connections = [asyncio.create_task(self._connection()) for _ in range(CONNECTIONS)]
        began = time.perf_counter()
        for number in range(len(self._wire)):
            due = began + number / rate
            if (wait := due - time.perf_counter()) > 0.001:
                await asyncio.sleep(wait)
            self._due.put_nowait((number, due))
        await self._all.wait()
        took = time.perf_counter() - began
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        return took


def burst(port: int, rate: int, seconds: float, prefix: str) -> tuple[Meta, float]:
    """One sender at work."""
    draw = random.Random(prefix)
    meta = Meta(port, [call(draw, number, prefix) for number in range(int(rate * seconds))])
    return meta, uvloop.run(meta.send(rate))


def stored(database: Path) -> Counter[str]:
    """How often each message of the sender is among the hub's."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
        rows = store.execute("SELECT external_id FROM message WHERE inbox = 'messenger' AND kind = 'inbound'")
        return Counter(row[0] for row in rows)


def check(database: Path, prefixes: dict[str, int]) -> None:
    """Every acknowledged call is there once. Raises SystemExit."""
    found = stored(database)
    wanted = {f"m_{prefix}{number}" for prefix, count in prefixes.items() for number in range(count)}
    lost, doubled = wanted - found.keys(), [mid for mid, count in found.items() if count > 1]
    if lost or doubled:
        raise SystemExit(f"{len(lost)} acknowledged messages are lost, {len(doubled)} stand there twice")


def main(seconds: float = 30.0) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        file = configure(folder, public=port, private=free_port())
        file.write_text(file.read_text() + INBOX)
        with running([*COMMAND, "run", "-c", str(file)], port):
            burst(port, 200, 2.0, "warm")
            high, took = burst(port, BURST, seconds, "high")
            time.sleep(3.0)
            calm, _ = burst(port, CALM, seconds, "calm")
            check(
                folder / "data" / "centrala.db",
                {"warm": 400, "high": len(high.acknowledged), "calm": len(calm.acknowledged)},
            )
    late, count = 1000 * percentile(calm.waits, 0.99), len(high.acknowledged)
    print(f"burst: {count:,} calls, none lost, none twice; {high.refused:,} were told again; the last waited "
          f"{max(high.waits):.1f} s")  # fmt: skip
    print(line("acknowledgement p99 at 500 webhooks a second", late, "ms", 250.0, inverse=True))
    print(line("webhooks taken in a burst", count / took, "calls/s", float(BURST)))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
