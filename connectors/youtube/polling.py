"""Asking for comments: new ones at the top of three lists, and a slow walk through all threads behind them.

The API lists threads by the time of their first comment, the newest first, and tells nothing of later answers, changes
and decisions but where the thread stands in that list. So one page of a walk through ``look_back_days`` is read with
each look at the top; at its end it begins anew. Cursors commit with the items of their page, so that both go on after a
stop. A look is as rare as the day's units want it, so that there are always some left: slower, never not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from connectors import _walk
from connectors._failpoint import failpoint
from connectors._http import kept_json
from connectors._outage import Outage
from connectors._walk import Walk
from connectors.contract import Cursor, Env, Fetched, Inbound, Micros, Raw, Refused, SendError, Sink
from connectors.youtube.api import HOUR, LIST, SECOND, Api, Why
from connectors.youtube.api import Refused as RefusedByYouTube
from connectors.youtube.memory import Memory, deleted
from connectors.youtube.payloads import Thread
from connectors.youtube.reading import (
    COMMENTS,
    THREADS,
    BadPage,
    Entry,
    Found,
    Place,
    decode_page,
    micros,
    read_entry,
    unreadable,
)
from connectors.youtube.settings import Settings
from connectors.youtube.titles import Titles

PAGE = 100

REPLY_PAGES = 10
"""Most pages of answers of one thread that are read at once."""

SWEEP_EVERY = 10
"""The long walk begins anew after so many times ``poll_seconds``."""

SETTLED = 5
"""After so many times ``poll_seconds`` all lists of YouTube show a comment that was written."""

CHECKED = 50
"""Most comments that are asked for by id at once."""

List = Literal["published", "heldForReview", "likelySpam"]

OVERLAP = {"published": int(HOUR * SECOND), "heldForReview": int(24 * HOUR * SECOND), "likelySpam": 0}
"""How far below the mark a look goes on: what YouTube looks at first appears later than it was written."""


class Reader:
    """Reads one channel's comments. ``sink`` takes them."""

    def __init__(self, settings: Settings, env: Env, api: Api, memory: Memory, sink: Sink) -> None:
        self._settings = settings
        self._env = env
        self._api = api
        self._memory = memory
        self._sink = sink
        self._titles = Titles(api)
        self._outage = Outage(env.log, env.clock, "polling")
        self._etags: dict[str, str] = {}
        self._walks: dict[str, Walk] = {}
        self._begin = Micros(0)
        self._why: Why = "reading"
        self._sweep = self._kept = ""
        self._seen: set[str] | None = None
        self._suspects: list[str] = []
        self._next_sweep = 0.0

    @property
    def lists(self) -> tuple[List, ...]:
        """The lists whose top is looked at."""
        return ("published", "heldForReview", "likelySpam") if self._settings.held else ("published",)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            wait = gap = 0.0
            try:
                gap = await self._gap()
                if not self._walks:
                    await self._resume()
                await self._round()
                self._outage.worked()
            except Refused as refused:
                wait = refused.retry_after
            except SendError as error:
                wait = min(error.retry_after or 0.0, HOUR)
                self._outage.failed(error.private)
            except BadPage as error:
                self._outage.failed(str(error))
            await self._env.clock.sleep(max(wait, gap))

    async def _resume(self) -> None:
        """Where we stand; at the first start also from when on comments are taken at all."""
        begin = await self._sink.cursor("begin")
        if begin is None:
            begin = str(self._before(self._settings.first_look_hours * HOUR))
            await self._sink.accept(Raw(), [], Cursor(key="begin", value=begin))
        self._begin = Micros(int(begin))
        self._sweep = self._kept = await self._sink.cursor("sweep") or ""
        self._walks = {name: _walk.decode(await self._sink.cursor(name), self._begin) for name in self.lists}

    def _before(self, seconds: float) -> Micros:
        return Micros(self._env.clock.now() - int(seconds * SECOND))

    async def _gap(self) -> float:
        """Seconds from one round to the next, at which the units that are left last until the day ends."""
        cost = (len(self.lists) + 2) * LIST
        left, rest = await self._api.left(), self._api.to_reset()
        # With nothing left for reading, a rare glance is worth a little of the reserve.
        self._why = "reading" if left >= cost else "glancing"
        if self._why == "glancing":
            return min(HOUR, rest)
        spread = 0.9 + self._env.random.random() / 5
        return max(self._settings.poll_seconds * spread, rest * cost / left)

    async def _round(self) -> None:
        """One page of each list (more of one on which there is more that is new), and one of the long walk."""
        for name in self.lists:
            await self._top(name)
        if self._why == "reading" and self._env.clock.monotonic() >= self._next_sweep:
            await self._walk_on()

    # --- the top of a list ----------------------------------------------------------------------------------------

    def _query(self, name: List, page: str) -> dict[str, str]:
        query = {
            "part": "snippet,replies",
            "allThreadsRelatedToChannelId": self._settings.channel_id,
            "order": "time",
            "maxResults": str(PAGE),
            "textFormat": "plainText",
            "moderationStatus": name,
        }
        return query | ({"pageToken": page} if page else {})

    async def _top(self, name: List) -> None:
        walk = self._walks[name]
        etag = "" if walk.page else self._etags.get(name, "")
        try:
            answer = await self._api.list("commentThreads", self._query(name, walk.page), etag, self._why)
        except RefusedByYouTube as error:
            if not walk.page or error.status != 400:
                raise
            self._walks[name] = _walk.restarted(walk)  # the page token is no longer known
            return
        if answer is None:
            return
        page = decode_page(answer.body)
        failpoint("youtube.poll.fetched")
        entries = [(raw, read_entry(raw, THREADS)) for raw in page.items]
        marks = [int(micros_of(entry)) for _, entry in entries if entry is not None]
        after = _walk.passed(walk, marks, page.next_page_token, OVERLAP[name])
        state = Cursor(key=name, value=_walk.encode(after))
        await self._take(answer, entries, state, Micros(walk.done), moved=after != walk)
        self._walks[name] = after
        if not after.page and not walk.page:
            self._etags[name] = answer.headers.get("etag", "")

    # --- the long walk --------------------------------------------------------------------------------------------

    async def _walk_on(self) -> None:
        """One page further down; at the end, what was expected there and did not come is asked for by name."""
        if not self._sweep:
            self._seen = set()
        try:
            answer = await self._api.list("commentThreads", self._query("published", self._sweep))
        except RefusedByYouTube as error:
            if not self._sweep or error.status != 400:
                raise
            self._sweep, self._seen = "", None
            return
        if answer is None:
            return
        page = decode_page(answer.body)
        entries = [(raw, read_entry(raw, THREADS)) for raw in page.items]
        known = [entry for _, entry in entries if entry is not None]
        floor = self._before(self._settings.look_back_days * 24 * HOUR)
        ends = not page.next_page_token or any(micros_of(entry) < floor for entry in known)
        following = "" if ends else page.next_page_token
        state = Cursor(key="sweep", value=following)
        await self._take(answer, entries, state, self._before(0), moved=following != self._kept)
        self._sweep = self._kept = following
        if self._seen is not None:
            self._seen.update(entry.thread.id for entry in known if entry.thread is not None)
        if ends:
            self._next_sweep = self._env.clock.monotonic() + SWEEP_EVERY * self._settings.poll_seconds
            missing = self._missing(floor)
            self._seen, self._suspects = None, []
            await self._look_for(missing)

    def _missing(self, floor: Micros) -> list[str]:
        """What stands in the lists no more, as far as this process saw it there."""
        if self._seen is None:
            return self._suspects
        since = max(floor, self._begin)
        until = self._before(SETTLED * self._settings.poll_seconds)
        return self._suspects + self._memory.missing(self._seen, since, until)

    async def _look_for(self, missing: list[str]) -> None:
        """Ask for comments by name: those that YouTube does not know are deleted, others were moderated elsewhere."""
        gone = list(dict.fromkeys(missing))[:CHECKED]
        if not gone:
            return
        query = {"part": "snippet", "id": ",".join(gone), "textFormat": "plainText"}
        answer = await self._api.list("comments", query, why=self._why)
        page = decode_page(answer.body) if answer else None
        entries = [read_entry(raw, COMMENTS) for raw in page.items] if page else []
        found = [comment for entry in entries if entry is not None for comment in entry.comments]
        place = self._place({})
        still = {comment.id for comment in found}
        items: list[Inbound] = [deleted(comment, place) for comment in gone if comment not in still]
        for comment in found:
            items += self._memory.news(comment, place, Micros(0))
        if items and answer:
            await self._sink.accept(await kept_json(answer.body, self._env.blobs), items)
        self._memory.keep(found)
        for comment_id in set(gone) - still:
            self._memory.forget(comment_id)

    # --- taking a page --------------------------------------------------------------------------------------------

    async def _take(
        self,
        answer: Fetched,
        entries: Sequence[tuple[msgspec.Raw, Entry | None]],
        state: Cursor,
        mark: Micros,
        *,
        moved: bool,
    ) -> None:
        """Commit what is new on a page, with the cursor where that moved; then the answers that it does not show."""
        comments = [found for _, entry in entries if entry is not None for found in entry.comments]
        place = self._place({})
        broken = [unreadable(raw, place) for raw, entry in entries if entry is None]
        await self._commit(answer, comments, mark, broken, state if moved else None)
        failpoint("youtube.poll.committed")
        for _, entry in entries:
            if entry is not None and entry.thread is not None:
                await self._follow(entry.thread, {found.id for found in entry.comments}, mark)

    async def _commit(
        self,
        answer: Fetched,
        comments: Iterable[Found],
        mark: Micros,
        more: Sequence[Inbound] = (),
        state: Cursor | None = None,
    ) -> None:
        """Tell the hub what is new of comments, the oldest first; then remember them."""
        # A time that we cannot read is no reason to lose a comment.
        wanted = [found for found in comments if found.written > self._begin or not found.written]
        place = self._place(await self._titles.of({found.video for found in wanted}, self._why))
        items: list[Inbound] = list(more)
        for found in sorted(wanted, key=lambda found: found.written):
            items += self._memory.news(found, place, mark)
        if items or state is not None:
            await self._sink.accept(await kept_json(answer.body, self._env.blobs), items, state)
        self._memory.keep(wanted)

    async def _follow(self, thread: Thread, seen: set[str], mark: Micros) -> None:
        """Take the answers of a thread that its page does not show, and note which are not there any more."""
        if self._memory.has_more(thread):
            seen |= await self._answers(thread, mark)
        if self._memory.has_less(thread):
            self._suspects += self._memory.dropped(thread.id, seen)
        self._memory.counted(thread)

    async def _answers(self, thread: Thread, mark: Micros) -> set[str]:
        """Commit all answers of a thread; returns their ids."""
        query = {
            "part": "snippet",
            "parentId": thread.id,
            "maxResults": str(PAGE),
            "textFormat": "plainText",
        }
        seen: set[str] = set()
        for _ in range(REPLY_PAGES):
            answer = await self._api.list("comments", query, why=self._why)
            if answer is None:
                break
            page = decode_page(answer.body)
            entries = [read_entry(raw, COMMENTS, thread.snippet.video_id) for raw in page.items]
            found = [comment for entry in entries if entry is not None for comment in entry.comments]
            await self._commit(answer, found, mark)
            seen |= {comment.id for comment in found}
            if not page.next_page_token:
                break
            query["pageToken"] = page.next_page_token
        return seen

    def _place(self, titles: dict[str, str]) -> Place:
        settings, env = self._settings, self._env
        return Place(
            inbox=env.inbox,
            now=env.clock.now(),
            channel=settings.channel_id,
            moderation=settings.moderation,
            titles=titles,
        )


def micros_of(entry: Entry) -> Micros:
    """When a thread began, by which the list is ordered."""
    return micros(entry.comments[0].comment.snippet.published_at)
