"""How long a public post is to X: 280 weighted characters.

docs.x.com/fundamentals/counting-characters and configuration v3 of X's own library for it (read November 2026): the
text in form NFC, most letters count 1, all others 2, an emoji 2 however many code points it takes, a link 23.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 280

LINK = 23

_ONE = ((0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
"""Code points that count 1."""

_BASE = (
    "[\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_PART = f"(?:{_BASE}[\ufe0f\U0001f3fb-\U0001f3ff]?|[\u00a9\u00ae\u203c\u2049\u2122\u2139]\ufe0f)"
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PART}[\U000e0020-\U000e007f]*(?:\u200d{_PART})*"
)

_LINKS = re.compile(
    r"https?://[^\s<>]+[^\s<>.,;:!?)\]}'\"]"
    r"|(?<![@\w.-])(?:[a-z0-9-]+\.)+(?:pl|eu|com|org|net|info|gov|edu|ua|de|io)\b(?:/[^\s<>]*[^\s<>.,;:!?)\]}'\"])?",
    re.IGNORECASE,
)


def weight(text: str) -> int:
    """The weighted length of a text."""
    text = unicodedata.normalize("NFC", text)
    text, links = _LINKS.subn("", text)
    text, emoji = _EMOJI.subn("", text)
    return LINK * links + 2 * emoji + sum(1 if _counts_one(ord(letter)) else 2 for letter in text)


def _counts_one(code: int) -> bool:
    return any(first <= code <= last for first, last in _ONE)
