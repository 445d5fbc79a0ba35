"""A node that hangs over a message and wakes when another one has its lease: with the fence it writes nothing.

The channel is SMS by SMPP, because an SMS has no identity by which a second copy would be known. The centre got no
answer from the node that hangs, so it hands the message to the next one that binds, as centres do. A second lock, the
comparison of what is kept of SMS in pieces, is taken out in both builds, so that only the fence stands there.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from connectors.smpp import pdu as wire
from tests.chaos.agent import Api
from tests.chaos.channels.mail import Lmtp
from tests.chaos.channels.pages import Pages, Webhook
from tests.chaos.channels.sms import Smpp
from tests.chaos.cluster import a_cluster
from tests.chaos.run import channels_open, shown
from tests.chaos.world import faulty_copy
from tests.connectors.smpp.wire_smpp import FakeCentre, short

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HUNG = 8.0
"""Seconds that the node stands still, in the middle of handing the message in."""

EARLIER, SMS = short(b"Dzien dobry, tu smpp00001x."), short(b"Dzien dobry, tu smpp00002x.")


async def copies(source: Path) -> int:
    """How often an SMS is there that the first node hung over and the second one took."""
    with a_cluster(source, channels=(Lmtp, Pages, Webhook, Smpp)) as world:
        await world.prepare()
        web, (first, second) = world.nodes[1], (world.nodes[0], world.nodes[2])
        centre = next(channel.centre for channel in world.channels if isinstance(channel, Smpp))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            async with world.around(), channels_open(world, session):
                first.failpoints = f"intake.accept.before=sleep:{HUNG}@2"
                await asyncio.to_thread(web.start)
                await asyncio.to_thread(first.start)
                await bound(centre, 1)
                assert await centre.deliver(EARLIER, 5.0) == wire.OK
                began = time.monotonic()
                assert await centre.deliver(SMS, 0.5) is None, "it hangs"
                await asyncio.to_thread(second.start)
                await bound(centre, 2)
                assert await centre.deliver(SMS, 5.0) == wire.OK
                assert time.monotonic() - began < HUNG, "the other one still hangs"
                await asyncio.sleep(HUNG + 2.0 - (time.monotonic() - began))
                assert first.alive()
                found = await shown(Api(lambda: f"http://127.0.0.1:{web.private}", session))
    return found.count()["smpp00002x"]


async def bound(centre: FakeCentre, times: int) -> None:
    """Return when the centre was bound to so often."""
    async with asyncio.timeout(30):
        while centre.binds < times:  # noqa: ASYNC110 - the centre rings nobody
            await asyncio.sleep(0.02)


def without(target: Path, *, fence: bool) -> Path:
    """A build whose parts of SMS are not compared with what other processes made of them, and perhaps no fence."""
    source = faulty_copy(
        target, "hub/intake/handle.py", "            raise Overtaken(state.key)\n", "            continue\n"
    )
    if fence:
        leases = source / "hub/cluster/leases.py"
        leases.write_text(leases.read_text().replace("        raise Fenced(lost)\n", "        return\n"))
    return source


async def test_the_fence_alone_keeps_the_second_copy_out(tmp_path: Path) -> None:
    assert await copies(without(tmp_path, fence=False)) == 1


async def test_a_build_without_the_fence_is_noticed(tmp_path: Path) -> None:
    assert await copies(without(tmp_path, fence=True)) == 2
