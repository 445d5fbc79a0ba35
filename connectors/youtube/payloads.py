"""What the YouTube Data API answers, as types: only the fields that we read, each missing one with a default.

developers.google.com/youtube/v3/docs/commentThreads and .../comments, read November 2026.
"""

from __future__ import annotations

from typing import Annotated

import msgspec


class _Read(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of what is only read: unknown fields are passed over."""


Name = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
"""What something is called for ever; one without it, or with a novel, is nothing that we could refer to."""


class ChannelRef(_Read, frozen=True, kw_only=True):
    value: str = ""


class CommentSnippet(_Read, frozen=True, kw_only=True):
    """``text_display`` is HTML unless plain text was asked for; ``moderation_status`` comes to the channel's owner."""

    author_display_name: str = ""
    author_channel_id: ChannelRef | None = None
    channel_id: str = ""
    video_id: str = ""
    parent_id: str = ""
    text_display: str = ""
    text_original: str = ""
    moderation_status: str = ""
    published_at: str = ""
    updated_at: str = ""
    image_url: str = ""


class Comment(_Read, frozen=True, kw_only=True):
    id: Name
    snippet: CommentSnippet = CommentSnippet()


class ThreadSnippet(_Read, frozen=True, kw_only=True):
    top_level_comment: Comment
    channel_id: str = ""
    video_id: str = ""
    total_reply_count: int = 0


class Replies(_Read, frozen=True, kw_only=True):
    """Some of the answers; more of them are listed by ``comments.list``."""

    comments: tuple[Comment, ...] = ()


class Thread(_Read, frozen=True, kw_only=True):
    id: Name
    snippet: ThreadSnippet
    replies: Replies = Replies()


class Page(_Read, frozen=True, kw_only=True):
    """A list of anything; each entry is read on its own."""

    kind: str = ""
    items: tuple[msgspec.Raw, ...] = ()
    next_page_token: str = ""


class VideoSnippet(_Read, frozen=True, kw_only=True):
    title: str = ""


class Video(_Read, frozen=True, kw_only=True):
    id: str
    snippet: VideoSnippet = VideoSnippet()


class Named(_Read, frozen=True, kw_only=True):
    """Anything of which only the name matters."""

    id: str = ""


class Flaw(_Read, frozen=True, kw_only=True):
    reason: str = ""
    domain: str = ""


class Refusal(_Read, frozen=True, kw_only=True):
    code: int = 0
    message: str = ""
    errors: tuple[Flaw, ...] = ()


class RefusalAnswer(_Read, frozen=True, kw_only=True):
    """``{"error": {"code", "message", "errors": [{"reason", "domain"}]}}``"""

    error: Refusal = Refusal()

    @property
    def reason(self) -> str:
        """The first reason, as the API names it."""
        return self.error.errors[0].reason if self.error.errors else ""
