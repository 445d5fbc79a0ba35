"""``centrala rules check``, ``test`` and ``explain``; the others are in :mod:`hub.cli_rulesets`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
import msgspec

from connectors.contract import InboxId, Message, Micros, ParseContext
from hub.cli_common import Exit, Failed, config_option, counted
from hub.cli_config import channel, read_config
from hub.cli_rulesets import diff_rules, export_rules, import_rules, replay_rules, text_of
from hub.clock import SystemClock
from hub.config import Config, Inbox
from hub.directory import directory
from hub.intake.facts import Clockwork, build_facts, with_texts
from hub.intake.load import Load
from hub.intake.state import Person
from hub.language import detect
from hub.rulefile import compile_source, read_rules, read_ruleset
from hub.ruleset.checks import configured, item_of, names_of
from hub.ruleset.commands import told
from hub.ruleset.proof import Item
from hub.ruleset.verdicts import set_by, wanted_alone
from hub.wordforms import kept_or_found
from rules import Compiled, Decision, Explanation, Facts, RuleSet, evaluate, explain, samples
from rules.files.write import write_action
from rules.lint import lint


@click.group()
def rules() -> None:
    """Check, test and compare routing rules; say why a message goes where it goes; export and import them."""


for _command in (diff_rules, export_rules, import_rules, replay_rules):
    rules.add_command(_command)


@rules.command(short_help="Check a rule file: form, names, lint.")
@config_option
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def check(config_path: Path, file: Path | None) -> None:
    """Check a rule file: its form, that every name in it exists, and what lint says.

    Names are those of queues, offices, inboxes, channels, templates and webhooks; logins only the hub knows. FILE is
    checked in the place of the configured one. Mistakes end with exit code 3; warnings and hints do not.
    """
    config = read_config(config_path)
    with _uncollected():
        ruleset = read_ruleset(config, file)
        found = _found(ruleset, config)
    name = str(file or config.hub.rules_file)
    for item in found:
        click.echo(told(item, name), err=item.level == "error")
    click.echo(f"{name}: {_counted(ruleset)}; version {ruleset.version}.")
    if any(item.level == "error" for item in found):
        raise Failed(f"{name} cannot be published.", Exit.CONFIGURATION)


def _found(ruleset: RuleSet, config: Config) -> list[Item]:
    """What is wrong with the names in a rule set, and what lint says of it."""
    today = datetime.now(ZoneInfo(config.hub.zone)).date().isoformat()
    told_by_lint = lint(ruleset, today=today, expand=kept_or_found(config.hub.data_dir))
    return [*names_of(ruleset, configured(config)), *map(item_of, told_by_lint)]


def _counted(ruleset: RuleSet) -> str:
    """How many rules there are, and how many of them are switched off, by themselves or with their section."""
    closed = {section.id for section in ruleset.sections if not section.enabled}
    off = sum(1 for rule in ruleset.rules if not rule.enabled or rule.section in closed)
    count = len(ruleset.rules)
    return f"{counted(count, 'rule', 'rules')}{f', {off} of them disabled' if off else ''}"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: in thousands of rules there are none, and looking for them takes a third of the
    time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@rules.command()
@config_option
@click.option("--only", multiple=True, metavar="NAME", help="Run this test alone; may be repeated.")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def test(config_path: Path, only: tuple[str, ...], file: Path | None) -> None:
    """Run the tests that stand in a rule file.

    FILE is tested in the place of the configured one. A test that fails ends with exit code 1.
    """
    config = read_config(config_path)
    compiled = read_rules(config, kept_or_found(config.hub.data_dir), path=file)
    names = {sample.name for sample in compiled.ruleset.samples}
    for name in only:
        if name not in names:
            raise Failed(f"There is no test “{name}”.")
    verdicts = samples.check(compiled, only or None)
    for line in samples.told(verdicts, str(file or config.hub.rules_file)):
        click.echo(line)
    if not all(verdict.passed for verdict in verdicts):
        raise Failed("Tests of the rules failed.")


@rules.command(name="explain", short_help="Say for each rule why it would match a message or not.")
@config_option
@click.option("--inbox", "inbox_id", required=True, help="The inbox that the message comes to.")
@click.option(
    "--at", "at", metavar="YYYY-MM-DDTHH:MM", help="When it comes, in the hub's zone; without it now."
)
@click.option("--rule", "rule_id", help="Tell of this rule only.")
@click.option(
    "--rules",
    "which",
    metavar="FILE|VERSION",
    help="The rules of this file or version; without it the configured file.",
)
@click.argument("file", type=click.File("rb"), default="-")
def explain_message(
    config_path: Path,
    inbox_id: str,
    at: str | None,
    rule_id: str | None,
    which: str | None,
    file: BinaryIO,
) -> None:
    """Say for each rule whether it would match a message, and if not, which condition failed on what.

    FILE is the message as the channel delivers it (a mail, the body of a webhook); - or nothing reads standard
    input. The sender is taken as unknown, and all queues as empty.
    """
    config = read_config(config_path)
    try:
        inbox = config.inbox(inbox_id)
    except KeyError:
        raise Failed(f"There is no inbox {inbox_id} in {config_path}.") from None
    compiled = _chosen(config, which)
    for message in _messages(config, inbox, file.read(), _moment(config, at)):
        _tell(compiled, _facts(config, inbox, message, _moment(config, at)), rule_id)


def _chosen(config: Config, which: str | None) -> Compiled:
    """The configured rules, or those of another file or of a version."""
    if which is None:
        return read_rules(config, kept_or_found(config.hub.data_dir))
    return compile_source(config, text_of(config, which), which, expand=kept_or_found(config.hub.data_dir))


def _moment(config: Config, at: str | None) -> Micros:
    if at is None:
        return SystemClock().now()
    try:
        local = datetime.fromisoformat(at)
    except ValueError:
        raise click.UsageError(f"{at} is no time; write it like 2026-11-10T17:40.") from None
    if local.tzinfo is None:
        local = local.replace(tzinfo=ZoneInfo(config.hub.zone))
    return Micros(round(local.timestamp() * 1_000_000))


def _messages(config: Config, inbox: Inbox, content: bytes, now: Micros) -> list[Message]:
    context = ParseContext(inbox=InboxId(inbox.id), now=now, zone=config.hub.zone)
    try:
        items = list(channel(inbox.kind).parse(content, context))
    except Exception as error:  # whatever the channel has against this file, it is told in a sentence
        raise Failed(f"The channel {inbox.kind} cannot read this message: {error}") from error
    messages = [item for item in items if isinstance(item, Message)]
    if not messages:
        kinds = ", ".join(sorted({type(item).__name__.lower() for item in items})) or "nothing"
        raise Failed(f"Rules are asked about messages only; this is: {kinds}.")
    return messages


def _facts(config: Config, inbox: Inbox, message: Message, now: Micros) -> Facts:
    known = directory(config)
    found = detect(message.text) if message.text else ("", 0.0)
    facts = build_facts(
        "new",
        message,
        found,
        person=Person(id=0, contact=0),
        state=None,
        history=[],
        office=inbox.office,
        clockwork=Clockwork(known),
        now=now,
        tags=(),
    )
    facts = msgspec.structs.replace(facts, channel=channel(inbox.kind).channel)
    return with_texts(facts, message.subject, message.text, Load())


def _tell(compiled: Compiled, facts: Facts, rule_id: str | None) -> None:
    told = explain(compiled, facts, rule_id)
    if rule_id is not None and not told:
        raise Failed(f"There is no rule {rule_id}.")
    for rule in told:
        click.echo(_sentence(rule))
    if rule_id is None:
        click.echo(f"Decision: {_actions(evaluate(compiled, facts))}")


def _sentence(rule: Explanation) -> str:
    name = f"{rule.rule} (line {rule.line})" if rule.line else rule.rule
    if rule.state == "matched":
        seen = "; ".join(f"{item.condition}: {item.value}" for item in rule.seen)
        return f"{name}: matched{f' by {seen}' if seen else ''}"
    if rule.state == "stopped":
        return f"{name}: would match, but {rule.by} ended the evaluation"
    if rule.state == "fault":
        return f"{name}: could not be evaluated: {rule.actual}"
    verdict = "does not apply" if rule.state == "off" else "failed"
    if rule.by:
        verdict = f"not asked, its section {rule.by} is closed"
    wanted = f" wanted {wanted_alone(rule)}," if rule.wanted else ""
    return f"{name}: {verdict}: {rule.condition}:{wanted} saw {rule.actual}"


def _actions(decision: Decision) -> str:
    """What was decided, each with the rules that won it."""
    chosen = {name: write_action(name, value) for name, value in set_by(decision.actions).items()}
    winners = decision.trace.winners
    return (
        ", ".join(f"{name} {_value(value)} ({winners[name]})" for name, value in chosen.items()) or "nothing"
    )


def _value(value: object) -> str:
    if value is True:
        return "yes"
    if isinstance(value, dict):
        return " ".join(f"{name}={item}" for name, item in value.items())
    return " + ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
