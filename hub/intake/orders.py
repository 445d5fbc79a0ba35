"""Effects that a decision orders: whatever needs I/O or more than this transaction, carried out by the outbox.

An automatic answer is ordered at most once for a person and day, on whatever channel, which a unique key of its row
enforces, and never to a machine (RFC 3834); :func:`hub.notices.deliver_answer` adds what only the time of sending can
tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from hub.deciding.naming import asked_by, webhook_data, winner
from hub.desk.office_mail import KIND as OFFICE_MAIL
from hub.outbox.orders import DAY, answer_key
from hub.store.tx import Tx
from rules import Actions

from .deeds import Decided
from .state import ConversationState, Item, Rows

ACKNOWLEDGEMENT = "acknowledgement"
"""The template that tells a number: once for each conversation, also when it is reopened."""

_json = msgspec.json.Encoder().encode


def order_effects(
    tx: Tx,
    rows: Rows,
    item: Item,
    state: ConversationState,
    message_id: int,
    decisions: Sequence[Decided],
    actions: Actions,
    *,
    blocked: bool,
) -> None:
    """Put up for writing what ``decisions`` order, which came to ``actions``. ``blocked``: the sender is."""

    def order(kind: str, data: dict[str, Any], key: str | None = None) -> None:
        effect = (
            tx.new_id(),
            kind,
            key,
            state.id,
            message_id,
            "waiting",
            tx.now,
            0,
            _json(data).decode(),
            tx.now,
        )
        rows.effects.append(effect)

    message = item.message
    again = actions.answer == ACKNOWLEDGEMENT and state.messages > 1
    suspicious = message.suspicious or state.suspicious
    if (
        actions.answer is not None
        and not (again or item.spoken)
        and may_answer(message.automatic, suspicious, state, blocked=blocked)
    ):
        order("answer", {"template": actions.answer}, answer_key(state.contact, tx.now // DAY))
    if calls := _calls(item, state, decisions, actions):
        whom = {name for names in calls.values() for name in names}
        order("notify", {"whom": sorted(whom), "calls": calls})
    hooks = _asked(item, decisions, "webhook") if actions.webhook else {}
    for name in actions.webhook:
        order("webhook", webhook_data(name, hooks))
    if state.messages > 1 and message.automatic == "no" and _office_by_mail(item, state.office):
        order(OFFICE_MAIL, {"office": state.office})
    if any(attachment.remote for attachment in message.attachments):
        order("fetch", {})


def _calls(
    item: Item, state: ConversationState, decisions: Sequence[Decided], actions: Actions
) -> dict[str, Sequence[str]]:
    """Whom which rule calls; whoever a rule gave a new conversation to is called by it."""
    calls = _asked(item, decisions, "notify") if actions.notify else {}
    if state.messages == 1 and state.assignee is not None and actions.assign is not None:
        found = [winner(decided.decision, "assign") for decided in decisions]
        rule = next(rule for rule in found if rule)
        calls[rule] = (*calls.get(rule, ()), actions.assign)
    return calls


def _asked(item: Item, decisions: Sequence[Decided], field: str) -> dict[str, Sequence[str]]:
    asked: dict[str, Sequence[str]] = {}
    for decided in decisions:
        asked |= asked_by(item.call.house, decided.decision, field)
    return asked


def _office_by_mail(item: Item, office: str) -> bool:
    """Whether a county office has the matter that is written to by mail."""
    directory = item.call.house.directory
    found = directory.offices.get(office)
    return found is not None and bool(found.email) and office not in directory.front


def may_answer(
    automatic: str, suspicious: str | None, state: ConversationState | Row[Any], *, blocked: bool = False
) -> bool:
    """Whether a machine may write to the person: never to a machine, a forger, a blocked address or into spam, never
    where a protocol of distress is on. ``automatic`` and ``suspicious`` are of the message that is answered."""
    certain = automatic == "no" and not suspicious and not blocked
    return certain and state.status != "spam" and state.protocol is None
