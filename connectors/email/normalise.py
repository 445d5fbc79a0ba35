"""A raw mail to what intake takes: pure, bounded in time, and never failing for any bytes.

One mail gives one event: a message, a bounce, or a delivery report. What a step cannot read it leaves out; if the steps
together fail, the mail still becomes a message with the text that can be found in its bytes.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from connectors import _html
from connectors._html_lines import Line
from connectors._i18n import N_
from connectors._text import decode, one_line, tidy
from connectors.contract import (
    MAX_KEY,
    Attachment,
    Automatic,
    Bounce,
    DeliveryReport,
    Inbound,
    Message,
    Micros,
    ParseContext,
    Party,
    Recipient,
    ThreadKey,
    Tokens,
    conversation_key,
)
from connectors.email import authentication, automatic, bounces, headers, invitation, pictures, quotes
from connectors.email.addresses import all_mailboxes, mailboxes
from connectors.email.content import Body, Content, collect
from connectors.email.mime import Part, read
from connectors.email.quotes_words import REPLY_SUBJECT
from connectors.email.wrapped import unwrap

MAX_TEXT = 500_000
"""Of a longer body only so much is text (characters); all of it is kept as an attachment."""

MAX_REFERENCES = 50
"""Message-IDs of a thread that are looked at, the newest."""

MAX_RECIPIENTS = 500

SEVERAL_SENDERS = N_("The mail names several senders; the first of them is shown.")

_REFERENCE = re.compile(
    r"(?<![\w-])([0-9A-Z]{3})[-\u2010-\u2014]([0-9A-Z]{3})[-\u2010-\u2014]([0-9A-Z]{3})(?![\w-])"
    r"|\b(?=[A-Z]*\d)([0-9A-Z]{3})([0-9A-Z]{3})([0-9A-Z]{3})\b",
    re.IGNORECASE | re.ASCII,
)
"""A reference number as people copy it: in small letters too, with any dash, or with none where a digit shows that it
is one."""

_TOKEN = re.compile(r"[a-z0-9]{8,200}")
_ROLES = (("to", "to"), ("cc", "cc"), ("bcc", "bcc"))


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """What a mail is to intake. Never raises, never gives nothing."""
    try:
        return [_read(raw, context)]
    except Exception:  # whatever it was, the mail is shown as far as it can be
        return [_unreadable(raw, context)]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """What the kinds of events have in common."""

    top: Part
    subject: str
    sender: Party
    senders: int
    recipients: tuple[Recipient, ...]
    sent_at: Micros | None
    content: Content


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The body three times: what was written now, all of it, and as sanitised HTML."""

    text: str
    full_text: str
    html: str


def _read(raw: bytes, context: ParseContext) -> Inbound:
    top = read(raw)
    name, address, senders = automatic.sender_of(top)
    mail = Mail(
        top=top,
        subject=headers.text(top.field("subject")),
        sender=Party(kind="email", address=address, name=name),
        senders=senders,
        recipients=_recipients(top),
        sent_at=headers.date(top.field("date")),
        content=collect(top),
    )
    identity = _external_id(mail)  # of what came, whatever is made of it
    unwrap(top, mail.content)
    if (receipt := bounces.receipt(top)) is not None and receipt.original and receipt.read:
        return DeliveryReport(
            inbox=context.inbox,
            external_id=identity,
            received_at=context.now,
            target=receipt.original,
            state="read",
            at=mail.sent_at,
        )
    texts = _texts(mail.content, mail.subject, answers=_answers(mail))
    notice = bounces.read(top, texts.full_text, mail.subject, address)
    if notice is not None and notice.delivered and not notice.recipients and notice.original:
        return DeliveryReport(
            inbox=context.inbox,
            external_id=identity,
            received_at=context.now,
            target=notice.original,
            state="delivered",
            at=mail.sent_at,
        )
    if notice is not None and (notice.recipients or not notice.delivered):
        return _bounce(mail, texts, notice, identity, context)
    return _message(mail, texts, identity, context, report=notice is not None or receipt is not None)


