"""What the tests of lint ask it."""

from __future__ import annotations

import rules
from rules.lint import lint
from rules.lint.finding import Finding
from rules.lint.vocabulary import Expand

TODAY = "2026-11-21"


def findings(text: str, today: str = TODAY, expand: Expand | None = None) -> list[Finding]:
    """What lint says of a file of rules; the default is given."""
    if "default:" not in text:
        text += "\ndefault: {queue: informacja}\n"
    return list(lint(rules.load(text), today=today, expand=expand))


def told(text: str, today: str = TODAY) -> set[tuple[str, str]]:
    """(code, rule) of every finding but the hints that order decides."""
    return {(one.code, one.rule) for one in findings(text, today) if one.code != "order"}


def pair(first: str, second: str) -> str:
    """Two rules that stop, with conditions in flow style and different queues."""
    return f"""
rules:
  - {{id: a, when: {first}, do: {{queue: x}}}}
  - {{id: b, when: {second}, do: {{queue: y}}}}
"""
