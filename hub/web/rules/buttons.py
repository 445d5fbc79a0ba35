"""What the buttons of a rule's form do to its tree of conditions: add, remove, move, wrap, dissolve; and where the
focus goes then."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.web.rules.parts import Part, fresh

Path = tuple[int, ...]


def path_of(text: str) -> Path:
    """``w-0-2`` as (0, 2)."""
    return tuple(int(step) for step in text.split("-")[1:] if step.isdecimal() and len(step) < 5)


def name_of(root: str, path: Path) -> str:
    """(0, 2) as ``w-0-2``."""
    return "-".join([root, *map(str, path)])


def at(root: Part, path: Path) -> Part | None:
    """The part at a path."""
    for step in path:
        if not 0 <= step < len(root.items):
            return None
        root = root.items[step]
    return root


def swapped(root: Part, path: Path, new: Sequence[Part]) -> Part:
    """The tree with the part at ``path`` replaced by some (or none)."""
    if not path:
        return new[0] if len(new) == 1 and new[0].group else msgspec.structs.replace(root, items=tuple(new))
    items = list(root.items)
    first, rest = path[0], path[1:]
    items[first : first + 1] = [swapped(items[first], rest, new)] if rest else new
    return msgspec.structs.replace(root, items=tuple(items))


def acted(root: Part, deed: str, path: Path, kind: str = "") -> tuple[Part, Path]:
    """The tree after a button was pressed, and the part that should have the focus then."""
    made, focus = _acted(root, deed, path, kind)
    while focus and at(made, focus) is None:
        focus = focus[:-1]  # what had it is gone: the group that it stood in
    return made, focus


def _acted(root: Part, deed: str, path: Path, kind: str) -> tuple[Part, Path]:
    part = at(root, path)
    if part is None:
        return root, ()
    if deed == "add" and part.group:
        grown = msgspec.structs.replace(part, items=(*part.items, fresh(kind)))
        return swapped(root, path, (grown,)), (*path, len(part.items))
    if not path:
        return root, ()
    match deed:
        case "remove":
            return swapped(root, path, ()), (*path[:-1], max(path[-1] - 1, 0))
        case "up" | "down":
            return _moved(root, path, -1 if deed == "up" else 1)
        case "out":
            return _out(root, path, part)
        case "wrap-all" | "wrap-any" | "wrap-not":
            return swapped(root, path, (Part(kind=deed[5:], items=(part,)),)), path
        case "unwrap" if part.group:
            return swapped(root, path, part.items), path
    return root, path


def _moved(root: Part, path: Path, by: int) -> tuple[Part, Path]:
    """One place up or down; into the group that is met there, out of its own at its ends."""
    parent = at(root, path[:-1])
    here = path[-1]
    if parent is None:
        return root, path
    if not 0 <= here + by < len(parent.items):
        return _out(root, path, parent.items[here], before=by < 0)
    part, met = parent.items[here], parent.items[here + by]
    items = list(parent.items)
    if met.group:
        inner = (*met.items, part) if by < 0 else (part, *met.items)
        items[here + by] = msgspec.structs.replace(met, items=inner)
        del items[here]
        place = (*path[:-1], here + min(by, 0), len(inner) - 1 if by < 0 else 0)
    else:
        items[here], items[here + by] = met, part
        place = (*path[:-1], here + by)
    return swapped(root, path[:-1], (msgspec.structs.replace(parent, items=tuple(items)),)), place


def _out(root: Part, path: Path, part: Part, *, before: bool = False) -> tuple[Part, Path]:
    """Beside the group that it stands in."""
    if len(path) < 2:
        return root, path
    group = at(root, path[:-1])
    if group is None:
        return root, path
    left = tuple(item for i, item in enumerate(group.items) if i != path[-1])
    smaller = (msgspec.structs.replace(group, items=left),) if left else ()
    both = (part, *smaller) if before else (*smaller, part)
    return swapped(root, path[:-1], both), (*path[:-2], path[-2] + (0 if before else len(smaller)))
