"""Alphabets and segments of SMS: what a text costs, where it is cut, what comes back of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import _gsm
from connectors._gsm import Place, decode, encode, fold, header, is_gsm7, read_header, segment

GSM = st.text(st.sampled_from(sorted(set(_gsm.BASIC) - {"\x1b"} | set(_gsm.EXTENSION.values()))))


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", "gsm7", 0, 1),
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        ("€" * 80, "gsm7", 160, 1),
        ("€" * 81, "gsm7", 162, 2),
        ("€" * 153, "gsm7", 306, 3),  # 76 of them fill 152 of 153 septets: none is cut
        ("[]{}^~|\\€\f", "gsm7", 20, 1),
        ("ą" * 70, "ucs2", 70, 1),
        ("ą" * 71, "ucs2", 71, 2),
        ("ą" * 134, "ucs2", 134, 2),
        ("ą" * 135, "ucs2", 135, 3),
        ("a" * 69 + "ą", "ucs2", 70, 1),
        ("😀" * 35, "ucs2", 70, 1),
        ("😀" * 36, "ucs2", 72, 2),
        ("😀" * 67, "ucs2", 134, 3),  # 33 pairs fill 66 of 67 units
        ("`", "ucs2", 1, 1),
        ("ÄÖÑÜ§¿äöñüàé", "gsm7", 12, 1),
        ("ç", "ucs2", 1, 1),  # only the capital is in the alphabet
    ],
)
def test_segments_are_counted_right(text: str, encoding: str, units: int, count: int) -> None:
    found = segment(text)
    assert (found.encoding, found.units, found.count) == (encoding, units, count)


def test_a_wide_header_takes_one_unit_of_each_segment() -> None:
    assert segment("a" * 304, wide=True).count == 2
    assert segment("a" * 305, wide=True).count == 3
    assert segment("ą" * 132, wide=True).count == 2
    assert segment("ą" * 133, wide=True).count == 3


def test_what_is_left_is_told() -> None:
    assert segment("a").left == 159
    assert segment("a" * 161).left == 306 - 161
    assert segment("ą" * 71).left == 134 - 71


def test_an_escaped_character_goes_whole_into_the_next_segment() -> None:
    found = segment("a" * 152 + "€" + "b" * 20)
    assert found.parts == ("a" * 152, "€" + "b" * 20)


@given(st.text(), st.booleans())
def test_segments_are_the_text_and_fit_their_octets(text: str, wide: bool) -> None:
    text = text.encode("utf-8", "replace").decode()
    found = segment(text, wide=wide)
    assert "".join(found.parts) == text
    room = 140 if found.count == 1 else 140 - (7 if wide else 6)
    for part in found.parts:
        octets = encode(part, found.encoding)
        assert (len(octets) * 7 + 7) // 8 <= room if found.encoding == "gsm7" else len(octets) <= room
        assert decode(octets, found.encoding) == part


@given(GSM)
def test_the_short_alphabet_comes_back(text: str) -> None:
    assert is_gsm7(text)
    assert decode(encode(text, "gsm7"), "gsm7") == text


@given(st.binary(max_size=300))
def test_no_octets_fail(data: bytes) -> None:
    decode(data, "gsm7")
    decode(data, "ucs2")
    place, rest = read_header(data)
    assert data.endswith(rest)
    assert place is None or 1 <= place.number <= place.total


def test_escapes_without_a_meaning() -> None:
    assert decode(b"\x1b\x41", "gsm7") == "A"
    assert decode(b"\x1b\x1b", "gsm7") == " "
    assert decode(b"a\x1b", "gsm7") == "a"
    assert decode(b"\x80", "gsm7") == "\ufffd"


def test_a_letter_outside_the_alphabet_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match=r"U\+0105"):
        encode("ą", "gsm7")


@given(st.integers(0, 65535), st.integers(1, 255), st.data(), st.booleans(), st.binary(max_size=134))
def test_headers_come_back(reference: int, total: int, data: st.DataObject, wide: bool, rest: bytes) -> None:
    number = data.draw(st.integers(1, total))
    place = Place(reference=reference if wide else reference % 256, total=total, number=number, wide=wide)
    assert read_header(header(place) + rest) == (place, rest)


def test_headers_that_say_nothing_of_concatenation() -> None:
    assert read_header(b"\x06\x05\x04\x15\x8a\x00\x00rest") == (None, b"rest")  # ports (a ringtone)
    assert read_header(b"\x05\x00\x03\x01\x00\x01rest") == (None, b"rest")  # the first of none
    assert read_header(b"\x05\x00\x03\x01\x02\x03rest") == (None, b"rest")  # the third of two
    assert read_header(b"\x20\x00") == (None, b"\x20\x00")  # longer than there are data
    assert read_header(b"") == (None, b"")
    both = b"\x0b\x05\x04\x00\x50\x00\x50\x00\x03\x07\x02\x01hi"  # ports and concatenation
    assert read_header(both) == (Place(reference=7, total=2, number=1), b"hi")


def test_headers_that_cannot_be() -> None:
    for total, number in ((256, 1), (2, 3), (1, 0)):
        with pytest.raises(ValueError, match="segment"):
            header(Place(reference=1, total=total, number=number))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Zażółć gęślą jaźń", "Zazolc gesla jazn"),
        ("ZAŻÓŁĆ GĘŚLĄ JAŹŃ", "ZAZOLC GESLA JAZN"),
        ("„Cytat” – i już…", '"Cytat" - i juz...'),
        ("zaz\u0307o\u0301łc\u0301", "zazolc"),
        ("à la façon é ö ñ ß Ω €", "à la facon é ö ñ ß Ω €"),
        ("1\u00a0000\u202fzł", "1 000 zl"),
        ("Łódź ½", "Lodz 1/2"),
        ("it’s", "it's"),
        ("Добрий день", "Добрий день"),
        ("ok 😀", "ok 😀"),
    ],
)
def test_what_looks_alike_is_taken_instead(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
