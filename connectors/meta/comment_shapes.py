"""The JSON of comments on Facebook pages and Instagram media as Meta documents it: what is read, all of it optional.

By https://developers.facebook.com/docs/graph-api/webhooks/reference/page/#feed,
https://developers.facebook.com/docs/graph-api/reference/comment, .../docs/graph-api/webhooks/reference/instagram and
.../docs/instagram-platform/reference/instagram-media/comments (pages of 2026).
"""

from __future__ import annotations

import msgspec

Id = str | int


class Author(msgspec.Struct, frozen=True):
    """Who wrote: a page-scoped or Instagram-scoped id; ``self_ig_scoped_id`` where the account itself did."""

    id: Id = ""
    name: str | None = None
    username: str | None = None
    self_ig_scoped_id: Id = ""


class Post(msgspec.Struct, frozen=True):
    """What of the post Meta tells with a comment."""

    permalink_url: str | None = None


class Feed(msgspec.Struct, frozen=True, rename={"author": "from"}):
    """``value`` of a page's ``feed``, and of ``mention``; times in seconds."""

    item: str = ""
    verb: str = ""
    author: Author = Author()
    comment_id: Id = ""
    post_id: Id = ""
    parent_id: Id = ""
    message: str | None = None
    created_time: int = 0
    photo: str | None = None
    photos: tuple[str, ...] | None = None
    video: str | None = None
    link: str | None = None
    reaction_type: str | None = None
    post: Post | None = None
    sender_id: Id = ""
    sender_name: str | None = None


class Media(msgspec.Struct, frozen=True):
    """What an Instagram comment stands under; of an advertisement the medium that it shows."""

    id: Id = ""
    media_product_type: str | None = None
    original_media_id: Id = ""
    ad_title: str | None = None


class InstagramComment(msgspec.Struct, frozen=True, rename={"author": "from"}):
    """``value`` of ``comments`` and ``live_comments``; ``media_id`` and ``comment_id`` of ``mentions``."""

    id: Id = ""
    author: Author = Author()
    text: str | None = None
    media: Media = Media()
    parent_id: Id = ""
    media_id: Id = ""
    comment_id: Id = ""


# --- what the Graph API answers --------------------------------------------------------------------------------------


class Ref(msgspec.Struct, frozen=True):
    """Something by its id."""

    id: Id = ""


class Picture(msgspec.Struct, frozen=True):
    """The address of a picture."""

    src: str | None = None


class AttachedMedia(msgspec.Struct, frozen=True):
    """A picture under a comment."""

    image: Picture | None = None


class Attached(msgspec.Struct, frozen=True):
    """What hangs on a comment."""

    type: str = ""
    media: AttachedMedia | None = None


class Cursors(msgspec.Struct, frozen=True):
    """Where a page of a list ends."""

    after: str = ""


class Paging(msgspec.Struct, frozen=True):
    """https://developers.facebook.com/docs/graph-api/results: ``next`` is there where another page is."""

    cursors: Cursors = Cursors()
    next: str | None = None

    @property
    def after(self) -> str:
        """What the next page is asked for by; empty where there is none."""
        return self.cursors.after if self.next else ""


class PageComment(msgspec.Struct, frozen=True, rename={"author": "from"}):
    """A comment as ``/POST/comments`` lists it; ``created_time`` as ISO 8601."""

    id: Id = ""
    author: Author = Author()
    message: str | None = None
    created_time: str = ""
    parent: Ref | None = None
    is_hidden: bool = False
    permalink_url: str | None = None
    attachment: Attached | None = None


class PageComments(msgspec.Struct, frozen=True):
    """A list of them, the newest first."""

    data: tuple[PageComment, ...] = ()
    paging: Paging = Paging()

    @property
    def oldest(self) -> str:
        """When the last of them was written."""
        return self.data[-1].created_time if self.data else ""


class PagePost(msgspec.Struct, frozen=True, rename={"author": "from"}):
    """A post as ``/PAGE/feed`` lists it."""

    id: Id = ""
    author: Author = Author()
    message: str | None = None
    story: str | None = None
    permalink_url: str | None = None
    created_time: str = ""
    is_hidden: bool = False
    comments: PageComments = PageComments()


class PageFeed(msgspec.Struct, frozen=True):
    """``/PAGE/feed``."""

    data: tuple[PagePost, ...] = ()


class MediaComment(msgspec.Struct, frozen=True, rename={"author": "from"}):
    """A comment as ``/MEDIA/comments`` lists it, with what answers it."""

    id: Id = ""
    author: Author = Author()
    username: str | None = None
    text: str | None = None
    timestamp: str = ""
    hidden: bool = False
    parent_id: Id = ""
    replies: MediaComments | None = None


class MediaComments(msgspec.Struct, frozen=True):
    """A list of them, the newest first."""

    data: tuple[MediaComment, ...] = ()
    paging: Paging = Paging()

    @property
    def oldest(self) -> str:
        """When the last of them was written."""
        return self.data[-1].timestamp if self.data else ""


class Medium(msgspec.Struct, frozen=True):
    """A medium as ``/ACCOUNT/media`` lists it."""

    id: Id = ""
    caption: str | None = None
    permalink: str | None = None
    media_product_type: str | None = None
    comments: MediaComments = MediaComments()


class MediaList(msgspec.Struct, frozen=True):
    """``/ACCOUNT/media``."""

    data: tuple[Medium, ...] = ()


class Mentioned(msgspec.Struct, frozen=True):
    """A comment or a caption of somebody else's that names the account."""

    id: Id = ""
    text: str | None = None
    caption: str | None = None
    username: str | None = None
    permalink: str | None = None
    media: Ref | None = None


class Mentions(msgspec.Struct, frozen=True):
    """``/ACCOUNT?fields=mentioned_comment…`` or ``mentioned_media…``."""

    mentioned_comment: Mentioned | None = None
    mentioned_media: Mentioned | None = None
