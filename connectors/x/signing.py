"""Signatures of X: of its webhooks and challenges, and of our requests with OAuth 1.0a.

Webhooks: HMAC-SHA256 over the raw body, base64, behind ``sha256=`` (docs.x.com/x-api/webhooks/introduction, read
November 2026). With the app's OAuth 2.0 client secret in ``X-Twitter-Webhooks-Signature-OAuth2``, with the OAuth 1.0
consumer secret in ``X-Twitter-Webhooks-Signature``. Requests: RFC 5849, HMAC-SHA1.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from connectors.contract import Secret

NEW_HEADER = "x-twitter-webhooks-signature-oauth2"
OLD_HEADER = "x-twitter-webhooks-signature"

_SCHEME = "sha256="


def digest(secret: Secret, body: bytes) -> str:
    """What stands in a signature's header, and in the answer to a challenge."""
    # Not hmac.digest: it lets go of the interpreter's lock even for a short body, and then waits to get it back.
    mac = hmac.new(secret.reveal().encode(), body, "sha256").digest()
    return _SCHEME + base64.b64encode(mac).decode()


def believed(headers: Mapping[str, str], body: bytes, client: Secret | None, consumer: Secret | None) -> bool:
    """Whether a webhook comes from X: one of its signatures fits the secret that it is made with.

    ``headers`` have lower-case names. Compared in constant time. Both headers may come while an app changes over; the
    one whose secret we do not have says nothing.
    """
    pairs = ((NEW_HEADER, client), (OLD_HEADER, consumer))
    found = [
        hmac.compare_digest(digest(secret, body).encode(), headers[name].encode("utf-8", "replace"))
        for name, secret in pairs
        if secret is not None and name in headers
    ]
    return bool(found) and any(found)


def challenge_answer(token: str, client: Secret | None, consumer: Secret | None) -> dict[str, str]:
    """The answer to ``GET …?crc_token=TOKEN``, with the client secret where there is one. Raises ValueError without
    any secret."""
    secret = client or consumer
    if secret is None:
        raise ValueError("no secret is configured")
    return {"response_token": digest(secret, token.encode())}


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The four keys of OAuth 1.0a."""

    consumer_key: str
    consumer_secret: Secret
    token: str
    token_secret: Secret


def _escaped(text: str) -> str:
    """RFC 5849, 3.6: everything but letters, digits and ``-._~``."""
    return quote(text, safe="~")


def base_string(method: str, url: str, parameters: list[tuple[str, str]]) -> str:
    """RFC 5849, 3.4.1: what is signed. The query counts, a JSON or multipart body does not."""
    parts = urlsplit(url)
    everything = [*parse_qsl(parts.query, keep_blank_values=True), *parameters]
    pairs = sorted((_escaped(name), _escaped(value)) for name, value in everything)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    address = f"{parts.scheme.lower()}://{_host(parts.scheme, parts.netloc)}{parts.path or '/'}"
    return "&".join((method.upper(), _escaped(address), _escaped(joined)))


def _host(scheme: str, netloc: str) -> str:
    host = netloc.lower()
    default = {"http": ":80", "https": ":443"}.get(scheme.lower(), "")
    return host.removesuffix(default) if default else host


def oauth1(method: str, url: str, keys: Keys, nonce: str, seconds: int) -> str:
    """The Authorization header of a request. ``seconds`` since 1970-01-01T00:00:00Z."""
    parameters = [
        ("oauth_consumer_key", keys.consumer_key),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", str(seconds)),
        ("oauth_token", keys.token),
        ("oauth_version", "1.0"),
    ]
    key = f"{_escaped(keys.consumer_secret.reveal())}&{_escaped(keys.token_secret.reveal())}"
    mac = hmac.new(key.encode(), base_string(method, url, parameters).encode(), "sha1").digest()
    signed = [*parameters, ("oauth_signature", base64.b64encode(mac).decode())]
    return "OAuth " + ", ".join(f'{name}="{_escaped(value)}"' for name, value in sorted(signed))
