"""The listener for machines that watch: ``/healthz``, ``/readyz`` and ``/metrics`` of a process without pages.

It shows nothing personal and takes nothing; it is meant for loopback or the inner network, and asks for no password.
"""

from __future__ import annotations

from aiohttp import web

from hub.web.desk import DESK, Desk, desk_of
from hub.web.health import healthz, install, readyz
from hub.web.metrics import FIGURES, exposition

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def _metrics(request: web.Request) -> web.StreamResponse:
    body = await exposition(desk_of(request), request.app[FIGURES], live_people=0)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


async def _plain(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def build(desk: Desk) -> web.Application:
    """The application of the listener ``metrics``."""
    app = web.Application(client_max_size=0)
    app[DESK] = desk
    install(app, desk)
    app.on_response_prepare.append(_plain)
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", _metrics)])
    return app
