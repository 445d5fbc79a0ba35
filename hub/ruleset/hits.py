"""How often each rule matched, and when it could not be evaluated: a row a rule and day, written once a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import case, func, select

from hub.store import bulk
from hub.store.schema import rule_hit, ruleset
from hub.store.tx import Reader, Tx
from rules import DEFAULT_RULE, Decision
from rules.text import Text

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

QUIET = HOUR
"""Microseconds without a new fault after which a rule that matched again, or was published anew, counts as well."""

_COLUMNS = ("day", "rule", "hits", "at", "faults", "fault", "fault_at")
_ADDED = """
    "hits" = rule_hit."hits" + excluded."hits",
    "at" = coalesce(excluded."at", rule_hit."at"),
    "faults" = rule_hit."faults" + excluded."faults",
    "fault" = CASE WHEN excluded."faults" > 0 THEN excluded."fault" ELSE rule_hit."fault" END,
    "fault_at" = coalesce(excluded."fault_at", rule_hit."fault_at")
"""

_encode = msgspec.json.Encoder().encode
_text = msgspec.json.Decoder(Text).decode


class Tally:
    """What the rules did in a batch of decisions."""

    __slots__ = ("faults", "hits")

    def __init__(self) -> None:
        self.hits: dict[str, int] = {}
        self.faults: dict[str, tuple[int, Text]] = {}

    def add(self, decision: Decision) -> None:
        """Count one decision. A fault of an action is none of the rule: it was evaluated."""
        hits = self.hits
        for rule in decision.matched:
            hits[rule] = hits.get(rule, 0) + 1
        if DEFAULT_RULE in decision.trace.winners.values():
            hits[DEFAULT_RULE] = hits.get(DEFAULT_RULE, 0) + 1
        for fault in decision.faults:
            if not fault.action:
                count, _ = self.faults.get(fault.rule, (0, None))
                self.faults[fault.rule] = (count + 1, fault.why)


def write_hits(tx: Tx, tallies: Iterable[Tally]) -> None:
    """Add the tallies of a transaction up and to the day (UTC): at its end, because others wait for the same rows."""
    hits: dict[str, int] = {}
    faults: dict[str, tuple[int, Text]] = {}
    for tally in tallies:
        for rule, count in tally.hits.items():
            hits[rule] = hits.get(rule, 0) + count
        for rule, (count, why) in tally.faults.items():
            faults[rule] = (faults.get(rule, (0, why))[0] + count, why)
    day = tx.now // DAY
    rows = [_row(day, rule, hits.get(rule, 0), faults.get(rule), tx.now) for rule in sorted({*hits, *faults})]
    bulk.upsert(tx.connection, rule_hit, ("day", "rule"), _COLUMNS, _ADDED, rows)


def _row(day: int, rule: str, hits: int, fault: tuple[int, Text] | None, now: int) -> tuple[Any, ...]:
    matched = now if hits else None
    if fault is None:
        return day, rule, hits, matched, 0, "", None
    count, why = fault
    return day, rule, hits, matched, count, _encode(why).decode(), now


def hits(tx: Reader, days: int = 7) -> Mapping[str, tuple[int, int | None]]:
    """By rule: how often it matched in the last ``days`` (days of UTC, today among them), and when last (µs UTC).

    Rules that never matched are missing; one that matched before these days has 0 and its time.
    """
    first = tx.now // DAY - days + 1
    recent = func.sum(case((rule_hit.c.day >= first, rule_hit.c.hits), else_=0))
    rows = tx.rows(
        select(rule_hit.c.rule, recent.label("hits"), func.max(rule_hit.c.at).label("last"))
        .where(rule_hit.c.hits > 0)
        .group_by(rule_hit.c.rule)
    )
    return {row.rule: (int(row.hits), row.last) for row in rows}


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be evaluated in the last 24 hours: how often on those days, why and when the last time.

    ``well``: it has matched since, or a rule set was published since, and for an hour nothing new was heard.
    """

    rule: str
    faults: int
    why: Text
    at: int
    well: bool


def failing(tx: Reader) -> tuple[Failing, ...]:
    """Rules that could not be evaluated in the last 24 hours, the latest fault first."""
    since = tx.now - DAY
    found: dict[str, list[Any]] = {}
    rows = tx.rows(select(rule_hit).where(rule_hit.c.day >= since // DAY).order_by(rule_hit.c.day))
    for row in rows:
        found.setdefault(row.rule, []).append(row)
    published = tx.scalar(select(func.max(ruleset.c.published_at)).where(ruleset.c.state == "published")) or 0
    told = [_failing(days, tx.now, published) for days in found.values()]
    recent = [item for item in told if item is not None and item.at >= since]
    return tuple(sorted(recent, key=lambda item: (-item.at, item.rule)))


def _failing(days: list[Any], now: int, published: int) -> Failing | None:
    """One rule's rows of two days, the older first."""
    faulty = [row for row in days if row.fault_at is not None]
    if not faulty:
        return None
    last = faulty[-1]
    better = max([published, *(row.at or 0 for row in days)])
    return Failing(
        rule=last.rule,
        faults=sum(row.faults for row in faulty),
        why=_text(last.fault),
        at=last.fault_at,
        well=better > last.fault_at and now - last.fault_at >= QUIET,
    )
