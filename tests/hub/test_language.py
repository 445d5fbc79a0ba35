"""What language a text is in: of short ones, long ones, and long ones that begin and end otherwise than they go on."""

from __future__ import annotations

import pytest

from hub.language import NOT_TOLD, detect, language_of

POLISH = "Dzień dobry, od marca jestem zarejestrowany jako bezrobotny i chciałbym zapytać o termin wypłaty zasiłku. "
UKRAINIAN = "Доброго дня, я хочу запитати, які документи потрібні для дозволу на роботу в Польщі. "
ENGLISH = "Good morning, I would like to ask which documents are needed for a work permit in Poland. "


@pytest.mark.parametrize(("text", "code"), [(POLISH, "pl"), (UKRAINIAN, "uk"), (ENGLISH, "en")])
@pytest.mark.parametrize("times", [1, 3, 30])
def test_one_language(text: str, code: str, times: int) -> None:
    told, confidence = detect(text * times)
    assert told == code
    assert confidence > 0.9


@pytest.mark.parametrize(
    ("first", "middle", "last"), [(POLISH, UKRAINIAN * 20, ENGLISH), (ENGLISH, POLISH * 20, UKRAINIAN)]
)
def test_ends_of_several_languages_do_not_hide_the_middle(first: str, middle: str, last: str) -> None:
    assert detect(first + middle + last)[0] == detect(middle)[0]


def test_addresses_tell_nothing_at_the_ends_either() -> None:
    links = "https://www.example.com/information/about/the/office " * 6
    assert detect(links + POLISH * 5 + links)[0] == "pl"


def test_control_characters_and_nothing() -> None:
    assert detect("\x01" + POLISH * 10 + "\x02")[0] == "pl"
    assert detect("1234567890 " * 60) == NOT_TOLD
    assert language_of("ok", 20) == NOT_TOLD
