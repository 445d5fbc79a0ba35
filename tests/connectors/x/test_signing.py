"""Signatures of X against published examples, and weights of its posts."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from connectors._weight import weight
from connectors.contract import Secret
from connectors.x import signing


def test_a_request_is_signed_as_in_x_s_own_example() -> None:
    """docs.x.com/resources/fundamentals/authentication/oauth-1-0a/creating-a-signature; its form is our query."""
    keys = signing.Keys(
        consumer_key="xvz1evFS4wEEPTGEFPHBog",
        consumer_secret=Secret("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
        token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        token_secret=Secret("LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"),
    )
    url = (
        "https://api.twitter.com/1.1/statuses/update.json?include_entities=true"
        "&status=Hello%20Ladies%20%2B%20Gentlemen%2C%20a%20signed%20OAuth%20request%21"
    )
    header = signing.oauth1("POST", url, keys, "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", 1318622958)
    assert 'oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D"' in header


def test_parameters_are_sorted_by_name_and_value_and_escaped_once() -> None:
    """RFC 5849, 3.4.1.3.2."""
    base = signing.base_string(
        "get", "HTTP://EXAMPLE.com:80/r?b5=%3D%253D&a3=a&c%40=&a2=r%20b", [("a3", "2 q")]
    )
    assert base == (
        "GET&http%3A%2F%2Fexample.com%2Fr&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
    )
    kept = signing.base_string("GET", "http://example.com:8080/r", [])
    assert "example.com%3A8080" in kept


def mac(secret: str, body: bytes) -> str:
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize(
    ("headers", "believed"),
    [
        ({"x-twitter-webhooks-signature": mac("consumer", b"{}")}, True),
        ({"x-twitter-webhooks-signature-oauth2": mac("client", b"{}")}, True),
        (
            {
                "x-twitter-webhooks-signature": mac("another", b"{}"),
                "x-twitter-webhooks-signature-oauth2": mac("client", b"{}"),
            },
            True,
        ),
        ({"x-twitter-webhooks-signature": mac("consumer", b"{} ")}, False),
        ({"x-twitter-webhooks-signature": mac("client", b"{}")}, False),
        ({"x-twitter-webhooks-signature": ""}, False),
        ({"x-twitter-webhooks-signature": "sha256=ż"}, False),
        ({}, False),
    ],
)
def test_a_webhook_is_believed_only_with_a_signature(headers: dict[str, str], believed: bool) -> None:
    assert signing.believed(headers, b"{}", Secret("client"), Secret("consumer")) is believed
    assert not signing.believed(headers, b"{}", None, None)


def test_the_challenge_is_answered_with_the_newer_secret() -> None:
    assert signing.challenge_answer("t", Secret("client"), Secret("consumer")) == {
        "response_token": mac("client", b"t")
    }
    assert signing.challenge_answer("t", None, Secret("consumer")) == {
        "response_token": mac("consumer", b"t")
    }
    with pytest.raises(ValueError, match="no secret"):
        signing.challenge_answer("t", None, None)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Zażółć gęślą jaźń", 17),
        ("cafe\u0301", 4),
        ("Добрий день", 11),
        ("日本", 4),
        ("👾", 2),
        ("🙋🏽", 2),
        ("👨\u200d🎤", 2),
        ("👨\u200d👩\u200d👧\u200d👦", 2),
        ("🇵🇱!", 3),
        ("1\ufe0f\u20e3", 2),
        ("https://example.com/very/long/path?x=1", 23),
        ("patrz https://example.com.", 30),
        ("zielonalinia.gov.pl i koniec", 32),
        ("„cudzysłów” — myślnik…", 23),
        ("x" * 280, 280),
    ],
)
def test_a_post_weighs_what_x_says(text: str, count: int) -> None:
    assert weight(text) == count
