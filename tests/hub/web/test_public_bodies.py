"""What strangers send to the public listener: never more than allowed, never slower, forms taken apart strictly."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from hub.web import public, public_watch
from tests.hub.web.listener import Start, ask


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
async def test_too_large_is_told(start: Start, visitor: aiohttp.ClientSession, accept: str) -> None:
    listener = await start()
    response, text = await ask(
        visitor, "POST", listener.url + "/in/office", data=b"x" * 101, headers={"Accept": accept}
    )
    assert response.status == 413
    assert "larger" in text
    assert ("<html" in text) == (accept == "text/html")
    assert not listener.seen


async def test_too_large_without_a_length_is_told(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100

    response, _ = await ask(visitor, "POST", listener.url + "/in/office", data=chunks())
    assert response.status == 413
    assert not listener.seen


async def test_a_body_of_the_greatest_size_is_taken(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    response, _ = await ask(visitor, "POST", listener.url + "/in/office", data=b"x" * 100)
    assert response.status == 200
    assert listener.seen[0].body == b"x" * 100
    assert listener.seen[0].params == {"inbox": "office"}


async def test_forms_are_taken_apart(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    await ask(
        visitor,
        "POST",
        listener.url + "/page?lang=en",
        data=[("name", "Łucja"), ("pick", "1"), ("pick", "2")],
    )
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("name", "Łucja")
    form.add_field("paper", b"%PDF", filename="umowa ż.pdf", content_type="application/pdf")
    form.add_field("none", b"", filename="", content_type="application/octet-stream")
    await ask(visitor, "POST", listener.url + "/page", data=form)
    plain, multi = listener.seen
    assert plain.fields == {"name": "Łucja", "pick": "1\n2"}
    assert plain.language == "en"
    assert multi.fields == {"name": "Łucja"}
    [file] = multi.files
    assert (file.field, file.filename, file.content_type, file.content) == (
        "paper",
        "umowa ż.pdf",
        "application/pdf",
        b"%PDF",
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("", b"a=b"),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"no parts"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--\r\n"),
        ("application/x-www-form-urlencoded", b"&".join(b"a=b" for _ in range(300))),
    ],
)
async def test_broken_forms_are_refused(
    start: Start, visitor: aiohttp.ClientSession, kind: str, body: bytes
) -> None:
    listener = await start()
    headers = {"Content-Type": kind, "Accept-Language": "pl"}
    response, text = await ask(visitor, "POST", listener.url + "/page", data=body, headers=headers)
    assert response.status == 400
    assert "formularz" in json.loads(text)["error"].lower()
    assert not listener.seen


async def test_a_body_that_dribbles_is_cut_off(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.public_bodies.PATIENCE", 0.2)
    listener = await start()
    host, port = listener.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /in/office HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc")
    await writer.drain()
    async with asyncio.timeout(30):
        answer = await reader.read(1000)
    assert answer.startswith(b"HTTP/1.1 408")
    assert not listener.seen
    writer.close()


async def test_slow_senders_of_one_address_leave_room_for_others(
    start: Start, visitor: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public, "BODIES", 8000)
    listener = await start(trusted_proxies=("127.0.0.1",))

    async def post(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        response, _ = await ask(
            visitor, "POST", listener.url + "/page", data={"a": "x" * 500}, headers=headers
        )
        return response.status

    async def until(status: int) -> None:
        for _ in range(3000):
            if await post("2001:db8::2") == status:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{status} never came")

    _, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
    writer.write(
        b"POST /page HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 2001:db8::1\r\nContent-Length: 1900\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=x"
    )
    await writer.drain()
    await until(503)
    assert await post("2001:db8:0:1::1") == 200
    writer.close()
    await until(200)


async def test_connections_that_never_ask_are_closed(start: Start, visitor: aiohttp.ClientSession) -> None:
    listener = await start()
    host, port = listener.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /page HTTP/1.1\r\nHost:")
    await ask(visitor, "GET", listener.url + "/page")
    await asyncio.sleep(0.05)
    server, watch = listener.runner.server, listener.runner.app[public_watch.WATCH]
    assert server is not None and len(server.connections) == 2
    assert watch.sweep(server.connections, 100.0) == 0
    assert watch.sweep(server.connections, 119.0) == 0
    assert watch.sweep(server.connections, 120.0) == 1
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(30):
            assert await reader.read() == b""
    assert (await ask(visitor, "GET", listener.url + "/page"))[0].status == 200
    writer.close()
