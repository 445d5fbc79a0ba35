"""Reading a rule file: YAML text to a checked :class:`RuleSet`, or every reason why not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from rules import model
from rules.decision import DEFAULT_RULE, GUARD_RULE, Actions
from rules.errors import Problems, RuleFileError, quoted
from rules.facts import On
from rules.files.action_shapes import read_actions
from rules.files.conditions import Names, read_guard
from rules.files.reader import (
    Reader,
    check_date,
    check_order,
    is_empty,
    read_choice,
    read_flag,
    read_options,
    read_texts,
    read_words,
)
from rules.files.sample_reader import read_samples
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar, Sequence, parse
from rules.language import EVENTS, THENS
from rules.text import mark

MAX_LOOSE = 50
"""Most expressions without a literal that they require: each is tried on every message."""

TOP_KEYS = ("words", "schedules", "conditions", "rules", "default", "tests")
RULE_KEYS = ("id", "name", "note", "enabled", "from", "until", "on", "when", "do", "then")
SECTION_KEYS = ("section", "name", "note", "enabled", "from", "until", "when", "rules")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def load(text: str, source: str = "rules.yaml") -> model.RuleSet:
    """Read and check a rule file; ``source`` is the name that problems are told with.

    Raises :class:`RuleFileError` with every problem found. Names of queues, offices, templates and users are not
    known here: check them with :func:`rules.files.references`.
    """
    problems = Problems(source)
    root = parse(text, problems)
    if isinstance(root, MappingNode):
        ruleset = _ruleset(text, source, root, Reader(problems))
        if not problems.found:
            return ruleset
    elif not problems.found:
        problems.add(1, "", mark("a rule file is a mapping with: {keys}"), keys=", ".join(TOP_KEYS))
    raise RuleFileError(problems.found)


def version_of(text: str) -> str:
    """The version of a rule file: twelve hexadecimal digits that depend on its text alone."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def _ruleset(text: str, source: str, root: MappingNode, reader: Reader) -> model.RuleSet:
    read_options(reader, root, "", TOP_KEYS)
    entries = {key: node for key, node in root.entries.items() if key == "default" or not is_empty(node)}
    reader.words = _word_lists(reader, entries.get("words"))
    names = Names(reader, entries.get("conditions"), entries.get("schedules"))
    rules, sections = _Rules(reader).read(entries.get("rules"))
    default = entries.get("default")
    if default is None:
        told = mark("missing: say what happens when no rule decides")
        reader.problems.add(root.line, "default", told)
    ruleset = model.RuleSet(
        version=version_of(text),
        source=source,
        rules=rules,
        default=Actions() if default is None else read_actions(reader, default, "default"),
        words=reader.words,
        conditions=names.all("condition"),
        schedules=names.all("schedule"),
        sections=sections,
        samples=read_samples(reader, entries.get("tests"), read_actions, [rule.id for rule in rules]),
        lines=_lines(root),
    )
    if reader.loose > MAX_LOOSE:
        told = mark("{count} expressions contain no fixed text; at most {most} may")
        reader.problems.add(root.line, "rules", told, count=reader.loose, most=MAX_LOOSE)
    return ruleset


def _lines(root: MappingNode) -> dict[str, int]:
    """Where names are defined, and the default."""
    found = {"default": root.lines["default"]} if "default" in root.lines else {}
    for key in ("words", "conditions", "schedules"):
        node = root.entries.get(key)
        if isinstance(node, MappingNode):
            found |= {f"{key}.{name}": line for name, line in node.lines.items()}
    return found


def _word_lists(reader: Reader, node: Node | None) -> dict[str, tuple[str, ...]]:
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        reader.problems.add(node.line, "words", mark("expected names with lists of words"))
        return {}
    return {name: read_words(reader, words, f"words.{name}") for name, words in node.entries.items()}


