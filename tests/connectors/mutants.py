"""Bodies that a provider might send one day: its own fixtures with one value changed into something else."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "0", "x" * 600, "\x00", "2026-13-45T99:99:99Z"])
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), SCALARS, max_size=3)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    found = [here] if here else []
    if isinstance(value, dict):
        found += [path for key, inner in value.items() for path in paths(inner, (*here, key))]
    elif isinstance(value, list):
        found += [path for index, inner in enumerate(value) for path in paths(inner, (*here, index))]
    return found


def mutants(folder: Path) -> st.SearchStrategy[bytes]:
    """Fixtures of a folder with one to three values replaced or missing."""
    bodies = [json.loads(file.read_bytes()) for file in sorted(folder.glob("*.raw"))]
    places = [(body, path) for body in bodies for path in paths(body)]

    @st.composite
    def mutant(draw: st.DrawFn) -> bytes:
        body, first = draw(st.sampled_from(places))
        body = copy.deepcopy(body)
        for path in [first, *draw(st.lists(st.sampled_from(paths(body)), max_size=2))]:
            _replace(body, path, draw(VALUES), missing=draw(st.booleans()))
        return json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")

    return mutant()


def _replace(body: Any, path: tuple[Any, ...], value: Any, *, missing: bool) -> None:
    for step in path[:-1]:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return
    try:
        if missing:
            del body[path[-1]]
        else:
            body[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return
