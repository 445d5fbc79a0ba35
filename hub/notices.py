"""What citizens are told automatically: acknowledgements, what became of a comment, changes of a call.

:func:`notify_citizen` orders a notice inside the transaction that gives the reason; the outbox turns the order
into a message by :func:`deliver_notice`. Nothing is sent where no address of the person can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, and_, bindparam, select, update

from connectors.contract import Capabilities, Micros, Recipient
from hub.calendar import at_wall_clock, calendar, closed_since, is_open, next_loud, next_opening
from hub.chats.record import is_here
from hub.house import House
from hub.i18n import is_translated, translate
from hub.messages import append, locked_conversation
from hub.notice_texts import TEMPLATES, Template
from hub.outbox.orders import DAY, add_effect, answer_key
from hub.outbox.queue import enqueue, outlet
from hub.store import schema
from hub.store.tx import Reader, Tx

MINUTE = 60_000_000

effect, identity, message = schema.effect, schema.identity, schema.message

_THEIRS = (
    select(identity)
    .where(identity.c.contact == bindparam("contact"), identity.c.silent_since.is_(None))
    .order_by(identity.c.id)
)
_ANSWERED_BEFORE = (
    select(effect.c.id)
    .where(
        effect.c.key.in_(bindparam("keys", expanding=True)),
        effect.c.conversation == bindparam("conversation"),
        effect.c.state == "done",
        effect.c.created_at >= bindparam("since"),
        effect.c.id != bindparam("order"),
    )
    .limit(1)
)
_came = and_(message.c.conversation == bindparam("conversation"), message.c.kind == "inbound")
_AUTOMATIC = select(message.c.automatic).where(_came).distinct()
_LAST_INBOUND = select(message.c.id).where(_came).order_by(message.c.number.desc()).limit(1)

QUIET_KINDS = frozenset({"phone"})
"""Kinds of address that ring: bound by quiet hours."""


class Where(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which of a person's addresses a notice may go to.

    ``mail`` is the address that they gave for it; ``avoid`` one that is not theirs after all (a wrong number).
    ``known_by``: only addresses that were theirs at that time, so that nobody can claim one afterwards to get a link.
    """

    mail: str = ""
    avoid: str = ""
    known_by: int | None = None


def notify_citizen(
    tx: Tx,
    conversation: int,
    template: str,
    params: Mapping[str, str],
    key: str | None = None,
    where: Where | None = None,
    due_at: int | None = None,
) -> None:
    """Order a notice. ``template`` is a key of :data:`TEMPLATES`; with a ``key`` it is ordered once, ever.

    ``due_at`` (default: now) leaves time to take back what the notice is about; :func:`withdraw_notice` does.
    Raises KeyError for an unknown template.
    """
    if template not in TEMPLATES:
        raise KeyError(template)
    add_effect(
        tx,
        "notice",
        {"template": template, "params": dict(params), "where": where or Where()},
        key=f"notice:{key}" if key else None,
        conversation=conversation,
        due_at=due_at,
    )


