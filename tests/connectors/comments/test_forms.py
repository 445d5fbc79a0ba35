"""Reading comment forms: what each deed means, what is refused, what parse says; table by table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.comments.forms import Submitter, parse, read, where
from connectors.comments.settings import Settings
from connectors.comments.visitors import origin_of
from connectors.contract import (
    Appeal,
    Deletion,
    Edit,
    Inbound,
    InboxId,
    Message,
    Micros,
    ParseContext,
    PostReport,
)
from tests.contract.world import Tokens

INBOX = InboxId("artykuly")
WHO = Submitter(inbox=INBOX, visitor="v1", now=Micros(5), origin="o1")
UUID = "0d4a1cf2-6a7b-4c53-8f0c-2f7b2f0a9a01"
GOOD = {"article": "a", "name": "Anna", "text": "Tekst", "consent": "yes", "client": UUID}


def read_fields(
    fields: dict[str, str], settings: Settings | None = None
) -> tuple[Inbound | None, dict[str, str]]:
    at = where({"article": "a", **fields}, ())
    assert at is not None
    return read(fields, at, WHO, settings or Settings())


def taken(**fields: str) -> Any:
    inbound, problems = read_fields(GOOD | fields)
    assert problems == {}
    return inbound


def test_a_comment() -> None:
    message = taken(
        title="Tytuł", section="porady", parent="12", email="Anna@Example.PL", text=" a\r\nb \x07"
    )
    assert isinstance(message, Message)
    assert (message.text, message.sender.kind, message.sender.address) == ("a\nb", "web", "v1")
    assert message.comment is not None
    assert (message.comment.parent, message.comment.title, message.comment.moderation) == (12, "Tytuł", "pre")
    assert [(party.kind, party.address) for party in message.also] == [("email", "anna@example.pl")]
    assert message.thread_keys == message.adds_keys == ("comment:artykuly:v1:a",)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"do": "edit", "post": "7", "text": "Nowy"}, Edit),
        ({"do": "delete", "post": "7"}, Deletion),
        ({"do": "report", "post": "7", "version": "2", "reason": "spam"}, PostReport),
        ({"do": "appeal", "post": "7", "version": "2", "text": "Proszę"}, Appeal),
    ],
)
def test_the_other_deeds_name_their_comment(fields: dict[str, str], kind: type) -> None:
    event: Any = taken(**fields)
    assert kind.__name__ == type(event).__name__
    assert event.target == "7"
    assert taken(**fields).external_id == event.external_id
    assert taken(**(fields | {"post": "8"})).external_id != event.external_id


def test_a_report_carries_version_reason_and_origin() -> None:
    report = taken(do="report", post="7", version="2", reason="threat")
    assert (report.version, report.reason, report.origin) == (2, "threat", "o1")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"name": "Inna"}, True),
        ({"text": "Inny"}, False),
        ({"parent": "3"}, False),
        ({"article": "b"}, False),
        ({"client": UUID.replace("0d", "1d")}, False),
    ],
)
def test_what_makes_two_submissions_one(change: dict[str, str], same: bool) -> None:
    fields = GOOD | change
    at = where(fields, ())
    assert at is not None
    other, _ = read(fields, at, WHO, Settings())
    assert other is not None
    assert (other.external_id == taken().external_id) == same


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://praca.example.pl/a?b=c#d", True),
        ("HTTPS://PRACA.example.pl/a", True),
        ("https://praca.example.pl.evil.example/", False),
        ("https://praca.example.pl@evil.example/", False),
        ("//praca.example.pl/a", False),
        ("javascript:alert(1)//https://praca.example.pl", False),
        ("https://[praca", False),
        ("https://praca.example.pl/\u202ea", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_site(url: str, kept: bool) -> None:
    found = where({"article": "a", "url": url}, ("https://praca.example.pl",))
    assert found is not None
    assert found.url == (url if kept else "")


def test_what_nobody_sees_is_no_part_of_an_address_that_was_pasted() -> None:
    message = taken(email="\u202aanna\u00ad@example.pl\u202c\ufeff")
    assert [party.address for party in message.also] == ["anna@example.pl"]


def test_an_email_is_not_read_where_the_site_asks_for_none() -> None:
    inbound, _ = read_fields(GOOD | {"email": "not an address"}, Settings(email=False))
    assert isinstance(inbound, Message) and inbound.also == ()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("203.0.113.5", "203.0.113.5", True),
        ("203.0.113.5", "203.0.113.6", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_reports_of_one_network_have_one_origin(first: str, second: str, same: bool) -> None:
    tokens = Tokens()
    assert (origin_of(first, "7", tokens) == origin_of(second, "7", tokens)) == same
    assert origin_of(first, "7", tokens) != origin_of(first, "8", tokens)
    assert first not in origin_of(first, "7", tokens)


def test_parse_says_why_it_cannot() -> None:
    context = ParseContext(inbox=INBOX, now=Micros(1))
    with pytest.raises(ValueError, match="no article"):
        parse(b"name=Anna", context)
    with pytest.raises(ValueError, match="consent"):
        parse(b"article=a&name=Anna&text=x", context)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": []},
        {"origins": ["praca.example.pl"]},
        {"moderation": "none"},
        {"page_size": 1},
        {"theme": {"accent": "red;} body{display:none"}},
    ],
)
def test_settings_are_strict(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Settings)
