"""Merging conversations and taking them apart, at any time.

The conversation with the earlier number survives and takes in the messages of the other; what moved and how it was is
kept, so that taking apart restores every message to its place, those written meanwhile staying where they were written.
Numbers and tokens of both lead to the survivor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Table, and_, literal_column, or_, select, update

from hub.chats.record import IDLE, LEFT
from hub.deciding.waiting import TIMER as RULES
from hub.desk.actions import keep_timer
from hub.desk.contacts import link_contacts
from hub.desk.moving import line_up, move, reference_of
from hub.desk.row import ACTIVE, change, opened, seen
from hub.desk.transfer import OFFICE_DUE, OWNER_CHECK
from hub.desk.undoing import remember
from hub.house import House
from hub.i18n import mark as N_
from hub.intake.references import read_reference
from hub.messages import system_line
from hub.scope import Conflict, NotFound, Scope, require, visible
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.timers import cancel_timer

message, conversation, merge = schema.message, schema.conversation, schema.conversation_merge

DUE = (OFFICE_DUE, OWNER_CHECK, IDLE, LEFT)
"""Kinds of timers about a conversation that go on about the survivor, as do those that rules started by name. Waking
and the clock of an answer follow from what the survivor looks like."""

LIVELY = ("open", "waiting-office", "snoozed", "waiting-citizen", "resolved", "spam")
"""Statuses by how soon somebody has to do something: of two the earlier one holds."""

SAME = N_("Choose two different conversations.")
STRANGERS = N_(
    "These conversations are with two different people. Link the people first, if they are one person."
)
NO_SUCH = N_("There is no conversation with that number, or none that you may see.")
UNDONE = N_("That merge was undone already.")


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The survivor, the id of the merge (for :func:`unmerge`) and of its undo row."""

    survivor: int
    absorbed: int
    merge: int
    undo: int | None


def merge_conversations(
    tx: Tx, house: House, scope: Scope, one: int, other: int, *, link: bool = False
) -> Merged:
    """Merge two conversations; the earlier number survives whichever way they are named.

    ``link``: the actor says that two different contacts are one person; they are linked first.
    Raises Denied, NotFound unless both can be seen, Conflict. The citizen receives nothing.
    """
    if one == other:
        raise Conflict(SAME)
    rows = sorted(
        (opened(tx, scope, found) for found in sorted((one, other))), key=lambda r: (r.created_at, r.id)
    )
    survivor, absorbed = rows
    if survivor.contact != absorbed.contact:
        if not link:
            raise Conflict(STRANGERS)
        link_contacts(tx, scope, survivor.contact, absorbed.contact)
    moved = _numbers(tx, absorbed.id)
    for number, (message_id, _) in enumerate(moved, survivor.messages + 1):
        move(tx, message_id, absorbed.id, survivor.id, number)
    line_up(tx, [message_id for message_id, _ in moved], absorbed.id, survivor.id)
    after = _together(survivor, absorbed)
    ordered = and_(literal_column(f"({schema.PENDING})"), schema.effect.c.state == "waiting")
    kept = {
        "messages": moved,
        "keys": _take_over(tx, schema.thread_key, "key", absorbed.id, survivor.id),
        "callbacks": _take_over(tx, schema.callback, "id", absorbed.id, survivor.id),
        "chats": _take_over(tx, schema.chat, "id", absorbed.id, survivor.id),
        "effects": _take_over(tx, schema.effect, "id", absorbed.id, survivor.id, ordered),
        "timers": _bring_timers(tx, absorbed.id, survivor.id),
        "offices": _share_offices(tx, absorbed, survivor),
        "before": {name: getattr(survivor, name) for name in after},
        "after": after,
    }
    _bring_drafts(tx, absorbed.id, survivor.id)
    change(tx, scope, survivor.id, messages=survivor.messages + len(moved), **after)
    change(tx, scope, absorbed.id, merged_into=survivor.id)
    _keep_asleep(tx, survivor, after)
    cancel_timer(tx, "snooze", absorbed.id)
    merged = {"survivor": survivor.id, "absorbed": absorbed.id, "actor": scope.user, "at": tx.now}
    merge_id = tx.add(merge, {**merged, "moved": msgspec.json.encode(kept).decode()})
    system_line(tx, survivor.id, "merged", scope.user, reference=absorbed.reference, merge=merge_id)
    undo = remember(tx, scope, "merge", {"merge": merge_id})
    return Merged(survivor=survivor.id, absorbed=absorbed.id, merge=merge_id, undo=undo)


def _take_over(
    tx: Tx, table: Table, key: str, absorbed: int, survivor: int, *only: ColumnElement[bool]
) -> list[Any]:
    """Point a table's rows at the survivor; returns their keys."""
    theirs = and_(_of(table, absorbed), *only)
    keys = [row[0] for row in tx.rows(select(table.c[key]).where(theirs).with_for_update())]
    tx.execute(update(table).where(theirs).values(conversation=survivor))
    return keys


