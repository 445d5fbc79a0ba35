"""Builds the mail that carries one delivery: what stands in the envelope, in the header fields and in the text.

The same delivery gives the same Message-ID on every attempt. The conversation's signed token stands in the Message-ID
and, where the inbox receives subaddresses, in Reply-To; either brings a reply home. Bcc stands in the envelope only.
"""

from __future__ import annotations

import datetime
import html
import re
from collections.abc import Iterable, Sequence
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import msgspec

from connectors._i18n import N_
from connectors.contract import Micros, Outbound, Party, Translate
from connectors.email.addresses import ascii_domain
from connectors.email.compose_mime import (
    BadField,
    encoded,
    field,
    file_part,
    mailbox,
    multipart,
    text_part,
)
from connectors.email.config import is_address

MOST_REFERENCES = 30
"""Longer chains keep their first id and the last ones, as RFC 5322 readers need."""

QUOTED_CHARACTERS = 20_000
"""Most of the message answered that is quoted."""

_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~]){0,62}"')
"""A local part in quotes: rare, but a citizen may have one."""

_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,500}")


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends: ``address`` stands in From and the envelope, ``reply_address`` is the inbox's own."""

    address: str
    name: str
    reply_address: str
    subaddressing: bool
    zone: str = "Europe/Warsaw"


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """A mail ready for the wire. ``message_id`` has no brackets, as in the parser's keys; ``utf8`` says that an address
    needs SMTPUTF8 (RFC 6531)."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    utf8: bool


def compose(outbound: Outbound, sender: Sender, now: Micros, translate: Translate) -> Composed:
    """The mail for a delivery. Raises :class:`BadField` for what cannot stand in a mail, naming it."""
    people = [*outbound.to, *outbound.cc, *outbound.bcc]
    if not people:
        raise BadField("the mail has no recipient")
    recipients = tuple(dict.fromkeys(_wire_address(party.address) for party in people))
    sender = msgspec.structs.replace(sender, address=_wire_address(sender.address))
    content = _fields(outbound, sender, now) + _body(outbound, sender, translate)
    return Composed(
        message_id=message_id(outbound, sender),
        sender=sender.address,
        recipients=recipients,
        content=content,
        utf8=not all(address.isascii() for address in (sender.address, *recipients)),
    )


def message_id(outbound: Outbound, sender: Sender) -> str:
    """``d17.TOKEN@example.pl``: stable for a delivery; the token names the conversation."""
    if not re.fullmatch(r"[0-9A-Za-z]*", outbound.token):
        raise BadField("the conversation's token is not letters and digits")
    local = f"d{outbound.delivery}" + (f".{outbound.token}" if outbound.token else "")
    return f"{local}@{sender.address.rpartition('@')[2]}"


def _wire_address(address: str) -> str:
    """An address as it goes on the wire; a domain with other letters as IDNA. Raises :class:`BadField`."""
    local, _, domain = address.rpartition("@")
    if not is_address(f"quoted@{domain}" if _QUOTED.fullmatch(local) else address):
        raise BadField("an address of a recipient is not valid")
    if not domain.isascii():
        try:
            domain = ascii_domain(domain)
        except UnicodeError as error:
            raise BadField("an address of a recipient is not valid") from error
    return f"{local}@{domain}"


def _fields(outbound: Outbound, sender: Sender, now: Micros) -> bytes:
    fields = [
        field("Date", format_datetime(_moment(now, sender.zone))),
        field("From", mailbox("From", outbound.from_name or sender.name, sender.address)),
    ]
    if sender.subaddressing and outbound.token:
        fields.append(field("Reply-To", _subaddress(sender.reply_address, outbound.token)))
    for name, parties in (("To", outbound.to), ("Cc", outbound.cc)):
        if parties:
            fields.append(field(name, ", ".join(_mailbox(name, party) for party in parties)))
    if not outbound.to and not outbound.cc:
        fields.append(field("To", "undisclosed-recipients:;"))
    fields.append(field("Subject", encoded("Subject", outbound.subject)))
    fields.append(field("Message-ID", f"<{message_id(outbound, sender)}>"))
    fields += _threading(outbound)
    if outbound.automatic:
        kind = "auto-replied" if outbound.reply_to or outbound.references else "auto-generated"
        fields += [field("Auto-Submitted", kind), field("X-Auto-Response-Suppress", "All")]
    fields.append(field("MIME-Version", "1.0"))
    return b"".join(fields)


def _mailbox(name: str, party: Party) -> str:
    return mailbox(name, party.name, _wire_address(party.address))


def _subaddress(address: str, token: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}"


def _threading(outbound: Outbound) -> list[bytes]:
    """In-Reply-To and References; what is no Message-ID is left out, for it may come from a stranger's mail."""
    answered = _message_ids([outbound.reply_to or ""])
    chain = list(dict.fromkeys(_message_ids(outbound.references)))
    if not answered and chain:
        answered = chain[-1:]
    chain = [known for known in chain if known not in answered] + answered
    if len(chain) > MOST_REFERENCES:
        chain = [chain[0], *chain[1 - MOST_REFERENCES :]]
    fields = [field("In-Reply-To", answered[0])] if answered else []
    return [*fields, field("References", " ".join(chain))] if chain else fields


