"""YAML text as a tree of nodes that know their lines.

Built from the parser's events with a stack of our own, so that hostile nesting cannot exhaust Python's, and
anchors and aliases are refused (named lists and conditions do their work without hidden copies). Plain scalars are
resolved by the YAML 1.2 core schema: ``on``, ``yes`` and ``no`` are ordinary words, as people expect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from rules.errors import Problems
from rules.files.yaml_mistakes import mistake
from rules.text import mark

MAX_DEPTH = 24
MAX_BYTES = 16_000_000

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text of a rule needs and no database takes; it can only come from an escape in quotation marks."""

_INT = re.compile(r"[-+]?[0-9]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,15}\.[0-9]{0,15}|\.[0-9]{1,15})")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}


class Scalar(msgspec.Struct, gc=False):
    """A leaf: ``value`` as resolved, ``text`` as written. It holds no container, so the collector need not look."""

    line: int
    text: str
    value: str | int | float | bool | None


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys (always text) with their nodes, in order; ``lines`` says where each key stands."""

    line: int
    entries: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Open:
    """A collection that is being read; ``key`` is the mapping key whose value comes next."""

    node: Sequence | Mapping
    key: str | None = None


def parse(text: str, problems: Problems) -> Node | None:
    """The tree of the one document in ``text``; None when there is none (``problems`` then says why)."""
    if len(text) > MAX_BYTES:
        problems.add(1, "", mark("the file is longer than {most} characters"), most=MAX_BYTES)
        return None
    builder = _Builder(problems)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if not builder.feed(event):
                return None
    except (yaml.YAMLError, UnicodeError) as error:
        line, told = mistake(text, error)
        problems.add(line, "", told)
        return None
    return builder.root


class _Builder:
    """Puts events together; ``feed`` returns False when reading on makes no sense."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.root: Node | None = None
        self.stack: list[_Open] = []
        self.documents = 0

    def feed(self, event: Any) -> bool:
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            self.problems.add(
                line, "", mark("anchors and aliases are not used here: name a list or a condition instead")
            )
            return False
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._open(Sequence(line))
        if isinstance(event, yaml.MappingStartEvent):
            return self._open(Mapping(line))
        if isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.problems.add(
                    line, "", mark("a rule file is one document: remove the '---' and what follows")
                )
                return False
        return True

    def _scalar(self, event: Any, line: int) -> bool:
        if _CONTROL.search(event.value):
            self.problems.add(line, "", mark("a control character cannot stand in a text: remove its escape"))
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.node, Mapping) and top.key is None:
            top.key = event.value
            if event.value in top.node.entries:
                self.problems.add(line, event.value, mark("this key stands here twice"))
            top.node.lines[event.value] = line
            return True
        value = resolve(event.value) if event.implicit[0] else event.value
        self._put(Scalar(line, event.value, value))
        return True

    def _open(self, node: Sequence | Mapping) -> bool:
        if self.stack and isinstance(self.stack[-1].node, Mapping) and self.stack[-1].key is None:
            self.problems.add(node.line, "", mark("a key must be plain text"))
            return False
        if len(self.stack) >= MAX_DEPTH:
            self.problems.add(node.line, "", mark("nested deeper than {most} levels"), most=MAX_DEPTH)
            return False
        self._put(node)
        self.stack.append(_Open(node))
        return True

    def _put(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is not None:
            top.node.entries[top.key] = node
            top.key = None


def resolve(text: str) -> str | int | float | bool | None:
    """What a plain scalar means by the YAML 1.2 core schema, without its octal, hexadecimal and exponent forms."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
