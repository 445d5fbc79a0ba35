"""Answers and decisions on YouTube: what the peer sees, and what becomes of refusals."""

from __future__ import annotations

import asyncio

import pytest

from connectors.contract import Deletion, Micros, OutAttachment, Party, SendError
from connectors.youtube.api import GONE
from tests.connectors.quick import QuickClock
from tests.connectors.youtube.test_polling import asking
from tests.connectors.youtube.world import VIDEO, ZOFIA, beside, outbound
from tests.contract.world import Ledger, make_env
from tests.waiting import until


async def test_an_answer_stands_under_the_comment_at_the_top() -> None:
    async with beside(make_env()) as (connector, peer):
        top = peer.comments_on(VIDEO, ZOFIA, "Kiedy?")
        reply = peer.comments_on(VIDEO, ZOFIA, "Halo?", parent=top)
        for target in (top, reply):
            sent = await connector.send(outbound(target=target, text=f"Pod {target}"))
            assert sent.remote_id is not None
            assert sent.state == "delivered"
            assert peer.comments[sent.remote_id]["snippet"]["parentId"] == top
        assert peer.used == 100


async def test_decisions_can_be_undone_and_repeated() -> None:
    async with beside(make_env()) as (connector, peer):
        name = peer.comments_on(VIDEO, ZOFIA, "Obelga")
        for operation, status in (("hide", "rejected"), ("hide", "rejected"), ("publish", "published")):
            sent = await connector.send(outbound(operation=operation, target=name, public=False, text=""))
            assert (sent.remote_id, sent.state) == (None, "delivered")
            assert peer.comments[name]["snippet"]["moderationStatus"] == status


async def test_hiding_may_mean_holding_for_review() -> None:
    async with beside(make_env(), hide_as="heldForReview") as (connector, peer):
        name = peer.comments_on(VIDEO, ZOFIA, "Obelga")
        await connector.send(outbound(operation="hide", target=name, public=False, text=""))
        assert peer.comments[name]["snippet"]["moderationStatus"] == "heldForReview"


async def test_answers_of_ours_are_deleted_and_comments_of_others_rejected() -> None:
    async with beside(make_env()) as (connector, peer):
        name = peer.comments_on(VIDEO, ZOFIA, "Obelga")
        sent = await connector.send(outbound(target=name))
        for target in (sent.remote_id, name, sent.remote_id):
            await connector.send(outbound(operation="delete", target=target, public=False, text=""))
        assert sent.remote_id not in peer.comments
        assert peer.comments[name]["snippet"]["moderationStatus"] == "rejected"


async def test_what_youtube_does_not_have_is_refused_before_it_costs_units() -> None:
    async with beside(make_env()) as (connector, peer):
        file = OutAttachment(filename="a.png", content_type="image/png", content=b"x")
        for wrong in (
            outbound(public=False),
            outbound(attachments=(file,)),
            outbound(target=None),
            outbound(operation="hide", target=None),
            outbound(operation="edit"),
        ):
            with pytest.raises(SendError) as raised:
                await connector.send(wrong)
            assert raised.value.kind == "permanent"
        assert not peer.ledger


async def test_a_comment_that_is_gone_is_told_to_the_hub() -> None:
    sink, clock = Ledger(), QuickClock()
    async with asking(sink, clock) as (connector, peer, running):
        name = peer.comments_on(VIDEO, ZOFIA, "Kiedy?")
        async with running():
            await until(lambda: len(sink.events) == 1)
            peer.removes(name)
            with pytest.raises(SendError) as raised:
                await connector.send(outbound(target=name))
            assert raised.value.public == GONE
            assert isinstance(sink.events[-1], Deletion)
            assert sink.events[-1].target == name


async def test_a_processing_failure_is_tried_again_for_a_while_only() -> None:
    clock = QuickClock()
    async with beside(make_env(clock=clock)) as (connector, peer):
        peer.fail("processingFailure")
        order = outbound(created_at=Micros(clock.now()))
        with pytest.raises(SendError) as raised:
            await connector.send(order)
        assert raised.value.kind == "temporary"
        clock.pass_(16 * 60)
        with pytest.raises(SendError) as raised:
            await connector.send(order)
        assert raised.value.kind == "permanent"


async def test_a_hundred_answers_at_once_never_take_more_units_than_there_are() -> None:
    async with beside(make_env(), daily_units=1000, reserve_units=500) as (connector, peer):
        top = peer.comments_on(VIDEO, ZOFIA, "Kiedy?")
        outcomes = await asyncio.gather(
            *(connector.send(outbound(target=top, text=str(n))) for n in range(40)), return_exceptions=True
        )
        assert peer.used == 1000
        waiting = [error for error in outcomes if isinstance(error, SendError)]
        assert len(waiting) == 20
        assert all(error.kind == "throttled" and error.retry_after for error in waiting)


async def test_what_never_left_costs_nothing() -> None:
    env = make_env()
    async with beside(env, api_url="http://127.0.0.1:9/youtube/v3") as (connector, _):
        with pytest.raises(SendError) as raised:
            await connector.send(outbound(to=(Party(kind="youtube", address="x"),)))
        assert raised.value.kind == "temporary"
    assert await env.budget.spent("units", zone="America/Los_Angeles") == 0