def _bounce(mail: Mail, texts: Texts, notice: bounces.Notice, identity: str, context: ParseContext) -> Bounce:
    return Bounce(
        inbox=context.inbox,
        external_id=identity,
        received_at=context.now,
        target=notice.original[:MAX_KEY] or None,
        recipients=notice.recipients,
        subject=mail.subject,
        text=texts.full_text,
        sender=mail.sender,
        sent_at=mail.sent_at,
        thread_keys=_thread_keys(mail, context.tokens, also=notice.original),
        to=mail.recipients,
        attachments=tuple(msgspec.structs.replace(item, content=None) for item in mail.content.attachments),
    )


def _message(mail: Mail, texts: Texts, identity: str, context: ParseContext, *, report: bool) -> Message:
    complaint = bounces.complaint(mail.top, texts.full_text)
    kind: Automatic = automatic.classify(mail.top, mail.subject, mail.sender.address)
    if complaint is not None:
        kind = "complaint"
    elif report:
        kind = "report"
    own = headers.message_ids(mail.top.field("message-id"))
    return Message(
        inbox=context.inbox,
        external_id=identity,
        target=complaint.original[:MAX_KEY] or None if complaint else None,
        received_at=context.now,
        sender=mail.sender,
        recipients=mail.recipients,
        subject=mail.subject,
        text=texts.text,
        full_text=texts.full_text,
        html=texts.html,
        attachments=pictures.placed(mail.content.attachments, texts.html),
        thread_keys=_thread_keys(mail, context.tokens, also=complaint.original if complaint else ""),
        adds_keys=tuple(headers.message_key(item) for item in own[:1]),
        mentions=_mentions(mail.subject),
        sent_at=mail.sent_at,
        automatic=kind,
        reply_to=_reply_to(mail),
        wire_id=f"<{own[0]}>" if own else None,
        suspicious=SEVERAL_SENDERS if mail.senders > 1 else "",
        authenticated=_authenticated(mail, context.receiver),
        complained=complaint.recipients if complaint else (),
        unreadable=mail.content.unreadable,
    )


def _mentions(subject: str) -> tuple[str, ...]:
    """What may be reference numbers in a subject, as the hub writes them."""
    found = ("-".join(filter(None, match.groups())).upper() for match in _REFERENCE.finditer(subject[:1000]))
    return tuple(dict.fromkeys(found))


def _authenticated(mail: Mail, receiver: str) -> bool | None:
    """Several senders prove nothing: which of them a server checked is not known."""
    fields = mail.top.all("authentication-results")
    found = authentication.proven(fields, receiver, mail.sender.address.rpartition("@")[2])
    return found if mail.senders <= 1 or found is None else False


def _reply_to(mail: Mail) -> tuple[Party, ...]:
    """Reply-To, where it is somebody else: web forms and shared mailboxes write so on behalf of a person."""
    boxes = [box for box in mailboxes(mail.top.field("reply-to"))[:5] if box.address]
    return tuple(
        Party(kind="email", address=box.address, name=box.name)
        for box in boxes
        if box.address != mail.sender.address
    )


def _recipients(top: Part) -> tuple[Recipient, ...]:
    found: dict[str, Recipient] = {}
    for field, role in _ROLES:
        for box in all_mailboxes(top.all(field)):
            if box.address:
                found.setdefault(box.address, Recipient(address=box.address, name=box.name, role=role))  # type: ignore[arg-type]
    return tuple(found.values())[:MAX_RECIPIENTS]


# --- the body ------------------------------------------------------------------------------------------------------


def _answers(mail: Mail) -> bool:
    """Whether a mail answers another, as its program or its subject says."""
    linked = mail.top.field("in-reply-to") or mail.top.field("references") or mail.top.field("thread-index")
    return bool(linked) or REPLY_SUBJECT.match(mail.subject) is not None


