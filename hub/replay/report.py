"""What a run found, in the shape in which pages, files and terminals show it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from hub.i18n import mark as N_
from hub.replay.compare import WEEK_HOURS, Tally
from hub.replay.runs import Moved
from rules import PRIORITIES

_PRIORITIES = {number: name for name, number in PRIORITIES.items()}

WIDEST = 9
"""Most queues in a square table; more are told as a list."""

MOST_RULES = 50
MOST_CHANGES = 12
"""Rules with another number of hits, and changes of one action, that are shown."""


class Flow(msgspec.Struct, frozen=True):
    """So many go from one queue to another."""

    before: str
    after: str
    count: int


class Line(msgspec.Struct, frozen=True):
    """What one queue gets before and after."""

    queue: str
    before: int
    after: int

    @property
    def change(self) -> int:
        return self.after - self.before


class Hour(msgspec.Struct, frozen=True):
    """One hour of the week in one queue; ``staff`` on duty on average, None where no snapshot tells."""

    hour: int
    before: int
    after: int
    staff: float | None

    @property
    def change(self) -> int:
        return self.after - self.before

    @property
    def alone(self) -> bool:
        """Whether more would come while nobody was there."""
        return self.change > 0 and self.staff == 0


class Week(msgspec.Struct, frozen=True):
    """The week of one queue: ``hours`` of the day that occur, each with its seven days (None: nothing there)."""

    queue: str
    change: int
    hours: tuple[tuple[int, tuple[Hour | None, ...]], ...]
    alone: tuple[Hour, ...]


class Changed(msgspec.Struct, frozen=True):
    """So many decisions differ in one action; ``values`` are the most frequent: before, after, how often."""

    action: str
    values: tuple[tuple[Any, Any, int], ...]


class Hits(msgspec.Struct, frozen=True):
    """How often a rule matched, before and after."""

    rule: str
    before: int
    after: int


def flows(tally: Tally) -> list[Flow]:
    """Who moves, the largest stream first."""
    found = [Flow(a, b, n) for a, row in tally.flows.items() for b, n in row.items() if a != b]
    return sorted(found, key=lambda flow: (-flow.count, flow.before, flow.after))


def square(tally: Tally) -> tuple[list[str], dict[str, dict[str, int]]] | None:
    """The queues that anything moves from or to, with all counts between them; None where they are too many."""
    moving = flows(tally)
    names = sorted({flow.before for flow in moving} | {flow.after for flow in moving})
    if not 0 < len(names) <= WIDEST:
        return None
    return names, {a: {b: tally.flows.get(a, {}).get(b, 0) for b in names} for a in names}


def queue_lines(tally: Tally) -> list[Line]:
    """What the queues would get that get more or less, the largest change first."""
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for one, row in tally.flows.items():
        for other, count in row.items():
            before[one] = before.get(one, 0) + count
            after[other] = after.get(other, 0) + count
    lines = [Line(queue, before.get(queue, 0), after.get(queue, 0)) for queue in before | after]
    return sorted((line for line in lines if line.change), key=lambda line: (-abs(line.change), line.queue))


def weeks(tally: Tally) -> list[Week]:
    """The load of each queue that changes, by hour of the week, beside who was on duty."""
    return [_week(tally, line) for line in queue_lines(tally) if line.queue]


def _week(tally: Tally, line: Line) -> Week:
    load = tally.load.get(line.queue, {})
    cells = [_hour(tally, line.queue, hour, load) for hour in range(WEEK_HOURS)]
    busy = sorted({hour % 24 for hour in load})
    rows = tuple((hour, tuple(cells[day * 24 + hour] for day in range(7))) for hour in busy)
    return Week(
        line.queue, line.change, rows, tuple(cell for cell in cells if cell is not None and cell.alone)
    )


def _hour(tally: Tally, queue: str, hour: int, load: dict[int, list[int]]) -> Hour | None:
    if hour not in load:
        return None
    seen = tally.snapshots.get(hour, 0)
    staff = round(tally.staff.get(queue, {}).get(hour, 0) / seen, 1) if seen else None
    return Hour(hour, load[hour][0], load[hour][1], staff)


def changes(tally: Tally) -> list[Changed]:
    """What differs besides the queue, by action."""
    found = []
    for action, counts in tally.changes.items():
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_CHANGES]
        values = tuple((*msgspec.json.decode(key), count) for key, count in ranked)
        found.append(Changed(action, values))
    return [one for one in found if one.action != "queue"]


def other_hits(tally: Tally) -> list[Hits]:
    """Rules that match more or fewer decisions than before, the largest difference first."""
    rules = tally.hits_before.keys() | tally.hits.keys()
    all_of_them = [Hits(rule, tally.hits_before.get(rule, 0), tally.hits.get(rule, 0)) for rule in rules]
    found = [one for one in all_of_them if one.before != one.after]
    return sorted(found, key=lambda one: (-abs(one.after - one.before), one.rule))[:MOST_RULES]


# --- files and terminals -----------------------------------------------------------------------------------------

COLUMNS = (
    *(N_("Time"), N_("Number"), N_("Event"), N_("From queue"), N_("To queue")),
    *(N_("Rule before"), N_("Rule after"), N_("Differences")),
)
"""Heads of the file, as message ids."""


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """How a reader is told: ``text`` translates, the others name a moment, a queue, an event, an action, its value."""

    text: Callable[[str], str]
    moment: Callable[[int], str]
    queue: Callable[[str], str]
    event: Callable[[str], str]
    action: Callable[[str], str]
    value: Callable[[str, Any], str]


def as_csv(moved: Iterable[Moved], said: Wording) -> str:
    """The messages as CSV (RFC 4180) with a byte order mark, which spreadsheets need for Polish letters.

    A cell that a spreadsheet would take for a formula is quoted.
    """
    out = io.StringIO()
    out.write("\ufeff")
    rows = csv.writer(out)
    rows.writerow(map(said.text, COLUMNS))
    for one in moved:
        differences = "; ".join(
            f"{said.action(d.action)}: {said.value(d.action, d.before)} → {said.value(d.action, d.after)}"
            for d in one.differences
        )
        cells = (
            *(said.moment(one.at), one.reference or "", said.event(one.event)),
            *(said.queue(one.before), said.queue(one.after), one.rule_before, one.rule_after, differences),
        )
        rows.writerow(map(_harmless, cells))
    return out.getvalue()


FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a formula of a cell, in some spreadsheets also in its wide form and behind spaces."""


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" \u00a0")[:1] in FORMULAS else cell


