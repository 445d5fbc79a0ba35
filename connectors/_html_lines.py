"""Lines of text written from HTML, and what each stood in: how the mark-up of mail programs shows an older mail.

Used by ``connectors._html``, which reads the document, and by whoever cuts a reply by the marks of its lines.
"""

from __future__ import annotations

import re
from typing import NamedTuple

QUOTED = 1
"""Inside a blockquote of no known program."""
CITED = 2
"""Inside a blockquote that a mail program marked as a citation."""
SOFT = 4
"""Inside Gmail's blockquote, which is a quotation in a reply and a mere indent elsewhere."""
CONTAINER = 8
"""Inside what a mail program wraps an older mail in."""
START = 16
"""From this line on stands an older mail."""
ATTRIBUTION = 32
"""The line that says who wrote what is quoted below."""
RULED = 64
"""A line is drawn above."""


class Line(NamedTuple):
    """A line of text and what it stood in (the constants above, added up)."""

    text: str
    marks: int


SPACED = frozenset(("p", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "table"))

_CONTAINERS = re.compile(
    r"(?:^|\s)(?:x_)*(?:gmail_quote(?:_container)?|yahoo_quoted|protonmail_quote|zmail_extra|tutanota_quote|wp_quote|"
    r"OLK_SRC_BODY_SECTION|mail-editor-reference-message-container|yahooMailQuotedContent|quotedContent)(?:\s|$|[\d_-])"
)
_STARTS = re.compile(
    r"(?:^|\s)(?:x_)*(?:appendonsend|divRplyFwdMsg|OutlookMessageHeader|replySplit|zwchr|reply-intro-separator)(?:\s|$)"
)
_ATTRIBUTIONS = re.compile(
    r"(?:^|\s)(?:x_)*(?:moz-cite-prefix|gmail_attr|reply-intro|moz-email-headers-table|hmQuoteHeader)(?:\s|$)"
)
_BORDER_TOP = re.compile(r"border-top(?:-style|-width)?\s*:\s*[^;]*(?:solid|\dp[tx])", re.IGNORECASE)


class Writer:
    """Puts text into lines: white space collapses, blocks begin on a line of their own."""

    __slots__ = ("_gap", "_once", "lines", "marks", "preformatted", "written")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.marks = 0
        self.preformatted = 0
        self.written: list[str] = []
        self._gap = 0
        self._once = 0

    def _flush(self) -> bool:
        """End the line; whether there was any text on it."""
        if not self.written:
            return False
        text = "".join(self.written)
        self.written.clear()
        if self.preformatted:
            return self._keep(text)
        words = " ".join(text.split())
        if words:
            self._add(words)
        elif "\xa0" in text and not self._gap:
            self._gap = 1  # Outlook's empty line
        return bool(words)

    def _add(self, text: str) -> None:
        marks = self.marks
        if self._gap and self.lines:
            self.lines.extend([Line("", marks)] * self._gap)
        self.lines.append(Line(text, marks | self._once))
        self._gap = self._once = 0

    def _keep(self, text: str) -> bool:
        """Lines as they stand in a ``pre``."""
        lines = text.split("\n")
        for line in lines:
            if line.strip():
                self._add(line.rstrip())
            else:
                self._gap = min(2, self._gap + 1)
        return bool(lines[-1].strip())

    def newline(self) -> None:
        """A line break: ends the line, or leaves an empty one."""
        if not self._flush():
            self._gap = min(2, self._gap + 1)

    def block(self, gap: int) -> None:
        """The edge of a block, with so many empty lines around it."""
        self._flush()
        if gap > self._gap:
            self._gap = gap

    def once(self, mark: int) -> None:
        """A mark for the next line that has text."""
        self._flush()
        self._once |= mark


def gap_around(tag: str, attributes: dict[str, str]) -> int:
    """Empty lines around a block. Outlook writes every line as a paragraph without any space around it."""
    return 1 if tag in SPACED and not attributes.get("class", "").startswith("Mso") else 0


def mark_element(writer: Writer, tag: str, attributes: dict[str, str]) -> None:
    """Note what a quotation looks like in the mark-up of the programs that make them."""
    name = f"{attributes.get('class', '')[:300]} {attributes.get('id', '')[:300]}"
    if tag == "blockquote":
        known = attributes.get("type") == "cite" or "cite" in attributes
        mark = SOFT if "gmail_quote" in name else CITED if known else QUOTED
    elif tag == "hr":
        writer.once(START if _STARTS.search(name) else RULED)
        return
    else:
        mark = _mark_by_name(name) if len(name) > 1 else 0
        if not mark and _BORDER_TOP.search(attributes.get("style", "")[:500]):
            writer.once(RULED)
        if attributes.get("name") == "quote":
            mark = CONTAINER
    if mark == START:
        writer.once(START)
    elif mark:
        writer.block(0)
        writer.marks |= mark


def _mark_by_name(name: str) -> int:
    if _CONTAINERS.search(name):
        return CONTAINER
    if _STARTS.search(name):
        return START
    return ATTRIBUTION if _ATTRIBUTIONS.search(name) else 0
