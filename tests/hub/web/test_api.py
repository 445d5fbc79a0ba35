"""The API as an integration uses it: tokens, reading, changing once, the description, the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import func, select

from connectors.email.wrapped import ENCRYPTED
from hub.people.tokens import make_token, revoke_token
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.web.desk import Desk
from tests.hub.specimen import add_conversation, add_message
from tests.hub.web.conftest import Client

FULL = ("read", "write", "stream")


@pytest.fixture
def token(sqlite_store: Store, desk: Desk) -> Callable[..., Any]:
    """``await token("krajowa", "read")`` makes a token."""

    async def make(office: str = "krajowa", *grants: str) -> str:
        secret = f"ctl_{office}-{'-'.join(grants)}"
        directory = desk.house().directory

        def command(tx: Tx) -> int:
            granted = grants or FULL
            return make_token(
                tx, SYSTEM, directory, name="Tester", office=office, grants=granted, token=secret
            )

        await sqlite_store.write(command)
        return secret

    return make


class Api:
    """Calls with a token."""

    def __init__(self, client: Client, token: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.client.get(f"/api/v1/{path}", headers=self.headers) as response:
            return response.status, await response.json(content_type=None)

    async def post(self, path: str, body: Any, key: str = "k1") -> tuple[int, Any]:
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        async with self.client.post(f"/api/v1/{path}", json=body, headers=headers) as response:
            assert response.content_type == (
                "application/json" if response.ok else "application/problem+json"
            )
            return response.status, await response.json(content_type=None)


async def test_without_a_valid_token_there_is_nothing(client: Client, sqlite_store: Store) -> None:
    conversation = await sqlite_store.write(add_conversation)
    for wrong in ("", "ctl_guess", "x" * 5000):
        status, problem = await Api(client, wrong).get(f"conversations/{conversation}")
        assert (status, problem["status"]) == (401, 401)


async def test_a_token_does_what_it_grants_and_no_more(
    client: Client, sqlite_store: Store, token: Any
) -> None:
    conversation = await sqlite_store.write(add_conversation)
    reader = Api(client, await token("krajowa", "read"))
    assert (await reader.get(f"conversations/{conversation}"))[0] == 200
    assert (await reader.post(f"conversations/{conversation}/notes", {"text": "x"}))[0] == 403
    assert (await reader.get("stream"))[0] == 403


async def test_a_revoked_token_is_unknown(client: Client, sqlite_store: Store, token: Any) -> None:
    api = Api(client, await token())
    assert (await api.get("conversations"))[0] == 200
    number = await sqlite_store.read(lambda tx: tx.scalar(select(schema.api_token.c.id)))
    await sqlite_store.write(lambda tx: revoke_token(tx, SYSTEM, number))
    assert (await api.get("conversations"))[0] == 401


async def test_an_office_sees_its_own_alone(client: Client, sqlite_store: Store, token: Any) -> None:
    ours = await sqlite_store.write(lambda tx: add_conversation(tx, office="pup-lomza", queue="lomza"))
    theirs = await sqlite_store.write(add_conversation)
    api = Api(client, await token("pup-lomza"))
    _, page = await api.get("conversations")
    assert [found["id"] for found in page["conversations"]] == [str(ours)]
    assert (await api.get(f"conversations/{theirs}"))[0] == 404
    assert (await api.get(f"conversations/{theirs}/messages"))[0] == 404
    assert (await api.post(f"conversations/{theirs}/notes", {"text": "x"}))[0] == 404


async def test_reading_a_conversation(client: Client, sqlite_store: Store, token: Any) -> None:
    number = await sqlite_store.write(lambda tx: add_conversation(tx, text="Dzień dobry", subject="Wniosek"))
    api = Api(client, await token())
    _, conversation = await api.get(f"conversations/{number}")
    assert conversation["subject"] == "Wniosek"
    assert conversation["created_at"] == "2026-11-16T08:00:00Z"
    _, messages = await api.get(f"conversations/{number}/messages")
    assert [(m["number"], m["kind"], m["text"], m["sender"]) for m in messages["messages"]] == [
        (1, "inbound", "Dzień dobry", "Anna Nowak")
    ]


async def test_a_message_says_why_it_has_no_words(client: Client, sqlite_store: Store, token: Any) -> None:
    def write(tx: Tx) -> int:
        number = add_conversation(tx, text="Dzień dobry")
        add_message(tx, number, number=2, data=msgspec.json.encode({"unreadable": ENCRYPTED}).decode())
        return number

    number = await sqlite_store.write(write)
    api = Api(client, await token())
    _, found = await api.get(f"conversations/{number}/messages")
    assert [(m["text"], m["unreadable"]) for m in found["messages"]] == [("Dzień dobry", ""), ("", ENCRYPTED)]


async def test_pages_lead_to_one_another(client: Client, sqlite_store: Store, token: Any) -> None:
    made = {str(await sqlite_store.write(add_conversation)) for _ in range(5)}
    api = Api(client, await token())
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        status, page = await api.get(f"conversations?limit=2&after={after}")
        assert status == 200
        found += [row["id"] for row in page["conversations"]]
        after = page["next"]
    assert len(found) == 5 and set(found) == made
    assert (await api.get("conversations?after=nonsense"))[0] == 400


async def test_what_is_not_known_is_told_with_what_is(
    client: Client, sqlite_store: Store, token: Any
) -> None:
    api = Api(client, await token())
    for query, known in (
        ("limt=2", "after, limit, queue, view"),
        ("view=new", "unassigned, waiting-citizen"),
    ):
        status, problem = await api.get(f"conversations?{query}")
        assert status == 400 and known in problem["detail"]
    number = await sqlite_store.write(add_conversation)
    status, problem = await api.post(f"conversations/{number}/status", {"status": "done"})
    assert status == 400 and "there are: open, resolved" in problem["detail"]


async def test_the_same_key_takes_effect_once(client: Client, sqlite_store: Store, token: Any) -> None:
    number = await sqlite_store.write(add_conversation)
    api = Api(client, await token())
    path = f"conversations/{number}/notes"
    first = await api.post(path, {"text": "jeden"})
    assert first[0] == 200
    assert await api.post(path, {"text": "jeden"}) == first
    assert (await api.post(path, {"text": "dwa"}))[0] == 422
    assert (await api.post(path, {"text": "dwa"}, key=""))[0] == 400
    together = await asyncio.gather(*(api.post(path, {"text": "trzy"}, key="k3") for _ in range(5)))
    assert {status for status, _ in together} <= {200, 409}
    notes = select(func.count()).select_from(schema.message).where(schema.message.c.kind == "note")
    assert await sqlite_store.read(lambda tx: tx.scalar(notes)) == 2


async def test_a_stale_reply_is_refused_with_what_is_new(
    client: Client, sqlite_store: Store, token: Any
) -> None:
    number = await sqlite_store.write(lambda tx: add_conversation(tx, email="anna@example.pl"))
    api = Api(client, await token())
    path = f"conversations/{number}/reply"
    status, problem = await api.post(path, {"text": "Odpowiedź", "based_on": 0})
    assert (status, problem["unseen"]) == (409, [1])
    status, written = await api.post(path, {"text": "Odpowiedź", "based_on": 1})
    assert (status, written.get("number")) == (200, 2), written


async def test_the_id_of_a_message_in_place_of_its_number_is_refused(
    client: Client, sqlite_store: Store, token: Any
) -> None:
    number = await sqlite_store.write(lambda tx: add_conversation(tx, email="anna@example.pl"))
    api = Api(client, await token())
    _, found = await api.get(f"conversations/{number}/messages")
    last = found["messages"][-1]
    assert int(last["id"]) > last["number"]
    status, problem = await api.post(
        f"conversations/{number}/reply", {"text": "Odpowiedź", "based_on": int(last["id"])}
    )
    assert (status, "`based_on`" in problem["detail"]) == (400, True), problem


@pytest.mark.parametrize("where", ["queue", "office"])
async def test_an_unknown_queue_or_office_is_named(
    client: Client, sqlite_store: Store, token: Any, where: str
) -> None:
    number = await sqlite_store.write(add_conversation)
    api = Api(client, await token())
    status, problem = await api.post(f"conversations/{number}/transfer", {where: "nie-ma"})
    assert (status, f"`{where}`" in problem["detail"]) == (400, True), problem


async def test_changing_status_queue_and_assignee(
    client: Client, sqlite_store: Store, token: Any, people: dict[str, int]
) -> None:
    number = await sqlite_store.write(add_conversation)
    api = Api(client, await token())
    assert (await api.post(f"conversations/{number}/assign", {"login": "agent"}, "a"))[0] == 200
    assert (await api.post(f"conversations/{number}/assign", {"login": "nobody"}, "b"))[0] == 409
    assert (await api.post(f"conversations/{number}/transfer", {"queue": "pracodawcy"}, "c"))[0] == 200
    assert (await api.post(f"conversations/{number}/transfer", {}, "d"))[0] == 400
    assert (
        await api.post(f"conversations/{number}/status", {"status": "resolved", "topic": "zasiłek"}, "e")
    )[0] == 200
    _, found = await api.get(f"conversations/{number}")
    assert (found["queue"], found["status"], found["topic"]) == ("pracodawcy", "resolved", "zasiłek")


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x", "author": 1},
        {"text": 1},
        {"text": ""},
        {"text": "x" * 50_001},
        [],
        "text",
        None,
    ],
)
async def test_a_body_of_another_shape_is_refused(
    client: Client, sqlite_store: Store, token: Any, body: Any
) -> None:
    number = await sqlite_store.write(add_conversation)
    api = Api(client, await token())
    assert (await api.post(f"conversations/{number}/notes", body))[0] == 400


async def test_the_description_names_every_call(client: Client) -> None:
    async with client.get("/api/v1/openapi.json") as response:
        document = await response.json()
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert isinstance(client.server, TestServer)
    router = client.server.app.router
    routes = {
        (route.method, route.resource.canonical)
        for route in router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/api/")
        and route.method != "HEAD"
    }
    assert described == routes - {("GET", "/api/v1/openapi.json")}
    text = msgspec.json.encode(document).decode()
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"]


async def test_the_stream_tells_what_the_token_may_see(
    client: Client, sqlite_store: Store, token: Any
) -> None:
    headers = {"Authorization": f"Bearer {await token('pup-lomza')}"}
    theirs = await sqlite_store.write(add_conversation)
    ours = await sqlite_store.write(lambda tx: add_conversation(tx, office="pup-lomza", queue="lomza"))
    async with client.get("/api/v1/stream?after=0", headers=headers) as response:
        block: list[str] = []
        async with asyncio.timeout(30):
            while not any(line.startswith("data:") for line in block):
                block.append((await response.content.readline()).decode().strip())
    data = msgspec.json.decode(next(line for line in block if line.startswith("data:"))[6:])
    assert (data["conversation"], data["kind"]) == (str(ours), "message") != (str(theirs), "message")


async def test_what_people_think_of_one_matter_and_of_a_period(
    client: Client, sqlite_store: Store, token: Any
) -> None:
    def asked(tx: Any) -> tuple[int, int]:
        found = add_conversation(tx, email="jan@example.pl")
        row = tx.row(select(schema.conversation).where(schema.conversation.c.id == found))
        about = {"conversation": found, "contact": row.contact, "office": "krajowa", "queue": "bezrobotni"}
        way = {"message": 1, "inbox": "kontakt", "channel": "email", "asked_at": tx.now}
        said = {"score": 4, "comment": "Szybko", "answered_at": tx.now, "changed_at": tx.now, "way": "page"}
        tx.add(schema.survey, about | way | said)
        return found, add_conversation(tx, email="ewa@example.pl")

    found, other = await sqlite_store.write(asked)
    api = Api(client, await token())
    status, survey = await api.get(f"conversations/{found}/survey")
    assert (status, survey["score"], survey["comment"], survey["queue"]) == (200, 4, "Szybko", "bezrobotni")
    assert (await api.get(f"conversations/{other}/survey"))[0] == 404
    period = "since=2026-11-16T00:00:00Z&until=2026-11-17T00:00:00%2B01:00"
    status, told = await api.get(f"surveys?{period}")
    assert status == 200
    [count] = told["counts"]
    assert (count["of"], count["asked"], count["answered"], count["average"]) == ("bezrobotni", 1, 1, 4.0)
    assert told["all"]["scores"] == [0, 0, 0, 1, 0]
    assert (await api.get(f"surveys?{period}&by=agent"))[1]["counts"][0]["of"] is None
    for wrong in ("since=2026-11-16&until=2026-11-17T00:00:00Z", "since=x&until=y", f"{period}&by=topic"):
        assert (await api.get(f"surveys?{wrong}"))[0] == 400
    county = Api(client, await token("pup-lomza"))
    assert (await county.get(f"conversations/{found}/survey"))[0] == 404
    assert (await county.get(f"surveys?{period}"))[1]["counts"] == []
