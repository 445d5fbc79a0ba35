"""Addresses as an agent types them: ``Jan Kowalski <jan@example.pl>, inny@example.pl`` to recipients and back.

Strict on purpose: what is unclear is refused and named, so that no mail goes to somebody it was not meant for, and no
line break reaches a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from connectors.contract import Recipient
from hub.i18n import mark as N_

Role = Literal["to", "cc", "bcc"]

_ATOM = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_DOMAIN = (
    r"(?:[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\-\u0080-\U0010ffff]*[A-Za-z0-9\u0080-\U0010ffff])?\.)+"
)
_ADDRESS = re.compile(rf"{_ATOM}@{_DOMAIN}[A-Za-z\u0080-\U0010ffff][A-Za-z0-9\-\u0080-\U0010ffff]+")
_ENTRY = re.compile(
    r"\s*(?:(?P<name>\"(?:[^\"\\]|\\.)*\"|[^<>\",;]*?)\s*<(?P<inner>[^<>]*)>|(?P<bare>[^<>\s\",;]+))\s*"
)

MOST = 50
"""Most recipients of one reply: the desk answers people, it does not send mailings."""

UNCLEAR = N_("“{piece}” is not an e-mail address.")
TOO_MANY = N_("At most {n} recipients in one message.")


class BadAddress(ValueError):
    """``msgid`` with ``piece`` says what was not understood."""

    def __init__(self, msgid: str, **details: object) -> None:
        super().__init__(msgid)
        self.msgid = msgid
        self.details = details


def is_address(text: str) -> bool:
    """Whether it is one plain mail address."""
    return len(text) <= 254 and ".." not in text and _ADDRESS.fullmatch(text) is not None


def read_addresses(text: str, role: Role = "to") -> list[Recipient]:
    """Recipients of a typed line, without repetition. Raises BadAddress with the first piece that is unclear."""
    found: dict[str, Recipient] = {}
    rest = text.strip().strip(",;").strip()
    while rest:
        match = _ENTRY.match(rest)
        piece = re.split(r"[,;]", rest, maxsplit=1)[0].strip()
        if match is None or (match.end() < len(rest) and rest[match.end()] not in ",;"):
            raise BadAddress(UNCLEAR, piece=piece[:100])
        address = (match["inner"] if match["inner"] is not None else match["bare"]).strip()
        if not is_address(address):
            raise BadAddress(UNCLEAR, piece=address[:100] or piece[:100])
        found.setdefault(address.lower(), Recipient(address=address, name=_name(match["name"]), role=role))
        rest = rest[match.end() :].lstrip(",; \t\r\n")
    if len(found) > MOST:
        raise BadAddress(TOO_MANY, n=MOST)
    return list(found.values())


def _name(text: str | None) -> str:
    name = (text or "").strip()
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def show_addresses(recipients: Iterable[Recipient], role: Role | None = None) -> str:
    """The line that :func:`read_addresses` reads back."""
    return ", ".join(_shown(r) for r in recipients if role is None or r.role == role)


def _shown(recipient: Recipient) -> str:
    if not recipient.name:
        return recipient.address
    plain = re.fullmatch(r"[\w .'\-]+", recipient.name)
    name = recipient.name if plain else '"' + re.sub(r'(["\\])', r"\\\1", recipient.name) + '"'
    return f"{name} <{recipient.address}>"


def without_repetition(recipients: Sequence[Recipient]) -> list[Recipient]:
    """Each address once, in its first and most visible role."""
    found: dict[str, Recipient] = {}
    for recipient in sorted(recipients, key=lambda r: ("to", "cc", "bcc").index(r.role)):
        found.setdefault(recipient.address.lower(), recipient)
    return list(found.values())
