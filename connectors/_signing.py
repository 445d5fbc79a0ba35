"""Signatures of our own webhooks: HMAC-SHA256 (RFC 2104) over the time, a dot and the raw body, in two headers.

The time is signed with the body, so that a request caught on its way is worth nothing after the window.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from connectors.contract import Micros, Secret

TIMESTAMP = "X-Centrala-Timestamp"
"""Seconds since 1970-01-01T00:00:00Z, as a whole number."""

SIGNATURE = "X-Centrala-Signature"
"""``sha256=`` and the digest in hexadecimal."""

_SCHEME = "sha256="
_SECOND = 1_000_000


class Unsigned(Exception):
    """The request is not believed; the text says why and holds nothing secret."""


def digest(secret: Secret, timestamp: str, body: bytes) -> str:
    """The value of the signature's header."""
    signed = timestamp.encode() + b"." + body
    # Not hmac.digest: it lets go of the interpreter's lock even for a short body, and then waits to get it back.
    return _SCHEME + hmac.new(secret.reveal().encode(), signed, "sha256").hexdigest()


def headers(secret: Secret, now: Micros, body: bytes) -> dict[str, str]:
    """The two headers of a request that we send."""
    timestamp = str(now // _SECOND)
    return {TIMESTAMP: timestamp, SIGNATURE: digest(secret, timestamp, body)}


def check(given: Mapping[str, str], body: bytes, secrets: Sequence[Secret], now: Micros, window: int) -> None:
    """``given`` are the request's headers with lower-case names, ``window`` in seconds. Raises :class:`Unsigned`.

    Every secret is tried in constant time, and the signature is looked at before the time, so that only somebody who
    knows the secret learns anything about our clock.
    """
    timestamp, signature = given.get(TIMESTAMP.lower(), ""), given.get(SIGNATURE.lower(), "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Unsigned(f"{TIMESTAMP} is missing or not a whole number of seconds since 1970.")
    if not signature.startswith(_SCHEME):
        raise Unsigned(f"{SIGNATURE} is missing or does not begin with {_SCHEME}.")
    matches = [
        hmac.compare_digest(
            digest(secret, timestamp, body).encode(), signature.lower().encode("utf-8", "replace")
        )
        for secret in secrets
    ]
    if not any(matches):
        raise Unsigned(
            f"{SIGNATURE} does not fit: it is the HMAC-SHA256, with the shared secret, of the value of {TIMESTAMP}, "
            "a dot and the body exactly as sent."
        )
    apart = abs(now // _SECOND - int(timestamp))
    if apart > window:
        raise Unsigned(
            f"{TIMESTAMP} is {apart} s away from the time here; at most {window} s are taken. Sign again with "
            "the present time."
        )
