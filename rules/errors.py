"""What can be wrong with a rule file, told all at once: each problem with its file, line, key and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

MAX_PROBLEMS = 200
"""More are not collected: a file with so many is not a rule file."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. ``line`` counts from 1; ``key`` is the path to it (``rules[3].when.chanel``)."""

    source: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


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

    def add(self, line: int, key: str, message: str) -> None:
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(Problem(source=self.source, line=line, key=key, message=message))

    def unknown(self, line: int, key: str, what: str, name: str, known: Iterable[str]) -> None:
        """Add "unknown ``what``", with the nearest of the ``known`` names."""
        self.add(line, key, f"unknown {what} {name[:64]!r}{_nearest(name, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name[:64], sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
