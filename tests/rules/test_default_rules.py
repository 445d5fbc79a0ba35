"""config/rules.yaml on the messages it is made for: the five days of the desk, and what people really write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rules
from rules import Actions, Facts
from rules.decision import CallbackOrder
from rules.samples import check
from rules.words import forms

ROOT = Path(__file__).parents[2]
PLACES = {"18-4": "pup-lomza", "Łomża": "pup-lomza", "powiat łomżyński": "pup-lomza", "00": "up-warszawa"}


@pytest.fixture(scope="module")
def compiled() -> rules.Compiled:
    text = (ROOT / "config" / "rules.yaml").read_text(encoding="utf-8")
    return rules.compile_rules(rules.load(text, "config/rules.yaml"), forms, PLACES)


def polish(text: str, channel: str = "email", **more: Any) -> Facts:
    """Facts of a Polish message in opening hours."""
    known: dict[str, Any] = {"language": "pl", "language_confidence": 0.99, "open_hours": True, **more}
    return Facts(channel=channel, text=text, **known)


def decide(compiled: rules.Compiled, facts: Facts) -> Actions:
    decision = rules.evaluate(compiled, facts)
    assert len(rules.encode_trace(decision.trace)) < 1_000
    return decision.actions


def test_mass_event(compiled: rules.Compiled) -> None:
    text = "Nie mogę się zalogować na praca.gov.pl, błąd 503"
    for channel in ("email", "form", "callback", "chat", "webhook"):
        for said in (text, f"{text}, a do kiedy mam się odmeldować?"):
            assert decide(compiled, polish(said, channel)).queue == "techniczne"


def test_a_ukrainian_asks(compiled: rules.Compiled) -> None:
    text = "Добрий день, чи потрібен мені дозвіл на роботу, якщо я маю статус UKR?"
    actions = decide(
        compiled, Facts(channel="email", text=text, language="uk", language_confidence=0.97, open_hours=False)
    )
    assert (actions.queue, actions.answer, actions.tags) == (
        "cudzoziemcy",
        "acknowledgement",
        ("po godzinach",),
    )
    assert decide(compiled, polish("Dziękuję, a meldunek?", on="message")) == Actions()


def test_abusive_comment(compiled: rules.Compiled) -> None:
    text = "Ta złodziejka z PUP w Łomży ukradła mi zasiłek! Mój PESEL 44051401359, sprawdźcie, debile."
    facts = polish(text, "comments", article="zmiany")
    for on in ("new", "message", "edit"):
        actions = decide(compiled, polish(text, "comments", on=on))
        assert (actions.hold, actions.mask, actions.answer) == ("personal-data", True, None)
        assert set(actions.tags) == {"dane osobowe", "obraźliwe"}
    decision = rules.evaluate(compiled, facts)
    assert decision.actions.queue == "redakcja"
    assert b"44051401359" not in rules.encode_trace(decision.trace)
    clean = decide(compiled, polish("Nadal czekam na zasiłek z PUP w Łomży.", "comments"))
    assert (clean.queue, clean.hold) == ("redakcja", None)


def test_callback_of_an_employer(compiled: rules.Compiled) -> None:
    wish = "Chcę zatrudnić pracownika z Indii"
    assert decide(compiled, polish(wish, "callback")).queue == "pracodawcy"
    assert decide(compiled, polish("", "callback", callback_topic=wish)).queue == "pracodawcy"


def test_county_office(compiled: rules.Compiled) -> None:
    text = "6 tygodni temu złożyłem w PUP Łomża wniosek o dotację i nic. Marek T., 18-400 Łomża."
    actions = decide(compiled, polish(text))
    assert (actions.queue, actions.suggest_office, actions.office) == ("bezrobotni", "pup-lomza", None)
    assert actions.answer == "acknowledgement"


@pytest.mark.parametrize(
    ("text", "queue"),
    [
        ("Kiedy dostanę zasiłek dla bezrobotnych?", "bezrobotni"),
        ("Dzień dobry, chciałabym się zarejestrować jako osoba bezrobotna", "bezrobotni"),
        ("Mój były pracodawca nie wydał mi świadectwa pracy", "bezrobotni"),
        ("Byłem zatrudniony do maja, czy należy mi się zasiłek?", "bezrobotni"),
        ("chce isc na staz, jakie dokumenty", "bezrobotni"),
        ("Na konto nie wpłynął zasiłek, to chyba błąd", "bezrobotni"),
        ("Chcemy zatrudnić dwie osoby od stycznia, jakie wsparcie przysługuje?", "pracodawcy"),
        ("Jak zgłosić ofertę pracy do urzędu?", "pracodawcy"),
        ("Szukamy pracowników na magazyn", "pracodawcy"),
        ("Chcę zgłosić wolne miejsca pracy w naszej firmie", "pracodawcy"),
        ("Prosimy o dofinansowanie wynagrodzenia nowego pracownika", "pracodawcy"),
        ("Nie działa strona praca.gov.pl", "techniczne"),
        ("zapomniałem hasła do konta", "techniczne"),
        ("Portal się zawiesza, nie da się zalogować", "techniczne"),
        ("Profil zaufany mnie wyrzuca przy podpisywaniu", "techniczne"),
        ("Wyskakuje error 500 po wysłaniu formularza", "techniczne"),
        ("Czy obywatel Ukrainy potrzebuje zezwolenia na pracę?", "cudzoziemcy"),
        ("Ile czeka się na kartę pobytu?", "cudzoziemcy"),
        ("Zamknęli nasz zakład, co teraz?", "informacja"),
        ("Zamknęli nasz zakład i zostałem bez zasiłku", "bezrobotni"),
        ("Nasza firma zbankrutowała, pracownicy nie dostali świadectw pracy", "bezrobotni"),
        ("W naszej firmie szukamy osoby na stanowisko magazyniera", "pracodawcy"),
        ("Kiedy odbędą się targi pracy w Białymstoku?", "informacja"),
        ("Dzień dobry", "informacja"),
    ],
)
def test_routing(compiled: rules.Compiled, text: str, queue: str) -> None:
    assert decide(compiled, polish(text)).queue == queue


@pytest.mark.parametrize("language", ["uk", "ru", "en"])
def test_foreign_languages(compiled: rules.Compiled, language: str) -> None:
    sure = Facts(channel="form", text="…", language=language, language_confidence=0.9)
    unsure = Facts(channel="form", text="ok", language=language, language_confidence=0.4)
    assert decide(compiled, sure).queue == "cudzoziemcy"
    assert decide(compiled, unsure).queue == "informacja"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Zadzwońcie do mnie: 601 234 567", "personal-data"),
        ("Pisz na jan.kowalski@poczta.example", "personal-data"),
        ("Moje konto 61 1090 1014 0000 0712 1981 2874", "personal-data"),
        ("Same ZŁODZIEJE w tym urzędzie", "abuse"),
        ("co za debilom to dali", "abuse"),
        ("kurwa ile mozna czekac", "abuse"),
        ("Tanie pożyczki https://a.example i https://b.example", "spam"),
        ("Dziękuję za artykuł, bardzo pomocny. Szczegóły na https://praca.gov.pl", None),
        ("Ile wynosi zasiłek w 2026 roku?", None),
    ],
)
def test_comments_are_held(compiled: rules.Compiled, text: str, reason: str | None) -> None:
    assert decide(compiled, polish(text, "comments")).hold == reason
    assert decide(compiled, polish(text, "email")).hold is None


@pytest.mark.parametrize(
    "text",
    [
        "Nie chcę już żyć",
        "myślę o samobójstwie",
        "zabiję się jeśli nie dostanę zasiłku",
        "Mąż mnie bije i nie mam dokąd pójść",
        "Chcę się zabić",
        "jak tak dalej pójdzie skoczę z mostu",
        "wolałbym już umrzeć",
        "Mój syn jest bity przez ojca",
        "mąż pije i bije nas",
        "były partner grozi mi śmiercią",
        "Ojczym dotyka moją córkę",
        "I am suicidal and have no job",
        "Чоловік мене б'є, що робити",
    ],
)
@pytest.mark.parametrize("channel", ["email", "comments", "form"])
def test_distress(compiled: rules.Compiled, text: str, channel: str) -> None:
    for on in ("new", "message"):
        actions = decide(compiled, polish(text, channel, on=on, weekday=1, local_minutes=600))
        assert (actions.distress is not None, actions.priority, actions.answer) == (True, 3, None)
        assert actions.notify == ("supervisor",)
        night = decide(compiled, polish(text, channel, on=on, weekday=1, local_minutes=120))
        assert night.notify == ("supervisor", "informacja")


@pytest.mark.parametrize(
    "text",
    [
        "Z czego mam żyć bez zasiłku?",
        "Życzę dobrego życia",
        "Zabiegałem o staż",
        "Jutro nie będzie mnie w kraju",
        "Dotyczy mojej córki",
    ],
)
def test_no_false_alarm(compiled: rules.Compiled, text: str) -> None:
    assert decide(compiled, polish(text)).distress is None


def test_machines_and_rubbish(compiled: rules.Compiled) -> None:
    automatic = decide(compiled, polish("Jestem na urlopie, zasiłek", automatic="auto-reply"))
    assert (automatic.queue, automatic.answer, automatic.priority) == ("informacja", None, -1)
    spam = decide(compiled, polish("Pożyczka bez BIK, chwilówki! https://x.example"))
    assert (spam.queue, spam.spam, spam.answer) == ("spam", True, None)
    forged = decide(compiled, polish("Proszę o dane", suspicious="forged office sender"))
    assert (forged.tags, forged.answer) == (("podejrzane",), None)


def test_distress_in_what_looks_like_spam(compiled: rules.Compiled) -> None:
    actions = decide(compiled, polish("Chwilówki i pożyczka bez BIK, nie chcę już żyć"))
    assert (actions.distress, actions.queue, actions.spam) == ("kryzys", None, False)


def test_an_office_keeps_its_own_mail(compiled: rules.Compiled) -> None:
    actions = decide(compiled, polish("Kiedy zasiłek?", office="pup-lomza", inbox="pup-lomza"))
    assert (actions.queue, actions.tier) == (None, 3)


def test_a_visit_goes_to_the_office_that_the_text_names(compiled: rules.Compiled) -> None:
    actions = decide(compiled, polish("Chcę przełożyć wizytę u doradcy. Anna, 18-400 Łomża"))
    assert (actions.office, actions.tier, actions.queue) == ("pup-lomza", 3, None)


def test_its_queues_and_templates_are_configured(compiled: rules.Compiled) -> None:
    configuration = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "config").glob("*.toml"))
    for one in rules.references(compiled.ruleset):
        if one.kind == "queues":
            assert f'id = "{one.name}"' in configuration


def test_its_own_tests_pass(compiled: rules.Compiled) -> None:
    verdicts = check(compiled)
    assert len(verdicts) >= 15
    assert not [(one.name, one.differences) for one in verdicts if not one.passed]


def test_what_waits_is_raised(compiled: rules.Compiled) -> None:
    def raised(minutes: int, **more: Any) -> Actions:
        return decide(compiled, Facts(on="timer", unanswered_open_minutes=minutes, **more))

    assert raised(239) == Actions()
    assert raised(240) == Actions(priority=1, tags=("czeka",), notify=("supervisor",))
    assert raised(960) == Actions(priority=2, tags=("czeka za długo",), notify=("supervisor",))
    assert raised(0, unanswered_minutes=5_000) == Actions()


def test_whoever_leaves_a_number_is_called(compiled: rules.Compiled) -> None:
    wish = "Proszę o oddzwonienie: 601 234 567, chodzi o zasiłek"
    assert decide(compiled, polish(wish)).callback == CallbackOrder(minutes=30)
    assert decide(compiled, polish("Proszę o oddzwonienie")).callback is None
    assert decide(compiled, polish("Proszę o telefon do urzędu, bo 86 215 12 34 milczy")).callback is None
    unreached = "Nie mogę się dodzwonić pod 86 215 12 34, proszę o kontakt telefoniczny"
    assert decide(compiled, polish(unreached)).callback is None
    assert decide(compiled, polish(wish, automatic="auto-reply")).callback is None
    assert decide(compiled, polish(wish, suspicious="forged")).callback is None


def test_a_third_letter_in_a_week(compiled: rules.Compiled) -> None:
    assert "pisze ponownie" in decide(compiled, polish("Halo?", history_ages=(1, 6))).tags
    assert "pisze ponownie" not in decide(compiled, polish("Halo?", history_ages=(1, 7))).tags


@pytest.mark.parametrize(
    "text",
    ["Jestem zarejestrowany od 1 września", "Szukam pracy na świecie", "Wracam około środy", "Mam kolo domu piłę"],
)  # fmt: skip
def test_towns_that_are_words_suggest_no_office(text: str) -> None:
    towns = {
        "Września": "pup-wrzesnia",
        "Świecie": "pup-swiecie",
        "Koło": "pup-kolo",
        "Środa": "pup-sroda",
        "Piła": "pup-pila",
    }
    rule_set = rules.load((ROOT / "config" / "rules.yaml").read_text(encoding="utf-8"))
    compiled = rules.compile_rules(rule_set, forms, towns)
    assert decide(compiled, polish(text)).suggest_office is None
    assert decide(compiled, polish(f"{text}. Mieszkam we Wrześni.")).suggest_office == "pup-wrzesnia"
