"""The configured store and the place of its large bytes, as objects: the one place that knows both engines."""

from __future__ import annotations

import random
from pathlib import Path
from urllib.parse import quote, urlsplit

from connectors.contract import Blobs, Clock
from hub.blobs import ChunkBlobs, FileBlobs
from hub.config import Config
from hub.store.postgres import PostgresStore
from hub.store.sqlite import SqliteStore
from hub.store.store import Store

BLOBS = "blobs"
"""The folder of large bytes within ``hub.data_dir``."""


def sqlite_path(config: Config) -> Path | None:
    """The database file of the embedded store; None on PostgreSQL."""
    kind, _, path = config.store.url.partition(":")
    return Path(path) if kind == "sqlite" else None


def make_store(config: Config, clock: Clock) -> Store:
    """The store of ``store.url``, not yet opened."""
    path = sqlite_path(config)
    calls, size = config.intake.queue, config.intake.queue_bytes
    if path is not None:
        return SqliteStore(path, clock, readers=config.store.readers, calls=calls, size=size)
    return PostgresStore(
        postgres_url(config), clock, connections=2 * config.store.readers, calls=calls, size=size
    )


def postgres_url(config: Config) -> str:
    """``store.url`` with ``store.password`` in it: a secret, for the driver only."""
    if not config.store.password:
        return config.store.url
    parts = urlsplit(config.store.url)
    user, _, host = parts.netloc.rpartition("@")
    login = f"{user or 'postgres'}:{quote(config.store.password.reveal(), safe='')}"
    return parts._replace(netloc=f"{login}@{host}").geturl()


def make_blobs(config: Config, store: Store, draw: random.Random) -> Blobs:
    """Where large bytes go: files beside SQLite, chunks in PostgreSQL."""
    if sqlite_path(config) is None:
        return ChunkBlobs(store)
    return FileBlobs(store, Path(config.hub.data_dir) / BLOBS, draw)
