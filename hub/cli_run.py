"""``centrala run``: the hub in this process, until it is told to stop.

SIGTERM and SIGINT drain: nothing new is taken, what is in hand is finished, the exit code is 0. SIGHUP takes over
changed rules and inboxes. Commands of the command line come in by the control socket.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import click
import msgspec
import uvloop

from connectors._listening import CannotListen
from hub import exposure, logs
from hub.admin import handlers
from hub.app import Hub
from hub.cli_common import Exit, Failed, config_option
from hub.cli_config import read_config
from hub.clock import SystemClock
from hub.cluster.commands import handlers as cluster_handlers
from hub.cluster.refusals import CannotJoin, NameTaken
from hub.cluster.roles import Role, read_roles
from hub.config import Config
from hub.configfile import signing_secret
from hub.control import AlreadyRunning, exclusive, listening
from hub.importing.commands import handlers as import_handlers
from hub.privacy.commands import handlers as privacy_handlers
from hub.randomness import BufferedRandom
from hub.ruleset.commands import handlers as rule_handlers
from hub.ruleset.hits import failing
from hub.store.migrate import WrongSchema
from hub.store.store import StorageFault

Life = Callable[[], Coroutine[Any, Any, None]]

Beside = Callable[[Hub], AbstractAsyncContextManager[Life]]
"""What stands around a hub (the demo's world): entered before the hub starts and left after it has stopped. What it
gives runs while the hub does."""


LOOKUPS = 32
"""Names that are looked up side by side. A name server that is silent holds each lookup up for ten seconds and more; by
its own measure the event loop does two at a time, so that one dead name would hold up every other one."""


STOP_SECONDS = 9.5
"""Longest that an orderly stop takes."""


@click.command()
@config_option
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE",
    help="What this process does: web, connectors, outbox, timers; may be given several times, or several with commas. "
    "By default what [hub] roles says, or everything.",
)
def run(config_path: Path, roles: Sequence[str]) -> None:
    """Run the hub until SIGTERM.

    SIGTERM stops taking, finishes what is in hand and ends with exit code 0 within 10 seconds. SIGHUP takes over
    changed rules and inboxes without dropping anything; what is wrong with them is logged, and the old ones stay.
    """
    try:
        wanted = read_roles(roles) if roles else ()
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--role") from error
    serve(lambda: _with_roles(read_config(config_path), wanted))


def _with_roles(config: Config, roles: tuple[Role, ...]) -> Config:
    """The configuration with the roles of the command line, if it names any."""
    if not roles:
        return config
    return msgspec.structs.replace(config, hub=msgspec.structs.replace(config.hub, roles=roles))


def serve(load: Callable[[], Config], beside: Beside | None = None) -> None:
    """Run a hub with the configuration that ``load`` gives, with ``beside`` around it.

    Returns after an orderly stop. Raises ConfigError, :class:`Failed`.
    """
    config = load()
    secrets = logs.known_secrets(config)
    logs.configure(form=config.hub.log_format, level=config.hub.log_level, secrets=secrets)
    look_up_side_by_side()
    try:
        with exclusive(Path(config.hub.data_dir)):
            logs.hide([signing_secret(config)])  # made now if need be, while nobody else makes another one
            if beside is None:  # the secrets of a demo are known to everybody
                exposure.warn(config, logs.logger("hub"))
            uvloop.run(_serve(_hiding(load), beside))
    except AlreadyRunning as error:
        raise Failed(str(error), Exit.IN_USE) from error
    except CannotJoin as error:
        raise Failed(f"The hub cannot run beside the others: {error}.", Exit.IN_USE) from error
    except WrongSchema as error:
        raise Failed(f"The store cannot be used: {error}.") from error
    except StorageFault as error:
        raise Failed(f"The store cannot be opened: {error}.", Exit.UNREACHABLE) from error
    except CannotListen as error:
        remedy = _ADDRESSES.get(error.why.errno or 0, _ADDRESSES[errno.EADDRNOTAVAIL])
        raise Failed(f"The hub cannot listen on {error}. {remedy}.", Exit.UNREACHABLE) from error


def _hiding(load: Callable[[], Config]) -> Callable[[], Config]:
    """``load``, whose secrets the log hides from then on: also those that a reload brings."""

    def loaded() -> Config:
        config = load()
        logs.hide(logs.known_secrets(config))
        return config

    return loaded


def look_up_side_by_side() -> None:
    """Have names looked up :data:`LOOKUPS` at a time; to be called before the first event loop begins. What the
    operator has set holds. libuv keeps half of its threads from lookups, and starts them with the first one."""
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(2 * LOOKUPS))


_ADDRESSES = {
    errno.EADDRINUSE: "Another program listens there: stop it, or change port",
    errno.EACCES: "Ports below 1024 are for root: change port, and let a reverse proxy listen there",
    errno.EADDRNOTAVAIL: "Change host to an address that this machine has",
    errno.EAFNOSUPPORT: "Change host: this machine has no addresses of that family",
}
"""What to do about an address that cannot be taken."""


async def _serve(load: Callable[[], Config], beside: Beside | None) -> None:
    hub = Hub(load, SystemClock(), BufferedRandom(), logs.logger)
    told = asyncio.Event()
    reloads: set[asyncio.Task[None]] = set()
    turn = asyncio.Lock()
    _on_signals(hub, told, reloads, turn)
    commands = {
        **handlers(hub.store, lambda: hub.house().directory),
        **rule_handlers(hub.store, lambda: hub.house().directory, hub.clock),
        **cluster_handlers(hub.store, lambda: hub.config),
        **import_handlers(hub.store, lambda: hub.house().directory, BufferedRandom()),
        **privacy_handlers(hub.store, hub.blobs),
        "health": _health(hub),
        "rules.failing": _failing(hub),
    }
    around = beside(hub) if beside is not None else nullcontext(_nothing)
    async with listening(Path(hub.config.hub.data_dir), commands, hub.log), around as life:
        async with turn:
            if not await _started(hub, told):
                return
        settle()
        companion = asyncio.create_task(life(), name="beside")
        companion.add_done_callback(lambda task: _tell_end(hub, task))
        ends = [asyncio.create_task(event.wait()) for event in (told, hub.displaced)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (companion, *reloads, *ends):
                task.cancel()
            await asyncio.gather(companion, return_exceptions=True)
            await _stopped(hub)
        if hub.displaced.is_set():
            raise NameTaken(hub.keeper.me.name)


async def _started(hub: Hub, told: asyncio.Event) -> bool:
    """Start it; False where it was told to stop before it was ready, which may take long: a database that says nothing,
    another process that has our name."""
    start, stop = asyncio.create_task(hub.start()), asyncio.create_task(told.wait())
    await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if start.done():
        await start
        return True
    start.cancel()
    await asyncio.wait((start,))
    hub.log.info("stopped before it was ready")
    return False


async def _stopped(hub: Hub) -> None:
    """Stop it. What does not end by then is left as a crash would leave it: a database that has gone silent holds up
    what asks it for half a minute, also what is cancelled."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await hub.stop()
    except TimeoutError:
        hub.log.error("stopped before everything had ended", seconds=STOP_SECONDS)
        os._exit(Exit.IN_USE if hub.displaced.is_set() else Exit.OK)


def settle() -> None:
    """What the start has made stays: the collector of cycles need not walk through it again and again, which would hold
    up everything for tens of milliseconds. It also looks less often than the messages of four commits come to (some
    forty objects each), for nearly all that they leave is freed at once: looking at them cost a tenth of intake.

    The event loop shares the interpreter with the writer and the readers; it gets its turn after half a millisecond
    instead of five, which it would wait for several times a request.
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 2, 20)


def _tell_end(hub: Hub, task: asyncio.Task[None]) -> None:
    """What stands beside the hub may fail without taking it along, but not in silence."""
    if not task.cancelled() and (error := task.exception()) is not None:
        hub.log.error("what runs beside the hub ended", error=repr(error))


async def _nothing() -> None:
    """A hub alone."""


def _on_signals(hub: Hub, told: asyncio.Event, reloads: set[asyncio.Task[None]], turn: asyncio.Lock) -> None:
    """``turn`` is of who changes the hub as a whole: the start, then one reload after the other. None begins after
    the end has."""

    def reload() -> None:
        if told.is_set():
            return
        task = asyncio.create_task(_reload(hub, turn))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_signal_handler(signal.SIGINT, told.set)
    loop.add_signal_handler(signal.SIGHUP, reload)


async def _reload(hub: Hub, turn: asyncio.Lock) -> None:
    """One at a time, so that the file as it was read last holds. What nobody foresaw is told, not dropped."""
    async with turn:
        try:
            await hub.reload()
        except Exception as error:
            hub.log.error(
                "the configuration was not taken over; mend the cause and send SIGHUP again",
                error=repr(error),
            )


def _health(hub: Hub) -> Callable[[dict[str, Any]], Awaitable[Any]]:
    async def health(_: dict[str, Any]) -> Any:
        return {inbox: msgspec.to_builtins(found) for inbox, found in hub.inboxes.health().items()}

    return health


def _failing(hub: Hub) -> Callable[[dict[str, Any]], Awaitable[Any]]:
    async def failing_rules(_: dict[str, Any]) -> Any:
        found = await hub.store.read(failing)
        return [{**msgspec.to_builtins(rule), "why": str(rule.why)} for rule in found]

    return failing_rules
