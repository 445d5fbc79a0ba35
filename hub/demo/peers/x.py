"""X as its documentation describes it (docs.x.com, November 2026), for one app and one account.

It checks what X checks: OAuth 1.0a signatures (RFC 5849, with nonce and time), or bearer tokens that end and are
renewed by refresh tokens good for one use; limits per kind of request, with their headers; lengths; who may be written
to. It shows lists the newest first, in pages. It sends webhooks signed over the raw body, again when they are refused,
and asks the challenge when an address is registered. All that it was asked stands in its ledger, and it can be told to
fail.

:class:`XPeer` is started as a server with :meth:`XPeer.app`, and used as a person who writes to the office.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import ClientSession, web

from hub.demo.peers import x_payloads as payloads
from hub.demo.peers.x_payloads import Person

WINDOW = 15 * 60
"""Seconds of a window of limits."""

LIMITS = {
    "directs": 15,
    "mentions": 300,
    "send-direct": 15,
    "post": 100,
    "media": 500,
    "me": 75,
    "manage": 50,
}
"""Requests of one account in a window (docs.x.com/x-api/fundamentals/rate-limits)."""

OPEN = frozenset(("/2/oauth2/token",))


class XPeer:
    """The provider. ``now`` gives microseconds since 1970; ``limits`` may be changed by a test.

    ``directs`` and ``posts`` are what stands at X, the oldest first; ``ledger`` is what the app asked for, as method,
    path and body; ``answers`` is what webhooks were answered.
    """

    def __init__(self, now: Callable[[], int], me: Person, prefix: str = "") -> None:
        self.now = now
        self.me = me
        self.prefix = prefix
        self.consumer = ("app-key", "app-secret-of-the-peer")
        self.token = ("account-token", "account-secret-of-the-peer")
        self.client = ("client-id", "client-secret-of-the-peer")
        self.refresh_token = "first-refresh-token"  # noqa: S105 - of nobody but this peer
        self.bearer = ""
        self.limits = dict(LIMITS)
        self.page = 100
        self.directs: list[dict[str, Any]] = []
        self.posts: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.people: dict[str, Person] = {me.number: me}
        self.closed: set[str] = set()
        self.ledger: list[tuple[str, str, bytes]] = []
        self.answers: list[int] = []
        self.webhook = ""
        self.form = "account"
        self._how = ""
        self._serial = 0
        self._nonces: set[str] = set()
        self._used: dict[str, tuple[float, int]] = {}

    # --- the server -----------------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """To be served on a port, or mounted below ``prefix``."""
        app = web.Application(client_max_size=20_000_000, middlewares=[self._checks])
        router = app.router
        router.add_post("/2/oauth2/token", self._renew)
        router.add_get("/2/users/me", self._limited("me", self._who))
        router.add_get("/2/dm_events", self._limited("directs", self._list_directs))
        router.add_get("/2/users/{number}/mentions", self._limited("mentions", self._list_mentions))
        router.add_post(
            "/2/dm_conversations/with/{number}/messages", self._limited("send-direct", self._take_direct)
        )
        router.add_post("/2/tweets", self._limited("post", self._take_post))
        router.add_post("/2/media/upload", self._limited("media", self._take_media))
        router.add_get("/2/dm_conversations/media/{rest:.+}", self._limited("media", self._give_file))
        router.add_delete("/2/tweets/{number}", self._limited("manage", self._delete_post))
        router.add_delete("/2/dm_events/{number}", self._limited("manage", self._delete_direct))
        return app

    def fail(self, how: str) -> None:
        """From now on: a status ("429", "503", …), ``cut``, ``silence``, or nothing for no failure."""
        self._how = how

    @web.middleware
    async def _checks(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.read()
        path = request.path.removeprefix(self.prefix)
        self.ledger.append((request.method, request.path_qs.removeprefix(self.prefix), body))
        if self._how == "cut" and request.transport is not None:
            request.transport.close()
        if self._how == "silence":
            await asyncio.sleep(30)
        if self._how.isdigit():
            return self._problem(int(self._how), "told-to-fail", "The peer was told to fail.")
        if path not in OPEN and not self._authorised(request):
            return self._problem(401, "about:blank", "Unauthorized")
        return await handler(request)

    def _limited(
        self, bucket: str, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def counted(request: web.Request) -> web.Response:
            now = self.now() / 1_000_000
            reset, used = self._used.get(bucket, (0.0, 0))
            if now >= reset:
                reset, used = now + WINDOW, 0
            limit = self.limits[bucket]
            if used >= limit:
                answer = self._problem(429, "rate-limit-exceeded", "Too Many Requests")
            else:
                used += 1
                answer = await handler(request)
            self._used[bucket] = (reset, used)
            answer.headers["x-rate-limit-limit"] = str(limit)
            answer.headers["x-rate-limit-remaining"] = str(limit - used)
            answer.headers["x-rate-limit-reset"] = str(int(reset) + 1)
            return answer

        return counted

    def _problem(self, status: int, kind: str, detail: str) -> web.Response:
        kind = kind if ":" in kind else f"https://api.x.com/2/problems/{kind}"
        body = {"type": kind, "title": detail, "status": status, "detail": detail}
        headers = {"x-rate-limit-reset": str(self.now() // 1_000_000 + 60)} if status == 429 else {}
        return web.json_response(body, status=status, headers=headers)

    # --- who asks -------------------------------------------------------------------------------------------------

    def _authorised(self, request: web.Request) -> bool:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            return bool(self.bearer) and rest == self.bearer
        return scheme == "OAuth" and self._signed(request, rest)

    def _signed(self, request: web.Request, header: str) -> bool:
        """RFC 5849: the signature over method, address and parameters, a time near ours and a nonce never seen."""
        given = dict(part.strip().split("=", 1) for part in header.split(","))
        named = {name: unquote(value.strip('"')) for name, value in given.items()}
        signature = named.pop("oauth_signature", "")
        address = f"{request.scheme}://{request.host.lower()}{request.path}"
        pairs = [*parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True), *named.items()]
        line = "&".join(sorted(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs))
        base = "&".join((request.method, quote(address, safe="~"), quote(line, safe="~")))
        key = f"{quote(self.consumer[1], safe='~')}&{quote(self.token[1], safe='~')}"
        wanted = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()
        apart = abs(int(named.get("oauth_timestamp", "0")) - self.now() // 1_000_000)
        nonce = named.get("oauth_nonce", "")
        fresh = bool(nonce) and nonce not in self._nonces
        self._nonces.add(nonce)
        known = (named.get("oauth_consumer_key"), named.get("oauth_token")) == (
            self.consumer[0],
            self.token[0],
        )
        return known and fresh and apart <= 300 and hmac.compare_digest(signature, wanted)

    async def _renew(self, request: web.Request) -> web.Response:
        """A refresh token is good once; the answer holds the next."""
        form = await request.post()
        pair = base64.b64encode(":".join(self.client).encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            return web.json_response({"error": "unauthorized_client"}, status=401)
        if form.get("refresh_token") != self.refresh_token or form.get("grant_type") != "refresh_token":
            return web.json_response({"error": "invalid_request"}, status=400)
        self._serial += 1
        self.bearer, self.refresh_token = f"bearer-{self._serial}", f"refresh-{self._serial}"
        return web.json_response(
            {
                "token_type": "bearer",
                "expires_in": 7200,
                "access_token": self.bearer,
                "refresh_token": self.refresh_token,
                "scope": "tweet.read tweet.write users.read dm.read dm.write offline.access",
            }
        )

    # --- what the app asks for ------------------------------------------------------------------------------------

    async def _who(self, request: web.Request) -> web.Response:
        return web.json_response({"data": payloads.new_user(self.me)})

    async def _list_directs(self, request: web.Request) -> web.Response:
        return self._page(request, self.directs, [])

    async def _list_mentions(self, request: web.Request) -> web.Response:
        if request.match_info["number"] != self.me.number:
            return self._problem(404, "resource-not-found", "Not Found Error")
        handle = f"@{self.me.handle}"
        named = [item for item in self.posts if handle in item["text"] or self._to_me(item)]
        since = int(request.query.get("since_id", "0"))
        return self._page(request, [item for item in named if int(item["id"]) > since], ["newest_id"])

    def _to_me(self, item: dict[str, Any]) -> bool:
        return item.get("in_reply_to_user_id") == self.me.number and item["author_id"] != self.me.number

    def _page(self, request: web.Request, entries: list[dict[str, Any]], extra: list[str]) -> web.Response:
        """The newest first; the token of the next page is the last number of this one."""
        below = request.query.get("pagination_token", "")
        if below and not below.startswith("below-"):
            return self._problem(400, "invalid-request", "The pagination_token is invalid.")
        left = [item for item in entries if not below or int(item["id"]) < int(below.removeprefix("below-"))]
        size = min(self.page, int(request.query.get("max_results", "100")))
        shown = sorted(left, key=lambda item: -int(item["id"]))[:size]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if len(left) > len(shown):
            meta["next_token"] = f"below-{shown[-1]['id']}"
        if not shown:
            return web.json_response({"meta": meta})
        if "newest_id" in extra:
            meta |= {"newest_id": shown[0]["id"], "oldest_id": shown[-1]["id"]}
        authors = {item.get("author_id") or item["sender_id"] for item in shown}
        users = [payloads.new_user(self.people[number]) for number in sorted(authors)]
        return web.json_response({"data": shown, "includes": {"users": users}, "meta": meta})

    async def _take_direct(self, request: web.Request) -> web.Response:
        content, number = await request.json(), request.match_info["number"]
        text = content.get("text", "")
        if not text and not content.get("attachments"):
            return self._problem(400, "invalid-request", "text or attachments must be given")
        if len(text) > 10_000:
            return self._problem(400, "invalid-request", "The message is longer than 10000 characters.")
        if number not in self.people:
            return self._problem(404, "resource-not-found", "Not Found Error")
        if number in self.closed:
            return self._problem(403, "about:blank", "You cannot send messages to this user.")
        entry = self._direct(self.me, self.people[number], text)
        task = asyncio.create_task(self._tell_direct(self.me, self.people[number], entry))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        body = {"dm_conversation_id": entry["dm_conversation_id"], "dm_event_id": entry["id"]}
        return web.json_response({"data": body}, status=201)

    async def _take_post(self, request: web.Request) -> web.Response:
        content = await request.json()
        text, answered = content["text"], content.get("reply", {}).get("in_reply_to_tweet_id")
        if len(text) > 280:
            return self._problem(403, "about:blank", "Your Tweet text is too long.")
        if any(item["text"] == text and item["author_id"] == self.me.number for item in self.posts):
            detail = "You are not allowed to create a Tweet with duplicate content."
            return self._problem(403, "about:blank", detail)
        above = next((item for item in self.posts if item["id"] == answered), None)
        if answered and above is None:
            detail = "You attempted to reply to a Tweet that is deleted or not visible to you."
            return self._problem(403, "about:blank", detail)
        entry = self._post(self.me, text, (above["id"], above["author_id"]) if above else None)
        body = {"id": entry["id"], "text": text, "edit_history_tweet_ids": [entry["id"]]}
        return web.json_response({"data": body}, status=201)

    async def _take_media(self, request: web.Request) -> web.Response:
        content = await request.json()
        number = self._number()
        self.files[number] = base64.b64decode(content["media"])
        body = {"id": number, "media_key": f"3_{number}", "size": len(self.files[number])}
        return web.json_response({"data": body | {"expires_after_secs": 86400}})

    async def _give_file(self, request: web.Request) -> web.Response:
        content = self.files.get(request.match_info["rest"])
        if content is None:
            return self._problem(404, "resource-not-found", "Not Found Error")
        return web.Response(body=content, content_type="application/octet-stream")

    async def _delete_post(self, request: web.Request) -> web.Response:
        self.posts[:] = [item for item in self.posts if item["id"] != request.match_info["number"]]
        return web.json_response({"data": {"deleted": True}})

    async def _delete_direct(self, request: web.Request) -> web.Response:
        self.directs[:] = [item for item in self.directs if item["id"] != request.match_info["number"]]
        return web.json_response({"data": {"deleted": True}})

    # --- what stands at X -----------------------------------------------------------------------------------------

    def _number(self) -> str:
        self._serial += 1
        return payloads.identifier(self.now(), self._serial)

    def _direct(self, sender: Person, to: Person, text: str) -> dict[str, Any]:
        first, second = sorted((sender.number, to.number), key=int)
        entry = {
            "id": self._number(),
            "event_type": "MessageCreate",
            "text": text,
            "sender_id": sender.number,
            "dm_conversation_id": f"{first}-{second}",
            "created_at": payloads.iso(self.now()),
        }
        self.directs.append(entry)
        return entry

    def _post(self, author: Person, text: str, answered: tuple[str, str] | None) -> dict[str, Any]:
        entry = payloads.post(author, text, self._number(), self.now(), answered)
        self.posts.append(entry)
        return entry

    # --- as a person ----------------------------------------------------------------------------------------------

    async def registers(self, address: str) -> bool:
        """The app registers a webhook: X asks whether it is its own, and believes only the right answer."""
        async with ClientSession() as client, client.get(address, params={"crc_token": "token-1"}) as answer:
            told = await answer.json() if answer.status == 200 else {}
        if told.get("response_token") != self._mac(b"token-1"):
            return False
        self.webhook = address
        return True

    async def writes(self, person: Person, text: str) -> str:
        """Somebody writes a direct message; returns its number."""
        self.people[person.number] = person
        entry = self._direct(person, self.me, text)
        await self._tell_direct(person, self.me, entry)
        return str(entry["id"])

    async def mentions(self, person: Person, text: str, answered: tuple[str, str] | None = None) -> str:
        """Somebody posts something that names us; returns its number."""
        self.people[person.number] = person
        entry = self._post(person, text, answered)
        number, at = str(entry["id"]), self.now()
        if self.form == "account":
            await self.deliver(payloads.account_post(self.me, person, text, number, at, answered))
        else:
            users = {"users": [payloads.new_user(person)]}
            await self.deliver(payloads.activity(self.me, "post.mention.create", entry, number, users))
        return number

    async def reads(self, person: Person) -> None:
        """Somebody reads what we wrote, up to the last message."""
        last = next(
            item["id"] for item in reversed(self.directs) if person.number in item["dm_conversation_id"]
        )
        await self.deliver(payloads.seen(self.me, person, last, self.now()))

    async def _tell_direct(self, sender: Person, to: Person, entry: dict[str, Any]) -> None:
        event = payloads.direct(sender, to, entry["text"], entry["id"], self.now())
        if self.form == "account":
            await self.deliver(payloads.account_direct(self.me, sender, to, event))
        else:
            await self.deliver(payloads.activity_direct(self.me, sender, to, event, self._number()))

    async def deliver(self, body: bytes, attempts: int = 3) -> bool:
        """Post a webhook until it is taken, as often as X would; whether it was."""
        if not self.webhook:
            return False
        headers = {
            "Content-Type": "application/json",
            "X-Twitter-Webhooks-Signature": self._mac(body),
        }
        async with ClientSession() as client:
            for attempt in range(attempts):
                async with client.post(self.webhook, data=body, headers=headers) as answer:
                    self.answers.append(answer.status)
                    if answer.status == 200:
                        return True
                await asyncio.sleep(0.1 * 2**attempt)
        return False

    def _mac(self, body: bytes) -> str:
        mac = hmac.new(self.consumer[1].encode(), body, hashlib.sha256).digest()
        return "sha256=" + base64.b64encode(mac).decode()

    def sent(self) -> list[dict[str, Any]]:
        """What the app sent: bodies of direct messages and posts, in order."""
        return [
            json.loads(body)
            for method, path, body in self.ledger
            if method == "POST" and (path == "/2/tweets" or path.startswith("/2/dm_conversations/with/"))
        ]
