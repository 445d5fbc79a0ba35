"""``centrala demo``: a hub with a made-up week of conversations on this machine, to look around in."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import click
import uvloop

from hub import logs
from hub.app import Hub
from hub.cli_common import Exit, Failed
from hub.cli_config import CHANNELS, channel
from hub.cli_run import Life, serve
from hub.clock import SystemClock
from hub.config import Config
from hub.configfile import load
from hub.control import AlreadyRunning, exclusive
from hub.demo.letters import Letters
from hub.demo.life import live
from hub.demo.mark import Made, read_mark, write_mark
from hub.demo.outside import Outside
from hub.demo.people import PASSWORD, colleagues
from hub.demo.providers import LEDGER, Providers
from hub.demo.setting import Ports, address, demo_config, find_ports
from hub.demo.week import make_week
from hub.people.users import ROLE_NAMES

CONFIG = "config/demo.toml"

LETTERS, LOG = "letters.jsonl", "making.log"

UNFINISHED = ".unfinished"
"""Ending of the folder in which the week is made; it gets its name when it is whole."""

OTHER_FOLDER = "Name another data_dir, or use config/demo.toml."
"""What to do about a folder that holds no demo. Never to delete it: the configuration may be an office's own."""


@click.command()
@click.option(
    "-c",
    "--config",
    "config_path",
    # What may not be read is told by who reads it, with the exit code of a configuration.
    type=click.Path(path_type=Path, dir_okay=False, readable=False),
    default=Path(CONFIG),
    show_default=True,
    help="The demo's configuration.",
)
@click.option("--fresh", is_flag=True, help="Throw away what the demo holds and make the week anew.")
def demo(config_path: Path, fresh: bool) -> None:
    """Run the hub with a made-up week of conversations, to look around.

    The first start makes the week in some seconds, the next ones go on with it. Everything stays on this machine: the
    demo has its own mail server, its own site and its own data folder. New messages come in while it runs.
    """
    wished = load(config_path, environ=os.environ, channels=CHANNELS)
    folder = Path(wished.hub.data_dir)
    try:
        ports = find_ports(wished)
    except OSError as error:
        raise Failed(f"The demo cannot listen: {error}.", Exit.UNREACHABLE) from error
    if fresh:
        _throw_away(folder)
    if read_mark(folder) is None:
        _make(config_path, ports, folder)
        _begin_anew(config_path)
    letters = Letters(folder / LETTERS)

    @contextlib.asynccontextmanager
    async def around(hub: Hub) -> AsyncIterator[Life]:
        site, doors = address(ports.site), address(ports.public)
        providers = Providers(folder / LEDGER, hub.clock, site, doors)
        async with Outside(ports, letters, hub.clock, hub.config, providers):

            async def life() -> None:
                tell_addresses(ports)
                await live(hub, ports, letters, providers, random.SystemRandom())

            yield life

    serve(lambda: demo_config(config_path, ports, CHANNELS, folder), around)


def _throw_away(folder: Path) -> None:
    """Delete the demo's folder, unless a demo runs on it, or it is something else. Raises :class:`Failed`."""
    if not folder.exists():
        return
    if read_mark(folder) is None:
        raise Failed(
            f"{folder} holds no demo; it is left alone, as it may be an office's own data. {OTHER_FOLDER}"
        )
    try:
        with exclusive(folder):
            shutil.rmtree(folder)
    except AlreadyRunning as error:
        raise Failed(str(error), Exit.IN_USE) from error


def _make(config_path: Path, ports: Ports, folder: Path) -> None:
    """Make the week beside, and give it its place when it is whole. Raises :class:`Failed`."""
    if folder.exists() and any(folder.iterdir()):
        raise Failed(
            f"{folder} holds something else than a demo, perhaps an office's own data. {OTHER_FOLDER}"
        )
    part = folder.with_name(folder.name + UNFINISHED)
    part.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    now = SystemClock().now()
    try:
        with exclusive(part):
            _empty(part)

            def read() -> Config:
                return demo_config(config_path, ports, CHANNELS, part)

            letters = Letters(part / LETTERS)
            with (part / LOG).open("w") as log:
                logs.configure(level="info", secrets=logs.known_secrets(read()), stream=log)
                begun = uvloop.run(make_week(read, ports, channel, letters, now, _progress))
            write_mark(part, Made(at=now, conversations=begun))
    except AlreadyRunning as error:
        raise Failed(str(error), Exit.IN_USE) from error
    if folder.exists():
        folder.rmdir()
    part.rename(folder)
    click.echo(f"\rA week of {begun} conversations was made in {time.monotonic() - began:.1f} s.")


def _begin_anew(config_path: Path) -> None:
    """Become a new process, so that nothing of the week's making stays in memory."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "hub.cli", "demo", "-c", str(config_path)])  # noqa: S606


def _empty(folder: Path) -> None:
    """What an interrupted start left behind goes, but for the lock that is held."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix != ".lock":
            path.unlink()


def _progress(done: int, known: int) -> None:
    if done % 20 == 0 and sys.stdout.isatty():
        click.echo(f"\rMaking a week of conversations: {100 * done // known} %", nl=False)


def tell_addresses(ports: Ports) -> None:
    """Where to look, and with which accounts."""
    lines = [
        "",
        "The demo runs. Stop it with Ctrl+C.",
        "",
        f"  The office's site       {address(ports.site)}/",
        f"  What the citizen got    {address(ports.site)}/obywatel",
        f"  The console             {address(ports.private)}/",
        "",
        f"Accounts of the console, all with the password {PASSWORD}:",
        "",
    ]
    for one in colleagues():
        if one.guest:
            lines.append(f"  {one.login:<15} {ROLE_NAMES[one.role].lower():<14} {one.office}")
    click.echo("\n".join([*lines, ""]))
