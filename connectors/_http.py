"""HTTP shared by connectors: answers of routes, and the one place where a status becomes a :class:`SendError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors._i18n import N_
from connectors.contract import Blobs, Raw, Refused, Request, Response, SendError, SetCookie

INLINE = 65_536
"""Bytes up to which a raw body is a row of the store; a larger one becomes a blob first."""

FETCH_SECONDS = 60.0
"""Longest wait for a file that somebody sent us: 25 MB at three and a half megabits a second. The hub gives all files
of a message a minute and a half at once, and begins anew with those that are missing."""

UPLOAD_SECONDS = 180.0
"""Longest wait for a file of ours to be taken; until it is, nobody sees anything of it."""


def page(body: str, status: int = 200, cookies: tuple[SetCookie, ...] = ()) -> Response:
    """An HTML page that nobody may cache: it can hold what only its reader may see."""
    return Response(status=status, body=body.encode(), headers={"Cache-Control": "no-store"}, cookies=cookies)


def form_page(body: str) -> Response:
    """An HTML page with a form that is still empty: its reader's browser may keep it, and with it what is typed there.

    Under "no-store" a browser throws the words away when it goes on, and brings back an empty form from a refusal or a
    lost network.
    """
    return Response(body=body.encode(), headers={"Cache-Control": "private, no-cache"})


def see_other(location: str, cookies: tuple[SetCookie, ...] = ()) -> Response:
    """After a form post: the browser fetches ``location`` with GET (RFC 9110, 15.4.4), so a reload posts nothing.

    Raises ValueError when ``location`` could start a header of its own.
    """
    if any(char in location for char in "\r\n\x00"):
        raise ValueError("a redirect must not hold a line break")
    headers = {"Location": location, "Cache-Control": "no-store"}
    return Response(status=303, headers=headers, cookies=cookies)


def json_response(value: Any, status: int = 200) -> Response:
    """``value`` (structs, dicts, lists) as JSON."""
    return Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


def text_response(text: str, status: int = 200) -> Response:
    """Plain text, as gateways of SMS want their calls answered."""
    return Response(status=status, body=text.encode(), content_type="text/plain; charset=utf-8")


def later(answer: Response, refused: Refused) -> Response:
    """``answer``, which says that nothing was taken, with when to try again."""
    wait = str(max(1, round(refused.retry_after)))
    return msgspec.structs.replace(answer, headers={**answer.headers, "Retry-After": wait})


def raw_of(request: Request) -> Raw:
    """The body as it came, to be kept beside what was read from it. For routes whose ``max_body`` is at most 64 kB."""
    return Raw(
        content=request.body,
        content_type=request.headers.get("content-type", "application/octet-stream"),
    )


async def large_raw_of(request: Request, blobs: Blobs) -> Raw:
    """The same for routes that take more: a large body is durable before the commit that refers to it."""
    if len(request.body) <= INLINE:
        return raw_of(request)
    kind = request.headers.get("content-type", "application/octet-stream")
    return Raw(blob=await blobs.put(request.body), content_type=kind)


async def kept_json(body: bytes, blobs: Blobs) -> Raw:
    """A body of JSON that no request of a route brought: an answer of a provider that we asked."""
    if len(body) <= INLINE:
        return Raw(content=body, content_type="application/json")
    return Raw(blob=await blobs.put(body), content_type="application/json")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a ``Retry-After`` header given as a number, between 0 and a day; None for dates and nonsense."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        return None
    return float(min(int(value), 86_400))


def status_error(status: int, headers: Mapping[str, str] = {}, private: str = "") -> SendError:
    """What a refusing status of a provider means for the delivery (RFC 9110; 429 by RFC 6585).

    429 is always throttling. 401, 403 and 407 are temporary: the message is fine and goes out once somebody has renewed
    the credentials. A status that is no refusal, or that nobody knows, is temporary too.
    """
    reason = f"HTTP {status}" + (f": {private}" if private else "")
    wait = retry_after(headers)
    if status == 429:
        return SendError("throttled", "The other side asks us to slow down.", reason, wait or 30.0)
    if status in (401, 403, 407):
        text = N_("The other side refused our credentials; an administrator has to renew them.")
        return SendError("temporary", text, reason, wait)
    if status in (408, 409, 421, 423, 425) or not 400 <= status < 500:
        return SendError("temporary", "The other side cannot take it at the moment.", reason, wait)
    return SendError("permanent", "The other side refused the message.", reason)
