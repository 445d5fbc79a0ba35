"""The editor of rules as a browser without a script talks to it: lists, moves, forms, texts, and two people at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from multidict import MultiDict

from hub.ruleset import Change, change, discard, draft, open_draft, undo_change
from hub.scope import Scope
from hub.store.store import Store
from hub.web.rules.form import opened
from hub.web.rules.pages import FEW, listing
from hub.web.rules.said import Names
from rules.editing.blocks import fields_of, names
from rules.editing.edit import insert_rule, rule_source
from tests.hub.web.conftest import Browser
from tests.hub.web.test_rules_form import fields_of_form

SOURCE = """# Rules of a test
words:
  zasilki: [zasiłek]   # one
conditions:
  pisemnie: {channel: [email, form]}

rules:
  # the first
  - id: pierwsza
    name: Pierwsza
    when: {words: {list: zasilki}}
    do: {queue: bezrobotni}

  - section: firmy
    name: Firmy
    rules:
      - id: druga
        name: "Druga <b>"
        when:
          condition: pisemnie
        do: {queue: pracodawcy, tags: [firma]}
        then: continue

default: {queue: bezrobotni}
"""


@pytest.fixture
async def anna(enter: Callable[[str], Any]) -> Browser:
    browser: Browser = await enter("administrator")
    return browser


@pytest.fixture
def scope(people: dict[str, int]) -> Scope:
    return Scope(user=people["administrator"], role="administrator", office="krajowa", front=True)


@pytest.fixture
async def home(anna: Browser, sqlite_store: Store, scope: Scope) -> str:
    made = await sqlite_store.write(lambda tx: open_draft(tx, scope, source=SOURCE))
    return f"/admin/rules/drafts/{made.id}"


async def stored(store: Store, scope: Scope, home: str) -> str:
    return (await store.read(lambda tx: draft(tx, scope, int(home.split("/")[-1])))).source


def posted(text: str, **more: str) -> MultiDict[str]:
    """The fields of the form of a rule, as a browser sends them."""
    fields = fields_of_form(opened(text, "rule").form)
    fields.extend({"revision": "1", "text": text, "before": text, **more})
    return fields


@pytest.mark.slow
async def test_the_list_says_rules_in_sentences(anna: Browser, home: str) -> None:
    status, page = await anna.get(home)
    words = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page))
    assert status == 200
    assert "Gdy w tekście jest słowo z listy zasilki" in words
    assert "Gdy zachodzi warunek pisemnie" in words and "Druga &lt;b&gt;" in page
    assert page.index("Pierwsza") < page.index("Firmy") < page.index("Druga")
    assert words.count("nigdy") == 3, "two rules and the default never matched"
    for path in (
        "/rules/pierwsza",
        "/sections/firmy",
        "/conditions/pisemnie",
        "/default/default",
        "/new-rule",
    ):
        assert (await anna.get(home + path))[0] == 200, path
    for path in ("/names", "/words/zasilki", "/tests", "/test", "/yaml", "/here"):
        assert (await anna.get(home + path))[0] == 200, path
    for path in ("/rules/trzecia", "/words/x", "/conditions/x", "/schedules/x", "/test?name=x"):
        assert (await anna.get(home + path))[0] == 404, path


async def test_what_checks_find_leads_to_its_page_whatever_it_is(anna: Browser, home: str) -> None:
    for name, place in (("pisemnie", "conditions"), ("firmy", "sections")):
        async with anna.client.get(f"{home}/rules/{name}", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, f"{home}/{place}/{name}")


async def test_a_list_of_one_word_shows_it(anna: Browser, sqlite_store: Store, scope: Scope) -> None:
    text = "words: {jedno: zasiłek}\ndefault: {queue: bezrobotni}\n"
    made = await sqlite_store.write(lambda tx: open_draft(tx, scope, source=text))
    assert "zasiłek" in (await anna.get(f"/admin/rules/drafts/{made.id}/names"))[1]


async def test_rules_move_and_can_be_brought_back(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    body = {"rule": "pierwsza", "revision": "1"}
    assert (await anna.post(f"{home}/move", {**body, "to": "section firmy"}))[0] == 303
    text = await stored(sqlite_store, scope, home)
    assert names(text, "rule") == ("druga", "pierwsza") and "      # the first\n      - id: pierwsza" in text
    assert (await anna.post(f"{home}/move", {**body, "revision": "2", "to": "up"}))[0] == 303
    assert names(await stored(sqlite_store, scope, home), "rule") == ("pierwsza", "druga")
    for _ in range(2):
        assert (await anna.post(f"{home}/undo"))[0] == 303
    assert await stored(sqlite_store, scope, home) == SOURCE
    status, _ = await anna.post(f"{home}/move", {"rule": "niema", "revision": "5", "to": "up"})
    assert status in (303, 409)


async def test_a_form_changes_its_lines_alone(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    fields = posted(rule_source(SOURCE, "druga"))
    fields["name"] = "Druga, lepsza"
    assert (await anna.post(f"{home}/rules/druga", fields)) == (303, home)
    text = await stored(sqlite_store, scope, home)
    assert text == SOURCE.replace('name: "Druga <b>"', "name: Druga, lepsza")


async def test_the_form_and_the_text_are_put_in_step(anna: Browser, home: str) -> None:
    text = rule_source(SOURCE, "pierwsza")
    fields = posted(text, act="add w", **{"w:new": "pesel"})
    answer = json.loads(
        (await anna.post(f"{home}/rules/pierwsza/form", fields, Accept="application/json"))[1]
    )
    assert "pesel: true" in answer["text"] and answer["focus"] == "w-1" and not answer["refused"]
    by_hand = posted(text)
    by_hand["text"] = text.replace("Pierwsza", "Inna").replace("list: zasilki", "list: zasilek")
    answer = json.loads(
        (await anna.post(f"{home}/rules/pierwsza/form", by_hand, Accept="application/json"))[1]
    )
    assert "zasilki" in answer["problems"] and 'data-line="4"' in answer["problems"]
    by_hand["text"] = "- id: a\n b: c"
    answer = json.loads(
        (await anna.post(f"{home}/rules/pierwsza/form", by_hand, Accept="application/json"))[1]
    )
    assert answer["refused"] and "wcięcie" in answer["problems"]
    status, page = await anna.post(f"{home}/rules/pierwsza", by_hand)
    assert status == 422 and "b: c" in page, "what was typed stays"


async def test_the_second_to_save_the_same_rule_sees_both_texts(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    number = int(home.split("/")[-1])
    other = lambda text: text.replace("name: Pierwsza", "name: Kolegi")  # noqa: E731
    await sqlite_store.write(lambda tx: change(tx, scope, number, other, Change(kind="change"), 1))
    fields = posted(rule_source(SOURCE, "pierwsza"))
    fields["name"] = "Moja"
    status, page = await anna.post(f"{home}/rules/pierwsza", fields)
    assert status == 409 and "name: Kolegi" in page and "name: Moja" in page
    assert 'name="revision" value="2"' in page and 'value="Moja"' in page
    assert "name: Kolegi" in await stored(sqlite_store, scope, home)
    fields["revision"] = "2"
    assert (await anna.post(f"{home}/rules/pierwsza", fields))[0] == 303
    mine = posted(rule_source(SOURCE, "druga"))
    mine["name"] = "Bez kłopotu"
    assert (await anna.post(f"{home}/rules/druga", mine))[0] == 303
    text = await stored(sqlite_store, scope, home)
    assert "name: Moja" in text and "name: Bez kłopotu" in text


async def test_a_new_rule_stands_where_it_was_asked_for(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    _, page = await anna.get(f"{home}/new-rule?after=pierwsza")
    assert 'id="problems" aria-live="polite"></div>' in page, "nothing is told of what nobody has begun"
    text = "- id: nowa\n  do: {spam: true}\n"
    assert (await anna.post(f"{home}/new-rule", posted(text, after="pierwsza")))[0] == 303
    assert names(await stored(sqlite_store, scope, home), "rule") == ("pierwsza", "nowa", "druga")
    status, page = await anna.post(f"{home}/new-rule", posted(text.replace("spam", "mask"), revision="2"))
    assert status == 422 and "należy już do innej reguły" in page
    other = posted("- id: w-sekcji\n  do: {spam: true}\n", section="firmy", revision="2")
    other.popall("revision")
    other["revision"] = "2"
    assert (await anna.post(f"{home}/new-rule", other))[0] == 303
    source = await stored(sqlite_store, scope, home)
    assert names(source, "rule") == ("pierwsza", "nowa", "druga", "w-sekcji")
    assert "      - id: w-sekcji" in source


async def test_what_is_in_use_is_not_taken_away(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    status, page = await anna.post(
        f"{home}/names/remove", {"kind": "words", "name": "zasilki", "revision": "1"}
    )
    assert status == 409 and "„zasilki” jest używane w pierwsza" in page
    body = {"words": "zasiłek\r\nrenta\r\n\r\nrenta", "revision": "1"}
    assert (await anna.post(f"{home}/words/zasilki", body))[0] == 303
    text = await stored(sqlite_store, scope, home)
    assert fields_of(text, "zasilki", "words") == ["zasiłek", "renta"] and "# one" in text


async def test_a_draft_that_cannot_be_read_leads_to_its_text(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    assert (await anna.post(f"{home}/yaml", {"text": "rules: [", "revision": "1"}))[0] == 303
    status, page = await anna.get(home)
    assert status == 200 and f"{home}/yaml" in page and "nie da się odczytać" in page
    assert (await anna.get(f"{home}/names"))[0] == 303, "to the text"
    status, page = await anna.get(f"{home}/yaml")
    assert status == 200 and "rules: [" in page
    number = int(home.split("/")[-1])
    await sqlite_store.write(lambda tx: undo_change(tx, scope, number))
    assert await stored(sqlite_store, scope, home) == SOURCE


async def test_what_was_typed_into_a_draft_that_a_colleague_closed_stays_in_its_form(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    number = int(home.split("/")[-1])
    await sqlite_store.write(lambda tx: discard(tx, scope, number))
    typed = posted(rule_source(SOURCE, "pierwsza"))
    typed["name"] = "Mozolnie napisana"
    status, page = await anna.post(f"{home}/rules/pierwsza", typed)
    assert status == 409 and 'value="Mozolnie napisana"' in page and "Ten szkic jest zamknięty" in page
    whole = {"text": f"{SOURCE}# napisane mozolnie\n", "revision": "1"}
    status, page = await anna.post(f"{home}/yaml", whole)
    assert status == 409 and "# napisane mozolnie" in page and "Ten szkic jest zamknięty" in page


async def opened_draft(store: Store, scope: Scope, source: str) -> str:
    made = await store.write(lambda tx: open_draft(tx, scope, source=source))
    return f"/admin/rules/drafts/{made.id}"


async def test_what_cannot_be_changed_by_a_form_leads_to_the_text(
    anna: Browser, sqlite_store: Store, scope: Scope
) -> None:
    brackets = "rules: [{id: a, do: {queue: q}}]\nconditions: {c: {channel: sms}}\ndefault: {queue: q}\n"
    twice = "rules:\n  - id: a\n    do: {queue: q}\n  - id: a\n    do: {queue: q}\ndefault: {queue: q}\n"
    for source, path in ((brackets, "/rules/a"), (brackets, "/conditions/c"), (twice, "/rules/a")):
        home = await opened_draft(sqlite_store, scope, source)
        assert (await anna.get(home + path))[0] == 303, "to the text"


async def test_a_section_that_a_finding_names_is_found(anna: Browser, home: str) -> None:
    assert (await anna.get(f"{home}/rules/firmy"))[0] == 303


async def test_who_uses_a_list_is_one_click_away_whatever_its_name(
    anna: Browser, sqlite_store: Store, scope: Scope
) -> None:
    used = "{words: {list: a/b}}"
    home = await opened_draft(
        sqlite_store,
        scope,
        f"words:\n  a/b: [x]\nconditions:\n  c/d: {used}\nrules:\n  - section: s\n    when: {used}\n    rules:\n"
        f"      - id: r\n        when: {used}\n        do: {{queue: q}}\ndefault: {{queue: q}}\n",
    )
    links = set(
        re.findall(rf'href="({home}/(?:words|conditions)/[^"]+)"', (await anna.get(f"{home}/names"))[1])
    )
    assert len(links) == 2
    page = (await anna.get(f"{home}/words/a%2Fb"))[1]
    links |= set(re.findall(rf'href="({home}/(?:rules|sections|conditions)/[^"]+)"', page))
    assert len(links) == 4
    for link in links:
        assert (await anna.get(link))[0] == 200, link


async def test_the_id_of_a_section_is_taken_once(anna: Browser, home: str) -> None:
    for taken in ("firmy", "druga"):
        status, page = await anna.post(f"{home}/sections", {"id": taken, "name": "X", "revision": "1"})
        assert status == 409 and "należy już do innej reguły" in page


async def test_a_section_moves_past_the_rules_beside_it(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    body = {"rule": "firmy", "kind": "section", "to": "up"}
    assert (await anna.post(f"{home}/move", {**body, "revision": "1"}))[0] == 303
    text = await stored(sqlite_store, scope, home)
    assert names(text, "rule") == ("druga", "pierwsza")
    status, page = await anna.post(f"{home}/move", {**body, "revision": "2"})
    assert status == 409 and "nie da się już przesunąć" in page


async def test_two_new_rules_that_were_offered_the_same_id_are_both_kept(
    anna: Browser, home: str, sqlite_store: Store, scope: Scope
) -> None:
    number = int(home.split("/")[-1])
    theirs = "- id: nowa-1\n  name: Kolegi\n  do: {spam: true}\n"
    other = lambda text: insert_rule(text, theirs)  # noqa: E731
    await sqlite_store.write(lambda tx: change(tx, scope, number, other, Change(kind="add"), 1))
    mine = posted("- id: nowa-1\n  name: Moja\n  do: {mask: true}\n")
    status, page = await anna.post(f"{home}/new-rule", mine)
    assert status == 409 and "„nowa-1”" in page and 'value="nowa-2"' in page and "name: Moja" in page
    again = posted("- id: nowa-2\n  name: Moja\n  do: {mask: true}\n")
    again["revision"] = "2"
    assert (await anna.post(f"{home}/new-rule", again))[0] == 303
    assert names(await stored(sqlite_store, scope, home), "rule") == ("pierwsza", "druga", "nowa-1", "nowa-2")


async def test_a_test_keeps_what_its_form_cannot_show(
    anna: Browser, sqlite_store: Store, scope: Scope
) -> None:
    source = SOURCE + (
        "tests:\n  - name: t\n    message: {text: a}\n"
        "    expect: {queue: null, tags: null, priority: 2, office: null}\n"
    )
    home = await opened_draft(sqlite_store, scope, source)
    status, page = await anna.get(f"{home}/test?name=t")
    assert status == 200 and "queue, tags, office" in page and '<option value="2" selected>' in page
    form = {"revision": "1", "was": "t", "name": "t", "text": "b", "queue": "", "tags": "", "priority": "2"}
    assert (await anna.post(f"{home}/test", {**form, "office": ""}))[0] == 303
    assert await stored(sqlite_store, scope, home) == source.replace("text: a", "text: b")
    form |= {"revision": "2", "queue": "bezrobotni", "priority": ""}
    assert (await anna.post(f"{home}/test", form))[0] == 303
    said = fields_of(await stored(sqlite_store, scope, home), "t", "sample")
    assert said["expect"] == {"queue": "bezrobotni", "tags": None, "office": None}  # type: ignore[index, call-overload]


async def test_the_beginning_and_the_end_are_those_of_all_rules(
    anna: Browser, sqlite_store: Store, scope: Scope
) -> None:
    rule = "  - id: r{n}\n    do: {{queue: q}}\n"
    many = "rules:\n" + "".join(rule.format(n=n) for n in range(FEW + 1)) + "default: {queue: q}\n"
    home = await opened_draft(sqlite_store, scope, many)
    _, first = await anna.get(home)
    _, last = await anna.get(f"{home}?page=2")
    _, found = await anna.get(f"{home}?q=r7")
    assert [page.count("na sam początek") for page in (first, last, found)] == [1, 0, 0]
    assert [page.count("na sam koniec") for page in (first, last, found)] == [0, 1, 0]
    assert f'data-count="{FEW + 1}"' in last and f'data-number="{FEW + 1}"' in last


def test_of_many_rules_a_page_shows_some() -> None:
    rule = "  - id: r{n}\n    when: {{words: słowo{n}}}\n    do: {{queue: q}}\n"
    source = "rules:\n" + "".join(rule.format(n=n) for n in range(FEW * 2 + 1)) + "default: {queue: q}\n"
    labels = Names(say=lambda text, **_: text, plural=lambda one, many, number: many, known={})
    first, last = listing(source, labels), listing(source, labels, page=9)
    assert (len(first.rows), first.pages, first.total) == (FEW, 3, FEW * 2 + 1)
    assert (last.page, [row.form.id for row in last.rows]) == (3, [f"r{FEW * 2}"])
    found = listing(source, labels, q="SLOWO77")
    assert [row.form.id for row in found.rows] == ["r77"]
    assert [row.number for row in found.rows] == [78]
