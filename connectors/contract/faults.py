"""What a log may hold of an error that nobody foresaw."""

from __future__ import annotations

import traceback
from pathlib import Path

_ROOT = f"{Path(__file__).parents[2]}/"
_OURS = ("hub/", "connectors/", "rules/")
_SHOWN = 3


def fault(error: BaseException) -> dict[str, str]:
    """The kind of an error, and ``where`` it came up in our own code, the innermost place first; never its text, which
    may quote what a person wrote. Of several at once the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    places = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = frame.f_code.co_filename.removeprefix(_ROOT)
        if path.startswith(_OURS):
            places.append(f"{path}:{line}")
    return {"error": type(error).__name__} | (
        {"where": " < ".join(places[: -_SHOWN - 1 : -1])} if places else {}
    )
