"""A condition as a tree of form parts: read from a rule's YAML, read from a posted form, changed by a button, written.

A part is a group (``all``, ``any``, ``not``) or a predicate with the fields of its shape. Parts are values that can be
compared: one that nobody changed is written exactly as it stood. In a form each has a path (``w``, ``w-0``, ``w-0-2``);
``w-0:kind`` says what it is, ``w-0:n`` how many parts a group has, ``w-0.low`` is a field of its shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from multidict import MultiMapping

from hub.web.rules.action_shapes import ACTION_SHAPES
from hub.web.rules.fields import Fields, Shape
from hub.web.rules.shapes import PREDICATE_SHAPES
from rules.editing.blocks import plain
from rules.editing.dump import Data, flow
from rules.errors import Problems
from rules.files.yamltree import MAX_DEPTH, Node, parse
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Sequence as SequenceNode
from rules.language import ACTIONS, PREDICATES

GROUPS = ("all", "any", "not")
MOST = 2_000
"""Parts of one form; more are edited as text."""

_SETS = ("values", "list", "days")
"""Fields in which the order of values means nothing."""

_TYPED = ("key", "said", "value", "from", "to")
"""Columns of rows in which somebody types; the others have a choice that is never empty."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """``together``: a group that is written as a mapping, not as a list. ``raw``: the value is edited as YAML."""

    kind: str
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    items: tuple[Part, ...] = ()
    together: bool = False
    raw: bool = False

    @property
    def group(self) -> bool:
        return self.kind in GROUPS and not self.raw

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a field."""
        return dict(self.fields).get(name, ())

    def value(self, name: str) -> str:
        """The first value of a field, or ""."""
        return (self.values(name) or ("",))[0]


Known = dict[Part, Data]
"""How parts stood in the text."""


def shape_of(kind: str, *, action: bool = False) -> Shape | None:
    """The shape of a predicate or an action, when its form is known."""
    if action:
        return ACTION_SHAPES.get(ACTIONS[kind].shape) if kind in ACTIONS else None
    return PREDICATE_SHAPES.get(PREDICATES[kind].shape) if kind in PREDICATES else None


