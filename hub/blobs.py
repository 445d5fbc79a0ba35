"""Large bytes: files in a directory beside SQLite, rows in chunks on PostgreSQL. Small ones are rows of intake itself.

A blob is durable before the commit that refers to it, has a random name that says nothing, and one owner. What no
row refers to after 24 hours is swept; a backup copies the database first and the files after.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import delete, select

from connectors._failpoint import failpoint
from connectors.contract import BlobId
from hub.durable import make_folder, sync
from hub.store import schema
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Reader, Tx

CHUNK = 1 << 20
KEEP_UNOWNED = 24 * 3_600_000_000

blob, chunk = schema.blob, schema.blob_chunk

_OURS = re.compile("[0-9a-f]{32}")
"""Names that :class:`FileBlobs` gives."""


async def _parts(content: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        for start in range(0, len(content), CHUNK):
            yield content[start : start + CHUNK]
        return
    async for part in content:
        yield part


def _row(tx: Tx, size: int, digest: str, place: str, name: str | None = None) -> BlobId:
    values = {"size": size, "sha256": digest, "place": place, "name": name, "created_at": tx.now}
    return BlobId(tx.add(blob, values))


def _inline(tx: Reader, key: int) -> tuple[str, str | None, bytes | None]:
    """Where a blob is, its file's name, and its bytes where they are in the row. Raises KeyError."""
    row = tx.row(select(blob.c.place, blob.c.name, blob.c.content).where(blob.c.id == key))
    if row is None:
        raise KeyError(key)
    return row.place, row.name, row.content


class FileBlobs:
    """Files below ``folder``, in 256 sub-folders; for one machine."""

    def __init__(self, store: Store, folder: Path, draw: random.Random) -> None:
        self._store = store
        self._folder = folder
        self._draw = draw
        self._writing: set[str] = set()
        self._looked_at: int | None = None

    async def put(self, content: bytes | AsyncIterator[bytes]) -> BlobId:
        """Write, fsync the file and its folder, then note it."""
        name = f"{self._draw.getrandbits(128):032x}"
        self._writing.add(name)
        try:
            return await self._put(name, content)
        finally:
            self._writing.discard(name)

    async def _put(self, name: str, content: bytes | AsyncIterator[bytes]) -> BlobId:
        path = self._path(name)
        digest, size = hashlib.sha256(), 0
        handle = await asyncio.to_thread(_create, path)
        failpoint("blobs.created")
        try:
            async for part in _parts(content):
                digest.update(part)
                size += len(part)
                await asyncio.to_thread(handle.write, part)
            failpoint("blobs.sync.before")
            await asyncio.to_thread(_make_durable, handle, path)
        except BaseException:
            handle.close()
            path.unlink(missing_ok=True)
            raise
        failpoint("blobs.note.before")
        try:
            noted = await self._store.write(lambda tx: _row(tx, size, digest.hexdigest(), "file", name))
        except (StorageFault, StoreFull):  # whoever brings it comes again with all of it
            path.unlink(missing_ok=True)
            raise
        failpoint("blobs.noted")
        return noted

    async def get(self, key: BlobId) -> bytes:
        """Raises KeyError for an unknown id."""
        _, name, content = await self._store.read(lambda tx: _inline(tx, key))
        if name is None:
            return content or b""
        try:
            return await asyncio.to_thread(self._path(name).read_bytes)
        except FileNotFoundError as error:
            raise KeyError(key) from error

    async def sweep(self) -> int:
        """Remove what nothing refers to; returns how many."""
        names = [*filter(None, await self._store.write(forget_unowned)), *await self._strays()]
        for name in names:
            await asyncio.to_thread(self._path(name).unlink, missing_ok=True)
        return len(names)

    async def _strays(self) -> list[str]:
        """Files that no row names, once a day: whoever wrote one was killed before it was noted, or whoever swept its
        row was before the file was gone."""
        now = await self._store.read(lambda tx: tx.now)
        if self._looked_at is not None and now - self._looked_at < KEEP_UNOWNED:
            return []
        self._looked_at = now
        files = await asyncio.to_thread(_older, self._folder, now - KEEP_UNOWNED)
        return sorted(files - await self._store.read(_named) - self._writing) if files else []

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


class ChunkBlobs:
    """Rows of 1 MB on PostgreSQL, so that every node sees them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, content: bytes | AsyncIterator[bytes]) -> BlobId:
        """Chunks are committed one by one, the blob's row last with the whole hash."""
        key = await self._store.write(lambda tx: _row(tx, 0, "", "chunks"))
        digest, size, number = hashlib.sha256(), 0, 0
        async for part in _parts(content):
            digest.update(part)
            size += len(part)
            row = {"blob": key, "number": number, "content": part}
            await self._store.write(lambda tx, row=row: tx.execute(chunk.insert().values(row)))  # type: ignore[misc]
            number += 1
        await self._store.write(lambda tx: tx.change(blob, key, size=size, sha256=digest.hexdigest()))
        return key

    async def get(self, key: BlobId) -> bytes:
        """Raises KeyError for an unknown id."""

        def read(tx: Reader) -> bytes:
            place, _, content = _inline(tx, key)
            if place == "row":
                return content or b""
            if place == "file":  # it was lost before the data was moved here
                raise KeyError(key)
            rows = tx.rows(select(chunk.c.content).where(chunk.c.blob == key).order_by(chunk.c.number))
            return b"".join(row.content for row in rows)

        return await self._store.read(read)

    async def sweep(self) -> int:
        """Remove what nothing refers to; returns how many."""
        return len(await self._store.write(forget_unowned))


def forget_unowned(tx: Tx) -> list[str | None]:
    """Drop the rows of blobs that nothing has referred to for 24 hours; returns the name of each one's file, if any."""
    old = (blob.c.owner.is_(None)) & (blob.c.created_at < tx.now - KEEP_UNOWNED)
    rows = tx.rows(select(blob.c.id, blob.c.name).where(old).order_by(blob.c.id).with_for_update())
    keys = [row.id for row in rows]
    tx.execute(delete(chunk).where(chunk.c.blob.in_(keys)))
    tx.execute(delete(blob).where(blob.c.id.in_(keys)))
    return [row.name for row in rows]


def _named(tx: Reader) -> set[str]:
    return {row.name for row in tx.rows(select(blob.c.name).where(blob.c.place == "file"))}


def _older(folder: Path, before: int) -> set[str]:
    """Names of the files that were last written before a moment; only those that are named as ours are."""
    found: set[str] = set()
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        with contextlib.suppress(FileNotFoundError):  # taken away just now
            if _OURS.fullmatch(path.name) and path.stat().st_mtime_ns // 1000 < before:
                found.add(path.name)
    return found


def _create(path: Path) -> BinaryIO:
    make_folder(path.parent)
    return path.open("xb")


def _make_durable(handle: BinaryIO, path: Path) -> None:
    handle.flush()
    os.fsync(handle.fileno())
    handle.close()
    sync(path.parent)
