"""Multipart bodies (RFC 7578) for the files that we send to the Graph API. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping

from connectors.contract import OutAttachment


def multipart(
    fields: Mapping[str, str], name: str, file: OutAttachment, draw: random.Random
) -> tuple[bytes, str]:
    """The body with ``fields`` and a file under ``name``, and its content type."""
    boundary = f"centrala{draw.getrandbits(128):032x}"
    lines: list[bytes] = []
    for key, value in fields.items():
        lines += [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()]
    shown = _quoted(file.filename)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{shown}"\r\n'
        f"Content-Type: {_one_line(file.content_type)}\r\n\r\n"
    )
    body = b"".join(lines) + head.encode() + file.content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    """A file name in a header: escaped as browsers do it (HTML, 4.10.22.8), cut to what file systems take."""
    return name[-150:].replace("\r", " ").replace("\n", " ").replace('"', "%22") or "file"


def _one_line(value: str) -> str:
    return "".join(char for char in value if char.isprintable()) or "application/octet-stream"
