"""Two people's changes of one rule file: what stands apart is put together, what clashes is named, nothing is lost."""

from __future__ import annotations

from functools import partial, reduce
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.editing.edit import Kind, Refused, insert_rule, move_rule, move_section, remove
from rules.editing.edit import names as names_in
from rules.editing.merge import Clash, Merged, longest_rising, merge
from rules.editing.pieces import Key, pieces
from rules.files.load import load

BASE = """\
# Reguły
words:
  spam: [kasyno]
  # o pieniądzach
  ulgi:
    - dotacja

rules:
  # pierwsza
  - id: a
    name: A
    note: |
      # to nie jest komentarz
    do: {queue: x}

  - id: b
    name: B
    do: {queue: x}
  - id: c
    name: C
    do: {queue: x}   # tu
default: {queue: x}
tests:
  - name: pierwszy
    message: {text: a}
    expect: {queue: x}
"""


def clean(base: str, ours: str, theirs: str) -> str:
    found = merge(base, ours, theirs)
    assert found.clashes == ()
    return found.text


def ids(text: str) -> list[str]:
    return [piece.key.name for piece in pieces(text) if piece.key.kind == "rule"]


def test_the_pieces_are_the_file() -> None:
    assert "".join(piece.text for piece in pieces(BASE)) == BASE
    assert [str(piece.key.kind) + ":" + piece.key.name for piece in pieces(BASE)] == [
        "top:words",
        "words:spam",
        "words:ulgi",
        "top:rules",
        "rule:a",
        "rule:b",
        "rule:c",
        "top:default",
        "top:tests",
        "test:pierwszy",
    ]
    named = {piece.key.name: piece.text for piece in pieces(BASE)}
    assert named["ulgi"].startswith("  # o pieniądzach\n")
    assert named["a"].startswith("  # pierwsza\n") and "# to nie jest komentarz" in named["a"]


def test_sections_hold_rules_that_are_pieces_too() -> None:
    text = (
        "rules:\n  - section: s\n    rules:\n      - id: a\n        do: {queue: x}\n"
        "    when: {channel: sms}\n  - id: b\n    do: {queue: x}\n"
    )
    assert [(piece.key.kind, piece.key.name) for piece in pieces(text)] == [
        ("top", "rules"),
        ("section", "s"),
        ("rule", "a"),
        ("section-end", "s"),
        ("rule", "b"),
    ]
    assert "".join(piece.text for piece in pieces(text)) == text


def test_changes_of_different_rules_are_put_together() -> None:
    ours = BASE.replace("name: A", "name: Nasza")
    theirs = BASE.replace("name: C", "name: Ich").replace("[kasyno]", "[kasyno, ruletka]")
    assert clean(BASE, ours, theirs) == ours.replace("name: C", "name: Ich").replace(
        "[kasyno]", "[kasyno, ruletka]"
    )


def test_the_same_change_twice_is_one() -> None:
    both = BASE.replace("name: A", "name: Ta sama")
    assert clean(BASE, both, both.replace("name: C", "name: D")) == both.replace("name: C", "name: D")


def test_a_rule_that_both_changed_is_named_with_all_texts() -> None:
    found = merge(BASE, BASE.replace("name: B", "name: Nasza"), BASE.replace("name: B", "name: Ich"))
    (clash,) = found.clashes
    assert clash.key == Key("rule", "b") and not clash.order
    assert "name: B" in clash.base and "name: Nasza" in clash.ours and "name: Ich" in clash.theirs
    assert "name: Nasza" in found.text
    ours, theirs = BASE.replace("name: B", "name: Nasza"), BASE.replace("name: B", "name: Ich")
    assert "name: Ich" in merge(BASE, ours, theirs, {clash.key: "theirs"}).text
    assert merge(BASE, ours, theirs, {clash.key: "theirs"}).clashes == ()
    assert "name: Nasza" in merge(BASE, ours, theirs, {clash.key: "ours"}).text


def test_removed_here_and_changed_there_is_a_clash() -> None:
    removed = BASE.replace("  - id: b\n    name: B\n    do: {queue: x}\n", "")
    changed = BASE.replace("name: B", "name: Ich")
    (clash,) = merge(BASE, removed, changed).clashes
    assert (clash.ours, clash.key.name) == ("", "b") and "name: Ich" in clash.theirs
    (clash,) = merge(BASE, changed, removed).clashes
    assert clash.theirs == ""
    assert "id: b" not in merge(BASE, changed, removed, {clash.key: "theirs"}).text
    assert clean(BASE, removed, BASE.replace("name: A", "name: Z")) == removed.replace("name: A", "name: Z")


def test_moved_here_and_changed_there() -> None:
    b = "  - id: b\n    name: B\n    do: {queue: x}\n"
    moved = BASE.replace(b, "").replace("  # pierwsza", b + "  # pierwsza")
    changed = BASE.replace("name: B", "name: Ich")
    for ours, theirs in ((moved, changed), (changed, moved)):
        text = clean(BASE, ours, theirs)
        assert ids(text) == ["b", "a", "c"] and "name: Ich" in text


