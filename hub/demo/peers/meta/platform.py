"""The Graph API of one app, and the sender of its webhooks.

It checks the version in the path, the token, ``appsecret_proof`` and the allowance of calls, verifies a callback before
it uses it, signs every call over the raw body, and keeps those that were refused to repeat them. All that it was asked
stands in its ledger, and it can be told to fail in every way that Meta documents.

By https://developers.facebook.com/docs/graph-api/webhooks/getting-started, .../graph-api/guides/error-handling,
.../graph-api/overview/rate-limiting (2026-03) and .../facebook-login/guides/access-tokens/debugging.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, web

VERSIONS = frozenset(f"v{major}.0" for major in range(21, 27))
"""Those that were available in November 2026 (https://developers.facebook.com/docs/graph-api/changelog)."""

LIMIT_CODES = frozenset({4, 17, 32, 613, 80007, 130429})
STATUS = {1: 500, 2: 500, 190: 401, 10: 403, 200: 403, 131000: 500, 131016: 503}
"""HTTP statuses of codes that do not come with 400."""

Answer = Callable[[web.Request, str, str], Awaitable[web.Response | None]]
"""``answer(request, node, edge)``: a product's reply, None for a node that is not its own."""


@dataclass
class Field:
    """One part of a posted form."""

    content: bytes
    content_type: str = "text/plain"
    filename: str = ""

    @property
    def text(self) -> str:
        """Its content as text."""
        return self.content.decode("utf-8", "replace")


def form_of(content_type: str, body: bytes) -> dict[str, Field]:
    """The parts of a multipart body (RFC 7578) by name."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    if found is None:
        return {}
    fields = {}
    for piece in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        told = head.decode("utf-8", "replace")
        name = re.search(r'[; ]name="([^"]*)"', told)
        filename, kind = (
            re.search(r'filename="([^"]*)"', told),
            re.search(r"(?im)^content-type: *([^\s;]+)", told),
        )
        if name is not None:
            fields[name[1]] = Field(
                content.removesuffix(b"\r\n"),
                kind[1] if kind else "text/plain",
                filename[1] if filename else "",
            )
    return fields


class Refusal(Exception):
    """A Graph API error."""

    def __init__(self, code: int, subcode: int = 0, message: str = "") -> None:
        super().__init__(message or f"(#{code}) told by the peer")
        self.code = code
        self.subcode = subcode


def refuse(code: int, subcode: int = 0, message: str = "") -> NoReturn:
    """Raises :class:`Refusal`."""
    raise Refusal(code, subcode, message)


@dataclass
class Account:
    """A page, an Instagram professional account or a WhatsApp number, with the token that may use it."""

    id: str
    kind: str
    token: str
    name: str
    page: str = ""


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Call:
    """One webhook as it was sent, and the status that came back."""

    url: str
    body: bytes
    signature: str
    status: int = 0


@dataclass
class MetaPeer:
    """``now`` gives microseconds since 1970. ``expires_at`` and ``data_expires_at`` of all tokens in seconds, 0: never.

    ``allowance`` is how many calls are left, None for no limit; ``used`` what headers say of it, in percent.
    ``human_agent``: the app may use that tag. ``lively``: people's telephones answer by themselves (echo, delivered).
    ``numbered``: the last number given out.
    """

    now: Callable[[], int]
    app_id: str = "900100200300400"
    app_secret: str = "app-secret-of-the-peer"  # noqa: S105 - of nobody but this peer
    prefix: str = ""
    base: str = ""
    expires_at: int = 0
    data_expires_at: int = 0
    allowance: int | None = None
    used: int = 0
    human_agent: bool = False
    lively: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)
    products: list[Answer] = field(default_factory=list)
    files: dict[str, tuple[str, bytes, bool]] = field(default_factory=dict)
    ledger: list[Asked] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    refused: list[Call] = field(default_factory=list)
    callbacks: dict[str, str] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    _how: str = ""
    numbered: int = 0
    _session: ClientSession | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def serial(self) -> int:
        """The next number of anything that needs one."""
        self.numbered += 1
        return self.numbered

    # --- the server -----------------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """To be served on a port, or mounted below ``prefix``."""
        app = web.Application(client_max_size=120_000_000)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_route("*", "/{version}/{node}", self._graph)
        app.router.add_route("*", "/{version}/{node}/{edge}", self._graph)
        return app

    def fail(self, how: str) -> None:
        """From now on every call fails: a Graph code (``190``, ``10/2018278``), ``http-503``, ``cut``, ``silence``,
        ``nonsense``; nothing: no failure."""
        self._how = how

    async def _graph(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.ledger.append(Asked(request.method, request.path_qs, dict(request.headers), body))
        try:
            if (failed := await self._told_to_fail(request)) is not None:
                return failed
            if request.match_info["version"] not in VERSIONS:
                refuse(2635, 0, "(#2635) You are calling a deprecated version of the API.")
            self._spend()
            answer = await self._answer(
                request, request.match_info["node"], request.match_info.get("edge", "")
            )
            if self.used:
                answer.headers["X-App-Usage"] = json.dumps({"call_count": self.used, "total_time": 1})
            return answer
        except Refusal as refusal:
            return self._error(refusal)

    async def _answer(self, request: web.Request, node: str, edge: str) -> web.Response:
        if node == "debug_token":
            return web.json_response({"data": self._debug(request)})
        self._authorise(request)
        account = self.accounts.get(node)
        plain = "mentioned_" not in request.query.get("fields", "")
        if account is not None and not edge and request.method == "GET" and plain:
            return web.json_response(
                {
                    "id": account.id,
                    "name": account.name,
                    "username": account.name,
                    "verified_name": account.name,
                }
            )
        for product in self.products:
            if (found := await product(request, node, edge)) is not None:
                return found
        refuse(100, 33, f"Unsupported {request.method} request. Object with ID '{node}' does not exist")

    async def _told_to_fail(self, request: web.Request) -> web.Response | None:
        how = self._how
        if how == "cut" and request.transport is not None:
            request.transport.close()
        if how == "silence":
            await asyncio.sleep(30)
        if how == "nonsense":
            return web.Response(text="<html>", content_type="text/html")
        if how.startswith("http-"):
            return web.Response(status=int(how[5:]), text="Service unavailable", headers={"Retry-After": "7"})
        if how:
            code, _, subcode = how.partition("/")
            if code.isdigit():
                refuse(int(code), int(subcode or 0))
        return None

    def _spend(self) -> None:
        if self.allowance is not None:
            if self.allowance <= 0:
                refuse(4, 0, "(#4) Application request limit reached")
            self.allowance -= 1

    def _token_of(self, request: web.Request) -> str:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        return bearer or request.query.get("access_token", "")

    def _authorise(self, request: web.Request) -> None:
        """The token of an account of this app, unexpired, with the proof that the caller knows the app's secret."""
        token = self._token_of(request)
        if token in self.revoked or token not in {account.token for account in self.accounts.values()}:
            refuse(190, 463, "Error validating access token")
        if self.expires_at and self.expires_at * 1_000_000 <= self.now():
            refuse(190, 463, "Error validating access token: Session has expired")
        wanted = hmac.new(self.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(request.query.get("appsecret_proof", ""), wanted):
            refuse(100, 0, "Invalid appsecret_proof provided in the API argument")

    def _debug(self, request: web.Request) -> dict[str, Any]:
        if self._token_of(request) != f"{self.app_id}|{self.app_secret}":
            refuse(190, 0, "Invalid OAuth access token signature.")
        token = request.query.get("input_token", "")
        valid = token not in self.revoked and token in {account.token for account in self.accounts.values()}
        valid = valid and not (self.expires_at and self.expires_at * 1_000_000 <= self.now())
        return {
            "app_id": self.app_id,
            "type": "PAGE",
            "is_valid": valid,
            "expires_at": self.expires_at,
            "data_access_expires_at": self.data_expires_at,
        }

    def _error(self, refusal: Refusal) -> web.Response:
        error = {
            "message": str(refusal),
            "type": "OAuthException",
            "code": refusal.code,
            "fbtrace_id": f"trace{self.serial()}",
        }
        if refusal.subcode:
            error["error_subcode"] = refusal.subcode
        headers = {}
        if refusal.code in LIMIT_CODES:
            use = [{"type": "messenger", "call_count": 100, "estimated_time_to_regain_access": 5}]
            headers = {
                "X-App-Usage": json.dumps({"call_count": 100, "total_time": 25, "total_cputime": 25}),
                "X-Business-Use-Case-Usage": json.dumps({"104212345678901": use}),
            }
        return web.json_response({"error": error}, status=STATUS.get(refusal.code, 400), headers=headers)

    def posted(self) -> dict[str, Field]:
        """The form of the request that is answered now."""
        asked = self.ledger[-1]
        return form_of(asked.headers.get("Content-Type", ""), asked.body)

    # --- files ----------------------------------------------------------------------------------------------------

    def keep_file(self, name: str, content_type: str, content: bytes, *, secret: bool = False) -> str:
        """Put a file on the peer's own CDN; its address. ``secret`` ones want the token."""
        stored = f"{self.serial()}-{name}"
        self.files[stored] = (content_type, content, secret)
        return f"{self.base}{self.prefix}/files/{stored}"

    async def _file(self, request: web.Request) -> web.Response:
        found = self.files.get(request.match_info["name"])
        if found is None:
            return web.Response(status=404)
        content_type, content, secret = found
        if secret and self._token_of(request) not in {account.token for account in self.accounts.values()}:
            return web.Response(status=401)
        return web.Response(body=content, content_type=content_type)

    # --- webhooks -------------------------------------------------------------------------------------------------

    async def subscribe(self, object_: str, url: str, verify_token: str) -> bool:
        """Enter a callback: Meta first asks it to return a challenge together with the token that only it knows."""
        challenge = f"{self.serial()}11587012"
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        async with self._open().get(f"{url}?{urlencode(query)}") as answer:
            if answer.status != 200 or await answer.text() != challenge:
                return False
        self.callbacks[object_] = url
        return True

    def sign(self, body: bytes) -> str:
        """``X-Hub-Signature-256`` of a body."""
        return "sha256=" + hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()

    async def call(self, object_: str, entries: list[dict[str, Any]]) -> int:
        """Send a webhook; the status that came back. A refused one is kept and sent again by :meth:`repeat`."""
        body = json.dumps({"object": object_, "entry": entries}, ensure_ascii=True).encode()
        call = Call(self.callbacks[object_], body, self.sign(body))
        self.calls.append(call)
        return await self._send(call)

    async def repeat(self) -> list[int]:
        """Send again what was refused, as Meta does for 36 hours."""
        waiting, self.refused = self.refused, []
        return [await self._send(call) for call in waiting]

    async def _send(self, call: Call) -> int:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": call.signature}
        try:
            async with self._open().post(call.url, data=call.body, headers=headers) as answer:
                call.status = answer.status
        except (OSError, ClientError):
            call.status = 0
        if call.status != 200:
            self.refused.append(call)
        return call.status

    def later(self, work: Awaitable[Any]) -> None:
        """What a lively peer does by itself."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _open(self) -> ClientSession:
        if self._session is None or self._session.closed:
            self._session = ClientSession()
        return self._session

    async def close(self) -> None:
        """End what it does by itself, and its connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
