"""The alerts for Prometheus: metrics that exist, whole expressions, and for each one a section that says what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.web.metrics import METRICS

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "config" / "alerts.yaml"

WORDS = frozenset({"and", "or", "by", "max", "min", "increase", "deriv", "time", "up", "job"})
"""Of the language of Prometheus, and the one metric that it makes itself."""

LABELS = frozenset({"inbox", "queue", "state", "instance", "role"})


def rules() -> list[dict[str, Any]]:
    """All alerts."""
    document = msgspec.yaml.decode(ALERTS.read_bytes(), type=dict[str, list[dict[str, Any]]])
    return [rule for group in document["groups"] for rule in group["rules"]]


def names(expression: str) -> set[str]:
    """The words of an expression, without what stands in quotes and durations."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]', "", expression)
    return set(re.findall(r"[a-z_]{2,}", bare))


def anchors(page: str) -> set[str]:
    """Of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {"#" + re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_can_fire_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    unknown = names(rule["expr"]) - set(METRICS) - WORDS - LABELS
    assert not unknown, f"no such metric: {unknown}"
    assert names(rule["expr"]) & set(METRICS)
    for opening, closing in ("()", "{}", "[]"):
        assert rule["expr"].count(opening) == rule["expr"].count(closing)
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert re.fullmatch(r"\d+[mh]", rule.get("for", "0m"))
    page, _, section = rule["annotations"]["action"].partition("#")
    assert f"#{section}" in anchors((ROOT / page).read_text())
    used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert all(f"by ({label})" in rule["expr"] for label in used)


def test_every_metric_is_watched() -> None:
    watched = {name for rule in rules() for name in names(rule["expr"])}
    assert set(METRICS) <= watched, f"no alert looks at {sorted(set(METRICS) - watched)}"
    assert len({rule["alert"] for rule in rules()}) == len(rules())
