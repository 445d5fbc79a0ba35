"""What lint says: a finding with its place and its advice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from rules import calling, model
from rules.diff_values import ACTION_NAMES
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


_RULE = "{rule_id}"
"""The message id of a rule or section in a finding, until :func:`with_names` puts what people call it."""


def called(*ids: str, between: str = ", ") -> Text:
    """Rules or sections by their ids, as a value in a finding's texts."""
    first, *rest = ids
    named = Text(_RULE, {"rule_id": first})
    if not rest:
        return named
    return Text(
        "{first}{between}{rest}", {"first": named, "between": between, "rest": called(*rest, between=between)}
    )


def deeds(*actions: str) -> Text:
    """Actions as people call them, as a value in a finding's texts."""
    first, *rest = actions
    named = Text(ACTION_NAMES[first])
    return Text("{first}, {rest}", {"first": named, "rest": deeds(*rest)}) if rest else named


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
    name: str = ""
    """What people call the rule or section; empty where it has no name, or before :func:`with_names`."""


def with_names(ruleset: model.RuleSet, found: Iterable[Finding]) -> Sequence[Finding]:
    """The same findings, with rules and sections by the names that people gave them."""
    names = calling.names_in(ruleset)

    def named(text: Text) -> Text:
        if text.msgid == _RULE:
            return calling.called(names, str(text.values["rule_id"]))
        return Text(
            text.msgid,
            {key: named(value) if isinstance(value, Text) else value for key, value in text.values.items()},
        )

    return [
        msgspec.structs.replace(
            one, text=named(one.text), advice=named(one.advice), name=names.get(one.rule, "")
        )
        for one in found
    ]
