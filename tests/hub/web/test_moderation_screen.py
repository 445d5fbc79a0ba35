"""The bench as pages and forms: what moderators see, what their forms do, what others may not."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from hub.house import House
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.moderation.world import World, house_of_comments
from tests.hub.web.conftest import Browser

Enter = Callable[[str], Awaitable[Browser]]


@pytest.fixture
def house() -> House:
    return house_of_comments()


@pytest.fixture
async def world(sqlite_store: Store, clock: FakeClock) -> World:
    return await World(sqlite_store, clock).open()


def choices(page: str) -> list[str]:
    """The ``ID:REVISION`` of each comment of a page."""
    return re.findall(r'name="choice" value="(\d+:\d+)" form="bulk"', page)


async def test_agents_do_not_get_in(enter: Enter, world: World) -> None:
    await world.comment(way="pre")
    agent = await enter("agent")
    assert (await agent.get("/moderation"))[0] == 403
    assert (await agent.get("/moderation/articles"))[0] == 403
    assert (await agent.post("/moderation/decide", {"deed": "publish", "choice": "1:1"}))[0] == 403


async def test_everything_that_a_decision_needs_is_in_sight(enter: Enter, world: World) -> None:
    asked = await world.comment("Czy zasiłek należy się od razu?", name="Marek", by="v1")
    await world.comment("Debile, nie znacie przepisów", name="Ola", by="v2", parent=asked)
    status, page = await (await enter("moderator")).get("/moderation")
    assert status == 200
    for words in (
        "Debile, nie znacie",
        "Ola",
        "Zasiłek od A do Z",
        "Marek",
        "Czy zasiłek należy się od razu?",
    ):
        assert words in page
    assert "https://praca.example.pl/zasilek" in page


async def test_publish_and_undo_without_javascript(enter: Enter, world: World) -> None:
    number = await world.comment(way="pre")
    moderator = await enter("moderator")
    _, page = await moderator.get("/moderation")
    [choice] = choices(page)
    status, location = await moderator.post("/moderation/decide", {"deed": "publish", "choice": choice})
    assert (status, location) == (303, "/moderation")
    assert await world.state(number) == "published"
    assert (await moderator.post("/moderation/undo"))[0] == 303
    assert await world.state(number) == "held"


async def test_reject_takes_a_reason(enter: Enter, world: World) -> None:
    number = await world.comment(way="pre")
    moderator = await enter("moderator")
    [choice] = choices((await moderator.get("/moderation"))[1])
    assert (await moderator.post("/moderation/decide", {"deed": "reject", "choice": choice}))[0] == 409
    fields = {"deed": "reject", "choice": choice, "reason": "abuse", "words": "Proszę grzeczniej."}
    assert (await moderator.post("/moderation/decide", fields))[0] == 303
    mine = await world.seen(number, "v1")
    assert mine is not None and mine.reason == "Proszę grzeczniej."


async def test_scripts_get_json_with_partial_results(enter: Enter, world: World) -> None:
    first, second = await world.comment(way="pre"), await world.comment("Inny", way="pre", by="v2")
    moderator = await enter("moderator")
    listed = choices((await moderator.get("/moderation"))[1])
    await world.decide("publish", first)
    fields = {"deed": "publish", "choice": listed}
    status, text = await moderator.post("/moderation/decide", fields, Accept="application/json")
    answer = msgspec.json.decode(text)
    assert status == 200
    assert (answer["done"], answer["failed"]) == ([str(second)], [str(first)])
    assert answer["undo"].startswith("/moderation/undo/")
    assert (await moderator.post(answer["undo"], Accept="application/json"))[0] == 200
    assert await world.state(second) == "held"


@pytest.mark.parametrize(
    "fields",
    [
        {"deed": "publish", "choice": "x"},
        {"deed": "publish", "choice": "1"},
        {"deed": "erase", "choice": "1:1"},
        {"deed": "publish", "choice": "1:1", "state": "published"},
    ],
)
async def test_strange_forms_are_refused(enter: Enter, fields: dict[str, str]) -> None:
    assert (await (await enter("moderator")).post("/moderation/decide", fields))[0] == 400


async def test_deciding_needs_the_token(enter: Enter, world: World) -> None:
    number = await world.comment(way="pre")
    moderator = await enter("moderator")
    [choice] = choices((await moderator.get("/moderation"))[1])
    moderator.csrf = "wrong"
    assert (await moderator.post("/moderation/decide", {"deed": "publish", "choice": choice}))[0] == 403
    assert await world.state(number) == "held"


async def test_publish_and_answer_in_one_step(enter: Enter, world: World) -> None:
    number = await world.comment("Kiedy zasiłek?", way="pre")
    moderator = await enter("moderator")
    fields = {"text": "Do 14 dni.", "client": "c1", "revision": "1", "publish": "yes"}
    for _ in range(2):
        assert (await moderator.post(f"/moderation/{number}/answer", fields))[0] == 303
    other = fields | {"text": "Do 14 dni roboczych."}
    assert (await moderator.post(f"/moderation/{number}/answer", other))[0] == 409
    texts = [post.text for post in (await world.page()).posts]
    assert texts == ["Kiedy zasiłek?", "Do 14 dni."]


async def test_an_answer_is_to_the_words_that_were_read(enter: Enter, world: World) -> None:
    number = await world.comment("Kiedy zasiłek?")
    moderator = await enter("moderator")
    fields = {"text": "Do 14 dni.", "client": "c1", "revision": str((await world.row(number)).revision)}
    await world.edit(number, "Czy wszyscy urzędnicy to złodzieje?")
    assert (await moderator.post(f"/moderation/{number}/answer", fields))[0] == 409
    now = fields | {"revision": str((await world.row(number)).revision)}
    assert (await moderator.post(f"/moderation/{number}/answer", now))[0] == 303


async def test_private_conversation_and_mask(enter: Enter, world: World) -> None:
    number = await world.comment("Sprawa 12345678", way="post")
    moderator = await enter("moderator")
    status, _ = await moderator.post(f"/moderation/{number}/mask", {"revision": "1", "part": ""})
    assert status == 303
    assert (await world.row(number)).text == "Sprawa ••••••••"
    assert (await moderator.post(f"/moderation/{number}/private"))[0] == 303
    _, page = await moderator.get(f"/moderation/{number}")
    assert "/conversations/" in page


async def test_articles(enter: Enter, world: World) -> None:
    await world.comment()
    moderator = await enter("moderator")
    _, page = await moderator.get("/moderation/articles")
    assert "Zasiłek od A do Z" in page
    number = re.findall(r"/moderation/articles/(\d+)", page)[0]
    assert (await moderator.post(f"/moderation/articles/{number}", {"way": "closed"}))[0] == 303
    assert not (await world.page()).open


async def test_filters_and_further_pages(enter: Enter, world: World) -> None:
    for n in range(35):
        await world.comment(f"Komentarz {n}", way="pre", by=f"v{n}")
    moderator = await enter("moderator")
    _, page = await moderator.get("/moderation?reason=approval")
    assert len(choices(page)) == 30
    [after] = re.findall(r'href="([^"]+)" data-more', page)
    _, page = await moderator.get(after.replace("&amp;", "&"))
    assert len(choices(page)) == 5
    assert (await moderator.get("/moderation?show=nonsense"))[0] == 400
    assert choices((await moderator.get("/moderation?reason=abuse"))[1]) == []
