"""What ``centrala parse`` prints of one input: the event that intake would see, as plain JSON values.

The keys are part of the outside interface and stay as they are.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.contract import Attachment, Bounce, BouncedRecipient, Inbound, Message, Party, Recipient

_SEPARATORS = tuple((chr(code).encode(), rb"\u%04x" % code) for code in (0x85, 0x2028, 0x2029))


def describe(channel: str, inbound: Inbound, source: str) -> dict[str, Any]:
    """One event as a JSON object. ``source`` is the input's name as given on the command line.

    Times are microseconds UTC. Every kind of event has every key, empty where it has nothing to say; what a kind has
    beyond them (a callback's number, a form's fields) follows under its own name.
    """
    kind = inbound.__struct_config__.tag
    known: dict[str, Any] = {
        "source": source,
        "channel": channel,
        "kind": kind,
        "external_id": inbound.external_id,
        "target": inbound.target,
        "thread": list(getattr(inbound, "thread_keys", ())),
        "sender": _party(getattr(inbound, "sender", None)),
        "recipients": [],
        "subject": getattr(inbound, "subject", ""),
        "text": getattr(inbound, "text", ""),
        "full_text": getattr(inbound, "text", ""),
        "html": getattr(inbound, "html", ""),
        "automatic": "no",
        "attachments": [],
        "sent_at": getattr(inbound, "sent_at", None),
    }
    match inbound:
        case Message():
            known |= _message(inbound)
        case Bounce():
            known |= _bounce(inbound)
        case _:
            extra = {
                name: value for name, value in _plain(inbound).items() if name not in (*known, "thread_keys")
            }
            known |= {"automatic": "report" if kind == "delivery" else "no"} | extra
    return known


def as_line(described: dict[str, Any]) -> bytes:
    """One JSON object on one line, also for readers to whom U+0085, U+2028 and U+2029 end a line."""
    encoded = msgspec.json.encode(described)
    for separator, escaped in _SEPARATORS:
        if separator in encoded:
            encoded = encoded.replace(separator, escaped)
    return encoded + b"\n"


def _plain(value: Any) -> Any:
    """A value as JSON knows it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _message(message: Message) -> dict[str, Any]:
    known: dict[str, Any] = {
        "recipients": _addresses(message.recipients),
        "full_text": message.full_text,
        "automatic": message.automatic,
        "attachments": _attachments(message.attachments),
        "mentions": list(message.mentions),
    }
    if message.automatic == "complaint":
        known["bounce"] = {
            "recipients": _bounced(message.complained),
            "original_message_id": message.target or "",
        }
    for name in ("comment", "callback", "fields", "also", "reply_to", "choice", "ours", "unreadable"):
        if value := getattr(message, name):
            known[name] = _plain(value)
    return known


def _bounce(bounce: Bounce) -> dict[str, Any]:
    return {
        "recipients": _addresses(bounce.to),
        "automatic": "bounce",
        "attachments": _attachments(bounce.attachments),
        "bounce": {"recipients": _bounced(bounce.recipients), "original_message_id": bounce.target or ""},
    }


def _party(party: Party | None) -> dict[str, str]:
    return {"address": party.address, "name": party.name} if party else {"address": "", "name": ""}


def _addresses(recipients: tuple[Recipient, ...]) -> list[str]:
    return [recipient.address for recipient in recipients]


def _bounced(recipients: tuple[BouncedRecipient, ...]) -> list[dict[str, str]]:
    return [{"address": item.address, "status": item.status, "action": item.action} for item in recipients]


def _attachments(attachments: tuple[Attachment, ...]) -> list[dict[str, Any]]:
    return [
        {
            "filename": item.filename,
            "content_type": item.content_type,
            "size": item.size,
            "sha256": item.sha256,
        }
        for item in attachments
    ]
