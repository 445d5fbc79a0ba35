"""The blocks of a rule file's text: which lines are a rule's, a section's, a word list's, and what they say.

A *block* is a rule (section, word list, condition, schedule, sample) with the comments directly above it and those
indented below it. :mod:`rules.editing.edit` takes blocks out, puts them in, moves and replaces them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rules.editing.dump import Data, Written
from rules.editing.places import Lines, Spot, locate
from rules.errors import Problems
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar, parse
from rules.files.yamltree import Sequence as SequenceNode
from rules.text import Text, mark

Kind = Literal["rule", "section", "words", "condition", "schedule", "sample", "default"]

HOMES: Mapping[Kind, str] = {
    "rule": "rules",
    "section": "rules",
    "words": "words",
    "condition": "conditions",
    "schedule": "schedules",
    "sample": "tests",
    "default": "",
}
"""Under which key of the file each kind stands; the default stands in the file itself, as ``default``."""

NAMED = {"rule": "id", "section": "section", "sample": "name"}


class Refused(Exception):
    """The text cannot be changed this way; ``text`` says why, and what to do."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(str(text))


@dataclass(slots=True)
class Parsed:
    """A text with its meaning and its places; ``mark`` is a byte order mark that was cut off."""

    text: str
    tree: Node
    spot: Spot
    lines: Lines
    mark: str = ""


@dataclass(slots=True)
class Block:
    """Lines ``first`` … ``last`` (excluded) of an item whose dash or key stands in ``column``; ``line`` is the one it
    stands on. ``keeps``: it ends in a text that takes blank lines below it as its own (``|+``)."""

    first: int
    last: int
    line: int
    column: int
    keeps: bool = False


@dataclass(slots=True)
class Place:
    """Where a block stands: the collection with its key, the blocks in it, and which of them it is."""

    key: Spot
    home: Spot
    homes: Node
    blocks: list[Block]
    index: int

    @property
    def block(self) -> Block:
        return self.blocks[self.index]


# --- reading ---------------------------------------------------------------------------------------------------


def read(source: str, *, alone: bool = False) -> Parsed:
    """The text with its places; ``alone``: it is that of one block, not of a file. Raises :class:`Refused` for what is
    no YAML, or more than one document."""
    bom = source[:1] if source.startswith("\ufeff") else ""
    text = source[len(bom) :]
    tree = tree_of(text, alone=alone)
    spot = locate(text)
    if spot is None:
        raise _unreadable(Problems(""), alone)
    return Parsed(text, tree, spot, Lines(text), bom)


def tree_of(source: str, *, alone: bool = False) -> Node:
    """What a text says, without the places. Raises :class:`Refused` as :func:`read` does."""
    problems = Problems("")
    tree = parse(source.removeprefix("\ufeff"), problems)
    if problems.found or tree is None:
        raise _unreadable(problems, alone)
    return tree


def _unreadable(problems: Problems, alone: bool) -> Refused:
    if not problems.found:
        return Refused(Text(mark("The text is empty.")))
    first = problems.found[0]
    said = mark("Line {line}: {why}. Correct it in the text of the whole file first.")
    return Refused(
        Text(mark("Line {line}: {why}.") if alone else said, {"line": first.line, "why": first.text})
    )


def plain(node: Node, number: type[str] = Written) -> Data:
    """A node as plain data. A number that is not written as its plain self (``007``) stays as it is written, as a
    ``number``."""
    if isinstance(node, MappingNode):
        return {key: plain(item, number) for key, item in node.entries.items()}
    if isinstance(node, SequenceNode):
        return [plain(item, number) for item in node.items]
    if type(node.value) in (int, float) and str(node.value) != node.text:
        return number(node.text)
    return node.value


def same(node: Node | None, wanted: Data) -> bool:
    """Whether a node says what plain data say, in the same order; a number may be given as the text it is written."""
    if isinstance(node, MappingNode):
        if not isinstance(wanted, Mapping) or list(node.entries) != list(wanted):
            return False
        return all(same(item, wanted[key]) for key, item in node.entries.items())
    if isinstance(node, SequenceNode):
        if not isinstance(wanted, Sequence) or isinstance(wanted, str) or len(wanted) != len(node.items):
            return False
        return all(map(same, node.items, wanted))
    if node is None or isinstance(wanted, Mapping | list | tuple):
        return False
    if isinstance(wanted, str) and type(node.value) in (int, float):
        return node.text == wanted
    return type(node.value) is type(wanted) and node.value == wanted


