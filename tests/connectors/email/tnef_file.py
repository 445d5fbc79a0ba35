"""``winmail.dat`` as Outlook writes it (MS-OXTNEF), piece by piece."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def attribute(number: int, value: bytes, *, level: int = 2) -> bytes:
    return struct.pack("<BII", level, number, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def package(*attributes: bytes) -> bytes:
    codepage = attribute(0x00069007, struct.pack("<II", 1250, 0), level=1)
    kind = attribute(0x00078008, b"IPM.Microsoft Mail.Note\0", level=1)
    return b"\x78\x9f\x3e\x22\x01\0" + codepage + kind + b"".join(attributes)


def properties(values: Sequence[tuple[int, int, bytes]]) -> bytes:
    """(id, type, value) each; between them what real ones have, too: a flag, a time, names of their own."""
    out = [struct.pack("<I", len(values) + 3)]
    out.append(struct.pack("<HHI", 0x0B, 0x0E1B, 1))
    out.append(struct.pack("<HH16sII", 0x03, 0x8001, b"\1" * 16, 0, 0x8554) + b"\0" * 4)
    out.append(struct.pack("<HH16sII6s2xI", 0x1E, 0x8002, b"\2" * 16, 1, 6, "ab\0".encode("utf-16-le"), 1))
    out[-1] += struct.pack("<I4s", 3, b"x\0")
    for name, kind, value in values:
        out.append(struct.pack("<HH", kind, name))
        if kind == 3:
            out.append(value)
        else:
            if name >= 0x8000:
                out.append(struct.pack("<16sII", b"\3" * 16, 0, 1))
            out.append(struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4))
    return b"".join(out)


def with_text(name: int, value: bytes, *, unicode: bool = False) -> bytes:
    return attribute(0x00069003, properties([(name, 0x1F if unicode else 0x102, value)]), level=1)


def with_file(title: str, content: bytes | None, *, long: str = "", method: int = 1) -> bytes:
    known = [(0x3705, 3, struct.pack("<I", method))]
    if long:
        known.append((0x3707, 0x1F, f"{long}\0".encode("utf-16-le")))
    if content is None:
        known.append((0x3701, 0x0D, b"\4" * 16 + package()))
    return b"".join(
        (
            attribute(0x00069002, b"\1\0" + b"\0" * 12),
            attribute(0x00018010, f"{title}\0".encode("cp1250")),
            attribute(0x0006800F, content) if content is not None else b"",
            attribute(0x00069005, properties(known)),
        )
    )
