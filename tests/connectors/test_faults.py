"""An error that nobody foresaw is told by its kind and its place, never by its text."""

from __future__ import annotations

import re

import pytest

from connectors._split import length
from connectors.contract import fault


def caught(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:
        return raised


def test_the_places_in_our_own_code_are_told_the_innermost_first() -> None:
    with pytest.raises(AttributeError) as caught_by:
        length(44051401359)  # type: ignore[arg-type]
    told = fault(caught_by.value)
    assert told["error"] == "AttributeError"
    assert re.fullmatch(r"connectors/_split\.py:\d+ < connectors/_split\.py:\d+", told["where"])


def test_what_others_raise_names_the_kind_alone() -> None:
    assert fault(caught(KeyError("44051401359"))) == {"error": "KeyError"}


def test_of_several_at_once_the_first_is_told() -> None:
    group = ExceptionGroup("both", [caught(ValueError("a")), caught(KeyError("b"))])
    assert fault(caught(group)) == {"error": "ValueError"}
