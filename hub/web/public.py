"""The public listener: what connectors serve to citizens, their sites and the providers' webhooks, and health.

It is on the internet, so everything that a ``Route`` declares is enforced here and nowhere else: size, limits, origins,
frames. A handler sees a request only after that. Every refusal is a sentence, in the reader's language, and
nothing that fails inside shows more than that it failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from connectors._failpoint import failpoint
from connectors.contract import Log, Refused, Request, Response, Route, Translate, fault
from hub.i18n import mark as N_
from hub.rates import Rates
from hub.store.store import StorageFault, StoreFull
from hub.web.proxies import Network, bucket, client_address, networks
from hub.web.public_answers import (
    CSP,
    Refusal,
    harden,
    http_refusal,
    is_safe,
    json_refusal,
    preferred,
    refused,
    set_cookie,
    too_many,
    wants_page,
)
from hub.web.public_bodies import Budget, Form, Malformed, TooLarge, TooSlow, read_body, read_form
from hub.web.public_limits import MACHINE_AT_ONCE, Limits
from hub.web.public_origins import check_origin, cors, origin_of, preflight
from hub.web.public_watch import WATCH, Watch
from hub.web.refused import STATIC, RefusalPages

BODIES = 256_000_000
"""Bytes of request bodies in memory at once."""

SHARES = 4
"""Addresses that fill it: a body may take as long as a weak connection needs, and is paid for from its first byte."""

REMOTE = web.RequestKey("remote", str)
"""The address of the client, kept on its request: more than the peer's where there are proxies."""

STREAM = web.RequestKey("stream", AsyncIterator[bytes])
"""What is still to be written of an answer that stays open, once its request is no longer in hand."""

WRITE_SECONDS = 30.0
"""Longest that one part of a streamed answer may wait for its reader."""

COMPRESSED_FROM = 1000
"""Bytes of text from which compressing an answer pays."""


ALWAYS = ("/healthz", "/readyz", STATIC)
"""What an address is given that has used up its limit."""

MACHINES = "/in/"
"""Below it providers post what happened, all of it from few addresses, signed or with a secret. Only what a route
itself declares limits them: a limit for people would turn away a day on which many write."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``public_url`` as citizens reach it, ``name`` as they know the office; ``per_address`` limits all requests of one
    address, whatever they ask, but those of providers' machines."""

    public_url: str
    name: str = ""
    language: str = "pl"
    languages: tuple[str, ...] = ("pl", "en")
    per_address: str = "300/minute"
    trusted_proxies: tuple[str, ...] = ()


class _Public:
    """What all requests of the listener share."""

    def __init__(self, settings: Settings, translate: Translate, log: Log, rates: Rates) -> None:
        self.settings = settings
        self.translate = translate
        self.log = log
        self.limits = Limits(rates)
        self.watch = Watch()
        self.budget = Budget(BODIES, BODIES // SHARES)
        self.pages = RefusalPages(settings.name, translate)
        self.mounted: dict[_Handler, Route] = {}
        self.trusted: tuple[Network, ...] = networks(settings.trusted_proxies)
        self.https = settings.public_url.startswith("https://")
        self.own_origin = origin_of(settings.public_url)


def build(
    *,
    routes: Sequence[Route],
    settings: Settings,
    translate: Translate,
    log: Log,
    ready: Callable[[], bool | Awaitable[bool]],
    rates: Rates,
) -> web.Application:
    """The application of the public listener with the routes of all connectors, ``/healthz`` and ``/readyz``.

    ``ready`` says whether messages can be taken. Whoever runs the application sweeps its ``WATCH``. Raises
    RuntimeError where two routes have one method and path.
    """
    public = _Public(settings, translate, log, rates)
    app = web.Application(middlewares=[_guard(public)], client_max_size=0)
    app[WATCH] = public.watch
    by_path: dict[str, list[Route]] = {}
    for route in (*routes, public.pages.route):
        by_path.setdefault(route.path, []).append(route)
    for path, mounted in by_path.items():
        resource = app.router.add_resource(path)
        for route in mounted:
            handler = _serve(public, route)
            public.mounted[handler] = route
            resource.add_route(route.method, handler)
            if route.method == "GET" and not route.streams:
                resource.add_route("HEAD", handler)
        resource.add_route("OPTIONS", preflight(mounted))
    app.router.add_get("/favicon.ico", _nothing)
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _ready(ready))
    return app


