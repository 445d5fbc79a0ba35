"""What a program did to its files, read from strace: each change and each sync, in the order of the kernel's answers.

The recorder stands outside the program, so the whole hub is recorded as it is, SQLite's log and the files of blobs
alike, and no line of it knows. A change counts from the moment it was answered. A sync covers what had been answered
when it was asked for (POSIX, ``fsync``: what is queued at the time of the call).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CALLS = (
    "open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,fallocate,copy_file_range,sendfile,"
    "fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir"
)

LONGEST = 4_000_000
"""Bytes of one write that are recorded; a longer one is an error, never silently cut short."""

What = Literal["create", "truncate", "write", "sync", "unlink", "rename", "mkdir"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One change or sync. ``asked`` and ``answered`` are lines of the record; ``at`` is when, in seconds since 1970."""

    what: What
    path: str
    asked: int = 0
    answered: int = 0
    at: float = 0.0
    offset: int = 0
    """Of a write; of a truncation the length that is left."""
    content: bytes = b""
    target: str = ""
    """The new name of a rename."""


class Unreadable(Exception):
    """A call on a recorded file that this reader does not understand: the record would be worth nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    """One answered call: the path of its first descriptor, its strings, the numbers of its last arguments."""

    name: str
    words: str
    handle: str
    texts: list[bytes]
    numbers: list[int]
    result: int
    opened: str
    asked: int
    answered: int
    at: float


_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_RESULT = re.compile(r"\) += (-?\d+)(?:<([^>]*)>)?")
_HANDLE = re.compile(r"\w+\(\w+<([^>]*)>")
_TEXT = re.compile(r'"([^"]*)"(\.\.\.)?')
_NUMBER = re.compile(r", (\d+)(?=[,)])")
_UNFINISHED = "<unfinished ...>"


def command(record: Path) -> list[str]:
    """What to put before a command to have it recorded; the tracer stays outside the program's process group."""
    what = ["-q", "-e", "signal=none", "-e", f"trace={CALLS}"]
    shape = ["-ttt", "-y", "-xx", "-s", str(LONGEST), "-o", str(record)]
    return ["strace", "-f", "-DD", "--seccomp-bpf", *what, *shape]


def read(record: Path, root: Path) -> Iterator[Step]:
    """The steps on ``root`` and what is below it. Raises :class:`Unreadable`."""
    ends: dict[str, int] = {}  # where the next plain write goes; these files have one writer each
    for call in _calls(record, "".join(f"\\x{byte:02x}" for byte in str(root).encode())):
        yield from _steps(call, ends)


def _calls(record: Path, within: str) -> Iterator[_Call]:
    """Answered calls that name a path within; those that other threads interrupted are put together, failed ones go."""
    begun: dict[str, tuple[int, str]] = {}
    with record.open() as lines:
        for place, line in enumerate(lines):
            if (parts := _LINE.match(line)) is None:
                continue
            thread, at, text = parts[1], float(parts[2]), parts[3].rstrip()
            asked = place
            if text.endswith(_UNFINISHED):
                begun[thread] = (place, text.removesuffix(_UNFINISHED).rstrip())
                continue
            if resumed := _RESUMED.match(text):
                asked, first = begun.pop(thread)
                text = first + resumed[1]
            if within in text and (call := _call(text, asked, place, at)) is not None:
                yield call


def _call(text: str, asked: int, answered: int, at: float) -> _Call | None:
    texts = list(_TEXT.finditer(text))
    words = _TEXT.sub("_", text)
    result = _RESULT.search(words)
    if result is None or int(result[1]) < 0:
        return None
    name = words.partition("(")[0]
    if any(found[2] for found in texts):
        raise Unreadable(f"a {name} of more than {LONGEST} bytes")
    handle = _HANDLE.match(words)
    return _Call(
        name=name,
        words=words,
        handle=_plain(handle[1]).decode() if handle else "",
        texts=[_plain(found[1]) for found in texts],
        numbers=[int(number) for number in _NUMBER.findall(words)],
        result=int(result[1]),
        opened=_plain(result[2] or "").decode(),
        asked=asked,
        answered=answered,
        at=at,
    )


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _steps(call: _Call, ends: dict[str, int]) -> Iterator[Step]:
    def step(what: What, path: str, offset: int = 0, content: bytes = b"", target: str = "") -> Step:
        places = {"asked": call.asked, "answered": call.answered}
        return Step(what=what, path=path, at=call.at, offset=offset, content=content, target=target, **places)

    names = [text.decode(errors="replace") for text in call.texts[:2]]
    match call.name:
        case "open" | "openat" | "creat":
            ends[call.opened] = 0
            if "O_CREAT" in call.words or call.name == "creat":
                yield step("create", call.opened)
            if "O_TRUNC" in call.words or call.name == "creat":
                yield step("truncate", call.opened)
        case "pwrite64":
            yield step("write", call.handle, call.numbers[-1], call.texts[0][: call.result])
        case "write":
            start = ends.get(call.handle, 0)
            ends[call.handle] = start + call.result
            yield step("write", call.handle, start, call.texts[0][: call.result])
        case "ftruncate":
            yield step("truncate", call.handle, call.numbers[-1])
        case "fsync" | "fdatasync":
            yield step("sync", call.handle)
        case "unlink" | "unlinkat" | "rmdir":
            yield step("unlink", names[0])
        case "mkdir" | "mkdirat":
            yield step("mkdir", names[0])
        case "rename" | "renameat" | "renameat2":
            yield step("rename", names[0], target=names[1])
        case "sync_file_range":
            pass  # it promises nothing
        case _:
            raise Unreadable(
                f"{call.name} on {call.handle or names}: teach this reader what it does to a disk"
            )
