"""Comments under an Instagram account's media, and mentions of it elsewhere, to what intake takes. Pure.

By https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram and
https://developers.facebook.com/docs/instagram-platform/webhooks/examples (2026). Instagram tells of new comments only:
no edit, no deletion, no hiding. A mention comes without its words; they are asked for afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from connectors.contract import Article, CommentPlace, Inbound, Message, Micros, Party
from connectors.meta.comment_shapes import Author, InstagramComment, MediaComment, Medium
from connectors.meta.page_comments import SECOND, moment, title_of
from connectors.meta.parts import Part, Place, unknown

_change = msgspec.json.Decoder(InstagramComment, strict=False)

MENTION = "mention:"
"""Before the id of a mention: it stands on somebody else's page, where all that we can do is answer."""

UNREAD = "[mention]"
"""The text of a mention until its words are known."""


def read(part: Part, place: Place) -> list[Inbound]:
    """One change. Raises msgspec.DecodeError for JSON of another shape."""
    told = _change.decode(part.raw)
    if part.field == "mentions":
        return [_mention(part, place, told)] if told.media_id else [unknown(part, place)]
    article = str(told.media.original_media_id or told.media.id)
    if not told.id or not article:
        return [unknown(part, place)]
    live = part.field == "live_comments"
    return [
        _comment(
            place,
            name=str(told.id),
            article=article,
            title=title_of(told.media.ad_title),
            section="live" if live else (told.media.media_product_type or "").lower(),
            above=str(told.parent_id),
            author=told.author,
            text=told.text or "",
            at=_entry_time(part.at),
        )
    ]


def _entry_time(at: int) -> Micros | None:
    """Instagram tells only when it called: in seconds, in some calls in milliseconds."""
    if at <= 0:
        return None
    return Micros(at * (1000 if at > 100_000_000_000 else SECOND))


def _comment(
    place: Place,
    *,
    name: str,
    article: str,
    title: str,
    section: str,
    above: str,
    author: Author,
    text: str,
    at: Micros | None,
    hidden: bool = False,
    url: str = "",
) -> Message:
    return Message(
        inbox=place.inbox,
        external_id=name,
        received_at=place.now,
        sender=_person(author, name),
        subject=title,
        text=text,
        full_text=text,
        sent_at=at,
        ours=bool(author.self_ig_scoped_id) or str(author.id) == place.account,
        comment=CommentPlace(
            article=article,
            title=title,
            url=url,
            section=section,
            ours=False,
            parent_ref=above,
            standing="hidden" if hidden else "published",
            link=f"{url.rstrip('/')}/c/{name}/" if url else "",
        ),
    )


def _person(author: Author, name: str) -> Party:
    """Instagram-scoped ids are those of direct messages; who is not named stays somebody of their own."""
    shown = f"@{author.username}" if author.username else author.name or ""
    if not author.id:
        return Party(kind="instagram", address=shown or f"unknown:{name}", name=shown)
    return Party(kind="instagram", address=str(author.id), name=shown, verified=True)


def _mention(part: Part, place: Place, told: InstagramComment) -> Message:
    """The account is named in a comment, or in the caption of a medium, of somebody else's."""
    name = mention_name(str(told.media_id), str(told.comment_id))
    return Message(
        inbox=place.inbox,
        external_id=name,
        received_at=place.now,
        sender=Party(kind="instagram", address=name),
        text=UNREAD,
        full_text=UNREAD,
        sent_at=_entry_time(part.at),
        comment=CommentPlace(article=str(told.media_id), section="mention", ours=False),
    )


def mention_name(media: str, comment: str) -> str:
    """The external id of a mention; without ``comment`` it stands in the caption of the medium."""
    return f"{MENTION}{media}:{comment}"


def mention_parts(name: str) -> tuple[str, str] | None:
    """Medium and comment of a mention's external id; None for any other."""
    if not name.startswith(MENTION):
        return None
    media, _, comment = name.removeprefix(MENTION).partition(":")
    return media, comment


# --- listed by the Graph API -------------------------------------------------------------------------------------


def article_of(place: Place, medium: Medium) -> Article:
    """What a listed medium tells about the comments under it."""
    return Article(
        inbox=place.inbox,
        received_at=place.now,
        article=str(medium.id),
        title=title_of(medium.caption),
        url=medium.permalink or "",
    )


def listed(place: Place, medium: Medium) -> Iterator[Message]:
    """The listed comments of a medium, each before what answers it, as their changes would have told them."""
    for found in medium.comments.data:
        yield _listed(place, medium, found, "")
        for reply in found.replies.data if found.replies is not None else ():
            yield _listed(place, medium, reply, str(found.id))


def _listed(place: Place, medium: Medium, found: MediaComment, above: str) -> Message:
    author = found.author
    if not author.username and found.username:
        author = msgspec.structs.replace(author, username=found.username)
    return _comment(
        place,
        name=str(found.id),
        article=str(medium.id),
        title=title_of(medium.caption),
        section=(medium.media_product_type or "").lower(),
        above=str(found.parent_id) or above,
        author=author,
        text=found.text or "",
        at=moment(found.timestamp),
        hidden=found.hidden,
        url=medium.permalink or "",
    )
