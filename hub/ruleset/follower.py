"""Makes the running hub take over what is published, wherever it was published, and publishes what is due.

The loop is rung by this process's own publications and looks every two seconds by itself, so that the command line,
another node and a set time are taken over too. Compiling happens in a thread; then the house is swapped whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from sqlalchemy import select

from connectors.contract import Clock, Log
from hub.cautions import Cautions
from hub.config import Config
from hub.configfile import ConfigError
from hub.house import House
from hub.rulefile import compile_source
from hub.ruleset.checks import check as check_source
from hub.ruleset.checks import known
from hub.ruleset.drafts import Draft
from hub.ruleset.files import Outcome, last_import, take_file, waiting_draft
from hub.ruleset.lifecycle import due, publish_due
from hub.ruleset.proving import prove_draft
from hub.ruleset.versions import published_number, ruleset, source_of
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Reader
from hub.wake import Wake
from rules import Compiled
from rules.files.load import version_of
from rules.text import Text, mark

POLL = 2.0
"""Seconds between two looks when nothing rang."""

OLDER = 20
"""How many earlier versions are tried at a start when the published one cannot be used."""

NOT_TAKEN = mark(
    "Version {version} of the rules is published but cannot be used here, and version {running} stays in force. "
    "{problems} Correct the configuration, or publish rules that fit it."
)
FILE_WAITS = mark(
    "The rule file was changed and not published by itself: newer rules were published in the console, or the checks "
    "found mistakes. What the file says waits as draft {draft}: publish it or discard it."
)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A version that runs here."""

    version: int
    compiled: Compiled


# --- at the start and on a reload ---------------------------------------------------------------------------------


async def import_file(store: Store, config: Config, source: str, name: str, now: int) -> Outcome:
    """Take in the rule file's text if it changed. Raises ConfigError when it cannot be used."""
    if (await store.read(last_import)).digest == version_of(source):
        return "same"
    await asyncio.to_thread(compile_source, config, source, name)
    names = await store.read(lambda tx: known(tx, config))
    checked = await asyncio.to_thread(check_source, config, source, name, names, now)
    return await store.write(lambda tx: take_file(tx, source, checked.proof))


async def usable(store: Store, config: Config, cautions: Cautions, *, older: bool) -> Taken:
    """The published version, compiled; where it does not fit the configuration and ``older`` allows it, the newest
    earlier one that does. Raises ConfigError."""
    statement = select(ruleset.c.version).order_by(ruleset.c.state, ruleset.c.version.desc()).limit(OLDER)
    numbers = [row.version for row in await store.read(lambda tx: tx.rows(statement))]
    refused: ConfigError | None = None
    for number in numbers if older else numbers[:1]:
        try:
            taken = Taken(version=number, compiled=await _compiled(store, config, number))
        except ConfigError as error:
            refused = refused or error
            continue
        cautions.say("rules", _not_taken(numbers[0], number, refused) if refused is not None else None)
        return taken
    raise refused or RuntimeError("no version of the rules was ever published")


async def _compiled(store: Store, config: Config, number: int) -> Compiled:
    source = await store.read(lambda tx: source_of(tx, number))
    return await asyncio.to_thread(compile_source, config, source or "", f"rules version {number}")


def _not_taken(version: int, running: int, error: ConfigError) -> Text:
    return Text(NOT_TAKEN, {"version": version, "running": running, "problems": str(error)[:500]})


# --- while the hub runs -------------------------------------------------------------------------------------------


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    published: int
    due: tuple[Draft, ...]
    file_draft: int | None


def _look(tx: Reader) -> _Seen:
    return _Seen(published=published_number(tx), due=tuple(due(tx)), file_draft=waiting_draft(tx))


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the loop works with. ``swap(house, taken)`` puts a version into force unless the house was swapped since;
    ``after`` is what else must happen then."""

    store: Store
    clock: Clock
    house: Callable[[], House]
    swap: Callable[[House, Taken], bool]
    after: Callable[[House], Awaitable[object]]
    cautions: Cautions
    log: Log


async def follow_rules(parts: Parts, wake: Wake) -> None:
    """Until cancelled: publish what is due, take over what is published."""
    refused: tuple[int, House] | None = None
    while True:
        try:
            seen = await parts.store.read(_look)
            for draft in seen.due:
                await publish_at_time(parts.store, parts.house(), draft, parts.clock.now(), parts.log)
            if seen.due:
                seen = await parts.store.read(_look)
            file_waits = Text(FILE_WAITS, {"draft": str(seen.file_draft)}) if seen.file_draft else None
            parts.cautions.say("rules-file", file_waits)
            house = parts.house()
            if seen.published != house.rules_version and refused != (seen.published, house):
                refused = None if await take_over(parts, house, seen.published) else (seen.published, house)
        except (StorageFault, StoreFull):
            pass  # the store tells of its outage itself; the next look comes
        await wake.wait(parts.clock, POLL)


async def take_over(parts: Parts, house: House, number: int) -> bool:
    """Compile a version for a house and put it into force; False where it cannot be used here."""
    try:
        compiled = await _compiled(parts.store, house.directory.config, number)
    except ConfigError as error:
        parts.cautions.say("rules", _not_taken(number, house.rules_version, error))
        return False
    if parts.swap(house, Taken(version=number, compiled=compiled)):
        parts.cautions.say("rules", None)
        parts.log.info("rules taken over", version=number, rules=len(compiled.rules))
        await parts.after(parts.house())
    return True


async def publish_at_time(store: Store, house: House, draft: Draft, now: int, log: Log) -> int | None:
    """Publish a draft that waits no longer, provided that it passes its checks now; returns the version, or None."""
    checked = await prove_draft(store, house.directory, draft, now)
    number = await store.write(lambda tx: publish_due(tx, house, draft.id, draft.revision, checked.proof))
    if number is not None:
        log.info("a draft was published at its time", draft=draft.id, version=number)
    return number
