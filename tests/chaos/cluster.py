"""The larger size: three hub processes by roles on PostgreSQL and Redis, behind a port that goes to any of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from tests.chaos.channels.base import Channel, Server
from tests.chaos.front import front
from tests.chaos.node import Node
from tests.chaos.nursery import ROOT
from tests.chaos.world import World
from tests.servers.postgres import Postgres
from tests.servers.process import folder, free_port
from tests.servers.redis import RedisServer

LEASE = 1.5
"""Seconds that a lease lasts here."""

QUIET = 90.0
"""Seconds after the last kill: what a process was sending when it died or hung is settled by another one, or tried
again."""

ROLES = {"a": "web,connectors", "b": "web,outbox,timers", "c": "connectors,outbox,timers"}
"""Every role twice, so that whatever dies there is somebody to take over."""


class Cluster(World):
    """A world of several nodes. ``public`` and ``private`` are the ports in front of those that serve the web."""

    def __init__(
        self,
        path: Path,
        source: Path,
        channels: Sequence[type[Channel]],
        postgres: Postgres,
        redis: RedisServer,
    ) -> None:
        self._postgres, self._redis = postgres, redis
        super().__init__(path, source, channels)

    def _make_nodes(self) -> list[Node]:
        store = self._postgres.fresh_database()
        nodes = []
        for name, roles in ROLES.items():
            public, private = free_port(), free_port()
            config = self._write(
                f"{name}.toml",
                f"data-{name}",
                store,
                public,
                private,
                hub=f'node = "{name}"\nlease_seconds = {LEASE}',
                more=f'[redis]\nurl = "{self._redis.url}"',
            )
            nodes.append(Node(self.nursery, config, public, private, name=name, roles=roles))
        return nodes

    @contextlib.asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """The ports in front."""
        web = [node for node in self.nodes if "web" in ROLES[node.name]]
        async with front(self.public, [node.public for node in web]):
            async with front(self.private, [node.private for node in web]):
                yield

    def servers(self) -> Mapping[str, Server]:
        return {"postgres": self._postgres, "redis": self._redis}


@contextlib.contextmanager
def a_cluster(source: Path = ROOT, channels: Sequence[type[Channel]] = ()) -> Iterator[Cluster]:
    """PostgreSQL, Redis and the mail sink run; neither the hub nor the channels' servers are started yet."""
    with folder("chaos-pg") as data, folder("chaos-redis") as memory, folder("chaos") as path:
        postgres, redis = Postgres(data), RedisServer(memory)
        postgres.start()
        redis.start()
        world = Cluster(path, source, channels, postgres, redis)
        world.sink.start()
        try:
            yield world
        finally:
            world.kill()
            world.nursery.close()
            world.sink.stop()
            redis.kill()
            postgres.kill()
