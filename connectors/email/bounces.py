"""Mails that say that another mail was not (yet) delivered: who did not get it, why, and which mail it was.

First what RFC 3464 says in parts of its own, then what a header says, then the many forms that ignore the RFC:
flufl.bounce knows the old ones; for the rest the text is read (``bounce_texts``). Success notices, complaints
(RFC 5965) and read receipts (RFC 8098) come through here too: they arrive in the same envelope (RFC 6522).
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Iterable, Iterator

import flufl.bounce
import msgspec

from connectors._text import decode
from connectors.contract import BouncedRecipient
from connectors.email import automatic, bounce_texts, headers
from connectors.email.addresses import address as plain_address
from connectors.email.addresses import all_mailboxes, mailboxes
from connectors.email.mime import Part, header_of
from connectors.email.quotes_words import FORWARD, FORWARD_SUBJECT, REPLY_SUBJECT, SEPARATOR

MAX_RECIPIENTS = 500
"""Failed addresses of one notice that are read."""

READ_BYTES = 100_000
"""So much of a notice, or of each of its parts, is read; the returned mail behind it may be large."""

_STATUS_TYPES = frozenset(
    (
        "message/delivery-status",
        "message/global-delivery-status",
        "text/delivery-status",
        "message/xdelivery-status",
    )
)
_RETURNED_TYPES = frozenset(
    ("message/rfc822", "text/rfc822-headers", "text/rfc822-header", "message/global", "message/global-headers",
     "message/rfc822-headers", "text/rfc822", "message/partial")
)  # fmt: skip
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_ID_LINE = re.compile(r"^[>\s]{0,5}Message-ID:\s{0,5}(<[^<>\n]{1,500}>)", re.IGNORECASE | re.MULTILINE)
_BLOCKS = re.compile(rb"\r?\n[ \t]*\r?\n")

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # it logs every detector it tries, per mail


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail system reports. ``recipients`` of actions failed and delayed; ``delivered`` of success notices.

    ``original`` is the Message-ID of the mail it is about, without angle brackets, or empty.
    """

    recipients: tuple[BouncedRecipient, ...] = ()
    delivered: tuple[str, ...] = ()
    original: str = ""


def read(top: Part, text: str, subject: str, sender: str) -> Notice | None:
    """What a mail reports, or None for a mail that is no delivery notice. ``text`` is its body."""
    if _by_a_person(top, text, subject, sender):
        return None
    statuses = [part for part in top.walk() if part.content_type in _STATUS_TYPES]
    if statuses and (notice := _standard(statuses)) is not None:
        recipients = _named(notice.recipients, _addressee(top, _own(top), sender))
        return msgspec.structs.replace(notice, recipients=recipients, original=original_id(top, text))
    if not _suspected(top, subject, sender, text):
        return None
    found = _by_header(top, text) or _by_text(top, text, subject, sender)
    if not found and not _is_notice(top, text, subject, sender):
        return None
    return Notice(recipients=tuple(found[:MAX_RECIPIENTS]), original=original_id(top, text))


def _by_a_person(top: Part, text: str, subject: str, sender: str) -> bool:
    """Whether somebody answers a notice or passes one on, to ask what it means: a letter, whatever it quotes."""
    if _says_report(top) or automatic.is_from_system(top, sender):
        return False
    if FORWARD_SUBJECT.match(subject):
        return True
    if not REPLY_SUBJECT.match(subject):
        return False
    linked = top.field("in-reply-to") or top.field("references") or top.field("thread-index")
    lines = [line[:300] for line in text.split("\n")[: bounce_texts.READ_LINES]]
    return bool(linked) or any(FORWARD.match(line) or SEPARATOR.match(line) for line in lines)


def _says_report(top: Part) -> bool:
    return top.parameter("report-type").lower() == "delivery-status" or bool(top.field("x-failed-recipients"))


def _suspected(top: Part, subject: str, sender: str, text: str) -> bool:
    """Whether it is worth reading as a notice at all: most mails are not, and reading takes time.

    No return path alone proves nothing: answering machines and web forms have none either.
    """
    if _says_report(top):
        return True
    if automatic.is_daemon(top, sender):
        submitted = top.field("auto-submitted").lower()
        return not (
            submitted.startswith(b"auto-replied") and not bounce_texts.is_failure(f"{subject}\n{text}")
        )
    if top.field("return-path").strip() == b"<>" and bounce_texts.quotes_a_server(text):
        return True
    # People, too, write of a "zwrot poczty" that the postman made; a machine shows what it is about.
    return bounce_texts.is_failure_subject(subject) and _shows_its_mail(top, text)


def _shows_its_mail(top: Part, text: str) -> bool:
    """Whether a mail brings the one that it is about, or what a server said to it."""
    return (
        _returned(top) is not None
        or bounce_texts.quotes_a_server(text)
        or bounce_texts.shows_a_mail(text)
        or _known_forms(top) != ([], [])
    )


