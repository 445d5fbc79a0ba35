"""``centrala check``: everything that can be found wrong before, or while, the hub runs."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import click
from sqlalchemy import text

from hub.building import make_store
from hub.bus.links import GONE, Links, execute
from hub.cli_common import Exit, Failed, config_option, counted
from hub.cli_config import read_config
from hub.clock import SystemClock
from hub.config import Config
from hub.control import CommandFailed, NotRunning, call
from hub.exposure import closing, open_to_all
from hub.rulefile import read_rules
from hub.store.migrate import WrongSchema
from hub.store.store import StorageFault
from hub.wordforms import kept_or_found

WORKING = ("ok", "starting")


@click.command()
@config_option
def check(config_path: Path) -> int:
    """Tell everything that is wrong with configuration, rules, store and Redis; of a running hub also how its inboxes
    are and which rules it could not evaluate in the last 24 hours.

    Each line says what was looked at. Exit code 3 for a wrong configuration, 4 when the store, Redis or the other side
    of an inbox cannot be reached.
    """
    config = read_config(config_path)
    offices = counted(len(config.offices), "office", "offices")
    queues = counted(len(config.queues), "queue", "queues")
    click.echo(f"{config_path}: {offices}, {queues}, {counted(len(config.inboxes), 'inbox', 'inboxes')}.")
    compiled = read_rules(config, kept_or_found(config.hub.data_dir))
    click.echo(
        f"{config.hub.rules_file}: {counted(len(compiled.rules), 'rule', 'rules')}, version {compiled.version}."
    )
    data_dir = Path(config.hub.data_dir)
    _check_folder(data_dir, "data folder")
    click.echo(f"{data_dir}: can be written to.")
    if found := open_to_all(config):
        files = ", ".join(map(str, found))
        click.echo(f"{files}: everybody on this machine may read it. Close it: {closing(found)}")
    try:
        health = call(data_dir, "health", {})
        if config.inboxes and not health:
            raise Failed("The hub is starting: its inboxes can be looked at in a moment.", Exit.UNREACHABLE)
        inboxes = _tell_inboxes(health)
        _tell_rules(call(data_dir, "rules.failing", {}))
    except NotRunning:
        _check_store(config)
        click.echo("No hub is running; inboxes are looked at while one is.")
        inboxes = Exit.OK
    except CommandFailed as error:
        raise Failed(f"The hub runs, but: {error}", Exit.UNREACHABLE) from error
    return max(inboxes, _check_redis(config))


def _check_folder(folder: Path, what: str) -> None:
    """It is a folder that can be written to, or can be made."""
    existing = folder
    while not existing.exists():
        existing = existing.absolute().parent
    if why := _unwritable(existing):
        raise Failed(f"The {what} {folder} cannot be written to: {why}.", Exit.UNREACHABLE)


def _unwritable(folder: Path) -> str:
    """Why nothing can be made in a folder; empty where it can. Tried with a file that leaves no trace: what the system
    permits root says nothing of a disk that can only be read, nor of a kernel's own folders."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except NotADirectoryError:
        return f"{folder} is no folder"
    except PermissionError:
        return f"whoever runs this command may not write in {folder}"
    except OSError as error:
        return f"nothing can be made in {folder} ({error.strerror})"


def _check_store(config: Config) -> None:
    """Open it and look; a database that does not exist yet is left unmade."""
    path = config.store.sqlite_path()
    if path is not None and not path.exists():
        _check_folder(path.parent, "folder of the database")
        click.echo(f"{path}: does not exist yet; the first start makes it.")
        return
    try:
        asyncio.run(_open(config))
    except WrongSchema as error:
        raise Failed(f"The store cannot be used: {error}.") from error
    except (StorageFault, OSError) as error:
        raise Failed(f"The store cannot be opened: {error}.", Exit.UNREACHABLE) from error
    click.echo(f"{config.store.url}: answers.")


async def _open(config: Config) -> None:
    store = make_store(config, SystemClock())
    try:
        await store.open()
        await store.read(lambda tx: tx.scalar(text("SELECT 1")))
    finally:
        await store.close()


def _check_redis(config: Config) -> int:
    """The hub runs without it, so the rest is looked at all the same."""
    if config.redis.url is None:
        return Exit.OK
    try:
        asyncio.run(_ask_redis(config))
    except GONE as error:
        reason = str(error) or "it says nothing"
        click.echo(
            f"{config.redis.url}: cannot be reached ({reason}). The hub runs without it, some seconds slower."
        )
        return Exit.UNREACHABLE
    click.echo(f"{config.redis.url}: answers.")
    return Exit.OK


async def _ask_redis(config: Config) -> None:
    links = Links(config.redis)
    try:
        await execute(links.commands, "PING")
    finally:
        await links.close()


def _tell_rules(failing: list[dict[str, Any]]) -> None:
    """Rules that a running hub could not evaluate in the last 24 hours: worth a look, and no fault of the set-up."""
    for rule in failing:
        state = "works again" if rule["well"] else "cannot be evaluated"
        times = counted(rule["faults"], "time", "times")
        click.echo(f"rule {rule['rule']}: {state}; {times} it could not: {rule['why']}")


def _tell_inboxes(health: dict[str, dict[str, Any]]) -> int:
    for inbox, state in health.items():
        detail = f": {state['detail']}" if state.get("detail") else ""
        click.echo(f"inbox {inbox}: {state['state'].replace('_', ' ')}{detail}")
    bad = [inbox for inbox, state in health.items() if state["state"] not in WORKING]
    return Exit.UNREACHABLE if bad else Exit.OK
