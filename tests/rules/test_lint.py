"""Lint: the mistakes that it finds, and what it leaves alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rules
from rules.lint import lint
from rules.lint.finding import CODES
from tests.rules.linting import TODAY, findings, pair, told

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "when",
    [
        "{all: [{channel: email}, {channel: form}]}",
        "{words: kot, not: {words: [kot, pies]}}",
        "{phrase: duży kot, not: {words: kot}}",
        "{all: [{hours: 08:00-10:00}, {hours: 11:00-12:00}]}",
        "{all: [{days: mon}, {days: [tue, wed]}]}",
        "{all: [{history: {min: 5}}, {history: {max: 4}}]}",
        "{all: [{dates: {from: 2026-12-01}}, {dates: {until: 2026-11-30}}]}",
        "{all: [{contact: {city: Łomża}}, {contact: {city: false}}]}",
        "{all: [{language: uk}, {language: [ru, en]}]}",
        "{automatic: false, any: [{automatic: list}, {automatic: bounce}]}",
        "{not: {channel: '*'}}",
        "{words: {any: [kot, kot], at_least: 2}}",
        "{tags: [a], not: {tags: 'a*'}}",
        "{all: [{any: [{channel: a}, {channel: b}]}, {any: [{channel: c}, {channel: d}]}]}",
        "{place: pup-a, not: {place: true}}",
        "{attachment: {type: image/png}, not: {attachment: true}}",
        "{history: -5}",
        "{history: {max: -1, days: 7}}",
        "{queue_load: {x: -1}}",
        "{length: {max: -1}, channel: email}",
        "{all: [{sender: [jan@a.pl, ewa@b.pl]}, {domain: c.pl}]}",
        "{all: [{sender: jan@a.pl}, {not: {domain: a.pl}}]}",
        "{all: [{sender: [jan@a.pl, ewa@b.pl]}, {not: {domain: a.pl}}, {domain: a.pl}]}",
        "{all: [{history: {min: 3, days: 7}}, {history: {max: 1, days: 30}}]}",
        "{returning: true, history: 0}",
        "{returning: false, history: 3}",
        "{all: [{history: {max: 1, days: 60}}, {history: {min: 1, days: 30}}, {history: {min: 2, days: 7}}]}",
    ],
)
def test_contradictions(when: str) -> None:
    assert ("contradiction", "a") in told(f"rules:\n  - {{id: a, when: {when}, do: {{queue: x}}}}")


@pytest.mark.parametrize(
    "when",
    [
        "{all: [{tags: a}, {tags: b}]}",
        "{all: [{words: kot}, {words: pies}]}",
        "{all: [{place: pup-a}, {place: pup-b}]}",
        "{all: [{channel: 'em*'}, {channel: [email, sms]}]}",
        "{words: [kot, pies], not: {words: kot}}",
        "{not: {open_hours: true}}",
        "{all: [{attachment: {type: image/png}}, {attachment: {min_size: 1 MB}}]}",
        "{all: [{sender: [jan@a.pl, ewa@b.pl]}, {domain: b.pl}]}",
        "{all: [{sender: jan@mail.a.pl}, {domain: a.pl}]}",
        "{all: [{sender: jan@a.pl}, {not: {domain: b.pl}}]}",
        "{all: [{history: {min: 1, days: 7}}, {history: {max: 1, days: 30}}]}",
        "{all: [{history: {max: 1, days: 7}}, {history: {min: 3, days: 30}}]}",
    ],
)
def test_no_contradictions(when: str) -> None:
    assert told(f"rules:\n  - {{id: a, when: {when}, do: {{queue: x}}}}") == set()


def test_a_contradiction_names_both_sides_and_the_line() -> None:
    text = """
rules:
  - id: a
    when:
      words: kot
      channel: email
      all:
        - channel: [form, sms]
    do: {queue: x}
