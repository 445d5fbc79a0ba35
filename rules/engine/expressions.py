"""Regular expressions of rules: how they are compiled, why one is refused, and which literals it requires.

Literals are pieces of text of which at least one stands in whatever the expression matches. They let one scan of a
message tell which expressions are worth trying. The reading is cautious: whatever it does not understand counts as
"anything", so a literal may be missed but never invented.
"""

from __future__ import annotations

from typing import Any

import re2

from rules.fold import fold
from rules.text import Text, mark

MIN_LITERAL = 3
"""Shorter ones are found in nearly every message and tell nothing."""

_POLISH = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ")
_SPECIAL = frozenset(".^$*+?{}[]()|\\")


def expression_options() -> Any:
    """How expressions of rules are compiled: case ignored, 4 MB at most, errors told and not logged."""
    options: Any = re2.Options()
    options.case_sensitive = False
    options.max_mem = 4 << 20
    options.log_errors = False
    return options


def expression_problem(pattern: str) -> Text | None:
    """Why RE2 refuses ``pattern``, or None."""
    try:
        re2.compile(pattern, expression_options())
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return Text(mark("the expression is not valid RE2: {error}"), {"error": text})
    except UnicodeEncodeError:
        return Text(mark("the expression holds half of a surrogate pair"))
    return None


def required_literals(pattern: str) -> tuple[str, ...]:
    """Folded literals, one of which every match of ``pattern`` contains; empty when nothing can be promised."""
    if pattern.startswith("(?i)"):
        pattern = pattern[4:]
    if "(?" in pattern.replace("(?:", "") or "\\Q" in pattern:
        return ()
    branches = _branches(pattern)
    best = [_longest(branch) for branch in branches]
    return tuple(dict.fromkeys(best)) if all(best) else ()


def _branches(pattern: str) -> list[str]:
    """``pattern`` split at the ``|`` that stand outside groups and classes."""
    out, start, depth, i = [], 0, 0, 0
    while i < len(pattern):
        char = pattern[i]
        if char == "[":
            i = _class_end(pattern, i)
            continue
        if char == "|" and depth == 0:
            out.append(pattern[start:i])
            start = i + 1
        depth += (char == "(") - (char == ")")
        i += 2 if char == "\\" else 1
    return [*out, pattern[start:]]


def _longest(branch: str) -> str:
    """The longest literal run of a branch, folded; empty when none is long enough."""
    runs, run, i = [""], "", 0
    while i < len(branch):
        char, step = _literal_at(branch, i)
        after = i + step
        quantifier = branch[after : after + 1]
        if char and quantifier not in ("*", "?", "{"):
            run += char
            broken = quantifier == "+"
        else:
            broken = True
        if broken:
            runs.append(run)
            run = ""
        i = _quantifier_end(branch, after)
    folded = fold(max([*runs, run], key=len))
    return folded if len(folded) >= MIN_LITERAL else ""


def _literal_at(branch: str, i: int) -> tuple[str, int]:
    """The literal character at ``i`` (empty when it is something else) and how many characters it takes."""
    char = branch[i]
    if char == "\\":
        escaped = branch[i + 1 : i + 2]
        if escaped.isascii() and not escaped.isalnum():
            return escaped, 2
        return "", _escape_end(branch, i) - i
    if char == "[":
        return "", _class_end(branch, i) - i
    if char == "(":
        return "", _group_end(branch, i) - i
    if char in _SPECIAL:
        return "", 1
    usual = char.isascii() or char in _POLISH or "а" <= char.lower() <= "я"
    return (char if usual else ""), 1


def _escape_end(branch: str, i: int) -> int:
    """Behind an escape that stands for a class or a code: ``\\d``, ``\\pL``, ``\\p{Greek}``, ``\\x41``, ``\\123``."""
    end = i + 2
    if branch[i + 1 : i + 2] in ("p", "P", "x"):
        if branch[end : end + 1] == "{":
            close = branch.find("}", end)
            return close + 1 if close >= 0 else len(branch)
        return min(len(branch), end + (2 if branch[i + 1] == "x" else 1))
    while end < len(branch) and end < i + 4 and branch[i + 1].isdigit() and branch[end].isdigit():
        end += 1
    return end


def _class_end(branch: str, i: int) -> int:
    """Behind the character class that opens at ``i``."""
    i += 1
    if branch[i : i + 1] == "^":
        i += 1
    if branch[i : i + 1] == "]":
        i += 1
    while i < len(branch) and branch[i] != "]":
        if branch.startswith("[:", i):
            close = branch.find(":]", i)
            i = close + 2 if close >= 0 else i + 1
        else:
            i += 2 if branch[i] == "\\" else 1
    return i + 1


def _group_end(branch: str, i: int) -> int:
    """Behind the group that opens at ``i``."""
    depth = 0
    while i < len(branch):
        if branch[i] == "[":
            i = _class_end(branch, i)
            continue
        depth += (branch[i] == "(") - (branch[i] == ")")
        i += 2 if branch[i] == "\\" else 1
        if depth == 0:
            return i
    return i


def _quantifier_end(branch: str, i: int) -> int:
    """Behind a quantifier at ``i``, if there is one."""
    if branch[i : i + 1] == "{":
        close = branch.find("}", i)
        i = close + 1 if close >= 0 else i + 1
    while i < len(branch) and branch[i] in "*+?":
        i += 1
    return i
