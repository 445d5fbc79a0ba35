"""What happens under the posts of a Facebook page, to what intake takes: one change of ``feed`` at a time. Pure.

By https://developers.facebook.com/docs/graph-api/webhooks/reference/page/#feed (2026). Comments, and posts by visitors
of the page, become comments; the page's own posts tell what articles are called; reactions to comments are kept, those
to posts are not about anybody's words. Anything else is kept as unknown.
"""

from __future__ import annotations

import mimetypes
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from connectors.contract import (
    Article,
    Attachment,
    CommentPlace,
    Deletion,
    Edit,
    Inbound,
    Message,
    Micros,
    Moderated,
    Party,
    Reaction,
    Standing,
)
from connectors.meta.comment_shapes import Feed, PageComment, PagePost
from connectors.meta.parts import Part, Place, event_id, unknown

_feed = msgspec.json.Decoder(Feed, strict=False)

SECOND = 1_000_000

POSTS = frozenset({"post", "status", "photo", "video", "share", "album", "note", "link", "event"})
"""Kinds of post that a page or a visitor can put there."""

SIGNS = {
    "like": "👍",
    "love": "❤",
    "haha": "😆",
    "wow": "😮",
    "sad": "😢",
    "angry": "😠",
    "anger": "😠",
    "sorry": "😢",
    "care": "🤗",
    "hooray": "🎉",
}
"""Reactions by the names that Meta gives them."""

TITLE = 120
"""Characters of a post that its comments are listed under."""


def read(part: Part, place: Place) -> list[Inbound]:
    """One change. Raises msgspec.DecodeError for JSON of another shape."""
    told = _feed.decode(part.raw)
    if told.item in ("reaction", "like"):
        return _reaction(part, place, told)
    about = told.item == "comment" or (part.field != "feed" and bool(told.comment_id))
    name = str(told.comment_id if about else told.post_id)
    if not name or not (about or told.item in POSTS):
        return [unknown(part, place)]
    if told.verb == "add":
        return [_written(part, place, told, name)]
    return _changed(part, place, told, name) or [unknown(part, place)]


def is_post(name: str, account: str) -> bool:
    """Whether an id is that of a post of this page (``PAGE_POST``), as opposed to a comment's (``POST_COMMENT``)."""
    return name.startswith(f"{account}_") and name.count("_") == 1


# --- written -----------------------------------------------------------------------------------------------------


def _written(part: Part, place: Place, told: Feed, name: str) -> Inbound:
    ours = str(told.author.id) == place.account
    if ours and told.item in POSTS:
        return Article(
            inbox=place.inbox,
            received_at=place.now,
            article=name,
            title=title_of(told.message),
            url=_url(told) or "",
        )
    article = str(told.post_id) or name
    above = str(told.parent_id or "")
    return comment(
        place,
        name=name,
        article=article,
        title="" if told.item not in POSTS else title_of(told.message),
        url=_url(told) or f"https://www.facebook.com/{article}",
        above="" if above == name else above,
        sender=_author(told, name),
        ours=ours,
        text=told.message or "",
        files=_files(told),
        at=Micros(told.created_time * SECOND) if told.created_time > 0 else None,
    )


def comment(
    place: Place,
    *,
    name: str,
    article: str,
    title: str,
    url: str,
    above: str,
    sender: Party,
    ours: bool,
    text: str,
    files: tuple[Attachment, ...],
    at: Micros | None,
    standing: Standing = "published",
    link: str = "",
) -> Message:
    """A comment, or a visitor's post, as intake takes it."""
    return Message(
        inbox=place.inbox,
        external_id=name,
        received_at=place.now,
        sender=sender,
        subject=title,
        text=text,
        full_text=text,
        attachments=files,
        sent_at=at,
        ours=ours,
        comment=CommentPlace(
            article=article,
            title=title,
            url=url,
            ours=False,
            # Right under a post that is the post: a visitor's is found as a comment, the page's own as nothing.
            parent_ref=above,
            standing=standing,
            link=link or _link(url, name, article),
        ),
    )


def _url(told: Feed) -> str | None:
    return told.post.permalink_url if told.post is not None else None


def _link(url: str, name: str, article: str) -> str:
    if name == article:
        return url
    return f"{url}{'&' if '?' in url else '?'}comment_id={name.rpartition('_')[2]}"


def _author(told: Feed, name: str) -> Party:
    """Page-scoped ids are those of Messenger. Who is not named stays somebody of their own."""
    author = str(told.author.id or told.sender_id)
    shown = told.author.name or told.sender_name or ""
    if not author:
        return Party(kind="messenger", address=f"unknown:{name}", name=shown)
    return Party(kind="messenger", address=author, name=shown, verified=True)


def title_of(text: str | None) -> str:
    """The first line of a post, as what its comments stand under."""
    line = next((line for line in (text or "").splitlines() if line.strip()), "")
    shown = " ".join(line.split())
    return shown if len(shown) <= TITLE else f"{shown[: TITLE - 1].rstrip()}…"


