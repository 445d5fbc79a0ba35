"""What a mail consists of for its reader: the texts of its body and its attachments, from the tree of its parts.

The best alternative is read (HTML where it has text), texts in a row are read in a row, everything else is an
attachment with a name: calendar invitations, mails inside the mail, parts nobody named. (What lies around a mail,
such as encryption, signatures and winmail.dat, is :mod:`connectors.email.wrapped`'s work.)
"""

from __future__ import annotations

import hashlib
import mimetypes
import re

import msgspec

from connectors import _html
from connectors._text import decode, tidy
from connectors.contract import Attachment
from connectors.email import enriched, headers
from connectors.email.mime import Part, header_of

_BODY_TYPES = frozenset(
    ("text/plain", "text/html", "text/enriched", "text/richtext", "text/x-markdown", "text/markdown")
)
_ENRICHED = ("text/enriched", "text/richtext")
_FIRST_IS_BODY = frozenset(
    ("multipart/related", "multipart/signed", "multipart/report", "multipart/encrypted")
)

_USUAL_NAMES = {
    "message/delivery-status": ("delivery-status", ".txt"),
    "text/delivery-status": ("delivery-status", ".txt"),
    "message/disposition-notification": ("disposition-notification", ".txt"),
    "message/feedback-report": ("feedback-report", ".txt"),
    "text/rfc822-headers": ("headers", ".txt"),
    "text/plain": ("document", ".txt"),
    "text/html": ("document", ".html"),
    "text/rtf": ("document", ".rtf"),
    "text/calendar": ("invitation", ".ics"),
    "application/ics": ("invitation", ".ics"),
    "video/quicktime": ("video", ".mov"),
    "image/jpeg": ("image", ".jpg"),
    "image/jpg": ("image", ".jpg"),
    "image/pjpeg": ("image", ".jpg"),
    "application/ms-tnef": ("winmail", ".dat"),
    "application/pgp-signature": ("signature", ".asc"),
    "application/pkcs7-signature": ("smime", ".p7s"),
    "application/x-pkcs7-signature": ("smime", ".p7s"),
    "application/pkcs7-mime": ("smime", ".p7m"),
    "application/x-pkcs7-mime": ("smime", ".p7m"),
}
"""Names for parts without one, where the type says more than its main word."""

_SAME_TYPES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
"""What telephones and old programs call a picture, to its registered type."""

_NAME_LIKE = re.compile(r"[^@/\\]{1,100}\.[a-z0-9]{2,5}", re.IGNORECASE)
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PATH = re.compile(r"(?:[a-z]:\\|\\\\|/|~/|file:/)", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)
_HTML_BEGINS = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_QUOTE_MARKS = re.compile(r">+")


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """One text of the body: ``html`` says in which language ``text`` is."""

    text: str
    html: bool


class Content(msgspec.Struct, kw_only=True):
    """All texts of the body in order, all attachments in order; why something of it is ``unreadable``, if it is."""

    bodies: list[Body] = []
    attachments: list[Attachment] = []
    unreadable: str = ""


def collect(top: Part) -> Content:
    """The content of a mail. Every part is somewhere in it, but for texts that say the same as another."""
    content = _of(top)
    if not content.bodies and (named := _named_text(top)) is not None:
        content.bodies.append(_body(named))
        digest = hashlib.sha256(named.content()).hexdigest()
        content.attachments = [
            item for item in content.attachments if item.sha256 != digest or not item.filename
        ]
    content.attachments = with_own_names(content.attachments)
    return content


def _of(part: Part) -> Content:
    if part.content_type.startswith("multipart/") and part.parts:
        return _of_multipart(part)
    if _is_body(part):
        return Content(bodies=[_body(part)])
    return Content(attachments=[_attachment(part)])


def _of_multipart(part: Part) -> Content:
    if part.content_type == "multipart/alternative":
        return _best([_of(child) for child in part.parts])
    if part.content_type in _FIRST_IS_BODY:
        root = _root(part)
        content = _of(root)
        content.attachments += [
            _attachment(leaf)
            for child in part.parts
            if child is not root
            for leaf in child.walk()
            if not leaf.parts
        ]
        return content
    content = Content()
    for child in part.parts:
        found = _of(child)
        content.bodies += found.bodies
        content.attachments += found.attachments
    return content


def _root(part: Part) -> Part:
    """The part of a multipart that is its text: the first, unless ``start`` names another (RFC 2387)."""
    start = part.parameter("start")
    if start:
        for child in part.parts:
            if child.field("content-id").decode("ascii", "replace").strip() == start.strip():
                return child
    return part.parts[0]


def _best(alternatives: list[Content]) -> Content:
    """One alternative's texts and everybody's attachments: the last HTML that has words, else the last text, else the
    last that has anything, such as a picture alone."""
    best = max(reversed(alternatives), key=lambda content: _worth(content.bodies))
    attachments = [attachment for content in alternatives for attachment in content.attachments]
    return Content(bodies=list(best.bodies), attachments=attachments)


def _worth(bodies: list[Body]) -> int:
    if any(body.html and has_words(body.text) for body in bodies):
        return 3
    if any(not body.html and body.text.strip() for body in bodies):
        return 2
    return int(any(body.text.strip() for body in bodies))


_VISIBLE = re.compile(r">[^<>&]*[^<>\s&]")


