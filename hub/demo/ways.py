"""The ways by which citizens of the demo write through providers, who they are there, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec

Via = Literal[
    "sms", "smpp", "smsapi", "twilio", "telegram", "xmpp", "messenger", "instagram", "whatsapp", "facebook", "reel",
    "x", "mention", "youtube",
]  # fmt: skip
"""The ways that stories may name; ``facebook`` and ``reel`` are comments in public."""

INBOXES: Mapping[Via, str] = {
    "sms": "sms",
    "smpp": "operator",
    "smsapi": "smsapi",
    "twilio": "twilio",
    "telegram": "telegram",
    "xmpp": "xmpp",
    "messenger": "messenger",
    "instagram": "instagram",
    "whatsapp": "whatsapp",
    "facebook": "facebook",
    "reel": "rolki",
    "x": "x",
    "mention": "x",
    "youtube": "youtube",
}
"""The inbox of config/demo.toml that each way comes in by."""

HEARD_BY: Mapping[Via, str] = {"facebook": "messenger", "reel": "instagram"}
"""The inbox whose callback a way comes in by, where that is another one."""

XMPP_ADDRESS, XMPP_PEOPLE = "kontakt@centrala.example", "jabber.example"
"""The inbox's address, in the component's domain, and where people have theirs."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a citizen. ``id`` is what the provider calls it, where that must be known later."""

    via: Via
    who: str
    text: str
    at: int
    id: str = ""
    under: str = ""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What the office sent: by which way, to whom, and what it says."""

    via: Via
    to: str
    text: str


def number_of(who: str, digits: int = 9) -> str:
    """A number for somebody, always the same."""
    digest = int.from_bytes(hashlib.sha256(who.encode()).digest()[:8], "big")
    return str(10 ** (digits - 1) + digest % (9 * 10 ** (digits - 1)))


def phone_of(who: str) -> str:
    """A mobile number for somebody, in E.164."""
    return f"+4850000{number_of(who, 4)}"


def jabber_of(who: str) -> str:
    """An XMPP address for somebody."""
    plain = "".join(
        char for char in who.lower().replace(" ", ".").translate(_PLAIN) if char.isalnum() or char == "."
    )
    return f"{plain}@{XMPP_PEOPLE}"


_PLAIN = str.maketrans("ąćęłńóśźż", "acelnoszz")
