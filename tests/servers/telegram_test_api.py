"""telegram-test-api, somebody else's emulation of the Bot API, in a process of its own behind an adapter.

It knows text, commands, callback queries, edits and a webhook. The adapter makes of it what Telegram is where it
differs: its updates are gone once asked for, so they are kept here until an offset confirms them; it holds no question
open; it posts to a webhook without the secret token; ``getMe`` lacks ``is_bot``, times of its messages are in
milliseconds, and results of changes are null.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.servers.process import Process, free_port, need

FOLDER = Path(__file__).parents[2] / "node_modules" / "telegram-test-api"
_START = """
const TelegramServer = require({folder});
new TelegramServer({{port: {port}, host: "127.0.0.1"}}).start();
"""


class TelegramTestApi:
    """The server, and what a person's telephone would do with it."""

    def __init__(self, folder: Path, token: str) -> None:
        node = need("node", "nodejs")
        self.port = free_port()
        self.token = token
        script = folder / "server.js"
        script.write_text(_START.format(folder=repr(str(FOLDER)).replace("'", '"'), port=self.port))
        self._process = Process("telegram-test-api", [node, str(script)], folder / "log")

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process.start(self.port)

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    async def _post(self, path: str, content: dict[str, Any]) -> Any:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"http://127.0.0.1:{self.port}/{path}", json=content) as answer:
                return (await answer.json())["result"]

    def _common(self, person: int) -> dict[str, Any]:
        user = {"id": person, "first_name": "Jan", "username": "jan", "is_bot": False}
        chat = {"id": person, "first_name": "Jan", "type": "private"}
        return {"botToken": self.token, "date": int(time.time()), "from": user, "chat": chat}

    async def writes(self, person: int, text: str) -> None:
        """A text."""
        await self._post("sendMessage", {**self._common(person), "text": text})

    async def commands(self, person: int, text: str) -> None:
        """A command with its entity."""
        entity = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
        await self._post("sendCommand", {**self._common(person), "text": text, "entities": [entity]})

    async def presses(self, person: int, data: str, under: dict[str, Any]) -> None:
        """A button under a message."""
        common = self._common(person)
        message = {**common, **under}
        await self._post("sendCallback", {**common, "message": message, "data": data})

    async def history(self) -> list[dict[str, Any]]:
        """All that was said, each as the server keeps it."""
        found: list[dict[str, Any]] = await self._post("getUpdatesHistory", {"token": self.token})
        return found

    async def said(self) -> list[str]:
        """What the bot wrote."""
        return [one["message"]["text"] for one in await self.history() if "chat_id" in one.get("message", {})]


class Adapter:
    """Between the bot and the server."""

    def __init__(self, server: TelegramTestApi) -> None:
        self._server = server
        self._kept: list[dict[str, Any]] = []
        self._secret = ""
        self._hook = ""
        self._session: aiohttp.ClientSession | None = None
        self.port = 0
        self.relayed: list[int] = []
        """What the bot answered to posts."""

    def app(self) -> web.Application:
        """What the bot's ``api_url`` leads to."""
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._call)
        app.router.add_post("/relay", self._relay)
        app.cleanup_ctx.append(self._at_work)
        return app

    async def _at_work(self, _: web.Application) -> Any:
        async with aiohttp.ClientSession() as session:
            self._session = session
            yield

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        params = await request.json() if request.can_read_body else {}
        own = {
            "getUpdates": self._updates,
            "setWebhook": self._set_webhook,
            "getWebhookInfo": self._info,
            "sendChatAction": self._nothing,
        }
        answer = await own[method](params) if method in own else await self._forward(method, params)
        if answer["ok"]:
            answer["result"] = _as_telegram(method, answer["result"])
        return web.json_response(answer, status=200 if answer["ok"] else int(answer.get("error_code", 500)))

    async def _forward(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        assert self._session is not None
        url = f"http://127.0.0.1:{self._server.port}/bot{self._server.token}/{method}"
        async with self._session.post(url, json=params) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def _updates(self, params: dict[str, Any]) -> dict[str, Any]:
        offset, end = int(params.get("offset", 0)), time.monotonic() + int(params.get("timeout", 0))
        self._kept = [one for one in self._kept if one["update_id"] >= offset]
        while True:
            self._kept += (await self._forward("getUpdates", {}))["result"]
            if self._kept or time.monotonic() >= end:
                return {"ok": True, "result": self._kept[: int(params.get("limit", 100))]}
            await asyncio.sleep(0.03)

    async def _set_webhook(self, params: dict[str, Any]) -> dict[str, Any]:
        self._hook, self._secret = params["url"], params.get("secret_token", "")
        return await self._forward("setWebhook", {"url": f"http://127.0.0.1:{self.port}/relay"})

    async def _relay(self, request: web.Request) -> web.Response:
        """A post of the server to the webhook, with the token that Telegram would put there."""
        assert self._session is not None
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret, "Content-Type": "application/json"}
        async with self._session.post(self._hook, data=await request.read(), headers=headers) as answer:
            self.relayed.append(answer.status)
            return web.Response(status=answer.status, body=await answer.read())

    async def _info(self, params: dict[str, Any]) -> dict[str, Any]:
        info = {"url": self._hook, "has_custom_certificate": False, "pending_update_count": len(self._kept)}
        return {"ok": True, "result": info}

    async def _nothing(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "result": True}


def _as_telegram(method: str, result: Any) -> Any:
    if method == "getMe":
        return {**result, "is_bot": True}
    if method == "sendMessage":
        return {**result, "date": int(result["date"]) // 1000}
    return True if result is None else result
