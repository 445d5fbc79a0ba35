"""What can be wrong with a rule file, told all at once: each problem with its file, line, key and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from rules.text import Text, mark

MAX_PROBLEMS = 200
"""More are not collected: a file with so many is not a rule file."""

Kind = Literal["key", "predicate", "value", "day", "word list", "condition", "schedule", "event", "rule"]

_UNKNOWN: Mapping[Kind, tuple[str, str]] = {
    "key": (mark("unknown key {name}"), mark("unknown key {name}; did you mean {near}?")),
    "predicate": (mark("unknown predicate {name}"), mark("unknown predicate {name}; did you mean {near}?")),
    "value": (mark("unknown value {name}"), mark("unknown value {name}; did you mean {near}?")),
    "day": (mark("unknown day {name}"), mark("unknown day {name}; did you mean {near}?")),
    "word list": (mark("unknown word list {name}"), mark("unknown word list {name}; did you mean {near}?")),
    "condition": (mark("unknown condition {name}"), mark("unknown condition {name}; did you mean {near}?")),
    "schedule": (mark("unknown schedule {name}"), mark("unknown schedule {name}; did you mean {near}?")),
    "event": (mark("unknown event {name}"), mark("unknown event {name}; did you mean {near}?")),
    "rule": (mark("unknown rule {name}"), mark("unknown rule {name}; did you mean {near}?")),
}


_LISTED: tuple[Kind, ...] = ("value", "day", "event")
"""Kinds of which there are few."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. ``line`` counts from 1; ``key`` is the path to it (``rules[3].when.chanel``)."""

    source: str
    line: int
    key: str
    text: Text

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}"
        return f"{where}: {self.key}: {self.text}" if self.key else f"{where}: {self.text}"


class RuleFileError(Exception):
    """The rule file cannot be used; ``problems`` lists every reason, in the order of lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """Collects problems while a file is read, so that all can be told together."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[Problem] = []

    def add(self, line: int, key: str, text: str | Text, /, **values: str | int) -> None:
        """Add one; ``text`` is a message id that ``values`` fill, or a whole text."""
        told = text if isinstance(text, Text) else Text(text, values)
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(Problem(source=self.source, line=line, key=key, text=told))

    def unknown(self, line: int, key: str, kind: Kind, name: str, known: Iterable[str]) -> None:
        """Add "unknown …", with the nearest of the ``known`` names, or with all of them where they are few."""
        names = list(known)
        near = difflib.get_close_matches(name[:64], sorted(names), n=1)
        if near:
            self.add(line, key, _UNKNOWN[kind][1], name=quoted(name), near=quoted(near[0]))
        elif kind in _LISTED:
            told = mark("unknown value {name}; known are: {known}")
            self.add(line, key, told, name=quoted(name), known=", ".join(names))
        else:
            self.add(line, key, _UNKNOWN[kind][0], name=quoted(name))


def quoted(name: str) -> str:
    """What somebody wrote, in quotation marks, cut, without control characters."""
    return repr(name[:64])
