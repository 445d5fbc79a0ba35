"""Has a rule set checked beside the running hub: outside any transaction, and never so that messages wait.

A small text is checked in a thread. A large one would keep the interpreter busy for seconds, so a child process checks
it while this one only compiles it, which has to be done anyway to put it into force.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections import OrderedDict

import msgspec

from hub.config import Config
from hub.configfile import ConfigError
from hub.directory import Directory
from hub.replay.protocol import setting_of
from hub.replay.runs import last_replay
from hub.rulefile import compile_source
from hub.ruleset.checks import Checked, Known, Order, check, item_of, known
from hub.ruleset.drafts import Draft
from hub.ruleset.lint import office
from hub.ruleset.proof import Proof, Replayed, proof_of
from hub.store.store import Store
from rules import Compiled

LARGE = 150_000
"""Characters from which a child process is worth its start: some thousand rules."""

LIMIT = 120.0
"""Seconds that a child may take; ten thousand rules need some ten."""

KEPT = 4
DAY = 86_400_000_000

_last: OrderedDict[bytes, Checked] = OrderedDict()
"""What was said of the texts asked about last: a page shows it, and a moment later the text is published."""


async def prove(store: Store, directory: Directory, source: str, name: str, now: int) -> Checked:
    """Everything that is asked of a text before it is published; ``name`` is what it is called (``draft 7``)."""
    config = directory.config
    names = await store.read(lambda tx: known(tx, config))
    checked = await _checked(config, source, name, names, now)
    if checked.compiled is None:
        return checked
    found = await office(store, directory, checked.compiled.ruleset)
    before, items = checked.proof, [*checked.proof.items, *map(item_of, found)]
    proof = proof_of(before.digest, now, items, rules=before.rules, tests=before.tests)
    proof = msgspec.structs.replace(proof, left_out=proof.left_out + before.left_out)
    return msgspec.structs.replace(checked, proof=proof)


async def prove_draft(store: Store, directory: Directory, draft: Draft, now: int) -> Checked:
    """The same of a draft, with what the last replay of this very text said."""
    checked = await prove(store, directory, draft.source, f"draft {draft.id}", now)
    run = await store.read(lambda tx: last_replay(tx, draft.id, draft.revision))
    if run is None:
        return checked
    replay = Replayed(run=run.id, messages=run.total, moved=run.moved)
    return msgspec.structs.replace(checked, proof=msgspec.structs.replace(checked.proof, replay=replay))


async def _checked(config: Config, source: str, name: str, names: Known, now: int) -> Checked:
    order = Order(
        setting=setting_of(config),
        source=source,
        name=name,
        names={kind: sorted(some) for kind, some in names.items()},
        now=now,
    )
    key = _key(order)
    if key not in _last:
        _last[key] = await (_at_large(config, order) if len(source) >= LARGE else _in_thread(config, order))
    _last.move_to_end(key)
    while len(_last) > KEPT:
        _last.popitem(last=False)
    return _last[key]


def _key(order: Order) -> bytes:
    """The same for what gives the same answer; the time counts by the day."""
    same = msgspec.structs.replace(order, now=order.now // DAY, name="")
    return hashlib.sha256(msgspec.json.encode(same)).digest()


async def _in_thread(config: Config, order: Order) -> Checked:
    return await asyncio.to_thread(check, config, order.source, order.name, order.names, order.now)


async def _at_large(config: Config, order: Order) -> Checked:
    """Checked by a child while it is compiled here; in this process where no child can be had."""
    proof, compiled = await asyncio.gather(
        asyncio.to_thread(_in_child, order), asyncio.to_thread(_compiled, config, order)
    )
    return Checked(proof=proof, compiled=compiled) if proof is not None else await _in_thread(config, order)


def _compiled(config: Config, order: Order) -> Compiled | None:
    try:
        return compile_source(config, order.source, order.name)
    except ConfigError:
        return None


def _in_child(order: Order) -> Proof | None:
    command = [sys.executable, "-m", "hub.ruleset.checks"]
    try:
        child = subprocess.run(  # noqa: S603 - the arguments are ours
            command, input=msgspec.json.encode(order), capture_output=True, timeout=LIMIT, check=True
        )
        return msgspec.json.decode(child.stdout, type=Proof)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError):
        return None
