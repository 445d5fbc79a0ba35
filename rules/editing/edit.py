"""Changing one part of a rule file's text and leaving every other character alone.

Blocks (:mod:`rules.editing.blocks`) are put in, moved, replaced and removed as lines; :mod:`rules.editing.patch`
changes single fields. Whatever is done, the new text is read again and compared with what was meant: :class:`Refused`
is raised, with the reason in a sentence, rather than a broken file handed back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rules.editing.blocks import (
    HOMES,
    Block,
    Kind,
    Parsed,
    Place,
    Refused,
    block,
    blocks_of,
    child,
    digest,
    digest_of,
    ends_line,
    equal,
    fields_of,
    find,
    homes,
    item_of,
    items_of,
    name_of,
    named,
    names,
    node_of,
    read,
    rule_source,
    shared,
    text_of,
)
from rules.editing.dump import Data, dump_item
from rules.editing.places import Lines, Spot, newline_of
from rules.errors import Problems
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, parse
from rules.files.yamltree import Sequence as SequenceNode
from rules.text import Text, mark

__all__ = [
    "Kind",
    "Refused",
    "block",
    "digest",
    "digest_of",
    "dump_rule",
    "fields_of",
    "insert",
    "insert_rule",
    "insert_section",
    "move_rule",
    "move_section",
    "name_of",
    "names",
    "remove",
    "remove_rule",
    "replace",
    "replace_rule",
    "rule_source",
]

_ORDER = ("words", "conditions", "schedules", "rules", "tests", "default")

Edit = tuple[int, int, str]
"""Characters from, to (excluded), and what stands there instead."""

Changes = Mapping[int, Callable[[Node], Node]]
"""What becomes of collections, by ``id``."""


def replace(source: str, kind: Kind, name: str, text: str) -> str:
    """The source with ``text`` in the place of a block."""
    parsed = read(source)
    return replaced(parsed, find(parsed, kind, name), text, kind)


def replaced(parsed: Parsed, place: Place, text: str, kind: Kind) -> str:
    """The same of a text that has been read."""
    new, at = item_of(text, kind), place.block
    if text_of(parsed, at) == new.text:
        return parsed.mark + parsed.text
    made = _put(parsed, new.text, at.column)
    wanted = _changed(parsed.tree, {id(place.homes): _swap(place.index, place.index + 1, new.tree)})
    return checked(parsed, [(parsed.lines.start(at.first), parsed.lines.start(at.last), made)], wanted)


def replace_rule(source: str, name: str, text: str) -> str:
    """The source with another text of one rule; its id may change."""
    return replace(source, "rule", name, text)


def insert_rule(
    source: str, text: str, *, before: str | None = None, after: str | None = None, section: str | None = None
) -> str:
    """The source with one more rule: beside another, else as the last of a section, else as the last of all."""
    return _insert(source, "rule", text, _target(before, after, section))


def insert_section(source: str, text: str, *, before: str | None = None, after: str | None = None) -> str:
    """The source with one more section, beside a rule or section of the file's own list, else as the last."""
    return _insert(source, "section", text, _target(before, after, None))


def insert(source: str, kind: Kind, text: str) -> str:
    """The source with one more block, as the last of its kind."""
    return _insert(source, kind, text, _Target())


@dataclass(slots=True)
class _Target:
    """Beside ``beside`` (a rule, or a section), or as the last in ``section``, or as the last of all."""

    beside: str | None = None
    behind: bool = False
    section: str | None = None


def _target(before: str | None, after: str | None, section: str | None) -> _Target:
    return _Target(beside=before or after, behind=before is None, section=section)


def _insert(source: str, kind: Kind, text: str, target: _Target) -> str:
    parsed, new = read(source), item_of(text, kind)
    made = _Insertion.at(parsed, kind, target)
    wanted = made.meant(parsed.tree, new.tree)
    return checked(parsed, made.edits(parsed, new.text), wanted)


