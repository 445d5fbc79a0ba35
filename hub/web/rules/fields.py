"""Fields of a form and nodes of a rule file: the small parts that the shapes of :mod:`hub.web.rules.shapes` share.

Fields are tuples of text by name, exactly as a form posts them, so that nothing that was typed is lost, right or wrong:
the rule file's own reader tells what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rules.editing.dump import Data
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar
from rules.files.yamltree import Sequence as SequenceNode

Fields = Mapping[str, tuple[str, ...]]

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})")
_DURATION = re.compile(r"(\d{1,6})\s*([mhd])")


# --- leaves and lists ------------------------------------------------------------------------------------------------


def one(fields: Fields, name: str) -> str:
    """The only value of a field, without blanks around it."""
    return (fields.get(name) or ("",))[0].strip()


def filled(fields: Fields, name: str) -> tuple[str, ...]:
    """The values of a field that are not empty."""
    return tuple(value.strip() for value in fields.get(name, ()) if value.strip())


def lines(fields: Fields, name: str) -> tuple[str, ...]:
    """The lines of a field that are not empty."""
    return tuple(line.strip() for line in one(fields, name).split("\n") if line.strip())


def text_of(node: Node | None) -> str | None:
    """A leaf as text; None for anything else, for yes and no, and for several lines, which a field would run together
    or take for several values."""
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, bool):
        return None if "\n" in node.text.strip() else node.text
    return None


def texts_of(node: Node | None) -> tuple[str, ...] | None:
    """A text or a list of texts."""
    if not isinstance(node, SequenceNode):
        text = text_of(node)
        return None if text is None else (text,)
    found = [text_of(item) for item in node.items]
    return None if None in found else tuple(text for text in found if text is not None)


def flag_of(node: Node | None) -> bool | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, bool) else None


def options_of(node: Node, known: Sequence[str]) -> Mapping[str, Node] | None:
    """The entries of a mapping, when all of its keys are known."""
    if not isinstance(node, MappingNode) or not node.entries or not set(node.entries) <= set(known):
        return None
    return node.entries


def number(text: str) -> Data:
    """A whole number, or what was typed instead."""
    return int(text) if _NUMBER.fullmatch(text) else text


def listed(values: Sequence[str]) -> Data:
    """One value alone, several as a list."""
    return values[0] if len(values) == 1 else list(values)


def columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(row[i] for row in rows) for i, name in enumerate(names)}


def rows_of(fields: Fields, names: Sequence[str]) -> list[list[str]]:
    """Columns as rows, without those whose first field is empty."""
    columns = [fields.get(name, ()) for name in names]
    count = len(columns[0])
    rows = [[column[i].strip() if i < len(column) else "" for column in columns] for i in range(count)]
    return [row for row in rows if row[0]]


# --- ranges ----------------------------------------------------------------------------------------------------

Amount = tuple[Callable[[Node], "tuple[str, str] | None"], Callable[[str, str], Data]]


def read_count(node: Node) -> tuple[str, str] | None:
    return (node.text, "") if isinstance(node, Scalar) and type(node.value) is int else None


def read_duration(node: Node) -> tuple[str, str] | None:
    found = _DURATION.fullmatch((text_of(node) or "").strip())
    return (found[1], found[2]) if found else None


def _read_minutes(node: Node) -> tuple[str, str] | None:
    count = read_count(node)
    return (count[0], "m") if count else read_duration(node)


def duration(amount: str, unit: str) -> Data:
    """``4h``; an amount that is none as it was typed."""
    return f"{amount}{unit or 'm'}" if amount.isdecimal() else amount


COUNT: Amount = (read_count, lambda amount, unit: number(amount))
TIME: Amount = (read_duration, duration)
MINUTES: Amount = (_read_minutes, duration)


def read_range(
    node: Node | None, amount: Amount, more: Sequence[str] = ()
) -> dict[str, tuple[str, ...]] | None:
    """A range: ``mode`` is least, most, exactly, between, some or none."""
    if isinstance(node, Scalar):
        flag, exact = flag_of(node), amount[0](node)
        if flag is not None:
            return range_fields("some" if flag else "none")
        return None if exact is None else range_fields("exactly", exact)
    options = options_of(node, ("min", "max", *more)) if node is not None else None
    if options is None or not {"min", "max"} & set(options):
        return None
    ends = [amount[0](options[end]) if end in options else ("", "") for end in ("min", "max")]
    low, high = ends
    if low is None or high is None:
        return None
    mode = "between" if {"min", "max"} <= set(options) else "least" if "min" in options else "most"
    return range_fields(mode, high if mode == "most" else low, high if mode == "between" else None)


def range_fields(
    mode: str, low: tuple[str, str] = ("", ""), high: tuple[str, str] | None = None
) -> dict[str, tuple[str, ...]]:
    high = high or ("", "m" if low[1] else "")  # the unit that its list begins with
    return {
        "mode": (mode,),
        "low": (low[0],),
        "low_unit": (low[1],),
        "high": (high[0],),
        "high_unit": (high[1],),
    }


def write_range(fields: Fields, amount: Amount, at: int = 0) -> Data:
    """The range in row ``at`` of the fields."""

    def get(name: str) -> str:
        values = fields.get(name, ())
        return values[at].strip() if at < len(values) else ""

    low = amount[1](get("low"), get("low_unit"))
    match get("mode"):
        case "some" | "none" as mode:
            return mode == "some"
        case "exactly":
            return low
        case "most":
            return {"max": low}
        case "between":
            return {"min": low, "max": amount[1](get("high"), get("high_unit"))}
        case _:
            return {"min": low}


# --- shapes that others are made of ----------------------------------------------------------------------------


class Shape(NamedTuple):
    """``read`` a node into fields, ``write`` fields as data; ``fresh`` are the fields of a new one."""

    read: Callable[[Node], Fields | None]
    write: Callable[[Fields], Data]
    fresh: Fields


def read_values(node: Node) -> Fields | None:
    values = texts_of(node)
    return None if values is None else {"values": values}


def read_flag(node: Node) -> Fields | None:
    value = flag_of(node)
    return None if value is None else {"is": ("yes" if value else "no",)}


def read_flag_or_values(node: Node) -> Fields | None:
    flag = read_flag(node)
    if flag is not None:
        return flag
    values = read_values(node)
    return None if values is None else {"is": ("one",), **values}


def write_flag_or_values(fields: Fields) -> Data:
    if one(fields, "is") == "one":
        return listed(filled(fields, "values"))
    return one(fields, "is") == "yes"


def read_text(node: Node) -> Fields | None:
    text = text_of(node)
    return None if text is None else {"value": (text,)}


def write_text(fields: Fields) -> Data:
    return one(fields, "value")


def write_number(fields: Fields) -> Data:
    return number(one(fields, "value"))


def listed_values(fields: Fields) -> Data:
    values = filled(fields, "values")
    return listed(values) if values else []


def list_of_values(fields: Fields) -> Data:
    return list(filled(fields, "values"))


VALUES = Shape(read_values, listed_values, {"values": ()})
FLAG = Shape(read_flag, lambda fields: one(fields, "is") != "no", {"is": ("yes",)})
FLAG_OR_VALUES = Shape(read_flag_or_values, write_flag_or_values, {"is": ("yes",), "values": ()})
TEXT = Shape(read_text, write_text, {"value": ("",)})
