"""``centrala import wxr`` and ``disqus``: comments that a site collected elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
import msgspec

from hub.cli_common import Failed, config_option
from hub.cli_config import read_config
from hub.cli_store import perform
from hub.importing.reading import BadExport, By, read

AT_ONCE = 2_000
"""Comments handed to the hub in one call."""

PATIENCE = 600.0

inbox_option = click.option("--inbox", required=True, help="Id of the comment section in the configuration.")
by_option = click.option(
    "--by",
    type=click.Choice(["id", "link"]),
    default="link",
    show_default=True,
    help="What names an article on the site's pages: its id in the export, or its address.",
)
file_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))


@click.group(name="import")
def import_comments() -> None:
    """Take over comments from elsewhere.

    They stand under their articles as they did, with their names, answers and times. No rule runs and nobody is told.
    What is spam or deleted there is left out; what waits for approval there, and what holds a PESEL, waits on the
    bench. Repeating an import takes only what is new.
    """


@import_comments.command()
@config_option
@inbox_option
@by_option
@file_argument
def wxr(config_path: Path, inbox: str, by: By, file: Path) -> None:
    """Comments of WordPress, from FILE of its Tools, Export."""
    _import(config_path, inbox, by, file, "wxr")


@import_comments.command()
@config_option
@inbox_option
@by_option
@file_argument
def disqus(config_path: Path, inbox: str, by: By, file: Path) -> None:
    """Comments of Disqus, from FILE of its XML export (unpacked)."""
    _import(config_path, inbox, by, file, "disqus")


def _import(config_path: Path, inbox: str, by: By, file: Path, kind: Literal["wxr", "disqus"]) -> None:
    config = read_config(config_path)
    try:
        comments = read(file, kind, by)
    except BadExport as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}.") from error
    sums = {"taken": 0, "waiting": 0, "known": 0}
    for start in range(0, len(comments), AT_ONCE):
        part = msgspec.to_builtins(comments[start : start + AT_ONCE])
        arguments = {"inbox": inbox, "kind": kind, "comments": part}
        done = perform(config, "comments.import", arguments, seconds=PATIENCE)
        sums = {name: count + done[name] for name, count in sums.items()}
    click.echo(
        f"Comments taken: {sums['taken']} (waiting on the bench: {sums['waiting']}); there already: {sums['known']}."
    )
