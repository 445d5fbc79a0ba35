"""The page that a citizen's browser gets instead of the one that it asked for: what happened, and what to do now.

It has the look of the other public pages and speaks the visitor's language. Of what failed inside it shows nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from yarl import URL

from connectors._widget import Pages, Theme, asset_route, assets
from connectors.contract import Route, Translate
from hub.i18n import mark as N_
from hub.web.public_answers import Refusal

FOLDER = Path(__file__).parent
BASE = "/refused"
STATIC = f"{BASE}/static/"
"""Below it is what the page looks like: served also to whom a limit turned away, or they would see it bare."""

OTHERWISE = N_("This did not work")

TITLES: Mapping[int, str] = {
    400: N_("We did not understand this"),
    403: N_("This cannot be sent from there"),
    404: N_("There is no such page"),
    405: N_("This page cannot be opened like that"),
    408: N_("This took too long"),
    413: N_("This is too large"),
    429: N_("A moment, please"),
    500: N_("Something went wrong"),
    503: N_("A moment, please"),
}

KEPT = N_("Go back in your browser: what you wrote should still be in the form. Then send it again.")

ADVICE: Mapping[int, str] = {
    400: N_("Go back in your browser, reload the page and fill in the form again."),
    403: N_("Open the form on the page of the office and send it from there."),
    404: N_(
        "Check the address, or open the link again as it stands in our message. Old links may have ended."
    ),
    405: N_("Go back to the page where you were and begin there again."),
    408: KEPT,
    413: N_("Go back in your browser and send a shorter text, or fewer and smaller files."),
    429: KEPT,
    500: N_(
        "If it happens again, please choose another way to reach us, for example by telephone or e-mail."
    ),
    503: KEPT,
}
"""What to do, by status. For a page that was only opened, trying again is a link instead."""

PASSING = frozenset({408, 429, 500, 503})
"""Refusals that the same request may not meet the next time."""


class RefusalPages:
    """The page in all its languages, and the route of what it looks like."""

    def __init__(self, name: str, translate: Translate) -> None:
        files = assets(FOLDER / "static", Theme())
        # The page holds no form, so nothing is drawn for it.
        self._pages = Pages(FOLDER / "templates", BASE, files, translate, random.Random(0))
        self._name = name
        self.route: Route = asset_route(BASE, files)

    def html(self, refusal: Refusal, language: str, *, opened: bool, address: URL) -> str:
        """The page for a refusal. ``opened``: nothing was sent, so that the same address can be tried again."""
        passing = opened and refusal.status in PASSING
        advice = "" if passing and refusal.status != 500 else ADVICE.get(refusal.status, "")
        wait = 0 if refusal.retry_after is None else max(1, round(refusal.retry_after))
        return self._pages.render(
            "refused.html",
            language,
            name=self._name,
            title=TITLES.get(refusal.status, OTHERWISE),
            sentence=refusal.text,
            advice=advice,
            wait=wait,
            again=passing,
            opened=opened,
            # The rest of the address says what the page is about.
            otherwise=f"?{address.update_query(lang='en' if language == 'pl' else 'pl').raw_query_string}",
        )
