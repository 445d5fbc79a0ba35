"""Files that people send through a page: what they really are by their content, and whether they may come in.

A name and a content type from a browser are claims. Content decides; the name only tells formats apart that share a
container (a .docx and an .odt are both zip files). Names are data for people and never a path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import msgspec

from connectors._i18n import N_
from connectors.contract import Attachment, Blobs, UploadedFile

INLINE = 65_536
"""Bytes up to which content travels within the message; larger content becomes a blob first."""

DOCUMENTS = (
    "application/pdf",
    "image/jpeg",
    "image/png",
    "image/heic",
    "text/plain",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.oasis.opendocument.text",
)
"""What people send to an office, and nothing that runs."""


class Room(Protocol):
    """The settings that files are held against; sizes in bytes, types as :func:`content_type` gives them."""

    @property
    def max_files(self) -> int: ...
    @property
    def max_file_bytes(self) -> int: ...
    @property
    def max_bytes(self) -> int: ...
    @property
    def file_types(self) -> tuple[str, ...]: ...


_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)

_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_ZIPPED = {
    "docx": f"{_OPEN_XML}.wordprocessingml.document",
    "xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    "pptx": f"{_OPEN_XML}.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
_OLE = {"doc": "application/msword", "xls": "application/vnd.ms-excel"}
_TEXTS = {"txt": "text/plain", "csv": "text/csv"}

UNKNOWN = "application/octet-stream"


class BadFile(ValueError):
    """A file that may not come in; ``reason`` is a msgid, ``details`` its placeholders."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A file that passed."""

    filename: str
    content_type: str
    content: bytes
    sha256: str


def content_type(filename: str, content: bytes) -> str:
    """What the file is; ``application/octet-stream`` for what is none of the known formats."""
    extension = filename.rpartition(".")[2].lower()
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return "image/heic"
    if content.startswith(b"PK\x03\x04"):
        return _ZIPPED.get(extension, "application/zip")
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _OLE.get(extension, UNKNOWN)
    return _TEXTS.get(extension, UNKNOWN) if _is_text(content) else UNKNOWN


def _is_text(content: bytes) -> bool:
    """Text in UTF-8, UTF-16 with a mark, or one of the eight-bit encodings that Polish machines write."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not any(byte < 9 or 13 < byte < 27 for byte in content)


def take(files: Sequence[UploadedFile], settings: Room) -> list[Taken]:
    """The files that were really chosen (a browser sends an empty part for none). Raises :class:`BadFile`."""
    taken = [_one(file, settings) for file in files if file.filename or file.content]
    fit(taken, settings)
    return taken


def fit(files: Sequence[Taken], settings: Room) -> None:
    """Raises :class:`BadFile` where the files of one message are too many, or too much together."""
    if len(files) > settings.max_files:
        raise BadFile(N_("Attached files: at most {n}."), n=settings.max_files)
    if sum(len(file.content) for file in files) > settings.max_bytes:
        raise BadFile(N_("Together the files may have at most {limit}."), limit=size(settings.max_bytes))


def _one(file: UploadedFile, settings: Room) -> Taken:
    name = clean_name(file.filename)
    if not file.content:
        raise BadFile(N_("The file {name} is empty."), name=name)
    if len(file.content) > settings.max_file_bytes:
        raise BadFile(
            N_("The file {name} is too large; at most {limit}."),
            name=name,
            limit=size(settings.max_file_bytes),
        )
    kind = content_type(name, file.content)
    if kind not in settings.file_types:
        raise BadFile(
            N_("Files like {name} are not accepted. Send a PDF, a picture or a document."), name=name
        )
    digest = hashlib.sha256(file.content).hexdigest()
    return Taken(filename=name, content_type=kind, content=file.content, sha256=digest)


def clean_name(filename: str) -> str:
    """The last part of a name, without characters that steer a display or a path, at most 150 characters."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    visible = "".join(char for char in last if char.isprintable())
    return visible.strip(". ")[-150:] or "plik"


def size(count: int) -> str:
    """Bytes for people: ``10 MB``."""
    return f"{count // 1_000_000} MB" if count >= 1_000_000 else f"{max(count // 1000, 1)} kB"


def attachment(file: Taken) -> Attachment:
    """A file as part of a message, whatever its size: for ``centrala parse``, which keeps nothing."""
    return Attachment(
        filename=file.filename,
        content_type=file.content_type,
        size=len(file.content),
        sha256=file.sha256,
        content=file.content,
    )


async def stored(file: Taken, blobs: Blobs) -> Attachment:
    """A file as part of a message: a large one is durable before the message that refers to it."""
    found = attachment(file)
    if len(file.content) <= INLINE:
        return found
    return msgspec.structs.replace(found, content=None, blob=await blobs.put(file.content))
