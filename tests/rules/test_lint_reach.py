"""Lint on rules out of reach: what it finds, what it leaves alone, and that its proofs end soon."""

from __future__ import annotations

import time

import pytest

from tests.rules.linting import findings, pair, told

SHADOWED = [
    ("{channel: [email, form]}", "{channel: email}"),
    ("{channel: 'em*'}", "{channel: [email, emu], words: staż}"),
    ("{channel: '*'}", "{inbox: x}"),
    ("{sender: 'jan@*'}", "{sender: 'jan@example*'}"),
    ("{domain: praca.gov.pl}", "{domain: lomza.praca.gov.pl}"),
    ("{domain: praca.gov.pl}", "{sender: jan@lomza.praca.gov.pl}"),
    ("{words: [zasiłek, dotacja]}", "{words: zasiłek, channel: sms}"),
    ("{words: {any: [a1, b1, c1], at_least: 2}}", "{words: {any: [a1, b1], at_least: 2}}"),
    ("{words: {any: [a1, b1, c1]}}", "{words: {any: [a1, b1, d1], at_least: 2}}"),
    ("{words: urząd pracy}", "{phrase: w urząd pracy}"),
    ("{words: praca}", "{words: urząd praca}"),
    ("{phrase: {any: zgłosić ofertę, gap: 3}}", "{phrase: {any: zgłosić ofertę, gap: 1}}"),
    ("{words: {any: zasiłek, typos: 1}}", "{words: zasiłek}"),
    ("{hours: 08:00-16:00}", "{hours: [09:00-10:00, 12:00-13:00]}"),
    ("{hours: 20:00-06:00}", "{hours: 22:00-23:00}"),
    ("{days: mon-fri}", "{days: [mon, wed]}"),
    ("{dates: {from: 2026-01-01}}", "{dates: {from: 2026-12-01, until: 2026-12-31}}"),
    ("{history: {min: 2}}", "{history: {min: 3, max: 5}}"),
    ("{history: {min: 2, days: 30}}", "{history: {min: 3, days: 7}}"),
    ("{length: {max: 100}}", "{length: 5}"),
    ("{language: [uk, ru]}", "{language: {is: uk, confidence: 0.9}}"),
    ("{automatic: true}", "{automatic: list}"),
    ("{automatic: false}", "{automatic: 'no'}"),
    ("{not: {channel: sms}}", "{channel: email}"),
    ("{not: {words: kot}}", "{not: {words: [kot, pies]}}"),
    ("{not: {channel: email, holiday: true}}", "{channel: email, holiday: false}"),
    ("{any: [{words: kot}, {channel: sms}]}", "{words: kot}"),
    ("{any: [{words: kot}, {channel: sms}]}", "{any: [{channel: sms}, {words: kot, holiday: true}]}"),
    ("{place: true}", "{place: pup-lomza}"),
    ("{attachment: true}", "{attachment: {type: image/png}}"),
    ("{attachment: {type: 'image/*'}}", "{attachment: {type: image/png, min_size: 10 kB}}"),
    ("{contact: {city: true}}", "{contact: {city: Łomża}}"),
    ("{queue_load: {a: {min: 10}}}", "{queue_load: {a: {min: 20}}}"),
    ("{tags: 'pilne*'}", "{tags: pilne-dziś}"),
    ("{regex: 'wniosek nr'}", "{regex: 'wniosek nr', channel: email}"),
    ("{unanswered: 2h}", "{unanswered: 4h}"),
    ("{schedule: s}", "{schedule: s, words: kot}"),
    ("{condition: c}", "{words: kot, channel: email}"),
]

