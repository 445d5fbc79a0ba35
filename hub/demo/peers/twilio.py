"""A provider that behaves like Twilio towards its HTTP users: the Messages API, signed webhooks, files of MMS.

By the documentation as it was in August 2026: https://www.twilio.com/docs/messaging/api/message-resource,
https://www.twilio.com/docs/messaging/guides/webhook-request, .../guides/track-outbound-message-status,
https://www.twilio.com/docs/usage/webhooks/webhooks-security and https://www.twilio.com/docs/api/errors.
It imports nothing of the hub and keeps a ledger of what it took.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import datetime as dt
import hashlib
import hmac
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from email.utils import format_datetime
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

VERSION = "2010-04-01"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taken:
    """One message as the API was given it; ``form`` in the order of its fields."""

    sid: str
    to: str
    sender: str
    text: str
    callback: str
    form: tuple[tuple[str, str], ...]


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    """The value of ``X-Twilio-Signature``."""
    text = url
    for name in sorted(fields):
        text += name + fields[name]
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def message_fields(
    *, sid: str, account: str, sender: str, to: str, text: str, media: Sequence[tuple[str, str]] = ()
) -> dict[str, str]:
    """The form of an incoming message; ``media`` are pairs of address and content type."""
    fields = {
        "ToCountry": "PL",
        "ToState": "",
        "SmsMessageSid": sid,
        "NumMedia": str(len(media)),
        "ToCity": "",
        "FromZip": "",
        "SmsSid": sid,
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "Body": text,
        "FromCountry": "PL",
        "To": to,
        "ToZip": "",
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": account,
        "From": sender,
        "ApiVersion": VERSION,
    }
    for number, (url, kind) in enumerate(media):
        fields |= {f"MediaUrl{number}": url, f"MediaContentType{number}": kind}
    return fields


def status_fields(
    *, sid: str, account: str, to: str, sender: str, status: str, error: int = 0
) -> dict[str, str]:
    """The form of a status callback."""
    fields = {
        "SmsSid": sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": to,
        "MessageSid": sid,
        "AccountSid": account,
        "From": sender,
        "ApiVersion": VERSION,
    }
    return fields | ({"ErrorCode": str(error)} if error else {})


class TwilioPeer:
    """The provider. ``hub`` is the address of the inbox's route as the account has it, for :meth:`writes`.

    ``statuses`` are told after each message, ``seconds`` apart; ``first`` is its first number.
    ``fault`` is how it fails: an error code with its HTTP status as ``"21610 400"``, an HTTP status as ``"http 503"``,
    or ``cut`` (takes the message, then hangs up), ``silence``, ``garbage``.
    """

    def __init__(
        self,
        *,
        account: str = "AC" + "0" * 32,
        token: str,
        hub: str = "",
        statuses: tuple[str, ...] = ("queued", "sent", "delivered"),
        seconds: float = 0.0,
        now: Callable[[], float] = time.time,
        first: int = 1,
    ) -> None:
        self.taken: list[Taken] = []
        self.received: list[dict[str, str]] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        self.media: dict[str, list[str]] = {}
        self.account = account
        self.state = "active"
        self.fault = ""
        self.hub = hub
        self.base = ""
        self.statuses = statuses
        self._token = token
        self._seconds = seconds
        self._now = now
        self._numbers = itertools.count(first)
        self._arrived = asyncio.Condition()
        self._telling: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """To be served alone, or mounted under a prefix."""
        app = web.Application()
        account = f"/{VERSION}/Accounts/{{account}}"
        app.router.add_get(f"{account}.json", self._account)
        app.router.add_post(f"{account}/Messages.json", self._create)
        app.router.add_get(f"{account}/Messages.json", self._list)
        app.router.add_get(f"{account}/Messages/{{message}}/Media.json", self._media_list)
        app.router.add_get(f"{account}/Messages/{{message}}/Media/{{file}}", self._media)
        app.on_cleanup.append(self._stop)
        return app

    async def _stop(self, app: web.Application) -> None:
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _knows(self, request: web.Request) -> bool:
        login = base64.b64encode(f"{self.account}:{self._token}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {login}"

    async def _account(self, request: web.Request) -> web.Response:
        if not self._knows(request):
            return _error(20003, 401)
        return web.json_response({"sid": self.account, "status": self.state, "type": "Full"})

    async def _list(self, request: web.Request) -> web.Response:
        if not self._knows(request):
            return _error(20003, 401)
        since = request.query.get("DateSent>", "")
        size, page = int(request.query.get("PageSize", "50")), int(request.query.get("Page", "0"))
        found = [told for told in reversed(self.received) if told["day"] >= since]
        shown = found[page * size : (page + 1) * size]
        more = f"{request.path}?{urlencode({**request.query, 'Page': str(page + 1)})}"
        return web.json_response(
            {
                "messages": shown,
                "page": page,
                "next_page_uri": more if len(found) > (page + 1) * size else None,
            }
        )

    async def _media_list(self, request: web.Request) -> web.Response:
        if not self._knows(request):
            return _error(20003, 401)
        sid = request.match_info["message"]
        base = f"/{VERSION}/Accounts/{self.account}/Messages/{sid}/Media"
        media = [
            {"uri": f"{base}/{name}.json", "content_type": self.files[name][0]} for name in self.media[sid]
        ]
        return web.json_response({"media_list": media, "next_page_uri": None})

    async def _media(self, request: web.Request) -> web.Response:
        if not self._knows(request):
            return _error(20003, 401)
        found = self.files.get(request.match_info["file"])
        if found is None:
            return _error(20404, 404)
        return web.Response(body=found[1], content_type=found[0])

    # --- the Messages API -----------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._knows(request):
            return _error(20003, 401)
        if self.fault == "silence":
            await asyncio.sleep(5)
        if self.fault.startswith("http "):
            return web.Response(status=int(self.fault[5:]), text="<html>", headers={"Retry-After": "7"})
        if re.fullmatch(r"\d+ \d+", self.fault):
            code, status = map(int, self.fault.split())
            return _error(code, status)
        if refused := _refused(form):
            return refused
        taken = await self._take(form)
        if self.fault == "cut" and request.transport is not None:
            request.transport.close()
        if self.fault == "garbage":
            return web.Response(status=201, text="<Response/>", content_type="text/xml")
        return web.json_response(self._told(taken), status=201)

    async def _take(self, form: dict[str, str]) -> Taken:
        taken = Taken(
            sid=f"SM{next(self._numbers):032x}",
            to=form["To"],
            sender=form.get("From", "+48123123123"),
            text=form["Body"],
            callback=form.get("StatusCallback", ""),
            form=tuple(form.items()),
        )
        self.taken.append(taken)
        async with self._arrived:
            self._arrived.notify_all()
        if taken.callback:
            self._later(self._tell(taken))
        return taken

    def _told(self, taken: Taken) -> dict[str, object]:
        return {
            "sid": taken.sid,
            "account_sid": self.account,
            "to": taken.to,
            "from": taken.sender,
            "body": taken.text,
            "status": "queued",
            "num_segments": "1",
            "num_media": "0",
            "direction": "outbound-api",
            "price": None,
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
            "uri": f"/{VERSION}/Accounts/{self.account}/Messages/{taken.sid}.json",
        }

    # --- webhooks -------------------------------------------------------------------------------------------------

    def _later(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, taken: Taken) -> None:
        for status in self.statuses:
            await asyncio.sleep(self._seconds)
            await self.report(taken, status)

    async def report(self, taken: Taken, status: str, error: int = 0) -> int:
        """Tell the status of a message; the status of the hub's answer."""
        fields = status_fields(
            sid=taken.sid, account=self.account, to=taken.to, sender=taken.sender, status=status, error=error
        )
        return await self._post(taken.callback, fields)

    async def writes(
        self,
        sender: str,
        text: str,
        *,
        to: str = "+48123123123",
        sid: str = "",
        files: Sequence[tuple[str, bytes]] = (),
        told: bool = True,
    ) -> int:
        """A citizen's message with files (content type and bytes), told to the hub; the status of its answer.

        ``told`` false: the webhook is lost, and the message is in the list alone (0).
        """
        known = sid or f"{'MM' if files else 'SM'}{next(self._numbers):032x}"
        self.media[known] = []
        media = []
        for kind, content in files:
            name = f"ME{next(self._numbers):032x}"
            self.files[name] = (kind, content)
            self.media[known].append(name)
            media.append(
                (f"{self.base}/{VERSION}/Accounts/{self.account}/Messages/{known}/Media/{name}", kind)
            )
        self._receive(known, sender, to, text, len(files))
        fields = message_fields(sid=known, account=self.account, sender=sender, to=to, text=text, media=media)
        return await self._post(self.hub, fields) if told else 0

    def _receive(self, sid: str, sender: str, to: str, text: str, files: int) -> None:
        at = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        self.received.append(
            {
                "sid": sid,
                "direction": "inbound",
                "status": "received",
                "date_sent": format_datetime(at),
                "day": at.date().isoformat(),
                "from": sender,
                "to": to,
                "body": text,
                "num_media": str(files),
            }
        )

    async def _post(self, url: str, fields: dict[str, str]) -> int:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "X-Twilio-Signature": sign(self._token, url, fields),
            "I-Twilio-Idempotency-Token": hashlib.sha256(urlencode(fields).encode()).hexdigest()[:36],
        }
        async with aiohttp.ClientSession() as session:
            for _ in range(50):
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.post(url, data=urlencode(fields), headers=headers) as answer:
                        if answer.status < 500:
                            return answer.status
                await asyncio.sleep(0.2)
        return 503

    async def wait_for(self, count: int, seconds: float = 10.0) -> list[Taken]:
        """What was taken, once there are at least ``count``. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.taken) >= count)
        return self.taken


def _refused(form: Mapping[str, str]) -> web.Response | None:
    if not form.get("Body"):
        return _error(21602, 400)
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return _error(21603, 400)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", form.get("To", "")):
        return _error(21211, 400)
    if len(form["Body"]) > 1600:
        return _error(21617, 400)
    return None


def _error(code: int, status: int) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": f"Error {code}", "more_info": more, "status": status}
    return web.json_response(body, status=status)


@contextlib.asynccontextmanager
async def served(peer: TwilioPeer) -> AsyncIterator[str]:
    """The provider on a free port of loopback; its base address."""
    runner = web.AppRunner(peer.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    peer.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield peer.base
    finally:
        await runner.cleanup()