"""
    (finding,) = findings(text)
    assert "channel: email" in str(finding.text)
    assert "channel: form, sms" in str(finding.text)
    assert finding.line == 8


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{id: a, when: {history: -5}, do: {queue: x}}", "history: -5 can never hold (line 3)"),
        (
            "{id: a, from: 2026-12-01, until: 2026-12-31, when: {dates: {from: 2027-01-01}}, do: {queue: x}}",
            "dates: 2027-01-01 to … (line 3) never holds between its own dates",
        ),
        (
            "{section: s, when: {channel: email}, rules: [{id: a, when: {channel: sms}, do: {queue: x}}]}",
            "channel: sms (line 3) contradicts the guard of its section “s”",
        ),
    ],
)
def test_a_contradiction_names_what_is_to_blame(rule: str, said: str) -> None:
    (finding,) = findings(f"\nrules:\n  - {rule}\n")
    assert said in str(finding.text)
    assert "one of the two" not in str(finding.advice)


def forms_of_a_few(word: str, language: str) -> frozenset[str]:
    """Forms of some words; PUP and pup stand for what is spelt alike and is not the same."""
    if word == "zatrudnić":
        return frozenset({"zatrudnić", "zatrudnił", "zatrudniony", "zatrudniona", "zatrudnienie"})
    for known in (
        {"zasiłek", "zasiłku"},
        {"praca", "pracy"},
        {"pup", "pupa"},
        {"zatrudniony", "zatrudniona"},
    ):
        if word in known:
            return frozenset(known)
    return frozenset([word.lower()])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("{words: zasiłek}", "{words: zasiłku, channel: email}", "unreachable"),
        ("{words: urząd praca}", "{phrase: {any: urząd pracy}, length: 5}", "unreachable"),
        ("{words: inne}", "{words: zasiłku, not: {words: [zasiłek, inne]}}", "contradiction"),
        ("{words: {any: zasiłek, exact: true}}", "{words: {any: zasiłku, exact: true}}", None),
        ("{words: zasiłek}", "{words: {any: zasiłku, exact: true}}", None),
        ("{words: PUP}", "{words: pup}", None),
        ("{words: kot}", "{words: {any: [zasiłek, zasiłku], at_least: 2}}", None),
        ("{words: [kot, zatrudnić]}", "{words: zatrudniona}", "unreachable"),
        ("{words: zatrudnić}", "{phrase: {any: nowo zatrudniony, gap: 2}}", "unreachable"),
        ("{words: {any: zatrudnić, typos: 1}}", "{words: zatrudniony}", "unreachable"),
        ("{words: inne}", "{words: zatrudniony, not: {words: zatrudnić}}", "contradiction"),
        ("{words: [zatrudnić]}", "{words: {any: [zatrudniony, zatrudniona], at_least: 2}}", "unreachable"),
        ("{words: zatrudniony}", "{words: zatrudnić}", None),
        ("{words: zatrudnić}", "{words: zatrudnienie}", None),
        ("{words: {any: zatrudnić, exact: true}}", "{words: zatrudniony}", None),
        ("{words: {any: zatrudnić, language: pl}}", "{words: zatrudniony}", None),
        ("{words: {any: zatrudnić, diacritics: required}}", "{words: zatrudniony}", None),
        (
            "{words: {any: [zatrudnić, kot], at_least: 2}}",
            "{words: {any: [zatrudniony, kot], at_least: 2}}",
            None,
        ),
    ],
)
def test_forms_of_a_word_are_one_word(first: str, second: str, said: str | None) -> None:
    codes = {one.code for one in findings(pair(first, second), expand=forms_of_a_few) if one.rule == "b"}
    assert codes - {"order"} == ({said} if said else set())


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("{language: ua}", "Write uk."),
        ("{language: [pl, xx]}", "such as pl, uk or en"),
        ("{not: {status: closed}}", "open, waiting-citizen, waiting-office, snoozed, resolved, spam"),
        ("{domain: '@wp.pl'}", "such as wp.pl"),
        ("{domain: 'https://www.gov.pl/praca'}", "such as www.gov.pl"),
        ("{words: [kot, zasił*]}", "for any ending there is `regex`"),
        ("{suspicious: yes}", "Write true or false"),
    ],
)
def test_values_that_nothing_ever_has(when: str, said: str) -> None:
    told = [
        one
        for one in findings(f"rules:\n  - {{id: a, when: {when}, do: {{queue: x}}}}")
        if one.code == "mistyped"
    ]
    assert [(one.rule, one.line) for one in told] == [("a", 2)]
    assert said in str(told[0].advice)


@pytest.mark.parametrize(
    "when",
    [
        "{language: [pl, uk, iw, ceb]}",
        "{status: [open, 'waiting-*']}",
        "{domain: [praca.gov.pl, 'gov*']}",
        "{words: kot}",
        "{suspicious: phishing}",
    ],
)
def test_values_that_may_be(when: str) -> None:
    assert ("mistyped", "a") not in told(f"rules:\n  - {{id: a, when: {when}, do: {{queue: x}}}}")


def test_what_never_wins() -> None:
    text = """
