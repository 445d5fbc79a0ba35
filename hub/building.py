"""Building the parts of a hub from its configuration: store, blobs, house, connectors. No part runs yet."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from connectors.contract import (
    Appointments,
    Blobs,
    Budget,
    Capabilities,
    Channel,
    Clock,
    Connector,
    Egress,
    Env,
    InboxId,
    Log,
    Office,
    PublicThread,
    Siblings,
    Tokens,
    Translate,
    VisitorConversation,
)
from hub.blobs import ChunkBlobs, FileBlobs
from hub.config import Config, Inbox, Redis, Store
from hub.configfile import decode_settings
from hub.directory import Directory
from hub.house import House
from hub.rates import Rates
from hub.store.postgres import PostgresStore
from hub.store.sqlite import SqliteStore
from rules import Compiled

LASTING: Mapping[str, tuple[str, ...]] = {
    "hub": ("data_dir", "secret", "node", "roles", "lease_seconds", "log_format", "log_level"),
    "store": Store.__struct_fields__,
    "redis": Redis.__struct_fields__,
    "public": ("host", "port"),
    "private": ("host", "port", "certificate", "certificate_key"),
    "metrics": ("host", "port"),
    "intake": ("queue", "queue_bytes"),
    "outbox": ("workers", "breaker_failures", "breaker_seconds"),
    "stream": ("buffer",),
}
"""Settings by table of which parts are made that last as long as the process."""


def waits_for_restart(begun_with: Config, now: Config) -> list[str]:
    """Settings that have changed since the process began, and that no reload takes over."""
    names = [(table, key) for table, keys in LASTING.items() for key in keys]

    def value(config: Config, table: str, key: str) -> object:
        return getattr(getattr(config, table), key)

    return [".".join(name) for name in names if value(begun_with, *name) != value(now, *name)]


def make_store(config: Config, clock: Clock) -> SqliteStore | PostgresStore:
    """The store of the configured URL."""
    calls, size = config.intake.queue, config.intake.queue_bytes
    kind, _, rest = config.store.url.partition(":")
    if kind == "sqlite":
        return SqliteStore(Path(rest), clock, readers=config.store.readers, calls=calls, size=size)
    password = config.store.password.reveal() if config.store.password else None
    url = config.store.url
    connections = 2 * config.store.readers
    return PostgresStore(url, clock, password=password, connections=connections, calls=calls, size=size)


def outage_teller(log: Log) -> Callable[[str | None], None]:
    """Tells in the log that the storage fails, with the reason, and that it works again."""

    def tell(reason: str | None) -> None:
        if reason is not None:
            log.error("the storage failed: nothing is taken until it works", reason=reason)
        else:
            log.info("the storage works again")

    return tell


def make_blobs(
    config: Config, store: SqliteStore | PostgresStore, draw: random.Random
) -> FileBlobs | ChunkBlobs:
    """Files in the data folder beside SQLite, chunks in PostgreSQL."""
    if isinstance(store, SqliteStore):
        return FileBlobs(store, Path(config.hub.data_dir) / "blobs", draw)
    return ChunkBlobs(store)


def make_rates(config: Config, clock: Clock) -> Rates:
    """Where nodes share limits they count by the time of day, which all of them have."""
    shared = config.redis.url is not None
    return Rates((lambda: clock.now() / 1e6) if shared else clock.monotonic, shared=shared)


class Supplies(msgspec.Struct, frozen=True, kw_only=True):
    """What every connector's environment is made of."""

    clock: Clock
    draw: random.Random
    egress: Egress
    blobs: Blobs
    tokens: Tokens
    translate: Translate
    threads: PublicThread
    appointments: Appointments
    budget: Callable[[InboxId], Budget]
    chats: VisitorConversation
    siblings: Callable[[InboxId], Siblings]
    log: Callable[[str], Log]


def made_of(directory: Directory, inbox: Inbox) -> tuple[Inbox, Office, str]:
    """All of a configuration that an inbox's connector is made of: while it is the same, the connector stays."""
    office = directory.offices[inbox.office]
    seen = Office(id=office.id, name=office.name, zone=directory.zone(office.id), language=office.language)
    return inbox, seen, directory.config.hub.public_url


def make_connector(directory: Directory, inbox: Inbox, channel: Channel, supplies: Supplies) -> Connector:
    """One inbox's connector. Its own source of randomness keeps runs repeatable whatever the others draw."""
    _, office, public_url = made_of(directory, inbox)
    env = Env(
        inbox=InboxId(inbox.id),
        office=office,
        clock=supplies.clock,
        random=random.Random(supplies.draw.getrandbits(64)),
        egress=supplies.egress,
        blobs=supplies.blobs,
        tokens=supplies.tokens,
        translate=supplies.translate,
        log=supplies.log(inbox.id),
        public_url=public_url,
        threads=supplies.threads,
        appointments=supplies.appointments,
        budget=supplies.budget(InboxId(inbox.id)),
        chats=supplies.chats,
        siblings=supplies.siblings(InboxId(inbox.id)),
    )
    return channel.create(decode_settings(inbox, channel.config), env)


def make_house(
    directory: Directory,
    capabilities: Mapping[str, Capabilities],
    channels: Mapping[str, str],
    rules: Compiled,
    rules_version: int,
    tokens: Tokens,
    translate: Translate,
    draw: random.Random,
) -> House:
    """The house as services see it."""
    return House(
        directory=directory,
        capabilities=capabilities,
        channels=channels,
        rules=rules,
        rules_version=rules_version,
        tokens=tokens,
        translate=translate,
        random=draw,
    )
