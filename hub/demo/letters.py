"""What citizens were sent, kept as the world outside received it; the hub's tables are never asked."""

from __future__ import annotations

import email
import email.utils
from collections.abc import Callable, Sequence
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Literal

import msgspec

from connectors.contract import Micros

SHOWN = 1000
"""Most letters kept in memory, the newest."""

Way = Literal[
    "email", "application",
    "sms", "smpp", "smsapi", "twilio", "telegram", "xmpp", "messenger", "instagram", "whatsapp", "facebook", "reel",
    "x", "mention", "youtube",
]  # fmt: skip


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, or one message in the application or through a provider. ``refused`` says why the mail
    server did not take it."""

    at: int
    way: Way
    to: str
    subject: str
    text: str
    sender: str = ""
    reply_to: str = ""
    message_id: str = ""
    references: str = ""
    automatic: bool = False
    files: tuple[str, ...] = ()
    refused: str = ""


Hear = Callable[[Letter], None]


class Letters:
    """The ledger. ``path`` is where it is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._all = _read(path)
        self._hear: list[Hear] = []

    def add(self, letter: Letter) -> None:
        """Keep one and tell whoever listens."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(letter) + b"\n")
        self._all = [*self._all[-SHOWN + 1 :], letter]
        for hear in self._hear:
            hear(letter)

    def listen(self, hear: Hear) -> None:
        """Have ``hear`` told of each new letter."""
        self._hear.append(hear)

    def newest(self, to: str = "") -> Sequence[Letter]:
        """The newest first; ``to`` one address only."""
        return [letter for letter in reversed(self._all) if not to or letter.to == to.lower()]

    def last_to(self, address: str) -> Letter | None:
        """The last letter that a person wrote to this address, else the last one at all, that arrived."""
        arrived = [letter for letter in self.newest(address) if not letter.refused]
        return next((letter for letter in arrived if not letter.automatic), next(iter(arrived), None))


def _read(path: Path) -> list[Letter]:
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()[-SHOWN:]
    return [msgspec.json.decode(line, type=Letter) for line in lines]


def read_mail(content: bytes, recipient: str, at: Micros) -> Letter:
    """A mail as the citizen's program shows it."""
    mail = email.message_from_bytes(content)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    text = next((part for part in parts if part.get_content_type() == "text/plain" and not _name(part)), None)
    _, sender = email.utils.parseaddr(_field(mail, "From"))
    _, reply_to = email.utils.parseaddr(_field(mail, "Reply-To"))
    return Letter(
        at=at,
        way="email",
        to=recipient.lower(),
        subject=_field(mail, "Subject"),
        text=_text(text) if text is not None else "",
        sender=_field(mail, "From"),
        reply_to=reply_to or sender,
        message_id=_field(mail, "Message-ID"),
        references=_field(mail, "References"),
        automatic=(_field(mail, "Auto-Submitted") or "no").lower() != "no",
        files=tuple(name for name in map(_name, parts) if name),
    )


def _field(mail: Message, name: str) -> str:
    """A header field on one line, its encoded words decoded."""
    return " ".join(str(make_header(decode_header(str(mail.get(name, ""))))).split())


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    charset = part.get_content_charset() or "utf-8"
    return (
        content.decode(charset, "replace").replace("\r\n", "\n").strip() if isinstance(content, bytes) else ""
    )


def _name(part: Message) -> str:
    return part.get_filename() or ""
