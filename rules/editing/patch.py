"""Changing single fields of a block's text: what stays the same keeps its lines, its order and its comments.

``patch(text, data)`` makes the text of a rule say what ``data`` say with as few changes as it can: an entry, an item,
a value. Where the shape of the text leaves no way (brackets, a key on the line of a dash), the next larger part is
written anew, at last the whole block below the comments above it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.editing.blocks import (
    Kind,
    Parsed,
    Refused,
    blocks_of,
    find,
    item_of,
    items_of,
    plain,
    read,
    same,
    text_of,
)
from rules.editing.dump import Data, dump_entries, dump_item, entry, listed
from rules.editing.edit import Edit, replaced, spliced
from rules.editing.places import Spot
from rules.errors import Problems
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, parse
from rules.files.yamltree import Sequence as SequenceNode
from rules.text import Text, mark

ORDER = ("id", "section", "name", "note", "enabled", "from", "until", "on", "when", "do", "rules", "then")
"""In which order the keys of a rule or section usually stand."""


class _Cannot(Exception):
    """This part cannot be changed from inside; its parent tries."""


def set_field(source: str, name: str, key: str, value: Data, kind: Kind = "rule") -> str:
    """The source with one key of a rule (section, sample) set, or taken away where ``value`` is None."""
    parsed = read(source)
    place = find(parsed, kind, name)
    text = text_of(parsed, place.block)
    fields = plain(items_of(item_of(text, kind).tree)[0])
    if not isinstance(fields, Mapping):
        raise Refused(Text(mark("“{name}” has no fields.")))
    return replaced(parsed, place, patch(text, with_key(fields, key, value), kind), kind)


def with_key(fields: Mapping[str, Data], key: str, value: Data) -> Mapping[str, Data]:
    """Fields with one set (None: taken away); a new one stands where the keys of a rule usually do."""
    kept = {k: v for k, v in fields.items() if k != key or value is not None}
    if key in kept or value is None:
        return {**kept, key: value} if value is not None else kept
    rank = ORDER.index(key) if key in ORDER else len(ORDER)
    before = [k for k in kept if (ORDER.index(k) if k in ORDER else len(ORDER)) <= rank]
    return (
        {**{k: kept[k] for k in before}, key: value, **kept}
        if before == list(kept)[: len(before)]
        else {**kept, key: value}
    )


def patch(text: str, wanted: Data, kind: Kind = "rule") -> str:
    """A block's own text (as :func:`rules.editing.blocks.block` gives it), changed to say ``wanted``: the fields of a
    rule,
    the list or tree of a named entry."""
    parsed = item_of(text, kind)
    tree = parsed.tree
    meant: Data = [wanted] if isinstance(tree, SequenceNode) else {next(iter(_keys(tree))): wanted}
    if same(tree, meant):
        return text
    try:
        made = spliced(parsed, _changes(parsed, parsed.spot, tree, meant))
        if _says(made, meant):
            return made
    except (_Cannot, Refused):
        pass
    above = blocks_of(parsed, parsed.spot)[0]
    head = parsed.text[: parsed.lines.start(above.line)]
    return head + (dump_entries(meant) if isinstance(meant, Mapping) else dump_item(wanted))


def _keys(tree: Node) -> Sequence[str]:
    return list(tree.entries) if isinstance(tree, MappingNode) else []


def _says(text: str, meant: Data) -> bool:
    problems = Problems("")
    return same(parse(text, problems), meant) and not problems.found


def _changes(parsed: Parsed, spot: Spot, node: Node, wanted: Data) -> list[Edit]:
    """What to change inside a node that shall say something else."""
    if spot.flow or not spot.items:
        raise _Cannot
    if isinstance(node, MappingNode) and isinstance(wanted, Mapping):
        return _entries(parsed, spot, node, wanted)
    if isinstance(node, SequenceNode) and isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return _items(parsed, spot, node, wanted)
    raise _Cannot


# --- mappings ---------------------------------------------------------------------------------------------------


def _entries(parsed: Parsed, spot: Spot, node: MappingNode, wanted: Mapping[str, Data]) -> list[Edit]:
    old = list(node.entries)
    kept = [key for key in old if key in wanted]
    if not kept or kept != [key for key in wanted if key in node.entries]:
        raise _Cannot
    edits: list[Edit] = []
    for at, key in enumerate(old):
        if key not in wanted:
            edits.append(_taken(parsed, spot, at))
        elif not same(node.entries[key], wanted[key]):
            edits += _value(parsed, spot, at, key, node.entries[key], wanted[key])
    return edits + _added(parsed, spot, node, wanted)


def _value(parsed: Parsed, spot: Spot, at: int, key: str, node: Node, wanted: Data) -> list[Edit]:
    inner = spot.items[at]
    try:
        return _changes(parsed, inner, node, wanted)
    except (_Cannot, Refused):
        column = _column(parsed, spot.keys[at].start)
        lines = entry(key, wanted, column)
        start, end = spot.keys[at].start, max(inner.end, spot.keys[at].end)
        if not _ends_with_its_line(parsed, start, end):
            raise _Cannot from None
        return [(start, _before_line_end(parsed, end), _indented(lines, column))]


def _taken(parsed: Parsed, spot: Spot, at: int) -> Edit:
    lines, start = parsed.lines, spot.keys[at].start
    first = lines.of(start)
    if parsed.text[lines.start(first) : start].strip(" "):
        raise _Cannot
    own = blocks_of(parsed, _without_dash(parsed, spot))[at - _on_dash(parsed, spot)]
    return lines.start(own.first), lines.start(own.last), ""


def _added(parsed: Parsed, spot: Spot, node: MappingNode, wanted: Mapping[str, Data]) -> list[Edit]:
    edits: list[Edit] = []
    last: int | None = None
    for key, value in wanted.items():
        if key in node.entries:
            last = list(node.entries).index(key)
            continue
        if last is None:
            raise _Cannot
        column = _column(parsed, spot.keys[0].start)
        edits.append(_line_after(parsed, spot, last, _indented(entry(key, value, column), column), column))
    return edits


def _line_after(parsed: Parsed, spot: Spot, at: int, text: str, column: int) -> Edit:
    """A line (or several) directly below an entry or item."""
    end = max(spot.items[at].end, spot.heads[at] + 1)
    line = parsed.lines.of(end - 1)
    below = parsed.lines.start(line + 1)
    return below, below, f"{' ' * column}{text}\n"


def _on_dash(parsed: Parsed, spot: Spot) -> int:
    """1 when a mapping's first key stands on the line of a dash, which is no block of its own."""
    start = spot.keys[0].start
    return int(bool(parsed.text[parsed.lines.start(parsed.lines.of(start)) : start].strip(" ")))


