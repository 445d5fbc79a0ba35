"""YouTube's Data API v3 as its documentation describes it (developers.google.com/youtube/v3/docs, November 2026).

One project, one channel. It counts units as Google does (a list 1, also when it answers 304; a change 50; 10,000 a day
that begins at midnight in Los Angeles) and refuses what is beyond; lists threads by their first comment, the newest
first, in pages; answers ``If-None-Match``; hands out access tokens for a refresh token that can be revoked; knows which
comment may be answered, moderated, deleted by whom. Its ledger says what it was asked, and it can be told to fail.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from hub.demo.peers.youtube_payloads import comment, etag, iso, page, problem, thread

LIST = 1
CHANGE = 50
DAY_UNITS = 10_000
PACIFIC = ZoneInfo("America/Los_Angeles")

REASONS = {
    "processingFailure": 400,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
    "commentsDisabled": 403,
    "forbidden": 403,
    "insufficientPermissions": 403,
    "videoNotFound": 404,
    "commentNotFound": 404,
    "parentCommentNotFound": 404,
    "operationNotSupported": 400,
    "commentTextTooLong": 400,
}
"""Reasons of refusals that :meth:`YouTubePeer.fail` understands, and their status."""

Handler = Callable[[web.Request], Awaitable[web.Response]]


class YouTubePeer:
    """The provider. ``now`` gives microseconds since 1970. ``comments`` are what stands there, by id, in the order in
    which they came; ``ledger`` is what was asked: method, path with query, body; ``used`` the units of this day;
    ``confirmed`` what stood on pages that the app said it has."""

    def __init__(
        self, now: Callable[[], int], channel: str, name: str = "@zielonalinia", prefix: str = ""
    ) -> None:
        self.now = now
        self.channel = channel
        self.name = name
        self.prefix = prefix
        self.client = ("client-id", "client-secret-of-the-peer")
        self.refresh_token = "refresh-token-of-the-peer"  # noqa: S105 - of nobody but this peer
        self.bearer = ""
        self.lives = 3599
        self.day_units = DAY_UNITS
        self.used = 0
        self.page = 100
        self.videos: dict[str, str] = {}
        self.closed: set[str] = set()
        self.comments: dict[str, dict[str, Any]] = {}
        self.places: dict[str, str] = {}
        self.confirmed: set[str] = set()
        self.ledger: list[tuple[str, str, bytes]] = []
        self._how = ""
        self.numbered = 0
        self._day = self._today()

    # --- the server -----------------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """To be served on a port, or mounted below ``prefix``."""
        app = web.Application(middlewares=[self._checks])
        router = app.router
        router.add_post("/token", self._renew)
        router.add_get("/youtube/v3/commentThreads", self._costing(LIST, self._threads))
        router.add_get("/youtube/v3/comments", self._costing(LIST, self._list_comments))
        router.add_get("/youtube/v3/videos", self._costing(LIST, self._list_videos))
        router.add_get("/youtube/v3/channels", self._costing(LIST, self._list_channels))
        router.add_post("/youtube/v3/comments", self._costing(CHANGE, self._insert))
        router.add_post(
            "/youtube/v3/comments/setModerationStatus", self._costing(CHANGE, self._set_moderation)
        )
        router.add_delete("/youtube/v3/comments", self._costing(CHANGE, self._delete))
        return app

    def fail(self, how: str) -> None:
        """From now on: a status ("500"), one of :data:`REASONS`, ``cut``, ``silence``, or nothing for no failure."""
        self._how = how

    @web.middleware
    async def _checks(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.read()
        path = request.path_qs.removeprefix(self.prefix)
        self.ledger.append((request.method, path, body))
        if path == "/token":
            return await handler(request)
        if self._how == "cut" and request.transport is not None:
            request.transport.close()
        if self._how == "silence":
            await asyncio.sleep(30)
        if self._how.isdigit():
            return problem(int(self._how), "backendError")
        if self._how in REASONS:
            return problem(REASONS[self._how], self._how)
        if not self.bearer or request.headers.get("Authorization") != f"Bearer {self.bearer}":
            return problem(401, "authError", "global")
        return await handler(request)

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self.now() / 1_000_000, PACIFIC).date()

    def _costing(self, units: int, handler: Handler) -> Handler:
        async def counted(request: web.Request) -> web.Response:
            if self._today() != self._day:
                self._day, self.used = self._today(), 0
            if self.used + units > self.day_units:
                return problem(403, "quotaExceeded", "youtube.quota")
            self.used += units
            return await handler(request)

        return counted

    async def _renew(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != self.client:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh_token:
            told = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return web.json_response(told, status=400)
        self.numbered += 1
        self.bearer = f"ya29.{self.numbered}"
        scope = "https://www.googleapis.com/auth/youtube.force-ssl"
        return web.json_response(
            {"access_token": self.bearer, "expires_in": self.lives, "scope": scope, "token_type": "Bearer"}
        )

    def _answer(self, request: web.Request, found: dict[str, Any]) -> web.Response:
        headers = {"ETag": f'"{found["etag"]}"'}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            self.confirmed |= {item["id"] for item in found["items"]}
            return web.Response(status=304, headers=headers)
        return web.json_response(found, headers=headers)

    # --- lists ----------------------------------------------------------------------------------------------------

    async def _threads(self, request: web.Request) -> web.Response:
        query = request.query
        filters = [name for name in ("allThreadsRelatedToChannelId", "videoId", "id") if name in query]
        if len(filters) != 1:
            return problem(400, "missingRequiredParameter")
        if query.get("allThreadsRelatedToChannelId", self.channel) != self.channel:
            return problem(404, "channelNotFound")
        video = query.get("videoId", "")
        if video and video not in self.videos:
            return problem(404, "videoNotFound")
        if video in self.closed:
            return problem(403, "commentsDisabled")
        wanted = query.get("moderationStatus", "published")
        tops = [
            item
            for item in self.comments.values()
            if "parentId" not in item["snippet"] and (not video or self.places[item["id"]] == video)
        ]
        shown = [item for item in tops if self._belongs(item, wanted)]
        return self._page(request, shown, lambda item: self._thread(item, wanted))

    def _belongs(self, top: dict[str, Any], wanted: str) -> bool:
        """A thread is listed if its first comment or one of its answers stands as wanted; to be public, only its first
        comment counts."""
        statuses = {top["snippet"]["moderationStatus"]}
        if wanted != "published":
            statuses |= {reply["snippet"]["moderationStatus"] for reply in self._replies(top["id"])}
        return wanted in statuses

    def _replies(self, top: str) -> list[dict[str, Any]]:
        return [item for item in self.comments.values() if item["snippet"].get("parentId") == top]

    def _thread(self, top: dict[str, Any], wanted: str) -> dict[str, Any]:
        replies = [
            reply
            for reply in self._replies(top["id"])
            if reply["snippet"]["moderationStatus"] in ("published", wanted)
        ]
        return thread(self.places[top["id"]], self.channel, top, replies)

    def _page(
        self,
        request: web.Request,
        entries: list[dict[str, Any]],
        shape: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> web.Response:
        """The newest first; a token names the last comment that was shown."""
        token = request.query.get("pageToken", "")
        ordered = sorted(entries, key=lambda item: item["snippet"]["publishedAt"], reverse=True)
        start = 0
        if token:
            ids = [item["id"] for item in ordered]
            if not token.startswith("after-") or token.removeprefix("after-") not in ids:
                return problem(400, "invalidPageToken")
            start = ids.index(token.removeprefix("after-")) + 1
        size = min(self.page, int(request.query.get("maxResults", "20")))
        shown = ordered[start : start + size]
        more = len(ordered) > start + size
        following = f"after-{shown[-1]['id']}" if more and shown else ""
        kind = "commentThread" if request.path.endswith("commentThreads") else "comment"
        return self._answer(request, page(kind, [shape(item) for item in shown], following))

    async def _list_comments(self, request: web.Request) -> web.Response:
        query = request.query
        if "id" in query:
            wanted = [self.comments[name] for name in query["id"].split(",") if name in self.comments]
            return self._answer(request, page("comment", wanted))
        if query.get("parentId", "") not in self.comments:
            return problem(404, "commentNotFound")
        visible = [
            reply
            for reply in self._replies(query["parentId"])
            if reply["snippet"]["moderationStatus"] == "published"
        ]
        return self._page(request, visible, lambda item: item)

    async def _list_videos(self, request: web.Request) -> web.Response:
        wanted = [name for name in request.query.get("id", "").split(",") if name in self.videos]
        items = [
            {"kind": "youtube#video", "etag": name, "id": name, "snippet": {"title": self.videos[name]}}
            for name in wanted
        ]
        return self._answer(request, page("video", items))

    async def _list_channels(self, request: web.Request) -> web.Response:
        return self._answer(
            request, page("channel", [{"kind": "youtube#channel", "etag": "c", "id": self.channel}])
        )

    # --- changes --------------------------------------------------------------------------------------------------

    async def _insert(self, request: web.Request) -> web.Response:
        snippet = (await request.json()).get("snippet", {})
        text, parent = snippet.get("textOriginal", ""), snippet.get("parentId", "")
        if not text:
            return problem(400, "commentTextRequired")
        if len(text) > 10_000:
            return problem(400, "commentTextTooLong")
        if parent not in self.comments:
            return problem(404, "parentCommentNotFound")
        if "parentId" in self.comments[parent]["snippet"]:
            return problem(400, "operationNotSupported")
        if self.places[parent] in self.closed:
            return problem(403, "commentsDisabled")
        return web.json_response(self.comments[self._add((self.channel, self.name), text, parent=parent)])

    async def _set_moderation(self, request: web.Request) -> web.Response:
        ids, status = request.query.get("id", "").split(","), request.query.get("moderationStatus")
        if status not in ("heldForReview", "published", "rejected"):
            return problem(400, "invalidParameter")
        if any(name not in self.comments for name in ids):
            return problem(404, "commentNotFound")
        for name in ids:
            self.moderates(name, status)
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.query.get("id", "")
        if name not in self.comments:
            return problem(404, "commentNotFound")
        if self.comments[name]["snippet"]["authorChannelId"]["value"] != self.channel:
            return problem(403, "forbidden")
        self.removes(name)
        return web.Response(status=204)

    # --- as people ------------------------------------------------------------------------------------------------

    def _add(
        self,
        author: tuple[str, str],
        text: str,
        *,
        video: str = "",
        parent: str = "",
        status: str = "published",
    ) -> str:
        self.numbered += 1
        mark = hashlib.sha256(f"{self.channel}{self.numbered}".encode()).hexdigest()[:20]
        name = f"{parent}.9{mark}" if parent else f"Ugx{mark}4AaABAg"
        self.places[name] = self.places[parent] if parent else video
        made = comment(name, author, text, self.now(), channel=self.channel, parent=parent, status=status)
        self.comments[name] = made
        return name

    def comments_on(
        self, video: str, author: tuple[str, str], text: str, *, parent: str = "", status: str = "published"
    ) -> str:
        """Somebody comments, or answers a comment; returns the comment's id."""
        self.videos.setdefault(video, f"Film {video}")
        return self._add(author, text, video=video, parent=parent, status=status)

    def changes(self, name: str, text: str) -> None:
        """Its author changes a comment."""
        snippet = self.comments[name]["snippet"]
        snippet |= {"textDisplay": text, "textOriginal": text, "updatedAt": iso(self.now())}
        self.comments[name]["etag"] = etag(name, text, snippet["updatedAt"])

    def moderates(self, name: str, status: str) -> None:
        """Somebody decides in YouTube's own studio."""
        self.comments[name]["snippet"]["moderationStatus"] = status
        self.comments[name]["etag"] = etag(name, status)

    def removes(self, name: str) -> None:
        """A comment is deleted, with its answers."""
        for other in [name, *(reply["id"] for reply in self._replies(name))]:
            self.comments.pop(other, None)

    def asked(self, what: str) -> list[tuple[str, str, Any]]:
        """Requests whose path holds ``what``: method, path and the JSON of the body."""
        return [
            (method, path, json.loads(body) if body else None)
            for method, path, body in self.ledger
            if what in path
        ]