rules:
  - {id: a, when: {channel: email}, do: {queue: x, tags: [t, u]}, then: continue}
  - {id: b, when: {channel: email, words: kot}, do: {queue: y, tags: [u]}, then: continue}
  - {id: c, when: {channel: email, words: pies}, do: {queue: y, topic: psy}}
  - {id: d, when: {channel: email, words: koń}, do: {tags: [v]}, then: continue}
  - {id: e, when: {channel: [email, sms]}, do: {queue: z}}
"""
    assert told(text) == {("no-effect", "b"), ("overruled", "c")}


def test_duplicates() -> None:
    text = """
rules:
  - {id: a, when: {channel: email, words: [kot, pies]}, do: {queue: x}}
  - {id: b, when: {words: [pies, kot], channel: email}, do: {queue: x}}
"""
    assert told(text) == {("duplicate", "b")}


def test_small_things() -> None:
    text = r"""
words: {used: [kot], free: [pies]}
schedules: {night: [{hours: 20:00-06:00}]}
conditions: {inner: {channel: email}, outer: {condition: inner}}
rules:
  - {id: always, when: {history: {min: 0}, words: {list: used}}, do: {queue: x}}
  - {id: both, when: {any: [{holiday: true}, {holiday: false}], words: koń}, do: {queue: x}}
  - {id: branch, when: {channel: sms, any: [{words: krowa}, {channel: form}]}, do: {queue: x}}
  - {id: loose, when: {regex: '\d+'}, do: {queue: x}}
  - {id: old, until: 2026-11-20, when: {words: owca}, do: {queue: x}}
  - {id: old2, when: {words: koza, dates: {until: 2025-12-31}}, do: {queue: x}}
  - {id: last-day, until: 2026-11-21, when: {words: gęś}, do: {queue: x}}
  - section: closed
    enabled: false
    rules: [{id: inside, do: {queue: x}}]
default: {tier: 1}
"""
    assert told(text) == {
        ("unused", ""),
        ("always", "always"),
        ("always", "both"),
        ("dead-branch", "branch"),
        ("loose", "loose"),
        ("expired", "old"),
        ("expired", "old2"),
        ("switched-off", "closed"),
        ("no-queue", "default"),
    }
    unused = [(one.line, one.text.values["name"]) for one in findings(text) if one.code == "unused"]
    assert unused == [(2, "free"), (3, "night"), (4, "inner"), (4, "outer")]


def test_an_office_as_the_default_is_its_queue() -> None:
    assert told("rules: []\ndefault: {office: pup-lomza}\n") == set()
    assert told("rules: []\ndefault: {office: from-text}\n") == {("no-queue", "default")}


def test_a_loose_expression_in_a_guard() -> None:
    text = r"rules: [{section: numery, when: {regex: '\d+'}, rules: [{id: a, do: {queue: x}}]}]"
    assert told(text) == {("loose", "numery")}


def test_a_timer_that_nobody_starts() -> None:
    text = """
rules:
  - {id: a, when: {words: kot}, do: {queue: x, timer: {Przypomnienie: 2d}}}
  - {id: b, on: timer, when: {timer: [przypomnienie, "przyp*"]}, do: {tags: b}, then: continue}
  - {id: c, on: timer, when: {timer: przypomnenie}, do: {tags: c}, then: continue}
  - {id: d, on: timer, when: {timer: inny}, do: {tags: d}, then: continue}
"""
    found = [one for one in findings(text) if one.code == "mistyped"]
    assert [(one.rule, str(one.advice)) for one in found] == [
        ("c", "Write Przypomnienie."),
        ("d", "Let a rule start it with `timer:`."),
    ]


def test_what_no_event_brings() -> None:
    text = """
rules:
  - {id: a, when: {timer: x}, do: {queue: x}}
  - {id: b, on: [new, message], when: {tag_added: x}, do: {queue: x}}
  - {id: c, when: {not: {status_from: resolved}}, do: {tags: [x]}, then: continue}
  - {id: d, on: [new, timer], when: {timer: x, status_from: open}, do: {queue: x}}
  - {id: e, on: status, when: {any: [{tag_removed: x}, {words: kot}]}, do: {queue: x}}
default: {queue: informacja, timer: {x: 1d}}
"""
    assert told(text) == {("wrong-event", "a"), ("wrong-event", "b")}


def test_waits_that_nobody_asks_about() -> None:
    """In a new conversation nobody has waited, and `waiting` sets no deadline."""
    text = """
