"""``centrala contact export`` and ``erase``: what is kept of a person, handed out or taken away."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from hub.cli_common import Failed, config_option, counted
from hub.cli_config import read_config
from hub.cli_store import perform

PATIENCE = 3600.0
"""Seconds: all originals are looked through."""


@click.group()
def contact() -> None:
    """Hand out or erase what is kept of a person.

    PERSON is an e-mail address, a telephone number, KIND:ADDRESS (for example telegram:12345), or the reference number
    of one of their conversations. Addresses that were linked to one person go together; whoever else gave an address of
    theirs is named, to be looked at and asked for in turn.
    """


@contact.command(short_help="Write all that is kept of PERSON as JSON.")
@config_option
@click.option("--files", is_flag=True, help="With the bytes of all attachments, in base64.")
@click.argument("person")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
def export(config_path: Path, files: bool, person: str, file: Path) -> None:
    """Write all that is kept of PERSON to FILE, or to standard output, as JSON."""
    arguments = {"person": person, "files": files}
    record = perform(read_config(config_path), "contact.export", arguments, seconds=PATIENCE)
    text = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
    if str(file) == "-":
        click.echo(text)
        return
    try:
        with open(file, "x", encoding="utf-8", opener=_private) as out:
            out.write(f"{text}\n")
    except FileExistsError:
        raise Failed(f"{file} is there already. Name another file.") from None
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"What is kept of this person is in {file}. Only you can read it.")
    _tell(record["also_named_by"])


@contact.command(short_help="Erase all that is kept of PERSON.")
@config_option
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@click.argument("person")
def erase(config_path: Path, yes: bool, person: str) -> None:
    """Erase PERSON: messages, answers, notes, files, originals, comments, calls and addresses.

    That there were conversations stays for the figures, without anything of the person. There is no way back but a
    backup; backups made before keep the person until they are replaced.
    """
    if not yes and not (sys.stdin.isatty() and click.confirm("Erase all that is kept of this person?")):
        raise Failed("Nothing was erased. Say --yes if it is meant.")
    done = perform(read_config(config_path), "contact.erase", {"person": person}, seconds=PATIENCE)
    conversations = counted(done["conversations"], "conversation", "conversations")
    messages, files = (
        counted(done["messages"], "message", "messages"),
        counted(done["files"], "file", "files"),
    )
    comments = counted(done["comments"], "comment", "comments")
    letters = counted(done["letters"], "letter begun to them", "letters begun to them")
    click.echo(f"Erased: {conversations} with {messages}, {files}, {comments}, {letters}.")
    _tell(done["also_named_by"])


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, from its first moment on."""
    return os.open(path, flags, 0o600)


def _tell(others: Sequence[str]) -> None:
    """Senders who gave an address of the person, which nobody proved."""
    if others:
        click.echo(
            "Others gave an address of this person as theirs. Look whether they are the same:", err=True
        )
    for one in others:
        click.echo(f"  {one}", err=True)
