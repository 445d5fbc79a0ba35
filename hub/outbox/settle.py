"""What came back: the outcome of an attempt, the next one, and what people are told when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, and_, bindparam, select, update

from connectors._failpoint import failpoint
from connectors.contract import Capabilities, Recipient, Refusal, Sent
from hub.changes import note
from hub.desk.actions import wake
from hub.desk.notify import tell
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.moderation.erasing import vanished
from hub.moderation.platform import OPERATIONS, carried_out, not_carried_out
from hub.store import bulk, schema
from hub.store.tx import Tx
from hub.surveys.record import about_survey
from hub.threads import pair_key

from .backoff import SECOND, gap
from .queue import derive_state, destination
from .states import State, may_move

Outcome = Literal["temporary", "permanent", "throttled", "ambiguous"]

delivery, attempt, conversation, message = (
    schema.delivery,
    schema.attempt,
    schema.conversation,
    schema.message,
)

TOO_OLD = N_("It could not be delivered for days, so we stopped trying.")
POSSIBLY = N_("The connection broke while it was being sent. It may have arrived.")

_ENDED = (
    update(attempt)
    .where(attempt.c.id == bindparam("the_attempt"), attempt.c.finished_at.is_(None))
    .values({name: bindparam(name) for name in ("finished_at", "outcome", "public_text", "private_reason")})
)

_recipients = msgspec.json.Decoder(tuple[Recipient, ...]).decode
_json = msgspec.json.Encoder().encode


def settle_sent(tx: Tx, house: House, delivery_id: int, attempt_id: int, sent: Sent) -> None:
    """The channel took it. Recipients that it refused become deliveries of their own: failed ones, or such as are tried
    again where the refusal is no last word.

    That is a fact, also where it comes so late that another process has given the attempt up meanwhile.
    """
    _finish(tx, attempt_id, sent.state)
    failpoint("outbox.settle.between")
    row = tx.locked(delivery, delivery_id)
    if row is None or not may_move(row.state, sent.state):
        return
    tx.change(
        delivery, delivery_id, state=sent.state, remote_id=sent.remote_id, reason=None, updated_at=tx.now
    )
    keys = [(key, row.conversation, tx.now) for key in dict.fromkeys(sent.adds_keys)]
    bulk.insert_new(tx.connection, schema.thread_key, ("key", "conversation", "at"), keys)
    bulk.put(
        tx.connection, schema.thread_key, ("key",), ("key", "conversation", "at"), _pairs(house, row, tx.now)
    )
    for refusal in sent.refused:
        _split_refused(tx, row, refusal, None if refusal.permanent else _next_try(tx, house, row))
    announce(tx, row)
    carried_out(tx, row, sent.remote_id)
    if lasting := [refusal for refusal in sent.refused if refusal.permanent]:
        _people_must_know(tx, row, lasting[0].reason)


def _pairs(house: House, row: Row[Any], now: int) -> list[tuple[str, int, int]]:
    """Whoever was written to where there are no threads answers in this conversation, also where it began elsewhere."""
    can = house.capabilities.get(row.inbox, Capabilities())
    if row.operation != "send" or can.copies:
        return []
    found = {
        pair_key(row.inbox, kind, one.address) for one in _recipients(row.recipients) for kind in can.reaches
    }
    return [(key, row.conversation, now) for key in sorted(found)]


def settle(
    tx: Tx,
    house: House,
    delivery_id: int,
    attempt_id: int,
    outcome: Outcome,
    *,
    public: str = "",
    private: str = "",
    retry_after: float | None = None,
    gone: bool = False,
) -> State:
    """The channel did not (certainly) take it; returns the delivery's new state.

    Nothing happens for an attempt that another process has given up meanwhile: the next one may be on its way.
    """
    row = tx.locked(delivery, delivery_id)
    if not _finish(tx, attempt_id, outcome, public, private) or row is None or row.state != "sending":
        return row.state if row is not None else "cancelled"
    if gone and (state := vanished(tx, row)) is not None:
        tx.change(delivery, row.id, state=state, reason=public, updated_at=tx.now)
        announce(tx, row)
        return state
    if outcome != "permanent" and row.remote_id is not None and not _taken_before(tx, row):
        # The platform told us of it by another way meanwhile (:mod:`hub.outbox.echoes`).
        return arrived(tx, row)
    again = outcome in ("temporary", "throttled") or (outcome == "ambiguous" and _retries(house, row))
    if again:
        due = tx.now + int(retry_after * SECOND) if retry_after else _next_try(tx, house, row)
        if due < row.give_up_at:
            tx.change(delivery, row.id, state="queued", due_at=due, reason=public or None, updated_at=tx.now)
            announce(tx, row)
            return "queued"
        public = TOO_OLD
    if outcome == "ambiguous" and not again:
        return give_to_people(tx, row, "possibly-sent", POSSIBLY)
    return give_to_people(tx, row, "failed", public)


def _next_try(tx: Tx, house: House, row: Row[Any]) -> int:
    """When a delivery is tried again after as many attempts as it has had."""
    return tx.now + gap(house.directory.config.outbox, row.attempts, house.random)


def _retries(house: House, row: Row[Any]) -> bool:
    """The inbox's policy for what may have been sent: try again (the peer tells doubles apart), or ask a person.

    Hiding, publishing and deleting twice is the same as once.
    """
    if row.operation in OPERATIONS:
        return True
    configured = house.directory.inboxes.get(row.inbox)
    policy = configured.on_ambiguous if configured else None
    if policy is None and row.inbox in house.capabilities:
        policy = house.capabilities[row.inbox].on_ambiguous
    return policy == "retry"


def arrived(tx: Tx, row: Row[Any], remote_id: str | None = None) -> State:
    """The platform itself told of something whose sending nobody knew the end of. ``remote_id``: as it calls it."""
    tx.change(delivery, row.id, state="accepted", reason=None, updated_at=tx.now)
    announce(tx, row)
    carried_out(tx, row, remote_id)
    return "accepted"


def _taken_before(tx: Tx, row: Row[Any]) -> bool:
    """Whether its remote id is that of an earlier sending, which failed afterwards and was tried again by hand."""
    taken = and_(attempt.c.delivery == row.id, attempt.c.outcome.in_(("accepted", "delivered")))
    return tx.scalar(select(attempt.c.id).where(taken).limit(1)) is not None


def _finish(tx: Tx, attempt_id: int, outcome: str, public: str = "", private: str = "") -> bool:
    """Record how an attempt ended; False where that was recorded already. What was given up stays ambiguous, or a
    second sending that came of it would bear no mark."""
    values = {
        "the_attempt": attempt_id,
        "finished_at": tx.now,
        "outcome": outcome,
        "public_text": public or None,
        "private_reason": private[:1000] or None,
    }
    return bool(tx.execute(_ENDED, values).rowcount)


def give_to_people(tx: Tx, row: Row[Any], state: State, reason: str) -> State:
    """Nothing more is tried by itself: the delivery gets this last state, and people are told why."""
    tx.change(delivery, row.id, state=state, reason=reason, updated_at=tx.now)
    announce(tx, row)
    if not not_carried_out(tx, row):
        _people_must_know(tx, row, reason)
    return state


def _split_refused(tx: Tx, row: Row[Any], refusal: Refusal, again_at: int | None = None) -> None:
    """A delivery to one of several recipients, which failed, or is tried again at a time of its own (greylisting)."""
    values = dict(row._mapping)
    kept = [r for r in _recipients(row.recipients) if r.address.lower() == refusal.address.lower()]
    values.update(
        id=tx.new_id(),
        recipients=_json(kept or [Recipient(address=refusal.address)]).decode(),
        lane=f"{row.lane}/{refusal.address}",
        destination=destination(row.inbox, refusal.address),
        state="failed" if again_at is None else "queued",
        due_at=row.due_at if again_at is None else again_at,
        reason=refusal.reason,
        remote_id=None,
        updated_at=tx.now,
    )
    tx.add(delivery, values)


def announce(tx: Tx, row: Row[Any]) -> None:
    """Bring the message's state in line and tell the screens."""
    derive_state(tx, row.message)
    tx.emit("delivery", conversation=row.conversation, message=row.message)


