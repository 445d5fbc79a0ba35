"""Mails as citizens' programs write them: the bytes of RFC 5322, with quotations, attachments and bounces."""

from __future__ import annotations

import datetime as dt
import email.utils
import random
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from zoneinfo import ZoneInfo

import msgspec

from connectors.contract import Micros
from hub.demo.letters import Letter

HERE = ZoneInfo("Europe/Warsaw")
PROVIDERS = ("poczta.example", "skrzynka.example", "listonosz.example")

_PLAIN = str.maketrans("łŁ", "lL")


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What a citizen writes. ``answers`` is the letter that it replies to."""

    name: str
    address: str
    to: str
    subject: str
    text: str
    at: Micros
    answers: Letter | None = None
    files: Sequence[str] = ()


def address_of(name: str) -> str:
    """An address that goes with a name; always the same for the same name."""
    folded = unicodedata.normalize("NFKD", name.translate(_PLAIN)).encode("ascii", "ignore").decode().lower()
    local = ".".join(folded.split()) or "ktos"
    return f"{local}@{PROVIDERS[zlib.crc32(name.encode()) % len(PROVIDERS)]}"


def written(mail: Mail, draw: random.Random, *, delivered: bool = True) -> bytes:
    """The mail, with a Message-ID of its own; ``delivered``: and with the trace that the last mail server leaves."""
    message = EmailMessage(policy=SMTP)
    message["From"] = email.utils.formataddr((mail.name, mail.address))
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = email.utils.format_datetime(_moment(mail.at))
    message["Message-ID"] = f"<{draw.getrandbits(64):016x}@{mail.address.partition('@')[2]}>"
    text = mail.text.strip()
    if mail.answers is not None:
        message["In-Reply-To"] = mail.answers.message_id
        message["References"] = f"{mail.answers.references} {mail.answers.message_id}".strip()
        text = f"{text}\n\n{_quotation(mail.answers)}"
    message.set_content(text + "\n", cte="quoted-printable")
    for name in mail.files:
        content, (kind, subtype) = _file(name)
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
    return (_delivered(mail.to, mail.address) if delivered else b"") + message.as_bytes()


def _delivered(to: str, sender: str) -> bytes:
    """What the last mail server writes before a mail that it delivers."""
    return f"Return-Path: <{sender}>\r\nDelivered-To: {to}\r\n".encode()


def _moment(at: Micros | int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at // 1_000_000, HERE)


def _quotation(letter: Letter) -> str:
    """What was answered, below the answer, as mail programs put it."""
    lines = letter.text.splitlines()[:12]
    quoted = "\n".join(f"> {line}".rstrip() for line in lines)
    when = _moment(letter.at)
    return f"W dniu {when:%d.%m.%Y} o {when:%H:%M}, {letter.sender} pisze:\n{quoted}"


_BOUNCE = """\
From: Mail Delivery System <mailer-daemon@{domain}>
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: <{number:016x}@{domain}>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain; charset=us-ascii

This is the mail system at host {domain}.

Your message could not be delivered to <{recipient}>: the mailbox is full and takes nothing more.

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; {domain}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full

--part
Content-Type: text/rfc822-headers

Message-ID: {message_id}
To: {recipient}

--part--
"""


def bounce(letter: Letter, to: str, at: Micros, draw: random.Random, *, delivered: bool = True) -> bytes:
    """The notice that a letter could not be delivered after all (RFC 3464)."""
    text = _BOUNCE.format(
        domain=letter.to.partition("@")[2],
        to=to,
        date=email.utils.format_datetime(_moment(at)),
        number=draw.getrandbits(64),
        recipient=letter.to,
        message_id=letter.message_id,
    )
    return (_delivered(to, "") if delivered else b"") + text.replace("\n", "\r\n").encode("ascii")


# --- files ---------------------------------------------------------------------------------------------------------


def _file(name: str) -> tuple[bytes, tuple[str, str]]:
    """A small file of the kind that its name says."""
    if name.endswith(".png"):
        return _picture(), ("image", "png")
    return _paper(name), ("application", "pdf")


def _picture(width: int = 320, height: int = 180) -> bytes:
    """A PNG: a browser window with an error in it, as far as some rectangles can show one."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            bar, box = y < 24, 60 < x < 260 and 70 < y < 120
            rows += b"\x2f\x4b\x6e" if bar else b"\xd9\x53\x4f" if box else b"\xf2\xf4\xf7"
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(bytes(rows)))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _paper(title: str) -> bytes:
    """A PDF of one page with a line on it."""
    line = title.removesuffix(".pdf").replace("-", " ")
    page = f"BT /F1 18 Tf 72 720 Td ({line}) Tj ET".encode("ascii", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    found, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(found))
        found += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(found)
    found += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(found) + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
