"""SMSAPI's calls on the way in: an SMS to one of our numbers, or reports about what we sent.

Both are forms, in the body of a POST or in the query of a GET. A call may carry several reports, whose values are then
separated by commas. Sections 9, 10 and 18 of https://www.smsapi.pl/docs/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl

from connectors import _sms_in
from connectors._i18n import N_
from connectors.contract import DeliveryReport, Inbound, InboxId, Micros, ParseContext

State = Literal["accepted", "delivered", "failed"]

STATES: Mapping[str, State] = {
    "401": "accepted",  # NOT_FOUND: of a query for an id, nothing about the message
    "402": "failed",  # EXPIRED
    "403": "accepted",  # SENT, no final report yet
    "404": "delivered",
    "405": "failed",  # UNDELIVERED
    "406": "failed",  # FAILED
    "407": "failed",  # REJECTED
    "408": "accepted",  # UNKNOWN: it may have arrived
    "409": "accepted",  # QUEUE
    "410": "accepted",  # ACCEPTED by the network
    "411": "accepted",  # RENEWAL: another attempt is made
    "412": "failed",  # STOP: stopped by the account
}
"""Codes of a report (section 18). One that nobody knows says no more than that SMSAPI has the message."""

STOPPED = N_("The sending was stopped at SMSAPI.")

_WHY: Mapping[str, str] = {"402": _sms_in.NOT_IN_TIME, "407": _sms_in.REFUSED, "412": STOPPED}

_SECOND = 1_000_000


class BadCall(ValueError):
    """A call that is neither an SMS nor a report."""


def read(fields: str) -> dict[str, str]:
    """The fields of a call, without the secret of its address."""
    found = dict(parse_qsl(fields.strip().lstrip("?"), keep_blank_values=True))
    found.pop("secret", None)
    return found


def inbound(
    call: Mapping[str, str],
    inbox: InboxId,
    now: Micros,
    country: str = "PL",
    words: _sms_in.Words = _sms_in.WORDS,
) -> list[Inbound]:
    """What intake takes. Raises :class:`BadCall`."""
    if "sms_from" in call:
        return [_message(call, inbox, now, country, words)]
    if "MsgId" in call and "status" in call:
        return list(_reports(call, inbox, now))
    raise BadCall("There is neither an SMS (sms_from) nor a report (MsgId and status).")


def _message(
    call: Mapping[str, str], inbox: InboxId, now: Micros, country: str, words: _sms_in.Words
) -> Inbound:
    return _sms_in.received(
        inbox,
        sender=call["sms_from"].strip(),
        recipient=call.get("sms_to", "").strip(),
        text=call.get("sms_text", ""),
        now=now,
        external_id=_identity(call),
        sent_at=_moment(call.get("sms_date", "")),
        country=country,
        words=words,
    )


def _identity(call: Mapping[str, str]) -> str:
    """SMSAPI's own id where it is told; else what does not change when the call is repeated."""
    if call.get("MsgId"):
        return f"smsapi:{call['MsgId']}"[:400]
    parts = (call.get(name, "") for name in ("sms_from", "sms_to", "sms_date", "sms_text"))
    return "smsapi:" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _reports(call: Mapping[str, str], inbox: InboxId, now: Micros) -> list[DeliveryReport]:
    names, codes = call["MsgId"].split(","), call["status"].split(",")
    ours, done = call.get("idx", "").split(","), call.get("donedate", "").split(",")
    if len(codes) != len(names):
        raise BadCall("MsgId and status name a different number of messages.")
    return [
        _report(name.strip(), code.strip(), _at(ours, place), _at(done, place), inbox, now)
        for place, (name, code) in enumerate(zip(names, codes, strict=True))
        if name.strip()
    ]


def _at(values: list[str], place: int) -> str:
    """The value for one of several reports; one value alone is for all."""
    if len(values) == 1:
        return values[0].strip()
    return values[place].strip() if place < len(values) else ""


def _report(name: str, code: str, ours: str, done: str, inbox: InboxId, now: Micros) -> DeliveryReport:
    state = STATES.get(code, "accepted")
    return DeliveryReport(
        inbox=inbox,
        external_id=f"smsapi-report:{name}:{code}:{done}"[:512],
        target=remote_id(ours) if ours else f"smsapi-id:{name}"[:400],
        received_at=now,
        state=state,
        reason=_WHY.get(code, _sms_in.NOT_DELIVERED) if state == "failed" else "",
        at=_moment(done),
    )


def remote_id(idx: str) -> str:
    """What reports call a sending: our own ``idx``, which is known even where SMSAPI's answer was lost."""
    return f"smsapi:{idx}"[:400]


def _moment(seconds: str) -> Micros | None:
    """A time in seconds since 1970; None for anything else."""
    if not (seconds.isascii() and seconds.isdigit() and 8 < len(seconds) < 12):
        return None
    return Micros(int(seconds) * _SECOND)


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A body or a query string, whose sender was checked when it came, as intake would see it. Raises BadCall."""
    return inbound(read(raw.decode("utf-8", "replace")), context.inbox, context.now)