OPEN = [
    ("{channel: email}", "{channel: [email, form]}"),
    ("{words: zasiłek}", "{words: [zasiłek, dotacja]}"),
    ("{words: praca}", "{words: urząd, channel: sms}"),
    ("{words: {any: zasiłek, exact: true}}", "{words: zasiłek}"),
    ("{words: zasiłek}", "{words: {any: zasiłek, typos: 1}}"),
    ("{words: urząd pracy}", "{words: [urząd, pracy]}"),
    ("{phrase: {any: zgłosić ofertę, gap: 1}}", "{phrase: {any: zgłosić ofertę, gap: 3}}"),
    ("{hours: 08:00-16:00}", "{hours: 09:00-17:00}"),
    ("{history: {min: 3}}", "{history: {min: 2}}"),
    ("{history: {min: 2, days: 7}}", "{history: {min: 2, days: 30}}"),
    ("{sender: 'jan@example*'}", "{sender: 'jan@*'}"),
    ("{domain: lomza.praca.gov.pl}", "{domain: praca.gov.pl}"),
    ("{not: {words: [kot, pies]}}", "{not: {words: kot}}"),
    ("{any: [{open_hours: true}, {open_hours: false}]}", "{words: kot}"),
    ("{days: mon-sun}", "{words: kot}"),
    ("{attachment: {type: image/png}}", "{attachment: {min_size: 10 kB}}"),
    ("{tags: pilne}", "{tags: [pilne, vip]}"),
    ("{not: {queue_load: {a: {min: 5}}}}", "{channel: sms}"),
    ("{regex: 'wniosek nr'}", "{words: wniosek}"),
]

SHARED = """
schedules: {s: [{days: mon-fri, hours: 08:00-16:00}, {days: sat, hours: 09:00-13:00}]}
conditions: {c: {words: [kot, pies]}, d: {schedule: s}}
"""


@pytest.mark.parametrize(("first", "second"), SHADOWED)
def test_a_narrower_rule_behind_a_wider_one_is_found(first: str, second: str) -> None:
    assert ("unreachable", "b") in told(SHARED + pair(first, second))


@pytest.mark.parametrize(("first", "second"), OPEN)
def test_a_rule_that_can_match_is_left_alone(first: str, second: str) -> None:
    codes = {code for code, rule in told(SHARED + pair(first, second)) if rule == "b"}
    assert "unreachable" not in codes


def test_several_rules_cover_one_together() -> None:
    text = """
rules:
  - {id: a1, when: {channel: sms}, do: {queue: x}}
  - {id: a2, when: {channel: chat}, do: {queue: x}}
  - {id: b1, when: {words: kot}, do: {queue: x}}
  - {id: b2, when: {words: pies}, do: {queue: x}}
  - {id: c, when: {channel: [sms, chat]}, do: {queue: y}}
  - {id: d, when: {words: [kot, pies], inbox: i}, do: {queue: y}}
  - {id: e, when: {any: [{channel: sms, inbox: i}, {words: pies}]}, do: {queue: y}}
"""
    assert {rule for code, rule in told(text) if code == "unreachable"} == {"c", "d", "e"}
    finding = next(one for one in findings(text) if one.rule == "c")
    assert "“a1”, “a2”" in str(finding.text)
    assert finding.line == 7


def test_events_dates_and_switches_count() -> None:
    text = """
rules:
  - {id: a, on: [new], when: {channel: sms}, do: {queue: x}}
  - {id: a2, enabled: false, when: {channel: form}, do: {queue: x}}
  - {id: a3, from: 2026-01-01, until: 2026-06-30, when: {channel: chat}, do: {queue: x}}
  - {id: b, on: [new, message], when: {channel: sms}, do: {queue: y}}
  - {id: c, when: {channel: form}, do: {queue: y}}
  - {id: d, when: {channel: chat}, do: {queue: y}}
  - {id: e, from: 2026-02-01, until: 2026-03-31, when: {channel: chat}, do: {queue: z}}
"""
    assert {rule for code, rule in told(text, "") if code == "unreachable"} == {"e"}


SECTIONS = """
rules:
  - section: one
    when: {channel: email}
    rules:
      - {id: skip, when: {words: kot}, do: {tags: [t]}, then: next-section}
      - {id: inside, when: {words: kot, inbox: i}, do: {queue: x}}
      - {id: rest, when: {words: pies}, do: {queue: x}, then: stop-after-section}
      - {id: more, when: {words: pies}, do: {tags: [u]}, then: continue}
      - {id: end, do: {queue: x}}
  - {id: after, when: {channel: email, words: pies}, do: {queue: y}}
  - {id: after2, when: {channel: email}, do: {queue: y}}
  - section: two
    when: {channel: sms}
    rules:
      - {id: first, do: {queue: z}}
      - {id: second, when: {words: kot}, do: {queue: z}}
  - {id: after3, when: {channel: sms}, do: {queue: y}}
"""