def _texts(content: Content, subject: str, *, answers: bool) -> Texts:
    has_html = any(body.html for body in content.bodies)
    lines: list[Line] = []
    whole: list[str] = []
    shown: list[str] = []
    for body in content.bodies:
        text = _bounded(body, content)
        if body.html:
            found = _html.lines(text)
            full = "\n".join(line.text for line in found).strip()
            shown.append(_html.sanitise(text))
        else:
            full = text.strip("\n").rstrip()
            found = quotes.plain_lines(full) if has_html else []
            shown.append(_html.as_html(full))
        if full:
            whole.append(full)
            lines += [Line("", 0), *found] if lines else found
    full = "\n\n".join(whole) or _invitation(content.attachments)
    # Where an attachment parts it the text is several bodies, and the older mail may be all of the last one.
    if has_html and whole:
        text = quotes.visible_lines(lines, subject=subject, answers=answers)
    else:
        text = quotes.visible(full, subject=subject, answers=answers) if whole else full
    return Texts(text=text, full_text=full, html="\n".join(shown) if has_html else "")


def _bounded(body: Body, content: Content) -> str:
    """The text of a body; of one that is too long its beginning, the whole becoming an attachment."""
    whole = pictures.taken_out(body.text, content.attachments) if body.html else body.text
    if len(whole) <= MAX_TEXT:
        return whole
    data = whole.encode("utf-8", "replace")
    kind = "html" if body.html else "plain"
    content.attachments.append(
        Attachment(
            filename=f"message.{'html' if body.html else 'txt'}",
            content_type=f"text/{kind}",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            content=data,
        )
    )
    return (_html.without_large_data(whole) if body.html else whole)[:MAX_TEXT]


def _invitation(attachments: list[Attachment]) -> str:
    for attachment in attachments:
        if attachment.content_type in ("text/calendar", "application/ics") and attachment.content:
            return invitation.as_text(tidy(decode(attachment.content[:100_000])))
    return ""


# --- identity and thread -------------------------------------------------------------------------------------------


def _external_id(mail: Mail) -> str:
    """The same for the same mail on whatever way it came: nothing that servers on the way add or encode anew counts."""
    digest = hashlib.sha256()
    fields = [headers.text(mail.top.field(name)) for name in ("message-id", "from", "date")]
    digest.update("\0".join([*fields, mail.subject, ""]).encode("utf-8", "surrogatepass"))
    for body in mail.content.bodies:
        digest.update(body.text.rstrip().encode("utf-8", "surrogatepass") + b"\0")
    for attachment in mail.content.attachments:
        digest.update(attachment.sha256.encode())
    return digest.hexdigest()


def _thread_keys(mail: Mail, tokens: Tokens | None, *, also: str = "") -> tuple[ThreadKey, ...]:
    """Our own signed names first, then Message-IDs, the newest first."""
    references = headers.message_ids(mail.top.field("references"))[-MAX_REFERENCES:]
    ids = [
        *headers.message_ids(mail.top.field("in-reply-to"))[:5],
        *reversed(references),
        *([also] if also else []),
    ]
    signed = [key for candidate in _candidates(mail, ids) if (key := _verified(candidate, tokens))]
    return tuple(dict.fromkeys([*signed, *(headers.message_key(item) for item in ids)]))


def _candidates(mail: Mail, ids: list[str]) -> list[str]:
    """What may be a token: the last word before the @ of a Message-ID, what follows a + in an address."""
    found = [item.rpartition("@")[0].rpartition(".")[2] for item in ids]
    addresses = [recipient.address for recipient in mail.recipients]
    for field in ("delivered-to", "x-original-to", "envelope-to"):
        addresses += [box.address for box in all_mailboxes(mail.top.all(field))]
    found += [address.rpartition("@")[0].partition("+")[2] for address in addresses if "+" in address]
    return [candidate for candidate in dict.fromkeys(found) if _TOKEN.fullmatch(candidate)]


def _verified(candidate: str, tokens: Tokens | None) -> ThreadKey | None:
    value = tokens.verify("conversation", candidate) if tokens is not None else None
    return conversation_key(int(value)) if value is not None and value.isdigit() else None


def _unreadable(raw: bytes, context: ParseContext) -> Message:
    """The last resort: the bytes as text."""
    text = tidy(decode(raw[:200_000]))
    found = re.search(r"(?im)^subject:(.{0,500})", text)
    return Message(
        inbox=context.inbox,
        external_id=f"raw:{hashlib.sha256(raw).hexdigest()}",
        received_at=context.now,
        sender=Party(kind="email", address=""),
        subject=one_line(found[1]) if found else "",
        text=text,
        full_text=text,
    )
