"""What X posts to us, and what the connector does with it besides committing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from connectors.contract import (
    DeliveryReport,
    InboxId,
    Message,
    Secret,
    SendError,
    ThreadKey,
    Unknown,
)
from connectors.x import signing
from connectors.x.connector import X
from connectors.x.settings import OtherAccount, Settings
from hub.demo.peers import x_payloads as payloads
from hub.demo.peers.x import XPeer
from tests.connectors.requests import get, post
from tests.connectors.x.world import CONSUMER_SECRET, JAN, ME, ZOFIA, beside, keys, signed
from tests.contract.fixtures import FOLDER
from tests.contract.world import Ledger, make_env

AT = 1_794_328_560_000_000
FIXTURES = FOLDER / "x" / "fixtures"


class Hearing(Ledger):
    """A sink that remembers signals."""

    def __init__(self) -> None:
        super().__init__()
        self.signals: list[tuple[str, str]] = []

    def signal(self, conversation_key: ThreadKey, what: str) -> None:
        self.signals.append((conversation_key, what))


@contextlib.asynccontextmanager
async def at_work(**changes: Any) -> AsyncIterator[tuple[X, XPeer, Hearing]]:
    async with beside(make_env(), **changes) as (connector, peer):
        sink = Hearing()
        task = asyncio.create_task(connector.run(sink))
        await asyncio.sleep(0)
        try:
            yield connector, peer, sink
        finally:
            task.cancel()
            await asyncio.wait({task})


async def tell(connector: X, name: str) -> int:
    body = (FIXTURES / f"{name}.raw").read_bytes()
    return (await post(connector, "/in/test-inbox", body, signed(body))).status


async def test_the_challenge_is_answered_as_x_wants() -> None:
    async with at_work() as (connector, _, _):
        answer = await get(connector, "/in/test-inbox?crc_token=abc")
        told = msgspec.json.decode(answer.body)
        assert told == {"response_token": signing.digest(Secret(CONSUMER_SECRET), b"abc")}
        assert (await get(connector, "/in/test-inbox")).status == 400


async def test_a_body_without_a_signature_is_not_read() -> None:
    async with at_work() as (connector, _, sink):
        body = (FIXTURES / "account-direct.raw").read_bytes()
        for headers in ({}, {"X-Twitter-Webhooks-Signature": "sha256=AAAA"}, signed(body + b" ")):
            assert (await post(connector, "/in/test-inbox", body, headers)).status == 401
        assert not sink.told


async def test_the_signature_with_the_client_secret_counts_too() -> None:
    async with at_work(client_secret=Secret("newer")) as (connector, _, sink):
        body = (FIXTURES / "account-direct.raw").read_bytes()
        headers = {"X-Twitter-Webhooks-Signature-OAuth2": signing.digest(Secret("newer"), body)}
        assert (await post(connector, "/in/test-inbox", body, headers)).status == 200
        assert len(sink.events) == 1


async def test_one_address_serves_several_accounts() -> None:
    other = OtherAccount(inbox=InboxId("x-other"), kind="x", account="555")
    async with at_work(siblings=(other,)) as (connector, _, sink):
        for name in ("account-direct", "activity-direct", "activity-mention", "account-typing"):
            body = (FIXTURES / f"{name}.raw").read_bytes()
            for account in (b"555", b"666", ME.number.encode()):
                told = body.replace(ME.number.encode(), account)
                assert (await post(connector, "/in/test-inbox", told, signed(told))).status == 200
        by_inbox = Counter((item.inbox, type(item)) for item in sink.events)
        assert by_inbox[InboxId("x-other"), Message] == 3, "a message has one number, whoever it went to"
        strangers = [item for item in sink.events if isinstance(item, Unknown)]
        assert {item.what for item in strangers} == {"account.666"}
        assert len(strangers) == 4
        assert [key for key, _ in sink.signals] == [
            "x:x-other:3001969357:dm",
            "x:test-inbox:3001969357:dm",
        ]


async def test_a_hub_that_takes_nothing_says_when_to_come_again() -> None:
    async with at_work() as (connector, _, sink):
        sink.refuse(retry_after=7)
        body = (FIXTURES / "account-direct.raw").read_bytes()
        answer = await post(connector, "/in/test-inbox", body, signed(body))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "7")


async def test_the_same_message_by_both_forms_and_from_the_list_is_one() -> None:
    async with at_work() as (connector, _, sink):
        entry = payloads.direct(ZOFIA, ME, "Dzień dobry", "2888610000000000001", AT)
        for body in (
            payloads.account_direct(ME, ZOFIA, ME, entry),
            payloads.activity_direct(ME, ZOFIA, ME, entry, "77"),
        ):
            assert (await post(connector, "/in/test-inbox", body, signed(body))).status == 200
        assert (sink.told, len(sink.events)) == (2, 1)
        page = {
            "data": [
                {
                    "id": "2888610000000000001",
                    "event_type": "MessageCreate",
                    "text": "Dzień dobry",
                    "sender_id": ZOFIA.number,
                    "dm_conversation_id": f"{ME.number}-{ZOFIA.number}",
                    "created_at": payloads.iso(AT),
                }
            ],
            "includes": {"users": [payloads.new_user(ZOFIA)]},
            "meta": {"result_count": 1},
        }
        body = payloads.encoded(page)
        await post(connector, "/in/test-inbox", body, signed(body))
        assert (sink.told, len(sink.events)) == (3, 1)


async def test_what_the_account_itself_wrote_is_ours() -> None:
    async with at_work() as (connector, _, sink):
        await tell(connector, "account-echo")
        [echo] = sink.events
        assert isinstance(echo, Message)
        assert (echo.ours, echo.sender.address, echo.external_id) == (
            True,
            "3001969357",
            "dm:2088610000000000005",
        )


async def test_typing_is_passed_on_and_not_kept() -> None:
    async with at_work() as (connector, _, sink):
        assert await tell(connector, "account-typing") == 200
        assert sink.signals == [("x:test-inbox:3001969357:dm", "typing")]
        assert not sink.told


async def test_reading_reaches_back_to_a_message() -> None:
    async with at_work() as (connector, _, sink):
        await tell(connector, "account-read")
        [report] = sink.events
        assert isinstance(report, DeliveryReport)
        assert (report.state, report.target) == ("read", "dm:2088610000000000005")
        assert report.to is not None
        assert report.to.address == "3001969357"


async def test_what_nobody_has_to_answer_is_left_out_and_only_that() -> None:
    async with at_work() as (connector, _, sink):
        for name in ("account-social", "activity-like"):
            assert await tell(connector, name) == 200
        assert not sink.events
        await tell(connector, "account-own")
        assert [item.external_id for item in sink.events] == ["post:2088610000000000102"]
        await tell(connector, "activity-new-kind")
        assert isinstance(sink.events[-1], Unknown)
    async with at_work(ignore=()) as (connector, _, sink):
        await tell(connector, "account-social")
        assert len(sink.events) == 3


async def test_without_mentions_only_direct_messages_come_in() -> None:
    async with at_work(mentions="off") as (connector, _, sink):
        await tell(connector, "account-mention")
        await tell(connector, "account-direct")
        assert [item.external_id for item in sink.events] == ["dm:2088610000000000001"]


async def test_a_body_that_nobody_can_read_is_kept() -> None:
    async with at_work() as (connector, _, sink):
        for body in (b"[1]", b"\xff\xfe", b"", b'{"data": 5}'):
            assert (await post(connector, "/in/test-inbox", body, signed(body))).status == 200
        assert [type(item) for item in sink.events] == [Unknown] * 4
        assert len(sink.raws) == 4


async def test_a_large_body_is_kept_outside_the_message() -> None:
    async with at_work() as (connector, _, sink):
        entry = payloads.direct(ZOFIA, ME, "x" * 9000, "1", AT)
        users = {str(n): payloads.old_user(JAN) for n in range(400)}
        body = payloads.encoded({"for_user_id": ME.number, "direct_message_events": [entry], "users": users})
        assert len(body) > 65_536
        assert (await post(connector, "/in/test-inbox", body, signed(body))).status == 200
        assert sink.raws[0].blob is not None


async def test_a_withdrawn_consent_is_seen_at_once() -> None:
    for name in ("account-revoke", "activity-revoke"):
        async with at_work() as (connector, _, sink):
            assert (await connector.check()).state == "ok"
            body = (FIXTURES / f"{name}.raw").read_bytes()
            others = body.replace(ME.number.encode(), b"666")
            await post(connector, "/in/test-inbox", others, signed(others))
            assert (await connector.check()).state == "ok", "another account's consent is not ours"
            await tell(connector, name)
            assert (await connector.check()).state == "wrong_credentials"
            assert [getattr(item, "what", "") for item in sink.events] == ["account.666", "oauth.revoke"]


async def test_files_of_direct_messages_need_our_authorisation_and_no_other_gets_it() -> None:
    async with at_work() as (connector, peer, _):
        peer.files["2088610000000000002/1034828533812486145/oP5p359h.jpg"] = b"JPEG"
        ref = "https://ton.twitter.com/1.1/ton/data/dm/2088610000000000002/1034828533812486145/oP5p359h.jpg"
        assert await connector.fetch(ref) == b"JPEG"
        assert peer.ledger[-1][1].startswith("/2/dm_conversations/media/2088610000000000002/")
        with pytest.raises(SendError) as gone:
            await connector.fetch(ref.replace("oP5p359h", "other"))
        assert gone.value.kind == "permanent"
        # Anybody's address: the peer would let us in only with a signature.
        base = connector._settings.api_url  # the one address on loopback that asks for one
        with pytest.raises(SendError, match="401"):
            await connector.fetch(f"{base}/2/users/me")


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token_secret": None},
        {"refresh_token": Secret("r")},
        {"access_token": None, "refresh_token": Secret("r"), "client_id": "c"},
        {"account_id": "zielonalinia"},
        {"api_url": "ftp://x"},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    settings = {"account_id": ME.number, **keys(), **changes}
    plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in settings.items()}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain, Settings, dec_hook=lambda kind, value: Secret(value))


def test_webhooks_need_a_secret_and_polling_does_not() -> None:
    oauth2: dict[str, Any] = {"client_id": "c", "refresh_token": Secret("r"), "token_file": "/tmp/x"}  # noqa: S108 - never opened
    with pytest.raises(ValueError, match="webhooks are signed"):
        Settings(account_id="1", **oauth2)
    assert Settings(account_id="1", webhook=False, **oauth2).poll_seconds
