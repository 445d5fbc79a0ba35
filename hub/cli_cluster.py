"""``centrala cluster``: the processes that share this store, and what each of them does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from hub.cli_common import config_option
from hub.cli_config import read_config
from hub.cli_store import perform
from hub.cluster.overview import Node, Overview

ALONE = "This store has one process only: there is nothing to share. Several processes need PostgreSQL."
NOBODY = "No process runs on this database."


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="For scripts: the same as one JSON object.")
def cluster(config_path: Path, as_json: bool) -> None:
    """Show the processes that share this store: roles, version, what each holds, and what nobody does."""
    config = read_config(config_path)
    told = perform(config, "cluster", {})
    found = msgspec.convert(told, Overview)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    elif config.store.sqlite_path() is not None:
        click.echo(ALONE)
    else:
        for line in lines(found):
            click.echo(line)


def lines(found: Overview) -> Iterator[str]:
    """An overview in words."""
    if not found.nodes:
        yield NOBODY
        return
    yield from _table(["NODE", "STATE", "VERSION", "ROLES", "HOLDS"], [_row(node) for node in found.nodes])
    if len(found.versions) > 1:
        yield f"Several versions run: {', '.join(found.versions)}."
    if found.setups > 1:
        yield "The processes run with different configurations: reload or restart those with the old one."
    if found.missing:
        yield f"No process has the role {', '.join(found.missing)}."
    if found.free:
        yield f"Nobody holds: {', '.join(found.free)}."


def _row(node: Node) -> list[str]:
    state = node.state if node.state != "silent" else f"silent for {node.silent:.0f} s"
    return [node.name, state, node.version, ",".join(node.roles) or "-", ", ".join(node.holds) or "-"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
