"""The audit log in words: every code that is recorded anywhere has one, and the page names people and queues."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from hub.audit import record
from hub.moderation.platform import Deed
from hub.replay.runs import Kind
from hub.ruleset.drafts import open_draft, set_note
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.web.audit_words import ACTIONS, THINGS
from tests.hub.specimen import add_conversation

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


async def test_a_draft_has_the_name_that_people_gave_it(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    def command(tx: Tx) -> tuple[int, int]:
        named, nameless = (open_draft(tx, SYSTEM, None, "rules: []\n", kind="file").id for _ in range(2))
        set_note(tx, SYSTEM, named, "Święta w urzędach")
        return named, nameless

    named, nameless = await sqlite_store.write(command)
    _, page = await (await enter("administrator")).get("/admin/audit")
    assert "Święta w urzędach" in page and f"Szkic {nameless}" in page
    assert f"Szkic {named}" not in page


async def test_a_conversation_has_the_number_that_people_know(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    def command(tx: Tx) -> tuple[int, str]:
        number = add_conversation(tx)
        record(tx, None, "conversation-opened", f"conversation:{number}", {"office": "krajowa"})
        row = tx.get(schema.conversation, number)
        assert row is not None
        return number, row.reference

    number, reference = await sqlite_store.write(command)
    _, page = await (await enter("administrator")).get("/admin/audit")
    assert f'href="/conversations/{number}">Zgłoszenie {reference}<' in page


async def test_what_the_command_line_did_is_not_told_of_the_hub(
    enter: Callable[[str], Any], sqlite_store: Store
) -> None:
    def command(tx: Tx) -> None:
        record(tx, SYSTEM.user, "contact-exported", "contact:1")
        record(tx, SYSTEM.user, "rules-publish-refused", "rule-draft:1")

    administrator = await enter("administrator")
    await sqlite_store.write(command)
    _, page = await administrator.get("/admin/audit")
    who = dict(re.findall(r'<tr title="(\S+).*?class="nowrap">([^<]*)</td><td data-label="Co ', page))
    assert who["contact-exported"] == "wiersz poleceń" and who["rules-publish-refused"] == "system", who
