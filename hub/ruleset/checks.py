"""What is asked of a rule set before it is published: ``CHECKS`` is the list, once a text loads and its names exist.

:mod:`hub.ruleset.proving` has it asked beside the running hub. ``python -m hub.ruleset.checks`` is the child process
for large rule sets: an :class:`Order` comes in as JSON, a :class:`Proof` goes out.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from hub.config import Config
from hub.config_check import nearest
from hub.configfile import ConfigError
from hub.notice_texts import TEMPLATES
from hub.replay.protocol import Setting, config_of
from hub.rulefile import Expand, compile_source, known_names
from hub.ruleset.proof import Item, Proof, proof_of
from hub.store import schema
from hub.store.tx import Reader
from hub.wordforms import kept
from rules import Compiled, RuleFileError, RuleSet, load, references, samples
from rules.calling import names_in
from rules.errors import Problem
from rules.files.load import version_of
from rules.lint import lint
from rules.lint.finding import Finding
from rules.text import Text, mark

Known = Mapping[str, Collection[str]]
"""Names that rules may use, by kind of :class:`rules.Reference`; kinds that are missing are not checked."""

Check = Callable[[Compiled, str, Expand], Iterator[Item]]
"""What is asked of compiled rules; the date is the hub's today. The forms of words are those that they go by."""


def _tests(compiled: Compiled, today: str, expand: Expand) -> Iterator[Item]:
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


def _lint(compiled: Compiled, today: str, expand: Expand) -> Iterator[Item]:
    yield from map(item_of, lint(compiled.ruleset, today=today, expand=expand))


def item_of(found: Finding) -> Item:
    """What lint says, as one thing that the checks found."""
    return Item(
        part="lint",
        level=found.level,
        code=found.code,
        rule=found.rule,
        name=found.name,
        line=found.line,
        text=found.text,
        advice=found.advice,
    )


CHECKS: tuple[Check, ...] = (_tests, _lint)

NICE = 5

CHANNELS = (
    *("callback", "chat", "comments", "email", "form", "instagram", "messenger", "phone", "sms", "telegram"),
    *("webhook", "whatsapp", "x", "xmpp"),
)
"""The channels that exist, whether or not an inbox has one: rules for a channel may stand there before its inbox."""

ROLES = ("agent", "moderator", "supervisor", "administrator")
"""Names that ``notify`` takes besides logins, teams and queues."""

_UNKNOWN = {
    "channels": mark("There is no channel “{name}”."),
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


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the child process is asked."""

    setting: Setting
    source: str
    name: str
    names: dict[str, list[str]]
    now: int


def configured(config: Config) -> Known:
    """The names that rules may use as far as the configuration and the program know them: all but people."""
    return {
        **known_names(config),
        "channels": CHANNELS,
        "answers": sorted(TEMPLATES),
        "webhooks": [hook.id for hook in config.hooks],
    }


def known(tx: Reader, config: Config) -> Known:
    """All names that rules may use now, those of the database included."""
    user = schema.user.c
    statement = select(user.login).where(user.active.is_(True)).order_by(user.login)
    logins = [row.login for row in tx.rows(statement)]
    teams = [team.id for team in config.teams]
    queues = [queue.id for queue in config.queues]
    return {
        **configured(config),
        "users": logins,
        "notified": [*logins, *ROLES, *teams, *queues],
    }


def check(config: Config, source: str, name: str, names: Known, now: int) -> Checked:
    """Everything that is asked of a text, but for what only the store knows of office and messages. Takes seconds for
    thousands of rules."""
    digest = version_of(source)
    try:
        compiled = compile_source(config, source, name)
    except ConfigError:
        items = [*_form(source, name, names)]
        return Checked(proof=proof_of(digest, now, items, rules=0, tests=0, loads=False))
    ruleset = compiled.ruleset
    today = datetime.fromtimestamp(now / 1e6, ZoneInfo(config.hub.zone)).date().isoformat()
    items = [*names_of(ruleset, names), *items_of(compiled, today, kept(config.hub.data_dir))]
    proof = proof_of(digest, now, items, rules=len(ruleset.rules), tests=len(ruleset.samples))
    return Checked(proof=proof, compiled=compiled)


def items_of(compiled: Compiled, today: str, expand: Expand) -> list[Item]:
    """What tests and lint say of compiled rules."""
    return [item for ask in CHECKS for item in ask(compiled, today, expand)]


def _form(source: str, name: str, names: Known) -> Iterator[Item]:
    """Why a text cannot be compiled."""
    try:
        yield from names_of(load(source, name), names)
    except RuleFileError as error:
        yield from map(_problem, error.problems)


def _problem(problem: Problem) -> Item:
    return Item(part="form", level="error", text=problem.text, key=problem.key, line=problem.line)


def names_of(ruleset: RuleSet, names: Known) -> Iterator[Item]:
    """The names in a rule set that do not exist, of the kinds in ``names``."""
    called = names_in(ruleset)
    for use in references(ruleset):
        if use.kind in names and use.kind in _UNKNOWN and use.name not in names[use.kind]:
            near = nearest(use.name, names[use.kind])
            yield Item(
                part="names",
                level="error",
                rule=use.rule,
                name=called.get(use.rule, ""),
                line=use.line,
                text=Text(_UNKNOWN[use.kind], {"name": use.name}),
                advice=Text(_NEAREST, {"name": near.split('"')[1]}) if near else Text(_CHOOSE),
            )


def main() -> None:
    """The child process; messages come first."""
    os.nice(NICE)
    # It ends before cycles could add up; looking for them would take a fifth of its time.
    gc.disable()
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    proof = check(config_of(order.setting), order.source, order.name, order.names, order.now).proof
    sys.stdout.buffer.write(msgspec.json.encode(proof))


if __name__ == "__main__":
    main()
