"""The audit log in words: every code that is recorded anywhere has one, and the page names people and queues."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from hub.moderation.platform import Deed
from hub.replay.runs import Kind
from hub.web.audit_words import ACTIONS, THINGS

HUB = Path(__file__).parents[3] / "hub"
RECORDED = re.compile(r"\brecord\(\s*tx,[^,]+,\s*(f?)\"([^\"]+)\",\s*f?\"([a-z-]+):")
VARIANTS = {
    "comment-{deed}": get_args(Deed),
    "rules-{kind}-": get_args(Kind),
    "rules-{row.kind}-": get_args(Kind),
}


def _codes(written: str) -> list[str]:
    """What an f-string of a code may become."""
    for pattern, values in VARIANTS.items():
        if written.startswith(pattern):
            place = pattern[pattern.index("{") : pattern.index("}") + 1]
            return [written.replace(place, value) for value in values]
    return [written]


def test_every_recorded_code_and_thing_has_words() -> None:
    found = [hit for file in HUB.rglob("*.py") for hit in RECORDED.findall(file.read_text(encoding="utf-8"))]
    assert len(found) > 30
    codes = {code for _, written, _ in found for code in _codes(written)}
    assert codes <= set(ACTIONS)
    assert {thing for _, _, thing in found} <= set(THINGS)


async def test_the_page_says_it_in_words(enter: Callable[[str], Any]) -> None:
    administrator = await enter("administrator")
    form = {
        "login": "zofia",
        "name": "Zofia Nowa",
        "role": "agent",
        "office": "krajowa",
        "queues": "bezrobotni",
    }
    await administrator.post("/admin/users", {**form, "language": "pl"})
    _, page = await administrator.get("/admin/audit")
    assert "Konto: Zofia Nowa" in page and "Utworzenie konta" in page
    assert "Rola: Konsultant" in page and "Kolejki: Bezrobotni" in page
    shown = re.sub(r"<[^>]*>", "", page)
    assert "user-added" not in shown and '{"' not in shown
