"""The generic webhook: who is believed, what is refused with which sentence, what is taken once, what goes out."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import _signing as signing
from connectors.contract import (
    Deletion,
    Fetched,
    Message,
    Micros,
    Outbound,
    Party,
    Secret,
    SendError,
    decode_secret,
)
from connectors.webhook import CHANNEL, reading
from connectors.webhook.connector import Webhook
from connectors.webhook.settings import Settings
from tests.connectors.requests import post
from tests.connectors.webapp import served
from tests.contract.fixtures import context
from tests.contract.world import INBOX, Blobs, FixedClock, Ledger, Log, Tokens, make_env

PATH = "/in/test-inbox"
SECRET = Secret("wspólny-sekret-dwóch-systemów")
OLD = Secret("poprzedni-sekret-tych-systemów")
HELLO: dict[str, Any] = {"type": "message", "id": "m-1", "sender": {"address": "u-1"}, "text": "Dzień dobry"}


class Running:
    def __init__(self, config: Settings, clock: FixedClock, **env: Any) -> None:
        self.clock = clock
        self.connector = CHANNEL.create(config, make_env(clock=clock, **env))
        self.ledger = Ledger()

    async def send(
        self, event: Any, *, secret: Secret = SECRET, age: int = 0, headers: Mapping[str, str] | None = None
    ) -> Any:
        body = event if isinstance(event, bytes) else msgspec.json.encode(event)
        signed = signing.headers(secret, Micros(self.clock.at - age * 1_000_000), body)
        return await post(self.connector, PATH, body, {**signed, **(headers or {})})


@contextlib.asynccontextmanager
async def running(config: Settings | None = None, **env: Any) -> AsyncIterator[Running]:
    hook = Running(config or Settings(secret=SECRET, previous_secret=OLD), FixedClock(), **env)
    task = asyncio.create_task(hook.connector.run(hook.ledger))
    await asyncio.sleep(0)
    yield hook
    task.cancel()
    await asyncio.wait({task})


def why(answer: Any) -> str:
    return str(msgspec.json.decode(answer.body)["error"])


async def test_a_signed_message_is_taken() -> None:
    async with running() as hook:
        answer = await hook.send(HELLO)
        [event] = hook.ledger.events
    assert answer.status == 200
    assert msgspec.json.decode(answer.body) == {
        "events": [
            {
                "id": "m-1",
                "conversation": "1",
                "reference": "3F7-K2M-9QX",
                "duplicate": False,
                "parked": False,
            }
        ]
    }
    assert isinstance(event, Message)
    assert (event.external_id, event.sender.kind, event.sender.address, event.direct) == (
        "m-1",
        "test-inbox",
        "u-1",
        True,
    )


def test_the_signature_is_what_the_documentation_says() -> None:
    body = b'{"a": 1}'
    expected = hmac.new(SECRET.reveal().encode(), b"1794328800." + body, hashlib.sha256).hexdigest()
    assert signing.digest(SECRET, "1794328800", body) == f"sha256={expected}"


@pytest.mark.parametrize("age", [-301, 301, 86_400])
async def test_a_request_outside_the_window_is_refused(age: int) -> None:
    async with running() as hook:
        answer = await hook.send(HELLO, age=age)
        assert answer.status == 401
        assert "300 s" in why(answer)
        assert not hook.ledger.events


@pytest.mark.parametrize("age", [-300, 0, 300])
async def test_a_request_inside_the_window_is_taken(age: int) -> None:
    async with running() as hook:
        assert (await hook.send(HELLO, age=age)).status == 200


async def test_the_secret_before_is_taken_while_the_other_side_changes_over() -> None:
    async with running() as hook:
        assert (await hook.send(HELLO, secret=OLD)).status == 200
        answer = await hook.send({**HELLO, "id": "m-2"}, secret=Secret("ktoś-zupełnie-inny"))
        assert answer.status == 401
        assert len(hook.ledger.events) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {signing.SIGNATURE: ""},
        {signing.SIGNATURE: "sha256="},
        {signing.SIGNATURE: "sha256=" + "0" * 64},
        {signing.SIGNATURE: "sha256=zażółć"},
        {signing.SIGNATURE: "md5=" + "0" * 32},
        {signing.TIMESTAMP: ""},
        {signing.TIMESTAMP: "now"},
        {signing.TIMESTAMP: "-5"},
        {signing.TIMESTAMP: "１７９４３２８８００"},
        {signing.TIMESTAMP: "9" * 30},
        {signing.TIMESTAMP: "1794328801"},
    ],
)
async def test_whoever_cannot_sign_is_refused_with_a_reason(headers: dict[str, str]) -> None:
    async with running() as hook:
        answer = await hook.send(HELLO, headers=headers)
        assert answer.status == 401
        assert why(answer).startswith("X-Centrala-")
        assert SECRET.reveal() not in answer.body.decode()
        assert not hook.ledger.events


async def test_a_body_changed_on_its_way_is_refused() -> None:
    async with running() as hook:
        body = msgspec.json.encode(HELLO)
        signed = signing.headers(SECRET, hook.clock.now(), body)
        for changed in (body + b" ", body.replace(b"m-1", b"m-2"), b""):
            assert (await post(hook.connector, PATH, changed, signed)).status == 401
        assert not hook.ledger.events


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "deeply"),
        (b"[]", "not as described"),
        (b"{}", "type"),
        ({**HELLO, "type": "mail"}, "type"),
        ({**HELLO, "colour": "red"}, "colour"),
        ({"type": "message", "sender": {"address": "u"}, "text": "x"}, "id"),
        ({**HELLO, "id": ""}, "id"),
        ({**HELLO, "id": "x" * 401}, "id"),
        ({**HELLO, "id": 5}, "id"),
        ({"type": "message", "id": "m", "text": "x"}, "sender"),
        ({**HELLO, "text": " "}, "text"),
        ({**HELLO, "at": "yesterday"}, "at"),
        ({**HELLO, "at": "2026-11-10T17:40:00"}, "zone"),
        ({**HELLO, "sender": {"address": "u", "phone": "600700800"}}, "phone"),
        ({**HELLO, "sender": {"address": "u", "email": "nobody"}}, "email"),
        ({**HELLO, "files": [{"filename": "a"}]}, "content"),
        ({**HELLO, "files": [{"filename": "a", "content": "!!!"}]}, "base64"),
        ({**HELLO, "files": [{"filename": "a", "url": "file:///etc/passwd"}]}, "url"),
        ({"type": "delivery", "id": "d", "target": "r", "state": "lost"}, "state"),
        ({"type": "edit", "id": "e", "sender": {"address": "u"}, "text": "x"}, "target"),
        ({"events": []}, "events"),
        ({"events": [HELLO, HELLO]}, "same `id`"),
        ({"events": [{**HELLO, "id": str(n)} for n in range(101)]}, "events"),
        ({"events": [HELLO], "more": 1}, "more"),
    ],
)
async def test_a_body_that_is_not_as_described_is_refused_with_what_and_where(body: Any, words: str) -> None:
    async with running() as hook:
        answer = await hook.send(body)
        assert answer.status == 400
        assert words in why(answer)
        assert not hook.ledger.events


async def test_a_repeated_event_is_acknowledged_and_kept_once() -> None:
    async with running() as hook:
        await hook.send(HELLO)
        again = await hook.send(HELLO, age=60)
        other_order = await hook.send({name: HELLO[name] for name in reversed(HELLO)})
        assert [again.status, other_order.status] == [200, 200]
        assert msgspec.json.decode(again.body)["events"][0]["duplicate"]
        assert len(hook.ledger.events) == 1


async def test_an_id_used_for_something_else_is_a_conflict() -> None:
    async with running() as hook:
        await hook.send(HELLO)
        answer = await hook.send({"events": [{**HELLO, "id": "m-9"}, {**HELLO, "text": "Co innego"}]})
        assert answer.status == 409
        assert "event 2" in why(answer)
        assert "Co innego" not in why(answer)
        assert len(hook.ledger.events) == 1


async def test_an_event_that_was_not_taken_may_be_corrected() -> None:
    async with running() as hook:
        hook.ledger.refuse(retry_after=3)
        answer = await hook.send(HELLO)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
        hook.ledger.take()
        assert (await hook.send({**HELLO, "text": "poprawione"})).status == 200
        assert len(hook.ledger.events) == 1


async def test_a_batch_is_taken_whole() -> None:
    async with running() as hook:
        answer = await hook.send(
            {
                "events": [
                    HELLO,
                    {"type": "deletion", "id": "d", "target": "m-1", "sender": {"address": "u-1"}},
                ]
            }
        )
        assert answer.status == 200
        message, deletion = hook.ledger.events
        assert isinstance(message, Message)
        assert isinstance(deletion, Deletion)
        assert deletion.target == message.external_id
        assert len(hook.ledger.raws) == 1


async def test_a_reply_token_of_ours_leads_to_the_conversation_and_a_forged_one_nowhere() -> None:
    async with running() as hook:
        await hook.send({**HELLO, "reply_token": Tokens().sign("conversation", 17)})
        await hook.send({**HELLO, "id": "m-2", "reply_token": "17x0000"})
        await hook.send({**HELLO, "id": "m-3", "reply_token": Tokens().sign("callback", 17)})
        keys = [event.thread_keys for event in hook.ledger.events if isinstance(event, Message)]
    assert keys == [("conversation:17",), (), ()]


async def test_large_files_become_blobs_before_the_commit() -> None:
    blobs = Blobs()
    content = base64.b64encode(b"x" * 100_000).decode()
    async with running(blobs=blobs) as hook:
        files = [{"filename": "a.bin", "content": content}, {"filename": "b.txt", "content": "YWJj"}]
        assert (await hook.send({**HELLO, "files": files})).status == 200
        [event] = hook.ledger.events
        assert isinstance(event, Message)
        large, small = event.attachments
        assert large.content is None
        assert large.blob is not None and blobs.kept[large.blob] == b"x" * 100_000
        assert (small.content, small.size) == (b"abc", 3)
        assert hook.ledger.raws[0].blob is not None


async def test_too_large_a_body_is_refused_by_the_listener() -> None:
    async with running(Settings(secret=SECRET, max_body=2000)) as hook:
        async with served(hook.connector.routes(), Log()) as client:
            async with client.post(PATH, data=b"x" * 3000) as answer:
                assert answer.status == 413
                assert (await answer.json())["error"]
            body = msgspec.json.encode(HELLO)
            signed = signing.headers(SECRET, hook.clock.now(), body)
            async with client.post(PATH, data=body, headers=signed) as answer:
                assert answer.status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"secret": "short"},
        {"secret": "x" * 20, "previous_secret": "short"},
        {"secret": "x" * 20, "window_seconds": 1},
        {"secret": "x" * 20, "url": "ftp://x"},
        {"secret": "x" * 20, "hmac": "sha1"},
    ],
)
def test_a_wrong_configuration_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((msgspec.ValidationError, ValueError)) as caught:
        msgspec.convert(wrong, Settings, dec_hook=decode_secret)
    assert "short" not in str(caught.value)


# --- out ----------------------------------------------------------------------------------------------------------


class Peer:
    """An egress client that answers as told."""

    def __init__(self, answer: Fetched | SendError) -> None:
        self.answer = answer

    async def request(self, method: str, url: str, **_: Any) -> Fetched:
        if isinstance(self.answer, SendError):
            raise self.answer
        return self.answer


OUTBOUND = Outbound(
    delivery=1, inbox=INBOX, message=2, to=(Party(kind="test-inbox", address="u-1"),), text="Odpowiedź"
)


def webhook(answer: Fetched | SendError | bytes, **config: Any) -> Webhook:
    found = Fetched(status=200, headers={}, body=answer) if isinstance(answer, bytes) else answer
    values: dict[str, Any] = {"secret": SECRET, "url": "https://urzad.example/in"} | config
    made = Settings(**values)
    return Webhook(made, make_env(egress=Peer(found)))


@pytest.mark.parametrize(
    ("body", "remote", "state"),
    [
        (b'{"id": "r-1", "state": "delivered"}', "r-1", "delivered"),
        (b'{"id": "r-1", "more": [1]}', "r-1", "accepted"),
        (b'{"id": "r-1", "state": "queued"}', "r-1", "accepted"),
        (b"", None, "accepted"),
        (b"OK", None, "accepted"),
        (b"[1]", None, "accepted"),
        (b'{"id": 5}', None, "accepted"),
        (b'{"id": "' + b"x" * 500 + b'"}', None, "accepted"),
        (b"\xff", None, "accepted"),
    ],
)
async def test_what_an_answer_of_the_other_side_means(body: bytes, remote: str | None, state: str) -> None:
    sent = await webhook(body).send(OUTBOUND)
    assert (sent.remote_id, sent.state) == (remote, state)


async def test_without_an_address_nothing_can_be_sent() -> None:
    hook = webhook(b"", url="")
    assert hook.capabilities.reaches == ()
    with pytest.raises(SendError) as caught:
        await hook.send(OUTBOUND)
    assert caught.value.kind == "permanent"


@pytest.mark.parametrize(
    ("operation", "edits"), [("edit", False), ("delete", False), ("publish", True), ("hide", True)]
)
async def test_what_the_other_side_does_not_understand_is_refused(operation: Any, edits: bool) -> None:
    hook = webhook(b"", edits=edits)
    assert hook.capabilities.edits is edits
    with pytest.raises(SendError) as caught:
        await hook.send(msgspec.structs.replace(OUTBOUND, operation=operation))
    assert caught.value.kind == "permanent"


async def test_health_tells_how_the_last_sending_went() -> None:
    for answer, state in (
        (Fetched(status=200, headers={}, body=b""), "ok"),
        (Fetched(status=401, headers={}, body=b""), "wrong_credentials"),
        (Fetched(status=503, headers={}, body=b""), "unreachable"),
        (SendError("temporary", "The other side could not be reached."), "unreachable"),
        (Fetched(status=400, headers={}, body=b""), "ok"),
    ):
        hook = webhook(answer)
        assert (await hook.check()).state == "ok"
        with contextlib.suppress(SendError):
            await hook.send(OUTBOUND)
        assert (await hook.check()).state == state


async def test_a_file_is_fetched_by_the_address_that_came() -> None:
    assert await webhook(b"%PDF").fetch("https://files.example/b.pdf") == b"%PDF"
    with pytest.raises(SendError) as caught:
        await webhook(Fetched(status=404, headers={}, body=b"")).fetch("https://files.example/b.pdf")
    assert caught.value.kind == "permanent"


@settings(max_examples=150)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(max_size=9), lambda x: st.dictionaries(st.text(max_size=5), x)).map(
        msgspec.json.encode
    )
)
def test_any_body_is_events_or_a_reason(raw: bytes) -> None:
    with contextlib.suppress(reading.BadEvent):
        CHANNEL.parse(raw, context())
