"""Every key of a TOML text is found on its line, whatever the text looks like."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.toml_lines import Path, lines

TEXT = '''\
# a comment
title = "x = [1]"  # another = 1
"quoted \\u0105 key" = 'a # b'
a.b."c.d" = 1

[table]
long = """
not = "a key"
[nor a table]
\\""" still in """
list = [
  1, # one
  [2, 3],
  { x = 1, y = [ { z = 2 } ] },
]
raw = \'\'\'
c:\\path = \'\'\'

[[items]]
name = "first"
[items.settings]
port = 1
[[items.settings.peers]]
host = "p"
[[items]]
name = "second"
[items.settings]
port = 2
'''


def paths(value: Any, path: Path = ()) -> list[Path]:
    """All paths of a decoded document."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    found = [path] if path else []
    for key, child in children:
        found += paths(child, (*path, key))
    return found


def test_each_key_is_on_its_line() -> None:
    found = lines(TEXT)
    assert found[("title",)] == 2
    assert found[("quoted ą key",)] == 3
    assert found[("a", "b", "c.d")] == 4
    assert found[("table", "long")] == 7
    assert found[("table", "list", 1, 1)] == 13
    assert found[("table", "list", 2, "y", 0, "z")] == 14
    assert found[("table", "raw")] == 16
    assert found[("items", 0, "settings", "port")] == 22
    assert found[("items", 0, "settings", "peers", 0, "host")] == 24
    assert found[("items", 1)] == 25
    assert found[("items", 1, "settings", "port")] == 28


def test_exactly_the_paths_of_the_document_are_found() -> None:
    extra = {("items",)}
    assert set(lines(TEXT)) | extra == set(paths(tomllib.loads(TEXT))) | extra | {
        ("items", 0, "settings", "peers")
    }


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8),
)
VALUES = st.recursive(
    st.one_of(
        st.integers(-(10**9), 10**9),
        st.booleans(),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def quoted(text: str) -> str:
    """A TOML basic string."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'


def written(value: Any) -> str:
    """A value as inline TOML, lists over several lines."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + "".join(f"\n  {written(item)}, # ] }}\n" for item in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower()


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_document_is_walked_whole(document: dict[str, Any]) -> None:
    text = "".join(f"{quoted(key)} = {written(value)}\n" for key, value in document.items())
    assert tomllib.loads(text) == document
    assert set(lines(text)) == set(paths(document))