def _bring_timers(tx: Tx, absorbed: int, survivor: int) -> list[int]:
    """What is due for the absorbed one is due for the survivor, unless the same waits for that too; returns the ids."""
    timer, other = schema.timer, schema.timer.alias("other")
    own = select(other.c.kind).where(other.c.subject == survivor, other.c.state == "waiting")
    brought = and_(
        timer.c.subject == absorbed,
        timer.c.state == "waiting",
        or_(timer.c.kind.in_(DUE), timer.c.kind.startswith(f"{RULES}:", autoescape=True)),
        timer.c.kind.not_in(own),
    )
    ids = [row.id for row in tx.rows(select(timer.c.id).where(brought).with_for_update())]
    tx.execute(update(timer).where(timer.c.id.in_(ids)).values(subject=survivor))
    return ids


def _keep_asleep(tx: Tx, before: Row[Any], after: Mapping[str, Any]) -> None:
    """Bring the waking of a conversation in line with what it looks like ``after``."""
    if after.get("snoozed_until", before.snoozed_until) != before.snoozed_until:
        keep_timer(tx, before.id, dict(after))


def _share_offices(tx: Tx, absorbed: Row[Any], survivor: Row[Any]) -> list[str]:
    """Offices that worked on the absorbed one see the survivor too; returns those that did not before."""
    asked = schema.conversation_office
    known = {row.office for row in tx.rows(select(asked.c.office).where(_of(asked, survivor.id)))}
    theirs = {row.office for row in tx.rows(select(asked.c.office).where(_of(asked, absorbed.id)))}
    new = sorted((theirs | {absorbed.office}) - known - {survivor.office})
    for office in new:
        tx.execute(asked.insert().values(conversation=survivor.id, office=office, at=tx.now))
    return new


def _bring_drafts(tx: Tx, absorbed: int, survivor: int) -> None:
    """Drafts go along; where somebody wrote on both, the texts are joined, so that no word is lost."""
    draft = schema.draft
    for row in tx.rows(select(draft).where(_of(draft, absorbed))):
        same = and_(_of(draft, survivor), draft.c.user == row.user, draft.c.kind == row.kind)
        other = tx.row(select(draft).where(same))
        if other is None:
            tx.change(draft, row.id, conversation=survivor)
            continue
        tx.change(draft, other.id, text=f"{other.text}\n\n{row.text}", revision=other.revision + 1)
        tx.execute(
            update(schema.attachment).where(schema.attachment.c.draft == row.id).values(draft=other.id)
        )
        tx.execute(draft.delete().where(draft.c.id == row.id))


def meant(tx: Reader, scope: Scope, typed: str) -> int:
    """The conversation that a typed number, or an id from a link, names. Raises Denied, Conflict when there is none."""
    require(scope, "answer")
    columns, word = conversation.c, typed.strip()
    reference = read_reference(word) or word
    same = columns.reference == reference
    if word.isascii() and word.isdigit() and len(word) <= 16:
        same = columns.id == int(word)
    found = tx.scalar(select(columns.id).where(and_(same, visible(scope))))
    if found is None:
        raise Conflict(NO_SUCH)
    return int(found)


def _of(table: Any, conversation_id: int) -> Any:
    return table.c.conversation == conversation_id


def _numbers(tx: Tx, conversation_id: int) -> list[tuple[int, int]]:
    """Ids and numbers of a conversation's messages, in order."""
    statement = select(message.c.id, message.c.number).where(_of(message, conversation_id))
    return [(row.id, row.number) for row in tx.rows(statement.order_by(message.c.number))]


def _together(survivor: Row[Any], absorbed: Row[Any]) -> dict[str, Any]:
    """What the survivor looks like: as awake as either is, waiting since the earlier, replying where the last came in,
    with the protocol and the doubts of both."""
    later = max(survivor, absorbed, key=lambda row: row.inbound_at or 0)
    tags = sorted({*msgspec.json.decode(survivor.tags), *msgspec.json.decode(absorbed.tags)})
    values = {
        **{name: getattr(later, name) for name in ("inbox", "identity", "channel", "preview", "inbound_at")},
        "priority": max(survivor.priority, absorbed.priority),
        "activity_at": max(survivor.activity_at, absorbed.activity_at),
        "waiting_since": _earlier(survivor.waiting_since, absorbed.waiting_since),
        "due_at": _earlier(survivor.due_at, absorbed.due_at),
        "tags": msgspec.json.encode(tags).decode(),
        "failed": bool(survivor.failed or absorbed.failed),
        "listed": bool(survivor.listed or absorbed.listed),
        "owner": survivor.owner or absorbed.owner,
        "protocol": survivor.protocol or absorbed.protocol,
        "suspicious": survivor.suspicious or absorbed.suspicious,
        "possible_duplicate": None
        if survivor.possible_duplicate == absorbed.id
        else survivor.possible_duplicate,
    }
    return values | _awake(survivor, absorbed)


