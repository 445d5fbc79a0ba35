"""Pictures inside the text of a mail: those that came as parts of their own, and those written into its HTML."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from html import unescape
from urllib.parse import unquote

import msgspec

from connectors.contract import Attachment

SHOWN_TYPES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
"""What can be shown inside a text."""

MAX_PICTURES = 300
"""Places of one text at which pictures written into it are looked for."""

_CID = re.compile(r'\ssrc="cid:([^"]{1,400})"', re.IGNORECASE)
_WRITTEN_IN = re.compile(
    r"""(<img\b[^<>]{0,2000}?\ssrc\s{0,20}=\s{0,20})(["'])data:image/(png|jpe?g|gif|webp)(?:;[\w=-]{1,50}){0,5}?;base64,""",
    re.IGNORECASE,
)


def placed(attachments: Sequence[Attachment], html: str) -> tuple[Attachment, ...]:
    """The same attachments, those that the sanitised text shows inside itself marked so.

    What the sender says of a file (``Content-Disposition: inline``) is no sign: Apple's programs say it of every one.
    """
    named = {unescape(found) for found in _CID.findall(html)}
    shown = named | {unquote(name) for name in named}
    return tuple(
        msgspec.structs.replace(item, inline=True)
        if item.content_id in shown and item.content_type in SHOWN_TYPES
        else item
        for item in attachments
    )


def taken_out(html: str, attachments: list[Attachment]) -> str:
    """The text with the pictures that were written into it (``data:``) made attachments, which it refers to."""
    if "data:image/" not in html:
        return html
    made: dict[str, Attachment] = {}
    pieces: list[str] = []
    place = 0
    # The bytes are jumped over: an expression takes seconds for a large picture, and keeps everything waiting.
    for _ in range(MAX_PICTURES):
        found = _WRITTEN_IN.search(html, place)
        end = html.find(found[2], found.end()) if found else -1
        if found is None or end < 0:
            break
        if picture := _picture(found[3].lower(), html[found.end() : end], len(made) + 1):
            picture = made.setdefault(picture.sha256, picture)
            pieces += [html[place : found.end(1)], f'"cid:{picture.content_id}"']
        else:
            pieces.append(html[place : end + 1])
        place = end + 1
    attachments.extend(made.values())
    return "".join([*pieces, html[place:]])


def _picture(kind: str, data: str, number: int) -> Attachment | None:
    try:
        content = binascii.a2b_base64(data)
    except ValueError:  # of binascii: no base64, or not even ASCII
        content = b""
    if not content:
        return None
    kind = "jpeg" if kind == "jpg" else kind
    digest = hashlib.sha256(content).hexdigest()
    return Attachment(
        filename=f"picture-{number}.{kind}",
        content_type=f"image/{kind}",
        size=len(content),
        sha256=digest,
        content=content,
        content_id=f"{digest[:32]}@data",
    )