def fail_reported(tx: Tx, row: Row[Any], reason: str, addresses: Sequence[str] = ()) -> None:
    """A report or a bounce says that an accepted delivery did not arrive; with ``addresses`` only at those.

    Recipients that are not named keep what they have: the failed ones become a delivery of their own.
    """
    named = {address.lower() for address in addresses}
    others = [r for r in _recipients(row.recipients) if r.address.lower() not in named]
    if named and others and len(others) < len(_recipients(row.recipients)):
        for address in sorted(named):
            _split_refused(tx, row, Refusal(address=address, reason=reason))
        tx.change(delivery, row.id, recipients=_json(others).decode(), updated_at=tx.now)
    else:
        tx.change(delivery, row.id, state="failed", reason=reason, updated_at=tx.now)
    announce(tx, row)
    _people_must_know(tx, row, reason)


def _people_must_know(tx: Tx, row: Row[Any], reason: str) -> None:
    """A reply that failed, or may have, reopens the conversation and says why; its author is told. Whether somebody was
    asked what they think is nobody's worry."""
    before = tx.locked(conversation, row.conversation)
    if before is None or about_survey(tx, row.message):
        return
    reopens = before.status in ("resolved", "snoozed", "waiting-citizen")
    if wake(tx, before.id, "failed-delivery"):
        before = tx.locked(conversation, row.conversation) or before
    values: dict[str, Any] = {"failed": True, "version": before.version + 1, "activity_at": tx.now}
    if reopens:
        values.update(status="open", resolved_at=None, waiting_since=tx.now)
    tx.change(conversation, before.id, **values)
    note(tx, before, values)
    system_line(tx, before.id, "delivery-failed", message=row.message, reason=reason)
    author = tx.scalar(
        message.select().with_only_columns(message.c.author).where(message.c.id == row.message)
    )
    whom = author or before.assignee
    if whom is not None:
        tell(tx, whom, "failed", before.id, row.message)
    tx.emit("conversation", office=before.office, queue=before.queue, conversation=before.id)
