"""Bytes to text: what is declared, what the bytes say, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._text import decode, one_line, tidy

FOOTER = "Niniejsza wiadomość jest poufna, jeśli nie są Państwo adresatem, proszę ją usunąć. "
POLISH = "Zażółć gęślą jaźń: proszę o zaświadczenie „RP-7”."
UKRAINIAN = "Добрий день, чи потрібен мені дозвіл на роботу, якщо я маю статус UKR? Дякую за відповідь."
RUSSIAN = "Добрый день, какие документы нужны для регистрации в службе занятости? Спасибо."
GERMAN = "Schöne Grüße aus München, wo muss ich mich melden?"

CASES = [
    *(
        (POLISH, codec, declared)
        for codec in ("utf-8", "cp1250")
        for declared in ("utf-8", "", "x-unknown", "us-ascii")
    ),
    (POLISH, "utf-8", "iso-8859-2"),
    (POLISH, "utf-8", "windows-1250"),
    (POLISH, "cp1250", "iso-8859-2"),
    (POLISH, "cp1250", "Windows-1250"),
    (POLISH, "cp1250", "cp-1250"),
    (POLISH, "utf-16", "utf-16"),
    (POLISH, "utf-16-le", "utf-16-le"),
    ("Zażółć gęślą jaźń", "iso8859-2", "ISO-8859-2"),
    ("Zażółć gęślą jaźń", "iso8859-2", "8859-2"),
    ("Zażółć gęślą jaźń", "iso8859-2", ""),
    (UKRAINIAN, "cp1251", "windows-1251"),
    (UKRAINIAN, "cp1251", ""),
    (UKRAINIAN, "koi8-u", "koi8-u"),
    (RUSSIAN, "koi8-r", ""),
    (RUSSIAN, "cp1251", "utf-8"),
    (GERMAN, "cp1252", "iso-8859-1"),
    (GERMAN, "cp1252", ""),
    ("„Ja” – powiedział", "cp1250", "iso-8859-2"),
    ("日本語のメール", "iso2022_jp", "iso-2022-jp"),
    ("您好", "gb18030", "gb2312"),
    ("안녕하세요", "cp949", "ks_c_5601-1987"),
    ("Übermittlung", "utf-7", "unicode-1-1-utf-7"),
    ("plain", "ascii", "utf-16"),
]


@pytest.mark.parametrize(("text", "codec", "declared"), CASES)
def test_decode(text: str, codec: str, declared: str) -> None:
    assert decode(text.encode(codec), declared) == text


@pytest.mark.parametrize("codec", ["cp1250", "iso8859-2"])
@pytest.mark.parametrize("declared", ["utf-8", ""])
def test_what_a_gateway_adds_in_its_own_charset_spoils_nothing(codec: str, declared: str) -> None:
    data = "Proszę\n\n".encode() + FOOTER.encode(codec) * 5 + "\nDziękuję".encode()
    assert decode(data, declared) == f"Proszę\n\n{FOOTER * 5}\nDziękuję"
    assert len(decode(b"\xff\n" * 2_000_000, declared)) == 4_000_000, "in no time"


def test_a_character_cut_in_two_spoils_only_itself() -> None:
    assert decode(POLISH.encode()[:-1] + "ł".encode()[:1], "utf-8").startswith(POLISH[:-2])


def scrambled(text: str, read_as: str) -> str | None:
    """UTF-8 read in a one-byte charset; None where that charset lacks one of the bytes."""
    try:
        return text.encode().decode(read_as)
    except UnicodeDecodeError:
        return None


TWICE = [
    (text, wrong)
    for text in ("Małgorzata", "żółć i gęś", UKRAINIAN, "Schöne Grüße")
    for read_as in ("cp1252", "cp1250", "latin-1")
    if (wrong := scrambled(text, read_as)) is not None
]


@pytest.mark.parametrize(("text", "wrong"), TWICE)
def test_what_was_encoded_twice_is_put_right(text: str, wrong: str) -> None:
    assert wrong != text
    assert decode(wrong.encode(), "utf-8") == text


@pytest.mark.parametrize(
    "text", [POLISH, GERMAN, "„Ä“ und „Ö“", "Ã la carte", "Größe: 5 Å–6 Å", "Đặng Thị Ánh"]
)
def test_what_is_right_stays(text: str) -> None:
    assert decode(text.encode(), "utf-8") == text


@given(st.text(alphabet="aąäÄÅÃ„–“ ł", max_size=30))
def test_repair_leaves_ascii_alone(text: str) -> None:
    assert [c for c in decode(text.encode(), "utf-8") if c.isascii()] == [c for c in text if c.isascii()]


@given(
    st.binary(max_size=200),
    st.sampled_from(
        ["", "utf-8", "utf-7", "rot13", "hex", "idna", "undefined", "utf-16", "gb2312", "x\0y", "é"]
    ),
)
def test_any_bytes_under_any_name_are_text_that_can_be_stored(data: bytes, declared: str) -> None:
    decode(data, declared).encode()


@pytest.mark.parametrize("name", ["undefined", "unicode_escape", "raw-unicode-escape", "punycode"])
def test_a_codec_that_is_no_charset_counts_as_none(name: str) -> None:
    """Scripts that make mails write ``charset=undefined``."""
    assert decode("Zażółć C:\\new".encode(), name) == "Zażółć C:\\new"


@given(st.binary(max_size=50), st.text(max_size=50))
def test_any_name_gives_text_that_can_be_stored(data: bytes, declared: str) -> None:
    decode(data, declared).encode()


def test_tidy() -> None:
    assert tidy("\ufeffa\r\nb\rc\x00\x07d\n") == "a\nb\ncd\n"


def test_one_line() -> None:
    assert one_line(" a\r\n b\x00\tc ") == "a b c"
