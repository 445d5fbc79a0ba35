"""Events of a telephone exchange as HTTP brings them, JSON or a form, turned into what intake takes.

Every exchange has names of its own for the same few things. The common ones are known here; an inbox may add to them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qsl

import msgspec

from connectors._phone import BadNumber, normalise
from connectors.contract import Call, Inbound, InboxId, Micros, ParseContext, Party

State = Literal["ringing", "answered", "missed", "ended"]
STATES: tuple[State, ...] = get_args(State)
IGNORED = "ignore"

BATCH = 100
"""Most events of one request."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "event": ("event", "type", "state", "status", "call_status", "callstatus", "disposition"),
    "call": ("call", "call_id", "callid", "uniqueid", "linkedid", "callsid", "id"),
    "caller": ("caller", "caller_number", "from", "callerid", "caller_id", "calleridnum", "ani", "src"),
    "name": ("name", "caller_name", "calleridname", "callername"),
    "extension": ("extension", "ext", "agent", "agent_extension", "exten", "answered_by", "internal"),
    "line": ("line", "called", "called_number", "to", "did", "dst"),
    "direction": ("direction", "dir"),
    "at": ("at", "time", "timestamp", "date", "event_time"),
    "duration": ("talk", "talk_time", "billsec", "duration", "call_duration", "seconds"),
}
"""Names under which each of our fields is looked for, in this order."""

_WORDS: Mapping[State, str] = {
    "ringing": "ringing ring rings incoming newcall new_call start started initiated",
    "answered": "answered answer connected in_progress bridged up talking",
    "missed": "missed no_answer noanswer unanswered busy abandoned abandon cancelled canceled failed lost rejected",
    "ended": "ended end hung_up hungup hang_up hangup completed complete finished terminated disconnected",
}
EVENTS: Mapping[str, State] = {word: state for state, words in _WORDS.items() for word in words.split()}

_OUT = frozenset({"out", "outbound", "outgoing", "outbound_api", "outbound_dial"})
_WRITTEN = re.compile(r"[\s().\-/\u00a0]+")
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_FORM_CALLER = re.compile(r'\s*"?([^"<]*?)"?\s*<([^>]*)>\s*')
_LONGEST = 400

Fields = dict[str, Any]


class BadEvent(ValueError):
    """The body is not what docs/channels/phone.md describes; the text says what and where, quoting no values."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the events come in, and how this exchange names things."""

    inbox: InboxId
    now: Micros
    country: str = "PL"
    fields: Mapping[str, str] = {}
    events: Mapping[str, str] = {}


def decode(body: bytes, content_type: str = "") -> list[Fields]:
    """The events of a body: one, a list of them, or ``{"events": [...]}``; or one as a form. Raises BadEvent."""
    if "json" in content_type or (body[:64].lstrip()[:1] in (b"{", b"[")):
        return _json(body)
    try:
        text = body.decode().strip().lstrip("?")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError as error:
        raise BadEvent("The body is neither JSON nor a form in UTF-8.") from error
    if not pairs:
        raise BadEvent("The body is empty: it must be JSON or a form.")
    return [dict(pairs)]


_decode_json = msgspec.json.Decoder().decode


def _json(body: bytes) -> list[Fields]:
    try:
        found = _decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadEvent("The body is not JSON.") from error
    if isinstance(found, dict) and isinstance(found.get("events"), list):
        found = found["events"]
    events = found if isinstance(found, list) else [found]
    if not events or len(events) > BATCH or not all(isinstance(event, dict) for event in events):
        raise BadEvent(f"The body must be an event, or a list of 1 to {BATCH} of them.")
    return events


def inbound(event: Fields, place: Place) -> Inbound | None:
    """What intake takes; None for an event that this inbox ignores. Raises :class:`BadEvent`."""
    word = _text(event, "event", place)
    call = _text(event, "call", place)
    if not word:
        raise BadEvent("`event` is missing: say ringing, answered, missed or hung_up.")
    if not call:
        raise BadEvent("`call` is missing: the exchange's own id of the call, the same in all of its events.")
    key = call if len(call) <= _LONGEST else hashlib.sha256(call.encode()).hexdigest()
    told = place.events.get(word) or EVENTS.get(word) or EVENTS.get(_folded(word))
    if told == IGNORED:
        return None
    out = _folded(_text(event, "direction", place)) in _OUT
    sender, line = _sender(event, place), _line(_text(event, "line", place), place.country)
    # Calls of ours may be told as the exchange dials: from an extension, to a number.
    if out and sender is None and _E164.fullmatch(line):
        sender, line = Party(kind="phone", address=line), ""
    extension = _extension(_text(event, "extension", place))
    return Call(
        inbox=place.inbox,
        external_id=_identity(key, told or word, extension),
        received_at=place.now,
        call=key,
        state=cast("State", told) if told else "other",
        what="" if told else word[:100],
        sender=sender,
        direction="out" if out else "in",
        extension=extension,
        line=line,
        at=_moment(_value(event, "at", place)),
        duration=_seconds(_value(event, "duration", place)),
    )