def _files(told: Feed) -> tuple[Attachment, ...]:
    found = [("image/jpeg", url) for url in (told.photo, *(told.photos or ())) if url]
    found += [("video/mp4", told.video)] if told.video else []
    return tuple(file_at(url, kind) for kind, url in dict.fromkeys(found))


def file_at(url: str, fallback: str) -> Attachment:
    """A file to fetch later. Its name is the last part of the address, which Meta makes up."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name[:100] or fallback.partition("/")[0]
    guessed = mimetypes.guess_type(name)[0] or fallback
    if "." not in name:
        name += mimetypes.guess_extension(guessed) or ""
    return Attachment(filename=name, content_type=guessed, remote=url)


# --- changed -----------------------------------------------------------------------------------------------------


def _changed(part: Part, place: Place, told: Feed, name: str) -> list[Inbound]:
    common = {"inbox": place.inbox, "target": name, "received_at": place.now}
    sender = _author(told, name)
    match told.verb:
        case "edited" | "edit" | "update":
            # The same change told again has the same time; two changes of a moment have different words.
            own = event_id(f"{name}:edited:{part.at}", (told.message or "").encode())
            if told.item in POSTS and str(told.author.id) == place.account:
                return []
            text = told.message or ""
            return [Edit(**common, external_id=own, sender=sender, text=text, at=_told_at(part))]  # type: ignore[arg-type]
        case "remove" | "delete":
            return [Deletion(**common, external_id=f"{name}:removed", sender=sender)]  # type: ignore[arg-type]
        case "hide" | "unhide":
            standing: Standing = "hidden" if told.verb == "hide" else "published"
            own = f"{name}:{told.verb}:{part.at}"
            return [Moderated(**common, external_id=own, standing=standing, at=_told_at(part))]  # type: ignore[arg-type]
    return []


def _told_at(part: Part) -> Micros | None:
    """When a change was made, as the call says; a call that failed comes again after later ones."""
    return Micros(part.at * SECOND) if part.at else None


def _reaction(part: Part, place: Place, told: Feed) -> list[Inbound]:
    """A sign under a comment; one under a post says nothing that anybody would answer."""
    if not told.comment_id:
        return []
    name = str(told.comment_id)
    gone = told.verb in ("remove", "delete")
    sign = SIGNS.get(told.reaction_type or "like", "❔")
    return [
        Reaction(
            inbox=place.inbox,
            external_id=event_id(f"{name}:reaction", bytes(part.raw) + str(part.at).encode()),
            target=name,
            received_at=place.now,
            sender=_author(told, name),
            emoji="" if gone else sign,
            at=_told_at(part),
        )
    ]


# --- listed by the Graph API -------------------------------------------------------------------------------------


def moment(iso: str) -> Micros | None:
    """Meta's ``2026-11-10T16:40:00+0000``; None for anything else."""
    try:
        return Micros(int(datetime.fromisoformat(iso).timestamp() * SECOND))
    except (ValueError, OverflowError):
        return None


def article_of(place: Place, post: PagePost) -> Article:
    """What a listed post tells about the comments under it."""
    return Article(
        inbox=place.inbox,
        received_at=place.now,
        article=str(post.id),
        title=title_of(post.message or post.story),
        url=post.permalink_url or "",
    )


def listed(place: Place, post: PagePost, found: PageComment) -> Message:
    """A listed comment, as its change would have told it."""
    name, article = str(found.id), str(post.id)
    image = found.attachment.media.image if found.attachment and found.attachment.media else None
    return comment(
        place,
        name=name,
        article=article,
        title=title_of(post.message or post.story),
        url=post.permalink_url or f"https://www.facebook.com/{article}",
        above=str(found.parent.id) if found.parent is not None else article,
        sender=_listed_author(found.author.id, found.author.name, name),
        ours=str(found.author.id) == place.account,
        text=found.message or "",
        files=(file_at(image.src, "image/jpeg"),) if image is not None and image.src else (),
        at=moment(found.created_time),
        standing="hidden" if found.is_hidden else "published",
        link=found.permalink_url or "",
    )


def visitors(place: Place, post: PagePost) -> Message:
    """A listed post by a visitor."""
    name = str(post.id)
    url = post.permalink_url or f"https://www.facebook.com/{name}"
    return comment(
        place,
        name=name,
        article=name,
        title=title_of(post.message),
        url=url,
        above="",
        sender=_listed_author(post.author.id, post.author.name, name),
        ours=False,
        text=post.message or "",
        files=(),
        at=moment(post.created_time),
        standing="hidden" if post.is_hidden else "published",
    )


def _listed_author(author: str | int, shown: str | None, name: str) -> Party:
    if not author:
        return Party(kind="messenger", address=f"unknown:{name}", name=shown or "")
    return Party(kind="messenger", address=str(author), name=shown or "", verified=True)
