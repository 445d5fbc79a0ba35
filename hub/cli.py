"""The command ``centrala``: a list of its commands; each is imported only when it is called.

So ``centrala --help`` and ``centrala parse`` start at once, whatever the daemon itself needs. What a command does
stands in the ``hub.cli_…`` module named beside it here.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import click

from hub import __version__
from hub.cli_common import EXIT_CODES, Exit, Failed
from hub.configfile import ConfigError

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("hub.cli_run:run", "Run the hub until SIGTERM."),
    "check": ("hub.cli_check:check", "Tell everything that is wrong with configuration, rules and store."),
    "health": ("hub.cli_health:health", "Tell whether the running hub answers."),
    "demo": ("hub.cli_demo:demo", "Run the hub with a made-up week of conversations, to look around."),
    "parse": ("hub.cli_parse:parse", "Show what intake would see of a message, as JSON."),
    "rules": ("hub.cli_rules:rules", "Check, test, explain, compare, export and import routing rules."),
    "cluster": ("hub.cli_cluster:cluster", "Show the processes that share this store."),
    "user": ("hub.cli_user:user", "Add users, set passwords, list them."),
    "contact": ("hub.cli_contact:contact", "Hand out or erase what is kept of a person."),
    "import": ("hub.cli_import:import_comments", "Take over comments from WordPress or Disqus."),
    "migrate": ("hub.cli_data:migrate", "Bring the database to the schema of this version."),
    "backup": ("hub.cli_data:backup", "Copy database and files while the hub runs."),
    "restore": ("hub.cli_data:restore", "Put a backup into an empty data folder."),
}
"""Name to ``module:attribute`` and the line that the list of commands shows."""


def _imported(module: str) -> ModuleType:
    """A module with all that it needs. What is imported stays for good, so looking for garbage meanwhile, a seventh of
    the time, finds nothing; afterwards the collector need not look at it again.
    """
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(_imported(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), about) for code, about in EXIT_CODES.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="centrala")
def cli() -> None:
    """Centrala, the message hub of a public contact centre.

    Takes every message that citizens send, on whatever channel, into one stream of conversations, routes each to the
    right queue, and carries the answer back through the channel it came from.

    To look around: centrala demo. To run it: edit config/centrala.toml, then centrala check, centrala user add,
    centrala run. A command that changes something works through the running hub, or on the store itself while none
    runs.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: runs a command and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command; what went wrong is a sentence on standard error. Returns the exit code."""
    try:
        outcome = cli.main(list(arguments), prog_name="centrala", standalone_mode=False)
        return outcome if isinstance(outcome, int) else Exit.OK
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption) and error.ctx and isinstance(error.ctx.command, click.Group):
            click.echo("Options stand behind the command, as in: centrala check -c FILE", err=True)
        return error.exit_code
    except ConfigError as error:
        click.echo(str(error), err=True)
        return Exit.CONFIGURATION
    except Failed as error:
        click.echo(str(error), err=True)
        return error.code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): say nothing, also not when Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        # What no command tells in better words, and the person at the terminal can mend; all else is a fault of ours.
        if error.errno not in REMEDIES:
            raise
        click.echo(_about_file(error), err=True)
        return Exit.UNREACHABLE


REMEDIES = {
    errno.EACCES: "Give it to whoever runs this command, or name another place",
    errno.EPERM: "Give it to whoever runs this command, or name another place",
    errno.EROFS: "Its disk can only be read: name another place",
    errno.ENOSPC: "Make room on its disk",
    errno.EEXIST: "A folder is needed there: name another place",
    errno.ENOENT: "It is not there and cannot be made: name another place",
    errno.ENOTDIR: "A folder is needed there: name another place",
    errno.EISDIR: "A file is needed there: name another one",
}
"""What to do about a file or folder that the system refuses."""


def _about_file(error: OSError) -> str:
    what = error.filename or "A file"
    return f"{what} cannot be used: {error.strerror}. {REMEDIES[error.errno or 0]}."


if __name__ == "__main__":
    main()