def test_what_both_moved_elsewhere_is_a_clash_of_order() -> None:
    base, first, last = (written(list(order), {}) for order in ("abcde", "acdbe", "acdeb"))
    found = merge(base, first, last)
    assert [(clash.key.name, clash.order) for clash in found.clashes] == [("b", True)]
    assert ids(merge(base, first, last, {Key("rule", "b"): "ours"}).text) == list("acdbe")
    assert ids(merge(base, first, last, {Key("rule", "b"): "theirs"}).text) == list("acdeb")


def test_added_rules_stand_where_they_were_put() -> None:
    new = "  - id: {0}\n    do: {{queue: x}}\n"
    ours = BASE.replace("  # pierwsza", new.format("n1") + "  # pierwsza")
    theirs = BASE.replace("default:", new.format("n2") + "default:")
    assert ids(clean(BASE, ours, theirs)) == ["n1", "a", "b", "c", "n2"]


TWO = {
    "rules": """\
rules:
  - id: one
    do: {tags: [a]}
  - id: two
    do: {tags: [b]}
default: {queue: q}
""",
    "of a section": """\
rules:
  - section: night
    rules:
      - id: one
        do: {tags: [a]}
      - id: two
        do: {tags: [b]}
default: {queue: q}
""",
    "words": """\
words:
  one: [a]
  two: [b]
default: {queue: q}
""",
    "tests": """\
default: {queue: q}
tests:
  - name: one
    message: {text: a}
    expect: {queue: q}
  - name: two
    message: {text: b}
    expect: {queue: q}
""",
}


@pytest.mark.parametrize("of", TWO)
def test_the_last_two_of_a_list_removed_by_two_people_leave_a_rule_set(of: str) -> None:
    kind: Kind = "words" if of == "words" else "sample" if of == "tests" else "rule"
    found = merge(TWO[of], remove(TWO[of], kind, "one"), remove(TWO[of], kind, "two"))
    assert not found.clashes
    left = load(found.text)
    assert (left.rules, left.words, left.samples) == ((), {}, ())
    if kind == "rule":
        section = "night" if of == "of a section" else None
        again = load(insert_rule(found.text, "- id: new\n  do: {tags: [c]}\n", section=section))
        assert [(rule.id, rule.section) for rule in again.rules] == [("new", section or "")]


def test_lists_in_brackets_and_broken_texts_are_merged_as_a_whole() -> None:
    base = "rules: [{id: a, do: {queue: x}}, {id: b, do: {queue: x}}]\ndefault: {queue: x}\n"
    found = merge(base, base.replace("id: a", "id: c"), base.replace("id: b", "id: d"))
    assert [clash.key for clash in found.clashes] == [Key("top", "rules")]
    broken = merge("a: [", "a: [1", "a: [2")
    assert [clash.key.kind for clash in broken.clashes] == ["head"]
    assert merge("a: [", "a: [1", "a: [2", {Key("head"): "theirs"}).text.rstrip("\n") == "a: [2"


def test_only_one_side_changed_gives_that_side_to_the_letter() -> None:
    odd = BASE.rstrip("\n") + "   "
    assert merge(BASE, odd, BASE) == Merged(text=odd)
    assert merge(BASE, BASE, odd) == Merged(text=odd)


names = st.permutations(["a", "b", "c", "d", "e"])


def written(order: list[str], changed: dict[str, str]) -> str:
    rules = "".join(f"  # o {name}\n  - id: {name}\n    name: {changed.get(name, name)}\n" for name in order)
    return f"rules:\n{rules}default: {{queue: x}}\n"


def some(names: st.SearchStrategy[list[str]], mark: str) -> st.SearchStrategy[str]:
    """A file with some rules left out, in some order, some renamed."""
    changed = st.dictionaries(st.sampled_from("abcdef"), st.just(mark), max_size=2)
    kept = st.tuples(names, st.integers(0, 2), st.booleans())
    return st.builds(
        lambda parts, new: written(parts[0][parts[1] :] + (["f"] if parts[2] else []), new), kept, changed
    )


@given(ours=some(names, "nasza"), theirs=some(names, "ich"))
def test_a_merge_holds_each_rule_once_and_every_clash_can_be_settled(ours: str, theirs: str) -> None:
    base = written(list("abcde"), {})
    found = merge(base, ours, theirs)
    settled = merge(base, ours, theirs, {clash.key: "theirs" for clash in found.clashes})
    assert settled.clashes == ()
    for text in (found.text, settled.text):
        assert len(set(ids(text))) == len(ids(text))
    for piece in pieces(theirs):  # nothing that they changed alone is lost
        if piece.key.kind == "rule" and piece.said not in base:
            assert piece.said in settled.text
    for piece in pieces(ours):
        if piece.key.kind == "rule" and piece.said not in base and piece.key not in named(found.clashes):
            assert piece.said in settled.text


def named(clashes: tuple[Clash, ...]) -> set[Key]:
    return {clash.key for clash in clashes}


