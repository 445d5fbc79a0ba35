"""What stands behind a predicate as the fields of a form, and back: one reader and one writer a shape.

Fields are tuples of text by name, exactly as a form posts them, so that nothing that was typed is lost, right or
wrong: the rule file's own reader tells what is wrong. A reader returns None for what its form could not show; that
is then edited as text. The shapes are those of :mod:`rules.language`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hub.web.rules.fields import (
    COUNT,
    FLAG,
    FLAG_OR_VALUES,
    MINUTES,
    TEXT,
    TIME,
    VALUES,
    Amount,
    Fields,
    Shape,
    columns,
    flag_of,
    lines,
    listed,
    number,
    one,
    options_of,
    range_fields,
    read_count,
    read_duration,
    read_flag,
    read_range,
    rows_of,
    text_of,
    texts_of,
    write_range,
)
from hub.web.rules.word_shapes import WORD_SHAPES
from rules.editing.dump import Data
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar
from rules.language import DAYS

_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")


# --- ranges with something more --------------------------------------------------------------------------------


def _ranged(amount: Amount, fresh: Fields) -> Shape:
    return Shape(lambda node: read_range(node, amount), lambda fields: write_range(fields, amount), fresh)


def _read_history(node: Node) -> Fields | None:
    found = read_range(node, COUNT, ("days",))
    days = node.entries.get("days") if isinstance(node, MappingNode) else None
    if found is None or (days is not None and read_count(days) is None):
        return None
    return {**found, "days": (text_of(days) or "",)}


def _write_history(fields: Fields) -> Data:
    found, days = write_range(fields, COUNT), one(fields, "days")
    if not days:
        return found
    ends: Mapping[str, Data] = found if isinstance(found, Mapping) else _ends(found)
    return {**ends, "days": number(days)}


def _ends(found: Data) -> Mapping[str, Data]:
    if isinstance(found, bool):
        return {"min": 1} if found else {"max": 0}
    return {"min": found, "max": found}


def _read_returning(node: Node) -> Fields | None:
    flag = read_flag(node)
    if flag is not None:
        return {**flag, "days": ("",)}
    options = options_of(node, ("days",))
    days = text_of(options["days"]) if options else None
    return None if days is None else {"is": ("days",), "days": (days,)}


def _write_returning(fields: Fields) -> Data:
    if one(fields, "is") == "days":
        return {"days": number(one(fields, "days"))}
    return one(fields, "is") == "yes"


def _read_unanswered(node: Node) -> Fields | None:
    if isinstance(node, Scalar):
        exact = read_duration(node)
        return None if exact is None else {**range_fields("least", exact), "hours": ("",)}
    found = read_range(node, TIME, ("open_hours",))
    hours = node.entries.get("open_hours") if isinstance(node, MappingNode) else None
    if found is None or (hours is not None and flag_of(hours) is None):
        return None
    return {**found, "hours": ("open" if flag_of(hours) else "",)}


def _write_unanswered(fields: Fields) -> Data:
    found = write_range(fields, TIME)
    if one(fields, "hours"):
        return {**(found if isinstance(found, Mapping) else _ends(found)), "open_hours": True}
    if isinstance(found, Mapping) and set(found) == {"min"}:
        return found["min"]
    return found


# --- by key -----------------------------------------------------------------------------------------------------


def _read_keyed_values(node: Node) -> Fields | None:
    if not isinstance(node, MappingNode):
        return None
    rows: list[tuple[str, str, str]] = []
    for key, item in node.entries.items():
        flag, values = flag_of(item), texts_of(item)
        if flag is None and values is None:
            return None
        mode = "one" if flag is None else "some" if flag else "none"
        rows.append((key, mode, "\n".join(values or ())))
    return columns(("key", "mode", "said"), rows)


def _write_keyed_values(fields: Fields) -> Data:
    made: dict[str, Data] = {}
    for key, mode, values in rows_of(fields, ("key", "mode", "said")):
        found = [line.strip() for line in values.split("\n") if line.strip()]
        made[key] = listed(found) if mode == "one" and found else mode != "none"
    return made


_ENDS = ("mode", "low", "low_unit", "high", "high_unit")


def _keyed(amount: Amount) -> Shape:
    def read(node: Node) -> Fields | None:
        if not isinstance(node, MappingNode):
            return None
        rows = []
        for key, item in node.entries.items():
            found = read_range(item, amount)
            if found is None:
                return None
            rows.append([key, *(found[name][0] for name in _ENDS)])
        return columns(("key", *_ENDS), rows)

    def write(fields: Fields) -> Data:
        keys = fields.get("key", ())
        return {key.strip(): write_range(fields, amount, i) for i, key in enumerate(keys) if key.strip()}

    return Shape(read, write, columns(("key", *_ENDS), [["", "least", "10", "m", "", "m"]]))


# --- time, place, things ----------------------------------------------------------------------------------------


def _read_hours(node: Node) -> Fields | None:
    found = [_HOURS.fullmatch(text.strip()) for text in texts_of(node) or ("",)]
    if not all(found):
        return None
    return columns(("from", "to"), [[span[1], span[2]] for span in found if span])


def _write_hours(fields: Fields) -> Data:
    return listed([f"{first}-{last}" for first, last in rows_of(fields, ("from", "to"))] or [""])


def _read_days(node: Node) -> Fields | None:
    chosen: set[str] = set()
    for text in texts_of(node) or ("",):
        first, dash, last = text.lower().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            return None
        start, end = DAYS.index(first), DAYS.index(last if dash else first)
        chosen |= {DAYS[day % 7] for day in range(start, end + 1 if end >= start else end + 8)}
    return {"days": tuple(day for day in DAYS if day in chosen)}


def _write_days(fields: Fields) -> Data:
    """Days in a row as a span."""
    chosen = [day in fields.get("days", ()) for day in DAYS]
    spans: list[list[int]] = []
    for i in (i for i, day in enumerate(chosen) if day):
        if spans and spans[-1][1] == i - 1:
            spans[-1][1] = i
        else:
            spans.append([i, i])
    made: list[str] = []
    for first, last in spans:
        made += [f"{DAYS[first]}-{DAYS[last]}"] if last - first > 1 else list(DAYS[first : last + 1])
    return listed(made) if made else []


def _read_dates(node: Node) -> Fields | None:
    options = options_of(node, ("from", "until"))
    if options is None or any(text_of(item) is None for item in options.values()):
        return None
    return {end: (text_of(options.get(end)) or "",) for end in ("from", "until")}


def _write_dates(fields: Fields) -> Data:
    return {end: one(fields, end) for end in ("from", "until") if one(fields, end)}


def _read_attachment(node: Node) -> Fields | None:
    blank: Fields = {"type": ("",), "name": ("",), "min_size": ("",)}
    flag = flag_of(node)
    if flag is not None:
        return {"is": ("yes" if flag else "no",), **blank}
    options = options_of(node, ("type", "name", "min_size"))
    found = {key: texts_of(item) for key, item in (options or {}).items()}
    if options is None or None in found.values():
        return None
    return {"is": ("such",), **blank, **{key: ("\n".join(item or ()),) for key, item in found.items()}}


def _write_attachment(fields: Fields) -> Data:
    if one(fields, "is") != "such":
        return one(fields, "is") == "yes"
    made: dict[str, Data] = {
        name: listed(lines(fields, name)) for name in ("type", "name") if lines(fields, name)
    }
    if one(fields, "min_size"):
        made["min_size"] = one(fields, "min_size")
    return made


_RANGE = range_fields("least", ("1", "m"))

PREDICATE_SHAPES: Mapping[str, Shape] = {
    "values": VALUES,
    "named": VALUES,
    "flag": FLAG,
    "flag_or_values": FLAG_OR_VALUES,
    "place": FLAG_OR_VALUES,
    "number": _ranged(COUNT, _RANGE),
    "duration": _ranged(MINUTES, _RANGE),
    "history": Shape(_read_history, _write_history, {**_RANGE, "days": ("",)}),
    "returning": Shape(_read_returning, _write_returning, {"is": ("yes",), "days": ("",)}),
    "unanswered": Shape(
        _read_unanswered, _write_unanswered, {**range_fields("least", ("4", "h")), "hours": ("open",)}
    ),
    "keyed_values": Shape(
        _read_keyed_values, _write_keyed_values, {"key": ("",), "mode": ("one",), "said": ("",)}
    ),
    "keyed_number": _keyed(COUNT),
    "keyed_duration": _keyed(MINUTES),
    "regex": TEXT,
    "hours": Shape(_read_hours, _write_hours, {"from": ("08:00",), "to": ("16:00",)}),
    "days": Shape(_read_days, _write_days, {"days": ()}),
    "dates": Shape(_read_dates, _write_dates, {"from": ("",), "until": ("",)}),
    "attachment": Shape(_read_attachment, _write_attachment, {"is": ("yes",)}),
    **WORD_SHAPES,
}
