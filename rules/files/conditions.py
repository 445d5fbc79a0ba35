"""Reading conditions: the tree of `all`, `any`, `not` and predicates, and those that a file defines by name."""

from __future__ import annotations

from collections.abc import Mapping

from rules import model
from rules.files.predicate_shapes import PREDICATE_SHAPES
from rules.files.reader import Reader
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Sequence
from rules.language import PREDICATES
from rules.text import mark

MAX_NODES = 10_000
"""Most conditions in one rule, with its named conditions put in."""

MAX_CHAIN = 6
"""How often a named condition may use another that uses another."""

SCHEDULE_KEYS = ("days", "hours", "dates", "holiday", "open_hours")
"""What an entry of a schedule may say: the predicates of time."""


def read_condition(reader: Reader, node: Node, path: str) -> model.Condition | None:
    """The condition at ``node``: a mapping (all of its entries) or a list (all of its items)."""
    if isinstance(node, Sequence):
        return _combine(reader, "all", node, path)
    if not isinstance(node, MappingNode):
        reader.problems.add(node.line, path, mark("expected conditions, such as `channel: email`"))
        return None
    items = [_entry(reader, key, value, path, node.lines[key]) for key, value in node.entries.items()]
    known = [item for item in items if item is not None]
    return known[0] if len(known) == 1 else model.All(items=tuple(known), line=node.line)


def _entry(reader: Reader, key: str, node: Node, path: str, line: int) -> model.Condition | None:
    path = f"{path}.{key}"
    if key in ("all", "any"):
        return _combine(reader, key, node, path)
    if key == "not":
        item = read_condition(reader, node, path)
        return None if item is None else model.Not(item=item, line=line)
    predicate = PREDICATES.get(key)
    if predicate is None:
        reader.problems.unknown(line, path, "predicate", key, [*PREDICATES, "all", "any", "not"])
        return None
    return PREDICATE_SHAPES[predicate.shape](reader, key, node, path)


def _combine(reader: Reader, kind: str, node: Node, path: str) -> model.Condition | None:
    if isinstance(node, MappingNode):
        items = [_entry(reader, key, value, path, node.lines[key]) for key, value in node.entries.items()]
    elif isinstance(node, Sequence):
        items = [read_condition(reader, item, f"{path}[{i}]") for i, item in enumerate(node.items)]
    else:
        reader.problems.add(node.line, path, mark("expected a list of conditions"))
        return None
    if not items:
        told = mark("an empty list of conditions decides nothing: remove it or fill it")
        reader.problems.add(node.line, path, told)
    known = tuple(item for item in items if item is not None)
    return model.All(items=known, line=node.line) if kind == "all" else model.Any(items=known, line=node.line)


def _schedule(reader: Reader, node: Node, path: str) -> model.Condition | None:
    """The condition that a schedule stands for: one of its entries."""
    if not isinstance(node, Sequence):
        return _span(reader, node, path)
    items = [_span(reader, item, f"{path}[{i}]") for i, item in enumerate(node.items)]
    known = tuple(item for item in items if item is not None)
    if not items:
        reader.problems.add(node.line, path, mark("an empty schedule never holds: remove it or fill it"))
    return known[0] if len(known) == 1 else model.Any(items=known, line=node.line)


def _span(reader: Reader, node: Node, path: str) -> model.Condition | None:
    if not isinstance(node, MappingNode) or not node.entries:
        told = mark("expected times, such as `{days: mon-fri, hours: 08:00-16:00}`")
        reader.problems.add(node.line, path, told)
        return None
    for key in node.entries.keys() - set(SCHEDULE_KEYS):
        reader.problems.unknown(node.lines[key], f"{path}.{key}", "key", key, SCHEDULE_KEYS)
    known = {key: value for key, value in node.entries.items() if key in SCHEDULE_KEYS}
    return read_condition(reader, MappingNode(node.line, known, node.lines), path)


class Names:
    """The named conditions and schedules of a file, each read when first asked for: conditions may use others."""

    def __init__(self, reader: Reader, conditions: Node | None, schedules: Node | None) -> None:
        self._reader = reader
        self._nodes = {
            "condition": _definitions(reader, conditions, "conditions"),
            "schedule": _definitions(reader, schedules, "schedules"),
        }
        self._done: dict[tuple[str, str], model.Condition | None] = {}
        self._busy: list[str] = []
        reader.named = self.use

    def use(self, kind: model.NamedKind, name: str, node: Node, path: str) -> model.Named | None:
        """The condition or schedule that is used by name at ``node``."""
        if name not in self._nodes[kind]:
            self._reader.problems.unknown(node.line, path, kind, name, self._nodes[kind])
            return None
        item = self._get(kind, name)
        return None if item is None else model.Named(kind=kind, name=name, item=item, line=node.line)

    def all(self, kind: model.NamedKind) -> dict[str, model.Condition]:
        """Every definition of a kind, in the order of the file."""
        found = {name: self._get(kind, name) for name in self._nodes[kind]}
        return {name: condition for name, condition in found.items() if condition is not None}

    def _get(self, kind: model.NamedKind, name: str) -> model.Condition | None:
        if (kind, name) not in self._done:
            node, path = self._nodes[kind][name], f"{kind}s.{name}"
            if kind == "schedule":
                self._done[kind, name] = _schedule(self._reader, node, path)
            elif not self._may_enter(name, node, path):
                return None
            else:
                self._busy.append(name)
                self._done[kind, name] = read_condition(self._reader, node, path)
                self._busy.pop()
        return self._done[kind, name]

    def _may_enter(self, name: str, node: Node, path: str) -> bool:
        if name in self._busy:
            circle = " → ".join([*self._busy[-5:], name])
            told = mark("conditions go in a circle: {circle}")
            self._reader.problems.add(node.line, path, told, circle=circle)
            return False
        if len(self._busy) >= MAX_CHAIN:
            told = mark("more than {most} conditions in a chain")
            self._reader.problems.add(node.line, path, told, most=MAX_CHAIN)
            return False
        return True


def _definitions(reader: Reader, node: Node | None, path: str) -> Mapping[str, Node]:
    if node is None:
        return {}
    if isinstance(node, MappingNode):
        return node.entries
    told = mark("expected names with definitions, such as `{path}: {name: …}`")
    reader.problems.add(node.line, path, told, path=path)
    return {}


def read_guard(reader: Reader, node: Node, path: str) -> model.Condition:
    """The condition of a rule or a section; one that always holds when it cannot be read."""
    found = read_condition(reader, node, path)
    if found is None:
        return model.All(items=(), line=node.line)
    if count_nodes(found, {}) > MAX_NODES:
        told = mark("more than {most} conditions, with the named ones put in")
        reader.problems.add(node.line, path, told, most=MAX_NODES)
    return found


def count_nodes(node: model.Condition, known: dict[int, int]) -> int:
    """How many conditions a tree has when every shared part is counted where it is used."""
    if id(node) not in known:
        known[id(node)] = 1 + sum(count_nodes(item, known) for item in model.children(node))
    return known[id(node)]
