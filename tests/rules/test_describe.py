"""Texts for people: sentences that can be translated, conditions in words, times with their unit, stored traces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules
from rules.decision import Fault, Trace
from rules.describe import describe
from rules.files.durations import MOST, duration, minutes_of
from rules.model import Condition
from rules.text import Text, as_text, verbatim
from tests.rules.drawn import conditions
from tests.rules.test_docs import ruleset_with


def told(when: str) -> Text:
    compiled = ruleset_with(f"    when: {when}\n    do: {{tags: hit}}")
    return describe(compiled.ruleset.rules[0].when)


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ("{channel: [email, form]}", "channel: email, form"),
        ("{days: mon-wed}", "days: mon, tue, wed"),
        ("{history: {min: 3, days: 7}}", "history: 3 or more in 7 days"),
        ("{returning: {days: 14}}", "returning: 1 or more in 14 days"),
        ("{returning: {days: 1}}", "returning: 1 or more in 1 day"),
        ("{unanswered: 4h}", "unanswered: 4h or more"),
        ("{unanswered: {min: 90m, max: 1d, open_hours: true}}", "unanswered: 90m to 1d, opening hours only"),
        ("{queue_waiting: {informacja: {max: 60}}}", "queue_waiting.informacja: at most 1h"),
        ("{contact: {city: true}}", "contact.city: present"),
        ("{words: {any: [a, b], at_least: 2}}", "words: at least 2 of a, b"),
        ("{words: {any: [a], typos: 1, language: de}}", "words: a (also with one wrong letter; forms of de)"),
        ("{words: {any: [a, b], exact: true}}", "words: a, b (exactly as written, no other forms)"),
        ("{phrase: {any: a b, gap: 3, diacritics: required}}",
         "phrase: a b (other words in between: up to 3; only with diacritics)"),
        ("{language: uk}", "language: uk (at least 0.80)"),
        ("{dates: {from: 2026-11-01}}", "dates: 2026-11-01 to …"),
        ("{attachment: {type: image/*, min_size: 1 kB}}", "attachment: image/*, ≥ 1000 B"),
        ("{condition: po_godzinach}", "condition: po_godzinach"),
        ("{schedule: dyzur}", "schedule: dyzur"),
        ("{not: {any: [{pesel: true}, {place: true}]}}", "not (pesel: yes or place: any)"),
        ("{channel: sms, hours: 22:00-06:00, holiday: false}",
         "channel: sms and hours: 22:00-06:00 and holiday: no"),
        ("{}", "always"),
    ],
)  # fmt: skip
def test_conditions_in_words(when: str, wanted: str) -> None:
    assert str(told(when)) == wanted


def test_every_part_of_a_sentence_is_translated() -> None:
    polish = {
        "{count} in {days} days": "{count} w ciągu {days} dni",
        "{least} or more": "co najmniej {least}",
    }
    text = told("{history: {min: 3, days: 7}}")
    assert text.said(lambda msgid: polish.get(msgid, msgid)) == "history: co najmniej 3 w ciągu 7 dni"


@settings(max_examples=80, deadline=None)
@given(condition=conditions)
def test_every_condition_has_words(condition: Condition) -> None:
    assert str(describe(condition))


def test_a_value_is_never_taken_for_a_placeholder() -> None:
    assert str(Text("{a} {b}", {"a": "{b}", "b": 1})) == "{b} 1"
    assert str(Text("{missing} {a}", {"a": "x"})) == "{missing} x"
    assert str(verbatim("{value}")) == "{value}"
    assert Text("").said(lambda msgid: "a catalogue's header") == ""
    assert as_text("x") == Text("x")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30m", 30), ("4h", 240), ("2d", 2880), ("90 m", 90), (" 1h ", 60), ("366d", MOST), ("367d", None), ("0m", None),
     ("4", None), ("4H", None), ("1h30m", None), ("-1h", None), ("h", None), ("", None), ("9999999m", None)],
)  # fmt: skip
def test_durations(text: str, minutes: int | None) -> None:
    assert minutes_of(text) == minutes


@given(st.integers(1, MOST))
def test_durations_come_back(minutes: int) -> None:
    assert minutes_of(duration(minutes)) == minutes


def test_traces_of_the_first_release_are_read() -> None:
    rest = b'"w":{"queue":"r"},"f":[["s","queue_load is not known"]],"n":1}'
    trace = rules.decode_trace(b'{"v":"abc","m":[["r",[["channel","email"]]]],' + rest)
    assert trace.faults == (Fault("s", Text("queue_load is not known")),)
    assert (trace.version, trace.winners, trace.more) == ("abc", {"queue": "r"}, 1)


def test_faults_keep_their_text_in_store() -> None:
    why = Text("{name} is not known", {"name": Text("the load of {queue}", {"queue": "q"})})
    trace = Trace(version="v", faults=(Fault("a", why), Fault("b", Text("no"), "answer")))
    assert rules.decode_trace(rules.encode_trace(trace)) == trace
