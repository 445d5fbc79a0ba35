"""JSON that a provider signed or answered and that is not quite JSON: mended rather than lost."""

from __future__ import annotations

import json


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
