"""What changed between two rule sets, in words that an administrator would use, and as a unified diff."""

from __future__ import annotations

import pytest

from rules import load
from rules.diff import Change, diff, unified

BASE = """\
words:
  spam: [kasyno, ruletka]
conditions:
  noc: {hours: 20:00-06:00}
rules:
  - id: spam
    name: Spam
    when: {words: {list: spam}}
    do: {queue: spam, tags: [spam]}
  - id: kadry
    name: Kadry
    when: {channel: email, words: [umowa, etat]}
    do: {queue: kadry, priority: high}
  - id: zasilki
    name: Zasiłki
    when: {condition: noc}
    do: {queue: zasilki}
default: {queue: informacja}
"""


def told(after: str, before: str = BASE) -> list[str]:
    return [str(change.text) for change in diff(load(before), load(after))]


def moved(text: str, rule: str, before: str) -> str:
    """The file with one rule put before another one, or before the default."""
    start = text.index(f"  - id: {rule}\n")
    end = min(place for place in (text.find("  - id: ", start + 1), text.find("default:")) if place > 0)
    block, rest = text[start:end], text[:start] + text[end:]
    target = rest.index(before)
    return rest[:target] + block + rest[target:]


def test_nothing_changed() -> None:
    assert told(BASE) == []
    assert told("# uwaga\n" + BASE.replace("  - id: kadry", "\n  # o kadrach\n  - id: kadry")) == []
    assert unified(BASE, BASE, ("a", "b")) == ""


def test_a_moved_rule_is_told_once() -> None:
    assert told(moved(BASE, "zasilki", "  - id: kadry")) == ["Rule “Zasiłki” moved before “Kadry”"]
    assert told(moved(BASE, "spam", "default:")) == ["Rule “Spam” moved at the end"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[kasyno, ruletka]", "[ruletka, bitcoin]", "Word list “spam”: added bitcoin, removed kasyno"),
        ("[kasyno, ruletka]", "[ruletka, kasyno]", "Word list “spam”: put in another order"),
        ("queue: kadry,", "queue: hr,", "Rule “Kadry”: queue changed from kadry to hr"),
        ("priority: high", "priority: low", "Rule “Kadry”: priority changed from high to low"),
        (", priority: high", "", "Rule “Kadry”: no longer priority: high"),
        ("tags: [spam]", "tags: [spam, kosz]", "Rule “Spam”: tags: added kosz"),
        (
            "queue: zasilki}",
            "queue: zasilki, mask: true}",
            "Rule “Zasiłki”: now also masking of personal numbers",
        ),
        ("name: Kadry", "name: Kadry i płace", "Rule “Kadry”: name changed from Kadry to Kadry i płace"),
        ("name: Kadry", "name: Kadry\n    note: Bo tak", "Rule “Kadry”: note changed"),
        ("name: Kadry", "name: Kadry\n    enabled: false", "Rule “Kadry”: switched off"),
        (
            "name: Kadry",
            "name: Kadry\n    until: 2026-12-31",
            "Rule “Kadry”: valid changed from always to until 2026-12-31",
        ),
        (
            "do: {queue: zasilki}",
            "do: {queue: zasilki}\n    then: continue",
            "Rule “Zasiłki”: afterwards changed from no further rule to the next rule",
        ),
        ("[umowa, etat]", "[umowa, premia]", "Rule “Kadry”: words: added premia, removed etat"),
        ("channel: email", "channel: [email, sms]", "Rule “Kadry”: channel: added sms"),
        ("channel: email, ", "", "Rule “Kadry”: condition changed from"),
        (
            "channel: email,",
            "channel: email, automatic: false,",
            "Rule “Kadry”: condition added: automatic: no",
        ),
        (
            "20:00-06:00",
            "21:00-06:00",
            "Condition “noc”: condition changed from hours: 20:00-06:00 to hours: 21",
        ),
        ("queue: informacja", "queue: inne", "When no rule decides: queue changed from informacja to inne"),
    ],
)
def test_a_change_is_one_sentence(old: str, new: str, sentence: str) -> None:
    assert BASE.count(old) == 1
    (found,) = told(BASE.replace(old, new))
    assert found.startswith(sentence)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("when: {days: mon-fri}", "when: {days: [mon-fri, sun]}", "days: added sun"),
        ("when: {phrase: a b}", "when: {phrase: {any: a b, gap: 2}}",
         "condition changed from phrase: a b to phrase: a b (other words in between: up to 2)"),
        ("when: {words: abc}", "when: {words: {any: abc, typos: 1}}",
         "condition changed from words: abc to words: abc (also with one wrong letter)"),
        ("do: {close: true}", "do: {close: true, callback: true}", "now also callback order"),
        ("do: {callback: true}", "do: {callback: {topic: a, in: 1h}}", "callback order changed from yes to a 1h"),
        ("do: {close: true}", "do: {close: true, tier: 1}", "now also tier: 1"),
    ],
)  # fmt: skip
def test_a_change_is_told_as_the_file_writes_it(old: str, new: str, sentence: str) -> None:
    before, after = (
        "rules:\n  - id: a\n"
        + (f"    {line}\n" if line.startswith("do") else f"    {line}\n    do: {{queue: x}}\n")
        + "default: {queue: x}\n"
        for line in (old, new)
    )
    assert told(after, before) == [f"Rule “a”: {sentence}"]


