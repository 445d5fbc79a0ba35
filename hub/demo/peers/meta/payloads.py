"""The bodies of Meta's webhooks, made from who, what and when, as its pages show them. Pure; times in microseconds.

By https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events and
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages (2026).
"""

from __future__ import annotations

from typing import Any


def entry(account: str, at: int, *events: dict[str, Any]) -> dict[str, Any]:
    """An entry with events of ``messaging``."""
    return {"id": account, "time": at // 1000, "messaging": list(events)}


def event(sender: str, recipient: str, at: int, **what: Any) -> dict[str, Any]:
    """One event of ``messaging``; ``what`` is what it is about (``message={…}``)."""
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": at // 1000, **what}


def change(field: str, value: dict[str, Any]) -> dict[str, Any]:
    """One change."""
    return {"field": field, "value": value}


def whatsapp_entry(business: str, *changes: dict[str, Any]) -> dict[str, Any]:
    """An entry of a WhatsApp business account."""
    return {"id": business, "changes": list(changes)}


def whatsapp_value(number_id: str, display: str, **parts: Any) -> dict[str, Any]:
    """The value of a change of the field ``messages``."""
    metadata = {"display_phone_number": display, "phone_number_id": number_id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def whatsapp_contact(number: str, name: str) -> dict[str, Any]:
    """Who wrote; ``number`` without the plus."""
    return {"profile": {"name": name}, "wa_id": number}


def whatsapp_message(number: str, id_: str, at: int, type_: str, **content: Any) -> dict[str, Any]:
    """One message of a person."""
    return {"from": number, "id": id_, "timestamp": str(at // 1_000_000), "type": type_, **content}


def whatsapp_status(id_: str, status: str, number: str, at: int, **more: Any) -> dict[str, Any]:
    """What became of a message of the business."""
    return {
        "id": id_,
        "status": status,
        "timestamp": str(at // 1_000_000),
        "recipient_id": number,
        **more,
    }
