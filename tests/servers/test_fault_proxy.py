"""The proxy does what its faults say, or the tests that stand on it would prove nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.servers.fault_proxy import FaultProxy, fault_proxy

pytestmark = pytest.mark.timeout(20)

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """Answers each line with itself, and counts what it heard and who left."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.left = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                self.heard.append(line)
                writer.write(line)
        self.left += 1
        writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def line(echo: Echo) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with fault_proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
    server.close()


@pytest.fixture
async def ends(line: FaultProxy) -> AsyncIterator[Ends]:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    yield reader, writer
    writer.close()


async def said(ends: Ends, words: bytes = b"hello\n", seconds: float = 2.0) -> bytes:
    ends[1].write(words)
    async with asyncio.timeout(seconds):
        return await ends[0].readline()


async def test_it_passes_on(line: FaultProxy, ends: Ends) -> None:
    assert await said(ends) == b"hello\n"
    assert line.connections == 1 and line.passed == {"up": 6, "down": 6}


async def test_an_end_that_closes_closes_the_other(line: FaultProxy, ends: Ends, echo: Echo) -> None:
    await said(ends)
    ends[1].write_eof()
    assert await ends[0].read() == b""
    assert echo.left == 1


async def test_a_cut_is_a_reset_for_both(line: FaultProxy, ends: Ends, echo: Echo) -> None:
    await said(ends)
    line.cut()
    with pytest.raises(ConnectionResetError):
        await ends[0].readline()
    await asyncio.sleep(0.05)
    assert echo.left == 1


async def test_a_black_hole_swallows_and_closes_nothing(line: FaultProxy, ends: Ends, echo: Echo) -> None:
    await said(ends)
    line.black_hole()
    with pytest.raises(TimeoutError):
        await said(ends, seconds=0.2)
    late = await asyncio.open_connection("127.0.0.1", line.port)
    with pytest.raises(TimeoutError):
        await said(late, seconds=0.2)
    assert echo.heard == [b"hello\n"]
    line.heal()
    for reader in (ends[0], late[0]):
        with pytest.raises(ConnectionResetError):
            await reader.readline()
    assert await said(await asyncio.open_connection("127.0.0.1", line.port)) == b"hello\n"
    assert echo.heard == [b"hello\n"] * 2, "what it swallowed is gone"


async def test_half_open_the_peer_is_gone_and_nobody_told_us(
    line: FaultProxy, ends: Ends, echo: Echo
) -> None:
    await said(ends)
    line.half_open()
    with pytest.raises(TimeoutError):
        await said(ends, seconds=0.2)
    assert echo.left == 1 and echo.heard == [b"hello\n"]
    assert await said(await asyncio.open_connection("127.0.0.1", line.port)) == b"hello\n"


async def test_refused(line: FaultProxy, ends: Ends) -> None:
    line.refuse()
    with pytest.raises(ConnectionResetError):
        await ends[0].readline()
    reader, _ = await asyncio.open_connection("127.0.0.1", line.port)
    with pytest.raises(ConnectionResetError):
        await reader.readline()


async def test_slow_and_late(line: FaultProxy, ends: Ends) -> None:
    began = time.monotonic()
    line.slow(0.02)
    await said(ends)
    assert time.monotonic() - began >= 0.1
    line.heal()
    line.delay(0.1)
    began = time.monotonic()
    assert await said(ends) == b"hello\n"
    assert time.monotonic() - began >= 0.2


async def test_a_fault_waits_for_its_words(line: FaultProxy, ends: Ends, echo: Echo) -> None:
    line.when("up", b"now\n", line.cut)
    assert await said(ends) == b"hello\n"
    ends[1].write(b"no")
    await asyncio.sleep(0.05)
    ends[1].write(b"w\n")
    with pytest.raises(ConnectionResetError):
        await ends[0].readline()