def _is_notice(top: Part, text: str, subject: str, sender: str) -> bool:
    """Whether a mail that names nobody is a notice all the same."""
    if automatic.is_daemon(top, sender):
        return bounce_texts.is_failure(f"{subject}\n{text}")
    told = bounce_texts.is_failure_subject(subject) and bounce_texts.is_failure(text)
    return told and _returned(top) is not None


# --- RFC 3464 ------------------------------------------------------------------------------------------------------


def _standard(statuses: list[Part]) -> Notice | None:
    """The blocks of delivery-status parts; None if they name nobody."""
    failed: dict[str, BouncedRecipient] = {}
    delivered: list[str] = []
    named = False
    for block in _blocks(statuses):
        if not (block.field("final-recipient") or block.field("original-recipient") or block.field("action")):
            continue
        named = True
        action = _action(block)
        who = _recipient(block)
        if action in ("delivered", "relayed", "expanded"):
            delivered.append(who)
        else:
            failed.setdefault(who, _failure(block, who, action))
    if not named:
        return None
    return Notice(recipients=tuple(failed.values()), delivered=tuple(filter(None, delivered)))


def _named(failed: tuple[BouncedRecipient, ...], addressee: list[str]) -> tuple[BouncedRecipient, ...]:
    """Failures with an address. Some systems name a mailbox only by its number: then it is the mail's addressee."""
    if len(failed) == 1 and not failed[0].address and addressee:
        return (msgspec.structs.replace(failed[0], address=addressee[0]),)
    return tuple(item for item in failed if item.address)


def _blocks(statuses: list[Part]) -> Iterator[Part]:
    for status in statuses[:20]:
        for block in _BLOCKS.split(status.content()[:READ_BYTES])[: MAX_RECIPIENTS + 2]:
            yield header_of(block.strip(b"\r\n") + b"\r\n\r\n")


def _action(part: Part) -> str:
    word = decode(part.field("action")).strip().lower()
    for known in ("delayed", "delivered", "relayed", "expanded"):
        if word.startswith(known):
            return known
    if not word and part.field("status").strip().startswith(b"2"):
        return "delivered"
    return "failed"


def _recipient(part: Part) -> str:
    """The address as we knew it (Original-Recipient), else as the last server knew it."""
    for field in ("original-recipient", "x-original-recipient", "final-recipient", "x-actual-recipient"):
        value = decode(part.field(field))
        kind, semicolon, rest = value.partition(";")
        spelled = rest if semicolon and "@" not in kind else value
        if found := usable(spelled, dotless=True):
            return found
    return ""


def usable(spelled: str, *, dotless: bool = False) -> str:
    """An address as notices write it (in brackets, in quotes), or empty; what nobody can have is none.

    ``dotless`` allows a domain of one word, which in prose is more likely no address at all.
    """
    spelled = spelled.strip().strip("'\"").strip()
    if "<" in spelled:
        spelled = spelled[spelled.find("<") + 1 :].partition(">")[0]
    spelled = spelled.partition(" ")[0].strip("<>[]();:,'\"").removeprefix("mailto:").removeprefix("rfc822;")
    spelled = spelled.partition(";")[2] if spelled.lower().startswith(("smtp;", "rfc822;")) else spelled
    found = plain_address(spelled.rstrip("."))
    local, _, domain = found.rpartition("@")
    if ".." in found or local.startswith(".") or local.endswith(".") or not (dotless or "." in domain):
        return ""
    return found


def _failure(part: Part, who: str, action: str) -> BouncedRecipient:
    diagnostic = headers.text(part.field("diagnostic-code")).partition(";")[2].strip()
    return BouncedRecipient(
        address=who,
        action=action,
        status=_status(decode(part.field("status")), diagnostic, action),
        diagnostic=(diagnostic or headers.text(part.field("diagnostic-code")))[:1000],
    )


def _status(status: str, diagnostic: str, action: str) -> str:
    """The enhanced code; one that says nothing (x.0.0) gives way to the one in the server's own words."""
    own = _CODE.search(status)
    theirs = next((match for match in _CODE.finditer(diagnostic[:2000]) if match[1] != "2"), None)
    if own and (own[2], own[3]) != ("0", "0"):
        return own[0]
    if theirs and (not own or own[1] == theirs[1]):
        return theirs[0]
    return own[0] if own else bounce_texts.status_of(diagnostic, action)


# --- everything else -----------------------------------------------------------------------------------------------


def _by_header(top: Part, text: str) -> list[BouncedRecipient]:
    """Exim and Gmail name them in a header."""
    boxes = all_mailboxes(top.all("x-failed-recipients"))
    who = [found for mailbox in boxes if (found := usable(mailbox.address))]
    return bounce_texts.described(dict.fromkeys(who), text) if who else []


