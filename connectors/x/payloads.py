"""What X sends, as types: only the fields that we read, each missing one with a default.

Three forms of the same things: Account Activity (the v1.1 objects; docs.x.com/x-api/account-activity, read November
2026), X Activity (an envelope around v2 objects, for direct messages around the v1.1 ones; docs.x.com/x-api/activity)
and the pages of the v2 API (docs.x.com/x-api/direct-messages/lookup, .../x-api/users/get-mentions).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is only read: unknown fields are passed over, because X adds some whenever it likes."""


# --- what all forms share ------------------------------------------------------------------------------------------


Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
"""What something is called for ever; mostly a number of up to 19 digits."""


class Link(_Read, frozen=True, kw_only=True):
    """A link in a text: ``url`` stands there (t.co), ``expanded_url`` is where it leads."""

    url: str = ""
    expanded_url: str | None = None


class Variant(_Read, frozen=True, kw_only=True):
    """One encoding of a video; v1.1 calls its rate ``bitrate``, v2 ``bit_rate``."""

    content_type: str = ""
    url: str = ""
    bitrate: int = 0
    bit_rate: int = 0


class VideoInfo(_Read, frozen=True, kw_only=True):
    variants: tuple[Variant, ...] = ()


class User(_Read, frozen=True, kw_only=True):
    """An account; v1.1 names it by ``id_str`` and ``screen_name``, v2 by ``id`` and ``username``. X Activity wraps it
    in ``data`` in some events and not in others."""

    id: str | int = ""
    id_str: str = ""
    name: str = ""
    screen_name: str = ""
    username: str = ""
    data: User | None = None


# --- v1.1: direct messages and posts of Account Activity -----------------------------------------------------------


class Media(_Read, frozen=True, kw_only=True):
    id_str: str = ""
    type: str = ""
    url: str = ""
    media_url_https: str = ""
    video_info: VideoInfo | None = None


class Entities(_Read, frozen=True, kw_only=True):
    urls: tuple[Link, ...] | None = ()
    media: tuple[Media, ...] | None = ()


class Attached(_Read, frozen=True, kw_only=True):
    """What hangs on a direct message: a file, or a place (as GeoJSON, so longitude comes first)."""

    type: str = ""
    media: Media | None = None
    location: dict[str, Any] | None = None


class QuickReply(_Read, frozen=True, kw_only=True):
    metadata: str = ""


class MessageData(_Read, frozen=True, kw_only=True):
    text: str = ""
    entities: Entities = Entities()
    attachment: Attached | None = None
    quick_reply_response: QuickReply | None = None


class Target(_Read, frozen=True, kw_only=True):
    recipient_id: str = ""


class MessageCreate(_Read, frozen=True, kw_only=True):
    sender_id: str
    target: Target = Target()
    message_data: MessageData = MessageData()


class OldDirect(_Read, frozen=True, kw_only=True):
    """A direct message; ``created_timestamp`` in milliseconds."""

    id: Name
    type: str
    created_timestamp: str = ""
    message_create: MessageCreate | None = None


class Seen(_Read, frozen=True, kw_only=True):
    """Somebody types, or has read up to ``last_read_event_id``."""

    sender_id: str
    target: Target = Target()
    created_timestamp: str = ""
    last_read_event_id: str = ""


class Extended(_Read, frozen=True, kw_only=True):
    full_text: str = ""
    entities: Entities = Entities()


class OldPost(_Read, frozen=True, kw_only=True):
    """A post; ``text`` ends with an ellipsis where ``extended_tweet`` holds all of it."""

    id_str: Name
    user: User
    text: str = ""
    full_text: str = ""
    timestamp_ms: str = ""
    created_at: str = ""
    in_reply_to_status_id_str: str | None = None
    in_reply_to_user_id_str: str | None = None
    in_reply_to_screen_name: str | None = None
    entities: Entities = Entities()
    extended_entities: Entities | None = None
    extended_tweet: Extended | None = None
    retweeted_status: dict[str, Any] | None = None


class Liked(_Read, frozen=True, kw_only=True):
    id: Name
    favorited_status: OldPost
    user: User
    timestamp_ms: int | str = 0


class DeletedStatus(_Read, frozen=True, kw_only=True):
    id: Name
    user_id: str = ""


class OldDeletion(_Read, frozen=True, kw_only=True):
    status: DeletedStatus


class Account(_Read, frozen=True, kw_only=True):
    user_id: str = ""


class Revoke(_Read, frozen=True, kw_only=True):
    """An account took its consent back: ``user_id`` in X Activity, ``source`` in Account Activity."""

    user_id: str = ""
    source: Account = Account()


class UserEvent(_Read, frozen=True, kw_only=True):
    revoke: Revoke | None = None


class Pair(_Read, frozen=True, kw_only=True):
    """Follow, block, mute: who did it to whom."""

    type: str = ""
    source: User = User()
    target: User = User()
    created_timestamp: str = ""


# --- v2: posts, pages, X Activity ----------------------------------------------------------------------------------


class NewMedia(_Read, frozen=True, kw_only=True):
    media_key: str = ""
    type: str = ""
    url: str = ""
    preview_image_url: str = ""
    variants: tuple[Variant, ...] = ()


class NewEntities(_Read, frozen=True, kw_only=True):
    urls: tuple[Link, ...] = ()


class Note(_Read, frozen=True, kw_only=True):
    """The whole of a post longer than 280 characters."""

    text: str = ""
    entities: NewEntities = NewEntities()


class Reference(_Read, frozen=True, kw_only=True):
    type: str
    id: str


class Attachments(_Read, frozen=True, kw_only=True):
    media_keys: tuple[str, ...] = ()


class NewPost(_Read, frozen=True, kw_only=True):
    """A post; an edited one has an id of its own and those before it in ``edit_history_tweet_ids``."""

    id: Name
    author_id: str = ""
    text: str = ""
    note_tweet: Note | None = None
    created_at: str = ""
    conversation_id: str = ""
    in_reply_to_user_id: str | None = None
    referenced_tweets: tuple[Reference, ...] = ()
    edit_history_tweet_ids: tuple[str, ...] = ()
    attachments: Attachments = Attachments()
    entities: NewEntities = NewEntities()


class NewDirect(_Read, frozen=True, kw_only=True):
    """A direct message of ``GET /2/dm_events``; ``A-B`` names a conversation of two, one number a group."""

    id: Name
    event_type: str
    text: str = ""
    sender_id: str = ""
    dm_conversation_id: str = ""
    created_at: str = ""
    participant_ids: tuple[str, ...] = ()
    attachments: Attachments = Attachments()
    entities: NewEntities = NewEntities()
    urls: tuple[Link, ...] = ()


class Includes(_Read, frozen=True, kw_only=True):
    users: tuple[User, ...] = ()
    media: tuple[NewMedia, ...] = ()


class Meta(_Read, frozen=True, kw_only=True):
    next_token: str = ""
    result_count: int = 0


class Page(_Read, frozen=True, kw_only=True):
    """An answer with a list; each entry is read on its own, so that one that we cannot read does not hide the rest."""

    data: tuple[msgspec.Raw, ...] = ()
    includes: Includes = Includes()
    meta: Meta = Meta()


class Filter(_Read, frozen=True, kw_only=True):
    user_id: str = ""


class Activity(_Read, frozen=True, kw_only=True):
    """What stands in ``data`` of an X Activity event."""

    event_type: str
    event_uuid: str = ""
    filter: Filter = Filter()
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    includes: Includes = Includes()


class Deleted(_Read, frozen=True, kw_only=True):
    """The payload of ``post.delete``."""

    id: Name
    author_id: str = ""