def has_words(html: str) -> bool:
    """Whether HTML shows any word. A quick look first; the whole document only if that finds nothing."""
    body = html.lower().find("<body")
    if _VISIBLE.search(html, max(0, body), max(0, body) + 5_000):
        return True
    return any(line.text for line in _html.lines(html))


def _is_body(part: Part) -> bool:
    if part.content_type not in _BODY_TYPES and not part.content_type.startswith("multipart/"):
        return False
    word, parameters = part.disposition
    return word != "attachment" and not parameters.get("filename") and not part.parameter("name")


def _named_text(top: Part) -> Part | None:
    """The first text of a mail all of whose texts have file names: some programs name the body."""
    for part in top.walk():
        if part.content_type in ("text/plain", "text/html") and not part.parts:
            return part if part.disposition[0] != "attachment" else None
    return None


def _body(part: Part) -> Body:
    data = part.content()
    declared = part.charset
    if not declared and part.content_type == "text/html":
        declared = declared_in_html(data)
    text = tidy(decode(data, declared))
    if part.content_type in _ENRICHED:
        text = enriched.plain(text, old=part.content_type == "text/richtext")
    if part.parameter("format").lower() == "flowed" and part.content_type == "text/plain":
        text = _unflowed(text, part.parameter("delsp").lower() == "yes")
    # Scripts of web sites send HTML and forget to say so.
    forgotten = not part.field("content-type") and _HTML_BEGINS.match(text) is not None
    return Body(text=text, html=part.content_type == "text/html" or forgotten)


def declared_in_html(data: bytes) -> str:
    """The charset that HTML says it is in; empty if it says nothing."""
    found = _META_CHARSET.search(data[:4_000])
    return found[1].decode("ascii", "replace") if found else ""


def _unflowed(text: str, without_space: bool) -> str:
    """Paragraphs of ``format=flowed`` (RFC 3676) put together again; lines of different quotation stay apart."""
    out: list[list[str]] = []
    depth = -1
    for line in text.split("\n"):
        marks = _QUOTE_MARKS.match(line)
        deep = len(marks[0]) if marks else 0
        content = line[deep:].removeprefix(" ")
        soft = content.endswith(" ") and content != "-- "
        if deep == depth and content != "-- ":
            out[-1].append(content)
        else:
            out.append([">" * deep + (" " if deep and content else ""), content])
        if soft and without_space:
            out[-1][-1] = content[:-1]
        depth = deep if soft else -1
    return "\n".join("".join(pieces) for pieces in out)


def _attachment(part: Part) -> Attachment:
    content = part.content()
    content_id = decode(part.field("content-id")).strip().removeprefix("<").removesuffix(">")
    return Attachment(
        filename=_filename(part, content),
        content_type=_SAME_TYPES.get(part.content_type, part.content_type),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        content_id=content_id[:200],
    )


def _filename(part: Part, content: bytes) -> str:
    """What the sender calls a part; else what it calls itself; else what its type suggests."""
    for given in (part.disposition[1].get("filename", ""), part.parameter("name")):
        if name := clean_filename(given):
            # What only a Macintosh wants to know of a file bears the file's own name (RFC 1740).
            return f"._{name}"[:255] if part.content_type == "application/applefile" else name
    location = headers.text(part.field("content-location"))
    if _NAME_LIKE.fullmatch(location):
        return clean_filename(location)
    if part.content_type in ("message/rfc822", "message/global"):
        subject = headers.text(header_of(content[:100_000]).field("subject"))
        described = subject or headers.text(part.field("content-description")) or "message"
        return clean_filename(f"{described.replace('/', '_')[:200]}.eml")
    identified = decode(part.field("content-id")).strip("<> ").partition("@")[0]
    if _NAME_LIKE.fullmatch(identified) and not identified.replace(".", "").isdigit():
        return clean_filename(identified)
    return _suggested(part, identified)


def _suggested(part: Part, identified: str) -> str:
    main = part.content_type.partition("/")[0]
    stem, extension = _USUAL_NAMES.get(part.content_type, ("", ""))
    if not stem and main in ("image", "audio", "video", "text"):
        stem, extension = main, mimetypes.guess_extension(part.content_type) or ""
    described = clean_filename(headers.text(part.field("content-description")))
    if stem:
        return f"{described[:200] or stem}{extension}"
    return (
        described or clean_filename(identified) or f"file{mimetypes.guess_extension(part.content_type) or ''}"
    )


def clean_filename(name: str) -> str:
    """A name that is data for people: no folders, no marks that turn the reading direction, at most 255 characters."""
    name = _BIDI.sub("", name).strip()
    if _PATH.match(name):
        name = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return name.replace("/", "_").replace("\\", "_")[-255:]


def with_own_names(attachments: list[Attachment]) -> list[Attachment]:
    """The same attachments, those with a name that another had before numbered."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    out: list[Attachment] = []
    for attachment in attachments:
        name = attachment.filename
        stem, dot, extension = name.partition(".")
        while name in taken:
            counts[attachment.filename] = counts.get(attachment.filename, 0) + 1
            name = f"{stem}{counts[attachment.filename]}{dot}{extension}"
        taken.add(name)
        out.append(
            attachment if name == attachment.filename else msgspec.structs.replace(attachment, filename=name)
        )
    return out
