"""Originals and files of a conversation: mail HTML in a frame of its own, pictures, downloads, the raw source."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any
from urllib.parse import quote, unquote

import nh3
from aiohttp import web
from sqlalchemy import Row

from connectors.contract import BlobId
from hub.desk import view
from hub.scope import NotFound
from hub.web.desk import Desk, desk_of, number_of, scope_of
from hub.web.forms import Form, read_query
from hub.web.render import render

FRAME_RULES = (
    "body{font:14px/1.45 system-ui,sans-serif;margin:0;padding:12px;color:#191d1b;background:#fff;"
    "overflow-wrap:anywhere}img{max-width:100%;height:auto}"
)
"""All the style that there is: none comes from a mail (it could read and tell what stands beside it)."""

FRAME_STYLE = (
    "<!doctype html><meta charset='utf-8'><meta name='referrer' content='no-referrer'><base target='_blank'>"
    f"<style>{FRAME_RULES}</style>"
)

FRAME_CSP = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(FRAME_RULES.encode()).digest()).decode()}'; "
    "img-src data:{remote}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Mail HTML is shown in a frame of an origin of its own without scripts. Remote images need a click."""

_PARKED = re.compile(r"(<img\b[^>]*?\s)data-src=", re.IGNORECASE)
"""Where the address of a picture elsewhere was put when the mail came in."""

_CID = re.compile(r"""(\ssrc\s*=\s*["'])cid:([^"']+)(["'])""", re.IGNORECASE)
_REMOTE = re.compile(r"""<img[^>]+src\s*=\s*["']?\s*(?:https?:)?//""", re.IGNORECASE)

_TAGS = nh3.ALLOWED_TAGS | {"font", "u", "big"}
_ATTRIBUTES = {
    **{tag: set(found) for tag, found in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {
        "dir",
        "align",
        "lang",
        "title",
        "width",
        "height",
        "bgcolor",
        "color",
        "valign",
        "border",
    },
}

INLINE_BYTES = 5_000_000
"""Most bytes of inline pictures that a frame carries with it: it has no session and can fetch none itself."""


def framed(html: str, inline: Mapping[str, str], *, remote: bool) -> str:
    """A mail's HTML for its frame: cleaned once more, inline pictures put in as ``data:``, links opening outside."""

    def own(match: re.Match[str]) -> str:
        name = unescape(match[2]).strip("<>")
        return f"{match[1]}{inline.get(name) or inline.get(unquote(name), '')}{match[3]}"

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        address = value.strip().lower()
        if attribute == "href" and address.startswith("data:"):
            return None
        if tag == "img" and attribute == "src" and not address.startswith("data:image/"):
            if address.startswith("http:"):  # what the frame may load is asked for under cover only
                value = f"https:{value.strip()[5:]}"
            return value if remote and value.lower().startswith("https:") else None
        return value

    clean = nh3.clean(
        _CID.sub(own, _PARKED.sub(r"\1src=", html) if remote else html),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=allowed,
        url_schemes={"http", "https", "mailto", "tel", "data"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )
    return FRAME_STYLE + clean


def has_remote_images(html: str | None) -> bool:
    """Whether showing them would ask another server for something."""
    return bool(html and _REMOTE.search(html))


class Frame(Form, frozen=True, kw_only=True):
    images: bool = False


async def mail_frame(request: web.Request) -> web.StreamResponse:
    """The HTML of one message, for its sandboxed frame."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, Frame)
    number = number_of(request)
    entry = await desk.store.read(lambda tx: view.entry(tx, scope, number))
    if not entry.row.html:
        raise NotFound("html")
    policy = FRAME_CSP.format(remote=" https:" if asked.images else "")
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    body = framed(entry.row.html, await _inline(desk, entry.files), remote=asked.images)
    return web.Response(text=body, content_type="text/html", headers=headers)


async def _inline(desk: Desk, files: Sequence[Row[Any]]) -> dict[str, str]:
    """Inline pictures of a message by their Content-ID, as ``data:`` addresses."""
    found: dict[str, str] = {}
    left = INLINE_BYTES
    for file in files:
        name = file.content_id.strip("<>")
        if name and file.content_type in PREVIEWS and file.size <= left:
            left -= file.size
            content = base64.b64encode(await _bytes(desk, file)).decode()
            found[name] = f"data:{file.content_type};base64,{content}"
    return found


PREVIEWS = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Types that the browser may show itself: pictures that hold no script."""


async def _bytes(desk: Desk, row: Row[Any]) -> bytes:
    if row.blob is None:
        raise NotFound("file")
    try:
        return await desk.blobs.get(BlobId(row.blob))
    except KeyError:
        raise NotFound("file") from None


async def download(request: web.Request) -> web.StreamResponse:
    """A file, always as a download under its own name."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    row = await desk.store.read(lambda tx: view.file_of(tx, scope, number))
    content = await _bytes(desk, row)
    return web.Response(body=content, headers=attachment_headers(row.filename, row.content_type))


async def image(request: web.Request) -> web.StreamResponse:
    """A picture shown in the page."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    row = await desk.store.read(lambda tx: view.file_of(tx, scope, number))
    if row.content_type not in PREVIEWS:
        raise NotFound("picture")
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Type": row.content_type}
    return web.Response(body=await _bytes(desk, row), headers=headers)


def attachment_headers(filename: str, content_type: str) -> dict[str, str]:
    """Headers of a download; the name is data and cannot leave its place (RFC 6266, RFC 8187)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", filename) or "file"
    kind = content_type if re.fullmatch(r"[\w.+-]+/[\w.+-]+", content_type) else "application/octet-stream"
    risky = kind.startswith("text/html") or "xml" in kind or "svg" in kind or "script" in kind
    return {
        "Content-Type": "application/octet-stream" if risky else kind,
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


async def source(request: web.Request) -> web.StreamResponse:
    """The original of a message as the wire brought it."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    row = await desk.store.read(lambda tx: view.raw_of(tx, scope, number))
    content = row.content if row.content is not None else await _bytes(desk, row)
    if "download" in request.query:
        return web.Response(body=content, headers=attachment_headers(f"{number}.eml", "message/rfc822"))
    text = content[:SOURCE_SHOWN].decode("utf-8", "replace")
    return render(
        request, "inbox/source.html", text=text, size_=len(content), number=number, cut=SOURCE_SHOWN
    )


SOURCE_SHOWN = 500_000
"""Bytes of an original that a page shows; the whole of it can be downloaded."""


ROUTES = [
    web.get("/messages/{id}/html", mail_frame),
    web.get("/messages/{id}/source", source),
    web.get("/files/{id}", download),
    web.get("/files/{id}/image", image),
]
