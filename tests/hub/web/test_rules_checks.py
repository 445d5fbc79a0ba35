"""Advice and tests beside the editor, and a test made of a real message, as pages."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import rules
from hub.house import House
from hub.ruleset import draft as read_draft
from hub.ruleset import drafts, open_draft
from hub.scope import Scope
from hub.store import schema
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import mail
from tests.hub.replay.conftest import BEFORE, World, url_of

LINTED = """
rules:
  - id: firmy
    when: {words: [pracodawca, firma]}
    do: {queue: pracodawcy}
  - id: firma-mailem
    when: {words: firma, channel: email}
    do: {queue: bezrobotni}
  - id: cisza
    when: {words: cisza}
    do: {queue: redakcja}
default: {queue: bezrobotni}
tests:
  - name: Firma
    message: {text: Moja firma}
    expect: {queue: pracodawcy, rule: firmy}
  - name: Cisza
    message: {text: cisza}
    expect: {queue: spam}
"""


@pytest.fixture
async def world(sqlite_store: Any, clock: FakeClock, sqlite_path: Path, tmp_path: Path) -> World:
    one = World(sqlite_store, clock, url_of(sqlite_store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    return one


@pytest.fixture
def house(world: World) -> House:
    return world.house


@pytest.fixture
def scope(people: dict[str, int]) -> Scope:
    return Scope(user=people["administrator"], role="administrator", office="krajowa", front=True)


@pytest.fixture
async def draft(world: World, scope: Scope) -> int:
    return (await world.store.write(lambda tx: open_draft(tx, scope, source=LINTED))).id


@pytest.fixture
async def written(world: World) -> int:
    """A conversation with a letter that names people."""
    text = "Moja firma szuka ludzi.\nMarek Trąbka, tel. 601 234 567, ul. Kwiatowa 3/4"
    await world.feed([mail(1, sender="marek.trabka@poczta.example", text=text, subject="Od Marka Trąbki")])
    return await world.store.read(lambda tx: int(tx.scalar(select(schema.conversation.c.id))))


def area(page: str) -> str:
    """What stands in the text field."""
    return html.unescape(
        page.partition('<textarea class="textarea mono"')[2].partition(">")[2].partition("</textarea>")[0]
    )


async def test_advice_on_the_whole_draft(enter: Callable[[str], Any], draft: int) -> None:
    administrator = await enter("administrator")
    status, page = await administrator.get(f"/admin/rules/drafts/{draft}/findings")
    assert status == 200
    assert f'href="/admin/rules/drafts/{draft}/rules/firma-mailem"' in page
    assert "wiersz 6" in page
    assert "redakcja" in page, "a queue that no account works"


async def test_warnings_stand_above_hints_whoever_found_them(
    enter: Callable[[str], Any], world: World, scope: Scope
) -> None:
    free = LINTED.replace("rules:", "words: {wolna: [pies]}\nrules:", 1)
    number = (await world.store.write(lambda tx: open_draft(tx, scope, source=free))).id
    _, page = await (await enter("administrator")).get(f"/admin/rules/drafts/{number}/findings")
    assert page.index("redakcja") < page.index("wolna")


@pytest.mark.slow
async def test_advice_while_typing_is_about_the_block(
    enter: Callable[[str], Any], draft: int, world: World, scope: Scope
) -> None:
    administrator = await enter("administrator")
    path = f"/admin/rules/drafts/{draft}/findings"
    wide = "- id: firmy\n  do: {queue: pracodawcy}\n"
    _, page = await administrator.post(path, {"text": wide, "rule": "firmy", "kind": "rule"})
    assert "/rules/cisza" in page, "the rule that it hides now"
    assert "/rules/firma-mailem" not in page, "that one was hidden before"
    _, page = await administrator.post(
        path, {"text": "- id: nowa\n  when: {words: kot}\n  do: {queue: spam}\n"}
    )
    assert "badge" not in page
    free = LINTED.replace("rules:", "words: {wolna: [pies]}\nrules:", 1)
    other = (await world.store.write(lambda tx: open_draft(tx, scope, source=free))).id
    new = {"text": "- id: nowa\n  when: {words: kot}\n  do: {queue: spam}\n"}
    _, page = await administrator.post(f"/admin/rules/drafts/{other}/findings", new)
    assert "wolna" not in page, "a list that nothing uses is no matter of the new rule"
    for wrong in ("- id: firmy\n  do: {quue: x}\n", "- id: [", "zwykły tekst"):
        status, page = await administrator.post(path, {"text": wrong, "rule": "firmy"})
        assert status == 200
        assert "badge" not in page
    status, _ = await administrator.post(path, {"text": "x", "kind": "nothing"})
    assert status == 400


@pytest.mark.slow
async def test_names_that_do_not_exist_are_told_while_typing(enter: Callable[[str], Any], draft: int) -> None:
    administrator = await enter("administrator")
    path = f"/admin/rules/drafts/{draft}/findings"
    block = "- id: firmy\n  when: {channel: emial}\n  do: {queue: pracodawca}\n"
    _, page = await administrator.post(path, {"text": block, "rule": "firmy", "kind": "rule"})
    told = html.unescape(page)
    assert "Nie ma kanału „emial”" in told and "„email”" in told
    assert "„pracodawca”" in told and "„pracodawcy”" in told
    _, page = await administrator.post(path, {"text": "- id: nowa\n  do: {tags: [x]}\n  then: continue\n"})
    assert "emial" not in page


async def test_new_words_are_one_by_their_forms(enter: Callable[[str], Any], draft: int) -> None:
    administrator = await enter("administrator")
    block = "- id: nowa\n  when: {words: żyrafę, not: {words: żyrafa}}\n  do: {queue: spam}\n"
    _, page = await administrator.post(f"/admin/rules/drafts/{draft}/findings", {"text": block})
    assert "„nowa” nigdy nie pasuje" in html.unescape(page)


@pytest.mark.slow
async def test_tests_of_the_draft_and_of_the_block(enter: Callable[[str], Any], draft: int) -> None:
    administrator = await enter("administrator")
    path = f"/admin/rules/drafts/{draft}/samples"
    _, page = await administrator.get(path)
    assert "Firma" in page and "Cisza" in page
    assert "spam" in page and "redakcja" in page
    mended = "- id: cisza\n  when: {words: cisza}\n  do: {queue: spam}\n"
    _, page = await administrator.post(path, {"text": mended, "rule": "cisza"})
    assert "badge--danger" not in page
    broken = "- id: firmy\n  when: {words: inne}\n  do: {queue: pracodawcy}\n"
    _, page = await administrator.post(path, {"text": broken, "rule": "firmy"})
    assert "firmy" in page and "badge--danger" in page
    status, page = await administrator.post(path, {"text": "- id: [", "rule": "firmy"})
    assert status == 200 and "badge" not in page


async def test_a_draft_that_cannot_be_read_has_no_advice(
    enter: Callable[[str], Any], world: World, scope: Scope
) -> None:
    number = (await world.store.write(lambda tx: open_draft(tx, scope, source="rules: 5\n"))).id
    administrator = await enter("administrator")
    for part in ("findings", "samples"):
        status, page = await administrator.get(f"/admin/rules/drafts/{number}/{part}")
        assert status == 200
        assert "badge" not in page


async def test_a_test_is_made_of_a_letter(
    enter: Callable[[str], Any], world: World, scope: Scope, written: int
) -> None:
    administrator = await enter("administrator")
    _, page = await administrator.get(f"/conversations/{written}/why")
    assert f"/conversations/{written}/test?decision=" in page
    status, page = await administrator.get(f"/conversations/{written}/test")
    assert status == 200
    made = area(page)
    assert "Moja firma szuka ludzi" in made
    assert not [
        secret for secret in ("Trąbk", "601", "Kwiatowa", "trabka") if secret in page.partition("<main")[2]
    ]
    status, to = await administrator.post(f"/conversations/{written}/test", {"text": made, "draft": "0"})
    assert status == 303
    (opened,) = await world.store.read(lambda tx: drafts(tx, scope))
    assert to == f"/admin/rules/drafts/{opened.id}/tests"
    source = (await world.store.read(lambda tx: read_draft(tx, scope, opened.id))).source
    (sample,) = rules.load(source).samples
    assert sample.expect["queue"] == "pracodawcy"
    assert source.startswith(BEFORE.rstrip("\n")[:40])
    status, page = await administrator.post(
        f"/conversations/{written}/test", {"text": made, "draft": str(opened.id)}
    )
    assert status == 422, "there is a test of this name already"
    assert area(page) == made, "what was written is not lost"


async def test_another_queue_may_be_wanted(enter: Callable[[str], Any], written: int) -> None:
    administrator = await enter("administrator")
    _, page = await administrator.get(f"/conversations/{written}/test?queue=spam")
    assert "queue: spam" in area(page)
    assert "badge--danger" in page


async def test_a_mistake_in_the_test_keeps_the_text(
    enter: Callable[[str], Any], draft: int, written: int
) -> None:
    administrator = await enter("administrator")
    wrong = "- name: x\n  message: {txt: a}\n  expect: {queue: spam}\n"
    for text in (wrong, "- name: [", "nic"):
        status, page = await administrator.post(
            f"/conversations/{written}/test", {"text": text, "draft": str(draft)}
        )
        assert status == 422
        assert area(page).strip() == text.strip()


async def test_only_administrators_who_may_read_it(enter: Callable[[str], Any], written: int) -> None:
    for who in ("agent", "supervisor", "lomza"):
        person = await enter(who)
        status, _ = await person.get(f"/conversations/{written}/test")
        assert status in (403, 404)
        status, _ = await person.post(f"/conversations/{written}/test", {"text": "x"})
        assert status in (403, 404)
        _, page = await person.get(f"/conversations/{written}/why")
        assert "/test?" not in page
    administrator = await enter("administrator")
    status, _ = await administrator.get("/conversations/999999/test")
    assert status == 404
