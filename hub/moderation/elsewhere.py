"""What happens to comments on platforms that are not ours: changed, deleted, hidden or shown there, by anybody.

Whatever the platform tells is true already. An event that only repeats what we ordered confirms it; anything else
changes the post, and what undoes a moderator's decision brings the comment back to the bench.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select, update

from connectors.contract import Article, Deletion, Edit, Moderated, Receipt
from hub.deciding.existing import decide
from hub.house import House
from hub.moderation.erasing import take_away
from hub.moderation.masking import mask
from hub.moderation.placing import decode_reasons, look_reasons, way
from hub.moderation.platform import MAKES, OPEN, last_order, withdraw
from hub.moderation.rows import OFF_BENCH, article_of, change, onto_bench
from hub.outbox.queue import derive_state, sent_as
from hub.outbox.states import may_move
from hub.store import schema
from hub.store.tx import Tx
from rules import Actions

post, message, delivery, seen = schema.post, schema.message, schema.delivery, schema.seen

Happening = Edit | Deletion | Moderated
"""Kinds of Inbound that name a comment on a platform by its external id."""

WANTED: Mapping[str, str] = {
    "published": "published",
    "hidden": "hidden",
    "rejected": "hidden",
    "held": "held",
}
"""How a comment in each state is to stand on the platform."""


def post_of(tx: Tx, event: Happening) -> Row[Any] | None:
    """The post that an event on a platform is about, locked: somebody's comment, or an answer of ours."""
    key = [(str(event.inbox), event.target or "")]
    found = tx.lookup(seen, ("inbox", "external_id"), ("message",), key)
    sent = () if found else sent_as(tx, event.inbox, event.target)
    number = found[0][0] if found else sent[0].message if sent else None
    row = tx.locked(post, number) if number is not None else None
    return row if row is not None and row.standing is not None and row.inbox == event.inbox else None


def apply(tx: Tx, house: House, row: Row[Any], event: Happening) -> Receipt:
    """Carry out one event about a comment; ``post_state`` of the receipt says where it is now."""
    if row.state == "erased":
        return Receipt(conversation=row.conversation, message=row.id)
    if isinstance(event, Edit):
        state = _edited(tx, house, row, event)
    elif isinstance(event, Deletion):
        state = _deleted(tx, row)
    else:
        state = _moderated(tx, row, event)
    return Receipt(conversation=row.conversation, message=row.id, post_state=state)


# --- changed and deleted -----------------------------------------------------------------------------------------


def _edited(tx: Tx, house: House, row: Row[Any], event: Edit) -> str:
    """Everybody reads the new text already; the rules see it as they saw the first."""
    text = mask(event.text)
    if text == row.text:
        return str(row.state)
    values: dict[str, Any] = {"text": text, "version": row.version + 1, "edited_at": tx.now}
    tx.change(message, row.id, text=text, full_text=None, html=None, edited_at=tx.now)
    if row.author is not None:
        values |= _looked_at_again(tx, house, row, event.text)
    change(tx, row, **values)
    return str(row.state)


def _looked_at_again(tx: Tx, house: House, row: Row[Any], written: str) -> dict[str, Any]:
    actions = decide(tx, house, row.conversation, "edit", message=row.id, text=written) or Actions()
    place = article_of(tx, row)
    reasons = look_reasons(
        way=way(place.moderation, place.site),
        text=written,
        hold=actions.hold or ("spam" if actions.spam else None),
        distress=actions.distress is not None,
        blocked=False,
        standing=row.standing,
    )
    if not reasons:
        return {}
    kept = [reason for reason in reasons if reason != "unseen"]
    waits = onto_bench(tx, row, "edited", *kept)
    return {**waits, "urgent": row.urgent or actions.distress is not None}


def _deleted(tx: Tx, row: Row[Any]) -> str:
    """By its author, by a colleague there, or as we ordered: then what was decided and why is kept."""
    last = last_order(tx, row.id)
    if row.standing == "deleted" or (last is not None and last.operation == "delete"):
        if last is not None:
            _confirm(tx, last)
        tx.change(post, row.id, standing="deleted")
        _tell_screens(tx, row)
        return str(row.state)
    withdraw(tx, row.id)
    return take_away(tx, row)


def _tell_screens(tx: Tx, row: Row[Any]) -> None:
    place = {"office": row.office, "conversation": row.conversation, "message": row.id}
    tx.emit("post", version=row.revision, **place)


def _confirm(tx: Tx, order: Row[Any]) -> None:
    """The platform itself tells that an order was carried out, perhaps before its answer came."""
    if may_move(order.state, "delivered"):
        tx.change(delivery, order.id, state="delivered", reason=None, updated_at=tx.now)
        derive_state(tx, order.message)
        tx.emit("delivery", conversation=order.conversation, message=order.message)


# --- hidden and shown --------------------------------------------------------------------------------------------


def _moderated(tx: Tx, row: Row[Any], event: Moderated) -> str:
    last = last_order(tx, row.id)
    if last is not None and _before(event, last.created_at):
        return str(row.state)  # the late echo of something that an order of ours has replaced
    tx.change(post, row.id, standing=event.standing)
    ours = last is not None and _fits(MAKES[last.operation], event.standing)
    if last is not None and ours:
        _confirm(tx, last)
    pending = last is not None and last.state in OPEN and not ours
    if pending or _fits(WANTED.get(row.state, ""), event.standing):
        _tell_screens(tx, row)
        return str(row.state)
    return _overruled(tx, row, event)


def _fits(wanted: str, standing: str) -> bool:
    """Whether a comment stands as it was wanted: what the platform holds back is out of sight, too."""
    return wanted == standing or (wanted, standing) == ("hidden", "held")


def _before(event: Moderated, at: int) -> bool:
    """Whether it happened before a moment; platforms tell whole seconds."""
    return event.at is not None and event.at + 1_000_000 <= at


def _overruled(tx: Tx, row: Row[Any], event: Moderated) -> str:
    """It stands otherwise than it was decided here."""
    values: dict[str, Any] = {
        "state": event.standing,
        "decided_by": None,
        "reason": None,
        "reason_text": None,
    }
    if event.standing == "published":
        if row.decided_by is not None:
            values |= onto_bench(tx, row, "shown-there")
        values["published_at"] = row.published_at or tx.now
    elif set(decode_reasons(row.hold_reasons)) <= {"unseen", "approval", "shown-there"}:
        values |= OFF_BENCH  # a colleague there has looked at it
    change(tx, row, **values)
    return event.standing


# --- articles ----------------------------------------------------------------------------------------------------


def name_article(tx: Tx, event: Article) -> Receipt:
    """The title and address of an article, where they are missing yet; one without comments is not kept."""
    place = schema.article
    row = tx.row(select(place).where(place.c.inbox == event.inbox, place.c.key == event.article))
    if row is None:
        return Receipt()
    title = " ".join(mask(event.title).split())
    missing = {"title": title if not row.title else "", "url": event.url if not row.url else ""}
    values = {name: value for name, value in missing.items() if value}
    if not values:
        return Receipt()
    tx.change(place, row.id, **values)
    if "title" in values:
        _name_conversations(tx, row.id, title)
    return Receipt()


def _name_conversations(tx: Tx, article: int, title: str) -> None:
    """Conversations about comments are called by the article."""
    conversation = schema.conversation
    about = select(post.c.conversation).where(post.c.article == article)
    unnamed = (conversation.c.id.in_(about), conversation.c.subject == "")
    tx.execute(update(conversation).where(*unnamed).values(subject=title))
