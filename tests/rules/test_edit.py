"""Edits of a rule file's text: what was not meant stays byte for byte, and what loads is what was meant.

The texts are made line by line here, so that the tests know every block without asking the code under test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.editing.edit import (
    Refused,
    block,
    digest,
    dump_rule,
    fields_of,
    insert,
    insert_rule,
    insert_section,
    move_rule,
    move_section,
    name_of,
    names,
    remove,
    remove_rule,
    replace,
    replace_rule,
    rule_source,
)
from rules.editing.patch import patch, set_field
from rules.files.load import load

OWN = Path("config/rules.yaml").read_text()

BODIES = (
    "- id: {id}\n  do: {{queue: a}}\n",
    "- id: {id}  # why\n  name: 'A: b'\n  when:\n    words: [zasiłek, żółw]\n  do:\n    queue: a\n",
    "- {{id: {id}, do: {{queue: a}}}}\n",
    "- {{id: {id},\n   do: {{queue: a}}}}  # flow\n",
    "-\n  id: {id}\n  do: {{queue: a}}\n  # a comment that ends it\n",
    "-   id: {id}\n    note: |\n      first\n        - id: no rule\n\n      # no comment\n    do: {{queue: a}}\n",
    "- id: {id}\n  do: {{queue: a}}\n  note: >-\n    the text\n    ends it\n",
    "- do:\n    tags:\n    - '{id} # x'\n    - b\n  id: {id}\n  then: continue\n",
    '- "id": "{id}"\n  note: "two\n    lines"\n  do: {{queue: a}}\n',
    "- id: {id}\n  do: {{queue: a}}\n  note: |+\n    kept\n\n",
)
ABOVE = ("", "# about {id}\n", "# - id: {id}\n#   do: nothing\n")
BETWEEN = ("", "\n", "\n\n", "\n# ---- a heading ----\n\n")

LISTS = st.lists(
    st.tuples(st.sampled_from(BODIES), st.sampled_from(ABOVE), st.sampled_from(BETWEEN)),
    min_size=1,
    max_size=6,
)


def indented(text: str, column: int) -> str:
    return "".join(" " * column + line if line.strip() else line for line in text.splitlines(keepends=True))


class File:
    """A rule file and what is known about it: its text, the blocks of its rules by id, the order of ids."""

    def __init__(
        self, rules: list[tuple[str, str, str]], column: int, end: str, last: bool, split: int
    ) -> None:
        self.blocks: dict[str, str] = {}
        text = "words:\n  w: [a]\n\nrules:\n"
        for n, (body, above, between) in enumerate(rules):
            name = f"r{n}"
            own = (above + body).format(id=name)
            inner = column
            if n == split:
                text += indented("- section: s\n  name: S\n  rules:\n", column)
            if n >= split:
                inner = column + 4
            made = indented(own, inner)
            self.blocks[name] = made.replace("\n", end)
            text += made + ("" if n == len(rules) - 1 else indented(between, inner))
        text += "\ndefault:\n  queue: a\n"
        if not last:
            text = text.rstrip("\n")
        self.text = text.replace("\n", end)
        self.ids = list(self.blocks)

    def untouched(self, made: str, *but: str) -> None:
        """Every other rule still stands there byte for byte."""
        for name in self.ids:
            if name not in but:
                assert self.blocks[name] in made, name


FILES = st.builds(
    File,
    LISTS,
    st.sampled_from((0, 2, 4)),
    st.sampled_from(("\n", "\r\n")),
    st.booleans(),
    st.integers(0, 8),
)


def ids(text: str) -> list[str]:
    """The rules in order, as another reader of YAML sees them."""
    found = []
    for item in yaml.load(text.removeprefix("\ufeff"), Loader=yaml.BaseLoader)["rules"]:  # noqa: S506 (makes only text)
        found += [rule["id"] for rule in item["rules"]] if "section" in item else [item["id"]]
    return found


@given(FILES, st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_taken_out_and_put_back_is_the_same(file: File, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(file.ids))
    assert list(names(file.text, "rule")) == ids(file.text) == file.ids
    own = rule_source(file.text, name)
    assert name_of(own) == name
    assert replace_rule(file.text, name, own) == file.text
    other = replace_rule(file.text, name, "- id: other\n  do: {queue: b}\n")
    file.untouched(other, name)
    assert ids(other) == ["other" if one == name else one for one in file.ids]
    back = replace_rule(other, "other", own)
    assert rule_source(back, name) == own
    assert back == file.text or "\n\n" in own or not file.text.endswith("\n")


@given(FILES, st.data())
@settings(max_examples=250, deadline=None)
def test_a_rule_moves_with_its_comments_and_nothing_else_does(file: File, data: st.DataObject) -> None:
    name, other = (data.draw(st.sampled_from(file.ids)) for _ in range(2))
    behind = data.draw(st.booleans())
    try:
        made = move_rule(file.text, name, after=other) if behind else move_rule(file.text, name, before=other)
    except Refused:
        assert "|+" in file.text  # blank lines below would become part of that text
        return
    file.untouched(made, name)
    wanted = [one for one in file.ids if one != name or other == name]
    if other != name:
        wanted.insert(wanted.index(other) + behind, name)
    assert ids(made) == wanted
    assert rule_source(made, name).rstrip() == rule_source(file.text, name).rstrip()
    assert "default:" in made
    assert made.count("# ---- a heading") == file.text.count("# ---- a heading")


@given(FILES, st.data())
@settings(max_examples=150, deadline=None)
def test_a_rule_comes_in_and_goes(file: File, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(file.ids))
    new = "# why\n- id: new\n  note: |\n    two\n\n    lines\n  do: {queue: b}\n"
    side = data.draw(st.sampled_from(("before", "after")))
    made = insert_rule(file.text, new, **{side: other})
    file.untouched(made)
    wanted = list(file.ids)
    wanted.insert(wanted.index(other) + (side == "after"), "new")
    assert ids(made) == wanted
    assert rule_source(made, "new") == new
    gone = remove_rule(made, "new")
    file.untouched(gone)
    assert ids(gone) == file.ids
    without = remove_rule(file.text, other)
    file.untouched(without, other)
    assert list(names(without, "rule")) == [one for one in file.ids if one != other]
    assert f"about {other}" not in without


@given(FILES, st.data())
@settings(max_examples=150, deadline=None)
def test_one_field_changes_and_no_other_line(file: File, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(file.ids))
    key, value = data.draw(
        st.sampled_from(
            (("enabled", False), ("note", "x: y"), ("do", {"queue": "b", "tags": ["t"]}), ("name", "N"))
        )
    )
    made = set_field(file.text, name, str(key), value)  # type: ignore[arg-type]
    file.untouched(made, name)
    assert fields_of(made, name) == {**fields_of(file.text, name), key: value}  # type: ignore[dict-item]
    assert ids(made) == file.ids
    again = set_field(made, name, "enabled", None)
    assert "enabled" not in fields_of(again, name)  # type: ignore[operator]


WORDS = st.text(min_size=1, max_size=12).map(str.strip).filter(bool)
LEAVES = st.one_of(
    WORDS.filter(lambda text: all(letter.isprintable() or letter in "\n\t" for letter in text)),
    st.integers(-5, 10**6),
    st.booleans(),
    st.sampled_from(
        (
            "true",
            "no",
            "5",
            "0x1",
            "a: b",
            "- a",
            "#a",
            "a #b",
            "'",
            '"',
            "null",
            "~",
            "2026-01-01",
            "@a",
            "*",
        )
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("any", "words", "do", "list", "ż", "a b")), inner)
    ),
    max_leaves=12,
)


@given(TREES, TREES)
@settings(max_examples=300, deadline=None)
def test_any_data_are_written_and_patched_into_the_same_data(before: object, after: object) -> None:
    text = f"# above\n{dump_rule({'id': 'a', 'when': before, 'then': 'stop'})}"  # type: ignore[dict-item]
    wanted = {"id": "a", "when": after, "then": "continue"}
    assert fields_of(f"rules:\n{text}", "a") == {"id": "a", "when": before, "then": "stop"}
    made = patch(text, wanted)  # type: ignore[arg-type]
    assert made.startswith("# above\n- ")
    assert loosely(fields_of(f"rules:\n{made}", "a")) == loosely(wanted)


def loosely(data: object) -> object:
    """Data in which a number is the text that it is written as: rule files do not tell them apart."""
    if isinstance(data, dict):
        return {key: loosely(value) for key, value in data.items()}
    if isinstance(data, list):
        return list(map(loosely, data))
    return str(data) if type(data) is int else data


def test_a_changed_word_is_a_changed_line() -> None:
    text = rule_source(OWN, "komentarz-dane-kontaktowe")
    fields = fields_of(OWN, "komentarz-dane-kontaktowe")
    assert isinstance(fields, dict)
    fields["when"]["any"][0] = {"words": "telefon"}
    changed = patch(text, fields).splitlines()
    assert [a for a, b in zip(changed, text.splitlines(), strict=True) if a != b] == [
        "      - words: telefon"
    ]


def test_comments_inside_a_rule_stay_where_nothing_changed() -> None:
    fields = fields_of(OWN, "pracodawca", "condition")
    assert isinstance(fields, dict)
    fields["any"][5]["phrase"]["any"].append("nowe słowo")
    made = patch(block(OWN, "condition", "pracodawca"), fields, "condition")
    assert "# Exactly so:" in made and "are what job seekers write" in made and "- nowe słowo" in made


FLAT = """\
# Rules without sections, lists and tests of some kinds.