rules:
  - {id: a, when: {unanswered: 4h}, do: {priority: high}, then: continue}
  - {id: b, when: {unanswered: {min: 4h, open_hours: true}}, do: {priority: high}, then: continue}
  - {id: c, on: timer, when: {waiting: {min: 4h}}, do: {tags: [c]}, then: continue}
  - {id: d, when: {unanswered: {max: 4h}}, do: {tags: [d]}, then: continue}
  - {id: e, on: message, when: {unanswered: 4h, waiting: {min: 5}}, do: {tags: [e]}, then: continue}
  - {id: f, on: timer, when: {unanswered: 4h, waiting: {min: 1h}}, do: {tags: [f]}, then: continue}
  - {id: g, on: timer, when: {any: [{timer: x}, {unanswered: 2h}], waiting: {min: 1h}}, do: {tags: [g]}, then: continue}
  - {id: h, on: timer, when: {tags: vip}, do: {tags: [h]}, then: continue}
default: {queue: informacja, timer: {x: 1d}}
"""
    assert told(text) == {("wrong-event", rule) for rule in "abc"}


@pytest.mark.parametrize(
    ("when", "told_of"),
    [
        ("{days: fri, hours: 22:00-06:00}", True),
        ("{days: mon-fri, hours: [08:00-16:00, 22:00-06:00]}", True),
        ("{any: [{channel: sms}, {days: sat, hours: 20:00-08:00, holiday: false}]}", True),
        ("{schedule: nocny}", True),
        ("{days: mon-sun, hours: 22:00-06:00}", False),
        ("{days: fri, hours: 22:00-24:00}", False),
        ("{days: fri, hours: 08:00-16:00}", False),
        ("{any: [{days: fri, hours: 22:00-24:00}, {days: sat, hours: 00:00-06:00}]}", False),
        ("{days: fri, any: [{hours: 22:00-06:00}, {channel: sms}]}", False),
        ("{hours: 22:00-06:00}", False),
    ],
)
def test_a_night_cut_in_two_is_told(when: str, told_of: bool) -> None:
    schedule = "schedules: {nocny: [{days: sat, hours: 22:00-05:00}, {days: sun}]}"
    text = f"{schedule}\nrules:\n  - {{id: a, when: {when}, do: {{queue: x}}}}\n"
    assert (("night", "a") in told(text)) is told_of


def test_of_several_days_and_hours_those_that_make_the_night_are_named() -> None:
    when = "{all: [{days: mon-sun}, {hours: 06:00-23:00}, {days: fri}, {hours: 22:00-06:30}]}"
    found = findings(f"rules:\n  - {{id: a, when: {when}, do: {{queue: x}}}}\n")
    (said,) = (str(one.text) for one in found if one.code == "night")
    assert "hours: 22:00-06:30" in said and "days: fri" in said


def test_what_is_not_done_on_an_event() -> None:
    text = """
rules:
  - {id: a, on: message, when: {words: kot}, do: {queue: x, tags: [a]}, then: continue}
  - {id: b, on: [message, edit], when: {words: pies}, do: {tier: 2, close: true}, then: continue}
  - {id: c, on: timer, when: {timer: x}, do: {hold: spam}, then: continue}
  - {id: d, when: {words: krowa}, do: {split: true, tags: [d]}, then: continue}
  - {id: e, on: [new, message], when: {words: owca}, do: {queue: x, split: true, hold: spam}, then: continue}
  - {id: f, on: [edit, status], when: {words: osa}, do: {queue: x, priority: high}, then: continue}
"""
    found = [one for one in findings(text) if one.code == "wrong-event"]
    assert [(one.rule, str(one.text.values["actions"])) for one in found] == [
        ("a", "queue"),
        ("b", "tier, resolving without a person"),
        ("c", "held for moderation"),
        ("d", "a conversation of its own"),
    ]


def test_a_default_that_answers_answers_is_told_with_its_line() -> None:
    (one,) = findings("rules: []\ndefault: {queue: x, answer: acknowledgement}\n")
    assert (one.code, one.rule, one.line) == ("answer-circle", "default", 2)
    assert "conditions" not in str(one.advice)


def test_the_default_that_is_never_reached() -> None:
    text = "rules:\n  - {id: a, when: {channel: email}, do: {queue: x}}\n  - {id: b, do: {queue: y}}\n"
    assert told(text) == {("default-unreached", "default")}
    assert told(text.replace("id: b,", "id: b, on: message,")) == {("wrong-event", "b")}


def test_circles() -> None:
    text = """
