"""What a disk may hold after a power cut, as hard as POSIX allows.

A file's content is safe once an ``fsync`` of it was answered, a name once an ``fsync`` of its folder was. All else may
be there or not, each write for itself and in any order, torn at sectors or at a byte; a file may have grown without its
content. File systems in use are kinder (most keep names in order, many bring the name with the file); a hub that
passes here needs none of that.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from tests.chaos.power.trace import Step

SECTOR = 512

Way = Literal["nothing", "everything", "some", "torn", "ordered"]
WAYS: tuple[Way, ...] = ("nothing", "everything", "some", "torn", "ordered")
"""What survives of the unsynced: nothing; all of it (as when a process is killed); each write by lot; each sector by
lot; all up to some write, and that one up to some byte."""

Change = tuple[int, int, bytes | None]
"""Answered at, offset, content; None cuts the file off at the offset."""


class File:
    """What is safe of a file, and the changes that are not."""

    def __init__(self) -> None:
        self.safe = bytearray()
        self.waiting: list[Change] = []

    def sync(self, asked: int) -> None:
        """Everything answered before the sync was asked for is safe."""
        for answered, offset, content in self.waiting:
            if answered < asked:
                apply(self.safe, offset, content)
        self.waiting = [change for change in self.waiting if change[0] >= asked]


def apply(content: bytearray, offset: int, new: bytes | None) -> None:
    """Write at an offset (a gap is filled with zeros), or cut off there."""
    if new is None:
        del content[offset:]
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if new is not None:
        content[offset : offset + len(new)] = new


Entry = File | None
"""What a name stands for: a file, or None for a folder."""

Names = Mapping[str, Entry | Literal["gone"]]

Naming = tuple[int, frozenset[str], Names]
"""Answered at, the folders it changes, and the names with what they stand for afterwards. Of a folder that gets another
name these are its old one, gone, and its new one: what is in it goes with it."""


class Disk:
    """The disk under a program, moved on step by step. ``root`` itself is safe from the start."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._now: dict[str, Entry] = {}
        self._safe: dict[str, Entry] = {}
        self._waiting: list[Naming] = []

    def step(self, step: Step) -> None:
        """One more change or sync was answered."""
        match step.what:
            case "sync":
                self._sync(step)
            case "write":
                self._file(step.path).waiting.append((step.answered, step.offset, step.content))
            case "truncate":
                self._file(step.path).waiting.append((step.answered, step.offset, None))
            case "create" if step.path not in self._now:
                self._name(step, {step.path: File()})
            case "mkdir":
                self._name(step, {step.path: None})
            case "unlink" if step.path in self._now:
                self._name(step, {step.path: "gone"})
            case "rename":
                self._name(step, {step.path: "gone", step.target: self._now[step.path]})

    def _file(self, path: str) -> File:
        entry = self._now.get(path)
        return entry if entry is not None else File()  # of a file without a name nothing can be found again

    def _name(self, step: Step, names: Names) -> None:
        self._waiting.append((step.answered, frozenset(_folder(path) for path in names), names))
        _rename(self._now, names)

    def _sync(self, step: Step) -> None:
        self._file(step.path).sync(step.asked)
        left = []
        for naming in self._waiting:
            if step.path in naming[1] and naming[0] < step.asked:
                _rename(self._safe, naming[2])
            else:
                left.append(naming)
        self._waiting = left

    def after_cut(self, draw: random.Random, way: Way) -> dict[str, bytes]:
        """Paths and contents that may be found after a cut now; a file whose folder is lost is lost with it."""
        names = dict(self._safe)
        for _, _, change in _by_lot(draw, way, self._waiting):
            _rename(names, change)
        share = {path: draw.choice((0.1, 0.5, 0.9)) for path in names}
        return {
            path: _content(draw, way, entry, share[path])
            for path, entry in names.items()
            if entry is not None and self._reachable(names, path)
        }

    def _reachable(self, names: Mapping[str, Entry], path: str) -> bool:
        folder = _folder(path)
        while folder != self._root:
            if folder not in names:
                return False
            folder = _folder(folder)
        return True


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _rename(names: dict[str, Entry], change: Names) -> None:
    match list(change.items()):
        case [(old, "gone"), (new, None)] if old in names:
            for path in [path for path in names if path.startswith(f"{old}/")]:
                names[new + path.removeprefix(old)] = names.pop(path)
    for path, entry in change.items():
        if entry == "gone":
            names.pop(path, None)
        else:
            names[path] = entry


def _by_lot(draw: random.Random, way: Way, waiting: list[Naming]) -> Iterable[Naming]:
    match way:
        case "nothing":
            return ()
        case "everything":
            return waiting
        case "ordered":
            return waiting[: draw.randint(0, len(waiting))]
    return [naming for naming in waiting if draw.random() < 0.5]


def _content(draw: random.Random, way: Way, file: File, share: float) -> bytes:
    """What a file may hold. ``share`` is how much of the unsynced survives of this file, from 0 to 1."""
    found = bytearray(file.safe)
    for offset, content in _kept(draw, way, file.waiting, share):
        apply(found, offset, content)
    grown = max((offset + len(content) for _, offset, content in file.waiting if content), default=0)
    if way in ("some", "torn") and grown > len(found) and draw.random() < 0.5:
        more = draw.randint(0, grown - len(found))
        found += draw.randbytes(more) if draw.random() < 0.5 else bytes(more)
    return bytes(found)


def _kept(
    draw: random.Random, way: Way, waiting: list[Change], share: float
) -> Iterator[tuple[int, bytes | None]]:
    if way == "nothing":
        return
    last = draw.randint(0, len(waiting)) if way == "ordered" else len(waiting)
    for number, (_, offset, content) in enumerate(waiting):
        if way == "everything" or number < last:
            if way in ("everything", "ordered") or (way == "some" and draw.random() < share):
                yield offset, content
            elif way == "torn" and content is None:
                yield from [(offset, None)] if draw.random() < share else []
            elif way == "torn" and content is not None:
                yield from _sectors(draw, offset, content, share)
        elif number == last and content:
            yield offset, content[: draw.randint(0, len(content))]


def _sectors(
    draw: random.Random, offset: int, content: bytes, share: float
) -> Iterator[tuple[int, bytes | None]]:
    """The sectors of a write that reached the disk."""
    start = 0
    while start < len(content):
        end = min(len(content), (offset + start) // SECTOR * SECTOR + SECTOR - offset)
        if draw.random() < share:
            yield offset + start, content[start:end]
        start = end
