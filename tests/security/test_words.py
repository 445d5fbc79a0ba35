"""Texts with places to fill: whoever writes text or filling, nothing is evaluated and nothing is filled twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hub.i18n import fill
from hub.notice_texts import Template
from hub.notices import render
from hub.store import schema
from hub.store.store import Store
from tests.security.world import World

EXPRESSIONS = (
    "{name.__class__.__mro__}",
    "{name!r}{name:>9999999}",
    "{0}{}{{name}}",
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "{% include '/etc/passwd' %}",
    "%(name)s%s%n",
    "{agent}{office}{number}",
)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_place_is_a_word_and_nothing_else(text: str) -> None:
    filled = fill(text, {"name": "Jan"})
    assert "49" not in filled and "class" not in filled.replace("{name.__class__.__mro__}", "")
    assert len(filled) < 200


@pytest.mark.parametrize("name", EXPRESSIONS)
async def test_what_a_citizen_calls_themselves_is_not_filled(
    name: str, enter: Callable[[str], Any], world: World, sqlite_store: Store
) -> None:
    """A canned text with the person's name in it: the name may hold places, and they stay as they are."""
    things = await world.make("krajowa", "agent")

    def plant(tx: Any) -> None:
        tx.change(schema.contact, things["contact"], name=name)
        tx.change(
            schema.canned, things["text"], shortcut="witam", text="Witam {name}, {number} {{7*7}} {agent.id}"
        )

    await sqlite_store.write(plant)
    agent = await enter("agent")
    status, answer = await agent.get(f"/conversations/{things['conversation']}/texts?q=witam")
    assert status == 200
    (found,) = msgspec.json.decode(answer)["texts"]
    assert found["text"].startswith(f"Witam {name}, ") and found["text"].endswith(" {{7*7}} {agent.id}")


@pytest.mark.parametrize("value", EXPRESSIONS)
def test_a_notice_fills_once(value: str) -> None:
    template = Template(subject="{number}", body="Dzień dobry {name}, {number}")
    subject, body = render(template, "en", lambda spoken: {"name": value, "number": "ABC"})
    assert (subject, body) == ("ABC", f"Dzień dobry {value}, ABC")
