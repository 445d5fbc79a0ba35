"""The rules engine: facts in, actions and a trace out. Pure: no I/O, no clock, nothing of the hub.

:func:`load` a file's text, :func:`compile_rules` it once, :func:`evaluate` it for every message, :func:`explain` on
demand. docs/rules.md describes the language. Besides what stands here, ``rules.words`` (inflected forms, which alone
need a dictionary), ``rules.fold`` (words as they are compared) and ``rules.detect`` (personal numbers) serve others.
"""

from __future__ import annotations

from rules.decision import (
    DEFAULT_RULE,
    GUARD_RULE,
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
from rules.detect import mask_numbers, valid_pesel
from rules.engine.compiled import Compiled, compile_rules
from rules.engine.evaluate import evaluate, look
from rules.engine.explain import explain
from rules.engine.lexicon import as_written
from rules.engine.scan import Scan
from rules.errors import Problem, RuleFileError
from rules.facts import TEXT_LIMIT, Facts, On
from rules.files.load import load
from rules.files.references import Reference, references
from rules.files.schema import json_schema
from rules.model import Rule, RuleSet

__all__ = [
    "DEFAULT_RULE",
    "GUARD_RULE",
    "PRIORITIES",
    "TEXT_LIMIT",
    "Actions",
    "Compiled",
    "Decision",
    "Explanation",
    "Facts",
    "Fault",
    "Match",
    "On",
    "Problem",
    "Reference",
    "Rule",
    "RuleFileError",
    "RuleSet",
    "Scan",
    "Seen",
    "Trace",
    "as_written",
    "compile_rules",
    "decode_trace",
    "encode_trace",
    "evaluate",
    "explain",
    "json_schema",
    "load",
    "look",
    "mask_numbers",
    "references",
    "valid_pesel",
]
