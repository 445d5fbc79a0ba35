"""The letter to a county office: what it is asked, by when, and that what it answers is passed on to the citizen.

It goes to the office's registered address alone, which is also the only one whose answer is taken (see
:mod:`hub.intake.offices`). An office without an address in the configuration works in the console and gets none.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors.contract import Micros, Recipient
from hub.calendar import at_wall_clock
from hub.house import House
from hub.i18n import mark as N_
from hub.i18n import translate
from hub.messages import append, locked_conversation
from hub.outbox.orders import add_effect
from hub.outbox.queue import enqueue, outlet
from hub.store import schema
from hub.store.tx import Reader, Tx

KIND = "office-mail"

SUBJECT = N_("Matter {number}: please answer by {date}")
MORE_SUBJECT = N_("Matter {number}: the citizen wrote again")

BODY = N_(
    "Good day,\n\n{hub} asks {office} to answer matter {number} by {date}.\n\n"
    "To answer, reply to this mail from {email}. What you write is sent to the citizen as it is, with your office's "
    "signature. Or answer in the console: {link}\n\n{text}\n\n{hub}"
)
"""``{text}``: the note of the person who asks, and what the citizen wrote."""

WORDLESS = N_("(A message without text. What came with it is in the console.)")
"""In the place of a message that is only a file, or that cannot be read."""

MOST = 20_000
"""Characters of the citizen's words that a letter holds, the newest."""

asked, message = schema.conversation_office, schema.message


def order_office_mail(
    tx: Tx,
    conversation: int,
    office: str,
    *,
    note: str = "",
    key: str | None = None,
    due_at: int | None = None,
) -> None:
    """Have an office written to; ``key`` and ``due_at`` as in :func:`hub.notices.notify_citizen`."""
    data = {"office": office, "note": note.strip()}
    full = f"notice:{key}" if key else None
    add_effect(tx, KIND, data, key=full, conversation=conversation, due_at=due_at)


def deliver_office_mail(tx: Tx, house: House, order: Row[Any]) -> bool:
    """The handler of the effect; False where the office has no address, or is not asked any more.

    An order with a message is about that one, which the citizen wrote while the matter is at the office.
    """
    data = msgspec.json.decode(order.data, type=dict[str, str])
    office = house.directory.offices.get(data["office"])
    row = locked_conversation(tx, order.conversation)
    due = _asked_until(tx, row.id, data["office"])
    if office is None or not office.email or due is None or row.office != office.id:
        return False
    inbox = outlet(house, row.office, "email", row.inbox)
    words = _words(tx, row.id, order.message, translate(office.language, WORDLESS))
    if inbox is None or not words:
        return False
    wall = at_wall_clock(house.directory.zone(office.id), due)
    hub = house.directory.config.hub
    params = {
        "number": row.reference,
        "date": f"{wall:%d.%m.%Y}",
        "office": office.name,
        "email": office.email,
        "hub": hub.name,
        "link": letter_link(house, str(row.id)),
        "text": "\n\n".join(filter(None, (data.get("note", ""), words))),
    }
    recipients = [Recipient(address=office.email, name=office.name)]
    added = append(
        tx,
        row.id,
        kind="outbound",
        text=translate(office.language, BODY, **params),
        subject=translate(office.language, MORE_SUBJECT if order.message else SUBJECT, **params),
        inbox=inbox,
        channel=house.channels[inbox],
        recipients=recipients,
        automatic=True,
        language=office.language,
        data={"to_office": office.id},
    )
    enqueue(tx, house, row, added.id, recipients, inbox=inbox)
    return True


def letter_link(house: House, conversation: str) -> str:
    """The address in the console that every letter names; of all letters it begins alike."""
    return f"{house.directory.config.hub.console_url}/conversations/{conversation}"


def _asked_until(tx: Reader, conversation: int, office: str) -> Micros | None:
    """By when an office has to answer; None for one that was not asked."""
    key = (asked.c.conversation == conversation) & (asked.c.office == office)
    found = tx.scalar(select(asked.c.due_at).where(key))
    return None if found is None else Micros(found)


def _words(tx: Reader, conversation: int, only: int | None, wordless: str) -> str:
    """What the citizen wrote, the oldest first: one message, or all; empty where they took it back."""
    theirs = (
        (message.c.conversation == conversation)
        & (message.c.kind == "inbound")
        & (message.c.automatic == "no")
        & message.c.deleted_at.is_(None)
    )
    if only is not None:
        theirs &= message.c.id == only
    rows = tx.rows(select(message.c.text).where(theirs).order_by(message.c.number))
    return "\n\n".join(row.text or wordless for row in rows)[-MOST:]
