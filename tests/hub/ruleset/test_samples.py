"""A test made from a real message: the same outcome, and nobody in it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import rules
from hub.ruleset.invent import ADDRESS, Names, is_first_name, without_numbers
from hub.ruleset.samples import Unmaskable, appended, make, names_of, text_of, title_of
from rules import Compiled, Facts
from rules.samples import verdict
from rules.words import forms

ROOT = Path(__file__).parents[3]
PLACES = {"18-4": "pup-lomza", "Łomża": "pup-lomza", "powiat łomżyński": "pup-lomza"}

LETTER = """Dzień dobry,
6 tygodni temu złożyłem w PUP Łomża wniosek o dotację i nic. PESEL 44051401359, tel. 601 234 567,
konto 61 1090 1014 0000 0712 1981 2874, dowód ABC123456, ur. 12.03.1985, mail marek.trabka@poczta.example.
Pani Wiśniewska powiedziała, że Tomkowi Zielińskiemu nie dadzą. https://facebook.com/marek.trabka.5
Pozdrawiam
Marek Trąbka, ul. Kwiatowa 3/4, 18-404 Łomża"""

SECRETS = ("44051401359", "601 234", "1090", "123456", "1985", "rabka", "rąbka", "iśniewsk", "ielińsk", "Tomk",
           "Kwiatow", "18-404", "Marek", "marek")  # fmt: skip


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    text = (ROOT / "config" / "rules.yaml").read_text(encoding="utf-8")
    return rules.compile_rules(rules.load(text, "config/rules.yaml"), forms, PLACES)


def letter(text: str = LETTER, **more: Any) -> Facts:
    known: dict[str, Any] = {
        "channel": "email",
        "inbox": "kontakt",
        "subject": "Wniosek – Marek Trąbka",
        "sender_address": "marek.trabka@poczta.example",
        "sender_name": "Marek Trąbka",
        "sender_kind": "email",
        "language": "pl",
        "language_confidence": 0.99,
        "local_date": "2026-11-16",
        "local_minutes": 1_200,
        "weekday": 1,
        "open_hours": False,
        "queue_load": {"informacja": 3},
        "contact": {"miasto": "Łomża", "telefon": "601234567"},
        "tags": ("Trąbka dzwonił",),
    }
    return Facts(text=text, **{**known, **more})


@pytest.mark.slow
def test_nobody_is_left_and_the_outcome_is_the_same(compiled: Compiled) -> None:
    facts = letter()
    sample = make(compiled, facts, "Dotacja")
    text = text_of(sample)
    assert not [secret for secret in SECRETS if secret in text]
    assert "wniosek o dotację" in text
    assert ADDRESS in text
    assert sample.expect == {"queue": "bezrobotni", "tags": ("po godzinach",), "rule": "bezrobotni"}
    before, after = rules.evaluate(compiled, facts), rules.evaluate(compiled, sample.facts)
    assert before.matched == after.matched
    assert before.actions == after.actions


def test_it_reads_back_as_a_test_that_passes(compiled: Compiled) -> None:
    source = (ROOT / "config" / "rules.yaml").read_text(encoding="utf-8")
    sample = make(compiled, letter(), "Dotacja: nic od 6 tygodni")
    ruleset = rules.load(appended(source, text_of(sample)))
    read = ruleset.samples[-1]
    assert (read.name, read.facts, dict(read.expect)) == (sample.name, sample.facts, dict(sample.expect))
    assert verdict(rules.compile_rules(ruleset, forms, PLACES), read).passed


def test_it_may_expect_another_queue(compiled: Compiled) -> None:
    """What was routed wrongly makes a test that fails until a rule is mended."""
    sample = make(compiled, letter(), "x", queue="pracodawcy")
    assert sample.expect == {"queue": "pracodawcy"}
    assert not verdict(compiled, sample).passed


def test_what_the_outcome_needs_stays(compiled: Compiled) -> None:
    """The town by its postcode, the kind of a number, the language."""
    visit = letter("Chcę umówić wizytę. Jan Nowak, 18-404", subject="", tags=())
    sample = make(compiled, visit, "wizyta")
    assert "18-400" in sample.facts.text
    assert sample.expect["office"] == "pup-lomza"
    comment = letter("Mój PESEL 44051401359", channel="comments", subject="", tags=())
    masked = make(compiled, comment, "komentarz")
    assert "44051401359" not in masked.facts.text
    assert masked.expect["hold"] == "personal-data"


def own(text: str) -> Compiled:
    return rules.compile_rules(rules.load(f"{text}\ndefault: {{queue: d}}\n"), forms)


def test_senders_that_rules_name_stay_and_no_others() -> None:
    compiled = own("""
rules:
  - {id: a, when: {sender: szef@firma.example}, do: {queue: a}}
  - {id: b, when: {domain: urzad.example}, do: {queue: b}}
  - {id: c, when: {sender: "+4886*"}, do: {queue: c}}
  - {id: e, when: {sender: "jan@*"}, do: {queue: e}}
  - {id: f, when: {contact: {rodzaj: [vip, stały*], nr: true}}, do: {queue: f}}
