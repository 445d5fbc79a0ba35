"""What the command line asks of processes that share a store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from hub.cluster.overview import overview
from hub.config import Config
from hub.store.store import Store

Handler = Callable[[dict[str, Any]], Awaitable[Any]]


def handlers(store: Store, config: Callable[[], Config]) -> Mapping[str, Handler]:
    """Commands by name, for a running hub and for a store that is opened for the command."""

    async def cluster(_: dict[str, Any]) -> Any:
        ttl = config().hub.lease_seconds
        return msgspec.to_builtins(await store.read(lambda tx: overview(tx, ttl)))

    return {"cluster": cluster}
