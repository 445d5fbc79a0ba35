"""What reading direct messages and reading posts share: names of things, times, people, links, files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from connectors.contract import Attachment, InboxId, Micros, Party, ThreadKey
from connectors.x.payloads import Link, Media, NewMedia, User, Variant

KIND = "x"
"""The kind of address: the number of an account."""

EPOCH_MS = 1_288_834_974_657
"""Milliseconds since 1970 from which X counts: its ids are a time, shifted left by 22 bits, and a number."""

_OWN_FILE = "/messages/media/"
"""In the address behind a link that only stands for the file of a direct message."""

NOBODY = "unknown"
"""The address of whoever it was, where X does not say."""

_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "m4a": "audio/mp4",
}


def _as_written(msgid: str) -> str:
    return msgid


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where something came in: the inbox, when, which account is ours (empty: not known), what is not kept.

    ``words`` translates a text of ours into the office's language; ``siblings`` are inboxes of other accounts.
    """

    inbox: InboxId
    now: Micros
    me: str = ""
    ignore: tuple[str, ...] = ()
    words: Callable[[str], str] = _as_written
    siblings: Mapping[str, InboxId] = {}

    def of(self, account: str) -> Place | None:
        """The same for what X tells about an account; None for one that no inbox is for."""
        if not account or account == self.me:
            return self
        inbox = self.inbox if not self.me else self.siblings.get(account)
        return msgspec.structs.replace(self, inbox=inbox, me=account) if inbox is not None else None

    def ignores(self, what: str) -> bool:
        """Whether events of this name are not kept."""
        return bool(self.ignore) and what.startswith(self.ignore)

    def event(self, external_id: str, target: str | None = None) -> dict[str, Any]:
        """The fields that every event has."""
        return {
            "inbox": self.inbox,
            "external_id": external_id,
            "target": target,
            "received_at": self.now,
        }


# --- names ---------------------------------------------------------------------------------------------------------


def direct_id(number: str) -> str:
    """What we call a direct message, on every way it comes."""
    return f"dm:{number}"


def post_id(number: str) -> str:
    """What we call a post."""
    return f"post:{number}"


def number_of(name: str | None, kind: str) -> str:
    """The number in ``dm:…`` or ``post:…``; empty when it is the name of something else."""
    before, _, number = (name or "").partition(":")
    return number if before == kind and number.isascii() and number.isdigit() else ""


def thread(place: Place, author: str, name: str) -> ThreadKey:
    """The key of one person's part in a public thread: others who answer there too are not part of it."""
    return ThreadKey(f"x:{place.inbox}:{author}:{name}")


# --- times ---------------------------------------------------------------------------------------------------------


def from_ms(value: str | int) -> Micros | None:
    """Milliseconds, mostly as a string of digits."""
    text = str(value)
    return Micros(int(text) * 1000) if text.isascii() and text.isdigit() and len(text) < 15 else None


def from_iso(value: str) -> Micros | None:
    """A time of v2: ``2026-07-24T21:05:48.000Z``."""
    try:
        at = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return Micros(round(at.timestamp() * 1_000_000)) if at.tzinfo else None


def from_old(value: str) -> Micros | None:
    """A time of v1.1: ``Mon May 19 14:01:46 +0000 2025``."""
    parts = value.split()
    if len(parts) != 6:
        return None
    week, month, day, clock, zone, year = parts
    try:
        at = parsedate_to_datetime(f"{week}, {day} {month} {year} {clock} {zone}")
    except ValueError:
        return None
    return Micros(round(at.timestamp() * 1_000_000))


def from_id(number: str) -> Micros | None:
    """When an id was given out; ids from before 2010 say nothing."""
    value = int(number) if number.isascii() and number.isdigit() else 0
    return Micros(((value >> 22) + EPOCH_MS) * 1000) if value > 1 << 40 else None


def id_at(at: Micros) -> int:
    """The least id that was given out at a time."""
    return max(0, (at // 1000 - EPOCH_MS) << 22)


# --- people --------------------------------------------------------------------------------------------------------


def users_by_id(users: Iterable[User]) -> dict[str, User]:
    """Accounts by number, out of their wrapping."""
    found = (user.data or user for user in users)
    return {account_id(user): user for user in found}


def account_id(user: User) -> str:
    inner = user.data or user
    return inner.id_str or str(inner.id)


def party(number: str, users: Mapping[str, User]) -> Party:
    """A person; X itself proves who wrote."""
    user = users.get(number)
    if user is None:
        return Party(kind=KIND, address=number or NOBODY, verified=bool(number))
    inner = user.data or user
    handle = inner.screen_name or inner.username
    if handle and inner.name and inner.name != handle:
        name = f"{inner.name} (@{handle})"
    else:
        name = inner.name or (f"@{handle}" if handle else "")
    return Party(kind=KIND, address=number, name=unescaped(name), verified=True)


# --- text and files ------------------------------------------------------------------------------------------------


def plain(text: str, links: Iterable[Link], hidden: Iterable[str] = ()) -> str:
    """A text as people see it: the short links are written out, those that only stand for a file (``hidden``) are gone,
    and the three characters that X escapes are themselves again."""
    for url in hidden:
        text = text.replace(url, "") if url else text
    for link in links:
        if link.url and link.expanded_url:
            text = text.replace(link.url, "" if _OWN_FILE in link.expanded_url else link.expanded_url)
    return unescaped(text).strip()


def unescaped(text: str) -> str:
    """X escapes three characters, in texts and in names."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def remote(url: str, content_type: str = "") -> Attachment:
    """A file that is fetched later."""
    name = url.partition("?")[0].rpartition("/")[2] or "file"
    ending = name.rpartition(".")[2].lower()
    return Attachment(
        filename=name,
        content_type=content_type or _TYPES.get(ending, "application/octet-stream"),
        remote=url,
    )


def old_file(media: Media) -> Attachment | None:
    """A picture, or the best encoding of a video."""
    best = _best(media.video_info.variants) if media.video_info else None
    if best is not None:
        return remote(best.url, best.content_type)
    return remote(media.media_url_https) if media.media_url_https else None


def new_files(keys: Iterable[str], media: Iterable[NewMedia]) -> tuple[Attachment, ...]:
    """The files of a v2 object, by their keys."""
    by_key = {item.media_key: item for item in media}
    found = (_new_file(by_key[key]) for key in keys if key in by_key)
    return tuple(file for file in found if file is not None)


def _new_file(media: NewMedia) -> Attachment | None:
    best = _best(media.variants)
    if best is not None:
        return remote(best.url, best.content_type)
    url = media.url or media.preview_image_url
    return remote(url) if url else None


def _best(variants: Iterable[Variant]) -> Variant | None:
    """The highest rate of those that are one file; a playlist (m3u8) is none."""
    files = [item for item in variants if item.url and item.content_type.startswith(("video/", "audio/"))]
    return max(files, key=lambda item: max(item.bitrate, item.bit_rate), default=None)