rules:
  - {id: t1, on: timer, when: {timer: a}, do: {queue: q1, timer: {b: 1h}}}
  - {id: t2, on: timer, when: {timer: b}, do: {queue: q2, timer: {a: 1h}}}
  - {id: t3, on: timer, when: {timer: c}, do: {notify: [supervisor], timer: {c: 1d}}}
  - {id: t4, on: timer, when: {timer: d, status: open}, do: {notify: [supervisor], timer: {d: 1d}}}
  - {id: t5, on: timer, when: {timer: e}, do: {queue: q3, timer: {f: 1h}}}
  - {id: m1, when: {previous_queue: q1}, do: {queue: q2}}
  - {id: m2, when: {previous_queue: q2, channel: email}, do: {queue: q1}}
  - {id: m3, on: timer, when: {queue_load: {q5: {min: 20}}}, do: {queue: q6}}
  - {id: m4, on: timer, when: {queue_waiting: {q6: {min: 20m}}}, do: {queue: q5}}
  - {id: n3, when: {queue_load: {q7: {min: 20}}}, do: {queue: q8}}
  - {id: n4, when: {queue_load: {q8: {min: 20}}}, do: {queue: q7}}
  - {id: s1, on: status, when: {status: waiting-citizen}, do: {queue: q1}}
  - {id: s2, on: status, when: {status: open}, do: {queue: q2}}
default: {queue: informacja, timer: {e: 1h}}
"""
    assert told(text) == {
        ("timer-circle", "t2"),
        ("back-and-forth", "t3"),
        ("back-and-forth", "m2"),
        ("back-and-forth", "m4"),
        ("back-and-forth", "s2"),
    }


def test_answers_to_machines() -> None:
    text = """
rules:
  - {id: early, when: {inbox: taken, reply_to_automatic: true}, do: {queue: x}}
  - {id: a, when: {channel: chat}, do: {answer: acknowledgement}, then: continue}
  - {id: b, when: {channel: sms, automatic: true}, do: {answer: acknowledgement}, then: continue}
  - {id: c, when: {channel: sms, reply_to_automatic: false}, do: {answer: acknowledgement}, then: continue}
  - {id: d, when: {channel: sms, words: kot}, do: {answer: other, spam: true}, then: continue}
  - {id: e, when: {inbox: taken}, do: {answer: acknowledgement}, then: continue}
  - {id: f, when: {suspicious: true}, do: {answer: acknowledgement}, then: continue}
  - {id: g, when: {suspicious: true}, do: {callback: true}, then: continue}
  - {id: h, when: {channel: form}, do: {callback: true}, then: continue}
"""
    lost = {("answer-lost", rule) for rule in "bdfg"}
    assert told(text) == {("answer-circle", "a"), *lost}


def test_order_alone_decides() -> None:
    text = """
rules:
  - {id: a, when: {words: [kot, pies]}, do: {queue: x}}
  - {id: b, when: {words: [pies, koń]}, do: {queue: y}}
  - {id: c, when: {words: [pies, owca], channel: sms}, do: {queue: x}}
  - {id: d, when: {words: krowa}, do: {queue: z}}
  - {id: e, when: {words: krowa, channel: sms}, do: {tags: [t]}, then: continue}
"""
    found = [one for one in findings(text) if one.code == "order"]
    assert [(one.rule, str(one.text.values["others"])) for one in found] == [("b", "“a”"), ("c", "“b”")]


def test_rules_are_called_by_the_names_that_people_gave_them() -> None:
    text = """
rules:
  - {id: a, name: Zasiłki i dodatki, when: {channel: sms}, do: {queue: x}}
  - {id: b, when: {words: kot, channel: sms}, do: {queue: y}}
  - {id: c, name: Koty, when: {channel: sms, not: {channel: sms}}, do: {queue: x}}
default: {queue: x, answer: acknowledgement}
"""
    said = {one.rule: (one.name, str(one.text)) for one in findings(text)}
    assert said["b"][1].startswith(
        "“b” never gets its turn: whatever it matches, “Zasiłki i dodatki” in line 3"
    )
    assert said["c"][0] == "Koty" and said["c"][1].startswith("“Koty” never matches")
    assert said["default"][1].startswith("the default may answer")


def test_the_rules_that_are_shipped() -> None:
    """config/rules.yaml has no error, and nothing in it is out of reach."""
    ruleset = rules.load((ROOT / "config" / "rules.yaml").read_text(encoding="utf-8"))
    assert {one.level for one in lint(ruleset, today=TODAY)} <= {"warning", "hint"}
    assert not {one.code for one in lint(ruleset, today=TODAY)} & {"unreachable", "overruled", "unused"}


def test_every_code_is_on_the_page() -> None:
    """docs/rules-changing.md says of each what it means and what to do, with its level."""
    page = (ROOT / "docs" / "rules-changing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert {code: level for code, level, _, _ in rows} == dict(CODES)
    assert all(len(means) > 20 and len(todo) > 8 for _, _, means, todo in rows)