@dataclass(slots=True)
class _Insertion:
    """Where a block comes in: into a collection that has some (``blocks``), or none yet."""

    home: Node | None
    key: Spot | None
    spot: Spot | None
    blocks: list[Block]
    index: int
    top: str
    behind: bool = True

    @classmethod
    def at(cls, parsed: Parsed, kind: Kind, target: _Target) -> _Insertion:
        if target.beside is not None:
            place = _beside(parsed, kind, target.beside)
            index = place.index + target.behind
            return cls(place.homes, place.key, place.home, place.blocks, index, HOMES[kind], target.behind)
        parent_spot, parent = parsed.spot, parsed.tree
        if target.section is not None:
            place = find(parsed, "section", target.section)
            parent_spot, parent = place.home.items[place.index], node_of(place)
        home = child(parent_spot, parent, HOMES[kind])
        if home is None:
            if target.section is not None or not isinstance(parent, MappingNode) or parent_spot.flow:
                raise shared(parsed.lines.of(parent_spot.start))
            return cls(None, None, None, [], 0, HOMES[kind])
        key, spot, node = home
        blocks = blocks_of(parsed, spot) if spot.items else []
        return cls(node, key, spot, blocks, len(blocks), HOMES[kind])

    def meant(self, tree: Node, new: Node) -> Node:
        """The tree as it will be."""
        if self.home is not None or not isinstance(tree, MappingNode):
            return _changed(tree, {id(self.home): _swap(self.index, self.index, new)})
        entries = dict(tree.entries)
        order = [key for key in entries if _ORDER.index(self.top) < _rank(key)]
        before = order[0] if order else None
        made: dict[str, Node] = {}
        for key, value in entries.items():
            if key == before:
                made[self.top] = new
            made[key] = value
        made.setdefault(self.top, new)
        return MappingNode(tree.line, made)

    def edits(self, parsed: Parsed, text: str) -> list[Edit]:
        """What changes in the text."""
        if self.blocks:
            return [self._among(parsed, text)]
        if self.key is None or self.spot is None:
            return [self._first_of_file(parsed, text)]
        return _first_of_list(parsed, self.key, self.spot, text)

    def _among(self, parsed: Parsed, text: str) -> Edit:
        lines, blocks = parsed.lines, self.blocks
        made = _put(parsed, text, blocks[0].column)
        gap = newline_of(parsed.text) if _spaced(lines, blocks, text) else ""
        if not self.behind:
            at = lines.start(blocks[self.index].first)
            return at, at, made + gap
        at = lines.start(blocks[self.index - 1].last)
        return at, at, _line_end(parsed, at) + gap + made

    def _first_of_file(self, parsed: Parsed, text: str) -> Edit:
        """With its key, before the next of the keys as a file usually has them."""
        end = newline_of(parsed.text)
        made = f"{self.top}:{end}" + _put(parsed, text, 2)
        blocks = blocks_of(parsed, parsed.spot)
        later = [
            b for k, b in zip(parsed.spot.keys, blocks, strict=True) if _rank(k.text) > _ORDER.index(self.top)
        ]
        if later:
            at = parsed.lines.start(later[0].first)
            return at, at, made + end
        at = parsed.lines.start(blocks[-1].last)
        return at, at, _line_end(parsed, at) + end + made


def _first_of_list(parsed: Parsed, key: Spot, empty: Spot, text: str) -> list[Edit]:
    """In the place of ``[]``, ``{}`` or nothing behind the key."""
    lines = parsed.lines
    column = key.start - lines.start(lines.of(key.start)) + 2
    at = lines.start(lines.of(max(empty.end, key.end) - 1) + 1)
    made = _line_end(parsed, at) + _put(parsed, text, column)
    start = empty.start
    while empty.end > empty.start and parsed.text[start - 1] == " ":
        start -= 1
    return [(start, empty.end, ""), (at, at, made)]


def _rank(key: str) -> int:
    return _ORDER.index(key) if key in _ORDER else -1


def _beside(parsed: Parsed, kind: Kind, name: str) -> Place:
    """A rule or section that another shall stand beside; a section stands only in the file's own list."""
    kinds: tuple[Kind, ...] = ("rule", "section") if kind in ("rule", "section") else (kind,)
    for tried in kinds:
        if any(named(*home, tried, name) for home in homes(parsed, tried)):
            return find(parsed, tried, name)
    return find(parsed, kind, name)


def _spaced(lines: Lines, blocks: list[Block], text: str) -> bool:
    """Whether a blank line stands between the blocks, or a rule of several lines would like one. None is put where it
    would become part of a text."""
    if any(one.keeps for one in blocks) or text.endswith("\n\n"):
        return False
    if len(blocks) < 2:
        return text.count("\n") > 2 and blocks[0].last - blocks[0].first > 1
    return any(lines.is_blank(one.last) for one in blocks[:-1])


def _put(parsed: Parsed, text: str, column: int) -> str:
    """A block's own text as it stands in the file: indented, with the file's line ends."""
    end, indent = newline_of(parsed.text), " " * column
    bare = re.sub("\r\n|[\r\x85\u2028\u2029]", "\n", text).removesuffix("\n").split("\n")
    return "".join(f"{indent}{line}{end}" if line else end for line in bare)


def _line_end(parsed: Parsed, at: int) -> str:
    """A line end, where the text before has none yet (the last line of a file)."""
    return "" if at == 0 or ends_line(parsed.text, at) else newline_of(parsed.text)


# --- taking away and moving -------------------------------------------------------------------------------------


def remove(source: str, kind: Kind, name: str) -> str:
    """The source without a block."""
    parsed = read(source)
    place = find(parsed, kind, name)
    wanted = _changed(parsed.tree, {id(place.homes): _swap(place.index, place.index + 1, None)})
    return checked(parsed, _removal(parsed, place), wanted)


