"""Listeners that come to their end while requests are open."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession, ClientTimeout, web

from hub.config import Listener
from hub.web.serving import Listeners


async def test_all_listeners_take_nothing_more_while_one_finishes_a_request() -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        begun.set()
        await finish.wait()
        return web.Response(text="finished")

    async def quick(request: web.Request) -> web.Response:
        return web.Response(text="quick")

    listeners = Listeners()
    try:
        for name, handler in (("public", slow), ("private", quick)):
            app = web.Application()
            app.add_routes([web.get("/", handler)])
            listeners.bind(name, Listener())
            await listeners.serve(name, app, Listener())
        ports = listeners.ports()
        async with ClientSession() as client:
            waiting = asyncio.create_task(_text(client, ports["public"]))
            await asyncio.wait_for(begun.wait(), 30)
            stopped = asyncio.create_task(listeners.stop())
            with pytest.raises(TimeoutError):
                await _text(client, ports["private"], seconds=0.5)
            finish.set()
            assert await waiting == "finished"
            await asyncio.wait_for(stopped, 30)
    finally:
        listeners.close()


async def _text(client: ClientSession, port: int, seconds: float = 20) -> str:
    url = f"http://127.0.0.1:{port}/"
    async with client.get(url, timeout=ClientTimeout(total=seconds)) as answer:
        return await answer.text()
