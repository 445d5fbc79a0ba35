"""What the checks of a rule set said: kept with drafts and versions, so that nobody has to take it on trust."""

from __future__ import annotations

from typing import Literal

import msgspec

from rules.text import Text

Part = Literal["form", "names", "lint", "tests"]
Level = Literal["error", "warning", "hint"]


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a check found: what, where (``rule``, the id of a rule or section with its ``name``, or the test's
    name; ``key`` of the file, ``line``), and what to do about it."""

    part: Part
    level: Level
    text: Text
    advice: Text = Text("")
    code: str = ""
    rule: str = ""
    name: str = ""
    key: str = ""
    line: int = 0


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay over real messages said: its run, how many messages, how many would go elsewhere."""

    run: int
    messages: int
    moved: int


class Proof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The checks of one text. ``digest`` names the text; "" means that nothing was checked.

    ``tests`` is how many samples ran. ``loads``: the hub can take it over, whatever the mistakes in it.
    """

    digest: str = ""
    at: int = 0
    rules: int = 0
    tests: int = 0
    loads: bool = True
    items: tuple[Item, ...] = ()
    left_out: int = 0
    replay: Replayed | None = None

    @property
    def passed(self) -> bool:
        """Whether the text may be published."""
        return bool(self.digest) and not self.errors

    @property
    def errors(self) -> tuple[Item, ...]:
        """What stands against publication."""
        return tuple(item for item in self.items if item.level == "error")

    @property
    def warnings(self) -> tuple[Item, ...]:
        """What is worth a look and forbids nothing."""
        return tuple(item for item in self.items if item.level != "error")


KEPT = 200
"""Most items that are kept; errors come first."""


def proof_of(digest: str, at: int, items: list[Item], *, rules: int, tests: int, loads: bool = True) -> Proof:
    """The proof with errors first, cut to what is worth keeping."""
    ranked = sorted(items, key=lambda item: (("error", "warning", "hint").index(item.level), item.line))
    kept, rest = tuple(ranked[:KEPT]), max(0, len(ranked) - KEPT)
    return Proof(digest=digest, at=at, rules=rules, tests=tests, loads=loads, items=kept, left_out=rest)
