"""Settings of an e-mail inbox: the mailboxes it reads, the listener it opens, the server it sends through.

``docs/channels/email.md`` explains them with examples. A struct refuses what can never work while it is decoded, so
that ``centrala check`` names the line.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from connectors import _listening
from connectors._loopback import is_loopback
from connectors.contract import Secret

_ADDRESS = re.compile(r"[^\s<>@\"(),:;\\\[\]\x00-\x1f\x7f]+@[^\s<>@\"(),:;\\\[\]\x00-\x1f\x7f]+")


def is_address(text: str) -> bool:
    """Whether ``text`` is one bare address (``local@domain``) that can stand in a header and on an SMTP line.

    Stricter than RFC 5321: no quoted local parts, no address literals, no control characters.
    """
    return len(text) <= 320 and _ADDRESS.fullmatch(text) is not None


def _about(description: str, **limits: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, **limits)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of these settings."""


class ImapAccount(Part, frozen=True, kw_only=True):
    """One mailbox that is read. Raises ValueError for a password that would cross a network in the clear."""

    host: Annotated[str, _about("IMAP server.", min_length=1)]
    user: Annotated[str, _about("Login name.", min_length=1)]
    password: Annotated[Secret, _about("Password; better as password_file.")]
    port: Annotated[int, _about("TCP port; 993 with TLS.", ge=1, le=65535)] = 993
    tls: Annotated[
        bool, _about("TLS from the first byte. STARTTLS is not supported; without TLS only on loopback.")
    ] = True
    ca_file: Annotated[
        str | None,
        _about("PEM file of the authority that signed the server's certificate; else the system's."),
    ] = None
    folder: Annotated[str, _about("Folder to read.", min_length=1)] = "INBOX"
    on_done: Annotated[
        str,
        _about(
            "What to do on the server with a mail that is committed: seen, leave, or move:FOLDER.",
            pattern="^(seen|leave|move:.+)$",
            examples=["seen", "leave", "move:Gotowe"],
        ),
    ] = "seen"
    first_scan: Annotated[
        Literal["all", "new"],
        _about("Whether mails that were there before the first start are taken too."),
    ] = "all"
    name: Annotated[str, _about("Name of the mailbox in health and logs; else its position, imap-1.")] = ""

    def __post_init__(self) -> None:
        if not self.tls and not is_loopback(self.host):
            raise ValueError(
                f"imap: tls = false sends the password in the clear to {self.host}; set tls = true with the port of "
                "implicit TLS (993). STARTTLS on port 143 is not supported"
            )
        if self.tls and self.port == 143:
            raise ValueError(
                "imap: port 143 speaks STARTTLS, which is not supported; use implicit TLS on port 993"
            )


class Listen(Part, frozen=True, kw_only=True):
    """A door for the office's own mail server: LMTP, or SMTP without any relaying."""

    port: Annotated[int, _about("TCP port; 0 takes a free one.", ge=0, le=65535)]
    host: Annotated[
        str,
        _about(
            "Addresses to listen on, written as those of [public]; keep them inside the office's network."
        ),
    ] = "127.0.0.1"
    protocol: Annotated[Literal["lmtp", "smtp"], _about("Protocol spoken there.")] = "lmtp"
    recipients: Annotated[
        tuple[str, ...],
        _about(
            'Further addresses, or whole domains as "@example.pl", that are taken beside the inbox\'s own.'
        ),
    ] = ()
    max_bytes: Annotated[int, _about("Largest mail; larger ones are refused with 552.", ge=10_000)] = (
        50_000_000
    )
    connections: Annotated[int, _about("Most connections at once.", ge=1)] = 100
    memory_bytes: Annotated[
        int, _about("Most bytes of mails in hand at once; above it the peer is told to try later.", ge=10_000)
    ] = 200_000_000
    idle_seconds: Annotated[float, _about("A silent connection is closed after this time.", gt=0)] = 120.0

    def __post_init__(self) -> None:
        if sentence := _listening.wrong(self.host):
            raise ValueError(f"listen: host: {sentence}")
        for entry in self.recipients:
            if not is_address(f"any{entry}" if entry.startswith("@") else entry):
                raise ValueError(
                    f"listen: recipients holds {entry!r}, which is neither an address nor @domain"
                )


