"""Requests, answers and routes, as connectors see them; the hub serves them and enforces what they declare."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Literal

import msgspec


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a submitted form."""

    field: str
    filename: str
    content_type: str
    content: bytes


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request as a route's handler gets it: size, limits and origin are already checked.

    ``fields`` and ``files`` are filled for form posts; ``cookies`` and ``headers`` have lower-case names.
    ``query_string`` is what stands after the question mark, byte for byte, for what must be checked or is not UTF-8.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes
    remote: str
    language: str
    fields: Mapping[str, str] = {}
    files: tuple[UploadedFile, ...] = ()
    query_string: str = ""


class SetCookie(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie to set; always HttpOnly, Secure where the site is https.

    ``framed``: it comes back in a frame on another site's page too, where it is kept for that site alone (Partitioned,
    CHIPS). Browsers want https for that; on plain http it is an ordinary one.
    """

    name: str
    value: str
    max_age: int
    path: str = "/"
    framed: bool = False


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer. ``stream`` instead of ``body`` for server-sent events."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = {}
    cookies: tuple[SetCookie, ...] = ()
    stream: AsyncIterator[bytes] | None = None


Handler = Callable[[Request], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A path that a connector serves; the hub mounts it and enforces what it declares.

    ``path`` may hold ``{name}`` parts. ``max_body`` in bytes; ``per_address`` and ``per_site`` are limits in the
    notation ``"20/minute"`` (empty: none); ``origins`` that may call it from another site's page, or frame it when
    ``embeddable``.
    ``form``: the hub parses urlencoded and multipart bodies before calling. ``streams``: the answer stays open, so it
    counts among open streams (``at_once`` of one address) and not among requests in hand.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    max_body: int = 1_000_000
    per_address: str = ""
    per_site: str = ""
    origins: tuple[str, ...] = ()
    embeddable: bool = False
    form: bool = False
    streams: bool = False
    at_once: int = 20
