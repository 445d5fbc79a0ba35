"""Unicode that makes a name look like another one: nothing that a person wrote reaches beyond its own place."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Attachment, InboxId, Message, Micros, ParseContext, Party, Recipient
from connectors.email.addresses import mailboxes
from connectors.email.normalise import parse
from hub.tokens import SignedTokens

TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\U000e0041"

SPOOFED = ("PUP Łomża\u202e", "\u2067evil\u2069", "faktura\u202efdp.exe", "Jan\U000e0041\U000e0042")


def _message(name: str) -> Message:
    return Message(
        inbox=InboxId("kontakt"),
        sender=Party(kind="email", address="a@example.pl", name=name),
        recipients=(Recipient(address="b@example.pl", name=name),),
        subject=name,
        text=name,
        attachments=(Attachment(filename=name, content_type="application/pdf", content=b""),),
    )


@given(st.text(st.sampled_from("abżא" + TURNING), max_size=20))
def test_no_name_turns_what_stands_beside_it(name: str) -> None:
    made = _message(name)
    shown = [made.sender.name, made.subject, made.recipients[0].name, made.attachments[0].filename]
    assert set("".join(shown)).isdisjoint(TURNING)
    assert shown[0] == "".join(char for char in name if char not in TURNING)
    assert made.text == name, "a text stands alone and is kept as it was written"


@pytest.mark.parametrize("name", SPOOFED)
def test_the_same_through_a_mail(name: str) -> None:
    raw = (
        f'From: "{name}" <a@example.pl>\nSubject: {name}\nContent-Type: application/pdf\n'
        f'Content-Disposition: attachment; filename="{name}"\n\nx'
    )
    (item,) = parse(raw.encode(), ParseContext(inbox=InboxId("kontakt"), now=Micros(0)))
    assert isinstance(item, Message)
    shown = item.sender.name + item.subject + "".join(file.filename for file in item.attachments)
    assert shown and set(shown).isdisjoint(TURNING)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ('"kontakt@infolinia.example" <a@example.pl>', "a@example.pl"),
        ("kontakt@infolinia.example <a@example.pl>", "a@example.pl"),
        ("<kontakt@infolinia.example><a@example.pl>", ""),
        ("kontakt@infolinia.example(a@example.pl)", "kontakt@infolinia.example"),
        ("kontakt@infolinia.example\\@example.pl", ""),
        ("kontakt@infolinia.example\x00@example.pl", ""),
        ("kontakt@infolinia.example\n Bcc: x@example.pl", ""),
        ("a@infоlinia.example", "a@xn--inflinia-pbh.example"),  # a Cyrillic letter in the domain
    ],
)
def test_an_address_is_read_as_one_or_none(written: str, address: str) -> None:
    """CVE-2023-27043: what could be two addresses is none; a letter that looks like another one is seen."""
    found = mailboxes(written.encode())
    assert [box.address for box in found if box.address] == ([address] if address else [])


def test_letters_and_digits_of_other_scripts_make_no_token() -> None:
    """``int`` reads digits of any script, and lower case makes ASCII of some letters: both would give a token twins."""
    tokens = SignedTokens(b"x" * 32)
    token = tokens.sign("conversation", 123456)
    assert tokens.verify("conversation", token) == "123456"
    digit = next(char for char in token if char.isdigit())
    wide = token.replace(digit, chr(0xFF10 + int(digit)), 1)
    assert unicodedata.normalize("NFKC", wide) == token
    for forged in (wide, f"\uff4e{token[1:]}", token.replace("k", "\u212a"), f"{token}\u200b", f" {token}"):
        if forged != token:
            assert tokens.verify("conversation", forged) is None
    assert tokens.verify("message", token) is None, "a name signed for one thing is none for another"
