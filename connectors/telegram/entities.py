"""Entities of a Telegram text as HTML that is safe to show (https://core.telegram.org/bots/api#messageentity).

Only tags and attributes of ours are written and everything else is escaped, so the result needs no cleaning; it stays
well-formed when entities overlap, leave the text or lie about their length, as forged ones may.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence

from connectors._split import units
from connectors.telegram.wire import Entity

MOST = 400
"""Entities that are looked at; Telegram sends a hundred at most."""

_TAGS = {
    "bold": ("<b>", "</b>"),
    "italic": ("<i>", "</i>"),
    "underline": ("<u>", "</u>"),
    "strikethrough": ("<s>", "</s>"),
    "code": ("<code>", "</code>"),
    "pre": ("<pre>", "</pre>"),
    "blockquote": ("<blockquote>", "</blockquote>"),
    "expandable_blockquote": ("<blockquote>", "</blockquote>"),
}
_LINKS = frozenset(("text_link", "url", "email"))
_SCHEMES = ("https://", "http://", "mailto:", "tel:")

Span = tuple[int, int, str, str]
"""Where it begins and ends in characters, and what is written there."""


def to_html(text: str, entities: Sequence[Entity]) -> str:
    """The text with its formatting and links; empty where there is none, as the text says it all then."""
    spans = _spans(text, entities)
    if not spans:
        return ""
    edges = sorted({0, len(text), *itertools.chain.from_iterable(span[:2] for span in spans)})
    spans.sort(key=lambda span: (span[0], -span[1]))
    written: list[str] = []
    open_: list[Span] = []
    following = 0
    for begin, end in itertools.pairwise(edges):
        _close(written, open_, begin)
        while following < len(spans) and spans[following][0] == begin:
            open_.append(spans[following])
            written.append(spans[following][2])
            following += 1
        written.append(_escaped(text[begin:end]))
    _close(written, open_, len(text))
    return "".join(written)


def _close(written: list[str], open_: list[Span], place: int) -> None:
    """End what ends here; what was opened inside it and goes on is ended and begun again."""
    ending = [number for number, span in enumerate(open_) if span[1] <= place]
    if not ending:
        return
    inside = open_[ending[0] :]
    del open_[ending[0] :]
    written.extend(span[3] for span in reversed(inside))
    for span in inside:
        if span[1] > place:
            open_.append(span)
            written.append(span[2])


def _spans(text: str, entities: Sequence[Entity]) -> list[Span]:
    """What is written, in places of characters; entities without a tag and those that lie outside are left out."""
    places = _places(text)
    found = []
    for entity in entities[:MOST]:
        begin, end = _place(places, text, entity.offset), _place(places, text, entity.offset + entity.length)
        if begin is None or end is None or begin >= end:
            continue
        tags = _TAGS.get(entity.type)
        if tags is None and entity.type in _LINKS:
            tags = _link(entity, text[begin:end])
        if tags is not None:
            found.append((begin, end, *tags))
    return found


def _places(text: str) -> list[int] | None:
    """For texts with characters beyond U+FFFF: the UTF-16 place of each character and of the end."""
    if text.isascii() or units(text) == len(text):
        return None
    return list(itertools.accumulate((2 if char > "\uffff" else 1 for char in text), initial=0))


def _place(places: list[int] | None, text: str, unit: int) -> int | None:
    """The character at a UTF-16 place; None for one outside, or in the middle of a character."""
    if places is None:
        return unit if 0 <= unit <= len(text) else None
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        if places[middle] < unit:
            low = middle + 1
        else:
            high = middle
    return low if low < len(places) and places[low] == unit else None


def _link(entity: Entity, shown: str) -> tuple[str, str] | None:
    """The tags of a link, if it leads where a browser may be sent."""
    address = entity.url if entity.type == "text_link" else shown.strip()
    if entity.type == "email":
        address = f"mailto:{address}"
    elif entity.type == "url" and "://" not in address:
        address = f"https://{address}"
    if not address.lower().startswith(_SCHEMES) or any(char <= " " or char == "\x7f" for char in address):
        return None
    return f'<a href="{html.escape(address)}" rel="noopener noreferrer">', "</a>"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>\n")
