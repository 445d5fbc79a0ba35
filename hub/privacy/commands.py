"""What the command line does with a person's data, as handlers that the running hub serves on its control socket.

The same handlers work on a store opened by the command itself while no hub runs; see :mod:`hub.cli_store`.
"""

from __future__ import annotations

import base64
from typing import Any, Protocol

import msgspec

from connectors.contract import BlobId
from hub import audit
from hub.control import CommandFailed, Handler
from hub.privacy.erase import MEANWHILE, erase, hold, naming
from hub.privacy.export import export
from hub.privacy.people import Person, also_named, find, subject
from hub.scope import SYSTEM, Conflict, NotFound
from hub.store.store import Store
from hub.store.tx import Tx

MANY = 2_000
"""Originals that are looked at in one read."""


class Keeper(Protocol):
    """The part of the blobs that is needed here."""

    async def get(self, key: BlobId) -> bytes:
        """The bytes. Raises KeyError."""

    async def sweep(self) -> int:
        """Remove what nothing refers to."""


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``person``: see :func:`hub.privacy.people.find`. ``files``: with the bytes of all files, in base64."""

    person: str
    files: bool = False


def handlers(store: Store, blobs: Keeper) -> dict[str, Handler]:
    """By command."""

    async def hand_out(arguments: dict[str, Any]) -> Any:
        asked = msgspec.convert(arguments, Who)
        person = await _found(store, asked.person)
        record = await store.read(lambda tx: export(tx, person))
        await _with_files(blobs, record, asked.files)
        named = await store.read(lambda tx: also_named(tx, person))
        about, detail = subject(person), {"files": asked.files}
        await store.write(lambda tx: audit.record(tx, SYSTEM.user, "contact-exported", about, detail))
        return record | {"also_named_by": named}

    async def take_away(arguments: dict[str, Any]) -> Any:
        asked = msgspec.convert(arguments, Who)
        person = await _found(store, asked.person)
        originals = await _originals(store, person)
        named = await store.read(lambda tx: also_named(tx, person))

        def command(tx: Tx) -> Any:
            hold(tx, person)
            if find(tx, asked.person) != person:
                raise Conflict(MEANWHILE)
            return erase(tx, SYSTEM, person, originals)

        try:
            done = await store.write(command)
        except Conflict as refused:
            raise CommandFailed(f"{refused}.") from refused
        await blobs.sweep()
        return {**msgspec.to_builtins(done), "also_named_by": named}

    return {"contact.export": hand_out, "contact.erase": take_away}


async def _found(store: Store, words: str) -> Person:
    try:
        return await store.read(lambda tx: find(tx, words))
    except NotFound:
        raise CommandFailed(
            "Nobody is known by that. Name an e-mail address, a telephone number, KIND:ADDRESS (telegram:12345), or "
            "the reference number of a conversation."
        ) from None
    except Conflict as several:
        raise CommandFailed(f"{several}.") from several


async def _originals(store: Store, person: Person) -> list[int]:
    """Raws that hold an address of the person though no message of theirs refers to them."""
    found: list[int] = []
    after: int | None = -1
    while after is not None:
        begin = after
        part, after = await store.read(lambda tx, begin=begin: naming(tx, person.addresses, begin, MANY))  # type: ignore[misc]
        found += part
    return found


async def _with_files(blobs: Keeper, record: dict[str, Any], wanted: bool) -> None:
    """The bytes in the place of the blob's number; null where they are not there (or not wanted)."""
    messages = [m for conversation in record["conversations"] for m in conversation["messages"]]
    for message in (*messages, *record["messages_elsewhere"]):
        for file in message["files"]:
            key = file.pop("blob")
            file["content"] = await _content(blobs, key) if wanted and key is not None else None


async def _content(blobs: Keeper, key: int) -> str | None:
    try:
        return base64.b64encode(await blobs.get(BlobId(key))).decode("ascii")
    except KeyError:
        return None
