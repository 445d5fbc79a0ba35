"""Signed names: what lets a reply, a link or a visitor find its conversation without a session.

A token is the value in base 36, a dot-free separator and 80 bits of HMAC-SHA256 in base 32, all lower case
letters and digits, so that it survives the local part of an address and a Message-ID. Its value is no secret.
"""

from __future__ import annotations

import base64
import hmac
import re

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MAC = 16  # characters of base 32: 80 bits
_SAFE = re.compile(r"[0-9a-z]{1,64}")


def base36(value: int) -> str:
    """A whole number from 0 in base 36."""
    digits = ""
    while value >= 36:
        value, rest = divmod(value, 36)
        digits = _DIGITS[rest] + digits
    return _DIGITS[value] + digits


class SignedTokens:
    """See :class:`connectors.contract.Tokens`. ``secret`` needs at least 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("the secret that signs tokens needs at least 32 bytes")
        self._secret = secret

    def sign(self, what: str, value: int | str) -> str:
        """Raises ValueError for a text that is not lower-case letters and digits."""
        text = f"n{base36(value)}" if isinstance(value, int) else f"s{value}"
        if not _SAFE.fullmatch(text):
            raise ValueError("a token carries lower-case letters and digits only")
        return text + self._mac(what, text)

    def verify(self, what: str, token: str) -> str | None:
        """Compares in constant time."""
        text, mac = token[:-_MAC].lower(), token[-_MAC:].lower()
        if (
            not _SAFE.fullmatch(text)
            or not mac.isascii()
            or not hmac.compare_digest(mac, self._mac(what, text))
        ):
            return None
        return str(int(text[1:], 36)) if text[0] == "n" else text[1:]

    def _mac(self, what: str, text: str) -> str:
        digest = hmac.digest(self._secret, f"{what}\n{text}".encode(), "sha256")
        return base64.b32encode(digest[:10]).decode().lower()
