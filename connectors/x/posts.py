"""Public posts that concern the office's account: mentions, replies and quotes, in v1.1 and in v2.

A post belongs to the matter of its author: keys join it to what the same person wrote in that thread and to our answers
there, never to what others wrote. An edited post has a new id, and the first one of its history is its identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors._i18n import N_
from connectors.contract import Deletion, Edit, Inbound, Message, Party, Reaction, ThreadKey, Unknown
from connectors.x.common import (
    Place,
    account_id,
    from_id,
    from_iso,
    from_ms,
    from_old,
    new_files,
    old_file,
    party,
    plain,
    post_id,
    thread,
)
from connectors.x.payloads import Deleted, Includes, Liked, NewPost, OldDeletion, OldPost, User

PUBLIC = N_("Public post on X")


def old_post(post: OldPost, place: Place) -> Iterator[Inbound]:
    """A post of Account Activity, where reposts and our own posts come, too."""
    author = account_id(post.user)
    users = {author: post.user}
    if post.retweeted_status is not None:
        if not place.ignores("post.repost.create"):
            yield _unknown("post.repost.create", post.id_str, party(author, users), place)
        return
    answered = post.in_reply_to_status_id_str or ""
    fields: dict[str, Any] = {
        "text": _old_text(post),
        "attachments": tuple(file for media in _old_media(post) if (file := old_file(media)) is not None),
        "sent_at": from_ms(post.timestamp_ms) or from_old(post.created_at) or from_id(post.id_str),
    }
    if place.me and author == place.me:
        name = post.in_reply_to_screen_name or ""
        to = post.in_reply_to_user_id_str or ""
        person = Party(kind="x", address=to, name=f"@{name}" if name else "", verified=True)
        yield from _ours(post.id_str, answered, person, place, fields)
        return
    keys = _keys(place, author, post.id_str, answered, "" if answered else post.id_str)
    yield _message(post.id_str, party(author, users), keys, place, fields)


def _old_media(post: OldPost) -> tuple[Any, ...]:
    extended = post.extended_entities or (post.extended_tweet or post).entities
    return extended.media or ()


def _old_text(post: OldPost) -> str:
    longer = post.extended_tweet
    text = (longer and longer.full_text) or post.full_text or post.text
    links = (longer or post).entities.urls or ()
    return plain(text, links, [media.url for media in _old_media(post)])


def new_post(post: NewPost, includes: Includes, users: Mapping[str, User], place: Place) -> Iterator[Inbound]:
    """A post of X Activity or of the page of mentions."""
    author = post.author_id
    first = post.edit_history_tweet_ids[0] if post.edit_history_tweet_ids else post.id
    replied = [item.id for item in post.referenced_tweets if item.type == "replied_to"]
    answered = replied[0] if replied else ""
    whole = post.note_tweet
    fields: dict[str, Any] = {
        "text": plain(whole.text, whole.entities.urls) if whole else plain(post.text, post.entities.urls),
        "attachments": new_files(post.attachments.media_keys, includes.media),
        "sent_at": from_iso(post.created_at) or from_id(first),
    }
    if place.me and author == place.me:
        yield from _ours(post.id, answered, party(post.in_reply_to_user_id or "", users), place, fields)
        return
    keys = _keys(place, author, first, answered, post.conversation_id)
    sender = party(author, users)
    yield _message(first, sender, keys, place, fields)
    if first != post.id:
        # Told first as the message itself, because nobody tells whether we ever saw it unedited.
        edited = place.event(post_id(post.id), post_id(first))
        yield Edit(**edited, sender=sender, text=fields["text"], at=from_id(post.id))


def _keys(
    place: Place, author: str, number: str, answered: str, root: str
) -> tuple[tuple[ThreadKey, ...], tuple[ThreadKey, ...]]:
    """Where a post may belong (the post that it answers, its thread), and by what later ones find it."""
    above = (thread(place, author, answered),) if answered else ()
    whole = (thread(place, author, f"c{root}"),) if root else ()
    return above + whole, (thread(place, author, number), *whole)


def _message(
    number: str,
    sender: Party,
    keys: tuple[tuple[ThreadKey, ...], tuple[ThreadKey, ...]],
    place: Place,
    fields: dict[str, Any],
) -> Message:
    return Message(
        **place.event(post_id(number)),
        sender=sender,
        subject=place.words(PUBLIC),
        full_text=fields["text"],
        thread_keys=keys[0],
        adds_keys=keys[1],
        public=True,
        **fields,
    )


def _ours(
    number: str, answered: str, person: Party, place: Place, fields: dict[str, Any]
) -> Iterator[Inbound]:
    """What the office itself posted: an answer belongs to the matter of the person, anything else to nobody's."""
    if answered and person.address and person.address != place.me:
        keys = _keys(place, person.address, number, answered, "")
        yield Message(
            **place.event(post_id(number)),
            sender=person,
            subject=place.words(PUBLIC),
            full_text=fields["text"],
            thread_keys=keys[0],
            adds_keys=keys[1],
            ours=True,
            **fields,
        )
    elif not place.ignores("post.own"):
        yield _unknown("post.own", number, party(place.me, {}), place, fields["text"])


def _unknown(what: str, number: str, sender: Party, place: Place, text: str = "") -> Unknown:
    return Unknown(**place.event(post_id(number)), sender=sender, what=what, text=text)


def liked(event: Liked, place: Place) -> Inbound:
    """A heart under a post of ours."""
    return Reaction(
        **place.event(f"like:{event.id}", post_id(event.favorited_status.id_str)),
        sender=party(account_id(event.user), {account_id(event.user): event.user}),
        emoji="♥",
    )


def deleted(number: str, author: str, place: Place) -> Inbound:
    """A post that was taken back."""
    return Deletion(**place.event(f"deleted:{number}", post_id(number)), sender=party(author or place.me, {}))


def old_deletion(event: OldDeletion, place: Place) -> Inbound:
    return deleted(event.status.id, event.status.user_id, place)


def new_deletion(event: Deleted, place: Place) -> Inbound:
    return deleted(event.id, event.author_id, place)
