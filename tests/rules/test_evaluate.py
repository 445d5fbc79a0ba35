"""Decisions: who wins, what the trace says, what happens to rules that cannot be evaluated, and what it may cost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rules
from rules import Compiled, Facts, Fault
from rules.engine.index import bitmap, rules_in
from rules.text import Text, predicate


def compiled(text: str, places: dict[str, str] | None = None) -> Compiled:
    return rules.compile_rules(rules.load(text), rules.as_written, places or {})


def ids(everything: Compiled, facts: Facts) -> list[str]:
    return [match.rule for match in rules.evaluate(everything, facts).trace.matched]


SEVERAL = """
rules:
  - {id: first, do: {queue: a, tags: [x]}, then: continue}
  - {id: second, do: {queue: b, tags: [y, x], priority: high}, then: continue}
  - {id: third, when: {channel: email}, do: {tier: 2, notify: [anna]}}
  - {id: fourth, do: {tier: 3}}
default: {queue: d, topic: t}
"""


def test_first_wins_and_tags_add_up() -> None:
    decision = rules.evaluate(compiled(SEVERAL), Facts(channel="email"))
    assert decision.actions == rules.Actions(queue="a", tags=("x", "y"), priority=1, tier=2, notify=("anna",))
    assert decision.trace.winners == {
        "queue": "first",
        "tags": "first,second",
        "priority": "second",
        "tier": "third",
        "notify": "third",
    }


def test_stop_ends_the_evaluation_and_keeps_the_default_out() -> None:
    assert ids(compiled(SEVERAL), Facts(channel="email")) == ["first", "second", "third"]
    assert rules.evaluate(compiled(SEVERAL), Facts(channel="email")).actions.topic is None


def test_default_is_for_new_conversations_that_nobody_stopped() -> None:
    rule = "{id: a, on: [new, message], when: {channel: sms}, do: {tags: s}, then: continue}"
    text = f"rules: [{rule}]\ndefault: {{queue: d}}"
    new = rules.evaluate(compiled(text), Facts(channel="sms"))
    assert (new.actions.queue, new.trace.winners["queue"]) == ("d", "default")
    assert rules.evaluate(compiled(text), Facts(channel="sms", on="message")).actions == rules.Actions(
        tags=("s",)
    )


@pytest.mark.parametrize(
    ("date", "hit"),
    [("2026-11-09", False), ("2026-11-10", True), ("2026-11-12", True), ("2026-11-13", False)],
)
def test_validity_dates(date: str, hit: bool) -> None:
    text = "rules: [{id: a, from: 2026-11-10, until: 2026-11-12, do: {queue: q}}]\ndefault: {queue: d}"
    assert ids(compiled(text), Facts(local_date=date)) == (["a"] if hit else [])


def test_disabled_rules_are_explained_and_not_tried() -> None:
    everything = compiled("rules: [{id: a, enabled: false, do: {queue: q}}]\ndefault: {queue: d}")
    assert ids(everything, Facts()) == []
    assert [one.state for one in rules.explain(everything, Facts())] == ["off"]


def test_trace_says_what_made_a_rule_match_and_masks_numbers() -> None:
    everything = compiled(
        "rules: [{id: a, when: {pesel: true, any: [{words: zzz}, {words: mój}], not: {channel: sms},"
        " regex: 'pesel \\d+'}, do: {hold: x}}]\ndefault: {queue: d}"
    )
    trace = rules.evaluate(everything, Facts(channel="comments", text="Mój PESEL 44051401359")).trace
    assert [(seen.condition, seen.value) for seen in trace.matched[0].seen] == [
        ("pesel", "440••••••••"),
        ("words", "moj"),
        ("not channel", "comments"),
        ("regex", "PESEL 440••••••••"),
    ]
    assert b"44051401359" not in rules.encode_trace(trace)


def test_trace_names_the_pattern_and_not_the_person() -> None:
    everything = compiled("rules: [{id: a, when: {sender: 'jan*'}, do: {queue: q}}]\ndefault: {queue: d}")
    trace = rules.evaluate(everything, Facts(sender_address="jan.nowak@example.org")).trace
    assert trace.matched[0].seen[0].value == "jan*"


def test_traces_stay_small() -> None:
    many = "".join(
        f"  - {{id: rule-number-{i}, when: {{words: slowo}}, do: {{tags: t{i}}}, then: continue}}\n"
        for i in range(40)
    )
    trace = rules.evaluate(compiled(f"default: {{queue: d}}\nrules:\n{many}"), Facts(text="slowo")).trace
    assert (len(trace.matched), trace.more) == (8, 32)
    assert len(rules.encode_trace(trace)) < 2_000
    with pytest.raises(ValueError, match="malformed"):
        rules.decode_trace(b"{]")


def test_a_typical_trace_is_under_a_kilobyte() -> None:
    everything = compiled(
        "rules:\n"
        "  - {id: load-of-benefits, when: {queue_load: {swiadczenia: {min: 40}}}, do: {tier: 2}, then: continue}\n"
        "  - {id: unemployment-benefit, when: {channel: email, words: [zasiłek, świadczenie], not: {automatic: true}},"
        " do: {queue: swiadczenia, tags: [zasilek], priority: high}, then: continue}\n"
        "  - {id: urgent-in-the-evening, when: {hours: 16:00-08:00, any: [{words: pilne}, {phrase: bardzo proszę}]},"
        " do: {priority: urgent, notify: [supervisor]}, then: continue}\n"
        "  - {id: regular-customers, when: {history: {min: 3}, contact: {city: Łomża}}, do: {office: from-text}}\n"
        "default: {queue: informacja}"
    )
    facts = Facts(
        channel="email",
        text="Dzień dobry, bardzo proszę o zasiłek. To pilne!",
        history_count=5,
        contact={"city": "Łomża"},
        local_minutes=1_100,
    )
    trace = rules.evaluate(everything, facts).trace
    assert (len(trace.matched), len(trace.faults)) == (3, 2)
    assert len(rules.encode_trace(trace)) < 1_000


def test_a_rule_that_cannot_be_evaluated_blocks_nothing() -> None:
    everything = compiled(
        "rules:\n"
        "  - {id: load, when: {queue_load: {q: {min: 1}}}, do: {queue: x}}\n"
        "  - {id: open, when: {open_hours: true}, do: {queue: x}}\n"
        "  - {id: settled, when: {any: [{open_hours: true}, {channel: email}]}, do: {queue: y}}\n"
        "default: {queue: d}"
    )
    decision = rules.evaluate(everything, Facts(channel="email"))
    assert decision.actions.queue == "y"
    assert decision.trace.faults == (
        Fault("load", Text("{name} is not known", {"name": predicate("queue_load.q")})),
        Fault("open", Text("{name} is not known", {"name": predicate("open_hours")})),
    )
    assert [one.state for one in rules.explain(everything, Facts(channel="email"))] == [
        "fault",
        "fault",
        "matched",
    ]


def test_safeguards_leave_their_reason() -> None:
    everything = compiled(
        "rules: [{id: a, do: {distress: k, answer: t, close: true, spam: true, priority: low}}]\ndefault: {queue: d}"
    )
    decision = rules.evaluate(everything, Facts())
    assert decision.actions == rules.Actions(distress="k", priority=3)
    assert decision.trace.winners == {"distress": "a", "priority": "safeguard"}
    assert {fault.action for fault in decision.trace.faults} == {"answer", "close", "spam"}


def test_distress_is_not_put_where_the_spam_goes() -> None:
    everything = compiled(
        "rules:\n"
        "  - {id: a, do: {distress: k}, then: continue}\n"
        "  - {id: b, when: {channel: form}, do: {queue: q}, then: continue}\n"
        "  - {id: c, do: {queue: spam, spam: true}}\n"
        "default: {queue: d}"
    )
    assert rules.evaluate(everything, Facts()).actions == rules.Actions(distress="k", priority=3)
    assert rules.evaluate(everything, Facts(channel="form")).actions.queue == "q"


def test_explanations_tell_the_first_failing_condition() -> None:
    everything = compiled(
        "rules:\n"
        "  - id: a\n"
        "    when:\n"
        "      channel: email\n"
        "      not: {words: spam}\n"
        "      history: {min: 3}\n"
        "    do: {queue: q}\n"
        "default: {queue: d}"
    )

    def told(facts: Facts) -> tuple[str, str, str, int]:
        (one,) = rules.explain(everything, facts, "a")
        return one.condition, str(one.wanted), str(one.actual), one.line

    assert told(Facts(channel="sms")) == ("channel", "channel: email", "sms", 4)
    assert told(Facts(channel="email", text="SPAM!")) == ("not words", "not words: spam", "spam", 5)
    assert told(Facts(channel="email", history_count=2)) == ("history", "history: 3 or more", "2", 6)
    assert rules.explain(everything, Facts(on="edit"))[0].state == "off"
    assert rules.explain(everything, Facts(), "nobody") == []


def test_a_rule_behind_a_stop_is_told_as_stopped() -> None:
    one, two, three, four = rules.explain(compiled(SEVERAL), Facts(channel="email"))
    assert (four.state, four.by) == ("stopped", "third")
    assert [one.state, two.state, three.state] == ["matched"] * 3


def test_longest_postcode_wins_and_a_postcode_wins_over_a_name() -> None:
    text = "rules: [{id: a, do: {office: from-text}}]\ndefault: {queue: d}"
    everything = compiled(text, {"18": "b", "18-4": "a", "suwalki": "s", "powiat bielski": "p"})

    def office(message: str) -> str | None:
        return rules.evaluate(everything, Facts(text=message)).actions.office

    assert office("Suwałki, 18-400") == "a"
    assert office("18-100") == "b"
    assert office("POWIAT BIELSKI, Suwałki") == "p"
    assert office("00-001") is None
    assert rules.evaluate(everything, Facts(text="x")).trace.faults[0].rule == "a"


@pytest.mark.parametrize(
    "piece", ["a", "zasilek ", "1 ", "18-400 ", "ą", "\U0001f600", "a\u0301", "@.", "http://"]
)
def test_a_huge_message_costs_bounded_work(piece: str) -> None:
    everything = compiled(
        "rules:\n"
        "  - {id: a, when: {words: {any: [zasilek, x], at_least: 2}}, do: {queue: q}}\n"
        "  - {id: b, when: {phrase: {any: zasilek zasilek zasilek x, gap: 50}}, do: {queue: q}}\n"
        "  - {id: c, when: {any: [{regex: '(a+)+x'}, {regex: 'zasilek.*x$'}]}, do: {queue: q}}\n"
        "  - {id: d, when: {any: [{pesel: true}, {phone: true}, {email: true}, {links: 70000}]},"
        " do: {queue: x}, then: continue}\n"
        "  - {id: e, when: {place: pup}, do: {queue: q}}\n"
        "default: {queue: d}",
        {"99": "pup"},
    )
    facts = Facts(text=(piece * 1_000_000)[:1_000_000])
    start = time.process_time()
    assert rules.evaluate(everything, facts).actions.queue in ("d", "x")
    assert time.process_time() - start < 3


def test_what_lies_behind_the_limit_is_not_searched() -> None:
    everything = compiled("rules: [{id: a, when: {words: zasilek}, do: {queue: q}}]\ndefault: {queue: d}")
    filler = "x " * (rules.TEXT_LIMIT // 2)
    assert ids(everything, Facts(text=f"{filler}zasilek")) == []
    assert ids(everything, Facts(text=f"zasilek {filler}")) == ["a"]


def test_odd_text_is_no_fault_of_the_message() -> None:
    everything = compiled("rules: [{id: a, when: {regex: 'abc'}, do: {queue: q}}]\ndefault: {queue: d}")
    assert ids(everything, Facts(text="abc \ud800 \x00")) == ["a"]


@given(st.sets(st.integers(0, 400)))
def test_bitmaps_hold_what_was_put_in(numbers: set[int]) -> None:
    assert rules_in(bitmap(numbers)) == sorted(numbers)
    assert rules_in(bitmap({*numbers, 9_999})) == sorted({*numbers, 9_999})


GUARDED = """
schedules:
  dyżur: [{days: mon-fri, hours: 08:00-16:00}]
