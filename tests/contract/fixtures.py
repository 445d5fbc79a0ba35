"""Reads and writes the wire fixtures of connectors; see :mod:`tests.contract.case`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from connectors.contract import Inbound, Micros, ParseContext
from tests.contract.world import INBOX, Tokens

FOLDER = Path(__file__).parents[1] / "connectors"

NOW = Micros(1_794_328_800_000_000)
"""Tuesday, 10 November 2026, 17:40 in Warsaw: when every fixture was received."""

WRITING = bool(os.environ.get("CENTRALA_WRITE_FIXTURES"))


def context() -> ParseContext:
    """The surroundings of ``parse``, the same for all fixtures."""
    return ParseContext(inbox=INBOX, now=NOW, tokens=Tokens())


def raws(kind: str) -> list[Path]:
    """The raw inputs of a kind, by name."""
    return sorted((FOLDER / kind / "fixtures").glob("*.raw"))


def expected(raw: Path, found: list[Inbound]) -> list[Inbound]:
    """What stands beside a raw input; ``found`` itself, after writing it there, when fixtures are written."""
    path = raw.with_suffix(".json")
    if WRITING:
        path.write_bytes(_pretty([_without_defaults(item) for item in found]))
    return msgspec.json.decode(path.read_bytes(), type=list[Inbound])


def expected_wire(kind: str, name: str, found: bytes) -> bytes:
    """The bytes that a send case must put on the wire."""
    path = FOLDER / kind / "fixtures" / f"{name}.wire"
    if WRITING:
        path.write_bytes(found)
    return path.read_bytes()


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _without_defaults(value: object) -> Any:
    """A struct as plain values, with the fields that say nothing left out."""
    if isinstance(value, (list, tuple)):
        return [_without_defaults(item) for item in value]
    if not isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    plain = {
        field.encode_name: _without_defaults(getattr(value, field.name))
        for field in msgspec.structs.fields(value)
        if field.required or getattr(value, field.name) != field.default
    }
    config = value.__struct_config__
    return {config.tag_field: config.tag, **plain} if config.tag_field else plain
