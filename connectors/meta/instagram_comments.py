"""Comments under the media of one Instagram professional account, and mentions of it elsewhere.

docs/channels/instagram_comments.md says how to set it up.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from connectors._forms import about
from connectors._i18n import N_
from connectors.contract import (
    Article,
    Capabilities,
    Channel,
    Edit,
    Env,
    Message,
    Outbound,
    Party,
    Profile,
    SendError,
    Sent,
)
from connectors.meta import media_comments as reading
from connectors.meta.comment_shapes import MediaList, Medium, Mentions
from connectors.meta.comments import NEWEST, PRIVATE_WINDOW, CommentSettings, CommentsInbox, Created, Success
from connectors.meta.family import parse
from connectors.meta.page_comments import title_of

LONGEST = 300
"""Of a public answer (reference of IG Comment, replies)."""

LONGEST_PRIVATE = 1000
"""Of a direct message, in bytes of UTF-8."""

COMMENT_FIELDS = "id,from,username,text,timestamp,hidden,parent_id"
MEDIUM_FIELDS = "id,caption,permalink,media_product_type"

NOT_OURS = N_("The mention stands on somebody else's page: all that can be done there is to answer it.")


class Settings(CommentSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One professional account; ``account`` is its number, ``page`` that of the Facebook page linked to it."""

    page: Annotated[
        str,
        msgspec.Meta(pattern=r"^[0-9]{3,30}$", examples=["104212345678901"]),
        about("Meta's number of the Facebook page linked to the account; private answers leave through it."),
    ]


class InstagramComments(CommentsInbox):
    """See :class:`connectors.contract.Connector`. Addresses are Instagram-scoped ids, as in direct messages."""

    kind = "instagram_comments"
    fields = "id,username"
    person_kind = "instagram"

    def __init__(self, settings: Settings, env: Env) -> None:
        super().__init__(settings, env)
        self._page = settings.page
        self.capabilities = Capabilities(
            platform="Instagram",
            max_length=LONGEST,
            private_length=LONGEST_PRIVATE,
            private_counts="utf8",
            reply_window=PRIVATE_WINDOW // 1_000_000,
            public_replies=True,
            private_replies=True,
            hides=True,
            deletions=True,
            send_limit=settings.timeout_seconds * 2,
        )

    @property
    def sender(self) -> str:
        """The page that the account is linked to."""
        return self._page

    async def send(self, outbound: Outbound) -> Sent:
        """A mention can only be answered in public. Raises SendError."""
        if reading.mention_parts(outbound.target or "") and not outbound.public:
            raise SendError("permanent", NOT_OURS)
        return await super().send(outbound)

    async def set_hidden(self, target: str, hidden: bool) -> None:
        """``hide``; the account's own comments cannot be hidden."""
        await self.graph.post(target, {"hide": hidden}, Success, quietly=True)

    async def answer_publicly(self, target: str, text: str) -> str:
        """Under the comment; a mention is answered where it stands."""
        mention = reading.mention_parts(target)
        if mention is None:
            created = await self.graph.post(f"{target}/replies", {"message": text}, Created, quietly=True)
            return str(created.id)
        media, comment = mention
        body = {"media_id": media, "message": text} | ({"comment_id": comment} if comment else {})
        created = await self.graph.post(f"{self._meta.account}/mentions", body, Created, quietly=True)
        return str(created.id)

    def ask_about(self, item: Message) -> None:
        """Of a mention its words, of everything else the title of the medium."""
        mention = reading.mention_parts(item.external_id or "")
        if mention is None:
            super().ask_about(item)
        elif len(self._background) < 50:
            self.in_background(self._learn_mention(item, *mention))

    async def _learn_mention(self, item: Message, media: str, comment: str) -> None:
        """Best effort: without its words a mention shows where to look."""
        wanted = (
            f"mentioned_comment.comment_id({comment}){{id,text,username,media{{id}}}}"
            if comment
            else f"mentioned_media.media_id({media}){{id,caption,username,permalink}}"
        )
        try:
            told = await self.graph.get(self._meta.account, Mentions, quietly=True, fields=wanted)
        except SendError as error:
            self.env.log.info("the words of a mention are not to be had", reason=error.private)
            return
        found = told.mentioned_comment or told.mentioned_media
        if found is None:
            return
        words, now = found.text or found.caption or "", self.env.clock.now()
        sender = Party(
            kind=item.sender.kind, address=item.sender.address, name=f"@{found.username or ''}"[:200]
        )
        common = {"inbox": self.env.inbox, "received_at": now, "sender": sender}
        article = Article(
            inbox=self.env.inbox,
            received_at=now,
            article=media,
            title=title_of(found.caption),
            url=found.permalink or "",
        )
        own = f"{item.external_id}:words"
        edit = Edit(**common, external_id=own, target=item.external_id, text=words)  # type: ignore[arg-type]
        profile = Profile(**common)  # type: ignore[arg-type]
        await self.note([edit, profile, article] if words else [profile, article])

    async def ask_article(self, name: str) -> Article:
        """What a medium says."""
        medium = await self.graph.get(name, Medium, quietly=True, fields=MEDIUM_FIELDS)
        return reading.article_of(self.place, medium)

    async def list_new(self, articles: int, since: int) -> tuple[list[Article], list[Message]]:
        """The account's media in one question, with the newest comments of each and what answers them; more of those
        where all are new."""
        each = f"{COMMENT_FIELDS},replies.limit({NEWEST}){{{COMMENT_FIELDS}}}"
        comments = f"comments.limit({NEWEST}){{{each}}}"
        found = await self.graph.get(
            f"{self._meta.account}/media",
            MediaList,
            quietly=True,
            fields=f"{MEDIUM_FIELDS},{comments}",
            limit=str(articles),
        )
        place = self.place
        listed: list[Message] = []
        for medium in found.data:
            for page in await self.down_to(since, medium.comments, f"{medium.id}/comments", fields=each):
                listed += reading.listed(place, msgspec.structs.replace(medium, comments=page))
        return [reading.article_of(place, medium) for medium in found.data], listed


CHANNEL = Channel(
    kind="instagram_comments", channel="comments", config=Settings, create=InstagramComments, parse=parse
)
