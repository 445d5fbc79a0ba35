"""Twilio's webhooks on the way in: a message to one of our numbers, or the status of one that we sent.

https://www.twilio.com/docs/messaging/guides/webhook-request and
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from connectors import _sms_in
from connectors.contract import (
    Attachment,
    Consent,
    DeliveryReport,
    Inbound,
    InboxId,
    Message,
    Micros,
    ParseContext,
    Party,
    Unknown,
)
from connectors.twilio.errors import why_failed

State = Literal["accepted", "delivered", "read", "failed"]

STATES: Mapping[str, State] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "accepted",
    "partially_delivered": "accepted",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
"""Values of ``MessageStatus``. One that nobody knows says no more than that Twilio has the message."""

MOST_FILES = 10
"""Files of one message; Twilio takes no more."""


class BadCall(ValueError):
    """A webhook that is neither a message nor a status."""


def pairs_of(fields: str) -> list[tuple[str, str]]:
    """The fields of a form as they came, for the signature. Raises BadCall for too many."""
    try:
        return parse_qsl(fields, keep_blank_values=True, max_num_fields=500)
    except ValueError as error:
        raise BadCall("There are too many fields.") from error


def inbound(
    call: Mapping[str, str],
    inbox: InboxId,
    now: Micros,
    country: str = "PL",
    words: _sms_in.Words = _sms_in.WORDS,
) -> Inbound:
    """What intake takes. Raises :class:`BadCall`."""
    sid = _first(call, "MessageSid", "SmsSid", "SmsMessageSid")
    status = _first(call, "MessageStatus", "SmsStatus").lower()
    if not sid:
        raise BadCall("There is no MessageSid.")
    if status and status not in ("received", "receiving"):
        return _report(call, sid, status, inbox, now)
    if not call.get("From"):
        raise BadCall("There is neither a message (From) nor a status (MessageStatus).")
    return _message(call, sid, inbox, now, country, words)


def _first(call: Mapping[str, str], *names: str) -> str:
    return next((call[name].strip() for name in names if call.get(name)), "")


def _report(call: Mapping[str, str], sid: str, status: str, inbox: InboxId, now: Micros) -> DeliveryReport:
    state = STATES.get(status, "accepted")
    return DeliveryReport(
        inbox=inbox,
        external_id=f"twilio-status:{sid}:{status}"[:512],
        target=remote_id(sid),
        received_at=now,
        state=state,
        reason=why_failed(call.get("ErrorCode", "")) if state == "failed" else "",
    )


def remote_id(sid: str) -> str:
    """What reports call a sending."""
    return f"twilio:{sid}"[:400]


def _message(
    call: Mapping[str, str], sid: str, inbox: InboxId, now: Micros, country: str, words: _sms_in.Words
) -> Inbound:
    sender, text, identity = call["From"].strip(), call.get("Body", ""), f"twilio:{sid}"[:400]
    prefix, colon, address = sender.partition(":")
    if colon:  # another channel of Twilio's, whose answers would need its prefix
        number = _sms_in.party(address, country)
        who = Party(
            kind="twilio", address=f"{prefix}:{number.address}", name=call.get("ProfileName", "")[:200]
        )
        return Unknown(
            inbox=inbox,
            external_id=identity,
            received_at=now,
            sender=who,
            what=f"{prefix} message",
            text=text,
            direct=True,
        )
    opted = call.get("OptOutType", "").upper()
    if opted in ("STOP", "START"):
        return Consent(
            inbox=inbox,
            external_id=identity,
            received_at=now,
            sender=_sms_in.party(sender, country),
            allowed=opted == "START",
            text=text,
        )
    found = _sms_in.received(
        inbox,
        sender=sender,
        recipient=call.get("To", "").strip(),
        text=text,
        now=now,
        external_id=identity,
        country=country,
        words=words,
    )
    files = _files(call, sid)
    return (
        msgspec.structs.replace(found, attachments=files) if files and isinstance(found, Message) else found
    )


def _files(call: Mapping[str, str], sid: str) -> tuple[Attachment, ...]:
    """The files of an MMS, to be fetched later."""
    count = call.get("NumMedia", "0")
    number = min(int(count), MOST_FILES) if count.isascii() and count.isdigit() and len(count) < 4 else 0
    found = ((n, call.get(f"MediaUrl{n}", ""), call.get(f"MediaContentType{n}", "")) for n in range(number))
    return tuple(
        Attachment(
            filename=f"{sid}-{n + 1}{mimetypes.guess_extension(kind) or ''}",
            content_type=kind or "application/octet-stream",
            remote=url,
        )
        for n, url, kind in found
        if url
    )


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A body or a query string, whose signature was checked when it came, as intake would see it. Raises BadCall."""
    fields = dict(pairs_of(raw.decode("utf-8", "replace").strip().lstrip("?")))
    return [inbound(fields, context.inbox, context.now)]
