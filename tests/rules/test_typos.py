"""One letter wrong: the index finds exactly the words at distance one, and rules ask for it one by one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rules
from rules import Facts
from rules.engine.typos import SHORTEST, Typos, may_be_misspelt, one_edit

words = st.text("abc", min_size=3, max_size=9)


def edits(word: str) -> set[str]:
    """Everything at distance one, over the letters of the test."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    return {
        word,
        *(a + b[1:] for a, b in cuts if b),
        *(a + letter + b[1:] for a, b in cuts if b for letter in "abc"),
        *(a + letter + b for a, b in cuts for letter in "abc"),
        *(a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1),
    }


@given(words, words)
@example("aabb", "abab")
@example("abc", "cba")
def test_one_edit_is_one_edit(one: str, other: str) -> None:
    assert one_edit(one, other) == (other in edits(one)) == one_edit(other, one)


@given(st.lists(words, max_size=8, unique=True), words)
def test_the_index_finds_what_looking_at_each_form_finds(forms: list[str], token: str) -> None:
    numbered = {form: [number] for number, form in enumerate(forms) if may_be_misspelt(form)}
    wanted = {number for form, (number,) in numbered.items() if token in edits(form)}
    assert set(Typos(numbered).find(token)) == wanted


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("zasiłek", True),
        ("ZASILEK", True),
        ("zasilik", True),
        ("zaislek", True),
        ("zasiłekk", True),
        ("asiłek", True),
        ("zasłek", True),
        ("zalisek", False),
        ("zaiełk", False),
        ("żąsilek", True),
    ],
)
def test_words_with_a_letter_wrong(text: str, hit: bool) -> None:
    one = "{id: a, when: {words: {any: zasiłek, typos: 1}}, do: {queue: q}}"
    compiled = rules.compile_rules(rules.load(f"rules: [{one}]\ndefault: {{queue: d}}"), rules.as_written)
    assert (rules.evaluate(compiled, Facts(text=f"mój {text}, proszę")).actions.queue == "q") is hit


def test_only_where_it_is_asked_for_and_never_in_short_words() -> None:
    text = (
        "rules:\n"
        "  - {id: strict, when: {words: praca}, do: {tags: s}, then: continue}\n"
        "  - {id: loose, when: {words: {any: praca, typos: 1}}, do: {tags: l}, then: continue}\n"
        "  - {id: short, when: {words: {any: staż, typos: 1}}, do: {tags: k}, then: continue}\n"
        "  - {id: number, when: {words: {any: pit37, typos: 1}}, do: {tags: n}, then: continue}\n"
        "  - {id: phrase, when: {phrase: {any: urząd pracy, typos: 1}}, do: {tags: p}, then: continue}\n"
        "default: {queue: d}"
    )
    compiled = rules.compile_rules(rules.load(text), rules.as_written)

    def matched(message: str) -> tuple[str, ...]:
        return rules.evaluate(compiled, Facts(text=message)).matched

    assert matched("praca") == ("strict", "loose")
    assert matched("prasa") == ("loose",)
    assert matched("staz stał start pit36") == ("short",)
    assert matched("Urzad prcay") == ("phrase",)
    assert "phrase" not in matched("urzędem prcay")
    assert SHORTEST == 5
