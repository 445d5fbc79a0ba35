"""The end of a transaction, where what it left behind is settled together (``Store.on_end``).

Four things are left: what the rules did (counted in one statement), conversations that somebody begins or ceases to
wait in (their deadlines follow), resolved ones whose person may be asked what they think, and changed states or tags
that rules may run on. The last become effects, so that whoever changed something does not wait for the rules, and a
bulk action is decided piece by piece. What a rule changed itself never makes the rules run again: there is no loop to
bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy.exc import DBAPIError

from connectors.contract import Log
from hub.changes import Changed
from hub.deciding.waiting import rearm
from hub.house import House
from hub.outbox.orders import EFFECT
from hub.ruleset.hits import Tally, write_hits
from hub.store import bulk, schema
from hub.store.tx import Tx
from hub.surveys.asking import arrange

EFFECT_KIND = "decide"

_json = msgspec.json.Encoder().encode
_tags = msgspec.json.Decoder(tuple[str, ...]).decode


class StatusChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What rules with ``on: status`` are asked about: the status before and after, tags that came and went."""

    before: str
    status: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def settle(tx: Tx, house: House, log: Log) -> None:
    """Settle everything that was left for the end of ``tx``. A mistake in here costs a log line, never the transaction;
    only what the database itself says is passed on, because then the transaction is lost or runs again."""
    changes = [matter for matter in tx.endings if isinstance(matter, Changed)]
    tallies = [matter for matter in tx.endings if isinstance(matter, Tally)]
    if changes and house.watch.waits:
        others = {change.conversation for change in changes if _waits_otherwise(change)}
        _apart(tx, log, lambda inner: rearm(inner, house, others))
    if changes and "status" in house.watch.events:
        _apart(tx, log, lambda inner: _order(inner, _net(changes)))
    if changes:
        _apart(tx, log, lambda inner: arrange(inner, house, changes))
    if tallies:
        _apart(tx, log, lambda inner: write_hits(inner, tallies))


def _apart(tx: Tx, log: Log, act: Callable[[Tx], None]) -> None:
    try:
        with tx.savepoint() as inner:
            act(inner)
    except DBAPIError:
        raise
    except Exception as error:
        log.error("the end of a transaction failed", error=repr(error))


def _waits_otherwise(change: Changed) -> bool:
    """Whether a deadline may have moved: a queue may have hours of its own, and what is merged waits elsewhere."""
    return change.new or any(
        change.before[name] != value for name, value in change.after.items() if name != "tags"
    )


def _net(changes: Iterable[Changed]) -> dict[int, StatusChange]:
    """By conversation, what anybody but a rule changed in all, from the first change to the last."""
    first: dict[int, Changed] = {}
    last: dict[int, Changed] = {}
    for change in changes:
        if not change.ruled:
            first.setdefault(change.conversation, change)
            last[change.conversation] = change
    found = {}
    for number, change in first.items():
        net = _between(change, last[number])
        if net is not None:
            found[number] = net
    return found


def _between(first: Changed, last: Changed) -> StatusChange | None:
    old, new = _tags(first.before["tags"]), _tags(last.after["tags"])
    change = StatusChange(
        before=first.before["status"],
        status=last.after["status"],
        added=tuple(tag for tag in new if tag not in old),
        removed=tuple(tag for tag in old if tag not in new),
    )
    same = change.before == change.status and not change.added and not change.removed
    return None if same else change


def _order(tx: Tx, changes: dict[int, StatusChange]) -> None:
    rows: Sequence[tuple[Any, ...]] = [
        (tx.new_id(), EFFECT_KIND, None, number, None, "waiting", tx.now, 0, _json(change).decode(), tx.now)
        for number, change in sorted(changes.items())
    ]
    if rows:
        bulk.insert(tx.connection, schema.effect, EFFECT, rows)
        tx.ring("effects")
