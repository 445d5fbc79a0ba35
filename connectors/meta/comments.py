"""What comments of a Facebook page and of an Instagram account do alike on the way out, and how gaps are repaired.

Hiding, showing and deleting go by the comment's id; an answer stands under it, or goes to its author in private, once
and within seven days. Calls that Meta never made are found by listing what is new now and then.

By https://developers.facebook.com/docs/graph-api/reference/comment,
https://developers.facebook.com/docs/instagram-platform/comment-moderation and
https://developers.facebook.com/docs/messenger-platform/discovery/private-replies (2026-04-16).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec

from connectors._forms import about
from connectors._http import kept_json
from connectors._i18n import N_
from connectors._split import length
from connectors.contract import (
    Article,
    Cursor,
    Env,
    Inbound,
    Message,
    Outbound,
    Refused,
    SendError,
    Sent,
    Sink,
    ThreadKey,
)
from connectors.meta.comment_shapes import MediaComments, PageComments
from connectors.meta.direct import direct_key
from connectors.meta.errors import MISSING, GraphError
from connectors.meta.inbox import MetaInbox
from connectors.meta.page_comments import moment
from connectors.meta.parts import Place
from connectors.meta.settings import MetaSettings

SECOND = 1_000_000
HOUR = 3_600 * SECOND
PRIVATE_WINDOW = 7 * 24 * HOUR
"""How long after a comment its author can be written to in private."""

OVERLAP = HOUR
"""How far behind the newest comment a listing looks again: Meta shows some late."""

NEWEST = 50
"""Comments of each article that a listing asks for at once."""

MORE, MOST_PAGES = 100, 50
"""Comments of a further page where all of those are new, and most pages of one article in one listing."""

IN_ONE = 200
"""Most of what was listed that is committed together."""

TOLD = 20_000
TITLES = 2_000
"""Comments that a listing told already, and articles whose titles are known, at most."""

CURSOR = "listed"

GONE = N_("Meta no longer knows this comment, or does not show it to us.")
ALREADY = N_("This comment was answered in private before; Meta allows that once.")
TOO_LATE = N_("Meta lets us write to the author of a comment for seven days only.")
LONG_TEXT = N_("The text is too long for this channel.")
NO_EDITS = N_("This channel cannot change what was sent.")
NO_TARGET = N_("It is not said which comment this is about.")

ANSWERED = 10900
"""The code of a comment that had its one private answer."""


L = TypeVar("L", PageComments, MediaComments)


class CommentSettings(MetaSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both kinds have in common."""

    moderation: Annotated[
        Literal["pre", "post"],
        about("Whether a moderator looks at each comment (pre) or only at those that a rule holds (post)."),
    ] = "pre"
    list_seconds: Annotated[
        float, about("How often Meta is asked for comments of which it did not tell; 0: never.", ge=0)
    ] = 300.0
    list_articles: Annotated[
        int, about("Of how many of the newest posts or media comments are listed.", ge=1, le=100)
    ] = 25
    look_back_hours: Annotated[
        float, about("How far back comments are taken over when the inbox starts for the first time.", ge=0)
    ] = 24.0


class Success(msgspec.Struct, frozen=True):
    """What Meta answers to an order."""

    success: bool = True


class Created(msgspec.Struct, frozen=True):
    """A new comment."""

    id: str | int = ""


class _Private(msgspec.Struct, frozen=True):
    recipient_id: str | int = ""
    message_id: str = ""


