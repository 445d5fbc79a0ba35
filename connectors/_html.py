"""HTML from outside: as lines of text with what they were in, and as HTML that is safe to show.

:func:`lines` is what words, rules and searches work on; :func:`sanitise` is what a console shows in a sandboxed frame.

The text is written by our own reader of lxml's events. inscriptis, the usual choice, was measured at 0.6 ms for a body
of 2 kB, a third of what a whole message may cost from wire to queue (this: 0.2 ms); and it says nothing about which
line stood in a quotation, which is what a reply is cut by.
"""

from __future__ import annotations

import html as _html
import re
import threading
from typing import NamedTuple

import nh3
from lxml import etree  # type: ignore[import-untyped]

MAX_HTML = 500_000
"""Longer documents are cut before anything else is done with them (characters)."""

MAX_DEPTH = 1_000
"""Documents nested deeper are shown as their text: the time to sanitise them grows with the square of the depth."""

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
SIGNATURE = 128
"""Inside what a mail program marked as a signature."""


class Line(NamedTuple):
    """A line of text and what it stood in (the constants above, added up)."""

    text: str
    marks: int


_SKIPPED = frozenset(
    ("script", "style", "head", "title", "template", "object", "applet", "svg", "math", "select", "xml")
)
_BLOCKS = frozenset(
    (
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "body",
            "caption",
            "center",
            "dd",
            "details",
            "div",
            "dl",
            "dt",
        ),
        *(
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
        ),
        *(
            "html",
            "li",
            "main",
            "nav",
            "ol",
            "p",
            "pre",
            "section",
            "summary",
            "table",
            "tbody",
            "tfoot",
            "thead",
        ),
        *("tr", "ul"),
    )
)
_SPACED = frozenset(("p", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "table"))

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
_SIGNATURES = re.compile(
    r"(?:^|\s)(?:x_)*(?:gmail_signature|moz-signature|Signature|signature|ms-outlook-mobile-signature)(?:\s|$)"
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BORDER_TOP = re.compile(r"border-top(?:-style|-width)?\s*:\s*[^;]*(?:solid|\dp[tx])", re.IGNORECASE)
_BIG_DATA = re.compile(r"data:[a-z]+/[a-z+.-]+;base64,[A-Za-z0-9+/=\s]{20000,}")

_ANY_TAG = re.compile(r"<[^<>]{0,2000}>")


class _Writer:
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
        text = " ".join(text.split())
        if text:
            self._add(text)
        return bool(text)

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


class _Reader:
    """Receives lxml's events of a document in its order (the "target" interface of its parsers)."""

    __slots__ = ("_hidden", "_open", "_writer")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._writer = _Writer()
        self._open: list[int] = []  # the marks to restore when each open element ends
        self._hidden = 0  # depth inside an element that is not shown

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        writer = self._writer
        self._open.append(writer.marks)
        if self._hidden:
            self._hidden += 1
        elif tag == "br":
            writer.newline()
        elif tag in _SKIPPED or (attributes and _HIDDEN.search(attributes.get("style", ""))):
            self._hidden = 1
        elif tag in _BLOCKS:
            if attributes or tag in ("blockquote", "hr"):
                _mark(writer, tag, attributes)
            writer.block(_gap(tag, attributes))
            if tag == "li":
                writer.written.append("* ")
            elif tag == "pre":
                writer.preformatted += 1
        elif attributes and tag == "span":
            _mark(writer, tag, attributes)
        elif tag == "img":
            writer.written.append(_picture(attributes))

    def end(self, tag: str) -> None:
        writer = self._writer
        before = self._open.pop() if self._open else 0
        if self._hidden:
            self._hidden -= 1
        elif tag in _BLOCKS or writer.marks != before:
            writer.block(1 if tag in _SPACED and tag != "p" else 0)
            writer.marks = before
            if tag == "pre":
                writer.preformatted -= 1
        elif tag in ("td", "th"):
            writer.written.append(" ")

    def data(self, text: str) -> None:
        if not self._hidden:
            self._writer.written.append(text)

    def close(self) -> list[Line]:
        """The lines; the reader is then ready for the next document."""
        writer = self._writer
        writer.block(0)
        self._begin()
        return writer.lines


class _Mine(threading.local):
    """A parser for each thread: making one costs more than reading a short document with it."""

    def __init__(self) -> None:
        self.parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True, target=_Reader())


_MINE = _Mine()


def lines(html: str) -> list[Line]:
    """The lines of text of a document as a reader sees them, hidden text left out."""
    if len(html) > MAX_HTML:
        html = _BIG_DATA.sub("data:,", html)[:MAX_HTML]
    if html.count("<") > MAX_DEPTH and not depth_within(html, MAX_DEPTH):
        html = _ANY_TAG.sub(" ", html)
    try:
        found: list[Line] = etree.fromstring(html.encode("utf-8", "replace"), _MINE.parser)
    except (etree.LxmlError, ValueError):
        _MINE.parser.target.close()
        return [Line(line.strip(), 0) for line in _ANY_TAG.sub(" ", html).split("\n")]
    return found


