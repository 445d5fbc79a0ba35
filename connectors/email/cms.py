"""What an S/MIME mail that is one file (``smime.p7m``) holds: the signed mail inside it, or that it is encrypted.

A signed one is a mail in a wrapper that needs no key (RFC 8551, 3.5.2). So the few elements down to its content are
walked, in the encoding that programs really use (BER: lengths that are not told, strings in pieces). Signatures are not
checked, and nothing is said of them. Bounded, and never raising for any bytes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

MAX_STEPS = 200_000
"""Elements that are looked at."""

MAX_DEPTH = 10
"""Strings made of strings made of strings."""

_SIGNED = bytes.fromhex("2a864886f70d010702")
_ENCRYPTED = frozenset(
    (
        bytes.fromhex("2a864886f70d010703"),  # EnvelopedData
        bytes.fromhex("2a864886f70d010706"),  # EncryptedData
        bytes.fromhex("2a864886f70d0109100117"),  # AuthEnvelopedData (RFC 5083)
    )
)

_OBJECT, _STRING, _STRINGS, _SEQUENCE, _CONTENT = 0x06, 0x04, 0x24, 0x30, 0xA0


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """``content`` is the mail inside a signed one; empty where it only carries certificates."""

    kind: Literal["signed", "encrypted", "unknown"]
    content: bytes = b""


class _Odd(ValueError):
    """It is not what RFC 5652 says."""


def read(data: bytes) -> Sealed:
    """What a ContentInfo (RFC 5652, 3) holds. Never raises."""
    walk = _Walk(data)
    try:
        walk.enter(_SEQUENCE)
        kind = walk.primitive(_OBJECT)
        if kind in _ENCRYPTED:
            return Sealed(kind="encrypted")
        if kind != _SIGNED:
            return Sealed(kind="unknown")
        walk.enter(_CONTENT)
        walk.enter(_SEQUENCE)
        walk.skip()  # the version
        walk.skip()  # the digests' algorithms
        walk.enter(_SEQUENCE)
        walk.skip()  # the type of the content
        if walk.at_end():
            return Sealed(kind="signed")
        walk.enter(_CONTENT)
        return Sealed(kind="signed", content=walk.string())
    except _Odd:
        return Sealed(kind="unknown")


class _Walk:
    """A place in BER (X.690). Only downwards: what follows an element that was entered is never asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0
        self._end = len(data)
        self._steps = 0

    def enter(self, tag: int) -> None:
        """Go into the element that begins here."""
        start, length = self._header(tag)
        self._place = start
        if length is not None:
            self._end = min(self._end, start + length)

    def at_end(self) -> bool:
        """Whether the element that was entered last holds nothing more."""
        return self._place >= self._end or self._data.startswith(b"\0\0", self._place)

    def primitive(self, tag: int) -> bytes:
        """The bytes of the element here, and past it."""
        start, length = self._header(tag)
        return self._taken(start, length)

    def skip(self) -> None:
        """Past the element here, however its length is told."""
        depth = 0
        while True:
            if depth and self._data.startswith(b"\0\0", self._place):
                depth -= 1
                self._place += 2
            else:
                start, length = self._header()
                depth += length is None
                self._place = start + (length or 0)
            if not depth:
                return

    def string(self) -> bytes:
        """An octet string, also one in pieces."""
        if self._place < self._end and self._data[self._place] == _STRING:
            return self.primitive(_STRING)
        pieces: list[bytes] = []
        start, length = self._header(_STRINGS)
        self._place = start
        ends = [None if length is None else start + length]
        while ends:
            if ends[-1] is None and self._data.startswith(b"\0\0", self._place):
                self._place += 2
                ends.pop()
            elif ends[-1] == self._place:
                ends.pop()
            elif self._place < self._end and self._data[self._place] == _STRING:
                pieces.append(self.primitive(_STRING))
            elif len(ends) < MAX_DEPTH:
                start, length = self._header(_STRINGS)
                self._place = start
                ends.append(None if length is None else start + length)
            else:
                raise _Odd
        return b"".join(pieces)

    def _taken(self, start: int, length: int | None) -> bytes:
        if length is None or start + length > self._end:
            raise _Odd
        self._place = start + length
        return self._data[start : start + length]

    def _header(self, tag: int | None = None) -> tuple[int, int | None]:
        """(where the content begins, its length or None if that is not told) of the element here."""
        self._steps += 1
        head = self._data[self._place : min(self._end, self._place + 10)]
        if len(head) < 2 or self._steps > MAX_STEPS or (tag is not None and head[0] != tag):
            raise _Odd
        if head[0] & 0x1F == 0x1F:  # a tag of several bytes; there is none on the way
            raise _Odd
        start, length = self._place + 2, head[1]
        if length == 0x80:
            return start, None
        if length & 0x80:
            size = length & 0x7F
            if size > 8 or len(head) < 2 + size:
                raise _Odd
            return start + size, int.from_bytes(head[2 : 2 + size], "big")
        return start, length
