"""How updates of the Telegram Bot API wait for their bot: asked for with an offset, or posted to a webhook."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from hub.demo.peers.telegram_payloads import Json

KEPT = 24 * 3600
"""Seconds for which an update waits."""

NOT_BY_DEFAULT = ("chat_member", "message_reaction", "message_reaction_count")


class Refusal(Exception):
    """What a method answers instead of a result."""

    def __init__(self, code: int, description: str, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = dict(parameters or {})


def bad(description: str) -> Refusal:
    """A call that can never work."""
    return Refusal(400, f"Bad Request: {description}")


def as_json(value: Any) -> Any:
    """A structured parameter, which may come as a text of JSON."""
    return json.loads(value) if isinstance(value, str) else value


@dataclasses.dataclass(slots=True)
class Webhook:
    """Where updates are posted to."""

    url: str
    secret: str = ""
    last_error: str = ""
    last_error_at: int = 0


class Updates:
    """The updates of one bot. ``pending`` are those that nobody confirmed."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.pending: list[Json] = []
        self.confirmed = 0
        """Updates below this number were confirmed by a question's offset."""
        self.hook: Webhook | None = None
        self.gap = 0.05
        """Seconds until an update that a webhook refused is posted again."""
        self._now = now
        self._allowed: tuple[str, ...] | None = None
        self._news = asyncio.Event()
        self._asking: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._posting: aiohttp.ClientSession | None = None

    async def at_work(self, _: web.Application) -> AsyncIterator[None]:
        """For the application's ``cleanup_ctx``: while it runs, webhooks are posted to."""
        async with aiohttp.ClientSession() as session:
            self._posting = session
            yield
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._posting = None

    def wanted(self, kind: str) -> bool:
        """Whether the bot asked for updates of a kind."""
        return kind in self._allowed if self._allowed else kind not in NOT_BY_DEFAULT

    @property
    def asked(self) -> bool:
        """Whether the bot has ever asked for news."""
        return self._asking is not None

    async def ask(self, params: Json, files: object) -> Any:
        """``getUpdates``"""
        if self.hook is not None:
            why = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the"
            raise Refusal(409, f"{why} webhook first")
        if self._asking is not None and not self._asking.done():
            self._asking.set_result(None)
        self._asking = asking = asyncio.get_running_loop().create_future()
        if "allowed_updates" in params:
            self._allowed = tuple(as_json(params["allowed_updates"]))
        offset, limit = int(params.get("offset") or 0), min(100, int(params.get("limit") or 100))
        self._confirm(offset)
        end = asyncio.get_running_loop().time() + int(params.get("timeout") or 0)
        while not (found := self._waiting()):
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                break
            await self._wait(asking, left)
            if asking.done():
                why = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is"
                raise Refusal(409, f"{why} running")
        return found[:limit]

    async def _wait(self, asking: asyncio.Future[None], seconds: float) -> None:
        self._news.clear()
        news = asyncio.ensure_future(self._news.wait())
        either: list[asyncio.Future[Any]] = [news, asking]
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    def _confirm(self, offset: int) -> None:
        self.confirmed = max(self.confirmed, offset)
        if offset > 0:
            self.pending = [one for one in self.pending if one["update_id"] >= offset]
        elif offset < 0:
            self.pending = self.pending[offset:]

    def _waiting(self) -> list[Json]:
        """What nobody confirmed and is not too old."""
        oldest = self._now() - KEPT
        self.pending = [one for one in self.pending if one["_at"] >= oldest]
        return [{name: value for name, value in one.items() if name != "_at"} for one in self.pending]

    async def set_webhook(self, params: Json, files: object) -> Any:
        """``setWebhook``"""
        url = str(params.get("url") or "")
        if url and not url.startswith(("https://", "http://127.0.0.1")):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        self.hook = Webhook(url, str(params.get("secret_token") or "")) if url else None
        if "allowed_updates" in params:
            self._allowed = tuple(as_json(params["allowed_updates"]))
        for one in self._waiting():
            self._post_later(one)
        return True

    async def delete_webhook(self, params: Json, files: object) -> Any:
        """``deleteWebhook``"""
        self.hook = None
        if params.get("drop_pending_updates"):
            self.pending.clear()
        return True

    async def webhook_info(self, params: Json, files: object) -> Any:
        """``getWebhookInfo``"""
        waiting = len(self._waiting())
        if self.hook is None:
            return {"url": "", "has_custom_certificate": False, "pending_update_count": waiting}
        info: Json = {"url": self.hook.url, "has_custom_certificate": False, "pending_update_count": waiting}
        if self.hook.last_error:
            info |= {"last_error_date": self.hook.last_error_at, "last_error_message": self.hook.last_error}
        return info

    async def deliver(self, made: Json) -> None:
        """Put an update on the wire."""
        self.pending.append({**made, "_at": self._now()})
        self._news.set()
        if self.hook is not None:
            self._post_later(made)

    def _post_later(self, made: Json) -> None:
        task = asyncio.create_task(self._post(made))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, made: Json) -> None:
        """Post an update until it is taken."""
        while (hook := self.hook) is not None and self._posting is not None:
            try:
                headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
                async with self._posting.post(hook.url, json=made, headers=headers) as answer:
                    if 200 <= answer.status < 300:
                        number = made["update_id"]
                        self.pending = [one for one in self.pending if one["update_id"] != number]
                        return
                    hook.last_error = f"Wrong response from the webhook: {answer.status} {answer.reason}"
            except aiohttp.ClientError:
                hook.last_error = "Connection refused"
            hook.last_error_at = int(self._now())
            await asyncio.sleep(self.gap)
