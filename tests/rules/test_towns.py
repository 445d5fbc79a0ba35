"""Towns whose names are ordinary words name an office only where the town is meant."""

from __future__ import annotations

import pytest

from rules import Facts
from rules.engine.lexicon import Lexicon, spelt_by
from rules.engine.scan import Scan
from rules.words import forms

TOWNS = {
    "Piła": "pup-pila",
    "Koło": "pup-kolo",
    "Nysa": "pup-nysa",
    "Góra": "pup-gora",
    "Środa Wielkopolska": "pup-sroda",
    "Łask": "pup-lask",
    "Żary": "pup-zary",
    "Tychy": "pup-tychy",
    "Łódź": "pup-lodz",
    "Słupsk": "pup-slupsk",
    "Warszawa": "up-warszawa",
    "Łomża": "pup-lomza",
    "powiat pilski": "pup-pila",
    "77-1": "pup-koszalin",
}


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    made = Lexicon()
    made.places(TOWNS, forms)
    made.freeze(spelt_by(forms))
    return made


@pytest.mark.parametrize(
    ("text", "offices"),
    [
        ("Mieszkam w Pile i szukam pracy, proszę o pomoc.", ["pup-pila"]),
        ("Czy PUP Piła przyjmuje w soboty?", ["pup-pila"]),
        ("mieszkam w pile, prosze o pomoc", ["pup-pila"]),
        ("zarejestrowany w pup piła od maja", ["pup-pila"]),
        ("w urzedzie pracy w pile powiedziano mi ze nie", ["pup-pila"]),
        ("Zgłoszenie dotyczy powiatu pilskiego.", ["pup-pila"]),
        ("Przeprowadziłem się do Koła z rodziną.", ["pup-kolo"]),
        ("Pochodzę z Nysy, a pracuję w Żarach.", ["pup-nysa", "pup-zary"]),
        ("Jadę przez Środę Wielkopolską, potem Łask.", ["pup-sroda", "pup-lask"]),
        ("JESTEM ZAREJESTROWANA W PILE", ["pup-pila"]),
        ("szukam pracy w łodzi albo w warszawie", ["pup-lodz", "up-warszawa"]),
        ("Łomża to moje miasto.", ["pup-lomza"]),
        ("mieszkam w lomzy", ["pup-lomza"]),
        ("Urodziłem się w Tychach.", ["pup-tychy"]),
        ("Jan K., Nowa Wieś 3, pow. pilski", ["pup-pila"]),
        ("zam. w pow. Pilskim", ["pup-pila"]),
        ("Przyjechalem z Pily, a moj brat ze Slupska.", ["pup-pila", "pup-slupsk"]),
    ],
)
def test_a_town_names_its_office(lexicon: Lexicon, text: str, offices: list[str]) -> None:
    assert list(Scan(Facts(text=text), lexicon).offices()) == offices


@pytest.mark.parametrize(
    "text",
    [
        "Kupiłem piłę do drewna, bo zakładam firmę.",
        "kupilem pile do drewna",
        "Piłą to ja drewno tnę, a nie dokumenty.",
        "Mieszkam koło urzędu, więc przyjdę pieszo.",
        "mieszkam kolo urzedu",
        "Płatność z góry nie jest wymagana?",
        "Góry dokumentów, a odpowiedzi brak.",
        "W środę byłem w urzędzie i nikogo nie było.",
        "Proszę z łaski swojej odpowiedzieć.",
        "Od tych przepisów boli głowa. Tych pism nie rozumiem.",
        "Żar leje się z nieba, a w urzędzie bez klimatyzacji.",
        "Nysa stoi przed domem już rok.",
        "pily mi sie stepily",
        "Z Laski to nic nie dostane.",
        "Mam pow. 50 lat i mieszkanie o pow. 40 m.",
    ],
)
def test_an_ordinary_word_names_none(lexicon: Lexicon, text: str) -> None:
    assert Scan(Facts(text=text), lexicon).offices() == {}
