"""What the citizen is told about a call, by SMS or e-mail, whatever inbox exists."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from connectors._phone import masked
from hub.callbacks import record, texts
from hub.house import House
from hub.i18n import catalogues
from hub.notices import Where, notify_citizen
from hub.store.tx import Tx


def tell(
    tx: Tx, house: House, row: Row[Any], template: str, *, wrong: bool = False, reason: str = ""
) -> None:
    """Tell the citizen by a template of :mod:`hub.notices`; nothing happens where no address of theirs can be reached.

    ``wrong``: the number is not theirs, so nothing is sent to it; ``reason`` is the msgid of why. Once for each version
    of the callback: a repeated transaction tells nothing twice.
    """
    conversation = record.conversation_of(tx, row.conversation)
    language = speaks(house, row, conversation.language)
    where = Where(mail=row.email, avoid=row.number if wrong else "", known_by=row.created_at)
    params = {
        "when": texts.when(language, record.hours_of(house, row).zone, row.due_at) if row.due_at else "",
        "number": masked(row.number),
        "link": manage_link(house, row),
        "again": order_link(house, row),
        "reason": house.translate(language, reason).rstrip(".") if reason else "",
    }
    key = notice_key(template, row)
    notify_citizen(tx, conversation.id, template, params, key=key, where=where)


def notice_key(template: str, row: Row[Any]) -> str:
    """Under which a notice about this version of a callback is ordered once."""
    return f"{template}:{row.id}:{row.version}"


def speaks(house: House, row: Row[Any], language: str) -> str:
    """The language of the words that are put into a notice: the conversation's where notices exist in it, else that of
    the inbox's site."""
    if language in catalogues():
        return language
    inbox = house.directory.inboxes.get(row.inbox)
    return inbox.language if inbox else house.directory.config.hub.language


def form_inbox(house: House, row: Row[Any]) -> str | None:
    """The callback form that serves this wish: its own inbox, else the first one of that kind."""
    forms = [i.id for i in house.directory.inboxes.values() if i.kind == "callback" and i.enabled]
    return row.inbox if row.inbox in forms else next(iter(forms), None)


def order_link(house: House, row: Row[Any]) -> str:
    """Where a new call can be ordered; empty where there is no form."""
    inbox = form_inbox(house, row)
    return f"{house.directory.config.hub.public_url}/embed/callback/{inbox}" if inbox else ""


def manage_link(house: House, row: Row[Any]) -> str:
    """Where the citizen moves or cancels this call; whoever has the link may."""
    link = order_link(house, row)
    return f"{link}/call/{house.tokens.sign('callback', row.id)}" if link else ""
