"""The model of a disk and the reader of records, against what POSIX says and what strace prints."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos.power.disk import SECTOR, WAYS, Disk, Way
from tests.chaos.power.trace import Step, Unreadable, What, read

ROOT = "/r"


class Doing:
    """Steps on a disk, one after the other."""

    def __init__(self) -> None:
        self.disk = Disk(ROOT)
        self._line = 0

    def do(self, what: What, path: str, offset: int = 0, content: bytes = b"", target: str = "") -> Doing:
        self._line += 1
        line = {"asked": self._line, "answered": self._line}
        self.disk.step(Step(what=what, path=path, offset=offset, content=content, target=target, **line))
        return self

    def left(self, way: Way, seed: int = 0) -> dict[str, bytes]:
        return self.disk.after_cut(random.Random(seed), way)

    def ever(self, way: Way) -> set[bytes | None]:
        """What a cut may leave of /r/a, over many lots."""
        return {self.left(way, seed).get("/r/a") for seed in range(300)}


def written() -> Doing:
    return Doing().do("create", "/r/a").do("write", "/r/a", 0, b"old")


def test_synced_with_its_name_it_is_there() -> None:
    doing = written().do("sync", "/r/a").do("sync", ROOT)
    for way in WAYS:
        assert doing.ever(way) == {b"old"}


def test_without_a_sync_of_the_folder_the_name_may_be_lost() -> None:
    assert written().do("sync", "/r/a").ever("some") == {b"old", None}
    assert written().do("sync", "/r/a").left("nothing") == {}


def test_without_a_sync_of_the_file_its_content_may_be_lost() -> None:
    doing = written().do("sync", ROOT)
    assert doing.left("nothing") == {"/r/a": b""}
    assert {b"old", b""} <= doing.ever("some")


def test_a_sync_covers_only_what_was_answered_before() -> None:
    doing = written().do("sync", ROOT)
    doing.disk.step(Step(what="sync", path="/r/a", asked=2, answered=9))
    assert doing.left("nothing") == {"/r/a": b""}, "the write was answered in line 2 as well"


def test_a_killed_process_loses_nothing() -> None:
    doing = written().do("write", "/r/a", 1, b"XY")
    assert doing.left("everything") == {"/r/a": b"oXY"}


def test_writes_are_torn_at_sectors_and_reordered() -> None:
    doing = (
        Doing()
        .do("create", "/r/a")
        .do("write", "/r/a", 0, b"." * 2 * SECTOR)
        .do("sync", "/r/a")
        .do("sync", ROOT)
    )
    doing.do("write", "/r/a", 0, b"1" * 2 * SECTOR).do("write", "/r/a", 0, b"2" * SECTOR)
    found = {(content[:1], content[SECTOR : SECTOR + 1]) for content in doing.ever("torn") if content}
    assert found == {(a, b) for a in (b".", b"1", b"2") for b in (b".", b"1")}


def test_a_folder_that_is_lost_takes_its_files_with_it() -> None:
    doing = Doing().do("mkdir", "/r/d").do("create", "/r/d/a").do("sync", "/r/d/a").do("sync", "/r/d")
    assert doing.left("nothing") == {}
    assert doing.do("sync", ROOT).left("nothing") == {"/r/d/a": b""}


def test_a_rename_is_the_old_name_or_the_new_one() -> None:
    doing = written().do("sync", "/r/a").do("sync", ROOT)
    doing.do("create", "/r/b").do("write", "/r/b", 0, b"new").do("sync", "/r/b").do(
        "rename", "/r/b", target="/r/a"
    )
    assert doing.ever("some") == {b"old", b"new"}
    assert doing.do("sync", ROOT).left("nothing") == {"/r/a": b"new"}


def test_a_truncation_may_be_lost_too() -> None:
    doing = written().do("sync", "/r/a").do("sync", ROOT).do("truncate", "/r/a", 1)
    assert {b"old", b"o"} <= doing.ever("some")


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def a_record(folder: Path, *lines: str) -> Path:
    file = folder / "record"
    file.write_text("".join(f"7 {n}.5 {line}\n" for n, line in enumerate(lines)))
    return file


def test_calls_are_read(tmp_path: Path) -> None:
    a = hexed("/r/a")
    file = a_record(
        tmp_path,
        f'openat(AT_FDCWD<{hexed("/x")}>, "{a}", O_RDWR|O_CREAT, 0644) = 4<{a}>',
        f'write(4<{a}>, "{hexed("12")}", 2) = 2',
        f'write(4<{a}>, "{hexed("345")}", 3) = 1',
        f'pwrite64(4<{a}>, "{hexed("6")}", 1, 90) = 1',
        f'pwrite64(4<{a}>, "{hexed("7")}", 1, 91) = -1 ENOSPC (No space left on device)',
        f"fdatasync(4<{a}>) = 0",
        f'openat(AT_FDCWD<{hexed("/x")}>, "{hexed("/else")}", O_RDWR|O_CREAT, 0644) = 5<{hexed("/else")}>',
        f'unlink("{a}") = 0',
    )
    found = [(step.what, step.offset, step.content) for step in read(file, Path(ROOT))]
    assert found == [
        ("create", 0, b""),
        ("write", 0, b"12"),
        ("write", 2, b"3"),
        ("write", 90, b"6"),
        ("sync", 0, b""),
        ("unlink", 0, b""),
    ]


def test_a_call_that_others_interrupted_is_put_together(tmp_path: Path) -> None:
    a = hexed("/r/a")
    file = tmp_path / "record"
    file.write_text(
        f'1 1.0 pwrite64(4<{a}>, "{hexed("xy")}", 2, 5 <unfinished ...>\n'
        f"2 1.1 fsync(4<{a}> <unfinished ...>\n"
        "1 1.2 <... pwrite64 resumed>) = 2\n"
        "2 1.3 <... fsync resumed>) = 0\n"
    )
    write, sync = read(file, Path(ROOT))
    assert (write.what, write.offset, write.content, write.asked, write.answered) == ("write", 5, b"xy", 0, 2)
    assert (sync.what, sync.asked, sync.answered) == ("sync", 1, 3)


@pytest.mark.parametrize(
    "line", ['pwritev(4<{a}>, [{{iov_base="{a}", iov_len=4}}], 1, 0) = 4', 'write(4<{a}>, "{a}"..., 9) = 9']
)
def test_what_is_not_understood_is_an_error(tmp_path: Path, line: str) -> None:
    with pytest.raises(Unreadable):
        list(read(a_record(tmp_path, line.format(a=hexed("/r/a"))), Path(ROOT)))
