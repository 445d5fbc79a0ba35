"""The public listener with routes of a test behind it, and what a browser asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from connectors.contract import Refused, Request, Response, Route, SetCookie
from hub.store.store import StorageFault

SITE = "https://praca.example.pl"


class Memory:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **details: Any) -> None:
        self.lines.append(f"{event} {details}")

    warning = error = info


class Listener:
    """A running listener, and what its handlers saw."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.log = Memory()
        self.url = ""
        self.ready = True
        self.open = 0
        self.runner: web.AppRunner

    async def echo(self, request: Request) -> Response:
        self.seen.append(request)
        return Response(body=b"<p>hello</p>", cookies=(SetCookie(name="who", value="x1", max_age=60),))

    async def refuse(self, request: Request) -> Response:
        raise Refused("full", retry_after=7)

    async def fail(self, request: Request) -> Response:
        raise RuntimeError("PESEL 44051401359")

    async def away(self, request: Request) -> Response:
        raise StorageFault("connection refused")

    async def split(self, request: Request) -> Response:
        return Response(headers={"X-Given": "a\r\nX-Injected: b", "X-Fine": "c"})

    async def stream(self, request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"data: x\n\n"

        return Response(content_type="text/event-stream", stream=chunks())

    async def endless(self, request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            self.open += 1
            try:
                while True:
                    yield b": alive\n\n"
                    await asyncio.sleep(0.01)
            finally:
                self.open -= 1

        return Response(content_type="text/event-stream", stream=chunks())

    async def frame(self, request: Request) -> Response:
        cookie = SetCookie(name="who", value="x1", max_age=60, path="/framed", framed=True)
        return Response(body=b"<p>hello</p>", cookies=(cookie,))

    def routes(self) -> list[Route]:
        page = Route(method="GET", path="/page", handler=self.echo, origins=(SITE,), embeddable=True)
        return [
            page,
            msgspec.structs.replace(page, method="POST", form=True, max_body=2000),
            Route(method="POST", path="/in/{inbox}", handler=self.echo, max_body=100),
            Route(method="POST", path="/slow", handler=self.echo, per_address="3/minute"),
            Route(method="GET", path="/site", handler=self.echo, per_site="2/hour"),
            Route(method="POST", path="/full", handler=self.refuse),
            Route(method="GET", path="/broken", handler=self.fail),
            Route(method="GET", path="/away", handler=self.away),
            Route(method="GET", path="/split", handler=self.split),
            Route(method="GET", path="/stream", handler=self.stream),
            Route(method="GET", path="/endless", handler=self.endless, streams=True, at_once=60),
            Route(method="GET", path="/framed", handler=self.frame, embeddable=True),
        ]


Start = Callable[..., Any]


async def ask(
    visitor: aiohttp.ClientSession, method: str, url: str, **more: Any
) -> tuple[aiohttp.ClientResponse, str]:
    async with visitor.request(method, url, allow_redirects=False, **more) as response:
        return response, await response.text()