def equal(one: Node | None, other: Node | None) -> bool:
    """Whether two nodes say the same, wherever they stand."""
    if isinstance(one, MappingNode) and isinstance(other, MappingNode):
        keys = list(one.entries)
        return keys == list(other.entries) and all(equal(one.entries[k], other.entries[k]) for k in keys)
    if isinstance(one, SequenceNode) and isinstance(other, SequenceNode):
        return len(one.items) == len(other.items) and all(map(equal, one.items, other.items))
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return type(one.value) is type(other.value) and one.value == other.value and one.text == other.text
    return one is None and other is None


# --- finding ---------------------------------------------------------------------------------------------------


def find(parsed: Parsed, kind: Kind, name: str) -> Place:
    """Where the block of that name stands. Raises :class:`Refused` when it is missing, twice there, or in brackets."""
    found = [at for home in homes(parsed, kind) for at in named(*home, kind, name)]
    if not found:
        raise Refused(Text(mark("There is no “{name}” here any more."), {"name": name}))
    if len(found) > 1:
        raise Refused(
            Text(
                mark("“{name}” stands here twice. Rename one in the text of the whole file first."),
                {"name": name},
            )
        )
    key, home, node, index = found[0]
    return Place(key, home, node, blocks_of(parsed, home), index)


def homes(parsed: Parsed, kind: Kind) -> list[tuple[Spot, Spot, Node]]:
    """The collections that such blocks stand in: for rules the list of the file and those of its sections."""
    if kind == "default":
        return [(parsed.spot, parsed.spot, parsed.tree)]
    top = child(parsed.spot, parsed.tree, HOMES[kind])
    if top is None:
        return []
    if kind != "rule":
        return [top]
    inner = [child(spot, node, "rules") for spot, node in _pairs(top[1], top[2])]
    return [top, *(home for home in inner if home is not None)]


def child(spot: Spot, node: Node, key: str) -> tuple[Spot, Spot, Node] | None:
    if not isinstance(node, MappingNode) or key not in node.entries:
        return None
    at = next(i for i, name in enumerate(spot.keys) if name.text == key)
    return spot.keys[at], spot.items[at], node.entries[key]


def _pairs(spot: Spot, node: Node) -> list[tuple[Spot, Node]]:
    children = node.items if isinstance(node, SequenceNode) else []
    return list(zip(spot.items, children, strict=True)) if children else []


def named(key: Spot, home: Spot, node: Node, kind: Kind, name: str) -> list[tuple[Spot, Spot, Node, int]]:
    """Where in a collection the blocks of that name are."""
    if isinstance(node, MappingNode):
        return [(key, home, node, i) for i, entry in enumerate(node.entries) if entry == name]
    return [(key, home, node, i) for i, item in enumerate(items_of(node)) if name in _own_name(item, kind)]


def blocks_of(parsed: Parsed, home: Spot) -> list[Block]:
    """The blocks of a collection, in order."""
    if home.flow:
        said = mark(
            "These stand in brackets on shared lines, which cannot be changed one by one. "
            "Write each on lines of its own in the text of the whole file first."
        )
        raise Refused(Text(said))
    blocks: list[Block] = []
    for head, item in zip(home.heads, home.items, strict=True):
        blocks.append(_block(parsed, head, item, blocks[-1].last if blocks else 0))
    return blocks


def _block(parsed: Parsed, head: int, item: Spot, floor: int) -> Block:
    lines, text = parsed.lines, parsed.text
    line = lines.of(head)
    column = head - lines.start(line)
    end = max(item.end, head + 1)
    last = lines.of(end - 1) + 1
    rest = text[end : lines.start(last)].strip() if not ends_line(text, end) else ""
    if text[lines.start(line) : head].strip(" ") or (rest and not rest.startswith("#")):
        raise shared(line)
    keeps = _last_leaf(item).keeps
    if not keeps:
        while lines.is_blank(last - 1):
            last -= 1
    last = _with_comments_below(lines, last, column)
    first = line
    while first > floor and lines.is_comment(first - 1):
        first -= 1
    return Block(first, last, line, column, keeps)


def ends_line(text: str, end: int) -> bool:
    return end > 0 and text[end - 1] in "\n\r\x85\u2028\u2029"


def shared(line: int) -> Refused:
    said = mark(
        "Line {line} holds more than one thing, so it cannot be changed here. "
        "Write each on lines of its own in the text of the whole file first."
    )
    return Refused(Text(said, {"line": line + 1}))


