"""The agent who answers everything by the API, and the peers that receive; each with a ledger of its own."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import aiohttp
from aiohttp import web

from tests.chaos.senders import PAUSE
from tests.chaos.world import TOKEN, World

MARKER = re.compile(r"\btu (\w+x)\b|artykuł, (\w+x)\b|Sprawa (\w+x)\b")
ANSWER = re.compile(rb"odp-(\w+x)")


class HookPeer:
    """The other system: takes what the hub posts and remembers it by its id, as the documentation asks."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> None:
        async def take(request: web.Request) -> web.Response:
            self.bodies.append(await request.read())
            return web.json_response({"ok": True})

        app = web.Application()
        app.router.add_post("/", take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


class Api:
    """The hub as an integration sees it."""

    def __init__(self, world: World, session: aiohttp.ClientSession) -> None:
        self._base = f"http://127.0.0.1:{world.private}/api/v1"
        self._session = session
        self._headers = {"Authorization": f"Bearer {TOKEN}"}

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """Raises aiohttp.ClientError when the hub is not there."""
        async with self._session.get(self._base + path, params=query, headers=self._headers) as answer:
            answer.raise_for_status()
            found: dict[str, Any] = await answer.json()
            return found

    async def post(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {**self._headers, "Idempotency-Key": key}
        async with self._session.post(self._base + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def conversations(self) -> list[dict[str, Any]]:
        """All of them, page by page."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            query = {"view": "all", "limit": "100", **({"after": after} if after else {})}
            page = await self.get("/conversations", **query)
            found += page["conversations"]
            if not page["next"]:
                return found
            after = page["next"]

    async def messages(self, conversation: str) -> list[dict[str, Any]]:
        """All messages of a conversation."""
        found: list[dict[str, Any]] = []
        query: dict[str, str] = {}
        while True:
            page = await self.get(f"/conversations/{conversation}/messages", **query)
            found = page["messages"] + found
            if page["earlier"] is None:
                return found
            query = {"before": str(page["earlier"])}


def marker_of(text: str) -> str | None:
    """The marker of a sender in a text."""
    match = MARKER.search(text)
    return next((group for group in match.groups() if group), None) if match else None


class Agent:
    """Answers each conversation once; a reply counts as made when the API has said so."""

    def __init__(self) -> None:
        self.tried: set[str] = set()
        self.made: dict[str, str] = {}
        """Conversation by marker."""

        self.refused: Counter[str] = Counter()

    async def work(self, api: Api, stop: asyncio.Event) -> None:
        """Until told to stop; the hub dies all the time."""
        while not stop.is_set():
            try:
                for row in await api.conversations():
                    if stop.is_set():
                        return
                    marker = marker_of(row["subject"] + " " + row["preview"])
                    if marker and marker not in self.made and row["channel"] != "comments":
                        await self._answer(api, row, marker)
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            await asyncio.sleep(10 * PAUSE)

    async def _answer(self, api: Api, row: dict[str, Any], marker: str) -> None:
        self.tried.add(marker)
        body = {"text": f"Dzień dobry, odp-{marker} pozdrawiam.", "based_on": row["messages"]}
        status, answer = await api.post(f"/conversations/{row['id']}/reply", f"reply-{marker}", body)
        if status in (200, 201):
            self.made[marker] = row["id"]
        else:
            self.refused[f"{row['channel']} {status} {str(answer)[:200]}"] += 1


def answers_received(world: World, hook: HookPeer) -> Counter[str]:
    """How often each answer came, by the peers' own ledgers. A repeated id of the webhook is one, as its page says."""
    found: Counter[str] = Counter()
    for mail in world.sink.mails:
        text = mail.message.get_body(("plain",))
        found.update({m.decode() for m in ANSWER.findall(str(text.get_content()).encode() if text else b"")})
    for body in set(hook.bodies):
        found.update({m.decode() for m in ANSWER.findall(body)})
    return found
