"""Header fields as software really writes them."""

from __future__ import annotations

from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import MAX_KEY
from connectors.email import headers

TEXTS = {
    b"Sprawa": "Sprawa",
    b"=?utf-8?Q?Zas=C5=82ki?=": "Zasłki",
    b"=?UTF-8?B?WmFzacWCZWs=?=": "Zasiłek",
    b"=?UTF-8?B?WmFzacWCZWs?=": "Zasiłek",
    b"=?iso-8859-2?Q?Zasi=B3ek_dla?= bezrobotnych": "Zasiłek dla bezrobotnych",
    b"=?windows-1250?Q?=8Cwi=EAto?=": "Święto",
    b"=?iso-8859-2?Q?=8Cwi=EAto?=": "Święto",
    b"=?utf-8?Q?a?=  =?utf-8?Q?b?= c": "ab c",
    b"=?utf-8?B?xYI=?= =?utf-8?Q?=C5?= =?utf-8?Q?=82?=": "łł",
    b"=?utf-8?Q?=C5?=\r\n =?utf-8?Q?=82?=": "ł",
    b"=?utf-8?Q?Kiedy?=20mam_przyj=C5=9B=C4=87??=": "Kiedy? mam przyjść?",
    b"=?utf-8?Q?to jest z=C5=82e?=": "to jest złe",
    b"Odp:=?utf-8?Q?z=C5=82e?=!": "Odp:złe!",
    b"=?x-nowhere?Q?abc?=": "abc",
    b"=?utf-8?Q?abc": "=?utf-8?Q?abc",
    "Zasiłek".encode(): "Zasiłek",
    "Zasiłek".encode("cp1250"): "Zasiłek",
    b"=?utf-8?Q?a=0D=0ABcc:_x@y?=": "a Bcc: x@y",
    b"=?unicode-1-1-utf-7?Q?+ANw-bermittlung?=": "Übermittlung",
    b"=?koi8-r?B?8NLJ18XU?=": "Привет",
}


@pytest.mark.parametrize("value", TEXTS)
def test_text(value: bytes) -> None:
    assert headers.text(headers.unfold(value)) == TEXTS[value]


PARAMETERS = {
    b'attachment; filename="umowa.pdf"': ("attachment", "umowa.pdf"),
    b"attachment; filename=umowa.pdf": ("attachment", "umowa.pdf"),
    b"ATTACHMENT; FileName = umowa z maja.pdf": ("attachment", "umowa z maja.pdf"),
    b"attachment; filename*=UTF-8''wniosek%20o%20zasi%C5%82ek.pdf": ("attachment", "wniosek o zasiłek.pdf"),
    b"attachment; filename*0*=UTF-8''wniosek%20o; filename*1*=%20zasi%C5%82ek.pdf": (
        "attachment",
        "wniosek o zasiłek.pdf",
    ),
    b'attachment; filename*1="ek.pdf"; filename*0="zasil"': ("attachment", "zasilek.pdf"),
    b'attachment; filename="=?utf-8?Q?zasi=C5=82ek.pdf?="': ("attachment", "zasiłek.pdf"),
    b'inline; filename="a;b.pdf"; size=3': ("inline", "a;b.pdf"),
    b'inline; filename="a\\"b.pdf"': ("inline", 'a"b.pdf'),
    b'attachment; filename="nie zamkniete.pdf; size=3': ("attachment", "nie zamkniete.pdf"),
    b"attachment; filename=''": ("attachment", ""),
    "attachment; filename=zasiłek.pdf".encode("cp1250"): ("attachment", "zasiłek.pdf"),
    b"attachment;;; filename": ("attachment", ""),
}


@pytest.mark.parametrize("value", PARAMETERS)
def test_parameters(value: bytes) -> None:
    word, found = headers.parameters(value)
    assert (word, found.get("filename", "")) == PARAMETERS[value]


DATES = {
    b"Thu, 12 Nov 2026 10:12:00 +0100": 1794474720,
    b"12 Nov 2026 09:12:00 GMT": 1794474720,
    b"Thu, 12 Nov 2026 10:12:00 +0100 (CET)": 1794474720,
    b"Thu, 12 Nov 26 09:12 UT": 1794474720,
    b"": None,
    b"wczoraj": None,
    b"Thu, 32 Nov 2026 99:12:00 +0100": None,
    b"Thu, 12 Nov 99999999999 10:12:00 +0100": None,
}


@pytest.mark.parametrize("value", DATES)
def test_date(value: bytes) -> None:
    seconds = DATES[value]
    assert headers.date(value) == (None if seconds is None else seconds * 1_000_000)


def test_message_ids() -> None:
    assert headers.message_ids(b"<a@b> , <c d@e>\t<a@b>") == ["a@b", "cd@e"]
    assert headers.message_ids(b"a@b c@d") == ["a@b", "c@d"]
    assert headers.message_ids(b"Twoje pismo z 12 maja") == []


def test_message_key() -> None:
    assert headers.message_key("<a@b>") == headers.message_key("a@b") == "mid:a@b"
    long = headers.message_key("x" * 2000)
    assert len(long) <= MAX_KEY
    assert long != headers.message_key("x" * 2001)


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes(value: bytes) -> None:
    line = headers.unfold(value)
    assert "\n" not in headers.text(line)
    word, found = headers.parameters(line)
    assert "\n" not in word
    assert not any("\n" in item or "\r" in item for item in found.values())
    headers.date(line)
    assert all(
        "<" not in item for item in headers.message_ids(line) if "<" not in line.decode("latin-1")[1:-1]
    )


@given(st.text(max_size=60).filter(lambda text: text.isprintable()))
def test_words_of_the_standard_library_are_read_back(text: str) -> None:
    """What Python encodes by RFC 2047 comes back as it was, white space aside."""
    from_python = Header(text, "utf-8").encode().encode()
    assert headers.text(headers.unfold(from_python)).split() == text.split()