class Smtp(Part, frozen=True, kw_only=True):
    """The server that mails are sent through. Raises ValueError for a password in the clear over a network."""

    host: Annotated[str, _about("SMTP server (the office's own or its provider's).", min_length=1)]
    port: Annotated[int, _about("TCP port: 587 for starttls, 465 for tls, 25 for plain.", ge=1, le=65535)] = (
        587
    )
    security: Annotated[
        Literal["starttls", "tls", "plain"],
        _about("starttls is demanded, never merely tried; plain with a password only on loopback."),
    ] = "starttls"
    user: Annotated[str | None, _about("Login name; without it no login.")] = None
    password: Annotated[Secret | None, _about("Password; better as password_file.")] = None
    ca_file: Annotated[
        str | None,
        _about("PEM file of the authority that signed the server's certificate; else the system's."),
    ] = None
    from_address: Annotated[str | None, _about("Sender of mails; else the inbox's own address.")] = None
    from_name: Annotated[str, _about("Sender's name where the hub gives none.")] = ""
    timeout_seconds: Annotated[
        float,
        _about("Longest wait for one answer of the server, but for that to a whole mail.", gt=0, le=120),
    ] = 30.0

    def __post_init__(self) -> None:
        if self.security == "plain" and self.password is not None and not is_loopback(self.host):
            raise ValueError(f"smtp: security = plain sends the password in the clear to {self.host}")
        if (self.user is None) != (self.password is None):
            raise ValueError("smtp: user and password belong together")
        if self.from_address is not None and not is_address(self.from_address):
            raise ValueError(f"smtp: from_address {self.from_address!r} is not an address")


class EmailConfig(Part, frozen=True, kw_only=True):
    """One e-mail inbox. At least one way in or out; ``smtp`` alone makes an inbox that only sends."""

    address: Annotated[str, _about("The inbox's own address, as citizens write to it.")]
    imap: Annotated[tuple[ImapAccount, ...], _about("Mailboxes to read.")] = ()
    listen: Annotated[Listen | None, _about("A listener that a mail server can deliver to.")] = None
    smtp: Annotated[
        Smtp | None, _about("The server to send through; without it the inbox only receives.")
    ] = None
    subaddressing: Annotated[
        bool,
        _about("Whether local+TOKEN@domain arrives in this inbox too; then replies carry it in Reply-To."),
    ] = True
    authserv_id: Annotated[
        str,
        _about(
            "Name under which the receiving mail server stamps Authentication-Results (RFC 8601); then an office's "
            "answer by mail needs its proof."
        ),
    ] = ""
    max_bytes: Annotated[
        int,
        _about(
            "Largest mail that is taken apart; of larger ones the source is kept and a note shown.",
            ge=100_000,
        ),
    ] = 50_000_000
    poll_seconds: Annotated[
        float, _about("A mailbox is looked at this often beside IDLE, which is renewed with it.", gt=0, le=60)
    ] = 60.0

    def __post_init__(self) -> None:
        if not is_address(self.address):
            raise ValueError(f"address {self.address!r} is not an e-mail address")
        if not self.imap and self.listen is None and self.smtp is None:
            raise ValueError("an e-mail inbox needs imap, listen or smtp")
        keys = [mailbox_key(account) for account in self.imap]
        if len(set(keys)) != len(keys):
            raise ValueError("imap names the same host, user and folder twice")

    def owns(self, address: str) -> bool:
        """Whether an address is the inbox's own, with a token behind ``+`` or without."""
        local, _, domain = address.lower().rpartition("@")
        sends = self.smtp.from_address if self.smtp is not None else None
        return f"{local.partition('+')[0]}@{domain}" in (self.address.lower(), (sends or "").lower())


def mailbox_key(account: ImapAccount) -> str:
    """The key of a mailbox's cursor: the same after accounts were put in another order."""
    return f"imap:{account.host.lower()}:{account.port}:{account.user}:{account.folder}"
