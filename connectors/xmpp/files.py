"""Files in messages: addresses beside a text (XEP-0066) or with what is known of the file (XEP-0447)."""

from __future__ import annotations

import mimetypes
import xml.etree.ElementTree as ET  # nosec: only the type
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from connectors._text import one_line
from connectors.contract import Attachment
from connectors.xmpp.envelope import Envelope
from connectors.xmpp.names import FILE, FILES, OOB, URL_DATA, every, text_of

MOST = 20
"""Most files of one message; further ones stay in its text or its source."""

_LONGEST_URL = 2_000
_PLACES = {f"{FILES}file-sharing", f"{OOB}x"}


def attachments(envelope: Envelope) -> tuple[Attachment, ...]:
    """The files that a message names, each once, by address; nothing is fetched."""
    message = envelope.message
    if not _PLACES & envelope.parts.keys():
        return ()
    found: dict[str, Attachment] = {}
    for shared in every(message, f"{FILES}file-sharing"):
        for url in _addresses(shared):
            found.setdefault(url, _described(shared, url))
    for beside in every(message, f"{OOB}x"):
        url = text_of(beside.find(f"{OOB}url")).strip()
        if is_web(url):
            found.setdefault(url, _attachment(url, "", "", 0))
    return tuple(found.values())[:MOST]


def unusable(envelope: Envelope) -> tuple[str, ...]:
    """Addresses beside the text that nothing is fetched from; people may still want to see them."""
    if f"{OOB}x" not in envelope.parts:
        return ()
    named = (one_line(text_of(beside.find(f"{OOB}url"))) for beside in every(envelope.message, f"{OOB}x"))
    return tuple(url[:_LONGEST_URL] for url in dict.fromkeys(named) if url and not is_web(url))[:MOST]


def is_web(url: str) -> bool:
    """Whether an address can be fetched at all; where it leads is checked when it is."""
    return url.lower().startswith(("https://", "http://")) and len(url) <= _LONGEST_URL and url.isprintable()


def _addresses(shared: ET.Element) -> Iterator[str]:
    """The first usable address: the others are the same file elsewhere."""
    for data in shared.iter(f"{URL_DATA}url-data"):
        url = data.get("target", "").strip()
        if is_web(url):
            yield url
            return


def _described(shared: ET.Element, url: str) -> Attachment:
    about = shared.find(f"{FILE}file")
    if about is None:
        return _attachment(url, "", "", 0)
    size = text_of(about.find(f"{FILE}size"))
    return _attachment(
        url,
        text_of(about.find(f"{FILE}name")),
        text_of(about.find(f"{FILE}media-type")),
        int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0,
    )


def _attachment(url: str, name: str, kind: str, size: int) -> Attachment:
    name = one_line(name)[:200] or _last_part(url)
    kind = one_line(kind)[:100] or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Attachment(filename=name, content_type=kind, size=size, remote=url)


def _last_part(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return "file"
    return one_line(unquote(path.rpartition("/")[2]))[:200] or "file"