def _message_ids(candidates: Iterable[str]) -> list[str]:
    """Those that are Message-IDs, in angle brackets; they come with them, without, or as thread keys."""
    found = []
    for candidate in candidates:
        name = candidate.strip()
        sure = name.startswith(("mid:", "<"))
        name = name.removeprefix("mid:").removeprefix("<").removesuffix(">")
        if _MESSAGE_ID.fullmatch(name) and not name.startswith("sha256:") and (sure or "@" in name):
            found.append(f"<{name}>")
    return found


def _body(outbound: Outbound, sender: Sender, translate: Translate) -> bytes:
    boundary = f"=_d{outbound.delivery}."
    quotation = _quotation(outbound, sender, translate)
    alternatives = [
        text_part("plain", _plain(outbound, quotation)),
        text_part("html", _html(outbound, quotation)),
    ]
    body = multipart("alternative", boundary + "text", alternatives)
    if not outbound.attachments:
        return body
    files = [file_part(file.filename, file.content_type, file.content) for file in outbound.attachments]
    return multipart("mixed", boundary + "all", [body, *files])


def _quotation(outbound: Outbound, sender: Sender, translate: Translate) -> tuple[str, list[str]] | None:
    """The line above the quoted text, and its lines."""
    if not outbound.quoted.strip():
        return None
    head = _attribution(outbound, sender, translate)
    return head, outbound.quoted.strip()[:QUOTED_CHARACTERS].splitlines()


ATTRIBUTION = N_("{name} wrote:")
ATTRIBUTION_AT = N_("On {date} at {time}, {name} wrote:")
"""The line above what is quoted, without and with the time of it."""


def _attribution(outbound: Outbound, sender: Sender, translate: Translate) -> str:
    name = " ".join(outbound.quoted_from.split())
    if outbound.quoted_at is None:
        return translate(outbound.language, ATTRIBUTION, name=name) if name else ""
    moment = _moment(outbound.quoted_at, sender.zone)
    return translate(
        outbound.language,
        ATTRIBUTION_AT,
        date=f"{moment:%Y-%m-%d}" if outbound.language.startswith("en") else f"{moment:%d.%m.%Y}",
        time=f"{moment:%H:%M}",
        name=name,
    )


def _moment(at: Micros, zone: str) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at // 1_000_000, ZoneInfo(zone))


def _plain(outbound: Outbound, quotation: tuple[str, list[str]] | None) -> str:
    text = outbound.text.rstrip()
    if quotation is None:
        return text + "\n"
    head, lines = quotation
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    return f"{text}\n\n{head}\n{quoted}\n"


def _html(outbound: Outbound, quotation: tuple[str, list[str]] | None) -> str:
    parts = [
        f'<!DOCTYPE html>\n<html lang="{html.escape(outbound.language)}"><head><meta charset="utf-8"></head><body>'
    ]
    parts += _paragraphs(outbound.text.strip().splitlines())
    if quotation is not None:
        head, lines = quotation
        parts += [
            f"<p>{html.escape(head)}</p>",
            '<blockquote type="cite">',
            *_paragraphs(lines),
            "</blockquote>",
        ]
    return "\n".join([*parts, "</body></html>", ""])


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """Lines as paragraphs: an empty line ends one, single line breaks stay."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    marked = ["<br>\n".join(map(_linked, block.splitlines())) for block in blocks if block.strip()]
    return [f"<p>{block}</p>" for block in marked]


_URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")


def _linked(line: str) -> str:
    """Escaped, with addresses of web pages made clickable."""
    parts, end = [], 0
    for found in _URL.finditer(line):
        address = html.escape(found[0])
        parts += [html.escape(line[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join([*parts, html.escape(line[end:])])
