"""The blob suite, over files and over chunks in the store."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors._failpoint import FailpointError, armed
from connectors.contract import BlobId
from hub.blobs import ChunkBlobs, FileBlobs
from hub.store import schema
from hub.store.store import StorageFault, Store
from tests.hub.conftest import FakeClock

BIG = random.Random(1).randbytes(2_500_000)


@pytest.fixture(params=["files", "chunks"])
def blobs(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> FileBlobs | ChunkBlobs:
    if request.param == "files":
        return FileBlobs(store, tmp_path / "blobs", random.Random(2))
    return ChunkBlobs(store)


async def parts() -> AsyncIterator[bytes]:
    for start in range(0, len(BIG), 70_000):
        yield BIG[start : start + 70_000]


@pytest.mark.parametrize("content", [b"", b"x", BIG])
async def test_what_goes_in_comes_out(blobs: FileBlobs | ChunkBlobs, content: bytes) -> None:
    assert await blobs.get(await blobs.put(content)) == content


async def test_in_pieces(blobs: FileBlobs | ChunkBlobs, store: Store) -> None:
    key = await blobs.put(parts())
    assert await blobs.get(key) == BIG
    row = await store.read(lambda tx: tx.row(select(schema.blob).where(schema.blob.c.id == key)))
    assert row is not None
    assert (row.size, row.sha256) == (len(BIG), hashlib.sha256(BIG).hexdigest())


async def test_unknown(blobs: FileBlobs | ChunkBlobs) -> None:
    with pytest.raises(KeyError):
        await blobs.get(BlobId(1))


async def test_only_old_and_unowned_ones_are_swept(
    blobs: FileBlobs | ChunkBlobs, store: Store, clock: FakeClock
) -> None:
    owned, old = await blobs.put(b"owned"), await blobs.put(b"old")
    await store.write(lambda tx: tx.change(schema.blob, owned, owner=7))
    clock.move(hours=25)
    young = await blobs.put(b"young")
    assert await blobs.sweep() == 1
    assert (await blobs.get(owned), await blobs.get(young)) == (b"owned", b"young")
    with pytest.raises(KeyError):
        await blobs.get(old)


async def test_a_write_that_fails_leaves_no_file(store: Store, tmp_path: Path) -> None:
    kept = FileBlobs(store, tmp_path / "blobs", random.Random(3))
    with armed("blobs.sync.before=error"), pytest.raises(FailpointError):
        await kept.put(BIG)
    assert files(tmp_path) == []


async def test_a_store_that_cannot_note_it_leaves_no_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = FileBlobs(store, tmp_path / "blobs", random.Random(3))

    async def full(command: object) -> None:
        raise StorageFault("the disk is full")

    monkeypatch.setattr(store, "write", full)
    with pytest.raises(StorageFault):
        await kept.put(BIG)
    assert files(tmp_path) == []


async def test_what_a_killed_process_left_is_swept_a_day_later(
    sqlite_store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    kept = FileBlobs(sqlite_store, tmp_path / "blobs", random.Random(3))
    owned = await kept.put(b"owned")
    await sqlite_store.write(lambda tx: tx.change(schema.blob, owned, owner=7))
    with armed("blobs.note.before=error"), pytest.raises(FailpointError):
        await kept.put(b"never noted")
    assert len(files(tmp_path)) == 2

    def written(hours: float) -> None:
        at = clock.now() / 1e6 - hours * 3600
        for path in files(tmp_path):
            os.utime(path, (at, at))

    written(23)
    assert await kept.sweep() == 0
    written(25)
    assert await kept.sweep() == 0, "it looks once a day"
    clock.move(hours=24)
    assert await kept.sweep() == 1
    assert await kept.get(owned) == b"owned"


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]
