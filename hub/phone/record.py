"""The message that a call is: found by the exchange's name of it, read, kept, told to whose telephone rings."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, and_, select

from connectors.contract import Party
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import locked_conversation
from hub.phone.states import Facts, State, state_of
from hub.scope import NotFound
from hub.store import schema
from hub.store.tx import Reader, Tx

message, identity = schema.message, schema.identity

CHANNEL = "phone"
HIDDEN = "hidden"
"""Kind of the address of somebody who hides their number: one for each call, never merged."""

HIDDEN_NAME = N_("Hidden number")

PREVIEWS: dict[State, str] = {
    "ringing": N_("The telephone rings"),
    "missed": N_("Missed call"),
    "answered": N_("On the telephone now"),
    "ended": N_("Telephone call, still to be noted"),
    "logged": N_("Telephone call"),
}
"""First words of a call in lists. Stored, so in the language of the hub."""

_data = msgspec.json.Decoder(dict[str, Any]).decode
_json = msgspec.json.Encoder().encode


def seen_key(key: str) -> str:
    """Under which external id the message of a call is remembered."""
    return f"call:{key}"


def find(tx: Tx, inbox: str, key: str) -> Row[Any] | None:
    """The message of a call, locked, by the exchange's name of it."""
    found = tx.lookup(schema.seen, ("inbox", "external_id"), ("message",), [(inbox, seen_key(key))])
    return tx.locked(message, found[0][0]) if found and found[0][0] is not None else None


def locked(tx: Tx, message_id: int) -> Row[Any]:
    """The message of a call, locked. Raises NotFound for anything else."""
    row = tx.locked(message, message_id)
    if row is None or row.kind != "call":
        raise NotFound("call")
    return row


def facts_of(row: Row[Any]) -> Facts:
    """What is known of a call."""
    return msgspec.convert(_data(row.data).get("call", {}), Facts)


def stored(facts: Facts) -> str:
    """The ``data`` of a call's message."""
    return _json({"call": facts}).decode()


def keep(
    tx: Tx, house: House, row: Row[Any], facts: Facts, author: int | None, text: str | None = None
) -> State:
    """Put a call into its new state; the lists and whoever looks at the conversation are told."""
    state = state_of(facts)
    words = row.text if text is None else text
    tx.change(message, row.id, kind="call", state=state, author=author, text=words, data=stored(facts))
    conversation = locked_conversation(tx, row.conversation)
    preview = preview_of(house, state, words) if _is_last(tx, row) else conversation.preview
    tx.change(schema.conversation, conversation.id, preview=preview, version=conversation.version + 1)
    tx.emit(
        "message",
        office=conversation.office,
        queue=conversation.queue,
        conversation=conversation.id,
        message=row.id,
        actor=author,
        version=conversation.version + 1,
    )
    for user in dict.fromkeys((*facts.rang, *((author,) if author is not None else ()))):
        tx.emit("ring", conversation=conversation.id, message=row.id, actor=user)
    return state


def _is_last(tx: Reader, row: Row[Any]) -> bool:
    """Whether nobody wrote or rang in its conversation since."""
    later = (message.c.conversation == row.conversation, message.c.number > row.number)
    said = message.c.kind.in_(("inbound", "outbound", "call"))
    return tx.row(select(message.c.id).where(*later, said).limit(1)) is None


def unnoted(
    tx: Reader, user: int, *, conversation: int | None = None, number: str = "", since: int = 0
) -> list[int]:
    """Messages of calls that a user had and has not noted, in a conversation or with a number; the newest first."""
    mine = and_(
        message.c.author == user, message.c.kind == "call", message.c.state.in_(("answered", "ended"))
    )
    wanted = select(message.c.id).where(mine, message.c.at >= since)
    if conversation is not None:
        wanted = wanted.where(message.c.conversation == conversation)
    if number:
        wanted = wanted.join(identity, identity.c.id == message.c.identity).where(
            identity.c.address == number
        )
    return [found.id for found in tx.rows(wanted.order_by(message.c.at.desc()))]


def note_with(tx: Tx, house: House, row: Row[Any], user: int, topic: str, outcome: str) -> None:
    """What is noted of a callback is noted of the calls that the exchange told of it, too."""
    for message_id in unnoted(tx, user, conversation=row.conversation):
        call = locked(tx, message_id)
        facts = msgspec.structs.replace(facts_of(call), topic=topic, outcome=outcome, logged_at=tx.now)
        keep(tx, house, call, facts, user)


def preview_of(house: House, state: State, note: str) -> str:
    """The first words that lists show: what was noted, else what kind of call it was."""
    said = house.translate(house.directory.config.hub.language, PREVIEWS[state])
    return f"{said}: {' '.join(note.split())}"[:160] if note.strip() else said


def number_of(tx: Reader, row: Row[Any]) -> str:
    """The other side's number in E.164; empty where it is hidden."""
    found = select(identity.c.address).where(identity.c.id == (row.identity or 0), identity.c.kind == CHANNEL)
    return str(tx.scalar(found) or "")


def hidden_party(house: House, inbox: str, key: str) -> Party:
    """Somebody whose number nobody knows."""
    name = house.translate(house.directory.config.hub.language, HIDDEN_NAME)
    return Party(kind=HIDDEN, address=f"{inbox}:{key}", name=name)
