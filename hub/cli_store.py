"""How a command reaches the store: through the running hub, or by opening it while none runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hub.admin import handlers
from hub.building import make_blobs, make_store
from hub.cli_common import Exit, Failed
from hub.clock import SystemClock
from hub.cluster.commands import handlers as cluster_handlers
from hub.config import Config
from hub.control import AlreadyRunning, CommandFailed, NotRunning, call, exclusive
from hub.directory import directory
from hub.importing.commands import handlers as import_handlers
from hub.privacy.commands import handlers as privacy_handlers
from hub.randomness import BufferedRandom
from hub.ruleset.commands import handlers as rule_handlers
from hub.store.migrate import WrongSchema
from hub.store.store import StorageFault


def perform(config: Config, command: str, arguments: dict[str, Any], *, seconds: float = 60.0) -> Any:
    """Carry out a command of :mod:`hub.admin`, :mod:`hub.privacy.commands` or :mod:`hub.ruleset.commands` and return
    its result, for which the running hub has ``seconds``.

    Raises :class:`Failed`.
    """
    data_dir = Path(config.hub.data_dir)
    try:
        return call(data_dir, command, arguments, seconds=seconds)
    except NotRunning:
        return _on_the_store(config, command, arguments, data_dir)
    except CommandFailed as error:
        raise Failed(str(error)) from error


def _on_the_store(config: Config, command: str, arguments: dict[str, Any], data_dir: Path) -> Any:
    try:
        with exclusive(data_dir):
            return asyncio.run(_opened(config, command, arguments))
    except AlreadyRunning as error:
        raise Failed(
            f"{error} It does not answer on its control socket yet; try again.", Exit.IN_USE
        ) from error
    except CommandFailed as error:
        raise Failed(str(error)) from error
    except StorageFault as error:
        raise Failed(f"The store cannot be opened: {error}.", Exit.UNREACHABLE) from error
    except WrongSchema as error:
        raise Failed(f"The store cannot be used: {error}.") from error


async def _opened(config: Config, command: str, arguments: dict[str, Any]) -> Any:
    store = make_store(config, SystemClock())
    house = directory(config)
    await store.open()
    try:
        known = {
            **handlers(store, lambda: house),
            **rule_handlers(store, lambda: house, SystemClock()),
            **cluster_handlers(store, lambda: config),
            **import_handlers(store, lambda: house, BufferedRandom()),
            **privacy_handlers(store, make_blobs(config, store, BufferedRandom())),
        }
        return await known[command](arguments)
    finally:
        await store.close()
