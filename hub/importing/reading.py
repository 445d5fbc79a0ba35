"""Exports of comments as values: WordPress (WXR 1.1 and 1.2, an RSS 2.0 file) and Disqus (its XML export).

Both are read by the local names of their elements, because the namespaces bear versions. Network addresses and mail
addresses of authors are left out: of an address only its hash is kept, which tells whose comments belong together.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from lxml import etree  # type: ignore[import-untyped]

from connectors import _html
from connectors._text import one_line, tidy
from hub.calendar import moment

By = Literal["id", "link"]
"""What names an article: its id in the export, or its address."""

LONGEST = 20_000
"""Characters of a comment that are taken."""


NOBODY = "–"
"""Shown as the name of who gave none."""


class BadExport(Exception):
    """The file is no such export; the text is a sentence."""


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """One comment. ``key`` and ``parent`` are ids within the export; ``author`` tells authors apart; ``at`` in
    microseconds UTC; ``waits``: it was not approved yet."""

    key: str
    article: str
    title: str
    url: str
    author: str
    name: str
    text: str
    at: int
    parent: str = ""
    waits: bool = False


Reader = Callable[[Any, By], Iterator[Comment]]


def read(path: Path, kind: Literal["wxr", "disqus"], by: By) -> list[Comment]:
    """The comments of an export that people may see or that wait for approval, the oldest first.

    Raises BadExport, OSError.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(path.read_bytes(), parser)
    except etree.XMLSyntaxError as error:
        raise BadExport(f"{path} is no XML: {error.msg}.") from error
    if root.getroottree().docinfo.doctype:
        raise BadExport(f"{path} declares a document type, which no export does.")
    wanted, reader = _KINDS[kind]
    if _local(root) != wanted:
        raise BadExport(f"{path} is no {kind} export: it begins with <{_local(root)}>, not with <{wanted}>.")
    return sorted(reader(root, by), key=lambda comment: (comment.at, comment.key))


def _local(element: Any) -> str:
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


def _fields(element: Any) -> dict[str, str]:
    """Texts of the children by local name; of several the first."""
    found: dict[str, str] = {}
    for child in element:
        found.setdefault(_local(child), (child.text or "").strip())
    return found


def _wxr(root: Any, by: By) -> Iterator[Comment]:
    for item in root.iter("item"):
        place = _fields(item)
        article = place.get("post_id", "") if by == "id" else place.get("link", "")
        for element in item:
            if _local(element) == "comment" and article:
                yield from _of_wxr(_fields(element), article, place)


def _of_wxr(fields: Mapping[str, str], article: str, place: Mapping[str, str]) -> Iterator[Comment]:
    approved = fields.get("comment_approved", "")
    at = _moment(fields.get("comment_date_gmt", ""), "%Y-%m-%d %H:%M:%S")
    text = _text(fields.get("comment_content", ""))
    if (
        approved not in ("0", "1")
        or fields.get("comment_type", "") not in ("", "comment")
        or at is None
        or not text
    ):
        return
    key, parent = fields.get("comment_id", ""), fields.get("comment_parent", "0")
    yield Comment(
        key=key,
        article=article,
        title=one_line(place.get("title", "")),
        url=place.get("link", ""),
        author=_author(fields.get("comment_author_email", ""), key),
        name=one_line(fields.get("comment_author", ""))[:100] or NOBODY,
        text=text,
        at=at,
        parent="" if parent == "0" else parent,
        waits=approved == "0",
    )


def _disqus(root: Any, by: By) -> Iterator[Comment]:
    threads: dict[str, dict[str, str]] = {}
    for element in root:
        if _local(element) == "thread":
            threads[_id(element)] = _fields(element)
        elif _local(element) == "post":
            yield from _of_disqus(element, threads, by)


def _of_disqus(element: Any, threads: Mapping[str, Mapping[str, str]], by: By) -> Iterator[Comment]:
    fields = _fields(element)
    near = {_local(child): child for child in element}
    place = threads.get(_id(near["thread"]), {}) if "thread" in near else {}
    article = place.get(by, "") or place.get("link", "")
    at, text = _moment(fields.get("createdAt", ""), "%Y-%m-%dT%H:%M:%SZ"), _text(fields.get("message", ""))
    gone = "true" in (fields.get("isDeleted", ""), fields.get("isSpam", ""))
    if gone or not article or at is None or not text:
        return
    who = _fields(near["author"]) if "author" in near else {}
    yield Comment(
        key=_id(element),
        article=article,
        title=one_line(place.get("title", "")),
        url=place.get("link", ""),
        author=_author(who.get("username", "") or who.get("email", ""), _id(element)),
        name=one_line(who.get("name", ""))[:100] or NOBODY,
        text=text,
        at=at,
        parent=_id(near["parent"]) if "parent" in near else "",
        waits=fields.get("isApproved", "true") == "false",
    )


_KINDS: Mapping[str, tuple[str, Reader]] = {"wxr": ("rss", _wxr), "disqus": ("disqus", _disqus)}


def _id(element: Any) -> str:
    """The attribute ``dsq:id``, whatever its namespace is called."""
    return next(
        (str(value) for name, value in element.attrib.items() if etree.QName(name).localname == "id"), ""
    )


def _author(known_by: str, comment: str) -> str:
    """A name for an author in which no address can be read; one who gave none is nobody else's author."""
    return hashlib.sha256(f"{known_by.strip().lower() or comment}".encode()).hexdigest()[:40]


def _text(html: str) -> str:
    return tidy(_html.text(html.replace("\n", "<br>") if "<p" not in html else html))[:LONGEST]


def _moment(text: str, form: str) -> int | None:
    try:
        found = dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return moment(found)