def _awake(survivor: Row[Any], absorbed: Row[Any]) -> dict[str, Any]:
    """The status of both together. A matter that was over goes on where the other one stands, in the hands that have
    it; what waits for an office asked by the other alone is open here."""
    status = absorbed.status
    if LIVELY.index(status) >= LIVELY.index(survivor.status) or status not in ACTIVE:
        return {}
    place: dict[str, Any] = {}
    if survivor.status not in ACTIVE:
        place = {name: getattr(absorbed, name) for name in ("office", "queue", "tier", "assignee")}
        place["resolved_at"] = None
    elif status == "waiting-office" and survivor.office != absorbed.office:
        status = "open"
    return {
        **place,
        "status": status,
        "snoozed_until": absorbed.snoozed_until if status == "snoozed" else None,
    }


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)


def unmerge(tx: Tx, house: House, scope: Scope, merge_id: int) -> int:
    """Take a merge apart; returns the conversation that lives again.

    Raises NotFound unless the survivor can be seen, Conflict when it was undone already, or the survivor was itself
    merged on: then that merge is undone first.
    """
    row = tx.locked(merge, merge_id)
    if row is None:
        raise NotFound("merge")
    absorbed = tx.locked(conversation, row.absorbed)  # first, as whoever follows it to its survivor does
    survivor = opened(tx, scope, row.survivor)
    if row.undone_at is not None:
        raise Conflict(UNDONE)
    tx.change(merge, merge_id, undone_at=tx.now)
    kept = msgspec.json.decode(row.moved)
    for message_id, number in kept["messages"]:
        here = tx.scalar(select(message.c.conversation).where(message.c.id == message_id))
        if here == row.survivor:
            move(tx, message_id, row.survivor, row.absorbed, number)
    line_up(tx, [message_id for message_id, _ in kept["messages"]], row.survivor, row.absorbed)
    for key in kept["keys"]:
        tx.execute(
            update(schema.thread_key).where(schema.thread_key.c.key == key).values(conversation=row.absorbed)
        )
    _give_back(tx, row, kept)
    change(tx, scope, row.absorbed, merged_into=None)
    if absorbed is not None and absorbed.status == "snoozed":
        keep_timer(tx, row.absorbed, {"snoozed_until": absorbed.snoozed_until})
    # Only what nobody changed since: a message that came meanwhile keeps its clock.
    still = [name for name, value in kept["after"].items() if getattr(survivor, name) == value]
    before = {name: kept["before"][name] for name in still}
    change(tx, scope, row.survivor, **before)
    _keep_asleep(tx, survivor, before)
    system_line(tx, row.survivor, "unmerged", scope.user, reference=reference_of(tx, row.absorbed))
    system_line(tx, row.absorbed, "unmerged", scope.user, reference=survivor.reference)
    return int(row.absorbed)


def _give_back(tx: Tx, row: Row[Any], kept: Mapping[str, Any]) -> None:
    """What went over to the survivor beside messages and keys, as far as it is still there and was not asked anew."""
    for table, name in ((schema.callback, "callbacks"), (schema.chat, "chats"), (schema.effect, "effects")):
        theirs = and_(table.c.id.in_(kept.get(name, ())), _of(table, row.survivor))
        tx.execute(update(table).where(theirs).values(conversation=row.absorbed))
    timer, asked = schema.timer, schema.conversation_office
    waiting = and_(timer.c.id.in_(kept.get("timers", ())), timer.c.subject == row.survivor)
    tx.execute(update(timer).where(waiting, timer.c.state == "waiting").values(subject=row.absorbed))
    shared = and_(_of(asked, row.survivor), asked.c.office.in_(kept["offices"]), asked.c.at == row.at)
    tx.execute(asked.delete().where(shared))


def undo_merge(tx: Tx, house: House, scope: Scope, data: Any) -> None:
    """Undo of kind ``merge``."""
    unmerge(tx, house, scope, data["merge"])


def move_back(tx: Tx, house: House, scope: Scope, new: int) -> None:
    """Put a moved message back at any time: the conversation it started is merged into the one it came from."""
    require(scope, "answer")
    link = schema.conversation_link
    origin = tx.scalar(select(link.c.conversation).where(link.c.other == new, link.c.kind == "moved"))
    if origin is None:
        raise NotFound("conversation")
    seen(tx, scope, new)
    merge_conversations(tx, house, scope, int(origin), new)
