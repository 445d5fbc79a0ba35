"""What the commands share: exit codes, the option that names the configuration, failing with a sentence."""

from __future__ import annotations

import enum
from pathlib import Path

import click

DEFAULT_CONFIG = "config/centrala.toml"


class Exit(enum.IntEnum):
    """How a command can end."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    IN_USE = 5
    INTERRUPTED = 130


EXIT_CODES = {
    Exit.OK: "done; a hub that was told to stop has finished what was in hand",
    Exit.FAILED: "it could not be done; standard error says why",
    Exit.USAGE: "the command line is wrong",
    Exit.CONFIGURATION: "the configuration or the rules are wrong; standard error names file, line and key",
    Exit.UNREACHABLE: "something needed cannot be reached: the database, a running hub, an address to listen on",
    Exit.IN_USE: "the data folder is in use by another hub, or not empty where it must be",
    Exit.INTERRUPTED: "interrupted at the keyboard",
}


class Failed(Exception):
    """Ends the command: the text is a sentence for the person at the terminal."""

    def __init__(self, sentence: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def counted(number: int, one: str, many: str) -> str:
    """A number and what is counted, in English as all that the commands say."""
    return f"{number} {one if number == 1 else many}"


config_option = click.option(
    "-c",
    "--config",
    "config_path",
    # What may not be read is told by who reads it, with the exit code of a configuration.
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    default=Path(DEFAULT_CONFIG),
    show_default=True,
    envvar="CENTRALA_CONFIG",
    show_envvar=True,
    help="The configuration file.",
)
"""``-c/--config``, given to the command as ``config_path``."""
