"""What stands before every handler of the private listener: security headers, errors as sentences, session, CSRF.

The order matters: headers go on every answer, errors included; a session is looked up before anything else is read;
an unsafe method needs the session's own token and must not come from another site.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from functools import partial
from urllib.parse import quote, urlsplit

from aiohttp import web

from hub.i18n import languages
from hub.i18n import mark as N_
from hub.people.sessions import Signed, find_session, touch_session
from hub.scope import Conflict, Denied, NotFound
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Reader
from hub.web.desk import LANGUAGE, SIGNED, desk_of
from hub.web.forms import CSRF_FIELD, Unacceptable
from hub.web.pages import Draw, Page, page_of, show
from hub.web.proxies import Network, client_address, from_trusted, networks
from hub.web.render import is_fragment, own, refusal, render, text, toast_header, wants_json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "centrala"
SECURE_COOKIE = "__Host-centrala"
"""Browsers take this name over HTTPS only, for the whole host, never from a subdomain."""

OPEN = ("/login", "/reset/", "/static/", "/healthz", "/readyz", "/metrics", "/api/")
"""Where no session is asked for. The API asks for its own tokens; the others show nothing of the store."""

SECOND_FACTOR = "/settings/second-factor"
ENOUGH = (SECOND_FACTOR, "/login", "/logout", "/static/")
"""What somebody reaches who must have a second factor and has not set it up."""

LIVE = "/live"
CROWD = web.AppKey("crowd", asyncio.Semaphore)
"""Turns of browsers that come back to their event stream. After a restart all of them do in one moment, and whoever
opens a page must not wait behind them: only :data:`AT_ONCE` of them ask the store at a time."""

AT_ONCE = 8


class Touches(dict[str, asyncio.Task[None]]):
    """Writes under way that sessions are used, by the hash of their token."""


TOUCHES = web.AppKey("touches", Touches)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cache-Control": "private, no-store",
}


def secure_headers(response: web.StreamResponse, *, https: bool) -> None:
    """Add what a handler did not set itself; a handler with its own policy (mail HTML) keeps it."""
    own_policy = "Content-Security-Policy" in response.headers
    for name, value in HEADERS.items():
        if name == "X-Frame-Options" and own_policy:
            continue
        response.headers.setdefault(name, value)
    if https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The signal before an answer's head is sent: also for streams and for errors of aiohttp itself."""
    secure_headers(response, https=is_https(request))


# --- the peer --------------------------------------------------------------------------------------------------


def peer_of(request: web.Request) -> str:
    """The client's IP address: the connection's, or what a configured proxy says, never what anybody else says."""
    forwarded = request.headers.getall("X-Forwarded-For", [])
    return client_address(request.remote or "", forwarded, _trusted(request))


def is_https(request: web.Request) -> bool:
    """Whether the browser talks HTTPS: to us, or to a configured proxy."""
    if request.scheme == "https":
        return True
    said = request.headers.get("X-Forwarded-Proto") == "https"
    return said and from_trusted(request.remote or "", _trusted(request))


def _trusted(request: web.Request) -> tuple[Network, ...]:
    return networks(desk_of(request).house().directory.config.private.trusted_proxies)


# --- errors ----------------------------------------------------------------------------------------------------

_BY_STATUS = {
    400: N_("The request could not be understood. Go back and try again."),
    401: N_("Your session has ended. Log in again; what you wrote is kept as a draft."),
    403: N_("You may not do this. Ask your supervisor if you need it for your work."),
    404: N_("There is nothing here, or nothing that you may see."),
    405: N_("This address does not accept that."),
    409: N_("Somebody changed this meanwhile. Reload to see what is new."),
    413: N_("This is too large. Send less, or smaller files."),
    429: N_("Too many attempts. Wait a little and try again."),
    500: N_("Something went wrong in the hub. It has been logged; try again."),
    503: N_("The hub cannot store anything at the moment. Nothing was lost; try again in a few seconds."),
}