def remove_rule(source: str, name: str) -> str:
    """The source without one rule and the comments directly above it."""
    return remove(source, "rule", name)


def _removal(parsed: Parsed, place: Place) -> list[Edit]:
    lines, at = parsed.lines, place.block
    first, last = at.first, at.last
    floor = place.blocks[place.index - 1].last if place.index else 0
    if place.index < len(place.blocks) - 1 or place.blocks[place.index - 1].keeps:
        while last < len(lines) and lines.is_blank(last):
            last += 1
    else:
        while first > floor and lines.is_blank(first - 1):
            first -= 1
    edits = [(lines.start(first), lines.start(last), "")]
    if len(place.blocks) == 1:
        colon = parsed.text.index(":", place.key.end) + 1
        empty = " {}" if place.home.kind == "mapping" else " []"
        edits.insert(0, (colon, colon, empty))
    return edits


def move_rule(
    source: str, name: str, *, before: str | None = None, after: str | None = None, section: str | None = None
) -> str:
    """The source with one rule elsewhere: beside another rule or a section, or as the last of a section."""
    return _move(source, "rule", name, _target(before, after, section))


def move_section(source: str, name: str, *, before: str | None = None, after: str | None = None) -> str:
    """The source with one section and its rules elsewhere in the file's own list."""
    return _move(source, "section", name, _target(before, after, None))


def _move(source: str, kind: Kind, name: str, target: _Target) -> str:
    if target.beside == name:
        return source
    parsed = read(source)
    place, to = find(parsed, kind, name), _Insertion.at(parsed, kind, target)
    if to.home is place.homes and to.index in (place.index, place.index + 1):
        return source
    if kind == "section" and to.home is not place.homes:
        raise Refused(Text(mark("A section cannot stand inside another one.")))
    text = text_of(parsed, place.block)
    edits = [*to.edits(parsed, text), *_removal(parsed, place)]
    return checked(parsed, edits, _moved(parsed.tree, place, to))


def _moved(tree: Node, place: Place, to: _Insertion) -> Node:
    """The tree with one block elsewhere."""
    made = SequenceNode(0, [node_of(place)])
    out, into = _swap(place.index, place.index + 1, None), _swap(to.index, to.index, made)
    if to.home is not place.homes:
        return _changed(tree, {id(place.homes): out, id(to.home): into})
    if to.index > place.index:
        return _changed(tree, {id(place.homes): lambda home: out(into(home))})
    return _changed(tree, {id(place.homes): lambda home: into(out(home))})


# --- making sure ------------------------------------------------------------------------------------------------


def _swap(first: int, last: int, new: Node | None) -> Callable[[Node], Node]:
    """What replaces the items ``first`` … ``last`` of a collection by those of ``new``."""

    def swapped(home: Node) -> Node:
        if isinstance(home, MappingNode) or isinstance(new, MappingNode):
            pairs = list(home.entries.items()) if isinstance(home, MappingNode) else []
            pairs[first:last] = list(new.entries.items()) if isinstance(new, MappingNode) else []
            return MappingNode(home.line, dict(pairs))
        items = list(items_of(home))
        items[first:last] = items_of(new)
        return SequenceNode(home.line, items)

    return swapped


def _changed(tree: Node, changes: Changes, depth: int = 4) -> Node:
    """A copy of the tree in which collections are changed, as deep as the lists of sections are."""
    made = tree
    if depth and isinstance(tree, MappingNode):
        entries = {key: _changed(item, changes, depth - 1) for key, item in tree.entries.items()}
        made = MappingNode(tree.line, entries)
    elif depth and isinstance(tree, SequenceNode):
        made = SequenceNode(tree.line, [_changed(item, changes, depth - 1) for item in tree.items])
    change = changes.get(id(tree))
    return made if change is None else change(made)


def spliced(parsed: Parsed, edits: Sequence[Edit]) -> str:
    """The text with the edits made; they do not overlap."""
    text, made = parsed.text, []
    at = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        made += [text[at:start], new]
        at = max(at, end)
    return parsed.mark + "".join([*made, text[at:]])


def checked(parsed: Parsed, edits: Sequence[Edit], wanted: Node) -> str:
    """The same, read again and compared with what was meant."""
    made = spliced(parsed, edits)
    problems = Problems("")
    if not equal(parse(made.removeprefix("\ufeff"), problems), wanted) or problems.found:
        said = mark(
            "This cannot be changed here without changing something else, because of how the lines are indented. "
            "Change it in the text of the whole file."
        )
        raise Refused(Text(said))
    return made


def dump_rule(rule: Mapping[str, Data]) -> str:
    """A rule as text in the hand of the file: ``- id: …`` and its other keys below it."""
    return dump_item(rule)