def _without_dash(parsed: Parsed, spot: Spot) -> Spot:
    skip = _on_dash(parsed, spot)
    keys, items, heads = spot.keys[skip:], spot.items[skip:], spot.heads[skip:]
    return Spot(spot.kind, spot.start, spot.end, keys=keys, items=items, heads=heads)


# --- sequences --------------------------------------------------------------------------------------------------


def _items(parsed: Parsed, spot: Spot, node: SequenceNode, wanted: Sequence[Data]) -> list[Edit]:
    """Items at both ends that stay the same are left alone; those between are changed, taken away and added."""
    old = node.items
    ahead = 0
    while ahead < min(len(old), len(wanted)) and same(old[ahead], wanted[ahead]):
        ahead += 1
    behind = 0
    while behind < min(len(old), len(wanted)) - ahead and same(old[-1 - behind], wanted[-1 - behind]):
        behind += 1
    before, after = old[ahead : len(old) - behind], list(wanted[ahead : len(wanted) - behind])
    if not wanted:
        raise _Cannot
    edits: list[Edit] = []
    for i, (item, value) in enumerate(zip(before, after, strict=False)):
        if not same(item, value):
            edits += _item(parsed, spot, ahead + i, item, value)
    column = _column(parsed, spot.heads[0])
    if len(after) > len(before):
        more = [line for value in after[len(before) :] for line in listed(value, column)]
        edits.append(_among(parsed, spot, ahead + len(before), more, column))
    blocks = blocks_of(parsed, spot) if len(before) > len(after) else []
    for gone in blocks[ahead + len(after) : ahead + len(before)]:
        edits.append((parsed.lines.start(gone.first), parsed.lines.start(gone.last), ""))
    return edits


def _item(parsed: Parsed, spot: Spot, at: int, node: Node, wanted: Data) -> list[Edit]:
    inner = spot.items[at]
    try:
        return _changes(parsed, inner, node, wanted)
    except (_Cannot, Refused):
        start, end = spot.heads[at], max(inner.end, spot.heads[at] + 1)
        column = _column(parsed, start)
        if not _ends_with_its_line(parsed, start, end):
            raise _Cannot from None
        return [(start, _before_line_end(parsed, end), _indented(listed(wanted, column), column))]


def _among(parsed: Parsed, spot: Spot, at: int, lines: Sequence[str], column: int) -> Edit:
    text = _indented(lines, column)
    if at > 0:
        return _line_after(parsed, spot, at - 1, text, column)
    first = blocks_of(parsed, spot)[0].first
    start = parsed.lines.start(first)
    return start, start, f"{' ' * column}{text}\n"


# --- lines ------------------------------------------------------------------------------------------------------


def _column(parsed: Parsed, position: int) -> int:
    return position - parsed.lines.start(parsed.lines.of(position))


def _indented(lines: Sequence[str], column: int) -> str:
    """Lines of which the first begins where it is put."""
    first, *others = lines
    return "\n".join([first, *(" " * column + line if line else "" for line in others)])


def _before_line_end(parsed: Parsed, end: int) -> int:
    """Where a node ends, without the line end (and blank lines) that a block of text takes with it."""
    while end > 0 and parsed.text[end - 1] in "\n \t\r":
        end -= 1
    return end


def _ends_with_its_line(parsed: Parsed, start: int, end: int) -> bool:
    """Whether nothing but a comment follows on the line."""
    end = _before_line_end(parsed, end)
    rest = parsed.text[end : parsed.lines.start(parsed.lines.of(max(end - 1, start)) + 1)].strip()
    return not rest or rest.startswith("#")