SECOND_FIRST = N_("Set up the second factor of your log-in first, in your settings.")

OTHER_LOG_IN = N_(
    "This page was opened before you logged in again. Reload it, then repeat; what you wrote to somebody is kept."
)

FAILED = N_("That did not work")

_TITLES = {
    400: N_("Not understood"),
    401: N_("Logged out"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    409: N_("Changed meanwhile"),
    503: N_("Not available just now"),
}


def explained(request: web.Request, status: int, detail: str = "", retry_after: int = 0) -> web.Response:
    """An error as its reader wants it: a page, a toast for htmx, problem JSON (RFC 9457) for scripts."""
    sentence = detail or text(request, _BY_STATUS.get(status, _BY_STATUS[500 if status >= 500 else 400]))
    # A sentence of the case's own may say anything: "Changed meanwhile" over it would be a guess.
    title = text(request, FAILED if detail else _TITLES.get(status, FAILED))
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if wants_json(request):
        body = {"type": "about:blank", "title": title, "status": status, "detail": sentence}
        return web.json_response(
            body, status=status, headers=headers, content_type="application/problem+json"
        )
    if is_fragment(request):
        swap = {"HX-Reswap": "none", **toast_header(sentence, danger=True)}
        return web.Response(status=status, headers={**headers, **swap})
    left = "" if request.method in SAFE else _page_of(request.headers.get("Referer", ""))
    return render(
        request,
        "error.html",
        status=status,
        headers=headers,
        sentence=sentence,
        title=title,
        start=log_in_path(left) if status == 401 else "/",
        back=own(left, "") if status != 401 else "",
        path="/",
        here="/",
    )


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What handlers and services raise, told in a sentence. What nobody expected is logged without its text."""
    try:
        return await handler(request)
    except Denied:
        return explained(request, 403)
    except NotFound:
        return explained(request, 404)
    except Conflict as conflict:
        why = refusal(request, conflict) if str(conflict) else ""
        return explained(request, 409, why)
    except Unacceptable as refused:
        return explained(request, 400, str(refused) if wants_json(request) else "")
    except (StorageFault, StoreFull):
        return explained(request, 503, retry_after=2)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return explained(request, error.status)
    except ConnectionError:
        raise  # the reader went away: nobody is left to tell
    except Exception as error:
        place = request.match_info.route.resource
        named = place.canonical if place else "unknown"
        desk_of(request).log.error("request failed", route=named, error=type(error).__name__, exc_info=True)
        return explained(request, 500)


# --- session and CSRF ------------------------------------------------------------------------------------------


def session_token(request: web.Request) -> str:
    """The session cookie's value, or ""."""
    return request.cookies.get(SECURE_COOKIE if is_https(request) else COOKIE, "")


def _preferred_language(request: web.Request) -> str | None:
    for part in request.headers.get("Accept-Language", "").split(","):
        code = part.split(";")[0].strip()[:2].lower()
        if code in languages():
            return code
    return None


@web.middleware
async def session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who asks. Without a session only what is ``OPEN`` is shown."""
    desk, token = desk_of(request), session_token(request)
    if (language := _preferred_language(request)) is not None:
        request[LANGUAGE] = language
    page = page_of(request)
    if token and page is not None:
        return await _show(request, page, token)
    if token and not request.path.startswith(("/static/", "/api/", "/healthz", "/readyz", "/metrics")):
        directory = desk.house().directory
        async with request.app[CROWD] if request.path == LIVE else nullcontext():
            signed = await desk.store.read(lambda tx: find_session(tx, directory, token))
        if signed is not None:
            request[SIGNED] = signed
            _touch(request, signed)
    if SIGNED in request and _owes_second(request, request[SIGNED]):
        return _ask_for_second(request)
    if SIGNED in request or request.path.startswith(OPEN):
        return await handler(request)
    return _ask_to_log_in(request)


async def _show(request: web.Request, page: Page, token: str) -> web.StreamResponse:
    """A page that only reads, and who asks for it, in one go."""
    directory = desk_of(request).house().directory

    def query(tx: Reader) -> Draw:
        signed = find_session(tx, directory, token)
        if signed is None:
            return partial(_ask_to_log_in, request)
        request[SIGNED] = signed
        if _owes_second(request, signed):
            return partial(_ask_for_second, request)
        return page(request, tx)

    try:
        return await show(request, query)
    finally:
        if SIGNED in request:
            _touch(request, request[SIGNED])


def must_have_second(request: web.Request, signed: Signed) -> bool:
    """Whether somebody's role must log in with a second factor."""
    return signed.scope.role in desk_of(request).house().directory.config.private.second_factor


def _owes_second(request: web.Request, signed: Signed) -> bool:
    """Whether somebody must have a second factor and has none yet: they can set it up, and nothing else."""
    owes = not signed.second and must_have_second(request, signed)
    return owes and not request.path.startswith(ENOUGH)


def _ask_for_second(request: web.Request) -> web.Response:
    """Lead to the page that sets it up; a page that asks by itself is told in a sentence."""
    if request.method in SAFE and not is_fragment(request) and not wants_json(request):
        return web.Response(status=303, headers={"Location": SECOND_FACTOR})
    return explained(request, 403, text(request, SECOND_FIRST))


def _touch(request: web.Request, signed: Signed) -> None:
    """Write down that the session is used, where that was long ago; whoever waits for a page does not wait for this."""
    touches = request.app[TOUCHES]
    if not signed.stale or signed.token_hash in touches:
        return
    task = asyncio.ensure_future(_write_touch(desk_of(request).store, signed))
    touches[signed.token_hash] = task
    task.add_done_callback(lambda _: touches.pop(signed.token_hash, None))


async def _write_touch(store: Store, signed: Signed) -> None:
    with suppress(StorageFault, StoreFull):  # the next page tries again
        await store.write(lambda tx: touch_session(tx, signed))


def _ask_to_log_in(request: web.Request) -> web.Response:
    """What is kept of a text waits on the page that was left: whoever logs in again goes back there. A page that asks
    by itself for what is new is never led away under the hands of somebody who writes: it says that the session ended,
    and so in a toast, too, where a button was pressed."""
    if is_fragment(request):
        pressed = request.method not in SAFE
        toast = (
            {"centrala:toast": {"text": text(request, _BY_STATUS[401]), "danger": True}} if pressed else {}
        )
        told = json.dumps({"centrala:ended": True, **toast})
        return web.Response(status=401, headers={"HX-Reswap": "none", "HX-Trigger": told})
    if wants_json(request) or request.method not in SAFE:
        return explained(request, 401)
    return web.Response(status=303, headers={"Location": log_in_path(request.path_qs)})


def log_in_path(page: str) -> str:
    """The log-in that leads on to a page of ours."""
    return f"/login?next={quote(page, safe='')}" if page else "/login"


def _page_of(address: str) -> str:
    """Path and query of an address that a browser told; what leads elsewhere the log-in itself does not follow."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts._replace(scheme="", netloc="", fragment="").geturl()


def is_same_site(request: web.Request) -> bool:
    """Whether a request comes from a page of our own, as far as the browser tells (Fetch Metadata, then Origin)."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


@web.middleware
async def no_forgery(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every unsafe method carries the session's token: in the header, or as a field of the form."""
    signed = request.get(SIGNED)
    if request.method in SAFE or request.path.startswith("/api/"):
        return await handler(request)
    if not is_same_site(request):
        return explained(request, 403)
    if signed is not None:
        sent = request.headers.get("X-CSRF") or str((await request.post()).get(CSRF_FIELD, ""))
        if not hmac.compare_digest(sent.encode(), signed.csrf.encode()):
            return explained(request, 403, text(request, OTHER_LOG_IN))
    return await handler(request)


MIDDLEWARES = (errors, session, no_forgery)
