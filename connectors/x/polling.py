"""Asking X for direct messages and mentions: the way in where no webhook reaches us, and the repair behind one.

Both lists show the newest first. The cursor commits together with the items of a page, so that a walk through many
pages goes on where it was (``connectors._walk``). Nothing is asked for more often than the limits last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal
from urllib.parse import urlencode

import msgspec

from connectors import _walk
from connectors._failpoint import failpoint
from connectors._http import kept_json
from connectors._outage import Outage
from connectors._walk import Walk
from connectors.contract import Cursor, Env, Inbound, Receipt, Refused, SendError, Sink
from connectors.x.api import Api, Bucket, since
from connectors.x.common import Place, id_at
from connectors.x.echoes import Echoes
from connectors.x.payloads import Page
from connectors.x.reading import BadBody, decode_page, marks, read_page

PAGE = 100

GLANCE = 20
"""Direct messages that a look at the top asks for: X charges for what it shows, mostly what we have already."""

HOUR = 3600.0

_EVENT = {
    "dm_event.fields": "id,event_type,text,sender_id,dm_conversation_id,created_at,participant_ids,attachments,"
    "entities",
    "expansions": "sender_id,attachments.media_keys,participant_ids",
    "user.fields": "name,username",
    "media.fields": "type,url,variants,preview_image_url",
}
_POST = {
    "tweet.fields": "id,text,note_tweet,author_id,created_at,conversation_id,in_reply_to_user_id,referenced_tweets,"
    "edit_history_tweet_ids,attachments,entities",
    "expansions": "author_id,attachments.media_keys",
    "user.fields": "name,username",
    "media.fields": "type,url,variants,preview_image_url",
}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two lists. ``compare`` is told what was new to the hub, and should not have been behind a webhook."""

    name: Literal["directs", "mentions"]
    api: Api
    env: Env
    echoes: Echoes
    compare: Callable[[Sequence[Inbound], Sequence[Receipt]], None]
    place: Place
    poll_seconds: float
    look_back_hours: float

    def path(self, walk: Walk) -> str:
        """The request for the next page."""
        if walk.page:
            asked = {"max_results": str(PAGE), "pagination_token": walk.page}
        else:
            asked = {"max_results": str(GLANCE if self.name == "directs" else PAGE)}
        if self.name == "directs":
            return f"/2/dm_events?{urlencode(asked | _EVENT, safe=',')}"
        if walk.done:
            asked["since_id"] = str(walk.done)
        return f"/2/users/{self.place.me}/mentions?{urlencode(asked | _POST, safe=',')}"

    @property
    def bucket(self) -> Bucket:
        return self.name


async def poll(reading: Reading, sink: Sink) -> None:
    """Ask until cancelled."""
    start = id_at(since(reading.env.clock.now(), reading.look_back_hours * HOUR))
    walk: Walk | None = None
    outage = Outage(reading.env.log, reading.env.clock, f"polling {reading.name}")
    while True:
        wait = _next_look(reading)
        try:
            if walk is None:
                walk = _walk.decode(await sink.cursor(reading.name), start)
            walk = await _look(reading, sink, walk)
            outage.worked()
            if walk.page:  # there is more: only the limits make us wait
                wait = reading.api.pace(reading.bucket)
        except Refused as refused:
            wait = refused.retry_after
        except BadBody as error:
            outage.failed(str(error))
        except SendError as error:
            wait = max(wait, error.retry_after or 0.0)
            walk = _after_refusal(walk, error) if walk else None
            outage.failed(error.private)
        await reading.env.clock.sleep(wait)


def _next_look(reading: Reading) -> float:
    """Seconds until the list is asked for again: as configured, or slower where the limits want it."""
    spread = 0.9 + reading.env.random.random() / 5
    return max(
        reading.poll_seconds * spread, reading.api.pace(reading.bucket), reading.api.rest(reading.bucket)
    )


def _after_refusal(walk: Walk, error: SendError) -> Walk:
    """A page token that X does not know any more: back to the top of the list."""
    return _walk.restarted(walk) if walk.page and error.kind == "permanent" else walk


async def _look(reading: Reading, sink: Sink, walk: Walk) -> Walk:
    """Take one page; returns where the reader stands once it is committed."""
    body = await reading.api.get(reading.bucket, reading.path(walk))
    page = decode_page(body)
    failpoint("x.poll.fetched")
    items, after = _fresh(reading, page, walk)
    if items or after != walk:
        state = Cursor(key=reading.name, value=_walk.encode(after))
        told = await reading.echoes.told(items)
        receipts = await sink.accept(await kept_json(body, reading.env.blobs), told, state)
        reading.compare(told, receipts)
        failpoint("x.poll.committed")
    return after


def _fresh(reading: Reading, page: Page, walk: Walk) -> tuple[list[Inbound], Walk]:
    """The entries that were not committed yet, the oldest first, and where the reader stands after them."""
    numbers = marks(page)
    fresh = tuple(
        raw for raw, number in zip(page.data, numbers, strict=True) if number is None or number > walk.done
    )
    place = msgspec.structs.replace(reading.place, now=reading.env.clock.now())
    items = list(read_page(msgspec.structs.replace(page, data=fresh), place))
    known = [number for number in numbers if number is not None]
    return items, _walk.passed(walk, known, page.meta.next_token)


async def poll_all(readings: list[Reading], sink: Sink) -> None:
    """Both lists, side by side, until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for reading in readings:
            tasks.create_task(poll(reading, sink))
        await asyncio.Event().wait()