conditions:
  pilne: {words: pilne}
rules:
  - section: kadry
    when: {inbox: kadry, schedule: dyżur}
    rules:
      - {id: a, when: {condition: pilne}, do: {tags: a}, then: next-section}
      - {id: b, do: {tags: b}}
  - section: place
    when: {not: {queue_load: {p: {min: 5}}}}
    rules:
      - {id: c, do: {tags: c}, then: stop-after-section}
      - {id: d, do: {tags: d}, then: continue}
  - section: stare
    enabled: false
    rules:
      - {id: e, do: {tags: e}}
  - {id: f, do: {tags: f}}
default: {queue: q}
"""


def test_sections_are_entered_left_and_ended() -> None:
    everything = compiled(GUARDED)

    def matched(**facts: Any) -> tuple[str, ...]:
        return rules.evaluate(everything, Facts(inbox="kadry", weekday=1, local_minutes=600, **facts)).matched

    assert matched(text="pilne", queue_load={"p": 9}) == ("a", "f")
    assert matched(text="pilne", queue_load={"p": 1}) == ("a", "c", "d")
    assert matched(queue_load={"p": 1}) == ("b",)
    ended = rules.evaluate(everything, Facts(queue_load={"p": 1}))
    assert (ended.matched, ended.actions.queue) == (("c", "d"), None)


def test_a_guard_that_cannot_be_told_is_closed_and_one_fault() -> None:
    decision = rules.evaluate(compiled(GUARDED), Facts())
    assert decision.matched == ("f",)
    assert [(fault.rule, str(fault.why)) for fault in decision.faults] == [
        ("place", "queue_load.p is not known")
    ]


def test_rules_of_sections_are_explained() -> None:
    everything = compiled(GUARDED)

    def told(rule: str, **facts: Any) -> tuple[str, str, str, str]:
        (one,) = rules.explain(everything, Facts(weekday=1, local_minutes=600, **facts), rule)
        return one.state, one.by, one.condition, one.within

    assert told("a", inbox="inne") == ("failed", "kadry", "inbox", "")
    assert told("a", inbox="kadry") == ("failed", "", "words", "pilne")
    assert told("b", inbox="kadry", text="pilne") == ("stopped", "a", "", "")
    assert told("c") == ("fault", "place", "", "")
    assert told("c", queue_load={"p": 7}) == ("failed", "place", "not queue_load.p", "")
    assert told("e") == ("off", "stare", "enabled", "")
    assert told("f", queue_load={"p": 1}) == ("stopped", "c", "", "")
    (found,) = rules.explain(everything, Facts(inbox="kadry", weekday=1, local_minutes=600), "b")
    seen = [("inbox", "kadry"), ("days", "mon"), ("hours", "10:00")]
    assert [(one.condition, one.value) for one in found.seen] == seen
    (late,) = rules.explain(everything, Facts(inbox="kadry", weekday=6, local_minutes=600), "b")
    assert (late.by, late.condition, late.within, str(late.actual)) == ("kadry", "days", "dyżur", "sat")


ODD: list[Any] = [
    *(None, 3, -1.5, True, b"x", ["x"], {"a": None}, {None: None}),
    *("\ud800", "x" * 100_000, (None,), ((1, 2),)),
]
EVERYTHING = """
rules:
  - section: s
    when: {not: {agents_on_duty: {q: {min: 9}}}}
    rules:
      - id: words
        on: [new, message, edit, status, timer]
        when: {any: [{words: x}, {phrase: x y}, {regex: x}, {words: {any: xxxxx, typos: 1}}]}
        do: {tags: t}
        then: next-section
  - id: facts
    when:
      any:
        - {any: [{sender: x}, {domain: x}, {tags: x}, {contact: {a: x}}, {fields: {a: true}}, {language: pl}]}
        - {any: [{history: 3}, {hours: 08:00-09:00}, {days: mon}, {dates: {from: 2026-11-01}}, {returning: true}]}
        - {any: [{attachment: {type: image/*}}, {place: p}, {pesel: true}, {links: 1}, {length: 1}, {automatic: true}]}
        - {any: [{queue_load: {q: {min: 1}}}, {open_hours: true}, {duplicates: 2}, {join_candidates: 1}]}
    do: {office: from-text, answer: t, join: join}
    then: continue
  - {id: last, do: {queue: q}}
default: {queue: d}
"""


@pytest.mark.parametrize("name", Facts.__struct_fields__)
def test_no_single_odd_fact_raises(name: str) -> None:
    everything = compiled(EVERYTHING, {"18": "p"})
    for value in ODD:
        facts = Facts(**{name: value})
        decision = rules.evaluate(everything, facts)
        rules.explain(everything, facts)
        rules.encode_trace(decision.trace)
        assert name == "on" or decision.actions.queue == "q", "a rule that reads no odd fact still decides"


def test_an_address_without_a_host_has_no_domain() -> None:
    any_domain = compiled("rules:\n  - {id: a, when: {domain: '*'}, do: {queue: q}}\ndefault: {queue: d}")
    assert rules.evaluate(any_domain, Facts(sender_address="@")).actions.queue == "d"
    assert rules.evaluate(any_domain, Facts(sender_address="jan@a.pl")).actions.queue == "q"
