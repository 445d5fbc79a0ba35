"""What the command line does with rules, as handlers that the running hub serves on its control socket.

The same handlers work on a store opened by the command itself while no hub runs; see :mod:`hub.cli_store`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from connectors.contract import Clock
from hub.control import CommandFailed, Handler
from hub.directory import Directory
from hub.ruleset.drafts import Draft, open_draft
from hub.ruleset.lifecycle import Refused, publish
from hub.ruleset.proof import Item, Proof
from hub.ruleset.proving import prove_draft
from hub.ruleset.versions import published, version
from hub.scope import SYSTEM, Conflict, NotFound
from hub.store.store import Store


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version; without a number the published one."""

    version: int | None = None


class Import(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that becomes a draft, and, if wished for, the published version."""

    source: str
    publish: bool = False
    note: str = ""


class Premises(msgspec.Struct, frozen=True):
    """As much of a house as there is without a running hub."""

    directory: Directory


def handlers(store: Store, directory: Callable[[], Directory], clock: Clock) -> dict[str, Handler]:
    """By command. ``directory`` gives the configured house as it is now."""

    async def source(arguments: dict[str, Any]) -> Any:
        asked = msgspec.convert(arguments, Which)
        try:
            found = await store.read(
                lambda tx: version(tx, SYSTEM, asked.version) if asked.version is not None else published(tx)
            )
        except NotFound:
            raise CommandFailed(f"There is no version {asked.version} of the rules.") from None
        if found is None:
            raise CommandFailed("No rules were published in this store yet.")
        return {"version": found.version, "source": found.source}

    async def take(arguments: dict[str, Any]) -> Any:
        wish = msgspec.convert(arguments, Import)
        try:
            made = await store.write(lambda tx: open_draft(tx, SYSTEM, None, wish.source, wish.note))
        except Conflict as conflict:
            raise CommandFailed(str(conflict)) from conflict
        proof = (await prove_draft(store, directory(), made, clock.now())).proof
        number = await _published(store, directory(), made, wish.note, proof) if wish.publish else None
        return {"draft": made.id, "version": number, "findings": [told(item) for item in proof.items]}

    return {"rules.source": source, "rules.import": take}


async def _published(store: Store, directory: Directory, made: Draft, note: str, proof: Proof) -> int:
    house = Premises(directory)
    try:
        return await store.write(lambda tx: publish(tx, house, SYSTEM, made.id, 1, note, proof=proof))
    except Conflict as conflict:
        lines = [f"{conflict} The text is kept as draft {made.id}."]
        if isinstance(conflict, Refused):
            lines += [told(item) for item in conflict.proof.errors]
        raise CommandFailed("\n".join(lines)) from conflict


def told(item: Item, source: str = "") -> str:
    """What a check found as a line for a terminal: place, level, what, what to do."""
    place = (
        f"{source or 'line'}{':' if source else ' '}{item.line}: "
        if item.line
        else f"{source}: " * bool(source)
    )
    rule = f"{item.rule}: " if item.rule else f"{item.key}: " if item.key else ""
    text = str(item.text)
    text = text if text.endswith(("?", ".")) else f"{text}."
    advice = f" {item.advice}" if item.advice.msgid else ""
    return f"{place}{item.level}: {rule}{text}{advice}"
