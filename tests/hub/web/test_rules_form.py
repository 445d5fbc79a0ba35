"""The form of a rule against the language: every predicate and action has one, and it says again what it read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from hub.i18n import is_translated, translate, translate_plural
from hub.web.render import environment
from hub.web.rules import terms
from hub.web.rules.action_shapes import ACTION_SHAPES
from hub.web.rules.buttons import acted, at, path_of
from hub.web.rules.form import opened, posted_form, text_with
from hub.web.rules.parts import Part, fresh, read_root, write_actions, write_root
from hub.web.rules.said import Names, action_said, condition_said
from hub.web.rules.shapes import PREDICATE_SHAPES
from rules import load
from rules.editing.blocks import block, names, plain, read
from rules.editing.edit import dump_rule, rule_source
from rules.language import ACTIONS, EVENTS, PREDICATES, THENS

OWN = Path("config/rules.yaml").read_text()
DOCS = Path("docs/rules.md").read_text()
WHENS = re.findall(r"```yaml\n(when:.*?)\nyes:", DOCS, re.S)
DOS = re.findall(r"```yaml\n(do:.*?)\n(?:facts|gives):", DOCS, re.S)
SAY = Names(
    say=lambda text, **values: translate("pl", text, **values),
    plural=lambda one, many, number: translate_plural("pl", one, many, number),
    known={},
)

HEAD = (
    "words:\n  zasilki: [a]\n  w: [b]\nconditions:\n  po_godzinach: {holiday: true}\n"
    "schedules:\n  dyzur: [{days: mon-fri}]\n"
)


def test_every_predicate_and_action_has_a_form_and_a_name_in_polish() -> None:
    assert set(terms.PREDICATE_TERMS) == set(PREDICATES)
    assert set(terms.ACTION_TERMS) == set(ACTIONS)
    assert {predicate.shape for predicate in PREDICATES.values()} <= set(PREDICATE_SHAPES)
    assert {action.shape for action in ACTIONS.values()} <= set(ACTION_SHAPES)
    assert set(terms.EVENT_NAMES) == set(EVENTS) and set(terms.THEN_NAMES) == set(THENS)
    for term in terms.PREDICATE_TERMS.values():
        for text in filter(None, (term.name, term.said, term.denied)):
            assert is_translated("pl", text), text
    for texts in terms.ACTION_TERMS.values():
        assert all(is_translated("pl", text) for text in texts), texts
    for kind, predicate in PREDICATES.items():
        term = terms.PREDICATE_TERMS[kind]
        shown = PREDICATE_SHAPES[predicate.shape].fresh
        assert bool(term.denied) == ("is" in shown), f"{kind}: a sentence for no, where it can be no"
        assert ("{value}" in term.said) != ("is" in shown), kind


def test_a_template_shows_a_form_for_each_shape() -> None:
    """Every shape stands in the template by name, or is one of those that are plain values."""
    source = environment().loader.get_source(environment(), "rules/shapes.html")[0]  # type: ignore[union-attr]
    named = set(re.findall(r"'(\w+)'", source))
    assert {predicate.shape for predicate in PREDICATES.values()} - named <= {"values"}
    assert {action.shape for action in ACTIONS.values()} - named <= {"name", "text"}


@pytest.mark.parametrize("when", WHENS)
def test_every_documented_condition_is_read_and_written_again(when: str) -> None:
    node = read(when).tree.entries["when"]  # type: ignore[union-attr]
    known: dict[Part, Any] = {}
    part = read_root(node, known)
    assert not [one for one in every(part) if one.raw]
    assert meaning({"when": write_root(part, known)}) == meaning({"when": yaml_of(when)["when"]})
    assert meaning({"when": write_root(part, {})}) == meaning({"when": yaml_of(when)["when"]})
    assert str(condition_said(part, SAY)).count("{") == 0 or "regex" in when


@pytest.mark.parametrize("do", DOS)
def test_every_documented_action_is_read_and_written_again(do: str) -> None:
    form = opened(f"- id: a\n  {do}\n", "rule").form
    assert form.do and not any(part.raw for part in form.do)
    written = load(
        f"{HEAD}rules:\n{dump_rule({'id': 'a', 'do': write_actions(form.do, {})})}default: {{spam: true}}\n"
    )
    assert (
        written.rules[0].actions
        == load(f"{HEAD}rules:\n- id: a\n  {do}\ndefault: {{spam: true}}\n").rules[0].actions
    )
    assert all(action_said(part, SAY) for part in form.do)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("unanswered: 4h", "przez co najmniej 4 godziny"),
        ("unanswered: {min: 1h, open_hours: true}", "przez co najmniej 1 godzinę"),
        ("waiting: {min: 1m, max: 2h}", "czeka 1 minutę – 2 godziny"),
        ("history: {min: 2, days: 1}", "co najmniej 2 w ostatnim 1 dniu"),
        ("returning: {days: 14}", "w ostatnich 14 dniach"),
        ("waiting: {max: 22m}", "czeka najwyżej 22 minuty"),
        ("queue_waiting: {informacja: {min: 1d}}", "co najmniej 1 dzień"),
        ("queue_load: {informacja: {min: 20}}", "co najmniej 20"),
        ("tags: [pilne, vip]", "ma etykietę pilne lub vip"),
        ("attachment: {type: [image/*, text/*], min_size: 1 MB}", "image/* lub text/* i co najmniej 1 MB"),
        (
            "all: [{not: {pesel: true}}, {phone: true}]",
            "(nie jest tak, że w tekście jest numer PESEL) i w tekście",
        ),
    ],
)
def test_a_sentence_says_what_the_condition_asks(when: str, said: str) -> None:
    part = read_root(read(f"when: {{{when}}}").tree.entries["when"], {})  # type: ignore[union-attr]
    assert said in condition_said(part, SAY).striptags()


def test_an_action_with_several_values_does_all_of_them() -> None:
    form = opened("- id: a\n  do: {tags: [pilne, vip], notify: [anna, ewa]}\n", "rule").form
    said = [action_said(part, SAY).striptags() for part in form.do]
    assert "pilne i vip" in said[0] and "anna i ewa" in said[1]


def test_a_timer_without_a_name_is_no_fault_of_the_page() -> None:
    form = opened('- id: a\n  do: {timer: {" ": 2d, b: 1h}}\n', "rule").form
    assert "b (1 godzinę)" in action_said(form.do[0], SAY).striptags()


def yaml_of(text: str) -> Any:
    return plain(read(text).tree)


def every(part: Part) -> list[Part]:
    return [part, *(inner for item in part.items for inner in every(item))]


def meaning(rule: dict[str, Any]) -> Any:
    """The condition that a rule file with this rule has."""
    made = dump_rule(
        {"id": "a", **{key: value for key, value in rule.items() if value is not None}, "do": {"spam": True}}
    )
    condition = load(f"{HEAD}rules:\n{made}default: {{spam: true}}\n").rules[0].when
    return re.sub(
        r"line=\d+",
        "",
        re.sub(r"\bvalues=\(([^)]*)\)", lambda m: str(sorted(m[1].split(", "))), repr(condition)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rule", "section", "condition", "schedule", "default"])
def test_a_form_that_nobody_touched_changes_nothing(kind: Any) -> None:
    for name in ("default",) if kind == "default" else names(OWN, kind):
        text = block(OWN, kind, name)
        found = opened(text, kind)
        assert text_with(found, found.form, kind) == text
        posted = posted_form(fields_of_form(found.form), kind, found.form)
        assert text_with(found, posted, kind) == text, name


def fields_of_form(form: Any) -> MultiDict[str]:
    """The fields that a browser posts for a form, made from its parts as the templates do."""
    posted: MultiDict[str] = MultiDict(
        {
            "id": form.id,
            "name": form.name,
            "note": form.note,
            "from": form.first,
            "until": form.last,
            "then": form.then,
        }
    )
    if form.enabled:
        posted.add("enabled", "1")
    for event in form.on:
        posted.add("on", event)
    add_part(posted, "w", form.when)
    posted.add("d:n", str(len(form.do)))
    for i, part in enumerate(form.do):
        add_part(posted, f"d-{i}", part)
    return posted


def add_part(posted: MultiDict[str], path: str, part: Part) -> None:
    posted.add(f"{path}:kind", part.kind)
    if part.raw:
        posted.add(f"{path}:raw", "1")
    for name, values in part.fields:
        for value in values:
            posted.add(f"{path}.{name}", value.replace("\n", "\r\n"))
    if part.group:
        posted.add(f"{path}:n", str(len(part.items)))
        if part.together:
            posted.add(f"{path}:together", "1")
        for i, item in enumerate(part.items):
            add_part(posted, f"{path}-{i}", item)


def test_one_text_of_several_lines_stays_one() -> None:
    text = (
        '- id: a\n  when:\n    any:\n    - phrase: {any: ["wniosek\\no zasiłek"], gap: 2}\n'
        '    - words: |\n        urlop\n        macierzyński\n  do: {topic: "dwa\\nwiersze"}\n'
    )
    found = opened(text, "rule")
    posted = fields_of_form(found.form)
    for name, value in list(posted.items()):
        posted[name] = value.replace("\r\n", "") if name.endswith(".value") else value
    posted["name"] = "Nowa"
    made = text_with(found, posted_form(posted, "rule", found.form), "rule")
    assert made == text.replace("- id: a\n", "- id: a\n  name: Nowa\n")


def test_one_changed_word_is_one_changed_line() -> None:
    found = opened(rule_source(OWN, "spam"), "rule")
    posted = fields_of_form(found.form)
    posted["name"] = "Spam i reklamy"
    made = text_with(found, posted_form(posted, "rule", found.form), "rule")
    changed = [(a, b) for a, b in zip(found.text.splitlines(), made.splitlines(), strict=True) if a != b]
    assert changed == [("  name: Spam", "  name: Spam i reklamy")]


def test_a_form_leaves_alone_what_a_browser_sends_back_otherwise() -> None:
    """Browsers know no line end at the end of a note; a range without an upper end is sent with a unit."""
    text = "- id: a\n  note: |\n    Dwa\n    wiersze\n  when: {waiting: {min: 240}}\n  do: {queue: x}\n"
    found = opened(text, "rule")
    posted = fields_of_form(found.form)
    posted["note"] = posted["note"].strip()
    posted["w-0.high_unit"] = "m"
    posted["name"] = "Nowa"
    made = text_with(found, posted_form(posted, "rule", found.form), "rule")
    assert made == text.replace("  note", "  name: Nowa\n  note")


def test_what_a_form_cannot_show_is_edited_as_text() -> None:
    found = opened(
        "- id: a\n  when: {words: {any: [a], odd: 1}, unheard_of: {x: 1}}\n  do: {queue: [a, b]}\n", "rule"
    )
    assert [part.kind for part in every(found.form.when) if part.raw] == ["words", "unheard_of"]
    assert found.form.do[0].raw
    assert text_with(found, posted_form(fields_of_form(found.form), "rule", found.form), "rule") == found.text


TREES = st.recursive(
    st.sampled_from(sorted(PREDICATES)).map(fresh),
    lambda inner: st.builds(
        lambda kind, items: Part(kind=kind, items=tuple(items)),
        st.sampled_from(("all", "any", "not")),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)
DEEDS = st.sampled_from(("up", "down", "remove", "out", "wrap-any", "wrap-not", "wrap-all", "unwrap", "add"))


@given(st.text(max_size=12))
def test_a_path_that_nobody_pressed_is_none(typed: str) -> None:
    """Digits in all writings of the world, of which some are no numbers."""
    assert all(step >= 0 for step in path_of(f"w-{typed}"))
    assert path_of("w-\N{SUPERSCRIPT TWO}-1") == (1,)


@given(st.lists(TREES, max_size=4), st.lists(st.tuples(DEEDS, st.lists(st.integers(0, 3), max_size=3))))
@settings(max_examples=200, deadline=None)
def test_buttons_keep_every_condition_but_those_taken_away(items: list[Part], deeds: list[Any]) -> None:
    root = Part(kind="all", items=tuple(items))
    for deed, path in deeds:
        before = leaves(root)
        there = at(root, tuple(path))
        made, focus = acted(root, deed, tuple(path), "channel")
        assert made.group and made.kind in ("all", "any")
        assert at(made, focus) is not None or not made.items
        if deed == "remove" and there is not None and path:
            assert len(before) - len(leaves(made)) == len(leaves(there))
        elif deed == "add":
            assert len(leaves(made)) == len(before) + (there is not None and there.group)
        else:
            assert sorted(leaves(made)) == sorted(before)
        root = made


def leaves(part: Part) -> list[str]:
    return [one.kind for one in every(part) if not one.group]


def test_a_posted_form_of_any_shape_is_taken() -> None:
    for text in ("w", "w-0-0-0-0", "d-0", "w:n", "w-0:kind"):
        posted: MultiDict[str] = MultiDict(
            {f"{text}.values": "a", text: "999999999", f"{text}:n": "-1", "w:kind": "any", "w:n": "3"}
        )
        assert posted_form(posted, "rule", opened("- id: a\n", "rule").form).when.kind in ("any", "all")


def test_the_empty_line_below_rows_is_no_row() -> None:
    text = "- id: a\n  when: {hours: ['08:00-16:00'], contact: {city: Łomża}}\n"
    found = opened(text, "rule")
    posted = fields_of_form(found.form)
    for name in ("w-0.from", "w-0.to", "w-1.key", "w-1.said"):
        posted.add(name, "")
    posted.add("w-1.mode", "one")
    for _ in range(2):
        form = posted_form(posted, "rule", found.form)
        assert form.when == found.form.when
        posted = fields_of_form(form)
    posted.add("w-1.key", "")
    posted.add("w-1.mode", "one")
    posted.add("w-1.said", "a value first")
    assert posted_form(posted, "rule", found.form).when.items[1].values("said") == ("Łomża", "a value first")
