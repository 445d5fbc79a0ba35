"""What stands behind a predicate or an action as the fields of a form, and back: one reader and one writer a shape.

Fields are tuples of text by name, exactly as a form posts them, so that nothing that was typed is lost, right or
wrong: the rule file's own reader tells what is wrong. A reader returns None for what its form could not show; that
is then edited as text. The shapes are those of :mod:`rules.language`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hub.web.rules_fields import (
    COUNT,
    MINUTES,
    TIME,
    Amount,
    Fields,
    columns,
    duration,
    filled,
    flag_of,
    lines,
    listed,
    number,
    one,
    options_of,
    range_fields,
    read_count,
    read_duration,
    read_range,
    rows_of,
    text_of,
    texts_of,
    write_range,
)
from rules.dump import Data
from rules.language import DAYS
from rules.yamltree import Mapping as MappingNode
from rules.yamltree import Node, Scalar

_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")


class Shape(NamedTuple):
    """``read`` a node into fields, ``write`` fields as data; ``fresh`` are the fields of a new one."""

    read: Callable[[Node], Fields | None]
    write: Callable[[Fields], Data]
    fresh: Fields


# --- texts, flags ----------------------------------------------------------------------------------------------


def _read_values(node: Node) -> Fields | None:
    values = texts_of(node)
    return None if values is None else {"values": values}


def _read_flag(node: Node) -> Fields | None:
    value = flag_of(node)
    return None if value is None else {"is": ("yes" if value else "no",)}


def _read_flag_or_values(node: Node) -> Fields | None:
    flag = _read_flag(node)
    if flag is not None:
        return flag
    values = _read_values(node)
    return None if values is None else {"is": ("one",), **values}


def _write_flag_or_values(fields: Fields) -> Data:
    if one(fields, "is") == "one":
        return listed(filled(fields, "values"))
    return one(fields, "is") == "yes"


def _read_text(node: Node) -> Fields | None:
    text = text_of(node)
    return None if text is None else {"value": (text,)}


def _write_text(fields: Fields) -> Data:
    return one(fields, "value")


def _write_number(fields: Fields) -> Data:
    return number(one(fields, "value"))


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
    flag = _read_flag(node)
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


# --- words ------------------------------------------------------------------------------------------------------

_SPELLING = ("exact", "diacritics", "typos", "language")


def _read_spelling(options: Mapping[str, Node]) -> Fields | None:
    exact = flag_of(options["exact"]) if "exact" in options else False
    found = {name: text_of(options[name]) if name in options else "" for name in _SPELLING[1:]}
    if exact is None or any(value is None for value in found.values()):
        return None
    return {"exact": ("yes" if exact else "",), **{name: (value or "",) for name, value in found.items()}}


def _write_spelling(fields: Fields) -> dict[str, Data]:
    made: dict[str, Data] = {}
    if one(fields, "exact"):
        made["exact"] = True
    if one(fields, "diacritics"):
        made["diacritics"] = one(fields, "diacritics")
    if one(fields, "typos") not in ("", "0"):
        made["typos"] = number(one(fields, "typos"))
    if one(fields, "language"):
        made["language"] = one(fields, "language")
    return made


def _read_words(node: Node) -> Fields | None:
    blank: Fields = {"any": ("",), "list": (), "at_least": ("1",), "exact": ("",), "diacritics": ("",)}
    plain = texts_of(node)
    if plain is not None:
        return {**blank, "any": ("\n".join(plain),), "typos": ("",), "language": ("",)}
    options = options_of(node, ("any", "list", "at_least", *_SPELLING))
    spelling = _read_spelling(options) if options is not None else None
    if options is None or spelling is None:
        return None
    own = texts_of(options["any"]) if "any" in options else ()
    lists = texts_of(options["list"]) if "list" in options else ()
    least = text_of(options["at_least"]) if "at_least" in options else "1"
    if own is None or lists is None or least is None:
        return None
    return {**spelling, "any": ("\n".join(own),), "list": lists, "at_least": (least,)}


def _write_words(fields: Fields) -> Data:
    own, lists = lines(fields, "any"), filled(fields, "list")
    made: dict[str, Data] = {}
    if own or not lists:
        made["any"] = list(own)
    if lists:
        made["list"] = listed(lists)
    if one(fields, "at_least") not in ("", "1"):
        made["at_least"] = number(one(fields, "at_least"))
    made |= _write_spelling(fields)
    return listed(own) if set(made) == {"any"} and own else made


def _read_phrase(node: Node) -> Fields | None:
    plain = texts_of(node)
    if plain is not None:
        empty = dict.fromkeys(_SPELLING, ("",))
        return {**empty, "any": ("\n".join(plain),), "gap": ("0",)}
    options = options_of(node, ("any", "gap", *_SPELLING))
    spelling = _read_spelling(options) if options is not None else None
    own = texts_of(options.get("any")) if options is not None else None
    gap = text_of(options["gap"]) if options is not None and "gap" in options else "0"
    if spelling is None or own is None or gap is None:
        return None
    return {**spelling, "any": ("\n".join(own),), "gap": (gap,)}


def _write_phrase(fields: Fields) -> Data:
    own = lines(fields, "any")
    gap, spelling = one(fields, "gap"), _write_spelling(fields)
    if gap in ("", "0") and not spelling:
        return listed(own) if own else []
    return {
        "any": listed(own) if own else [],
        **({"gap": number(gap)} if gap not in ("", "0") else {}),
        **spelling,
    }


def _read_language(node: Node) -> Fields | None:
    plain = texts_of(node)
    if plain is not None:
        return {"values": plain, "confidence": ("",)}
    options = options_of(node, ("is", "confidence"))
    values = texts_of(options.get("is")) if options is not None else None
    sure = options.get("confidence") if options is not None else None
    if values is None or (sure is not None and text_of(sure) is None):
        return None
    return {"values": values, "confidence": (text_of(sure) or "",)}


def _write_language(fields: Fields) -> Data:
    values, sure = listed(filled(fields, "values")), one(fields, "confidence").replace(",", ".")
    if not sure:
        return values
    return {"is": values, "confidence": float(sure) if re.fullmatch(r"[01](\.\d{1,6})?", sure) else sure}


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


# --- actions ----------------------------------------------------------------------------------------------------


def _read_pairs(node: Node) -> Fields | None:
    if not isinstance(node, MappingNode) or any(text_of(item) is None for item in node.entries.values()):
        return None
    return columns(("key", "value"), [[key, text_of(item) or ""] for key, item in node.entries.items()])


def _write_pairs(fields: Fields) -> Data:
    return dict(rows_of(fields, ("key", "value")))


def _read_timers(node: Node) -> Fields | None:
    if not isinstance(node, MappingNode):
        return None
    found = [(key, read_duration(item)) for key, item in node.entries.items()]
    if any(span is None for _, span in found):
        return None
    return columns(("key", "low", "low_unit"), [[key, *(span or ())] for key, span in found])


def _write_timers(fields: Fields) -> Data:
    return {key: duration(low, unit) for key, low, unit in rows_of(fields, ("key", "low", "low_unit"))}


def _read_callback(node: Node) -> Fields | None:
    if flag_of(node):
        return {"topic": ("",), "low": ("",), "low_unit": ("m",)}
    options = options_of(node, ("topic", "in"))
    span = read_duration(options["in"]) if options and "in" in options else ("", "m")
    topic = text_of(options["topic"]) if options and "topic" in options else ""
    if options is None or span is None or topic is None:
        return None
    return {"topic": (topic,), "low": (span[0],), "low_unit": (span[1],)}


def _write_callback(fields: Fields) -> Data:
    made: dict[str, Any] = {}
    if one(fields, "topic"):
        made["topic"] = one(fields, "topic")
    if one(fields, "low"):
        made["in"] = duration(one(fields, "low"), one(fields, "low_unit"))
    return made or True


def _listed_values(fields: Fields) -> Data:
    values = filled(fields, "values")
    return listed(values) if values else []


def _list_of_values(fields: Fields) -> Data:
    return list(filled(fields, "values"))


_VALUES = Shape(_read_values, _listed_values, {"values": ()})
_FLAG = Shape(_read_flag, lambda fields: one(fields, "is") != "no", {"is": ("yes",)})
_FLAG_OR_VALUES = Shape(_read_flag_or_values, _write_flag_or_values, {"is": ("yes",), "values": ()})
_TEXT = Shape(_read_text, _write_text, {"value": ("",)})
_RANGE = range_fields("least", ("1", "m"))

PREDICATE_SHAPES: Mapping[str, Shape] = {
    "values": _VALUES,
    "named": _VALUES,
    "flag": _FLAG,
    "flag_or_values": _FLAG_OR_VALUES,
    "place": _FLAG_OR_VALUES,
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
    "language": Shape(_read_language, _write_language, {"values": (), "confidence": ("",)}),
    "words": Shape(_read_words, _write_words, {"any": ("",), "at_least": ("1",)}),
    "phrase": Shape(_read_phrase, _write_phrase, {"any": ("",), "gap": ("2",)}),
    "regex": _TEXT,
    "hours": Shape(_read_hours, _write_hours, {"from": ("08:00",), "to": ("16:00",)}),
    "days": Shape(_read_days, _write_days, {"days": ()}),
    "dates": Shape(_read_dates, _write_dates, {"from": ("",), "until": ("",)}),
    "attachment": Shape(_read_attachment, _write_attachment, {"is": ("yes",)}),
}

ACTION_SHAPES: Mapping[str, Shape] = {
    "name": _TEXT,
    "text": _TEXT,
    "join": _TEXT,
    "names": Shape(_read_values, _list_of_values, {"values": ()}),
    "tier": Shape(_read_text, _write_number, {"value": ("2",)}),
    "priority": Shape(_read_text, _write_number, {"value": ("high",)}),
    "flag": _FLAG,
    "attributes": Shape(_read_pairs, _write_pairs, {"key": ("",), "value": ("",)}),
    "timers": Shape(_read_timers, _write_timers, {"key": ("",), "low": ("1",), "low_unit": ("d",)}),
    "callback": Shape(_read_callback, _write_callback, {"topic": ("",), "low": ("",), "low_unit": ("m",)}),
}
