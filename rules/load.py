"""Reading a rule file: YAML text to a checked :class:`RuleSet`, or every reason why not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from rules import model
from rules.decision import DEFAULT_RULE, GUARD_RULE, PRIORITIES, Actions
from rules.errors import Problems, RuleFileError
from rules.facts import On
from rules.language import ACTIONS, EVENTS, JOINS
from rules.reader import (
    Reader,
    check_date,
    read_condition,
    read_flag,
    read_options,
    read_text,
    read_texts,
    read_words,
)
from rules.yamltree import Mapping as MappingNode
from rules.yamltree import Node, Scalar, Sequence, parse

MAX_LOOSE = 50
"""Most expressions without a literal that they require: each is tried on every message."""

MAX_NODES = 10_000
"""Most conditions in one rule, with its named conditions put in."""

MAX_CHAIN = 6
"""How often a named condition may use another that uses another."""

TOP_KEYS = ("words", "conditions", "rules", "default")
RULE_KEYS = ("id", "name", "note", "enabled", "from", "until", "on", "when", "do", "then")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def load(text: str, source: str = "rules.yaml") -> model.RuleSet:
    """Read and check a rule file; ``source`` is the name that problems are told with.

    Raises :class:`RuleFileError` with every problem found. Names of queues, offices, templates and users are not
    known here: check them with :func:`rules.references`.
    """
    problems = Problems(source)
    root = parse(text, problems)
    if isinstance(root, MappingNode):
        ruleset = _ruleset(text, source, root, Reader(problems))
        if not problems.found:
            return ruleset
    elif not problems.found:
        problems.add(1, "", f"a rule file is a mapping with: {', '.join(TOP_KEYS)}")
    raise RuleFileError(problems.found)


def version_of(text: str) -> str:
    """The version of a rule file: twelve hexadecimal digits that depend on its text alone."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def _ruleset(text: str, source: str, root: MappingNode, reader: Reader) -> model.RuleSet:
    read_options(reader, root, "", TOP_KEYS)
    reader.words = _word_lists(reader, root.entries.get("words"))
    conditions = _Conditions(reader, root.entries.get("conditions"))
    rules = _rules(reader, root)
    default = root.entries.get("default")
    if default is None:
        reader.problems.add(root.line, "default", "missing: say what happens when no rule decides")
    if reader.loose > MAX_LOOSE:
        reader.problems.add(
            root.line, "rules", f"{reader.loose} expressions contain no fixed text; at most {MAX_LOOSE} may"
        )
    return model.RuleSet(
        version=version_of(text),
        source=source,
        rules=rules,
        default=Actions() if default is None else read_actions(reader, default, "default"),
        words=reader.words,
        conditions=conditions.all(),
    )


def _word_lists(reader: Reader, node: Node | None) -> dict[str, tuple[str, ...]]:
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        reader.problems.add(node.line, "words", "expected names with lists of words")
        return {}
    return {name: read_words(reader, words, f"words.{name}") for name, words in node.entries.items()}


class _Conditions:
    """The named conditions of a file, read when first asked for, because they may use each other."""

    def __init__(self, reader: Reader, node: Node | None) -> None:
        self.reader = reader
        self.nodes: Mapping[str, Node] = {}
        self.done: dict[str, model.Condition | None] = {}
        self.busy: list[str] = []
        if isinstance(node, MappingNode):
            self.nodes = node.entries
        elif node is not None:
            reader.problems.add(node.line, "conditions", "expected names with conditions")
        reader.condition_names = frozenset(self.nodes)
        reader.resolve = self.get

    def get(self, name: str) -> model.Condition | None:
        if name in self.done:
            return self.done[name]
        node = self.nodes[name]
        if name not in self.busy and len(self.busy) >= MAX_CHAIN:
            self.reader.problems.add(
                node.line, f"conditions.{name}", f"more than {MAX_CHAIN} conditions in a chain"
            )
            return None
        if name in self.busy:
            circle = " → ".join([*self.busy[-5:], name])
            self.reader.problems.add(node.line, f"conditions.{name}", f"conditions go in a circle: {circle}")
            return None
        self.busy.append(name)
        self.done[name] = read_condition(self.reader, node, f"conditions.{name}")
        self.busy.pop()
        return self.done[name]

    def all(self) -> dict[str, model.Condition]:
        found = {name: self.get(name) for name in self.nodes}
        return {name: condition for name, condition in found.items() if condition is not None}


def _rules(reader: Reader, root: MappingNode) -> tuple[model.Rule, ...]:
    node = root.entries.get("rules")
    if node is None:
        return ()
    if not isinstance(node, Sequence):
        reader.problems.add(node.line, "rules", "expected a list of rules")
        return ()
    seen: dict[str, int] = {}
    rules = []
    for i, item in enumerate(node.items):
        rule = _rule(reader, item, f"rules[{i}]")
        if rule is None:
            continue
        if rule.id in seen:
            reader.problems.add(
                rule.line, f"rules[{i}].id", f"{rule.id!r} is taken by the rule in line {seen[rule.id]}"
            )
        seen.setdefault(rule.id, rule.line)
        rules.append(rule)
    return tuple(rules)


