"""What YouTube's Data API answers, built from a person, a text, an id and a time: for the demo, for tests and the peer.

By developers.google.com/youtube/v3/docs/commentThreads and .../comments as they stood in November 2026.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from aiohttp import web

SHOWN_REPLIES = 5
"""Answers that a thread shows at most."""


def iso(at: int) -> str:
    """A time as the API writes it: whole seconds."""
    return f"{dt.datetime.fromtimestamp(at // 1_000_000, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def comment(
    number: str,
    author: tuple[str, str],
    text: str,
    at: int,
    *,
    channel: str,
    parent: str = "",
    status: str = "published",
    changed: int | None = None,
) -> dict[str, Any]:
    """A comment resource. ``author`` is a channel's id and the name shown."""
    snippet: dict[str, Any] = {
        "channelId": channel,
        "textDisplay": text,
        "textOriginal": text,
        "authorDisplayName": author[1],
        "authorProfileImageUrl": "https://yt3.ggpht.com/ytc/x=s48-c-k-c0x00ffffff-no-rj",
        "authorChannelUrl": f"http://www.youtube.com/{author[1]}",
        "authorChannelId": {"value": author[0]},
        "canRate": True,
        "viewerRating": "none",
        "likeCount": 0,
        "moderationStatus": status,
        "publishedAt": iso(at),
        "updatedAt": iso(changed or at),
    }
    if parent:
        snippet["parentId"] = parent
    return {"kind": "youtube#comment", "etag": etag(number, text, status), "id": number, "snippet": snippet}


def thread(video: str, channel: str, top: dict[str, Any], replies: list[dict[str, Any]]) -> dict[str, Any]:
    """A comment thread resource, with the newest of its answers."""
    found: dict[str, Any] = {
        "kind": "youtube#commentThread",
        "etag": etag(top["etag"], *(reply["etag"] for reply in replies)),
        "id": top["id"],
        "snippet": {
            "channelId": channel,
            "videoId": video,
            "topLevelComment": top,
            "canReply": True,
            "totalReplyCount": len(replies),
            "isPublic": True,
        },
    }
    if replies:
        found["replies"] = {"comments": list(reversed(replies))[:SHOWN_REPLIES]}
    return found


def page(kind: str, items: list[dict[str, Any]], following: str = "") -> dict[str, Any]:
    """A list response."""
    found = {
        "kind": f"youtube#{kind}ListResponse",
        "etag": etag(following, *(item["etag"] for item in items)),
        "pageInfo": {"totalResults": len(items), "resultsPerPage": len(items)},
        "items": items,
    }
    return found | ({"nextPageToken": following} if following else {})


def etag(*parts: str) -> str:
    """A name for a state of something."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:27]


def problem(status: int, reason: str, domain: str = "youtube.comment") -> web.Response:
    """A refusal as the API words it."""
    told = f"The request was refused: {reason}."
    error = {
        "code": status,
        "message": told,
        "errors": [{"message": told, "domain": domain, "reason": reason}],
    }
    return web.json_response({"error": error}, status=status)
