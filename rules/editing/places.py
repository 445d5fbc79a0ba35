"""Where everything stands in a rule file: each node of the YAML text with its first and last character.

:mod:`rules.files.yamltree` says what a file means, this says where; :mod:`rules.editing.edit` needs both to change
one part of a text and leave every other character alone. Built from the parser's events with a stack, like the tree.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML 1.1 (section 5.4) takes for the end of a line."""

_NOTHING = re.compile("(?:[ \t]|\r\n|[\n\r\x85\u2028\u2029]|#[^\n\r\x85\u2028\u2029]*)*")
"""Blanks, ends of lines and comments: what may stand between two items."""


@dataclass(slots=True)
class Spot:
    """A node: ``text[start:end]`` without comments around it. ``keys`` of a mapping stand beside its ``items``;
    ``heads`` are where its items begin in a block: a dash or a key."""

    kind: Literal["scalar", "sequence", "mapping"]
    start: int
    end: int
    flow: bool = False
    text: str = ""
    keeps: bool = False
    keys: list[Spot] = field(default_factory=list)
    items: list[Spot] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)

    def at(self, key: str) -> Spot | None:
        """The value under a key of a mapping."""
        return next((item for k, item in zip(self.keys, self.items, strict=False) if k.text == key), None)


_NONE: list[Spot] = []
_NONE_HEADS: list[int] = []
"""What leaves have: the same empty lists for all of them, because a large file has a great many."""


class Lines:
    """A text by lines: where each begins, and what stands on it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        if len(self.starts) > 1 and self.starts[-1] == len(text):
            self.starts.pop()

    def __len__(self) -> int:
        return len(self.starts)

    def of(self, position: int) -> int:
        """The line (from 0) on which a character stands."""
        return bisect.bisect_right(self.starts, position) - 1

    def start(self, line: int) -> int:
        """Where a line begins; behind the last one: the end of the text."""
        return self.starts[line] if line < len(self.starts) else len(self.text)

    def bare(self, line: int) -> str:
        """A line without its end and the blanks before that."""
        return self.text[self.start(line) : self.start(line + 1)].rstrip()

    def column(self, line: int) -> int:
        """How far a line is indented."""
        bare = self.bare(line)
        return len(bare) - len(bare.lstrip(" \t"))

    def is_blank(self, line: int) -> bool:
        return not self.bare(line)

    def is_comment(self, line: int) -> bool:
        return self.bare(line).lstrip(" \t").startswith("#")


def newline_of(text: str) -> str:
    """The first line end of a text; that is how further lines of it are ended."""
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def locate(text: str) -> Spot | None:
    """The root of the one document in ``text``, which :func:`rules.files.yamltree.parse` has found good."""
    if text.startswith("\ufeff"):
        raise ValueError("cut the byte order mark off first: the parser does not count it")
    stack: list[Spot] = []
    root: Spot | None = None
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            done = stack.pop()
            done.end = _marks(event)[1] if done.flow else _end(done)
        elif isinstance(event, yaml.NodeEvent):
            spot = _spot(text, event)
            if stack:
                _put(text, stack[-1], spot)
            else:
                root = spot
            if not isinstance(event, yaml.ScalarEvent):
                stack.append(spot)
    return root


def _end(block: Spot) -> int:
    last = block.items[-1] if block.items else None
    return block.start if last is None else max(last.end, block.heads[-1] + 1)


def _marks(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


def _spot(text: str, event: Any) -> Spot:
    start, end = _marks(event)
    if isinstance(event, yaml.ScalarEvent):
        block = event.style in ("|", ">")
        head = text[start:end].partition("\n")[0] if block else ""
        keeps = block and "+" in head.partition("#")[0]
        return Spot("scalar", start, end, not block, event.value, keeps, _NONE, _NONE, _NONE_HEADS)
    kind: Literal["sequence", "mapping"] = (
        "sequence" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
    )
    return Spot(kind, start, end, flow=bool(event.flow_style))


def _put(text: str, into: Spot, spot: Spot) -> None:
    if into.kind == "mapping" and len(into.keys) == len(into.items):
        into.keys.append(spot)
        into.heads.append(spot.start)
        return
    if into.kind == "sequence" and not into.flow:
        into.heads.append(_dash(text, into))
    into.items.append(spot)


def _dash(text: str, sequence: Spot) -> int:
    """Where the dash of a block sequence's next item stands: behind what may stand between two items."""
    if not sequence.items:
        return sequence.start
    last = sequence.items[-1]
    before = max(last.end, sequence.heads[-1] + 1)
    found = _NOTHING.match(text, before)
    return found.end() if found else before