def _identity(key: str, word: str, extension: str) -> str:
    """The same for the same event of a call, however often it is told."""
    identity = f"event:{key}:{word}:{extension}"
    return identity if len(identity) <= 512 else f"event:{hashlib.sha256(identity.encode()).hexdigest()}"


# --- one field each -----------------------------------------------------------------------------------------------


def _value(event: Fields, name: str, place: Place) -> Any:
    """A field by this exchange's name of it, or by one of the common ones."""
    own = place.fields.get(name)
    if own is not None:
        return event.get(own)
    for known in FIELDS[name]:
        if known in event:
            return event[known]
    lowered = {str(key).lower().replace("-", "_"): value for key, value in event.items()}
    return next((lowered[known] for known in FIELDS[name] if known in lowered), None)


def _text(event: Fields, name: str, place: Place) -> str:
    value = _value(event, name, place)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise BadEvent(f"`{name}` must be a text or a number.")
    return str(value).strip()


def _folded(word: str) -> str:
    return "_".join(word.lower().replace("-", " ").replace("_", " ").split())


def _sender(event: Fields, place: Place) -> Party | None:
    """The other side; None where it hides its number, or is a colleague with a short one."""
    told, name = _text(event, "caller", place), _text(event, "name", place)
    if told[-1:] == ">" and (match := _FORM_CALLER.fullmatch(told)):
        name, told = name or match[1], match[2]
    number = number_of(told, place.country)
    if not number:
        return None
    shown = name if any(letter.isalpha() for letter in name) else ""
    return Party(kind="phone", address=number, name=shown[:200])


def number_of(told: str, country: str = "PL") -> str:
    """A caller's number in E.164; empty for a hidden, a short or an unreadable one.

    What an exchange tells comes from the network, so a number of the right shape is believed as it is: many real ones
    are in no book of numbers. Only what must be completed is looked up.
    """
    if told.startswith(("sip:", "tel:", "sips:")):
        told = told.partition(":")[2].partition("@")[0].partition(";")[0]
    digits = _WRITTEN.sub("", told)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if not (digits[1:] if digits[:1] == "+" else digits).isdigit() or not digits.isascii():
        return ""
    if country == "PL" and digits[0] != "+":
        if len(digits) == 9:
            digits = f"+48{digits}"
        elif len(digits) == 11 and digits.startswith("48"):
            digits = f"+{digits}"
    if digits[0] == "+":
        return digits if _E164.fullmatch(digits) else ""
    try:
        return normalise(digits, country)
    except BadNumber:
        return ""


def _line(told: str, country: str) -> str:
    """The number of ours that was called, as people know it: a short one stays as it is."""
    return number_of(told, country) or told[:64]


def _extension(told: str) -> str:
    """``101`` of ``SIP/101-0000001a``, ``PJSIP/101``, ``Local/101@queue``, ``101@pbx``."""
    if "/" in told:
        told = told.partition("/")[2]
    head = told.partition("@")[0]
    left, dash, right = head.rpartition("-")
    if dash and left and len(right) == 8 and right.isalnum():
        head = left
    return head[:64]


def _seconds(value: Any) -> int | None:
    """A duration in seconds; ``0:01:30`` is read too. None for what is none."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    text = str(value).strip()
    parts = text.split(":")
    try:
        if len(parts) > 1:
            seconds = 0.0
            for part in parts[:3]:
                seconds = seconds * 60 + float(part)
        else:
            seconds = float(text)
    except ValueError:
        return None
    return int(seconds) if 0 <= seconds < 86_400 * 7 else None


def _moment(value: Any) -> Micros | None:
    """RFC 3339 with a zone, or seconds (milliseconds) since 1970. None for what nobody could place."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return _written_moment(text)
    if not 1e8 < number < 1e14:
        return None
    return Micros(int(number * (1_000 if number > 1e11 else 1_000_000)))


def _written_moment(text: str) -> Micros | None:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return Micros((at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1))


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A body, whose sender was checked when it came, as intake would see it. Raises :class:`BadEvent`."""
    place = Place(inbox=context.inbox, now=context.now)
    found = (inbound(event, place) for event in decode(raw))
    return [item for item in found if item is not None]
