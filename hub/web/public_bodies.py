"""Reading what strangers send: never more than allowed, never slower than allowed, forms taken apart strictly."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

import msgspec
from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict

from connectors.contract import UploadedFile
from hub.i18n import mark as N_

PARTS = 200
"""Most fields and files of one form."""

PATIENCE = 10.0
"""Seconds that a body may take besides its size at ``SLOWEST`` bytes a second."""

SLOWEST = 8_000
"""Bytes a second: half of what a weak mobile connection gives."""

CHUNK = 65_536

FORMAT = N_("The form came in a format that is not taken here.")
FIELDS = N_("The form has too many fields.")
UNREADABLE = N_("The form cannot be read.")


class TooLarge(Exception):
    """The body is larger than the route takes."""


class TooSlow(Exception):
    """The body did not come in time."""


class Malformed(Exception):
    """The form cannot be taken apart; the text is a msgid."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A form taken apart. Of a field that came several times the values are joined by line breaks."""

    fields: dict[str, str] = {}
    files: tuple[UploadedFile, ...] = ()


class Budget:
    """Bytes of bodies in hand at once: beyond it the next one is asked to come again. Of them one address may have a
    ``share``, or one slow sender could keep everybody else out."""

    def __init__(self, size: int, share: int) -> None:
        self._left = size
        self._share = share
        self._held: Counter[str] = Counter()

    @contextmanager
    def reserve(self, size: int, address: str) -> Iterator[bool]:
        """Whether ``size`` bytes of ``address`` may be read now; given back at the end of the block."""
        granted = size <= self._left and self._held[address] + size <= self._share
        taken = size if granted else 0
        self._left -= taken
        self._held[address] += taken
        try:
            yield granted
        finally:
            self._left += taken
            self._held[address] -= taken
            if not self._held[address]:
                del self._held[address]


async def read_body(request: web.Request, most: int) -> bytes:
    """The body, at most ``most`` bytes. Raises :class:`TooLarge`, before reading where its length is told,
    :class:`TooSlow`, or :class:`Malformed`, also where its sender is gone in the middle of it."""
    try:
        return await _read(request, most)
    except (ConnectionError, HttpProcessingError, web.RequestPayloadError):
        raise Malformed(UNREADABLE) from None


async def _read(request: web.Request, most: int) -> bytes:
    if (request.content_length or 0) > most:
        raise TooLarge
    if request.content.is_eof():  # it came together with the head, as most do
        body = request.content.read_nowait()
        if len(body) > most:
            raise TooLarge
        return body
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PATIENCE + (request.content_length or most) / SLOWEST):
            while chunk := await request.content.read(CHUNK):
                size += len(chunk)
                if size > most:
                    raise TooLarge
                chunks.append(chunk)
    except TimeoutError:
        raise TooSlow from None
    return b"".join(chunks)


async def read_form(content_type: str, body: bytes) -> Form:
    """A form's body by its media type (WHATWG URL, RFC 7578). Raises :class:`Malformed`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return _urlencoded(body)
    if kind == "multipart/form-data":
        return await _multipart(content_type, body)
    raise Malformed(FORMAT)


def _urlencoded(body: bytes) -> Form:
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=PARTS)
    except ValueError:
        raise Malformed(FIELDS) from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        _add(fields, name, value)
    return Form(fields=fields)


def _add(fields: dict[str, str], name: str, value: str) -> None:
    value = value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    fields[name] = f"{fields[name]}\n{value}" if name in fields else value


async def _multipart(content_type: str, body: bytes) -> Form:
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), limit=len(body) + 1, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    fields: dict[str, str] = {}
    files: list[UploadedFile] = []
    try:
        reader = MultipartReader(CIMultiDict({"Content-Type": content_type}), stream)
        count = 0
        while (part := await reader.next()) is not None:
            count += 1
            if count > PARTS:
                raise Malformed(FIELDS)
            if not isinstance(part, BodyPartReader) or not part.name:
                raise Malformed(UNREADABLE)
            await _take(part, fields, files)
    except (ValueError, AssertionError, RuntimeError, LookupError):
        raise Malformed(UNREADABLE) from None
    return Form(fields=fields, files=tuple(files))


async def _take(part: BodyPartReader, fields: dict[str, str], files: list[UploadedFile]) -> None:
    content = bytes(await part.read(decode=False))
    if part.filename is None:
        _add(fields, part.name or "", content.decode("utf-8", "replace"))
    elif part.filename or content:  # an empty file field comes without a name
        kind = part.headers.get("Content-Type", "application/octet-stream")
        files.append(
            UploadedFile(field=part.name or "", filename=part.filename, content_type=kind, content=content)
        )
