"""Faults of the network between two nodes and Redis: whatever happens to the line, it costs time only."""

from __future__ import annotations

import time

import msgspec
import pytest

from connectors.contract import decode_secret
from hub.config import Redis
from tests.hub.bus.conftest import Nodes, joined, nodes, paired  # noqa: F401 - a fixture
from tests.hub.conftest import _template  # noqa: F401 - a fixture of that one
from tests.servers.fault_proxy import fault_proxy
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(60)]

WITHIN = 30.0
"""Seconds within which what is stranded must be found."""


@pytest.mark.parametrize("fault", ["black_hole", "half_open"])
async def test_a_bad_line_to_redis_costs_time_only(nodes: Nodes, redis: RedisServer, fault: str) -> None:  # noqa: F811
    async with fault_proxy(redis.port) as line:
        address = f"redis://127.0.0.1:{line.port}/0"
        settings = msgspec.convert({"url": address}, Redis, dec_hook=decode_secret)
        async with paired(nodes, settings) as (one, two):
            await one.happen(3)
            await two.sees(3)
            getattr(line, fault)()
            began = time.monotonic()
            await one.happen(3)
            await two.happen(3)
            for node in (one, two):
                await node.sees(9, WITHIN)
            print(f"{fault}: both saw everything after {time.monotonic() - began:.1f} s")
            line.heal()
            await joined(one, two)
            await two.happen()
            await one.sees(10)