class Known:
    """A set that forgets its oldest members."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._members: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def add(self, name: str) -> None:
        self._members[name] = None
        while len(self._members) > self._size:
            self._members.popitem(last=False)


class CommentsInbox(MetaInbox):
    """The half of a connector that both kinds share; a kind says how it lists and how it calls."""

    def __init__(self, settings: CommentSettings, env: Env) -> None:
        super().__init__(settings, env)
        self._comments = settings
        self._told = Known(TOLD)
        self._maybe_deleted = Known(TOLD)
        self._titles: OrderedDict[str, Article] = OrderedDict()

    # --- in -------------------------------------------------------------------------------------------------------

    async def run(self, sink: Sink) -> None:
        """Take calls and repair gaps until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            # A repair that ends for a fault of ours is not to end unseen.
            tasks.create_task(self._repair(sink), name=f"list-{self.env.inbox}")
            await super().run(sink)

    @property
    def place(self) -> Place:
        """This inbox as readers know it."""
        settings = self._meta
        return Place(
            inbox=self.env.inbox,
            account=settings.account,
            now=self.env.clock.now(),
            app_id=settings.app_id,
        )

    def prepared(self, item: Inbound) -> Inbound:
        """A comment of this inbox with the title of its article, where it is known, and the inbox's way."""
        if isinstance(item, Article):
            self.remember(item)
            return item
        if not isinstance(item, Message) or item.comment is None or item.inbox != self.env.inbox:
            return super().prepared(item)
        known = self._titles.get(item.comment.article)
        place = msgspec.structs.replace(item.comment, moderation=self._comments.moderation)
        if known is not None and not place.title:
            place = msgspec.structs.replace(place, title=known.title, url=known.url or place.url)
        return msgspec.structs.replace(item, comment=place, subject=item.subject or place.title)

    def remember(self, article: Article) -> None:
        """Keep what an article is called for the comments to come."""
        self._titles[article.article] = article
        self._titles.move_to_end(article.article)
        while len(self._titles) > TITLES:
            self._titles.popitem(last=False)

    def heard(self, items: Sequence[Inbound]) -> None:
        """Ask what the articles of new comments are called; nothing waits for it."""
        for item in items:
            if isinstance(item, Message) and item.comment is not None and item.inbox == self.env.inbox:
                if item.external_id is not None:
                    self._told.add(item.external_id)
                self.ask_about(item)

    def ask_about(self, item: Message) -> None:
        """Learn what Meta did not tell with a comment."""
        place = item.comment
        if place is None or place.title or place.article in self._titles or len(self._background) >= 50:
            return
        self.remember(Article(inbox=self.env.inbox, article=place.article))
        self.in_background(self._learn_title(place.article))

    async def _learn_title(self, name: str) -> None:
        try:
            article = await self.ask_article(name)
        except SendError:
            self._titles.pop(name, None)
            return
        self.remember(article)
        await self.note([article])

    async def ask_article(self, name: str) -> Article:
        """What an article is called. Raises SendError."""
        raise NotImplementedError

    async def note(self, items: Sequence[Inbound]) -> None:
        """Hand over what was found out beside; it is not asked for again."""
        if self.door.open:
            await self.tell(items, None, self.door.sink)

    async def tell(self, items: Sequence[Inbound], state: Cursor | None, sink: Sink) -> bool:
        """Hand over what was asked for; False where it was not taken, and will be asked for again."""
        if not (items or state):
            return True
        *others, last = range(0, len(items), IN_ONE) or (0,)
        try:
            for start in others:
                await self._hand_over(items[start : start + IN_ONE], None, sink)
            await self._hand_over(items[last:], state, sink)
        except Refused:
            return False
        return True

    async def _hand_over(self, items: Sequence[Inbound], state: Cursor | None, sink: Sink) -> None:
        await sink.accept(await kept_json(msgspec.json.encode(items), self.env.blobs), items, state)

    # --- gaps -----------------------------------------------------------------------------------------------------

    async def _repair(self, sink: Sink) -> None:
        """List what is new now and then, for the calls that Meta did not make."""
        if not self._comments.list_seconds:
            return
        while True:
            wait = self._comments.list_seconds
            try:
                await self._catch_up(sink)
            except SendError as error:
                self.env.log.info("comments not listed", reason=error.private)
            except Refused as refused:  # the storage is away
                wait = min(wait, refused.retry_after)
            await self.env.clock.sleep(wait)

    async def _catch_up(self, sink: Sink) -> None:
        """Tell every comment since the newest one that was listed before."""
        kept = await sink.cursor(CURSOR)
        now = self.env.clock.now()
        since = int(kept) if kept else now - int(self._comments.look_back_hours * HOUR)
        articles, comments = await self.list_new(self._comments.list_articles, since - OVERLAP)
        for article in articles:
            self.remember(article)
        new = [c for c in comments if self._is_new(c, since)]
        new.sort(key=lambda c: c.sent_at or 0)
        untitled = [a for a in articles if _titled(a) not in self._told]
        newest = max([since, *(c.sent_at or 0 for c in comments)])
        state = Cursor(key=CURSOR, value=str(min(newest, now)))
        if new:
            self.env.log.info("comments found that Meta did not tell", count=len(new))
        if not new and not untitled and str(newest) == kept:
            return
        if await self.tell([*map(self.prepared, new), *untitled], state, sink):
            for told in (*(c.external_id or "" for c in new), *map(_titled, untitled)):
                self._told.add(told)

    def _is_new(self, comment: Message, since: int) -> bool:
        fresh = comment.sent_at is None or comment.sent_at > since - OVERLAP
        return fresh and (comment.external_id or "") not in self._told

    async def list_new(self, articles: int, since: int) -> tuple[list[Article], list[Message]]:
        """The newest articles, each with its newest comments, all of those that were written after ``since``. Raises
        SendError."""
        raise NotImplementedError

    async def down_to(self, since: int, page: L, path: str, **query: str) -> list[L]:
        """A first page of comments and those behind it that are wanted too. Raises SendError.

        Meta is slow to call, or did not for a day: what was written since then may be more than a page holds.
        """
        pages = [page]
        while (after := page.paging.after) and (moment(page.oldest) or 0) > since:
            if len(pages) == MOST_PAGES:
                self.env.log.warning(
                    "more comments are new under one article than are listed", listed=len(pages) * MORE
                )
                break
            query["after"] = after
            page = await self.graph.get(path, type(page), quietly=True, limit=str(MORE), **query)
            pages.append(page)
        return pages

    # --- out ------------------------------------------------------------------------------------------------------

    async def send(self, outbound: Outbound) -> Sent:
        """One order about a comment, or an answer to it. Raises SendError."""
        if outbound.operation == "edit":
            raise SendError("permanent", NO_EDITS)
        if not outbound.target:
            raise SendError("permanent", NO_TARGET)
        try:
            if outbound.operation == "send":
                return await self._answer(outbound, outbound.target)
            return await self._order(outbound, outbound.target)
        except GraphError as error:
            if (error.code, error.subcode) in MISSING or error.code == 803:
                raise SendError("permanent", GONE, error.private, gone=await self._may_read()) from error
            if error.code == ANSWERED:
                raise SendError("permanent", ALREADY, error.private) from error
            self.graph.learn(error)
            raise

    async def _may_read(self) -> bool:
        """Whether Meta shows us comments at all: then one that it does not know is gone, and not only kept from us."""
        try:
            await self.list_new(1, self.env.clock.now())
        except SendError:
            return False
        return True

    async def _order(self, outbound: Outbound, target: str) -> Sent:
        if outbound.operation != "delete":
            await self.set_hidden(target, outbound.operation == "hide")
            return Sent(state="delivered")
        try:
            await self.remove(target)
        except GraphError as error:
            # After an answer that was lost, what is not there any more is what we deleted.
            if (error.code, error.subcode) not in MISSING or str(
                outbound.delivery
            ) not in self._maybe_deleted:
                raise
        except SendError as error:
            if error.kind == "ambiguous":
                self._maybe_deleted.add(str(outbound.delivery))
            raise
        return Sent(state="delivered")

    async def _answer(self, outbound: Outbound, target: str) -> Sent:
        self._check_length(outbound)
        if outbound.public:
            return Sent(remote_id=await self.answer_publicly(target, outbound.text))
        wrote = outbound.inbound_at
        if wrote is not None and self.env.clock.now() - wrote > PRIVATE_WINDOW:
            raise SendError("permanent", TOO_LATE)
        return await self._answer_privately(outbound, target)

    def _check_length(self, outbound: Outbound) -> None:
        can = self.capabilities
        longest = can.max_length if outbound.public else can.private_length
        counts = can.counts if outbound.public else can.private_counts
        if longest is not None and length(outbound.text, counts) > longest:
            raise SendError("permanent", LONG_TEXT)

    async def _answer_privately(self, outbound: Outbound, target: str) -> Sent:
        """The person's answer comes by the inbox of direct messages, under the key that both know."""
        body = {
            "recipient": self.private_recipient(target),
            "message": {
                "text": outbound.text,
                "metadata": f"centrala:{outbound.delivery}:{outbound.part}",
            },
        }
        sent = await self.graph.post(f"{self.sender}/messages", body, _Private, quietly=True)
        keys: list[ThreadKey] = []
        if sent.recipient_id:
            keys.append(direct_key(self.person_kind, self._meta.account, str(sent.recipient_id)))
        return Sent(remote_id=sent.message_id or None, adds_keys=tuple(keys))

    person_kind = ""
    """The kind of address that the same people have in direct messages."""

    @property
    def sender(self) -> str:
        """The page through which private answers leave."""
        return self._meta.account

    def private_recipient(self, target: str) -> dict[str, str]:
        """Whom Meta is to write to: the author of this comment."""
        return {"comment_id": target}

    async def set_hidden(self, target: str, hidden: bool) -> None:
        """Hide or show. Raises SendError."""
        raise NotImplementedError

    async def remove(self, target: str) -> None:
        """Delete. Raises SendError."""
        await self.graph.delete(target, Success, quietly=True)

    async def answer_publicly(self, target: str, text: str) -> str:
        """Answer under a comment; Meta's id of the answer. Raises SendError."""
        raise NotImplementedError


def _titled(article: Article) -> str:
    """By what it is remembered that the title of an article was told; a visitor's post is a comment of the same id."""
    return f"title:{article.article}"
