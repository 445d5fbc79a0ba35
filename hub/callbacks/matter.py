"""The conversation beside a callback: asleep until the call, awake and assigned while somebody calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from connectors.contract import Micros
from hub.callbacks.record import conversation_of
from hub.desk.row import change
from hub.scope import SYSTEM
from hub.store.tx import Tx

CHANNELS = ("callback", "phone")
"""Conversations on these are a wish to be called and no more: a form filled in, a call that nobody answered."""


def sleep(tx: Tx, row: Row[Any], until: Micros, *, leaving: int | None = None) -> None:
    """Keep a matter that is only a wish to be called off the agents' lists until its time; its answer is due then.

    A matter with other messages to answer, or that an agent took for themselves, stays where it is. ``leaving`` is the
    agent whose call just ended: what it assigned to them goes back to the queue.
    """
    matter = conversation_of(tx, row.conversation)
    if matter.channel not in CHANNELS or matter.status not in ("open", "snoozed", "waiting-citizen"):
        return
    if matter.assignee is not None and matter.assignee != leaving:
        return
    values = {"status": "snoozed", "snoozed_until": until, "due_at": until, "woken": None, "assignee": None}
    change(tx, SYSTEM, matter.id, **values)


def wake(tx: Tx, row: Row[Any]) -> None:
    """Put a sleeping matter back on the list: its time has come."""
    matter = conversation_of(tx, row.conversation)
    if matter.status == "snoozed" and matter.channel in CHANNELS:
        change(tx, SYSTEM, matter.id, status="open", snoozed_until=None, woken="time", activity_at=tx.now)


def give(tx: Tx, row: Row[Any], agent: int | None) -> None:
    """Assign a matter that nobody has to the agent who calls; whoever has it keeps it."""
    matter = conversation_of(tx, row.conversation)
    if matter.assignee is None and agent is not None:
        change(tx, SYSTEM, matter.id, assignee=agent)


def take_back(tx: Tx, row: Row[Any], agent: int | None) -> None:
    """Put a matter back into the queue after the agent gave the call away."""
    matter = conversation_of(tx, row.conversation)
    if matter.assignee is not None and matter.assignee == agent and matter.channel in CHANNELS:
        change(tx, SYSTEM, matter.id, assignee=None)


def await_citizen(tx: Tx, row: Row[Any], *, leaving: int | None = None) -> None:
    """The next step is the citizen's: the clock stops, the matter leaves the line."""
    matter = conversation_of(tx, row.conversation)
    if matter.channel not in CHANNELS or matter.status in ("resolved", "spam"):
        return
    assignee = None if matter.assignee == leaving else matter.assignee
    values = {"status": "waiting-citizen", "snoozed_until": None, "woken": None, "assignee": assignee}
    change(tx, SYSTEM, matter.id, **values, waiting_since=None, due_at=None)
