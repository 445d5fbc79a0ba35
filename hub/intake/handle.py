"""The batch handler of intake: raw bytes, cursors, runs of messages, and the other kinds of events in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from connectors.contract import Bounce, Message, Overtaken, Receipt
from connectors.contract import Call as TelephoneCall
from hub.callbacks.service import request
from hub.chats.keeping import wrote
from hub.cluster.leases import still
from hub.deciding.calls import ask_for_call
from hub.messages import locked_conversation
from hub.moderation.adopting import adopt
from hub.store import bulk, schema
from hub.store.tx import Tx
from hub.surveys.answering import may_answer, take_answer

from . import offices
from .batch import Wish, run
from .bounces import as_message, original_of
from .calls import take_call
from .comments import new_elsewhere
from .events import apply_event, release_parked
from .ours import take_ours
from .own_comments import take_own_comment
from .state import Call, Item
from .write import RAW

CURSOR = ("inbox", "key", "value", "updated_at")


def handle(tx: Tx, calls: Sequence[Call]) -> list[list[Receipt]]:
    """All calls of one transaction; raising undoes them all, and the store then tries them one by one.

    Messages are taken together as far as they follow one another; an event of another kind ends a run, because it
    may be about a message of it. What was read under a lease that is lost is refused (Fenced).
    """
    still(tx, {call.lease for call in calls if call.lease is not None})
    _check_cursors(tx, calls)
    receipts: list[list[Receipt | None]] = [[None] * len(call.items) for call in calls]
    raws = _write_raws(tx, calls)
    waiting: list[tuple[int, int, Item]] = []

    def flush() -> None:
        if waiting:
            items = [item for _, _, item in waiting]
            for (n, m, _), receipt in zip(waiting, _take(tx, items, *run(tx, items)), strict=True):
                receipts[n][m] = receipt
            waiting.clear()

    for n, call in enumerate(calls):
        for m, (item, language) in enumerate(zip(call.items, call.languages, strict=True)):
            if isinstance(item, Message) and item.ours:
                flush()
                alone = Item(call, item, language, raws[n])
                receipts[n][m] = (take_ours if item.comment is None else take_own_comment)(tx, alone)
                release_parked(tx, [alone])
            elif isinstance(item, Message) and offices.concerns(call.house.directory, item):
                flush()
                alone = Item(call, item, language, raws[n])
                [receipts[n][m]] = _take(tx, [alone], *offices.take(tx, alone))
            elif isinstance(item, Message):
                if may_answer(item):
                    flush()
                    receipts[n][m] = take_answer(tx, call.house, item)
                if receipts[n][m] is None:
                    waiting.append((n, m, Item(call, item, language, raws[n], looked=call.looked[m])))
            elif isinstance(item, Bounce) and original_of(tx, item) is None:
                waiting.append((n, m, Item(call, as_message(item), language, raws[n])))
            elif isinstance(item, TelephoneCall):
                flush()
                receipts[n][m] = take_call(tx, call, item, raws[n])
            else:
                flush()
                receipts[n][m] = apply_event(tx, call.house, item, raws[n])
    flush()
    _write_cursors(tx, calls)
    return [[receipt for receipt in per_call if receipt is not None] for per_call in receipts]


def _take(tx: Tx, items: Sequence[Item], receipts: list[Receipt], wishes: Sequence[Wish]) -> list[Receipt]:
    """What follows once messages are written: calls that they wish for, chats, events that waited for them."""
    _take_up(tx, wishes)
    for item, receipt in zip(items, receipts, strict=True):
        if item.message.chat is not None:
            wrote(tx, item.message, receipt)
    adopt(tx, new_elsewhere(items, receipts))
    release_parked(tx, items)
    return receipts


def _write_raws(tx: Tx, calls: Sequence[Call]) -> list[int]:
    ids: list[int] = []
    rows: list[tuple[Any, ...]] = []
    owned: list[tuple[int, int]] = []
    for call in calls:
        raw = call.raw
        ids.append(tx.new_id())
        if call.items:
            rows.append((ids[-1], call.inbox, tx.now, raw.content_type, raw.content, raw.blob, "ok"))
            if raw.blob is not None:
                owned.append((ids[-1], raw.blob))
    tx.insert(schema.raw, RAW, rows)
    bulk.update(tx.connection, schema.blob, ("owner",), owned)
    return ids


def _check_cursors(tx: Tx, calls: Sequence[Call]) -> None:
    """Cursors that several processes move must stand where each call thinks. Raises Overtaken."""
    guarded = [(call.inbox, call.state) for call in calls if call.state and call.state.replaces is not UNSET]
    if not guarded:
        return
    keys = sorted({(inbox, state.key) for inbox, state in guarded})
    # A row to lock where there is none yet: empty, which stands for none.
    bulk.insert_new(tx.connection, schema.cursor, CURSOR, [(*key, "", tx.now) for key in keys])
    rows = bulk.lookup(tx.connection, schema.cursor, ("inbox", "key"), CURSOR[:3], keys, lock=True)
    values = {(inbox, key): value or None for inbox, key, value in rows}
    for inbox, state in guarded:
        if values[inbox, state.key] != state.replaces:
            raise Overtaken(state.key)
        values[inbox, state.key] = state.value


def _write_cursors(tx: Tx, calls: Sequence[Call]) -> None:
    """The last place of each cursor; later calls of the same connector carry later places."""
    places = {
        (call.inbox, call.state.key): (call.inbox, call.state.key, call.state.value, tx.now)
        for call in calls
        if call.state is not None
    }
    bulk.put(tx.connection, schema.cursor, ("inbox", "key"), CURSOR, list(places.values()))


def _take_up(tx: Tx, wishes: Sequence[Wish]) -> None:
    for wish in wishes:
        message, house = wish.item.message, wish.item.call.house
        if wish.order is not None:
            row = locked_conversation(tx, wish.conversation)
            ask_for_call(tx, house, row, message.text, wish.order, wish.rule)
        elif message.callback is not None:
            request(tx, house, wish.conversation, wish.message, message.callback, inbox=message.inbox)
