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


_NO_MORE = re.compile(
    r"nie mam (?:ju[zż] )?(?:wi[eę]cej |[zż]adnych )*pyta[nń]|nie trzeba|to wszystko|no (?:more|further) questions|"
    r"that'?s all|немає (?:більше )?питань|нет (?:больше )?вопросов|a lot\b|a million\b",
    re.IGNORECASE,
)
"""What sounds like a further matter and is none."""

_MORE = re.compile(
    r"[?\d]|\b(?:a|ale|lecz|jednak\w*|nadal|dalej|wci[aą][zż]|ci[aą]gle|jeszcze|nie|bez|brak\w*|prosz[eę]|poprosz[eę]|"
    r"kiedy|gdzie|sk[aą]d|ile|czy|jak|jaki\w*|jakie\w*|co|czego|czemu|dlaczego|kto|kogo|kt[oó]r\w*|za nic|skarg\w*|"
    r"problem\w*|b[lł][aą]d\w*|czekam|potrzebuj\w*|chc[eęi]\w*|mam|musz[eę]|mo[zż]\w+|mog[eę]|"
    r"but|still|however|not|\w+n't|yet|please|when|where|how|what|why|which|can|could|need|want|"
    r"але|проте|досі|ще|не|прошу|коли|де|скільки|чи|як|що|чому|"
    r"но|однако|ещ[её]|пожалуйста|когда|где|сколько|как|что|почему|"
    r"aber|noch|nicht|bitte|wann|wo|wie|warum|mais|pas|encore|quand|comment)\b",
    re.IGNORECASE,
)
"""Words with which something else begins. Where in doubt it is no mere thanks: to open once too often costs an agent
a look, a matter that nobody opens costs a citizen the answer."""


def is_mere_thanks(text: str, characters: int) -> bool:
    """A lone "dziękuję": at most so many characters, a word of thanks, no question, request, figure or complaint."""
    short = text.strip()
    if not 0 < len(short) <= characters or _THANKS.search(short) is None:
        return False
    return _MORE.search(_NO_MORE.sub("", short)) is None


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
