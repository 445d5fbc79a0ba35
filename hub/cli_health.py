"""``centrala health``: whether the hub on a data folder answers, for whatever watches a container."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hub.cli_common import Exit, Failed, config_option
from hub.configfile import data_folder
from hub.control import CommandFailed, NotRunning, call

SECONDS = 5.0
"""Longest that the hub may take to answer."""


@click.command()
@config_option
def health(config_path: Path) -> None:
    """Tell whether a hub runs on the data folder of this configuration and answers within 5 seconds.

    It asks by the control socket, so it does not matter where the hub listens. Nothing else of the configuration is
    looked at. Exit code 4 when nothing answers.
    """
    try:
        call(data_folder(config_path, environ=os.environ), "health", {}, seconds=SECONDS)
    except (NotRunning, CommandFailed) as error:
        raise Failed(str(error), Exit.UNREACHABLE) from error
    click.echo("The hub answers.")
