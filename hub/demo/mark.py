"""The mark in a data folder that says that its week is whole."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hub.durable import write_file


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the data folder once its week is whole."""

    at: int
    conversations: int


MARK = "demo.json"


def read_mark(folder: Path) -> Made | None:
    """When the week in a data folder was made; None where there is none, or one that was not finished."""
    path = folder / MARK
    return msgspec.json.decode(path.read_bytes(), type=Made) if path.exists() else None


def write_mark(folder: Path, made: Made) -> None:
    """Say that the week is whole, for good: a torn mark would keep the demo from starting again. Raises OSError."""
    write_file(folder / MARK, msgspec.json.encode(made).decode())
