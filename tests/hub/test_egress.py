"""The one client for addresses from outside: where it goes, where it does not, and what its errors mean."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.contract import SendError
from hub.egress import CheckedEgress, permitted

LOOPBACK = ["127.0.0.0/8"]


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def hello(request: web.Request) -> web.Response:
        return web.json_response({"authorization": request.headers.get("Authorization", "")})

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    async def ring(request: web.Request) -> web.Response:
        raise web.HTTPFound("/ring")

    async def large(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 200_000)

    async def cut(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    app = web.Application()
    app.router.add_get("/ring", ring)
    app.add_routes(
        [web.get("/", hello), web.get("/away", away), web.get("/large", large), web.post("/cut", cut)]
    )
    running = TestServer(app)
    await running.start_server()
    yield running
    await running.close()


@pytest.fixture
async def inside() -> AsyncIterator[CheckedEgress]:
    client = CheckedEgress(LOOPBACK)
    yield client
    await client.close()


@pytest.fixture
async def strict() -> AsyncIterator[CheckedEgress]:
    client = CheckedEgress([])
    yield client
    await client.close()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1"),
        *("::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::", "::127.0.0.1"),
        *("::ffff:0:127.0.0.1", "64:ff9b:1::a00:1", "fec0::1", "100.64.0.1", "198.18.0.1", "255.255.255.255"),
    ],
)
def test_networks_of_the_office_are_closed(address: str) -> None:
    assert not permitted(address, [])


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_rest_is_open(address: str) -> None:
    assert permitted(address, [])


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://[::ffff:127.0.0.1]:1/"),
        *(
            "http://0x7f000001:1/",
            "http://2130706433:1/",
            "http://0177.0.0.1:1/",
            "http://127.1:1/",
            "http://0:1/",
            "http://localhost.:1/",
            "http://１２７.0.0.1:1/",
            "http://127。0。0。1:1/",
            "http://nobody@127.0.0.1:1/",
            "http://[::127.0.0.1]:1/",
            "http://[64:ff9b::7f00:1]:1/",
            "file:///etc/passwd",
            "ftp://example.org/",
            "http:///x",
        ),
    ],
)
async def test_closed_addresses_are_never_asked(strict: CheckedEgress, url: str) -> None:
    with pytest.raises(SendError) as error:
        await strict.request("GET", url, timeout=5)
    assert error.value.kind in ("permanent", "temporary")
    assert "refused" not in error.value.private.lower()


async def test_an_allowed_network_is_reached(inside: CheckedEgress, server: TestServer) -> None:
    answer = await inside.request("GET", str(server.make_url("/")))
    assert answer.status == 200


async def test_networks_are_allowed_and_closed_while_it_is_in_use(
    strict: CheckedEgress, server: TestServer
) -> None:
    """A reload takes over ``egress_allow``, for names as for numbers."""
    for address in (f"http://localhost:{server.port}/", f"http://127.0.0.1:{server.port}/"):
        for allow, reached in (([], False), (["127.0.0.0/8", "::1/128"], True), ([], False)):
            strict.admit(allow)
            try:
                status = (await strict.request("GET", address, headers={"Connection": "close"})).status
            except SendError as error:
                status = 0 if error.kind == "permanent" else -1
            assert status == (200 if reached else 0), (address, allow)


async def test_each_hop_is_checked(server: TestServer) -> None:
    client = CheckedEgress(["127.0.0.1/32"])
    with pytest.raises(SendError) as error:
        await client.request("GET", str(server.make_url("/away?to=http://127.0.0.2:1/")))
    assert error.value.kind == "permanent"
    await client.close()


async def test_credentials_do_not_follow_to_another_host(inside: CheckedEgress, server: TestServer) -> None:
    other = f"http://localhost:{server.port}/"
    address = str(server.make_url("/away").with_query(to=other))
    answer = await inside.request("GET", address, headers={"Authorization": "Bearer secret"})
    assert b"secret" not in answer.body


async def test_a_ring_of_redirects_ends(inside: CheckedEgress, server: TestServer) -> None:
    with pytest.raises(SendError):
        await inside.request("GET", str(server.make_url("/ring")))


async def test_too_large(inside: CheckedEgress, server: TestServer) -> None:
    with pytest.raises(SendError) as error:
        await inside.request("GET", str(server.make_url("/large")), max_bytes=1000)
    assert error.value.kind == "permanent"


async def test_nobody_there_is_temporary_and_a_cut_is_ambiguous(
    inside: CheckedEgress, server: TestServer
) -> None:
    with pytest.raises(SendError) as error:
        await inside.request("POST", "http://127.0.0.1:1/", body=b"x")
    assert error.value.kind == "temporary"
    with pytest.raises(SendError) as error:
        await inside.request("POST", str(server.make_url("/cut")), body=b"x")
    assert error.value.kind == "ambiguous"


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://example.org:99999/",
        "http://.pl/",
        f"http://{'a' * 300}.pl/",
        "http://\udcff/",
        "",
    ],
)
async def test_what_is_no_address_is_a_refusal(inside: CheckedEgress, server: TestServer, url: str) -> None:
    """Also where a redirect leads: what the other side wrote must not end whoever asked."""
    away = server.make_url("/away").with_query(to=url.replace("\udcff", "[") or "mailto:kontakt@example.org")
    for address in (url, str(away)):
        with pytest.raises(SendError) as error:
            await inside.request("GET", address, timeout=2)
        assert error.value.kind == "permanent"


async def test_a_header_that_cannot_be_is_a_refusal(inside: CheckedEgress, server: TestServer) -> None:
    with pytest.raises(SendError) as error:
        await inside.request("GET", str(server.make_url("/")), headers={"X-From": "a\r\nb"})
    assert error.value.kind == "permanent"


@pytest.mark.slow
async def test_a_silent_name_server_leaves_nothing_in_doubt(
    inside: CheckedEgress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent: the message is tried again, and no agent is told that it may have arrived."""

    def silent(*_: object, **__: object) -> object:
        time.sleep(1.0)
        raise socket.gaierror(socket.EAI_AGAIN, "silence")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with pytest.raises(SendError) as error:
        await inside.request("POST", "http://hooks.example.org/", body=b"x", timeout=0.3)
    assert error.value.kind == "temporary"


async def test_however_many_are_silent_another_one_is_reached(
    inside: CheckedEgress, server: TestServer
) -> None:
    async def nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)
        writer.close()

    silent = await asyncio.start_server(nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    waiting = [
        asyncio.create_task(inside.request("GET", f"http://127.0.0.1:{port}/", timeout=30))
        for _ in range(110)
    ]
    await asyncio.sleep(0.2)
    assert (await inside.request("GET", str(server.make_url("/")), timeout=30)).status == 200
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    silent.close()
