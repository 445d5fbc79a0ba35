"""What is asked of a rule set before it is published, and where the answers come from.

:func:`prove` asks in a thread, beside the event loop and outside any transaction; publication then only compares the
digest. ``CHECKS`` is the list of what is asked once a text loads and its names exist.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from hub.config import Config
from hub.config_check import nearest
from hub.configfile import ConfigError
from hub.directory import Directory
from hub.notice_texts import TEMPLATES
from hub.replay.runs import last_replay
from hub.rulefile import compile_source, known_names
from hub.ruleset.drafts import Draft
from hub.ruleset.lint import office
from hub.ruleset.proof import Item, Proof, Replayed, proof_of
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader
from rules import Compiled, RuleFileError, RuleSet, load, references, samples
from rules.errors import Problem
from rules.finding import Finding
from rules.lint import lint
from rules.load import version_of
from rules.text import Text, mark

Known = Mapping[str, Collection[str]]
"""Names that rules may use, by kind of :class:`rules.Reference`; kinds that are missing are not checked."""

Check = Callable[[Compiled, str], Iterator[Item]]
"""What is asked of compiled rules; the date is the hub's today."""


def _tests(compiled: Compiled, today: str) -> Iterator[Item]:
    """The example messages that do not come out as expected."""
    for one in samples.check(compiled):
        if not one.passed:
            yield Item(
                part="tests",
                level="error",
                rule=one.name,
                line=one.line,
                text=one.differences[0],
                advice=Text(_TEST),
            )


def _lint(compiled: Compiled, today: str) -> Iterator[Item]:
    yield from map(_finding, lint(compiled.ruleset, compiled=compiled, today=today))


def _finding(found: Finding) -> Item:
    return Item(
        part="lint",
        level=found.level,
        code=found.code,
        rule=found.rule,
        line=found.line,
        text=found.text,
        advice=found.advice,
    )


CHECKS: tuple[Check, ...] = (_tests, _lint)

ROLES = ("agent", "moderator", "supervisor", "administrator")
"""Names that ``notify`` takes besides logins, teams and queues."""

_UNKNOWN = {
    "queues": mark("There is no queue “{name}” in the configuration."),
    "offices": mark("There is no office “{name}” in the configuration."),
    "inboxes": mark("There is no inbox “{name}” in the configuration."),
    "users": mark("There is no active account with the login “{name}”."),
    "answers": mark("There is no template “{name}”."),
    "webhooks": mark("There is no webhook “{name}” in the configuration."),
    "notified": mark("“{name}” is no login, role, team or queue: nobody would be told."),
}
_NEAREST = mark("Did you mean “{name}”?")
_TEST = mark("Correct the rules, or the test where it expects the wrong thing.")
_CHOOSE = mark("Choose one that exists, or add it first.")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks said, and the compiled rules where the text could be compiled."""

    proof: Proof
    compiled: Compiled | None = None


def known(tx: Reader, config: Config) -> Known:
    """All names that rules may use now, those of the database included."""
    user = schema.user.c
    statement = select(user.login).where(user.active.is_(True)).order_by(user.login)
    logins = [row.login for row in tx.rows(statement)]
    teams = [team.id for team in config.teams]
    queues = [queue.id for queue in config.queues]
    return {
        **known_names(config),
        "users": logins,
        "answers": sorted(TEMPLATES),
        "webhooks": [hook.id for hook in config.hooks],
        "notified": [*logins, *ROLES, *teams, *queues],
    }


async def prove(store: Store, directory: Directory, source: str, name: str, now: int) -> Checked:
    """Everything that is asked of a text before it is published; ``name`` is what it is called (``draft 7``)."""
    config = directory.config
    names = await store.read(lambda tx: known(tx, config))
    checked = await asyncio.to_thread(check, config, source, name, names, now)
    if checked.compiled is None:
        return checked
    found = await office(store, directory, checked.compiled.ruleset)
    before, items = checked.proof, [*checked.proof.items, *map(_finding, found)]
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


def check(config: Config, source: str, name: str, names: Known, now: int) -> Checked:
    """As :func:`prove`, in this thread and without what only the store knows of office and messages."""
    digest = version_of(source)
    try:
        compiled = compile_source(config, source, name)
    except ConfigError:
        items = [*_form(source, name, names)]
        return Checked(proof=proof_of(digest, now, items, rules=0, tests=0))
    ruleset = compiled.ruleset
    today = datetime.fromtimestamp(now / 1e6, ZoneInfo(config.hub.zone)).date().isoformat()
    items = [*_names(ruleset, names), *items_of(compiled, today)]
    proof = proof_of(digest, now, items, rules=len(ruleset.rules), tests=len(ruleset.samples))
    return Checked(proof=proof, compiled=compiled)


_LAST: deque[tuple[Compiled, str, list[Item]]] = deque(maxlen=4)
"""What was said of the rule sets that were asked about last: a page shows it, and a moment later it is published."""


def items_of(compiled: Compiled, today: str) -> list[Item]:
    """What tests and lint say of compiled rules; asking again for the same object is free."""
    for one, day, items in tuple(_LAST):
        if one is compiled and day == today:
            return items
    items = [item for ask in CHECKS for item in ask(compiled, today)]
    _LAST.append((compiled, today, items))
    return items


def _form(source: str, name: str, names: Known) -> Iterator[Item]:
    """Why a text cannot be compiled."""
    try:
        yield from _names(load(source, name), names)
    except RuleFileError as error:
        yield from map(_problem, error.problems)


def _problem(problem: Problem) -> Item:
    return Item(part="form", level="error", text=problem.text, key=problem.key, line=problem.line)


def _names(ruleset: RuleSet, names: Known) -> Iterator[Item]:
    for use in references(ruleset):
        if use.kind in names and use.kind in _UNKNOWN and use.name not in names[use.kind]:
            near = nearest(use.name, names[use.kind])
            yield Item(
                part="names",
                level="error",
                rule=use.rule,
                line=use.line,
                text=Text(_UNKNOWN[use.kind], {"name": use.name}),
                advice=Text(_NEAREST, {"name": near.split('"')[1]}) if near else Text(_CHOOSE),
            )