def _last_leaf(spot: Spot) -> Spot:
    while spot.items:
        spot = spot.items[-1]
    return spot


def _with_comments_below(lines: Lines, last: int, column: int) -> int:
    """Behind the comments below that are indented deeper than the item, so belong to it."""
    line = last
    while line < len(lines) and (
        lines.is_blank(line) or (lines.is_comment(line) and lines.column(line) > column)
    ):
        line += 1
        if lines.is_comment(line - 1):
            last = line
    return last


# --- taking out ------------------------------------------------------------------------------------------------


def block(source: str, kind: Kind, name: str) -> str:
    """The text of a block with its comments, not indented, its lines ended by ``\\n``."""
    parsed = read(source)
    return text_of(parsed, find(parsed, kind, name).block)


def text_of(parsed: Parsed, at: Block) -> str:
    taken = [parsed.text[parsed.lines.start(i) : parsed.lines.start(i + 1)] for i in range(at.first, at.last)]
    return "".join(_dedented(line, at.column) for line in taken)


def _dedented(line: str, column: int) -> str:
    bare = line.rstrip("\r\n\x85\u2028\u2029")
    indent = len(bare) - len(bare.lstrip(" "))
    return bare[min(indent, column) :] + "\n"


def rule_source(source: str, name: str) -> str:
    """The text of one rule: ``- id: …`` with the comments above it."""
    return block(source, "rule", name)


def fields_of(source: str, name: str, kind: Kind = "rule") -> Data:
    """What a block says as plain data: a rule as a mapping, a word list as its list."""
    parsed = read(source)
    return plain(node_of(find(parsed, kind, name)))


def node_of(place: Place) -> Node:
    """What the block of a place says."""
    if isinstance(place.homes, MappingNode):
        return list(place.homes.entries.values())[place.index]
    return items_of(place.homes)[place.index]


def digest(source: str, name: str, kind: Kind = "rule") -> str:
    """Sixteen hexadecimal digits that change when the text of the block does."""
    return digest_of(block(source, kind, name))


def digest_of(text: str) -> str:
    """The same of a block's own text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def names(source: str, kind: Kind) -> tuple[str, ...]:
    """The names of all blocks of a kind, in order; rules with those in sections."""
    tree = tree_of(source)
    home = tree.entries.get(HOMES[kind]) if isinstance(tree, MappingNode) else None
    if isinstance(home, MappingNode):
        return tuple(home.entries)
    return tuple(name for item in items_of(home) for name in _names_in(item, kind))


def _names_in(item: Node, kind: Kind) -> list[str]:
    inner = items_of(item.entries.get("rules")) if kind == "rule" and isinstance(item, MappingNode) else []
    return _own_name(item, kind) + [name for rule in inner for name in _own_name(rule, kind)]


def _own_name(item: Node, kind: Kind) -> list[str]:
    said = item.entries.get(NAMED.get(kind, "")) if isinstance(item, MappingNode) else None
    return [said.text] if isinstance(said, Scalar) else []


def items_of(node: Node | None) -> list[Node]:
    return node.items if isinstance(node, SequenceNode) else []


# --- a block alone ------------------------------------------------------------------------------------------------


def item_of(text: str, kind: Kind = "rule") -> Parsed:
    """A block's own text read alone: a list of one item, or a mapping of one entry. Raises :class:`Refused`."""
    parsed = read(text if text.endswith("\n") else f"{text}\n", alone=True)
    count = len(parsed.spot.items)
    listed = isinstance(parsed.tree, SequenceNode)
    if count != 1 or listed != (kind in NAMED) or parsed.spot.flow:
        expected = mark("The text must hold one entry that begins with “{start}”.")
        raise Refused(Text(expected, {"start": f"- {NAMED[kind]}: …" if kind in NAMED else mark("name:")}))
    blocks_of(parsed, parsed.spot)
    return parsed


def name_of(text: str, kind: Kind = "rule") -> str:
    """The name that a block's own text gives it."""
    tree = item_of(text, kind).tree
    if isinstance(tree, MappingNode):
        return next(iter(tree.entries))
    found = _names_in(items_of(tree)[0], kind)
    if not found:
        raise Refused(
            Text(
                mark("The text must hold one entry that begins with “{start}”."),
                {"start": f"- {NAMED[kind]}: …"},
            )
        )
    return found[0]
