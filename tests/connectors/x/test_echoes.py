"""What X tells us of our own sendings: before their answer, after it, and of what others sent for us."""

from __future__ import annotations

import asyncio

import msgspec

from connectors.contract import DeliveryReport, InboxId, Message, Micros, Party
from connectors.x.echoes import Echoes
from hub.demo.peers import x_payloads as payloads
from tests.connectors.requests import post
from tests.connectors.x.test_webhook import at_work
from tests.connectors.x.world import ME, ZOFIA, outbound, signed


def ours(name: str) -> Message:
    return Message(
        inbox=InboxId("x"),
        external_id=name,
        sender=Party(kind="x", address="7"),
        text="Odpowiedź",
        ours=True,
        sent_at=Micros(5),
    )


async def test_an_echo_that_comes_before_the_answer_waits_for_it() -> None:
    echoes = Echoes()

    async def send() -> None:
        with echoes.sending():
            await asyncio.sleep(0.05)
            echoes.sent("dm:1")

    sending = asyncio.create_task(send())
    await asyncio.sleep(0)
    [told, other] = await echoes.told([ours("dm:1"), ours("dm:2")])
    await sending
    assert isinstance(told, DeliveryReport)
    assert (told.target, told.state, told.at) == ("dm:1", "delivered", 5)
    assert other == ours("dm:2"), "somebody wrote it in X itself"


async def test_nothing_else_waits() -> None:
    echoes = Echoes()
    theirs = msgspec.structs.replace(ours("dm:3"), ours=False)
    with echoes.sending():
        assert await asyncio.wait_for(echoes.told([theirs]), 0.5) == [theirs]


async def test_what_we_send_comes_back_as_a_report_about_it() -> None:
    async with at_work() as (connector, peer, sink):
        peer.people[ZOFIA.number] = ZOFIA
        sent = await connector.send(outbound())
        number = str(sent.remote_id).removeprefix("dm:")
        entry = payloads.direct(ME, ZOFIA, "Dzień dobry", number, 1_794_328_560_000_000)
        body = payloads.activity_direct(ME, ME, ZOFIA, entry, "1")
        assert (await post(connector, "/in/test-inbox", body, signed(body))).status == 200
        [report] = sink.events
        assert isinstance(report, DeliveryReport)
        assert (report.target, report.state) == (sent.remote_id, "delivered")