def _rule(reader: Reader, node: Node, path: str) -> model.Rule | None:
    entries = read_options(reader, node, path, RULE_KEYS)
    if entries is None:
        return None
    rule_id = _rule_id(reader, entries.get("id"), node, path)
    path = f"{path} ({rule_id})" if rule_id else path
    fields: dict[str, Any] = {"id": rule_id, "name": rule_id, "line": node.line}
    for key, name, read in _RULE_FIELDS:
        if key in entries:
            fields[name] = read(reader, entries[key], f"{path}.{key}")
    if "do" not in entries:
        reader.problems.add(node.line, path, "a rule needs `do:` with at least one action")
    if fields.get("first") and fields.get("last") and fields["first"] > fields["last"]:
        reader.problems.add(node.line, path, f"from {fields['first']} is after until {fields['last']}")
    return model.Rule(**fields)


def _rule_id(reader: Reader, node: Node | None, rule: Node, path: str) -> str:
    text = node.text if isinstance(node, Scalar) else ""
    line = rule.line if node is None else node.line
    if not _ID.fullmatch(text):
        reader.problems.add(
            line,
            f"{path}.id",
            "a rule needs an id of up to 64 letters a-z, digits, hyphens, dots and underscores",
        )
    elif text in (DEFAULT_RULE, GUARD_RULE):
        reader.problems.add(line, f"{path}.id", f"{text!r} is kept for traces; choose another")
    return text[:64]


def _when(reader: Reader, node: Node, path: str) -> model.Condition:
    found = read_condition(reader, node, path)
    if found is None:
        return model.All(items=(), line=node.line)
    if count_nodes(found, {}) > MAX_NODES:
        reader.problems.add(node.line, path, f"more than {MAX_NODES} conditions, with the named ones put in")
    return found


def count_nodes(node: model.Condition, known: dict[int, int]) -> int:
    """How many conditions a tree has when every shared part is counted where it is used."""
    if id(node) not in known:
        known[id(node)] = 1 + sum(count_nodes(item, known) for item in children(node))
    return known[id(node)]


def children(node: model.Condition) -> tuple[model.Condition, ...]:
    """The conditions that a condition is made of; empty for a predicate."""
    if isinstance(node, model.All | model.Any):
        return node.items
    return (node.item,) if isinstance(node, model.Not) else ()


def _on(reader: Reader, node: Node, path: str) -> tuple[On, ...]:
    events = read_texts(reader, node, path)
    for event in events:
        if event not in EVENTS:
            reader.problems.unknown(node.line, path, "event", event, EVENTS)
    return cast(tuple[On, ...], events)


def _then(reader: Reader, node: Node, path: str) -> Literal["stop", "continue"]:
    text = node.text if isinstance(node, Scalar) else ""
    if text not in ("stop", "continue"):
        reader.problems.add(node.line, path, "expected stop or continue")
    return "continue" if text == "continue" else "stop"


def _enabled(reader: Reader, node: Node, path: str) -> bool:
    return read_flag(reader, node, path) is not False


def _label(reader: Reader, node: Node, path: str) -> str:
    if isinstance(node, Scalar) and node.value is not None and len(node.text) <= 4_000:
        return node.text
    reader.problems.add(node.line, path, "expected a text of up to 4000 characters")
    return ""


def read_actions(reader: Reader, node: Node, path: str) -> Actions:
    """The actions of a ``do`` or of the default."""
    entries = read_options(reader, node, path, tuple(ACTIONS))
    fields: dict[str, Any] = {}
    for key, value in (entries or {}).items():
        action = ACTIONS.get(key)
        if action is not None:
            found = _ACTION_SHAPES[action.shape](reader, value, f"{path}.{key}")
            if found is not None:
                fields[key] = found
    return Actions(**fields)


def _tier(reader: Reader, node: Node, path: str) -> int | None:
    if isinstance(node, Scalar) and node.value in (1, 2, 3) and type(node.value) is int:
        return node.value
    reader.problems.add(node.line, path, "expected 1, 2 or 3")
    return None


def _priority(reader: Reader, node: Node, path: str) -> int | None:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, str) and value in PRIORITIES:
        return PRIORITIES[value]
    if type(value) is int and value in PRIORITIES.values():
        return value
    reader.problems.add(node.line, path, f"expected one of: {', '.join(PRIORITIES)}")
    return None


def _join(reader: Reader, node: Node, path: str) -> str | None:
    text = node.text if isinstance(node, Scalar) else ""
    if text in JOINS:
        return text
    reader.problems.add(node.line, path, f"expected one of: {', '.join(JOINS)}")
    return None


_ACTION_SHAPES: Mapping[str, Callable[[Reader, Node, str], Any]] = {
    "name": read_text,
    "names": read_texts,
    "text": read_text,
    "flag": read_flag,
    "tier": _tier,
    "priority": _priority,
    "join": _join,
}

_RULE_FIELDS: tuple[tuple[str, str, Callable[[Reader, Node, str], Any]], ...] = (
    ("name", "name", _label),
    ("note", "note", _label),
    ("enabled", "enabled", _enabled),
    ("from", "first", check_date),
    ("until", "last", check_date),
    ("on", "on", _on),
    ("when", "when", _when),
    ("do", "actions", read_actions),
    ("then", "then", _then),
)