def _plain(action: str, value: Any) -> str:
    if action == "priority" and value in _PRIORITIES:
        return _PRIORITIES[value]
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)


def as_text(tally: Tally, named: Callable[[str], str]) -> str:
    """The tables for a terminal, in English like all commands."""
    out = [f"Decisions replayed: {tally.decisions:,}; to another queue would go: {tally.moved:,}."]
    left = sum(tally.left_out.values())
    if left:
        out.append(f"Left out, because their comments were changed or deleted since: {left:,}.")
    for title, head, rows in _tables(tally, named):
        out += _table(title, head, rows)
    return "\n".join(out)


_Rows = list[tuple[str, ...]]


def _tables(tally: Tally, named: Callable[[str], str]) -> Iterator[tuple[str, tuple[str, ...], _Rows]]:
    moving: _Rows = [(named(f.before), named(f.after), f"{f.count:,}") for f in flows(tally)]
    yield "Where they would go", ("from", "to", "messages"), moving
    lines: _Rows = [
        (named(line.queue), f"{line.before:,}", f"{line.after:,}", f"{line.change:+,}")
        for line in queue_lines(tally)
    ]
    yield "What the queues would get", ("queue", "now", "draft", "change"), lines
    others: _Rows = [
        (one.action, _plain(one.action, before), _plain(one.action, after), f"{count:,}")
        for one in changes(tally)
        for before, after, count in one.values
    ]
    yield "Other differences", ("action", "now", "draft", "times"), others
    silent: _Rows = list(tally.silent.items())
    yield f"Rules of the draft that matched nothing: {tally.silent_count:,}", ("rule", "name"), silent
    faults: _Rows = [(rule, f"{count:,}") for rule, count in tally.faults.items()]
    yield "Rules of the draft that could not be evaluated", ("rule", "times"), faults


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they must be; nothing for no rows."""
    if not rows:
        return []
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)
    ]
    return ["", title, *(f"  {line.rstrip()}" for line in lines)]