class _Rules:
    """Reads the list of rules and sections; ``taken`` holds the ids seen so far with their lines."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.taken: dict[str, int] = {}
        self.rules: list[model.Rule] = []
        self.sections: list[model.Section] = []

    def read(self, node: Node | None) -> tuple[tuple[model.Rule, ...], tuple[model.Section, ...]]:
        if node is not None:
            for item, path in self._items(node, "rules"):
                if isinstance(item, MappingNode) and "section" in item.entries:
                    self._section(item, path)
                else:
                    self._rule(item, path, "")
        return tuple(self.rules), tuple(self.sections)

    def _items(self, node: Node, path: str) -> list[tuple[Node, str]]:
        if isinstance(node, Sequence):
            return [(item, f"{path}[{i}]") for i, item in enumerate(node.items)]
        self.reader.problems.add(node.line, path, mark("expected a list of rules"))
        return []

    def _section(self, node: MappingNode, path: str) -> None:
        entries = read_options(self.reader, node, path, SECTION_KEYS) or {}
        section_id = self._id(entries["section"], node, f"{path}.section")
        fields = _fields(self.reader, node, entries, path, section_id)
        self.sections.append(model.Section(**fields))
        if "rules" not in entries:
            self.reader.problems.add(node.line, path, mark("a section needs `rules:`, a list of its rules"))
            return
        if is_empty(entries["rules"]):
            return
        for item, inner in self._items(entries["rules"], f"{path}.rules"):
            if isinstance(item, MappingNode) and "section" in item.entries:
                self.reader.problems.add(item.line, inner, mark("a section cannot stand in another one"))
            else:
                self._rule(item, inner, section_id)

    def _rule(self, node: Node, path: str, section: str) -> None:
        entries = read_options(self.reader, node, path, RULE_KEYS)
        if entries is None:
            return
        rule_id = self._id(entries.get("id"), node, f"{path}.id")
        path = f"{path} ({rule_id})" if rule_id else path
        if "do" not in entries:
            told = mark("a rule needs `do:` with at least one action")
            self.reader.problems.add(node.line, path, told)
        fields = _fields(self.reader, node, entries, path, rule_id)
        self.rules.append(model.Rule(**fields, section=section))

    def _id(self, node: Node | None, item: Node, path: str) -> str:
        text = node.text if isinstance(node, Scalar) else ""
        line = item.line if node is None else node.line
        problems = self.reader.problems
        if not _ID.fullmatch(text):
            told = mark("an id is needed: up to 64 letters a-z, digits, hyphens, dots and underscores")
            problems.add(line, path, told)
        elif text in (DEFAULT_RULE, GUARD_RULE):
            problems.add(line, path, mark("{id} is kept for traces; choose another"), id=quoted(text))
        elif text in self.taken:
            told = mark("{id} is taken by the one in line {line}")
            problems.add(line, path, told, id=quoted(text), line=self.taken[text])
        self.taken.setdefault(text, item.line)
        return text[:64]


def _fields(reader: Reader, node: Node, entries: Mapping[str, Node], path: str, id_: str) -> dict[str, Any]:
    """The fields of a rule or section, by the names of the model."""
    fields: dict[str, Any] = {"id": id_, "name": id_, "line": node.line}
    for key, name, read in _FIELDS:
        if key in entries:
            fields[name] = read(reader, entries[key], f"{path}.{key}")
    check_order(reader, node, path, fields.get("first", ""), fields.get("last", ""))
    return fields


def _on(reader: Reader, node: Node, path: str) -> tuple[On, ...]:
    events = read_texts(reader, node, path)
    for event in events:
        if event not in EVENTS:
            reader.problems.unknown(node.line, path, "event", event, EVENTS)
    return cast(tuple[On, ...], events)


def _then(reader: Reader, node: Node, path: str) -> model.Then:
    return cast(model.Then, read_choice(reader, node, path, THENS) or "stop")


def _enabled(reader: Reader, node: Node, path: str) -> bool:
    return read_flag(reader, node, path) is not False


def _label(reader: Reader, node: Node, path: str) -> str:
    if isinstance(node, Scalar) and node.value is not None and len(node.text) <= 4_000:
        return node.text
    reader.problems.add(node.line, path, mark("expected a text of up to {most} characters"), most=4_000)
    return ""


_FIELDS: tuple[tuple[str, str, Callable[[Reader, Node, str], Any]], ...] = (
    ("name", "name", _label),
    ("note", "note", _label),
    ("enabled", "enabled", _enabled),
    ("from", "first", check_date),
    ("until", "last", check_date),
    ("on", "on", _on),
    ("when", "when", read_guard),
    ("do", "actions", read_actions),
    ("then", "then", _then),
)
