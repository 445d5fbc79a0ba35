"""The listeners on addresses of both families, and whom they take a peer of either for."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession

from connectors.contract import Request, Response, Route
from hub.config import Listener, Metrics, Private, Public
from hub.i18n import translate
from hub.rates import Rates
from hub.web import public
from hub.web.proxies import client_address, networks
from hub.web.serving import Listeners
from tests.connectors.small_hub import running, small_config
from tests.contract.world import Log

pytestmark = pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")

BOTH = "127.0.0.1, ::1"


class Door:
    """A public listener whose page may be seen twice an hour from one address."""

    def __init__(self, client: ClientSession, port: int, seen: list[str]) -> None:
        self.client = client
        self.port = port
        self.seen = seen

    async def ask(self, host: str, forwarded: str = "") -> int:
        """The status of the page, asked at ``host``, by a proxy where it is ``forwarded``."""
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        async with self.client.get(f"http://{host}:{self.port}/page", headers=headers) as answer:
            return answer.status


@asynccontextmanager
async def door(*trusted: str) -> AsyncIterator[Door]:
    seen: list[str] = []

    async def page(request: Request) -> Response:
        seen.append(request.remote)
        return Response()

    app = public.build(
        routes=[
            Route(method="GET", path="/page", handler=page, per_address="2/hour"),
            Route(method="POST", path="/page", handler=page, max_body=2000, form=True),
        ],
        settings=public.Settings(public_url="http://localhost", trusted_proxies=trusted),
        translate=translate,
        log=Log(),
        ready=lambda: True,
        rates=Rates(time.monotonic),
    )
    listeners, listener = Listeners(), Listener(host=BOTH)
    listeners.bind("public", listener)
    await listeners.serve("public", app, listener)
    try:
        async with ClientSession() as client:
            yield Door(client, listeners.ports()["public"], seen)
    finally:
        await listeners.stop()
        listeners.close()


async def test_a_whole_hub_on_both_families(tmp_path: Path) -> None:
    config = msgspec.structs.replace(
        small_config(tmp_path), public=Public(host=BOTH, port=0), private=Private(host=BOTH, port=0)
    )
    hub_alone = msgspec.structs.replace(config.hub, roles=("connectors", "outbox", "timers"))
    async with ClientSession() as client:
        async with running(config) as hub:
            for name, path in (("public", "/healthz"), ("private", "/login")):
                for host in ("127.0.0.1", "[::1]"):
                    async with client.get(f"http://{host}:{hub.ports()[name]}{path}") as answer:
                        assert (answer.status, answer.headers["Server"]) == (200, "Centrala"), (name, host)
        config = msgspec.structs.replace(config, hub=hub_alone, metrics=Metrics(host="::1", port=0))
        async with (
            running(config) as hub,
            client.get(f"http://[::1]:{hub.ports()['metrics']}/healthz") as answer,
        ):
            assert (answer.status, answer.headers["Server"]) == (200, "Centrala")


async def test_peers_of_both_families_are_told_apart_and_limited() -> None:
    async with door() as here:
        asked = [await here.ask(host) for host in ("127.0.0.1", "[::1]") * 3]
        assert asked == [200, 200, 200, 200, 429, 429]
        assert here.seen == ["127.0.0.1", "::1"] * 2


async def test_behind_a_proxy_a_network_of_ipv6_is_one_address_for_limits() -> None:
    async with door("127.0.0.1", "::1") as here:
        same = [await here.ask("[::1]", f"2001:db8:1:2::{n}") for n in (1, 2, 3)]
        assert same == [200, 200, 429]
        assert await here.ask("127.0.0.1", "2001:db8:1:2:ffff::1") == 429
        assert await here.ask("[::1]", "[2001:db8:1:3::1]:443") == 200
        assert await here.ask("[::1]", "::ffff:203.0.113.9") == 200
        assert here.seen[-2:] == ["2001:db8:1:3::1", "203.0.113.9"]


async def test_a_forged_address_is_no_more_believed_by_ipv6() -> None:
    async with door("127.0.0.1", "2001:db8::/32") as here:
        await here.ask("[::1]", "203.0.113.9")
        assert here.seen == ["::1"]


async def raw(port: int, sent: bytes, *, answered: bool) -> bytes:
    """What is answered to these bytes, behind which nothing comes; where nothing is, the line ends soon."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    if answered:
        async with asyncio.timeout(30):
            begins = await reader.read(1)
    else:
        begins = b""
        await asyncio.sleep(0.05)
    if writer.can_write_eof():
        writer.write_eof()
    async with asyncio.timeout(30):
        answer = begins + await reader.read()
    writer.close()
    return answer


HEAD = b"POST /page HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"Content-Length: 1900\r\n\r\ntext=Moja", b""),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nMoja mowa", b" 400 "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nMoja mowa\r\n", b" 400 "),
        (b"GET /page?me=Moja\x00mowa HTTP/1.1\r\nHost: h\r\n\r\n", b" 400 "),
        (b"GET /page HTTP/1.1\r\nHost: h\r\nX: " + b"Moja" * 3000 + b"\r\n\r\n", b" 400 "),
        (b"\x16\x03\x01\x02\x00\x01\x00Moja", b" 400 "),
    ],
    ids=["gone", "no gzip", "no chunks", "no address", "long head", "TLS"],
)
async def test_a_broken_request_is_no_line_of_the_log(
    caplog: pytest.LogCaptureFixture, sent: bytes, status: bytes
) -> None:
    async with door() as here:
        assert status in (await raw(here.port, sent, answered=bool(status))).partition(b"\r\n")[0]
        assert await here.ask("127.0.0.1") == 200
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_fails_beside_a_handler_is_told_without_anybodys_address(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    async with door() as here:
        monkeypatch.setattr(public, "harden", broken)
        assert await here.ask("127.0.0.1") == 500
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.exc_info is not None and "127.0.0.1" not in record.getMessage()


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.0.0.5", "::ffff:10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.0/8"),
        ("::ffff:10.0.0.5", "::ffff:10.0.0.0/104"),
        ("fe80::1%eth0", "fe80::/10"),
        ("2001:DB8:0:0::5", "2001:db8::5"),
    ],
)
def test_a_proxy_is_known_however_its_address_is_written(peer: str, trusted: str) -> None:
    assert client_address(peer, ["198.51.100.1"], networks([trusted])) == "198.51.100.1"
    assert client_address("192.0.2.1", ["198.51.100.1"], networks([trusted])) == "192.0.2.1"
