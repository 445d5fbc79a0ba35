"""Where a message belongs: pure decisions on joining, reopening and mere thanks."""

from __future__ import annotations

import re
from typing import Literal

from hub.config import Desk

HOUR = 3_600_000_000
DAY = 24 * HOUR

Fate = Literal["append", "reopen", "new", "linked"]
"""What an inbound message does to the conversation it was matched with: it is appended; it is appended and reopens;
it has none and opens one; it comes too late and opens one that is linked to the old."""

_THANKS = re.compile(
    r"dzi[eę]k|dzi[eę]ki|podzi[eę]kowa|thank|thx|дякую|спасибі|спасибо|благодар|merci|danke|grazie|mulțumesc",
    re.IGNORECASE,
)


def is_mere_thanks(text: str, characters: int) -> bool:
    """A lone "dziękuję": at most so many characters, a word of thanks, and no question in it."""
    short = text.strip()
    return 0 < len(short) <= characters and "?" not in short and _THANKS.search(short) is not None


def fate_in_thread(
    desk: Desk, *, status: str, resolved_at: int | None, now: int, thanks: bool, automatic: bool
) -> Fate:
    """For a message that the channel's own thread, a token or a participant's reference number brought here."""
    if status != "resolved" or automatic:
        return "append"
    if resolved_at is not None and now - resolved_at > int(desk.reopen_days * DAY):
        return "linked"
    return "append" if thanks else "reopen"


def joins_directly(desk: Desk, *, status: str, resolved_at: int | None, now: int) -> bool:
    """For channels without threads: the same identity and inbox, open or resolved not long ago."""
    if status == "spam":
        return True
    return status != "resolved" or (
        resolved_at is not None and now - resolved_at < int(desk.join_hours * HOUR)
    )