@given(st.lists(st.integers(0, 20), unique=True, max_size=7))
def test_the_longest_rising_part_is_rising_and_longest(numbers: list[int]) -> None:
    found = [numbers[i] for i in longest_rising(numbers)]
    assert found == sorted(found)
    rising = [part for size in range(8) for part in combinations(numbers, size) if list(part) == sorted(part)]
    assert len(found) == max(map(len, rising))


odd = st.text(alphabet="ab:-#[]{},'\"|>\n\r \t\x85\u2028\x0cż", max_size=80)
bits = st.lists(
    st.sampled_from(
        [
            "rules:\n",
            "  - id: a\n",
            "  - section: s\n    rules:\n      - id: b\n",
            "    when: x\n",
            "  -\n    id: c\n",
            "words:\n  w: [a]\n",
            "# uwaga\n",
            "  # uwaga\n",
            "\n",
            "default: {}\n",
            "tests: [{name: t}, {name: u}]\n",
            "conditions: {a: b, c: d}\n",
            "    note: |\n      # nie\n",
        ]
    ),
    max_size=9,
).map("".join)


@given(st.one_of(odd, bits))
def test_whatever_the_text_its_pieces_are_the_text(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text
    keys = [piece.key for piece in pieces(text)]
    assert len(set(keys)) == len(keys)


@given(st.one_of(odd, bits), st.one_of(odd, bits), st.one_of(odd, bits))
def test_any_three_texts_merge_or_clash(base: str, ours: str, theirs: str) -> None:
    found = merge(base, ours, theirs)
    settled = merge(base, ours, theirs, {clash.key: "theirs" for clash in found.clashes})
    whole = [clash.key for clash in settled.clashes]
    assert whole in ([], [Key("file")])


# --- sections --------------------------------------------------------------------------------------------------------

SECTIONS = """\
rules:
  - id: o
    do: {queue: x}
  - section: s1
    rules:
      - id: a
        do: {queue: x}
  - section: s2
    when: {channel: sms}
    rules:
      - id: b
        do: {queue: x}
  - section: s3
    rules:
      - id: c
        do: {queue: x}
default: {queue: x}
"""


def homes(text: str) -> dict[str, str]:
    return {piece.key.name: piece.section for piece in pieces(text) if piece.key.kind == "rule"}


def test_a_rule_put_into_a_section_stays_in_it_where_a_colleague_moves_sections() -> None:
    ours = insert_rule(SECTIONS, "- id: n\n  do: {queue: x}\n", section="s2")
    theirs = move_section(SECTIONS, "s1", after="s2")
    for text in (clean(SECTIONS, ours, theirs), clean(SECTIONS, theirs, ours)):
        assert homes(text)["n"] == "s2"
        assert ids(text) == ["o", "b", "n", "a", "c"]


def test_a_rule_put_into_a_section_that_a_colleague_removes_is_a_clash() -> None:
    added = insert_rule(SECTIONS, "- id: n\n  do: {queue: x}\n", section="s2")
    moved, removed = move_rule(SECTIONS, "a", section="s2"), remove(SECTIONS, "section", "s2")
    for ours, theirs in ((added, removed), (removed, added), (moved, removed), (removed, moved)):
        found = merge(SECTIONS, ours, theirs)
        assert found.clashes and found.text == ours


def worked_on(letter: str) -> st.SearchStrategy[str]:
    """The file after somebody added, moved and removed some of its rules and sections."""
    steps = st.lists(st.tuples(*(st.integers(0, 6) for _ in range(4))), min_size=1, max_size=3)
    return steps.map(lambda found: reduce(partial(stepped, letter), enumerate(found), SECTIONS))


def stepped(letter: str, text: str, step: tuple[int, tuple[int, ...]]) -> str:
    number, (deed, *chosen) = step
    rules, sections = names_in(text, "rule"), names_in(text, "section")
    every = (rules or ("",), sections or ("",), (*rules, *sections) or ("",))
    rule, section, other = (some[n % len(some)] for some, n in zip(every, chosen, strict=True))
    new = f"- id: {letter}{number}\n  do: {{queue: x}}\n"
    try:
        return (
            lambda: insert_rule(text, new, section=section),
            lambda: insert_rule(text, new, after=rule),
            lambda: move_rule(text, rule, after=other),
            lambda: move_rule(text, rule, section=section),
            lambda: move_section(text, section, after=other),
            lambda: remove(text, "rule", rule),
            lambda: remove(text, "section", section),
        )[deed]()
    except Refused:
        return text


@given(ours=worked_on("m"), theirs=worked_on("y"))
def test_every_rule_stands_in_the_section_where_somebody_put_it(ours: str, theirs: str) -> None:
    found = merge(SECTIONS, ours, theirs)
    if found.clashes:
        return
    was, mine, yours, text = (homes(one) for one in (SECTIONS, ours, theirs, found.text))
    for rule in was | mine | yours:
        gone = rule in was and (rule not in mine or rule not in yours)
        assert (rule in text) != gone
        if not gone:
            at = {one[rule] for one in (mine, yours) if rule in one}
            assert text[rule] in (at - {was.get(rule)} or at)
