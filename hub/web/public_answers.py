"""What the public listener answers besides what handlers say: refusals as sentences, security headers, languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http.cookies import SimpleCookie

import msgspec
from aiohttp import hdrs, web

from connectors.contract import SetCookie
from hub.i18n import mark as N_


class Refusal(Exception):
    """A request that goes no further; ``text`` is a msgid."""

    def __init__(self, status: int, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_after = retry_after


def http_refusal(status: int) -> Refusal:
    """What the router itself refuses."""
    texts = {
        404: N_("There is nothing at this address."),
        405: N_("This address does not take such requests."),
        413: N_("That is larger than this address takes."),
    }
    return Refusal(status, texts.get(status, N_("This request cannot be answered.")))


def too_many(wait: int) -> Refusal:
    """A limit of the address is used up; ``wait`` in seconds."""
    text = N_("Too many requests came from your network. Please wait a little and try again.")
    return Refusal(429, text, retry_after=wait)


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for a page; programs do not name HTML."""
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def json_refusal(sentence: str) -> str:
    """A refusal for programs."""
    return msgspec.json.encode({"error": sentence}).decode()


def refused(
    request: web.Request, refusal: Refusal, body: str, given: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """A refusal with its ``body``: a page for browsers (:func:`wants_page`), JSON for programs."""
    headers = {**(given or {}), "Cache-Control": "no-store"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
    response = web.Response(
        text=body,
        status=refusal.status,
        content_type="text/html" if wants_page(request) else "application/json",
        charset="utf-8",
        headers=headers,
    )
    if not request.content.at_eof():
        # What is still under way is not worth reading; the connection cannot be used again.
        response.force_close()
    return response


CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)


def harden(response: web.StreamResponse, *, https: bool) -> None:
    """Headers that no handler may weaken, and some that it may set otherwise."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP + "'none'")
    headers["X-Content-Type-Options"] = "nosniff"
    # Not "no-referrer": with it browsers send "Origin: null" on forms, and their origin could not be checked.
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000"


def set_cookie(response: web.Response, cookie: SetCookie, *, https: bool) -> None:
    """Put a cookie on an answer; scripts never see it."""
    made: SimpleCookie = SimpleCookie({cookie.name: cookie.value})
    framed = cookie.framed and https  # browsers drop "None" and "Partitioned" without "Secure"
    morsel = made[cookie.name]
    morsel["max-age"], morsel["path"] = str(cookie.max_age), cookie.path
    morsel["httponly"], morsel["secure"] = True, https
    morsel["samesite"] = "None" if framed else "Lax"
    text = morsel.OutputString()
    # The standard library of this Python does not know the attribute yet.
    response.headers.add(hdrs.SET_COOKIE, f"{text}; Partitioned" if framed else text)


def is_safe(text: str) -> bool:
    """Whether a header may hold this text."""
    return not any(char in text for char in "\r\n\x00")


def preferred(header: str, languages: Sequence[str]) -> str | None:
    """The language of ``languages`` that an ``Accept-Language`` header wants most, or None."""
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate(header.split(",")[:30]):
        tag, _, quality = part.strip().partition(";")
        code = tag.strip().partition("-")[0].lower()
        try:
            weight = float(quality.partition("=")[2]) if quality else 1.0
        except ValueError:
            continue
        if code in languages and weight > 0:
            wanted.append((-weight, position, code))
    return min(wanted)[2] if wanted else None