def test_a_longer_wait_is_none_of_a_shorter() -> None:
    """On a timer each duration counts once, when it comes true; in other events the longer one says more."""
    text = """
rules:
  - {id: a, on: timer, when: {unanswered: 2h}, do: {queue: x}}
  - {id: b, on: timer, when: {unanswered: 4h}, do: {queue: y}}
  - {id: c, on: timer, when: {unanswered: 2h, channel: email}, do: {queue: y}}
  - {id: d, on: message, when: {unanswered: 2h}, do: {queue: x}}
  - {id: e, on: message, when: {unanswered: 4h}, do: {queue: y}}
"""
    assert {rule for code, rule in told(text) if code == "unreachable"} == {"c", "e"}


def test_sections_end_and_skip() -> None:
    """Behind a section that may be left early its rules prove nothing, inside it they do."""
    found = {rule for code, rule in told(SECTIONS) if code == "unreachable"}
    assert found == {"inside", "second", "after3"}


@pytest.mark.parametrize(
    ("one", "other", "told_of"),
    [
        ("{holiday: true}", "{holiday: false}", True),
        ("{channel: email}", "{not: {channel: email}}", True),
        ("{hours: 08:00-16:00}", "{hours: 16:00-08:00}", True),
        ("{not: {words: [kot, pies]}}", "{words: [pies, kot]}", True),
        # When the office has no hours, neither holds.
        ("{open_hours: true}", "{open_hours: false}", False),
        ("{queue_load: {a: {min: 5}}}", "{queue_load: {a: {max: 4}}}", False),
        ("{hours: 08:00-16:00}", "{hours: 17:00-08:00}", False),
    ],
)
def test_two_sections_with_opposite_guards_leave_nothing(one: str, other: str, told_of: bool) -> None:
    text = f"""
rules:
  - section: s
    when: {one}
    rules:
      - {{id: a, when: {{length: {{min: 3}}}}, do: {{queue: x}}}}
  - section: t
    when: {other}
    rules:
      - {{id: b, when: {{length: {{min: 2}}}}, do: {{queue: y}}}}
      - {{id: c, when: {{length: {{max: 1}}}}, do: {{queue: y}}}}
  - {{id: d, when: {{length: 4, inbox: i}}, do: {{queue: z}}}}
  - {{id: e, when: {{length: 2, inbox: i}}, do: {{queue: z}}}}
"""
    assert told(text) == ({("unreachable", "d")} if told_of else set())
    all_of_both = text.replace("length: {min: 3}", "").replace("length: {min: 2}", "")
    assert (("default-unreached", "default") in told(all_of_both)) is told_of


@pytest.mark.slow
def test_rules_of_very_many_alternatives_end_soon() -> None:
    """Two lists of alternatives in each of two rules, turned round: to prove anything here would take minutes."""
    kinds = (
        "{{words: a{0}, channel: c{0}}}",
        "{{tags: t{0}, history: {0}}}",
        "{{contact: {{k: v{0}}}, length: {0}}}",
    )
    first, second = (", ".join(kinds[(n + by) % 3].format(n + by) for n in range(300)) for by in (0, 1))
    text = f"""
rules:
  - {{id: a, when: {{all: [{{any: [{first}]}}, {{any: [{second}]}}]}}, do: {{queue: x}}}}
  - {{id: b, when: {{all: [{{any: [{second}]}}, {{any: [{first}]}}]}}, do: {{queue: y}}}}
  - {{id: c, when: {{all: [{{any: [{first}]}}, {{any: [{second}]}}]}}, do: {{queue: y}}}}
"""
    start = time.process_time()
    assert told(text) == {("too-much", "a"), ("too-much", "b"), ("too-much", "c"), ("unreachable", "c")}
    assert time.process_time() - start < 5.0
