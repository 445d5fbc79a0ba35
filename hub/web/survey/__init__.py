"""The small public page of one survey, reached by its signed link: five buttons to choose from and a few words.

It is served beside the pages of the connectors, by the same rules, and works without JavaScript. Opening it changes
nothing: mail programs and their guards open every link.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from connectors._forms import ONCE_MORE, language_of, try_later
from connectors._http import form_page, page, see_other
from connectors._widget import Pages, Theme, asset_route, assets, trapped
from connectors.contract import Refused, Request, Response, Route
from hub.calendar import at_wall_clock
from hub.house import House
from hub.i18n import mark as N_
from hub.i18n import translate
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Tx
from hub.surveys.answering import answer
from hub.surveys.reading import SCORE_NAMES, Asked, Filled, asked, filled
from hub.surveys.record import COMMENT, named

FOLDER = Path(__file__).parent
BASE = "/survey"
BODY = 20_000
"""Bytes of a posted page: its comment three times over, as UTF-8 in an urlencoded body."""

BUSY = N_("We cannot take your answer at the moment. Wait a minute and send it again.")


def routes(store: Store, house: Callable[[], House], draw: random.Random) -> Sequence[Route]:
    """The page, what is posted to it, its static files."""
    files = assets(FOLDER / "static", Theme())
    pages = _Surveys(store, house, Pages(FOLDER / "templates", BASE, files, translate, draw))
    path = f"{BASE}/{{token}}"
    return (
        Route(method="GET", path=path, handler=pages.show, max_body=0),
        Route(
            method="POST", path=path, handler=pages.take, max_body=BODY, per_address="30/minute", form=True
        ),
        asset_route(BASE, files),
    )


class _Surveys:
    """The handlers of the page."""

    def __init__(self, store: Store, house: Callable[[], House], pages: Pages) -> None:
        self._store = store
        self._house = house
        self._pages = pages

    async def show(self, request: Request) -> Response:
        """The page of a survey, or that there is none of this name."""
        found = await self._found(request)
        if found is None:
            return page(self._pages.render("none.html", language_of(request)), status=404)
        return form_page(self._html(request, found))

    async def take(self, request: Request) -> Response:
        """Keep what was posted; a wrong page comes back with what was filled in."""
        found = await self._found(request)
        if found is None:
            return page(self._pages.render("none.html", language_of(request)), status=404)
        said = filled(request.fields)
        if trapped(request.fields):
            once_more = translate(language_of(request), ONCE_MORE)
            return page(self._html(request, found, said, once_more), status=422)
        if not found.open:
            return self._back(request, "")
        if said.problems or said.score is None:
            return page(self._html(request, found, said), status=422)
        score, house = said.score, self._house()

        def command(tx: Tx) -> bool:
            return answer(tx, house, found.id, score, said.comment, "page")

        try:
            kept = await self._store.write(command)
        except (StorageFault, StoreFull):
            busy = translate(language_of(request), BUSY)
            return try_later(self._html(request, found, said, busy), Refused("the store is busy"))
        return self._back(request, "thanks" if kept else "")

    async def _found(self, request: Request) -> Asked | None:
        house = self._house()
        number = named(house.tokens, request.params.get("token", ""))
        if number is None:
            return None
        return await self._store.read(lambda tx: asked(tx, house, number))

    def _html(self, request: Request, found: Asked, said: Filled | None = None, busy: str = "") -> str:
        language = language_of(request)
        if said is not None:
            found = msgspec.structs.replace(found, score=said.score, comment=said.comment)
        problems = said.problems if said is not None else {}
        errors = {name: translate(language, text, **more) for name, (text, more) in problems.items()}
        until = at_wall_clock(self._house().directory.config.hub.zone, found.until)
        return self._pages.render(
            "survey.html",
            language,
            address=f"{BASE}/{request.params['token']}",
            asked=found,
            busy=busy,
            errors=errors,
            limit=COMMENT,
            names=SCORE_NAMES,
            thanks=request.query.get("news") == "thanks" and found.score is not None,
            until=f"{until:%d.%m.%Y}",
        )

    def _back(self, request: Request, news: str) -> Response:
        """To the page itself, so that a reload posts nothing."""
        query = {"lang": language_of(request), **({"news": news} if news else {})}
        return see_other(f"{BASE}/{request.params['token']}?{urlencode(query)}")
