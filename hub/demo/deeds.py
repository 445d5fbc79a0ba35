"""What people of the office do in a story: the same services that the console's buttons call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import select

from connectors.contract import Micros
from hub.callbacks import calls, service
from hub.demo.stories import Act, minutes
from hub.desk import actions, merging, notes, transfer
from hub.desk import reply as replying
from hub.house import House
from hub.moderation import answers, decide
from hub.moderation.platform import Deed as Verdict
from hub.scope import Scope
from hub.store import schema
from hub.store.tx import Tx

MINUTE = 60_000_000


class Place(msgspec.Struct, kw_only=True):
    """Where a story stands: its conversation and the message that began it (a comment's post, a call's id)."""

    conversation: int
    message: int
    reference: str = ""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One act of one person. ``key`` is an id of its own; ``other`` the conversation that ``merge`` names."""

    act: Act
    scope: Scope
    place: Place
    key: str
    other: int = 0


Do = Callable[[Tx, House, Deed], Any]


def _reply(tx: Tx, house: House, deed: Deed) -> None:
    act, place = deed.act, deed.place
    seen = tx.scalar(
        select(schema.conversation.c.messages).where(schema.conversation.c.id == place.conversation)
    )
    draft = replying.Draft(
        text=act.reply,
        client_id=deed.key,
        based_on=int(seen),
        after="resolve" if act.close else "waiting-citizen" if act.wait else "open",
        topic=act.close or None,
        undo_seconds=0,
    )
    replying.reply(tx, house, deed.scope, place.conversation, draft)


def _note(tx: Tx, house: House, deed: Deed) -> None:
    notes.add_note(tx, house, deed.scope, deed.place.conversation, deed.act.note)


def _hand_on(tx: Tx, house: House, deed: Deed) -> None:
    act, where = deed.act, [deed.place.conversation]
    queue, office = act.queue or None, act.office or None
    transfer.transfer(tx, house, deed.scope, where, queue=queue, office=office, note=act.words)


def _snooze(tx: Tx, house: House, deed: Deed) -> None:
    until = Micros(tx.now + minutes(deed.act.snooze) * MINUTE)
    actions.snooze(tx, house, deed.scope, [deed.place.conversation], until)


def _resolve(tx: Tx, house: House, deed: Deed) -> None:
    actions.resolve(tx, deed.scope, [deed.place.conversation], topic=deed.act.resolve)


def _merge(tx: Tx, house: House, deed: Deed) -> None:
    merged = merging.merge_conversations(
        tx, house, deed.scope, deed.place.conversation, deed.other, link=True
    )
    deed.place.conversation = merged.survivor


def _tag(tx: Tx, house: House, deed: Deed) -> None:
    actions.tag(tx, deed.scope, [deed.place.conversation], add=deed.act.tag)


def _take(tx: Tx, house: House, deed: Deed) -> None:
    actions.assign(tx, house, deed.scope, [deed.place.conversation], deed.scope.user)


def _spam(tx: Tx, house: House, deed: Deed) -> None:
    actions.spam(tx, deed.scope, [deed.place.conversation])


def _decide(tx: Tx, house: House, deed: Deed) -> None:
    act = deed.act
    what: Verdict = "publish" if act.publish else "reject" if act.reject else "hide"
    choice = [decide.Choice(post=deed.place.message)]
    done = decide.decide(tx, house, deed.scope, what, choice, reason=act.reject or act.hide, words=act.words)
    if done.failed:
        raise ValueError(f"comment {done.failed[0][0]}: {done.failed[0][1]}")


def _answer(tx: Tx, house: House, deed: Deed) -> None:
    answers.answer_in_public(tx, house, deed.scope, deed.place.message, deed.act.answer, client_id=deed.key)


def _private(tx: Tx, house: House, deed: Deed) -> None:
    deed.place.conversation = answers.open_private(tx, house, deed.scope, deed.place.message)


def _call(tx: Tx, house: House, deed: Deed) -> None:
    act, scope, number = deed.act, deed.scope, deed.place.message
    if act.call == "cancelled":
        service.cancel(tx, house, scope, number)
        return
    calls.take(tx, house, scope, number)
    if act.call == "no-answer":
        calls.no_answer(tx, house, scope, number)
    elif act.call == "wrong-number":
        calls.wrong_number(tx, house, scope, number)
    elif act.call == "answered":
        calls.answer(tx, house, scope, number)
        calls.hang_up(tx, house, scope, number)
        calls.finish(tx, house, scope, number, outcome="settled", topic=act.close, note=act.words)


DEEDS: Mapping[str, Do] = {
    "reply": _reply,
    "note": _note,
    "queue": _hand_on,
    "office": _hand_on,
    "snooze": _snooze,
    "resolve": _resolve,
    "merge": _merge,
    "tag": _tag,
    "take": _take,
    "spam": _spam,
    "publish": _decide,
    "reject": _decide,
    "hide": _decide,
    "answer": _answer,
    "private": _private,
    "call": _call,
}
"""By the field of an :class:`hub.demo.stories.Act` that names it."""


def do(tx: Tx, house: House, deed: Deed) -> None:
    """Carry out one deed. Raises Denied, NotFound, Conflict as services do; ValueError for an act without a deed."""
    name = next((name for name in DEEDS if getattr(deed.act, name)), None)
    if name is None:
        raise ValueError(f"an act without a deed: {deed.act}")
    DEEDS[name](tx, house, deed)
