"""``centrala rules diff``, ``export``, ``import`` and ``replay``: rule sets between files and the hub."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any, TextIO

import click
from sqlalchemy.exc import SQLAlchemyError

from hub.cli_common import Exit, Failed, config_option, counted
from hub.cli_config import read_config
from hub.cli_store import perform
from hub.config import Config
from hub.replay.child import ChildEnded
from hub.replay.command import replay_text
from hub.replay.replaying import Refused
from hub.replay.runs import Wanted
from hub.rulefile import read_text
from rules import RuleFileError, RuleSet, load
from rules.diff import diff, unified


@click.command(name="export")
@config_option
@click.option(
    "--version", "number", type=click.IntRange(min=1), help="Another version than the published one."
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
def export_rules(config_path: Path, number: int | None, file: Path) -> None:
    """Write the published rules to FILE, or to standard output."""
    found = _stored(read_config(config_path), number)
    if str(file) == "-":
        click.echo(found["source"], nl=False)
        return
    try:
        file.write_text(found["source"], encoding="utf-8", newline="")
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"Version {found['version']} of the rules is in {file}.")


@click.command(name="import", short_help="Make a draft of the rules in FILE, or publish them.")
@config_option
@click.option("--publish", is_flag=True, help="Publish it too, provided that it passes all checks.")
@click.option("--note", default="", help="What it is for; kept with the draft and the version.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def import_rules(config_path: Path, publish: bool, note: str, file: Path) -> None:
    """Make a draft of the rules in FILE (- is standard input), and with --publish the published version.

    What stands against publication is told and ends with exit code 1; the draft is kept.
    """
    arguments = {"source": _text(file), "publish": publish, "note": note}
    done = perform(read_config(config_path), "rules.import", arguments)
    for line in done["findings"]:
        click.echo(line, err=True)
    if done["version"] is not None:
        click.echo(f"The rules are published as version {done['version']}.")
    else:
        click.echo(f"The rules are draft {done['draft']}; nothing is published yet.")


@click.command(name="diff", short_help="Say what changed between two files or versions.")
@config_option
@click.option(
    "--words/--yaml", default=True, help="In words (the default), or as a unified diff of the texts."
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
def diff_rules(config_path: Path, words: bool, before: str, after: str) -> None:
    """Say what changed between A and B: files or numbers of versions; - is standard input."""
    config = read_config(config_path)
    one, two = text_of(config, before), text_of(config, after)
    if not words:
        click.echo(unified(one, two, (before, after)), nl=False)
        return
    changes = diff(_parsed(one, before), _parsed(two, after))
    for change in changes:
        click.echo(str(change.text))
    if not changes:
        click.echo("No rule differs." if one != two else "They are the same.")


@click.command(name="replay", short_help="Say what the rules in FILE would have done with real messages.")
@config_option
@click.option("--days", type=click.IntRange(1, 366), help="Over the messages of the last so many days.")
@click.option("--messages", type=click.IntRange(1, 1_000_000), help="Over the newest so many messages.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def replay_rules(config_path: Path, days: int | None, messages: int | None, file: Path) -> None:
    """Say what the rules in FILE would have done with real messages, compared with the published rules.

    The store is only read, whether or not a hub is running; nothing is kept. Without --days and --messages it goes
    over the last seven days.
    """
    if days is not None and messages is not None:
        raise click.UsageError("Say either --days or --messages.")
    config, source = read_config(config_path), _text(file)
    _parsed(source, str(file))
    wanted = Wanted(days=days, messages=messages) if days or messages else Wanted(days=7)
    try:
        click.echo(replay_text(config, source, wanted, _progress(sys.stderr)))
    except Refused as refused:
        raise Failed(str(refused)) from refused
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise Failed(f"The store cannot be read: {error}.", Exit.UNREACHABLE) from error
    except (ChildEnded, OSError) as error:
        raise Failed(f"The replay did not come to its end: {error}.") from error


def _progress(to: TextIO) -> Any:
    """Tells on a terminal how far it is; into a file or pipe nothing."""

    def tell(done: int, total: int) -> None:
        if to.isatty():
            click.echo(f"\r{done} of {counted(total, 'message', 'messages')}", file=to, nl=done >= total)

    return tell


def _parsed(source: str, name: str) -> RuleSet:
    try:
        return load(source, name)
    except RuleFileError as error:
        raise Failed(str(error), Exit.CONFIGURATION) from error


def text_of(config: Config, which: str) -> str:
    """The text of a version or a file."""
    if which.isdecimal() and not Path(which).exists():
        return str(_stored(config, int(which))["source"])
    return _text(Path(which))


def _stored(config: Config, number: int | None) -> dict[str, Any]:
    arguments = {} if number is None else {"version": number}
    found: dict[str, Any] = perform(config, "rules.source", arguments)
    return found


def _text(file: Path) -> str:
    if str(file) != "-":
        return read_text(file)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failed("Standard input is not UTF-8 text.") from None
