"""The JSON Schema: as the tables say, and the file beside the configuration is up to date."""

from __future__ import annotations

import json
from pathlib import Path

import rules
from rules.language import ACTIONS, PREDICATES
from rules.reader import _SHAPES

CONFIG = Path(__file__).parents[2] / "config"


def test_the_file_is_up_to_date() -> None:
    text = (CONFIG / "rules.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == rules.json_schema(), "run: python -m scripts.rules_schema"


def test_every_predicate_and_action_is_in_it() -> None:
    schema = rules.json_schema()["$defs"]
    assert set(PREDICATES) < set(schema["condition"]["oneOf"][0]["properties"])
    assert set(ACTIONS) == set(schema["actions"]["properties"]) == set(rules.Actions.__struct_fields__)


def test_every_shape_is_read() -> None:
    assert {predicate.shape for predicate in PREDICATES.values()} == set(_SHAPES)
