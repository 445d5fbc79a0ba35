"""Comments under the posts of one Facebook page. docs/channels/facebook_comments.md says how to set it up."""

from __future__ import annotations

from connectors.contract import Article, Capabilities, Channel, Env, Message
from connectors.meta import page_comments as reading
from connectors.meta.comment_shapes import PageFeed, PagePost
from connectors.meta.comments import NEWEST, PRIVATE_WINDOW, CommentSettings, CommentsInbox, Created, Success
from connectors.meta.family import parse

LONGEST = 2000
"""Of an answer: comments may be longer, the private ones may not."""

COMMENT_FIELDS = "id,from,message,created_time,parent{id},is_hidden,permalink_url,attachment{type,media}"
FURTHER = {"fields": COMMENT_FIELDS, "filter": "stream", "order": "reverse_chronological"}
POST_FIELDS = "id,from,message,story,permalink_url,created_time,is_hidden"


class Settings(CommentSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page; ``account`` is its number."""


class FacebookComments(CommentsInbox):
    """See :class:`connectors.contract.Connector`. Addresses are page-scoped ids, as in Messenger."""

    kind = "facebook_comments"
    person_kind = "messenger"

    def __init__(self, settings: Settings, env: Env) -> None:
        super().__init__(settings, env)
        self.capabilities = Capabilities(
            platform="Facebook",
            max_length=LONGEST,
            private_length=LONGEST,
            reply_window=PRIVATE_WINDOW // 1_000_000,
            public_replies=True,
            private_replies=True,
            hides=True,
            deletions=True,
            send_limit=settings.timeout_seconds * 2,
        )

    async def set_hidden(self, target: str, hidden: bool) -> None:
        """``is_hidden``: only its author and their friends see it still."""
        await self.graph.post(target, {"is_hidden": hidden}, Success, quietly=True)

    async def answer_publicly(self, target: str, text: str) -> str:
        """Under the comment, or under a visitor's post."""
        created = await self.graph.post(f"{target}/comments", {"message": text}, Created, quietly=True)
        return str(created.id)

    def private_recipient(self, target: str) -> dict[str, str]:
        """A visitor's post is named otherwise than a comment."""
        return {"post_id" if reading.is_post(target, self._meta.account) else "comment_id": target}

    async def ask_article(self, name: str) -> Article:
        """What a post says."""
        post = await self.graph.get(name, PagePost, quietly=True, fields=POST_FIELDS)
        return reading.article_of(self.place, post)

    async def list_new(self, articles: int, since: int) -> tuple[list[Article], list[Message]]:
        """The page's feed in one question, with the newest comments of each post; more where all of them are new."""
        comments = f"comments.filter(stream).order(reverse_chronological).limit({NEWEST}){{{COMMENT_FIELDS}}}"
        feed = await self.graph.get(
            f"{self._meta.account}/feed",
            PageFeed,
            quietly=True,
            fields=f"{POST_FIELDS},{comments}",
            limit=str(articles),
        )
        place = self.place
        found: list[Message] = []
        for post in feed.data:
            if post.author.id and str(post.author.id) != place.account:
                found.append(reading.visitors(place, post))
            for page in await self.down_to(since, post.comments, f"{post.id}/comments", **FURTHER):
                found += [reading.listed(place, post, comment) for comment in page.data]
        return [reading.article_of(place, post) for post in feed.data], found


CHANNEL = Channel(
    kind="facebook_comments", channel="comments", config=Settings, create=FacebookComments, parse=parse
)
