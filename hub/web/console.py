"""The private listener: the console's screens and the API behind one set of guards.

Each screen is a module of its own that exports ``ROUTES``; this one only puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from hub.people.presence import expect_browsers
from hub.web import (
    admin,
    assets,
    auth,
    callbacks,
    chats,
    compose,
    compose_drafts,
    compose_files,
    compose_texts,
    conversation,
    conversation_actions,
    conversation_files,
    health,
    inbox,
    inviting,
    live,
    moderation,
    phone,
    quarantine,
    satisfaction,
    search_page,
    second_factor,
    settings,
    supervisor,
    why,
)
from hub.web.api import conversations as api
from hub.web.api import openapi as api_openapi
from hub.web.api import replay as api_replay
from hub.web.api import rules as api_rules
from hub.web.api import stream as api_stream
from hub.web.api import surveys as api_surveys
from hub.web.api import trying as api_try
from hub.web.desk import DESK, Desk
from hub.web.guard import MIDDLEWARES, TOUCHES, Touches, add_headers
from hub.web.render import ENVIRONMENT, environment
from hub.web.rules import checks as rules_checks
from hub.web.rules import editor as rules_editor
from hub.web.rules import list as rules_list
from hub.web.rules import names as rules_names
from hub.web.rules import publish as rules_publish
from hub.web.rules import replay as rules_replay
from hub.web.rules import samples as rules_samples
from hub.web.rules import text as rules_text
from hub.web.rules import trying as rules_try
from hub.web.rules import versions as rules_versions

SCREENS: Sequence[Sequence[web.AbstractRouteDef]] = (
    assets.ROUTES,
    auth.ROUTES,
    second_factor.ROUTES,
    live.ROUTES,
    inbox.ROUTES,
    conversation.ROUTES,
    conversation_actions.ROUTES,
    conversation_files.ROUTES,
    why.ROUTES,
    inviting.ROUTES,
    compose.ROUTES,
    compose_drafts.ROUTES,
    compose_files.ROUTES,
    compose_texts.ROUTES,
    moderation.ROUTES,
    callbacks.ROUTES,
    chats.ROUTES,
    phone.ROUTES,
    search_page.ROUTES,
    settings.ROUTES,
    supervisor.ROUTES,
    satisfaction.ROUTES,
    quarantine.ROUTES,
    health.ROUTES,
    rules_list.ROUTES,
    rules_names.ROUTES,
    rules_samples.ROUTES,
    rules_text.ROUTES,
    rules_editor.ROUTES,
    rules_replay.ROUTES,
    rules_checks.ROUTES,
    rules_publish.ROUTES,
    rules_versions.ROUTES,
    rules_try.ROUTES,
    admin.ROUTES,
    api.ROUTES,
    api_surveys.ROUTES,
    api_rules.ROUTES,
    api_replay.ROUTES,
    api_try.ROUTES,
    api_stream.ROUTES,
    api_openapi.ROUTES,
)

LARGEST_FORM = 2_000_000
"""Bytes of a form without files; upload routes read their bodies themselves, in pieces."""


async def _expect_browsers(app: web.Application) -> None:
    """Nobody is connected yet; whoever does not come back soon goes offline."""
    await app[DESK].store.write(expect_browsers)


def build(desk: Desk) -> web.Application:
    """The application of the private listener."""
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=LARGEST_FORM)
    app[DESK] = desk
    app[assets.ASSETS] = assets.load_assets()
    app[ENVIRONMENT] = environment()
    app[TOUCHES] = Touches()
    health.install(app, desk)
    live.install(app, desk)
    rules_replay.install(app, desk)
    app.on_startup.append(_expect_browsers)
    app.on_response_prepare.append(add_headers)
    for routes in SCREENS:
        app.add_routes(routes)
    return app