def withdraw_notice(tx: Tx, key: str) -> None:
    """Do not send a notice that was ordered with this key, unless it went already."""
    waiting = and_(effect.c.key == f"notice:{key}", effect.c.state == "waiting")
    tx.execute(update(effect).where(waiting).values(state="skipped"))


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a notice goes, and the inbox that reaches it."""

    kind: str
    address: str
    name: str
    inbox: str


def reachable(tx: Reader, house: House, conversation: Row[Any], where: Where | None = None) -> Address | None:
    """The address to use: the one that they gave for it, the one they wrote from, else a mail address, else another.

    Whoever commented in public on a platform gets no automatic message: they wrote to all, and did not ask for one.
    A chat that its visitor has left is the last resort: nobody may ever see what is said there.
    """
    where = where or Where()
    if where.mail:
        inbox = outlet(house, conversation.office, "email", conversation.inbox)
        if inbox is not None:
            return Address(kind="email", address=where.mail, name="", inbox=inbox)
    if house.capabilities.get(conversation.inbox, Capabilities()).platform:
        return None
    rows = tx.rows(_THEIRS, {"contact": conversation.contact})
    ranked = sorted(rows, key=lambda row: (row.id != conversation.identity, row.kind != "email"))
    last: Address | None = None
    for row in ranked:
        if row.address == where.avoid or (where.known_by is not None and row.created_at > where.known_by):
            continue
        inbox = outlet(house, conversation.office, row.kind, conversation.inbox)
        nameless = row.kind == "email" and "@" not in row.address  # a mail whose sender nobody could read
        if inbox is None or nameless:
            continue
        found = Address(kind=row.kind, address=row.address, name=row.name, inbox=inbox)
        if not house.capabilities[inbox].live or is_here(tx, inbox, row.address):
            return found
        last = last or found
    return last


def deliver_answer(tx: Tx, house: House, order: Row[Any]) -> bool:
    """The handler of the effect ``answer``: what a rule said to whoever wrote.

    False where nobody can be reached, where the conversation was found to be a forgery, spam or a matter of distress
    meanwhile, and for a second one in the same conversation while the office is closed.
    """
    conversation = locked_conversation(tx, order.conversation)
    uncertain = conversation.suspicious or conversation.protocol or conversation.status == "spam"
    if uncertain or _answered_since_closing(tx, house, conversation, order):
        return False
    return deliver_notice(tx, house, order)


def _answered_since_closing(tx: Reader, house: House, conversation: Row[Any], order: Row[Any]) -> bool:
    """Whether this conversation has had its one automatic answer of the closed period."""
    cal = calendar(house.directory, conversation.office, conversation.queue)
    closed = closed_since(cal, Micros(tx.now))
    if closed is None:
        return False
    keys = [answer_key(conversation.contact, day) for day in range(closed // DAY, tx.now // DAY + 1)]
    asked = {"keys": keys, "conversation": conversation.id, "since": closed, "order": order.id}
    return tx.row(_ANSWERED_BEFORE, asked) is not None


def deliver_notice(tx: Tx, house: House, order: Row[Any]) -> bool:
    """The handler of the effect ``notice``; False where nobody can be reached, or only machines ever wrote."""
    data = msgspec.json.decode(order.data, type=dict[str, Any])
    template = TEMPLATES[data["template"]]
    conversation = locked_conversation(tx, order.conversation)
    if _machines_only(tx, conversation):
        return False
    address = reachable(tx, house, conversation, msgspec.convert(data.get("where", {}), Where))
    if address is None:
        return False
    subject, body = render(
        template,
        conversation.language,
        lambda spoken: {**standard_params(house, conversation, tx.now, spoken), **data.get("params", {})},
    )
    recipient = Recipient(address=address.address, name=address.name)
    added = append(
        tx,
        conversation.id,
        kind="outbound",
        text=body,
        subject=subject,
        inbox=address.inbox,
        channel=house.channels[address.inbox],
        recipients=[recipient],
        reply_to=_last_inbound(tx, conversation.id),
        automatic=True,
        language=conversation.language,
        data={"notice": data["template"]},
    )
    due = _loud(tx, house, conversation, address)
    enqueue(tx, house, conversation, added.id, [recipient], inbox=address.inbox, due_at=due)
    return True


def _machines_only(tx: Reader, conversation: Row[Any]) -> bool:
    """Whether all that came in is automatic (bounces, lists, auto-replies): then nothing automatic goes back."""
    if conversation.inbound_at is not None:
        return False
    kinds = {row.automatic for row in tx.rows(_AUTOMATIC, {"conversation": conversation.id})}
    return bool(kinds) and "no" not in kinds


def render(template: Template, language: str, params: Callable[[str], Mapping[str, str]]) -> tuple[str, str]:
    """Subject and body in the conversation's language; without one for it, Polish and English together.

    ``params`` gives the placeholders of a language, because a weekday is a word too.
    """
    spoken = (language,) if is_translated(language, template.body) else ("pl", "en")
    bodies = [translate(code, template.body, **params(code)) for code in spoken]
    return translate(spoken[0], template.subject, **params(spoken[0])), "\n\n---\n\n".join(bodies)


def standard_params(house: House, conversation: Row[Any], now: int, language: str) -> dict[str, str]:
    """Placeholders that every template may use: number, office, expected (when we answer), hub."""
    directory = house.directory
    office = directory.offices.get(conversation.office)
    cal = calendar(directory, conversation.office, conversation.queue)
    due = conversation.due_at
    lines = {
        "number": conversation.reference,
        "office": office.name if office else directory.config.hub.name,
        "hub": directory.config.hub.name,
        "expected": _when(language, cal.zone, due) if due else "",
        "closed": "",
    }
    if not is_open(cal, Micros(now)) and (opening := next_opening(cal, Micros(now))) is not None:
        lines["closed"] = " " + _sentence(language, cal.zone, opening)
    return lines


def _sentence(language: str, zone: str, opening: int) -> str:
    return translate(language, TEMPLATES["closed"].body, opening=_when(language, zone, opening))


def _when(language: str, zone: str, at: int) -> str:
    wall = at_wall_clock(zone, Micros(at))
    day = translate(language, TEMPLATES[f"weekday-{wall.isoweekday()}"].body)
    return f"{day} {wall:%d.%m.%Y} {wall.hour}:{wall:%M}"


def _last_inbound(tx: Reader, conversation: int) -> int | None:
    found: int | None = tx.scalar(_LAST_INBOUND, {"conversation": conversation})
    return found


def _loud(tx: Tx, house: House, conversation: Row[Any], address: Address) -> int | None:
    """When a notice may go: one that rings waits for the morning, unless it answers what came the same way just now."""
    if address.kind not in QUIET_KINDS:
        return None
    desk = house.directory.config.desk
    window = int(desk.sms_answer_minutes * MINUTE)
    if (
        conversation.channel == house.channels.get(address.inbox)
        and conversation.inbound_at
        and tx.now - conversation.inbound_at <= window
    ):
        return None
    cal = calendar(house.directory, conversation.office)
    return next_loud(desk, cal, Micros(tx.now))
