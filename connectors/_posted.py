"""A posted form as raw bytes, taken apart without a request around it: for ``centrala parse``."""

from __future__ import annotations

import email
import email.policy
from email.message import Message as Part
from urllib.parse import parse_qsl

from connectors.contract import UploadedFile


def posted(raw: bytes) -> tuple[dict[str, str], list[UploadedFile]]:
    """Fields and files of a body, urlencoded or multipart; the boundary of the latter is its first line."""
    return _multipart(raw) if raw.startswith(b"--") else (_urlencoded(raw), [])


def _urlencoded(raw: bytes) -> dict[str, str]:
    return dict(parse_qsl(raw.decode("utf-8", "replace").strip(), keep_blank_values=True))


def _multipart(raw: bytes) -> tuple[dict[str, str], list[UploadedFile]]:
    """RFC 7578: parts with a name, some of them with a file name."""
    boundary = raw.partition(b"\n")[0].strip()[2:].decode("ascii", "replace")
    header = f'Content-Type: multipart/form-data; boundary="{boundary}"\r\n\r\n'.encode()
    whole = email.message_from_bytes(header + raw, policy=email.policy.HTTP)
    fields: dict[str, str] = {}
    files: list[UploadedFile] = []
    for part in whole.iter_parts() if whole.is_multipart() else ():
        _part(part, fields, files)
    return fields, files


def _part(part: Part, fields: dict[str, str], files: list[UploadedFile]) -> None:
    name = str(part.get_param("name", "", header="content-disposition"))
    filename = part.get_filename()
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    if filename is None:
        fields[name] = content.decode("utf-8", "replace")
    else:
        kind = part.get_content_type()
        files.append(UploadedFile(field=name, filename=filename, content_type=kind, content=content))