def test_an_added_rule_is_told_with_all_that_it_says() -> None:
    rule = """\
  - id: nowa
    when: {channel: sms, not: {words: spam}}
    do: {queue: x, priority: high, mask: true}
"""
    [change] = told(BASE.replace("  - id: kadry", rule + "  - id: kadry"))
    assert change.partition(": ")[2] == (
        "channel: sms and not words: spam → queue: x; priority: high; masking of personal numbers"
    )


def test_added_and_removed_rules_are_told_with_their_place() -> None:
    new = BASE.replace("  - id: kadry", "  - id: nowa\n    name: Nowa\n    do: {queue: x}\n  - id: kadry")
    assert told(new) == ["Rule “Nowa” added before “Kadry”: always → queue: x"]
    assert told(BASE, before=new) == ["Rule “Nowa” removed"]


def test_a_list_that_rules_use_is_told_once() -> None:
    """Otherwise a word would appear at every rule that uses its list."""
    more = BASE.replace("[umowa, etat]", "{any: [umowa, etat], list: spam}")
    found = diff(load(more), load(more.replace("ruletka]", "ruletka, bitcoin]")))
    assert [(change.about, change.name) for change in found] == [("words", "spam")]


def test_many_words_are_cut() -> None:
    words = ", ".join(f"słowo{i}" for i in range(30))
    (found,) = told(BASE.replace("ruletka]", f"ruletka, {words}]"))
    assert "słowo11" in found and "słowo12" not in found and "(+18)" in found


def test_sections_and_tests() -> None:
    text = """\
rules:
  - section: s
    name: S
    rules:
      - id: a
        name: A
        do: {queue: x}
  - id: b
    name: B
    do: {queue: x}
default: {queue: x}
tests:
  - name: pierwszy
    message: {text: abc}
    expect: {queue: x}
"""
    out = """\
rules:
  - section: s
    name: Inna
    when: {channel: sms}
    rules:
      - id: b
        name: B
        do: {queue: x}
  - id: a
    name: A
    do: {queue: x}
default: {queue: x}
tests:
  - name: pierwszy
    message: {text: abcd}
    expect: {queue: x}
  - name: drugi
    message: {text: abcd}
    expect: {queue: x}
"""
    found = told(out, before=text)
    assert "Section “S”: name changed from S to Inna" in found
    assert "Section “S”: condition changed from always to channel: sms" in found or (
        "Section “S”: condition added: channel: sms" in found
    )
    assert "Rule “B” moved at the end of section “S”" in found
    assert "Rule “A” moved at the end" in found
    assert found[-2:] == ["Test “pierwszy” changed", "Test “drugi” added"]


def test_a_section_that_was_moved_is_told_as_one() -> None:
    first = "  - {id: a, do: {tags: x}}\n"
    second = "  - {id: z, do: {tags: z}}\n"
    section = "  - section: s\n    rules:\n      - {id: b, do: {tags: b}}\n      - {id: c, do: {tags: c}}\n"
    turned = section.replace("id: b, do: {tags: b", "id: B").replace(
        "id: c, do: {tags: c", "id: b, do: {tags: b"
    )
    turned = turned.replace("id: B", "id: c, do: {tags: c")
    other = "  - section: t\n    rules: [{id: d, do: {tags: d}}, {id: e, do: {tags: e}}, {id: f, do: {tags: f}}]\n"

    def changes(before: str, after: str) -> list[str]:
        made = [f"rules:\n{rules}default: {{queue: x}}\n" for rules in (after, before)]
        return told(made[0], before=made[1])

    assert changes(first + other + second + section, section + first + other + second) == [
        "Section “s” moved before “a”"
    ]
    assert changes(section + first + other, first + other + section) == ["Section “s” moved at the end"]
    assert changes(first + other + section, first + section + other) == [
        "Section “s” moved before section “t”"
    ]
    assert changes(first + other + section, first + turned + other) == [
        "Section “s” moved before section “t”",
        "Rule “c” moved before “b”",
    ]
    assert changes(first + section, first + turned) == ["Rule “c” moved before “b”"]
    assert changes(section + first, first + section) == ["Rule “a” moved before section “s”"]


def test_every_change_names_its_thing() -> None:
    found = diff(load(BASE), load(BASE.replace("queue: kadry,", "queue: hr,")))
    assert found == (Change(kind="changed", about="rule", name="kadry", text=found[0].text),)


def test_the_unified_diff_names_both() -> None:
    text = unified(
        BASE, BASE.replace("queue: hr", "x").replace("name: Kadry", "name: HR"), ("wersja 1", "wersja 2")
    )
    assert text.startswith("--- wersja 1\n+++ wersja 2\n@@")
    assert "-    name: Kadry\n+    name: HR\n" in text


def test_two_rules_of_one_name_are_told_apart() -> None:
    text = """
rules:
  - {id: a, name: Urlopy, do: {tags: x}}
  - {id: b, name: Urlopy, do: {tags: y}}
default: {queue: x}
"""
    assert told(text.replace("tags: y", "tags: z"), before=text) == [
        "Rule “Urlopy (b)”: tags: added z, removed y"
    ]
