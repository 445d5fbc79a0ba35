"""The public page of a survey, served by the public listener over a real socket."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from connectors._widget import HONEYPOT
from hub.i18n import translate
from hub.logs import logger
from hub.rates import Rates
from hub.surveys.record import COMMENT, page_address
from hub.web import public, survey
from tests.hub.surveys.conftest import World

Page = tuple[int, str, str]


class Site:
    """The listener, and one survey that was asked."""

    def __init__(self, world: World, server: TestServer, session: aiohttp.ClientSession, path: str) -> None:
        self.world = world
        self.path = path
        self._server = server
        self._session = session

    async def get(self, path: str = "", **options: Any) -> Page:
        """Status, address and text of a page."""
        async with self._session.get(self._server.make_url(path or self.path), **options) as answer:
            return answer.status, str(answer.url.relative()), await answer.text()

    async def post(self, **fields: str) -> Page:
        """The same after a post, with what it leads to."""
        async with self._session.post(self._server.make_url(self.path), data=fields) as answer:
            return answer.status, str(answer.url.relative()), await answer.text()

    async def row(self) -> Any:
        """The survey."""
        [row] = await self.world.surveys()
        return row


@pytest.fixture
async def site(world: World) -> AsyncIterator[Site]:
    await world.settled()
    await world.passes(hours=1)
    app = public.build(
        routes=survey.routes(world.store, lambda: world.house, random.Random(1)),
        settings=public.Settings(public_url="http://127.0.0.1:8080"),
        translate=translate,
        log=logger("test"),
        ready=lambda: True,
        rates=Rates(world.clock.monotonic),
    )
    path = "/" + page_address(world.house, (await world.surveys())[0].id).split("/", 3)[3]
    server = TestServer(app)
    async with server, aiohttp.ClientSession() as session:
        yield Site(world, server, session, path)


async def test_looking_changes_nothing_and_an_answer_is_kept(site: Site) -> None:
    status, _, text = await site.get(headers={"Accept-Language": "en"})
    assert status == 200 and "How do you rate our help?" in text and "noindex" in text
    assert (await site.row()).score is None
    status, address, text = await site.post(score="2", comment="Długo\r\nczekałem\u202e")
    assert (status, "news=thanks" in address) == (200, True) and "Dziękujemy za odpowiedź" in text
    row = await site.row()
    assert (row.score, row.comment, row.way) == (2, "Długo\nczekałem", "page")
    assert 'value="2" required checked' in text and "czekałem</textarea>" in text
    await site.post(score="5", comment="")
    row = await site.row()
    assert (row.score, row.comment) == (5, "")


@pytest.mark.parametrize(
    "fields",
    [{}, {"score": "0"}, {"score": "6"}, {"score": "5 "}, {"score": "3", "comment": "x" * (COMMENT + 1)}],
)
async def test_what_is_no_answer_comes_back_with_what_was_typed(site: Site, fields: dict[str, str]) -> None:
    status, _, text = await site.post(**{"comment": "Moje słowa", **fields})
    assert status == 422 and 'role="alert"' in text
    assert "Moje słowa" in text or "xxx" in text
    assert (await site.row()).score is None


async def test_programs_and_strangers_get_nowhere(site: Site) -> None:
    """What fills in forms for people is told, and nothing typed is lost."""
    status, _, text = await site.post(score="1", comment="Moje słowa", **{HONEYPOT: "https://spam.example"})
    assert status == 422 and "Proszę nacisnąć przycisk jeszcze raz." in text
    assert 'value="1" required checked' in text and "Moje słowa</textarea>" in text
    assert (await site.row()).score is None
    forged = site.path[:-1] + ("a" if site.path[-1] != "a" else "b")
    assert (await site.get(forged))[0] == 404
    site.path = forged
    assert (await site.post(score="1"))[0] == 404
    assert (await site.row()).score is None


async def test_when_the_time_is_over_the_page_says_so(site: Site) -> None:
    await site.post(score="4", comment="<b>Dobrze</b>")
    site.world.clock.move(days=8)
    status, _, text = await site.post(score="1")
    assert status == 200 and "Czas na zmianę tej odpowiedzi minął" in text
    assert "&lt;b&gt;Dobrze&lt;/b&gt;" in text and "<form" not in text
    assert (await site.row()).score == 4