""")
    sent = {
        "szef@firma.example": "szef@firma.example",
        "marek.trabka@praca.urzad.example": "anna.nowak@praca.urzad.example",
        "+48861234567": "+48860000000",
        "jan@gdzies.example": "jan@example.org",
        "ola@gdzies.example": ADDRESS,
    }
    made = {address: make(compiled, letter("x", sender_address=address), "t").facts for address in sent}
    assert {address: facts.sender_address for address, facts in made.items()} == sent
    attributes = letter("x", sender_address="", contact={"rodzaj": "VIP", "nr": "123", "telefon": "601"})
    assert make(compiled, attributes, "t").facts.contact == {"rodzaj": "VIP", "nr": "x"}


def test_words_of_the_rules_are_no_names() -> None:
    """Large letters within a sentence tell a name, unless a rule asks for just that word."""
    compiled = own("rules: [{id: a, when: {words: erasmus}, do: {queue: a}}]")
    sample = make(compiled, letter("chcę wyjechać z programem Erasmus razem z Bolkowską"), "t")
    assert "Erasmus" in sample.facts.text and "Bolkowsk" not in sample.facts.text


def test_what_cannot_be_hidden_is_no_test() -> None:
    compiled = own(r"rules: [{id: a, when: {regex: 'Trąbka|601 234'}, do: {queue: a}}]")
    with pytest.raises(Unmaskable, match="Rule a goes by something that tells who wrote"):
        make(compiled, letter("Tu Trąbka, 601 234 567"), "t")


def test_long_texts_are_cut_where_the_outcome_allows() -> None:
    compiled = own("rules: [{id: a, when: {words: zasiłek}, do: {queue: a}}]")
    early, late = "zasiłek " + "słowo " * 2_000, "słowo " * 500 + "zasiłek " + "słowo " * 2_000
    assert len(make(compiled, letter(early), "t").facts.text) < 1_600
    assert 3_000 < len(make(compiled, letter(late), "t").facts.text) <= 6_000


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("nazywam się anna nowicka i proszę", ("nowicka",)),
        ("Proszę o telefon do Pawła Zielińskiego.", ("Pawła", "Zieliński")),
        ("Мене звати Оксана Шевченко", ("Оксана", "Шевченко")),
        ("Z poważaniem\nKatarzyna Brzęczyszczykiewicz", ("Katarzyna", "Brzęcz")),
        ("Piszę w imieniu Iwony Kot, jej NIP 123-456-78-90", ("Iwony", "Kot", "456")),
        ("Sprawa nr 123456/2026, KRS 0000123456", ("123456",)),
    ],
)
def test_names_and_numbers_go(text: str, gone: tuple[str, ...]) -> None:
    made = without_numbers(Names([], lambda word: False).replace(text))
    assert not [secret for secret in gone if secret in made]


def test_ordinary_words_stay() -> None:
    text = "Dzień dobry! Błąd 503. Czy mogę złożyć wniosek w PUP? Dziękuję Państwu, proszę do 15.11.2026."
    assert without_numbers(Names([], lambda word: False).replace(text)) == text


def test_first_names_in_their_forms() -> None:
    assert all(map(is_first_name, ("Anna", "Annie", "Markowi", "Pawła", "Tomaszem", "Олена", "JANA")))
    assert not any(map(is_first_name, ("Proszę", "Dotacja", "Wniosek", "Urząd", "Dzień", "Może")))


def test_numbers_of_every_make_are_replaced() -> None:
    """Random numbers in random spelling: none survives."""
    draw = random.Random(11)
    for _ in range(300):
        digits = "".join(draw.choice("0123456789") for _ in range(draw.choice((6, 9, 10, 11, 14, 26))))
        written = draw.choice(("", " ", "-")).join((digits[:3], digits[3:6], digits[6:]))
        made = without_numbers(f"Mój numer to {written} i tyle")
        assert digits[2:6] not in "".join(char for char in made if char.isdigit()) or set(digits[2:6]) == {
            "0"
        }


def test_names_of_tests_are_all_different() -> None:
    assert names_of((), "Dotacja") == "Dotacja"
    assert names_of(("Dotacja", "Dotacja 2"), " Dotacja ") == "Dotacja 3"


def test_a_test_is_named_after_what_it_says() -> None:
    facts = Facts(
        subject="Pytanie", text="Dzień dobry,\n\nKiedy dostanę zasiłek, skoro złożyłem wniosek w maju i nic?"
    )
    assert title_of(facts) == "Kiedy dostanę zasiłek, skoro złożyłem wniosek w maju i"
    assert title_of(Facts(subject="Pytanie o dotację na firmę", text="x")) == "Pytanie o dotację na firmę"
    assert title_of(Facts(subject="Pytanie", text="Tak.")) == "Pytanie"
    assert names_of((), title_of(Facts())) == "test"