words:
  spam: [kasyno]

conditions:
  pisemnie:
    channel: [email, form]

rules:
  # ---- safety ----

  - id: kryzys
    when: {words: samobójstwo}
    do: {distress: kryzys}
    then: continue

  - id: przemoc
    when: {words: gwałt}
    do: {distress: przemoc}
    then: continue

  # ---- machines ----

  - id: automaty
    when: {automatic: true}
    do: {queue: informacja}

  # What nobody reads.
  - id: spam
    when:
      condition: pisemnie
      words: {list: spam}
    do: {spam: true}

  - id: techniczne-inne
    when: {words: aplikacja}
    do: {queue: techniczne}

default: {queue: informacja}
"""


def test_a_number_that_is_written_otherwise_stays_a_number() -> None:
    """A part of a line in brackets is written anew with its neighbours, and 0.80 in quotation marks is refused."""
    text = "- id: a\n  when: {language: {is: uk, confidence: 0.80}, length: {min: 007}}\n  do: {queue: x}\n"
    source = f"rules:\n{indented(text, 2)}default: {{queue: x}}\n"
    fields: Any = fields_of(source, "a")
    fields["when"]["language"]["is"] = "ru"
    made = replace_rule(source, "a", patch(text, fields))
    assert "{is: ru, confidence: 0.80}" in made
    assert "{min: 007}" in made
    load(made)


def test_sections_are_moved_whole_and_filled() -> None:
    text = insert_section(FLAT, "# the staff\n- section: kadry\n  name: Kadry\n  rules: []\n", before="spam")
    text = move_rule(move_rule(text, "spam", section="kadry"), "kryzys", before="spam")
    assert names(text, "section") == ("kadry",)
    assert rule_source(text, "spam") == rule_source(FLAT, "spam")
    moved = move_section(text, "kadry", after="techniczne-inne")
    assert moved.index("section: kadry") > moved.index("id: techniczne-inne")
    assert names(moved, "rule")[-3:] == ("techniczne-inne", "kryzys", "spam")
    assert "# the staff" in block(moved, "section", "kadry")
    home = remove(
        move_rule(move_rule(text, "spam", after="automaty"), "kryzys", before="przemoc"), "section", "kadry"
    )
    assert home == FLAT


def test_named_entries_come_and_go() -> None:
    text = insert(FLAT, "words", "urlop:\n  - urlop\n  - wakacje\n")
    assert text.index("urlop:") < text.index("conditions:")
    text = replace(text, "words", "urlop", "urlop: [urlop]\n")
    assert fields_of(text, "urlop", "words") == ["urlop"]
    assert remove(text, "words", "urlop") == FLAT
    text = insert(FLAT, "schedule", "dyżur:\n  - {days: mon-fri}\n")
    assert text.index("conditions:") < text.index("schedules:") < text.index("rules:")
    text = insert(FLAT, "sample", "- name: A\n  message: {channel: email}\n  expect: {queue: spam}\n")
    assert text.index("techniczne-inne") < text.index("tests:") < text.index("default:")
    assert names(text, "sample") == ("A",)


def test_a_file_without_rules_gets_its_first() -> None:
    rule = "- id: a\n  do: {queue: x}\n"
    for text in (
        "default: {queue: x}",
        "rules: []\ndefault: {queue: x}",
        "rules:\n# none\ndefault: {queue: x}\n",
    ):
        assert ids(insert_rule(text, rule)) == ["a"]
    empty = remove_rule("rules:\n  - id: a\n    do: {queue: x}\ndefault: {queue: x}\n", "a")
    assert empty == "rules: []\ndefault: {queue: x}\n"


def test_a_byte_order_mark_stays() -> None:
    text = "\ufeff" + OWN
    assert set_field(text, "spam", "enabled", False).startswith("\ufeff# yaml")
    assert remove_rule(text, "spam") == "\ufeff" + remove_rule(OWN, "spam")


def test_the_digest_is_of_the_rule_alone() -> None:
    other = set_field(OWN, "kryzys", "enabled", False)
    assert digest(other, "spam") == digest(OWN, "spam")
    assert digest(other, "kryzys") != digest(OWN, "kryzys")
    assert digest(OWN.replace("\n", "\r\n"), "spam") == digest(OWN, "spam")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules: [{id: a, do: {queue: x}}]", "brackets"),
        ("rules:\n- &a {id: a}\n- *a", "anchors"),
        ("rules:\n  - id: a\n   do: x", "this line does not fit"),
        ("? rules\n: - id: a\n    do: {queue: x}\n", "more than one thing"),
        ("rules:\n  - id: a\n  - id: a\n", "twice"),
        ("rules:\n  - id: b\n", "no “a”"),
        ("", "empty"),
        ("a: 1\n---\nb: 2\n", "one document"),
    ],
)
def test_what_cannot_be_changed_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        remove_rule(text, "a")
    assert str(refused.value)[-1] in ".!?" and "{" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["id: a", "- id: a\n- id: b", "[{id: a}]", "- a", "", "- id: a\n b: c", "&x [a]"]
)
def test_a_text_that_is_no_rule_does_not_come_in(text: str) -> None:
    with pytest.raises(Refused):
        insert_rule(OWN, text) if name_of(text) else None
