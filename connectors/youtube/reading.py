"""A page of the API as intake takes it: comments of threads, answers, edits.

An edit is told together with the comment itself, because the API tells only that a comment was changed and when; what
is known already is a repetition to the hub.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from connectors import _html
from connectors._json import decoded
from connectors.contract import (
    Attachment,
    CommentPlace,
    Edit,
    Inbound,
    InboxId,
    Message,
    Micros,
    ParseContext,
    Party,
    Unknown,
)
from connectors.youtube.payloads import Comment, Page, Thread

KIND = "youtube"
"""The kind of address: the id of an author's channel."""

THREADS = "youtube#commentThreadListResponse"
COMMENTS = "youtube#commentListResponse"

_MARKUP = re.compile(r"<br ?/?>|<a href=|</[abi]>|&(?:#39|quot|amp|lt|gt);")

_STANDINGS: Mapping[str, Literal["published", "held", "hidden"]] = {
    "heldForReview": "held",
    "likelySpam": "held",
    "rejected": "hidden",
}


class BadPage(ValueError):
    """The input is no answer of the API that lists comments; the text quotes nothing of it."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where comments came in. ``channel`` is the office's own channel, ``titles`` of videos by id."""

    inbox: InboxId
    now: Micros
    channel: str = ""
    moderation: Literal["pre", "post"] = "pre"
    titles: Mapping[str, str] = {}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A comment, and the video that it stands under."""

    comment: Comment
    video: str

    @property
    def id(self) -> str:
        return self.comment.id

    @property
    def standing(self) -> Literal["published", "held", "hidden"]:
        """How it stands on YouTube."""
        return _STANDINGS.get(self.comment.snippet.moderation_status, "published")

    @property
    def written(self) -> Micros:
        return micros(self.comment.snippet.published_at)

    @property
    def changed(self) -> Micros:
        """When it was changed last; when it was written, where it never was."""
        return Micros(max(micros(self.comment.snippet.updated_at), self.written))


_page = msgspec.json.Decoder(Page)
_thread = msgspec.json.Decoder(Thread)
_comment = msgspec.json.Decoder(Comment)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a page: the thread it is (None in a list of comments) and its comments, the first one first."""

    thread: Thread | None
    comments: tuple[Found, ...]


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """One page of ``commentThreads.list`` or ``comments.list``. Raises :class:`BadPage`."""
    page = decode_page(raw)
    if page.kind not in (THREADS, COMMENTS):
        raise BadPage("The answer lists neither comment threads nor comments.")
    place = Place(inbox=context.inbox, now=context.now)
    items: list[Inbound] = []
    for raw_entry in page.items:
        entry = read_entry(raw_entry, page.kind)
        if entry is None:
            items.append(unreadable(raw_entry, place))
        else:
            items.extend(item for found in entry.comments for item in inbound(found, place))
    return items


def decode_page(raw: bytes) -> Page:
    """Raises :class:`BadPage`."""
    try:
        return decoded(_page.decode, raw)
    except ValueError as error:  # msgspec's own errors are of that kind, too
        raise BadPage("The answer is no JSON that the API documents.") from error


def read_entry(raw: msgspec.Raw, kind: str, video: str = "") -> Entry | None:
    """An entry of a page; None for one that is not as documented. ``video``: where it stands, if it does not say."""
    try:
        if kind == THREADS:
            thread = _thread.decode(raw)
            return Entry(thread=thread, comments=tuple(_of_thread(thread)))
        comment = _comment.decode(raw)
        return Entry(thread=None, comments=(Found(comment=comment, video=comment.snippet.video_id or video),))
    except msgspec.ValidationError:
        return None


def _of_thread(thread: Thread) -> Iterator[Found]:
    snippet = thread.snippet
    for comment in (snippet.top_level_comment, *reversed(thread.replies.comments)):
        yield Found(comment=comment, video=snippet.video_id or comment.snippet.video_id)


def inbound(found: Found, place: Place) -> list[Inbound]:
    """A comment, and its last change."""
    message = as_message(found, place)
    if found.changed <= found.written or message.ours:
        return [message]
    return [message, as_edit(found, place)]


def as_message(found: Found, place: Place) -> Message:
    """A comment; one of the office's own channel is ours."""
    snippet = found.comment.snippet
    text = text_of(found.comment)
    title = place.titles.get(found.video, "")
    author = _author(found.comment)
    return Message(
        inbox=place.inbox,
        external_id=found.id,
        received_at=place.now,
        sender=author,
        subject=title,
        text=text,
        full_text=text,
        attachments=(_picture(snippet.image_url),) if snippet.image_url else (),
        sent_at=found.written or None,
        comment=_where(found, title, place),
        ours=bool(place.channel) and author.address == place.channel,
    )


def as_edit(found: Found, place: Place) -> Edit:
    """The last change of a comment."""
    return Edit(
        inbox=place.inbox,
        external_id=f"{found.id}:edited:{found.changed}",
        target=found.id,
        received_at=place.now,
        sender=_author(found.comment),
        text=text_of(found.comment),
        at=found.changed or None,
    )


def _where(found: Found, title: str, place: Place) -> CommentPlace:
    snippet, video = found.comment.snippet, found.video
    if video:
        article, url = video, f"https://www.youtube.com/watch?v={video}"
        link = f"{url}&lc={found.id}"
    else:
        article = f"channel:{snippet.channel_id}"
        url = link = f"https://www.youtube.com/channel/{snippet.channel_id}" if snippet.channel_id else ""
    return CommentPlace(
        article=article,
        title=title,
        url=url,
        ours=False,
        parent_ref=snippet.parent_id,
        standing=found.standing,
        link=link,
        moderation=place.moderation,
    )


def _author(comment: Comment) -> Party:
    """Who wrote; an author without a channel is nobody else's."""
    snippet = comment.snippet
    channel = snippet.author_channel_id.value if snippet.author_channel_id else ""
    address = channel or f"comment:{comment.id}"
    return Party(kind=KIND, address=address, name=snippet.author_display_name, verified=bool(channel))


def text_of(comment: Comment) -> str:
    """As it was written. ``text_display`` of a request for HTML is taken apart; a plain one has no such signs."""
    snippet = comment.snippet
    text = snippet.text_original or snippet.text_display
    if not snippet.text_original and _MARKUP.search(text):
        text = _html.text(text)
    return text.strip()


def _picture(url: str) -> Attachment:
    return Attachment(filename="picture", content_type="image/jpeg", remote=url)


def unreadable(raw: msgspec.Raw, place: Place) -> Unknown:
    """An entry that is not as documented: kept, for a person to look at."""
    name = hashlib.sha256(bytes(raw)).hexdigest()[:40]
    return Unknown(
        inbox=place.inbox,
        external_id=f"unknown:{name}",
        received_at=place.now,
        sender=Party(kind=KIND, address="unknown"),
        what="comment",
    )


def micros(value: str) -> Micros:
    """A time of the API (RFC 3339); 0 for none."""
    try:
        at = dt.datetime.fromisoformat(value)
    except ValueError:
        return Micros(0)
    return Micros(round(at.timestamp() * 1_000_000)) if at.tzinfo else Micros(0)