def _gap(tag: str, attributes: dict[str, str]) -> int:
    """Empty lines around a block. Outlook writes every line as a paragraph without any space around it."""
    return 1 if tag in _SPACED and not attributes.get("class", "").startswith("Mso") else 0


def _mark(writer: _Writer, tag: str, attributes: dict[str, str]) -> None:
    """Note what a quotation looks like in the mark-up of the programs that make them."""
    name = f"{attributes.get('class', '')} {attributes.get('id', '')}"
    if tag == "blockquote":
        known = attributes.get("type") == "cite" or "cite" in attributes
        mark = SOFT if "gmail_quote" in name else CITED if known else QUOTED
    elif tag == "hr":
        writer.once(START if _STARTS.search(name) else RULED)
        return
    else:
        mark = _mark_by_name(name) if len(name) > 1 else 0
        if not mark and _BORDER_TOP.search(attributes.get("style", "")):
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
    if _ATTRIBUTIONS.search(name):
        return ATTRIBUTION
    return SIGNATURE if _SIGNATURES.search(name) else 0


def _picture(attributes: dict[str, str]) -> str:
    """A picture that stands for a letter (an emoji) is its text; others are not."""
    alt = attributes.get("alt", "")
    return alt if 0 < len(alt) <= 4 and not alt.isascii() else ""


def text(html: str) -> str:
    """The text of a document, its lines joined by LF."""
    return "\n".join(line.text for line in lines(html)).strip()


def depth_within(html: str, limit: int) -> bool:
    """Whether elements of a document are nested at most ``limit`` deep, as far as its tags say.

    Tags that never close (``<br>``) count as well, so a long flat document of them may seem deep only if its closing
    tags are missing too.
    """
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[1]:
            depth = max(0, depth - 1)
        elif tag[2].lower() not in _VOID:
            depth += 1
            if depth > limit:
                return False
    return True


_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
_VOID = frozenset(
    ("br", "img", "hr", "meta", "link", "input", "col", "base", "area", "wbr", "p", "li", "td", "tr", "th")
)

_TAGS = {
    *(
        "a",
        "abbr",
        "address",
        "article",
        "aside",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "br",
        "caption",
        "center",
    ),
    *(
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
    ),
    *(
        "figure",
        "font",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
    ),
    *("li", "main", "mark", "nav", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strike"),
    *(
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "tt",
        "u",
    ),
    *("ul", "var", "wbr"),
}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={
        *(
            "script",
            "style",
            "title",
            "head",
            "template",
            "object",
            "applet",
            "embed",
            "iframe",
            "svg",
            "math",
        ),
        *("select", "textarea", "audio", "video", "canvas", "noframes", "noembed", "xmp", "plaintext"),
    },
    attributes={
        "*": {"dir", "lang", "title"},
        "a": {"href"},
        "img": {"src", "alt", "width", "height"},
        "td": {"colspan", "rowspan", "align", "valign"},
        "th": {"colspan", "rowspan", "align", "valign", "scope"},
        "table": {"border", "cellpadding", "cellspacing", "width"},
        "ol": {"start", "type"},
        "font": {"color", "size"},
        "blockquote": {"type"},
        "time": {"datetime"},
        "bdo": {"dir"},
    },
    url_schemes={"http", "https", "mailto", "tel", "cid"},
    link_rel="noopener noreferrer",
    strip_comments=True,
)
_IMAGE = re.compile(r'<img ((?:[^">]|"[^"]*")*)>')
_REMOTE = re.compile(r'(^|")\s*src="(?!cid:)')


def sanitise(html: str) -> str:
    """HTML without anything that runs, styles, posts or loads.

    Pictures elsewhere keep their address in ``data-src``, for a console that loads them on a click; those of the mail
    itself keep ``src="cid:…"``. Links carry ``rel="noopener noreferrer"``. What is nested or large beyond reason comes
    back as its plain text.
    """
    if len(html) > MAX_HTML:
        html = _BIG_DATA.sub("data:,", html)
    if len(html) > MAX_HTML or (html.count("<") > MAX_DEPTH and not depth_within(html, MAX_DEPTH)):
        return as_html(text(html))
    clean = _CLEANER.clean(html)
    return _IMAGE.sub(_without_load, clean) if "<img " in clean else clean


def _without_load(image: re.Match[str]) -> str:
    return f"<img {_REMOTE.sub(lambda found: found[1] + (' ' if found[1] else '') + 'data-src=' + chr(34), image[1])}>"


def as_html(plain: str) -> str:
    """Plain text as HTML that looks the same."""
    return _html.escape(plain).replace("\n", "<br>\n")