async def _nothing(request: web.Request) -> web.Response:
    """Browsers ask for a site's icon by themselves; widgets have none."""
    return web.Response(status=204, headers={"Cache-Control": "public, max-age=86400"})


async def _alive(request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _ready(
    ready: Callable[[], bool | Awaitable[bool]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        found = ready()
        is_ready = found if isinstance(found, bool) else await found
        return web.Response(text="ready\n") if is_ready else web.Response(text="not ready\n", status=503)

    return answer


# --- around every request ----------------------------------------------------------------------------------------

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _explain(
    public: _Public, request: web.Request, refusal: Refusal, allow: str | None = None
) -> web.StreamResponse:
    language = _language(public, request)
    if wants_page(request):
        opened = request.method in ("GET", "HEAD")
        body = public.pages.html(refusal, language, opened=opened, address=request.rel_url)
    else:
        body = json_refusal(public.translate(language, refusal.text))
    route = public.mounted.get(request.match_info.handler)
    # Frames and scripts that may read the page may read why there is none.
    headers = {} if route is None else _headers(public, route, request, {})
    return refused(request, refusal, body, headers | ({hdrs.ALLOW: allow} if allow else {}))


def _guard(public: _Public) -> Middleware:
    """The middleware of the listener: limits first, refusals as sentences, headers on everything."""

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        public.watch.served(request)
        remote = request[REMOTE] = _remote(public, request)
        where = bucket(remote)
        machine = request.path.startswith(MACHINES)
        try:
            with _in_hand(public, where, machine) as granted:
                if not granted:
                    text = N_("Too many requests at the same time. Please try again in a moment.")
                    raise Refusal(429, text, retry_after=2)
                wait = 0 if machine else public.limits.wait(public.settings.per_address, "all", where)
                if wait and not request.path.startswith(ALWAYS):
                    raise too_many(wait)
                response = await handler(request)
        except Refusal as refusal:
            response = _explain(public, request, refusal)
        except web.HTTPException as error:
            response = _explain(public, request, http_refusal(error.status), error.headers.get(hdrs.ALLOW))
        if not response.prepared:
            harden(response, https=public.https)
        if (stream := request.get(STREAM)) is not None:
            with public.limits.streaming(where):
                await _write_on(request, response, stream)
        return response

    return guard


def _in_hand(public: _Public, where: str, machine: bool) -> AbstractContextManager[bool]:
    """People and machines of one address are counted apart."""
    if machine:
        return public.limits.in_hand(f"machine {where}", MACHINE_AT_ONCE)
    return public.limits.in_hand(where)


# --- one route ---------------------------------------------------------------------------------------------------


def _serve(public: _Public, route: Route) -> _Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        check_origin(public.own_origin, route, request)
        remote = request[REMOTE]
        _check_limits(public, route, remote)
        if route.streams and not public.limits.may_stream(bucket(remote), route.at_once):
            raise too_many(30)
        size = min(request.content_length or route.max_body, route.max_body)
        with public.budget.reserve(size, bucket(remote)) as granted:
            if not granted:
                raise Refusal(503, N_("We are very busy. Please try again in a moment."), retry_after=5)
            made = await _request(public, route, request, remote)
            answer = await _handled(public, route, made)
        return await _answer(public, route, request, answer)

    return serve


async def _handled(public: _Public, route: Route, request: Request) -> Response:
    failpoint("public.request.read")
    try:
        answer = await route.handler(request)
        failpoint("public.request.handled")
        return answer
    except (StorageFault, StoreFull):  # which is told once, by the store
        raise Refusal(503, N_("We are very busy. Please try again in a moment."), retry_after=5) from None
    except Refused as refused:
        text = N_("We cannot take this at the moment. Nothing was lost: please try again in a moment.")
        raise Refusal(503, text, retry_after=refused.retry_after) from None
    except Exception as error:
        public.log.error("a public page failed", route=route.path, **fault(error))
        raise Refusal(500, N_("Something went wrong on our side. Please try again later.")) from None


def _check_limits(public: _Public, route: Route, remote: str) -> None:
    if wait := public.limits.wait(route.per_address, "address", route.method, route.path, bucket(remote)):
        raise too_many(wait)
    if wait := public.limits.wait(route.per_site, "site", route.method, route.path):
        text = N_("Very many people are writing here just now. Please try again in a moment.")
        raise Refusal(429, text, retry_after=wait)


async def _request(public: _Public, route: Route, request: web.Request, remote: str) -> Request:
    try:
        body = await read_body(request, route.max_body) if request.can_read_body else b""
        is_form = route.form and route.method == "POST"
        form = await read_form(request.headers.get(hdrs.CONTENT_TYPE, ""), body) if is_form else Form()
    except TooLarge:
        raise Refusal(413, N_("That is larger than this address takes.")) from None
    except TooSlow:
        raise Refusal(408, N_("The request took too long to arrive.")) from None
    except Malformed as malformed:
        raise Refusal(400, str(malformed)) from None
    return Request(
        method=route.method,
        path=request.path,
        params=dict(request.match_info),
        query={name: request.query[name] for name in request.query} if request.query_string else {},
        query_string=request.rel_url.raw_query_string,
        headers={name.lower(): value for name, value in request.headers.items()},
        cookies=dict(request.cookies) if hdrs.COOKIE in request.headers else {},
        body=body,
        remote=remote,
        language=_language(public, request),
        fields=form.fields,
        files=form.files,
    )


async def _answer(
    public: _Public, route: Route, request: web.Request, answer: Response
) -> web.StreamResponse:
    headers = _headers(public, route, request, answer.headers)
    if answer.stream is not None:
        return _streamed(request, answer, headers)
    headers["Content-Type"] = answer.content_type
    response = web.Response(status=answer.status, body=answer.body, headers=headers)
    for cookie in answer.cookies:
        set_cookie(response, cookie, https=public.https)
    if len(answer.body) >= COMPRESSED_FROM and answer.content_type.startswith(("text/", "application/json")):
        response.enable_compression()
    return response


def _headers(public: _Public, route: Route, request: web.Request, given: Mapping[str, str]) -> dict[str, str]:
    headers = {name: value for name, value in given.items() if is_safe(name) and is_safe(value)}
    frames = " ".join(["'self'", *route.origins]) if route.embeddable else "'none'"
    headers["Content-Security-Policy"] = CSP + frames
    if not route.embeddable:
        headers["X-Frame-Options"] = "DENY"
    return headers | cors(route, request)


def _streamed(request: web.Request, answer: Response, headers: Mapping[str, str]) -> web.StreamResponse:
    """The head of an answer that stays open; :data:`STREAM` holds the rest of it."""
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_type = answer.content_type.partition(";")[0]
    if answer.stream is not None:
        request[STREAM] = answer.stream
    return response


async def _write_on(request: web.Request, response: web.StreamResponse, stream: AsyncIterator[bytes]) -> None:
    """Write an open answer until it ends or its reader is gone; the generator behind it is told at once."""
    try:
        await response.prepare(request)
        async for chunk in stream:
            async with asyncio.timeout(WRITE_SECONDS):
                await response.write(chunk)
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        pass  # the reader went away, or takes nothing any more
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


# --- who asks ----------------------------------------------------------------------------------------------------


def _remote(public: _Public, request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    address = str(peer[0]) if isinstance(peer, tuple) else ""
    return client_address(address, request.headers.getall("X-Forwarded-For", []), public.trusted)


def _language(public: _Public, request: web.Request) -> str:
    """``?lang`` first, then what the browser asks for (RFC 9110, 12.5.4), then the hub's own."""
    settings = public.settings
    asked = request.query.get("lang", "") if request.query_string else ""
    if asked in settings.languages:
        return asked
    return preferred(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""), settings.languages) or settings.language
