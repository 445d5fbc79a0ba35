"""``X-Twilio-Signature``: who sent a webhook. https://www.twilio.com/docs/usage/webhooks/webhooks-security

The HMAC-SHA1, in base64 and with the auth token as key, of the whole address as it is configured at Twilio followed by
each field of the form, its name and its value without anything between, sorted by name. A GET has no form: its fields
stand in the address.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

from connectors.contract import Secret

HEADER = "x-twilio-signature"

_PORTS = {"https": 443, "http": 80}


def signature(token: Secret, url: str, fields: Iterable[tuple[str, str]] = ()) -> str:
    """The value of the header. Of a field that comes twice with the same value one counts, as in Twilio's libraries."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    # Not hmac.digest: it lets go of the interpreter's lock even for a short text, and then waits to get it back.
    return base64.b64encode(hmac.new(token.reveal().encode(), text.encode(), "sha1").digest()).decode()


def is_signed(given: str, tokens: Sequence[Secret], url: str, fields: Sequence[tuple[str, str]]) -> bool:
    """Whether one of the tokens made it, compared in constant time; with and without the port, as Twilio is not of one
    mind about a usual one."""
    wanted = given.encode("utf-8", "replace")
    made = [signature(token, form, fields).encode() for form in _forms(url) for token in tokens]
    return any([hmac.compare_digest(one, wanted) for one in made])  # noqa: C419 - all are compared


def _forms(url: str) -> tuple[str, ...]:
    """The address as it is, and with or without the usual port of its scheme."""
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    if usual is None or parts.hostname is None:
        return (url,)
    if parts.port is None:
        return url, urlunsplit(parts._replace(netloc=f"{parts.netloc}:{usual}"))
    if parts.port == usual:
        return url, urlunsplit(parts._replace(netloc=parts.netloc.rpartition(":")[0]))
    return (url,)
