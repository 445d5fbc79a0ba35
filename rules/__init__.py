"""The rules engine: facts in, actions and a trace out. Pure: no I/O, no clock, nothing of the hub.

Use: ``load`` a file's text, ``compile_rules`` it once, ``evaluate`` it for every message, ``explain`` on demand.
docs/rules.md describes the language.
"""

from __future__ import annotations

from rules.decision import (
    PRIORITIES,
    Actions,
    Decision,
    Explanation,
    Fault,
    Match,
    Seen,
    Trace,
    decode_trace,
    encode_trace,
)
from rules.facts import TEXT_LIMIT, Facts, On
from rules.model import Rule, RuleSet

__all__ = [
    "PRIORITIES",
    "TEXT_LIMIT",
    "Actions",
    "Decision",
    "Explanation",
    "Facts",
    "Fault",
    "Match",
    "On",
    "Rule",
    "RuleSet",
    "Seen",
    "Trace",
    "decode_trace",
    "encode_trace",
]
