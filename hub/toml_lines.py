"""Where each key of a TOML text stands, so that an error can name its line.

``tomllib`` gives values without places. This walks a text that ``tomllib`` has already accepted, and so skips what
it need not understand. Source: the TOML 1.0.0 specification.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

Path = tuple[str | int, ...]
"""Keys and list indices from the top: ``("inboxes", 0, "settings", "port")``."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?!")|\'\'\'(?:.)*?\'\'\'(?!\')|"(?:\\.|[^"\\])*"|\'[^\']*\'',
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]*")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every key, table and list item of a valid TOML text."""
    found: dict[Path, int] = {}
    starts = [match.end() for match in re.finditer("\n", text)]
    for path, position in _places(text):
        found.setdefault(path, _line(starts, position))
    return found


def _line(starts: list[int], position: int) -> int:
    low, high = 0, len(starts)
    while low < high:
        middle = (low + high) // 2
        if starts[middle] <= position:
            low = middle + 1
        else:
            high = middle
    return low + 1


def _places(text: str) -> Iterator[tuple[Path, int]]:
    table: Path = ()
    counts: dict[Path, int] = {}
    position = _skip(_BLANK, text, 0)
    while position < len(text):
        if text[position] == "[":
            start, double = position, text.startswith("[[", position)
            keys, position = _keys(text, position + 1 + double)
            table = _table(keys, double, counts)
            yield from ((table[: length + 1], start) for length in range(len(table)))
            position += 1 + double
        else:
            position = yield from _pair(text, position, table)
        position = _skip(_BLANK, text, position)


def _table(keys: Path, double: bool, counts: dict[Path, int]) -> Path:
    """The path that a header means: lists of tables on the way stand for their last item."""
    path: Path = ()
    for key in keys[:-1]:
        path = _last((*path, key), counts)
    path = (*path, keys[-1])
    if double:
        counts[path] = counts.get(path, -1) + 1
    return _last(path, counts)


def _last(path: Path, counts: dict[Path, int]) -> Path:
    return (*path, counts[path]) if path in counts else path


_Walk = Generator[tuple[Path, int], None, int]
"""Yields the places found and returns where it stopped."""


def _pair(text: str, position: int, table: Path) -> _Walk:
    start = position
    keys, position = _keys(text, position)
    path = (*table, *keys)
    yield from ((path[: len(table) + length + 1], start) for length in range(len(keys)))
    position = _skip(_BLANK, text, position + 1)
    return (yield from _value(text, position, path))


def _value(text: str, position: int, path: Path) -> _Walk:
    if text[position] == "[":
        return (yield from _list(text, position, path))
    if text[position] == "{":
        return (yield from _inline(text, position, path))
    return _skip(_STRING if text[position] in "\"'" else _SCALAR, text, position)


def _list(text: str, position: int, path: Path) -> _Walk:
    index = 0
    position = _skip(_BLANK, text, position + 1)
    while text[position] != "]":
        if text[position] == ",":
            index += 1
            position += 1
        else:
            yield (*path, index), position
            position = yield from _value(text, position, (*path, index))
        position = _skip(_BLANK, text, position)
    return position + 1


def _inline(text: str, position: int, path: Path) -> _Walk:
    position = _skip(_BLANK, text, position + 1)
    while text[position] != "}":
        if text[position] == ",":
            position += 1
        else:
            position = yield from _pair(text, position, path)
        position = _skip(_BLANK, text, position)
    return position + 1


def _keys(text: str, position: int) -> tuple[tuple[str, ...], int]:
    keys: list[str] = []
    while True:
        position = _skip(_SPACE, text, position)
        end = _skip(_STRING if text[position] in "\"'" else _BARE_KEY, text, position)
        keys.append(_name(text[position:end]))
        position = _skip(_SPACE, text, end)
        if text[position] != ".":
            return tuple(keys), position
        position += 1


def _name(key: str) -> str:
    if key[0] == '"':
        return _ESCAPE.sub(_unescape, key[1:-1])
    return key[1:-1] if key[0] == "'" else key


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if code[0] in "uU" else _ESCAPED.get(code, code)


def _skip(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
