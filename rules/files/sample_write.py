"""Writing the message of a test: facts as the mapping that :mod:`rules.files.sample_reader` reads."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from rules.facts import Facts
from rules.files.sample_reader import AT, MESSAGE

_KEYS: Mapping[str, str] = {field: key for key, field in reversed(tuple(MESSAGE.items()))}
"""For each field of the facts its key: the name that conditions use, where there is one."""


def write_message(facts: Facts) -> dict[str, Any]:
    """``facts`` without what is as it would be anyway."""
    said = {
        name: getattr(facts, name)
        for name in Facts.__struct_fields__
        if getattr(facts, name) != _DEFAULTS[name]
    }
    if "language" in said:
        said["language_confidence"] = facts.language_confidence
    if "sender_address" in said:
        said["sender_kind"] = facts.sender_kind
    made = _moment(said)
    for name, value in said.items():
        made[_KEYS[name]] = _plain(name, value)
    return made


_DEFAULTS = msgspec.structs.asdict(Facts())


def _moment(said: dict[str, Any]) -> dict[str, Any]:
    """Date, time and weekday as one, taken out of ``said``, where they fit together."""
    try:
        day = datetime.date.fromisoformat(said.get("local_date", ""))
    except ValueError:
        return {}
    minutes = said.get("local_minutes", 0)
    if said.get("weekday") != day.isoweekday() or not 0 <= minutes < 1440:
        return {}
    for name in ("local_date", "local_minutes", "weekday"):
        said.pop(name, None)
    return {AT: f"{day.isoformat()}T{minutes // 60:02}:{minutes % 60:02}"}


def _plain(name: str, value: Any) -> Any:
    if name == "attachments":
        return [{"type": kind, "size": size, "name": file} for kind, size, file in value]
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
