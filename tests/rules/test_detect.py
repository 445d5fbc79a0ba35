"""Personal numbers, links and postcodes: found however people write them, and nothing else taken for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from rules import detect

Spans = Callable[[str], Iterator[tuple[int, int]]]


def found(spans: Spans, text: str) -> list[str]:
    return [text[start:end] for start, end in spans(text)]


@pytest.mark.parametrize(
    "text",
    [
        "44051401359",
        "440514 01359",
        "44-05-14-01359",
        "4 4 0 5 1 4 0 1 3 5 9",
        "44.05.14.01359",
        "44051401359.",
    ],
)
def test_pesel(text: str) -> None:
    assert found(detect.pesel_spans, f"numer {text}, tak") == [text.rstrip(".")]


@pytest.mark.parametrize("text", ["44051401358", "44131401359", "99999999999", "440514013591", "4405140135"])
def test_not_pesel(text: str) -> None:
    assert not found(detect.pesel_spans, text)


def test_a_digit_before_a_pesel_hides_nothing() -> None:
    assert found(detect.pesel_spans, "5 44051401359 9") == ["44051401359"]
    assert found(detect.pesel_spans, "5 4405140135 9") == ["4405140135 9"]


def test_digits_of_other_scripts_hide_nothing() -> None:
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in "44051401359")
    assert detect.mask_numbers(f"PESEL {wide}") == "PESEL 440••••••••"


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("02270803624", True),
        ("00222912345", False),
        ("00010112349", False),
        ("0207080362", False),
        ("abcdefghijk", False),
    ],
)
def test_valid_pesel(number: str, valid: bool) -> None:
    assert detect.valid_pesel(number) is valid


@pytest.mark.parametrize(
    "text",
    ["601 234 567", "601-234-567", "601234567", "+48601234567", "+48 601 234 567", "0048601234567", "48 601 234 567",
     "86 215 12 34", "(86) 215 12 34", "86-215-12-34", "22 1234567", "+380 67 123 45 67", "+49 30 1234567"],
)  # fmt: skip
def test_phone(text: str) -> None:
    assert found(detect.phone_spans, f"tel. {text}, proszę") == [text]


@pytest.mark.parametrize(
    "text",
    ["18-400", "2026-11-21", "NIP 123-456-78-90", "REGON 601234567", "61 1090 1014 0000 0712 1981 2874", "44051401359",
     "1234567890123", "12 345 678 901", "000 000 000"],
)  # fmt: skip
def test_not_phone(text: str) -> None:
    assert not found(detect.phone_spans, text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("61 1090 1014 0000 0712 1981 2874", 1),
        ("61109010140000071219812874", 1),
        ("PL61109010140000071219812874", 1),
        ("DE89 3704 0044 0532 0130 00", 1),
        ("62 1090 1014 0000 0712 1981 2874", 0),
        ("DE88 3704 0044 0532 0130 00", 0),
    ],
)
def test_account(text: str, count: int) -> None:
    assert len(found(detect.account_spans, f"konto {text}.")) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("https://a.example i http://b.example/x?y=1", 2),
        ("www.a.example", 1),
        ("bit.ly/abc", 1),
        ("praca.gov.pl", 0),
        ("i/lub", 0),
        ("12/2026", 0),
    ],
)
def test_links(text: str, count: int) -> None:
    assert len(found(detect.link_spans, text)) == count


def test_mail_addresses_and_postcodes() -> None:
    assert found(detect.email_spans, "do jan.kowalski@urząd.example, proszę") == [
        "jan.kowalski@urząd.example"
    ]
    assert detect.postcodes("18-400 Łomża, 00–001 W., 118-400, 18-4000, 2026-11-211") == ["18-400", "00-001"]


def test_masking() -> None:
    text = "PESEL 44051401359, tel. 601 234 567, konto 61 1090 1014 0000 0712 1981 2874"
    masked = detect.mask_numbers(text)
    assert masked == "PESEL 440••••••••, tel. 601••••••, konto 611•••••••••••••••••••••••"
    assert detect.mask_numbers(masked) == masked
    assert detect.mask_numbers("sprawa 12/2026") == "sprawa 12/2026"


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["1 ", "1", "a", "@", "a.", "+1", "12-", "www.", "a@", "a.pl/", "(1", "\u0661"]
)
def test_time_is_bounded_by_the_length(piece: str) -> None:
    text = (piece * 65_536)[:65_536]
    start = time.process_time()
    for spans in (
        detect.pesel_spans,
        detect.phone_spans,
        detect.account_spans,
        detect.email_spans,
        detect.link_spans,
    ):
        list(spans(text))
    detect.postcodes(text)
    detect.mask_numbers(text)
    assert time.process_time() - start < 3
