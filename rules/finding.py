"""What lint says: a finding with its place and its advice."""

from __future__ import annotations

from typing import Literal

import msgspec

from rules.text import Text

Level = Literal["error", "warning", "hint"]
"""An error keeps a rule set from being published; a warning is most likely a mistake; a hint is worth a look."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that lint found. ``rule`` is the id of the rule or section that it is about (empty: of the whole
    file), ``line`` where it stands (0: unknown); ``advice`` says what to do."""

    level: Level
    code: str
    rule: str
    line: int
    text: Text
    advice: Text
