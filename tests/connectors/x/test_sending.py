"""Answers on X: where they go, what does not fit, what became of refusals."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import Fetched, InboxId, Micros, OutAttachment, Party, SendError
from connectors.x.api import NO_DIRECT, PLAN, SAME, SLOWER, Api
from connectors.x.common import Place
from connectors.x.sending import NO_PICTURE, NOBODY, TOO_LONG, TOO_MANY, send
from connectors.x.settings import Settings
from hub.demo.peers import x_payloads as payloads
from tests.connectors.quick import QuickClock
from tests.connectors.x.world import JAN, ME, ZOFIA, beside, keys, outbound
from tests.contract.world import make_env

NUMBER = "2088610000000000101"
PICTURE = OutAttachment(filename="a.png", content_type="image/png", content=b"PNG")


async def sent_to(order: Any, **changes: Any) -> tuple[Any, list[dict[str, Any]]]:
    """What came back for a delivery, and what the peer got."""
    async with beside(make_env(), **changes) as (connector, peer):
        peer.people |= {ZOFIA.number: ZOFIA, JAN.number: JAN}
        peer.posts.append(payloads.post(ZOFIA, "@zielonalinia?", NUMBER, 1_794_328_560_000_000))
        try:
            return await connector.send(order), peer.sent()
        except SendError as error:
            return error, peer.sent()


@pytest.mark.parametrize(
    ("order", "mentions", "public"),
    [
        (outbound(), "public", False),
        (outbound(reply_to=f"post:{NUMBER}"), "public", True),
        (outbound(reply_to=f"post:{NUMBER}"), "private", False),
        (outbound(reply_to=f"post:{NUMBER}"), "off", False),
        (outbound(target=f"post:{NUMBER}", public=True), "private", True),
        (outbound(target=f"post:{NUMBER}", public=False), "public", False),
        (outbound(reply_to=None), "public", False),
    ],
)
async def test_an_answer_goes_where_the_question_was_asked(order: Any, mentions: str, public: bool) -> None:
    sent, got = await sent_to(order, mentions=mentions)
    assert [("reply" in body) for body in got] == [public]
    assert sent.remote_id.startswith("post:" if public else "dm:")
    key = sent.remote_id.partition(":")[2] if public else "dm"
    assert sent.adds_keys == (f"x:test-inbox:{ZOFIA.number}:{key}",)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (outbound(reply_to=f"post:{NUMBER}", text="ą" * 281), TOO_LONG),
        (outbound(attachments=(PICTURE, PICTURE)), TOO_MANY),
        (outbound(reply_to=f"post:{NUMBER}", attachments=(PICTURE,) * 5), TOO_MANY),
        (
            outbound(
                attachments=(OutAttachment(filename="a", content_type="application/pdf", content=b"%"),)
            ),
            NO_PICTURE,
        ),
        (
            outbound(
                attachments=(OutAttachment(filename="a", content_type="image/png", content=b"x" * 5_000_001),)
            ),
            NO_PICTURE,
        ),
        (outbound(to=(Party(kind="email", address="a@example.org"),)), NOBODY),
        (outbound(to=(Party(kind="x", address="../2/tweets"),)), NOBODY),
    ],
)
async def test_what_does_not_fit_never_leaves(order: Any, why: str) -> None:
    error, got = await sent_to(order)
    assert isinstance(error, SendError)
    assert (error.kind, error.public, got) == ("permanent", why, [])


async def test_pictures_go_up_first() -> None:
    sent, [body] = await sent_to(outbound(reply_to=f"post:{NUMBER}", attachments=(PICTURE,) * 4))
    assert len(body["media"]["media_ids"]) == 4
    assert sent.state == "delivered"


async def test_a_text_that_was_posted_already_is_not_tried_again() -> None:
    async with beside(make_env()) as (connector, peer):
        peer.posts.append(payloads.post(ZOFIA, "@zielonalinia?", NUMBER, 1_794_328_560_000_000))
        await connector.send(outbound(reply_to=f"post:{NUMBER}"))
        with pytest.raises(SendError) as raised:
            await connector.send(outbound(reply_to=f"post:{NUMBER}"))
        assert (raised.value.kind, raised.value.public) == ("permanent", SAME)


async def test_who_takes_no_messages_is_not_a_fault_of_the_account() -> None:
    async with beside(make_env()) as (connector, peer):
        peer.people[ZOFIA.number] = ZOFIA
        peer.closed.add(ZOFIA.number)
        with pytest.raises(SendError) as raised:
            await connector.send(outbound())
        assert raised.value.public == NO_DIRECT
        assert (await connector.check()).state == "ok"


async def test_a_used_up_limit_is_waited_for_without_asking() -> None:
    clock = QuickClock()
    async with beside(make_env(clock=clock)) as (connector, peer):
        peer.people[ZOFIA.number] = ZOFIA
        for number in range(15):
            await connector.send(outbound(text=f"{number}"))
        asked = len(peer.ledger)
        with pytest.raises(SendError) as raised:
            await connector.send(outbound(text="jeszcze jedna"))
        error = raised.value
        assert (error.kind, error.public) == ("throttled", SLOWER)
        assert error.retry_after is not None
        assert 800 < error.retry_after <= 901
        assert len(peer.ledger) == asked, "the peer was not even asked"
        clock.pass_(error.retry_after)
        await connector.send(outbound(text="jeszcze jedna"))


class Answering:
    """An egress that gives one answer."""

    def __init__(self, answer: Fetched) -> None:
        self.answer = answer

    async def request(self, method: str, url: str, **_: Any) -> Fetched:
        return self.answer


def api(answer: Fetched, clock: QuickClock) -> Api:
    settings = Settings(account_id=ME.number, **keys())
    return Api(settings, make_env(clock=clock, egress=Answering(answer)))


async def test_the_limit_of_the_day_counts_too() -> None:
    clock = QuickClock()
    reset = clock.now() // 1_000_000 + 7200
    headers = {
        "x-rate-limit-remaining": "14",
        "x-rate-limit-reset": str(reset),
        "x-user-limit-24hour-remaining": "0",
        "x-user-limit-24hour-reset": str(reset + 3600),
    }
    provider = api(Fetched(status=201, headers=headers, body=b'{"data":{"id":"1"}}'), clock)
    await provider.send("send-direct", "POST", "/2/x", {})
    with pytest.raises(SendError) as raised:
        await provider.send("send-direct", "POST", "/2/x", {})
    assert raised.value.retry_after == 7200 + 3600
    await provider.send("post", "POST", "/2/x", {})


@pytest.mark.parametrize(
    ("status", "body", "kind", "public"),
    [
        (402, b"{}", "throttled", PLAN),
        (429, b'{"type":"https://api.x.com/2/problems/usage-capped"}', "throttled", PLAN),
        (429, b"not json", "throttled", SLOWER),
        (429, b'{"errors":[{"code":88,"message":"Rate limit exceeded"}]}', "throttled", SLOWER),
    ],
)
async def test_refusals_are_told_apart(status: int, body: bytes, kind: str, public: str) -> None:
    provider = api(Fetched(status=status, headers={}, body=body), QuickClock())
    with pytest.raises(SendError) as raised:
        await provider.send("post", "POST", "/2/tweets", {})
    assert (raised.value.kind, raised.value.public) == (kind, public)
    assert raised.value.retry_after


async def test_an_answer_that_nobody_can_read_may_hide_what_was_sent() -> None:
    provider = api(Fetched(status=201, headers={}, body=b"<html>"), QuickClock())
    place = Place(inbox=InboxId("test-inbox"), now=Micros(0), me=ME.number)
    with pytest.raises(SendError) as raised:
        await send(provider, outbound(), place, "public")
    assert raised.value.kind == "ambiguous"
