"""What lint says: a finding with its place and its advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from rules.text import Text

Level = Literal["error", "warning", "hint"]
"""An error keeps a rule set from being published; a warning is most likely a mistake; a hint is worth a look."""


CODES: Mapping[str, Level] = {
    "contradiction": "error",
    "unreachable": "warning",
    "duplicate": "warning",
    "no-effect": "warning",
    "overruled": "warning",
    "dead-branch": "warning",
    "expired": "warning",
    "wrong-event": "warning",
    "mistyped": "warning",
    "night": "hint",
    "always": "hint",
    "order": "hint",
    "timer-circle": "error",
    "back-and-forth": "warning",
    "answer-circle": "warning",
    "answer-lost": "warning",
    "loose": "warning",
    "expression": "error",
    "unused": "hint",
    "switched-off": "hint",
    "no-queue": "warning",
    "default-unreached": "hint",
    "too-much": "hint",
    "nobody-on-duty": "warning",
    "never-open": "warning",
    "wide-words": "warning",
    "never-hit": "hint",
}
"""Every code with its level; docs/rules-changing.md says of each what it means and what to do. The last four need the
office and come from the hub."""

Values = dict[str, str | int | Text]


def finding(code: str, rule: str, line: int, text: Text, advice: Text) -> Finding:
    """A finding of the level that its code has."""
    return Finding(level=CODES[code], code=code, rule=rule, line=line, text=text, advice=advice)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that lint found. ``rule`` is the id of the rule or section that it is about (empty: of the whole
    file), ``line`` where it stands (0: unknown); ``advice`` says what to do."""

    level: Level
    code: str
    rule: str
    line: int
    text: Text
    advice: Text
