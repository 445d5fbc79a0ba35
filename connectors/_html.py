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

import nh3
from lxml import etree  # type: ignore[import-untyped]

from connectors._html_lines import SPACED, Line, Writer, gap_around, mark_element

MAX_HTML = 500_000
"""Longer documents are cut before anything else is done with them (characters)."""

MAX_DEPTH = 1_000
"""Documents nested deeper are shown as their text: the time to sanitise them grows with the square of the depth."""


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SKIPPED = _names("script style head title template object applet svg math select xml")
_BLOCKS = _names(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody tfoot thead tr ul"
)

_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_BIG_DATA = re.compile(r"data:[a-z]+/[a-z+.-]+;base64,[A-Za-z0-9+/=\s]{20000,}")

_ANY_TAG = re.compile(r"<[^<>]{0,2000}>")


class _Reader:
    """Receives lxml's events of a document in its order (the "target" interface of its parsers)."""

    __slots__ = ("_hidden", "_open", "_writer")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._writer = Writer()
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
                mark_element(writer, tag, attributes)
            writer.block(gap_around(tag, attributes))
            if tag == "li":
                writer.written.append("* ")
            elif tag == "pre":
                writer.preformatted += 1
        elif attributes and tag == "span":
            mark_element(writer, tag, attributes)
        elif tag == "img":
            writer.written.append(_picture(attributes))

    def end(self, tag: str) -> None:
        writer = self._writer
        before = self._open.pop() if self._open else 0
        if self._hidden:
            self._hidden -= 1
        elif tag in _BLOCKS or writer.marks != before:
            writer.block(1 if tag in SPACED and tag != "p" else 0)
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


def without_large_data(html: str) -> str:
    """A document that is too long, without the pictures that were written into it."""
    return _BIG_DATA.sub("data:,", html) if len(html) > MAX_HTML else html


def lines(html: str) -> list[Line]:
    """The lines of text of a document as a reader sees them, hidden text left out."""
    html = without_large_data(html)[:MAX_HTML]
    if html.count("<") > MAX_DEPTH and not depth_within(html, MAX_DEPTH):
        html = _ANY_TAG.sub(" ", html)
    try:
        found: list[Line] = etree.fromstring(html.encode("utf-8", "replace"), _MINE.parser)
    except (etree.LxmlError, ValueError):
        _MINE.parser.target.close()
        return [Line(line.strip(), 0) for line in _ANY_TAG.sub(" ", html).split("\n")]
    return found


def _picture(attributes: dict[str, str]) -> str:
    """A picture that stands for a letter (an emoji) is its text; others are not. One sign may be many characters."""
    alt = attributes.get("alt", "")
    short = len(alt) <= 4 or (len(alt) <= 15 and not any(map(str.isalnum, alt)))
    return alt if short and not alt.isascii() else ""


def text(html: str) -> str:
    """The text of a document, its lines joined by LF."""
    return "\n".join(line.text for line in lines(html)).strip()


def depth_within(html: str, limit: int) -> bool:
    """Whether elements of a document are nested at most ``limit`` deep, as far as its tags say.

    Elements that need no closing tag do not count: a parser closes them by itself.
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
_VOID = _names("br img hr meta link input col base area wbr p li td tr th")

_TAGS = _names(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn "
    "div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q "
    "s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
)
_DROPPED = _names(
    "script style title head template object applet embed iframe svg math select textarea audio video canvas noframes "
    "noembed xmp plaintext"
)
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_DROPPED),
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
    url_relative="deny",  # a mail has no place that it could be relative to, but the console
    link_rel="noopener noreferrer",
    strip_comments=True,
)
_IMAGE = re.compile(r'<img ((?:[^">]|"[^"]*")*)>')
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def sanitise(html: str) -> str:
    """HTML without anything that runs, styles, posts or loads.

    Pictures elsewhere keep their address in ``data-src``, for a console that loads them on a click; those of the mail
    itself keep ``src="cid:…"``. Links carry ``rel="noopener noreferrer"``. What is nested or large beyond reason comes
    back as its plain text.
    """
    html = without_large_data(html)
    if len(html) > MAX_HTML or (html.count("<") > MAX_DEPTH and not depth_within(html, MAX_DEPTH)):
        return as_html(text(html))
    clean = _CLEANER.clean(html)
    return _IMAGE.sub(_without_load, clean) if "<img " in clean else clean


def _without_load(image: re.Match[str]) -> str:
    return f"<img {_ATTRIBUTE.sub(_parked, image[1])}>"


def _parked(attribute: re.Match[str]) -> str:
    """The address of a picture elsewhere put where no browser looks for it."""
    remote = attribute[1] == "src" and not attribute[2].lower().startswith("cid:")
    return f"data-{attribute[0]}" if remote else attribute[0]


def as_html(plain: str) -> str:
    """Plain text as HTML that looks the same."""
    return _html.escape(plain).replace("\n", "<br>\n")
