"""Finding the secrets of a configuration, wherever in it they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from connectors.contract import Secret


def secrets_in(part: object) -> Iterator[Secret]:
    """All secrets in a part of a configuration and what lies within it."""
    if isinstance(part, Secret):
        yield part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from secrets_in(getattr(part, name))
    elif isinstance(part, Mapping):
        for inner in part.values():
            yield from secrets_in(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from secrets_in(inner)
