"""The agent who answers everything through the API, as an integration may; and what was answered to that."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp

from tests.chaos.ledgers import answers_in, marker_of

TOKEN = "ctl_a-token-of-the-chaos-tests-only"
LOOK = 0.3
"""Seconds between two looks at what waits."""


class Api:
    """The hub as an integration sees it. ``base`` is the private listener that is to be asked just now."""

    def __init__(self, base: Callable[[], str], session: aiohttp.ClientSession) -> None:
        self._base = base
        self._session = session
        self._headers = {"Authorization": f"Bearer {TOKEN}"}

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """Raises aiohttp.ClientError when the hub is not there."""
        url = f"{self._base()}/api/v1{path}"
        async with self._session.get(url, params=query, headers=self._headers) as answer:
            answer.raise_for_status()
            found: dict[str, Any] = await answer.json()
            return found

    async def post(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {**self._headers, "Idempotency-Key": key}
        async with self._session.post(f"{self._base()}/api/v1{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def conversations(self, **asked: str) -> list[dict[str, Any]]:
        """All of a view (of everything unless told otherwise), page by page."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            query = {"view": "all", "limit": "100", **asked, **({"after": after} if after else {})}
            page = await self.get("/conversations", **query)
            found += page["conversations"]
            if not page["next"]:
                return found
            after = page["next"]

    async def messages(self, conversation: str) -> list[dict[str, Any]]:
        """All messages of a conversation, the oldest first."""
        found: list[dict[str, Any]] = []
        query: dict[str, str] = {}
        while True:
            page = await self.get(f"/conversations/{conversation}/messages", **query)
            found = page["messages"] + found
            if page["earlier"] is None:
                return found
            query = {"before": str(page["earlier"])}


class Agent:
    """Answers each message of each conversation once, in order; an answer counts as made when the API has said so."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        """Conversation by marker, in the order in which the answers were made."""
        self.refused: Counter[str] = Counter()
        self.tried: dict[str, tuple[str, dict[str, Any]]] = {}
        """Key and body of the latest try by marker: what may have happened is asked for again, word for word."""

    async def work(self, api: Api, stop: asyncio.Event) -> None:
        """Until told to stop; the hub dies all the time."""
        while not stop.is_set():
            try:
                page = await api.get("/conversations", view="queue", queue="bezrobotni", limit="50")
                for row in page["conversations"]:
                    if stop.is_set():
                        return
                    await self._look(api, row)
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            await asyncio.sleep(LOOK)

    async def _look(self, api: Api, row: dict[str, Any]) -> None:
        """Answer what is not answered, one after the other; what could not be goes before all that came later."""
        messages = (await api.get(f"/conversations/{row['id']}/messages"))["messages"]
        answered = {answer_of(message) for message in messages}
        upto = messages[-1]["number"]
        for marker in inbound_markers(messages):
            if marker in self.made or (marker in answered and marker not in self.tried):
                continue
            number = await self._answer(api, row["id"], marker, upto)
            if number is None:
                return
            upto = number

    async def _answer(self, api: Api, conversation: str, marker: str, upto: int) -> int | None:
        """Number of the answer in the conversation; None when it was not made."""
        fresh = (f"reply-{marker}-{upto}", {"text": f"Odpowiedz odp-{marker} pozdrawiam.", "based_on": upto})
        key, body = self.tried.setdefault(marker, fresh)
        status, answer = await api.post(f"/conversations/{conversation}/reply", key, body)
        if status in (200, 201):
            self.made[marker] = conversation
            return int(answer["number"])
        if status in (409, 422):  # refused for certain, or under way elsewhere: the next look tells which
            del self.tried[marker]
        self.refused[f"{marker[:-6]} {status} {str(answer.get('detail', ''))[:100]}"] += 1
        return None


def inbound_markers(messages: list[dict[str, Any]]) -> list[str]:
    """What people wrote, in order, each once."""
    texts = (f"{m['text']} {m['subject']}" for m in messages if m["kind"] == "inbound")
    return list(dict.fromkeys(filter(None, map(marker_of, texts))))


def answer_of(message: dict[str, Any]) -> str | None:
    """The marker that an outbound message of the API answers; None for automatic ones."""
    return next(iter(answers_in(message["text"])), None) if message["kind"] == "outbound" else None
