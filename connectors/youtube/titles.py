"""Titles of videos, asked for once each: the bench shows under which one a comment stands."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from connectors.youtube.api import Api, Why
from connectors.youtube.payloads import Video
from connectors.youtube.reading import decode_page

REMEMBERED = 5_000

AT_ONCE = 50
"""Most videos that ``videos.list`` takes in one request."""

_video = msgspec.json.Decoder(Video)


class Titles:
    """Titles by video; empty for a video that is not there any more."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: OrderedDict[str, str] = OrderedDict()

    async def of(self, videos: set[str], why: Why) -> dict[str, str]:
        """The titles of some videos. Raises SendError: a comment without the title of its video would keep that."""
        unknown = sorted(video for video in videos if video and video not in self._known)
        for start in range(0, len(unknown), AT_ONCE):
            await self._ask(unknown[start : start + AT_ONCE], why)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return {video: self._known.get(video, "") for video in videos}

    async def _ask(self, videos: list[str], why: Why) -> None:
        answer = await self._api.list("videos", {"part": "snippet", "id": ",".join(videos)}, why=why)
        page = decode_page(answer.body) if answer else None
        found = [_video.decode(raw) for raw in page.items] if page else []
        titles = {video.id: video.snippet.title for video in found}
        for video in videos:
            self._known[video] = titles.get(video, "")
