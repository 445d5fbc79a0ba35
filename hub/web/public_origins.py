"""Which other sites may ask and post here: the Fetch standard's rules for scripts, RFC 6454's for forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from connectors.contract import Route
from hub.i18n import mark as N_
from hub.web.public_answers import Refusal


def origin_of(url: str) -> str:
    """The origin of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def check_origin(own_origin: str, route: Route, request: web.Request) -> None:
    """A page of another site may post only where the route names that site. Programs send no Origin.

    Raises Refusal.
    """
    if route.method != "POST":
        return
    origin = request.headers.get(hdrs.ORIGIN)
    cross = request.headers.get("Sec-Fetch-Site", "none") == "cross-site"
    if (origin is None and not cross) or (origin and _is_welcome(own_origin, route, request, origin)):
        return
    raise Refusal(403, N_("This form was sent from a page of another site, which is not allowed to do so."))


def _is_welcome(own_origin: str, route: Route, request: web.Request, origin: str) -> bool:
    own = (own_origin, f"http://{request.host}", f"https://{request.host}")
    return origin.lower() in own or _allows(route, origin)


def _allows(route: Route, origin: str) -> bool:
    return origin.lower() in {allowed.lower() for allowed in route.origins}


def cors(route: Route, request: web.Request) -> dict[str, str]:
    """Lets scripts of the allowed sites read the answer, without cookies."""
    if not route.origins:
        return {}
    origin = request.headers.get(hdrs.ORIGIN, "")
    allowed = {"Access-Control-Allow-Origin": origin} if _allows(route, origin) else {}
    return {"Vary": "Origin"} | allowed


def preflight(mounted: Sequence[Route]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """``OPTIONS``: whether a script of another site may ask."""

    async def answer(request: web.Request) -> web.Response:
        origin = request.headers.get(hdrs.ORIGIN, "")
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD, "")
        if not any(route.method == wanted and _allows(route, origin) for route in mounted):
            raise Refusal(403, N_("Pages of this site may not ask here."))
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: wanted,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Content-Type",
            hdrs.ACCESS_CONTROL_MAX_AGE: "600",
            hdrs.VARY: "Origin",
        }
        return web.Response(status=204, headers=headers)

    return answer
