"""What leaves for YouTube: answers under comments, and how comments stand.

developers.google.com/youtube/v3/docs/comments/insert, .../setModerationStatus, .../delete (read November 2026).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors._i18n import N_
from connectors.contract import Micros, Outbound, SendError, Sent
from connectors.youtube.api import BROKEN, GONE, SECOND, Api, Refused
from connectors.youtube.memory import thread_of
from connectors.youtube.payloads import Named

TRY_FOR = 15 * 60 * SECOND
"""Microseconds for which ``processingFailure`` is tried again: it may pass, but mostly the input is what is wrong, and
every attempt costs units."""

NO_PRIVATE = N_("YouTube has no private messages: answer in public, or on another channel.")
NOBODY = N_("The answer names no comment that it belongs under.")
UNCLEAR = N_("YouTube gave an answer that we cannot read.")
NO_FILES = N_("YouTube takes no files with an answer.")
NO_CHANGE = N_("YouTube does not let us do that to a comment.")

Moderation = Literal["rejected", "heldForReview", "published"]


async def send(api: Api, outbound: Outbound, hide_as: Moderation, now: Micros) -> Sent:
    """Carry out one delivery. Raises SendError."""
    target = outbound.target or ""
    try:
        if outbound.operation == "send":
            return await _answer(api, outbound)
        if not target:
            raise SendError("permanent", NOBODY)
        if outbound.operation == "delete":
            return await _delete(api, target)
        if outbound.operation in ("hide", "publish"):
            return await _moderate(api, target, hide_as if outbound.operation == "hide" else "published")
    except Refused as error:
        raise _patience(error, outbound.created_at, now) from error
    raise SendError("permanent", NO_CHANGE)


def _patience(error: Refused, ordered: Micros, now: Micros) -> SendError:
    if error.public == BROKEN and now - ordered > TRY_FOR:
        return Refused("permanent", BROKEN, error.status, error.reason)
    return error


async def _answer(api: Api, outbound: Outbound) -> Sent:
    """An answer in public; threads have two levels, so one to an answer stands under the comment at the top."""
    if not outbound.public:
        raise SendError("permanent", NO_PRIVATE)
    if outbound.attachments:
        raise SendError("permanent", NO_FILES)
    parent = thread_of(outbound.target or "")
    if not parent:
        raise SendError("permanent", NOBODY)
    content = {"snippet": {"parentId": parent, "textOriginal": outbound.text}}
    body = await api.change("POST", "comments", {"part": "snippet"}, content)
    try:
        made = msgspec.json.decode(body, type=Named).id
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SendError("ambiguous", UNCLEAR) from error
    return Sent(remote_id=made or None, state="delivered")


async def _moderate(api: Api, comment: str, status: Moderation) -> Sent:
    """Doing it again changes nothing."""
    try:
        await api.change("POST", "comments/setModerationStatus", {"id": comment, "moderationStatus": status})
    except Refused as error:
        # What is gone is out of sight; only something that should be shown is missed.
        if error.public != GONE or status == "published":
            raise
    return Sent(state="delivered")


async def _delete(api: Api, comment: str) -> Sent:
    """Take an answer of ours away. Comments of others are rejected, because only their authors may delete them."""
    try:
        await api.change("DELETE", "comments", {"id": comment})
    except Refused as error:
        if error.reason == "forbidden":
            return await _moderate(api, comment, "rejected")
        if error.public != GONE:
            raise
    return Sent(state="delivered")
