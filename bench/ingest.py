"""What the benchmarks of intake share: messages through the whole of it in this process, on either engine.

A message is JSON of the contract, decoded, accepted, decided by 1,000 rules, committed and acknowledged. Signatures do
not apply in process; limits, language, trace and the group commit are on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from bench.report import percentile
from connectors.contract import Message, Raw
from hub.cli_run import settle
from hub.deciding.ending import settle as settle_end
from hub.house import House
from hub.intake.sink import InboxSink, Intake
from hub.logs import logger
from hub.store.store import Store

WAITING = 1024
"""Calls in flight: four groups, so that others are prepared while one is committed."""

WARM = 500
"""Messages before the measured ones, for what a process does only once."""

_decode = msgspec.json.Decoder(Message).decode


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to: messages a second, and microseconds of processor time of this process for each."""

    rate: float
    cpu: float


def sink_of(store: Store, house: House) -> InboxSink:
    """The way in of the inbox ``kontakt``."""
    store.on_end = lambda tx: settle_end(tx, house, logger("bench"))
    intake = Intake(store, lambda: house, time.monotonic, logger("bench"), lambda key, what: None)
    return intake.sink("kontakt")


async def _connection(sink: InboxSink, waiting: Iterator[bytes]) -> None:
    for body in waiting:
        await sink.accept(Raw(content=body), [_decode(body)])


async def warm(sink: InboxSink, rest: Iterator[bytes]) -> None:
    """Take the first messages, and put the collector where the hub has it."""
    await asyncio.gather(*(_connection(sink, islice(rest, 1)) for _ in range(WARM)))
    settle()


async def flood(store: Store, house: House, messages: Sequence[bytes]) -> Taken:
    """As fast as it goes."""
    sink, rest = sink_of(store, house), iter(messages)
    await warm(sink, rest)
    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_connection(sink, rest) for _ in range(WAITING)))
    count = len(messages) - WARM
    took, used = time.perf_counter() - began, time.process_time() - used
    return Taken(rate=count / took, cpu=used / count * 1e6)


async def latency(store: Store, house: House, messages: Sequence[bytes], rate: float) -> float:
    """Milliseconds at p99 until a message is acknowledged that comes at its moment, ``rate`` a second, whatever the
    hub does; counted from that moment."""
    sink, rest = sink_of(store, house), iter(messages)
    await warm(sink, rest)
    waits: list[float] = []

    async def one(body: bytes, due: float) -> None:
        await sink.accept(Raw(content=body), [_decode(body)])
        waits.append(time.perf_counter() - due)

    began, calls = time.perf_counter(), set()
    for number, body in enumerate(rest):
        due = began + number / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        calls.add(asyncio.create_task(one(body, due)))
    await asyncio.gather(*calls)
    return percentile(waits, 0.99) * 1000
