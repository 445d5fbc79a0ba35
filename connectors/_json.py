"""JSON that a provider signed or answered and that is not quite JSON: mended rather than lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


def decoded(decode: Callable[[bytes], T], raw: bytes) -> T:
    """What ``decode`` makes of a body, of one that it cannot read after mending. Raises ValueError, as it does."""
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return decode(mended(raw))


def mended(raw: bytes) -> bytes:
    """An object with half a surrogate pair (a text that was cut within an emoji), broken UTF-8 or numbers that JSON has
    not (NaN), as JSON that can be read. Raises ValueError for everything else."""
    try:
        value = json.loads(raw.decode("utf-8", "replace"), parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
