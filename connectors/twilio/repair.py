"""Messages whose webhook did not reach us: asked for by the API when the inbox starts, and then now and again.

Twilio tells each message once and soon gives up, so a hub that was down for a minute would never hear of it. What the
webhook did bring is recognised by its SID. https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from connectors._json import decoded
from connectors.contract import Fetched, Micros

SECOND = 1_000_000
OVERLAP = 3600 * SECOND
"""How far behind the last look the next one begins: a message may be listed later than it came."""

YOUNG = 60 * SECOND
"""A message this young is left to its webhook."""

PAGES = 50
"""Most pages of one look: ten thousand messages. What is older than these stays with Twilio."""

MOST_FILES = 10

T = TypeVar("T")

Get = Callable[[str], Awaitable[Fetched]]
"""Asks for a path below the API's base address."""


class Listed(msgspec.Struct, frozen=True):
    """A message of the list."""

    sid: str
    direction: str = ""
    date_sent: str | None = None
    to: str | None = ""
    body: str | None = ""
    num_media: str | int = "0"
    sender: str | None = msgspec.field(default="", name="from")


class Page(msgspec.Struct, frozen=True):
    """A page of the list, the newest first."""

    messages: tuple[Listed, ...] = ()
    next_page_uri: str | None = None


class Medium(msgspec.Struct, frozen=True):
    """A file of a message."""

    uri: str
    content_type: str = ""


class Media(msgspec.Struct, frozen=True):
    """The files of a message."""

    media_list: tuple[Medium, ...] = ()


class NoList(Exception):
    """The provider does not list messages, or not to us; the text says why."""


def begin(began: int, last: int) -> Micros:
    """From when on to look, ``last`` being the look before: never before the inbox began."""
    return Micros(max(began, last - OVERLAP))


async def missed(get: Get, account: str, since: Micros, now: Micros) -> AsyncIterator[Listed]:
    """Messages that came in between ``since`` and a moment ago, the newest first. ``account`` is the path of the
    account's resources. Raises NoList, SendError."""
    day = dt.datetime.fromtimestamp(since / SECOND, dt.UTC).date().isoformat()
    path: str | None = f"{account}/Messages.json?{urlencode({'DateSent>': day, 'PageSize': '200'})}"
    for _ in range(PAGES):
        if path is None:
            return
        page = _decoded(await get(path), Page)
        for message in page.messages:
            at = moment(message.date_sent)
            if message.direction == "inbound" and at is not None and since <= at <= now - YOUNG:
                yield message
        path = page.next_page_uri


async def call_of(get: Get, account: str, base: str, message: Listed) -> dict[str, str]:
    """The fields that the webhook would have had. Raises NoList, SendError."""
    call = {
        "MessageSid": message.sid,
        "SmsStatus": "received",
        "From": message.sender or "",
        "To": message.to or "",
        "Body": message.body or "",
        "NumMedia": str(message.num_media),
    }
    if call["NumMedia"] in ("", "0"):
        return call
    media = _decoded(await get(f"{account}/Messages/{message.sid}/Media.json"), Media)
    for number, medium in enumerate(media.media_list[:MOST_FILES]):
        call |= {
            f"MediaUrl{number}": base + medium.uri.removesuffix(".json"),
            f"MediaContentType{number}": medium.content_type,
        }
    return call


def moment(date: str | None) -> Micros | None:
    """A time as RFC 2822 writes it, in microseconds; None for what is none."""
    try:
        return Micros(int(parsedate_to_datetime(date or "").timestamp()) * SECOND)
    except (TypeError, ValueError):
        return None


def _decoded(answer: Fetched, kind: type[T]) -> T:
    if answer.status != 200:
        raise NoList(f"HTTP {answer.status}")
    try:
        return decoded(msgspec.json.Decoder(kind).decode, answer.body)
    except ValueError as error:  # msgspec's own errors are of that kind, too
        raise NoList("not the documented JSON") from error
