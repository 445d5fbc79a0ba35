"""A rule file cut into the pieces that people change: each rule, section, list and test with its text and comments.

Joined again the pieces give the file to the letter, so that :mod:`rules.editing.merge` can put the pieces of two
people's texts together and leave everything else as it was written. (:mod:`rules.editing.blocks` finds one piece to
edit; here every line of the file belongs to one, those between rules too.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from rules.errors import Problems
from rules.files.yamltree import Mapping, Node, Scalar, parse
from rules.files.yamltree import Sequence as List

NAMED = ("words", "conditions", "schedules")
"""Keys whose value is a mapping of names."""


class Key(msgspec.Struct, frozen=True, array_like=True):
    """What a piece is: ``kind`` is head, top, words, conditions, schedules, section, section-end, rule, test, or file
    for a whole text that cannot be cut."""

    kind: str
    name: str = ""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One piece; ``line`` is where it starts, with its comments. ``section`` is the one that a rule stands in."""

    key: Key
    text: str
    line: int
    section: str = ""

    @property
    def said(self) -> str:
        """The text without the space around it: what counts when two are compared."""
        return self.text.strip("\n").rstrip()


class _Anchor(msgspec.Struct, frozen=True):
    line: int
    key: Key
    section: str = ""


@lru_cache(maxsize=4)
def pieces(source: str) -> tuple[Piece, ...]:
    """The pieces of a rule file in order; one piece ``head`` for what is no YAML mapping.

    Pieces that share a line (lists in brackets) stay together with the one that came first.
    """
    root = parse(source, Problems(""))
    lines = source.splitlines(keepends=True)
    if not isinstance(root, Mapping):
        return (Piece(key=Key("head"), text=source, line=1),)
    starts = _starts(_anchors(root), lines)
    found = []
    for place, (start, anchor) in enumerate(starts):
        end = starts[place + 1][0] if place + 1 < len(starts) else len(lines) + 1
        text = "".join(lines[start - 1 : end - 1])
        found.append(Piece(key=anchor.key, text=text, line=start, section=anchor.section))
    return tuple(found)


def _starts(anchors: Iterator[_Anchor], lines: Sequence[str]) -> list[tuple[int, _Anchor]]:
    """Anchors with the first line of their piece: comments right above one belong to it."""
    found: list[tuple[int, _Anchor]] = [(1, _Anchor(0, Key("head")))]
    taken: set[Key] = set()
    last = 0
    for anchor in anchors:
        if anchor.line <= last or anchor.key in taken:
            continue
        start = _first_line(anchor.line, last, lines)
        if start == 1:
            found.pop()
        found.append((start, anchor))
        taken.add(anchor.key)
        last = anchor.line
    return found


def _first_line(line: int, last: int, lines: Sequence[str]) -> int:
    """Where the piece at ``line`` begins: not before the line behind ``last``."""
    if line - 1 > last and lines[line - 2].strip() == "-":
        line -= 1
    margin = _margin(lines[line - 1])
    while (
        line - 1 > last and (above := lines[line - 2]).lstrip().startswith("#") and _margin(above) == margin
    ):
        line -= 1
    return line


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _anchors(root: Mapping) -> Iterator[_Anchor]:
    for key in sorted(root.entries, key=root.lines.__getitem__):
        node = root.entries[key]
        yield _Anchor(root.lines[key], Key("top", key))
        if key in NAMED and isinstance(node, Mapping):
            for name, line in node.lines.items():
                yield _Anchor(line, Key(key, name))
        elif key == "rules" and isinstance(node, List):
            yield from _rules(node)
        elif key == "tests" and isinstance(node, List):
            for item in node.items:
                yield _Anchor(item.line, Key("test", _text(item, "name")))


def _rules(node: List, section: str = "") -> Iterator[_Anchor]:
    for item in node.items:
        inner = item.entries.get("rules") if isinstance(item, Mapping) else None
        name = _text(item, "section")
        if not name or not isinstance(item, Mapping):
            yield _Anchor(item.line, Key("rule", _text(item, "id")), section)
            continue
        yield _Anchor(item.line, Key("section", name))
        if isinstance(inner, List):
            yield from _rules(inner, name)
            after = [line for line in item.lines.values() if line > item.lines["rules"]]
            if after:
                yield _Anchor(min(after), Key("section-end", name))


def _text(node: Node, key: str) -> str:
    found = node.entries.get(key) if isinstance(node, Mapping) else None
    return found.text if isinstance(found, Scalar) else ""