def _by_text(top: Part, text: str, subject: str, sender: str) -> list[BouncedRecipient]:
    """The forms of many programs over thirty years."""
    failed, delayed = _known_forms(top)
    if failed or delayed:
        return bounce_texts.described(failed, text) + bounce_texts.described(delayed, text, delayed=True)
    own = {sender} | {
        box.address for field in ("to", "cc", "delivered-to") for box in mailboxes(top.field(field))
    }
    if not bounce_texts.is_failure(text) and not (
        automatic.is_daemon(top, sender) and bounce_texts.is_failure_subject(subject)
    ):
        return []
    found = bounce_texts.addresses(text, own, usable)
    found = found or _addressee(top, own, sender)
    return bounce_texts.described(found, text, delayed=bounce_texts.is_delay(text))


def _own(top: Part) -> set[str]:
    """Addresses of ours: to whom the notice came."""
    return {box.address for field in ("to", "cc", "delivered-to") for box in mailboxes(top.field(field))}


def _addressee(top: Part, own: set[str], sender: str) -> list[str]:
    """To whom the mail that came back was addressed, if that is one person and not of our own house."""
    returned = _returned(top)
    boxes = mailboxes(returned.field("to")) if returned is not None else []
    houses = {who.rpartition("@")[2] for who in own if who != sender}
    if len(boxes) != 1 or not usable(boxes[0].address) or boxes[0].address.rpartition("@")[2] in houses:
        return []
    return [boxes[0].address]


def _known_forms(top: Part) -> tuple[list[str], list[str]]:
    """What flufl.bounce recognises: (failed, delayed)."""
    message = email.message_from_bytes(top.beginning(READ_BYTES))
    try:
        delayed, failed = flufl.bounce.all_failures(message)
    except Exception:  # its detectors were not written for any bytes
        return [], []
    return _readable(failed), _readable(delayed - failed)


def _readable(found: Iterable[bytes]) -> list[str]:
    return [who for raw in sorted(found) if (who := usable(decode(raw), dotless=True))]


def _returned(top: Part) -> Part | None:
    """The header of the mail that came back."""
    for part in top.walk():
        if part is not top and part.content_type in _RETURNED_TYPES:
            returned = header_of(part.content()[:READ_BYTES])
            if returned.fields:
                return returned
    return None


def original_id(top: Part, text: str) -> str:
    """The Message-ID of the mail a notice is about: from the copy that came back, else from what the notice answers."""
    returned = _returned(top)
    candidates = headers.message_ids(returned.field("message-id")) if returned is not None else []
    if not candidates and (line := _ID_LINE.search(text[:READ_BYTES])):
        candidates = headers.message_ids(line[1].encode("utf-8", "replace"))
    for field in ("in-reply-to", "references"):
        if not candidates:
            candidates = headers.message_ids(top.field(field))[-1:]
    return candidates[0] if candidates else ""


# --- the other reports ----------------------------------------------------------------------------------------------


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody pressed "spam" on a mail of ours (RFC 5965)."""

    recipients: tuple[BouncedRecipient, ...]
    original: str


def complaint(top: Part, text: str) -> Complaint | None:
    """A feedback report, or None for any other mail."""
    report = next((part for part in top.walk() if part.content_type == "message/feedback-report"), None)
    if report is None:
        return None
    fields = _all_fields(report)
    returned = _returned(top)
    values = fields.all("original-rcpt-to") or fields.all("removal-recipient")
    if not values and returned is not None:
        values = [returned.field("to")]
    who = [usable(mailbox.address) for value in values for mailbox in mailboxes(value)][:MAX_RECIPIENTS]
    kind = headers.text(fields.field("feedback-type")) or "abuse"
    recipients = tuple(
        BouncedRecipient(address=found, action="complained", diagnostic=kind)
        for found in dict.fromkeys(who)
        if found
    )
    return Complaint(recipients=recipients, original=original_id(top, text))


def _all_fields(report: Part) -> Part:
    """The fields of a report whose blocks some programs part by empty lines."""
    return header_of(_BLOCKS.sub(b"\n", report.content()[:READ_BYTES].strip(b"\r\n")) + b"\n\n")


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A read receipt (RFC 8098): ``original`` was shown to its reader if ``read``, else only dealt with."""

    original: str
    read: bool


def receipt(top: Part) -> Receipt | None:
    """A disposition notification, or None for any other mail."""
    part = next(
        (part for part in top.walk() if part.content_type == "message/disposition-notification"), None
    )
    if part is None:
        return None
    fields = _all_fields(part)
    ids = headers.message_ids(fields.field("original-message-id"))
    disposition = decode(fields.field("disposition")).lower()
    return Receipt(original=ids[0] if ids else original_id(top, ""), read="displayed" in disposition)