def _packed(fields: Fields) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Fields as a value: without what is empty, sets sorted, so that only what is meant makes a difference."""
    found = sorted((name, tuple(values)) for name, values in fields.items() if any(values))
    return tuple(
        (name, tuple(sorted(filter(None, values))) if name in _SETS else values) for name, values in found
    )


def fresh(kind: str, *, action: bool = False) -> Part:
    """A new part of that kind with its usual fields."""
    if kind in GROUPS and not action:
        return Part(kind=kind)
    shape = shape_of(kind, action=action)
    return _raw(kind, "") if shape is None else Part(kind=kind, fields=_packed(shape.fresh))


def _raw(kind: str, text: str) -> Part:
    return Part(kind=kind, fields=(("raw", (text,)),), raw=True)


# --- from the text ----------------------------------------------------------------------------------------------


def read_root(node: Node | None, known: Known) -> Part:
    """The condition of a rule as the group that its form shows."""
    if node is None:
        return Part(kind="all", together=True)
    part = _condition(node, known)
    return (
        part
        if part.kind in ("all", "any") and not part.raw
        else Part(kind="all", items=(part,), together=True)
    )


def _condition(node: Node, known: Known) -> Part:
    if isinstance(node, SequenceNode):
        return _noted(
            Part(kind="all", items=tuple(_condition(item, known) for item in node.items)), node, known
        )
    if not isinstance(node, MappingNode):
        return _noted(_raw("", flow(plain(node))), node, known)
    items = tuple(_entry(key, item, known) for key, item in node.entries.items())
    if len(items) == 1:
        return items[0]
    return _noted(Part(kind="all", items=items, together=True), node, known)


def _entry(key: str, node: Node, known: Known) -> Part:
    if key in ("all", "any") and isinstance(node, SequenceNode | MappingNode):
        together = isinstance(node, MappingNode)
        inner = (
            tuple(_entry(name, item, known) for name, item in node.entries.items())
            if isinstance(node, MappingNode)
            else tuple(_condition(item, known) for item in node.items)
        )
        return _noted(Part(kind=key, items=inner, together=together), node, known)
    if key == "not":
        inside = _condition(node, known)
        items = inside.items if inside.kind == "all" and inside.together else (inside,)
        return _noted(Part(kind=key, items=items), node, known)
    return _noted(read_leaf(key, node, shape_of(key)), node, known)


def read_schedule(node: Node, known: Known) -> Part:
    """A schedule: one of its times, each of which is all that it says."""
    items = node.items if isinstance(node, SequenceNode) else [node]
    found = []
    for item in items:
        part = _condition(item, known)
        found.append(part if part.together else Part(kind="all", items=(part,), together=True))
    return Part(kind="any", items=tuple(found))


def write_schedule(root: Part, known: Known) -> Data:
    """What stands behind the name of a schedule."""
    made = []
    for part in root.items:
        items = part.items if part.kind == "all" else (part,)
        made.append(_merged(items, known) or _list(items, known))
    return made


def read_leaf(key: str, node: Node, shape: Shape | None) -> Part:
    """A predicate or an action; as text where its form could not show it."""
    fields = shape.read(node) if shape is not None else None
    if fields is None:
        return _raw(key, flow(plain(node)))
    return Part(kind=key, fields=_packed(fields))


def _noted(part: Part, node: Node, known: Known) -> Part:
    known.setdefault(part, plain(node))
    return part


def read_actions(node: Node | None, known: Known) -> tuple[Part, ...]:
    """The actions of a rule."""
    if not isinstance(node, MappingNode):
        return ()
    found = []
    for key, item in node.entries.items():
        part = read_leaf(key, item, shape_of(key, action=True))
        known.setdefault(part, plain(item))
        found.append(part)
    return tuple(found)


# --- from a form ------------------------------------------------------------------------------------------------


class Posted:
    """The fields of a posted form by the path of the part that they belong to."""

    def __init__(self, posted: MultiMapping[Any]) -> None:
        self.of: dict[str, dict[str, list[str]]] = {}
        self.about: dict[str, str] = {}
        self.left = MOST
        for name, value in posted.items():
            if not isinstance(value, str):
                continue
            path, dot, field = name.partition(".")
            if dot:
                text = value.replace("\r\n", "\n").replace("\x00", "")
                self.of.setdefault(path, {}).setdefault(field, []).append(text)
            elif ":" in name:
                self.about[name] = value

    def count(self, path: str) -> int:
        text = self.about.get(f"{path}:n", "0")
        return int(text) if text.isdecimal() and len(text) < 5 else 0

    def part(self, path: str, *, action: bool = False, depth: int = 0) -> Part | None:
        """The part at a path; None where the form has none."""
        kind = self.about.get(f"{path}:kind")
        self.left -= 1
        if kind is None or depth > MAX_DEPTH or self.left < 0:
            return None
        fields = {name: tuple(values) for name, values in self.of.get(path, {}).items()}
        if f"{path}:raw" in self.about:
            return _raw(kind, (fields.get("raw") or ("",))[0])
        if kind in GROUPS and not action:
            together = self.about.get(f"{path}:together") == "1"
            return Part(kind=kind, items=self._items(path, depth), together=together)
        return Part(kind=kind, fields=_packed(_without_blank_rows(fields)))

    def _items(self, path: str, depth: int) -> tuple[Part, ...]:
        found = (self.part(f"{path}-{i}", depth=depth + 1) for i in range(self.count(path)))
        return tuple(part for part in found if part is not None)

    def root(self) -> Part:
        """The condition of the form."""
        return self.part("w") or Part(kind="all", together=True)

    def actions(self) -> tuple[Part, ...]:
        """The actions of the form."""
        found = (self.part(f"d-{i}", action=True) for i in range(self.count("d")))
        return tuple(part for part in found if part is not None)


def _without_blank_rows(fields: Fields) -> Fields:
    """The empty line that a form of rows ends with is no row."""
    lead = "key" if "key" in fields else "from" if "to" in fields else ""
    if not lead:
        return fields
    count = len(fields[lead])
    typed = [values for name, values in fields.items() if name in _TYPED and len(values) == count]
    kept = [i for i in range(count) if any(values[i].strip() for values in typed)]
    return {
        name: tuple(values[i] for i in kept) if len(values) == count else values
        for name, values in fields.items()
    }


# --- to data ----------------------------------------------------------------------------------------------------


def write_root(part: Part, known: Known) -> Data:
    """What stands behind ``when``; None for a rule without conditions."""
    if not part.items:
        return None
    if part.kind == "all" and (part.together or len(part.items) == 1):
        return _merged(part.items, known) or {"all": _list(part.items, known)}
    return {part.kind: _value(part, known)}


def _merged(items: Sequence[Part], known: Known) -> Mapping[str, Data] | None:
    """Parts as one mapping, when no two have the same name."""
    keys = [item.kind for item in items]
    if len(set(keys)) != len(keys) or any(not key for key in keys):
        return None
    return {item.kind: _value(item, known) for item in items}


def _list(items: Sequence[Part], known: Known) -> list[Data]:
    return [_node(item, known) for item in items]


def _node(part: Part, known: Known) -> Data:
    if part.kind == "all" and part.together and part.group and len(part.items) > 1:
        if part in known:
            return known[part]
        merged = _merged(part.items, known)
        if merged is not None:
            return merged
    return {part.kind: _value(part, known)} if part.kind else _value(part, known)


def _value(part: Part, known: Known) -> Data:
    if part in known and not (part.kind == "all" and part.together):
        return known[part]
    if part.raw:
        return _parsed(part.value("raw"))
    if part.kind == "not":
        return _merged(part.items, known) or _list(part.items, known)
    if part.group:
        merged = _merged(part.items, known) if part.together else None
        return merged or _list(part.items, known)
    return write_leaf(part, shape_of(part.kind), known)


def write_leaf(part: Part, shape: Shape | None, known: Known) -> Data:
    """The value of a predicate or an action."""
    if part in known:
        return known[part]
    if part.raw or shape is None:
        return _parsed(part.value("raw"))
    return shape.write(dict(part.fields))


def write_actions(parts: Iterable[Part], known: Known) -> Mapping[str, Data]:
    """What stands behind ``do``; of an action that is there twice the last counts."""
    return {part.kind: write_leaf(part, shape_of(part.kind, action=True), known) for part in parts}


def _parsed(text: str) -> Data:
    problems = Problems("")
    node = parse(text, problems)
    return text if problems.found or node is None else plain(node)
