"""People who comment on a Facebook page's posts and an Instagram account's media, and the Graph API to moderate them.

A comment can be hidden, shown, deleted and answered, once also in private within seven days. A page hears of all that
happens under its posts; an Instagram account of new comments and of mentions only.

By .../graph-api/reference/comment, .../graph-api/webhooks/reference/page/#feed, .../webhooks/reference/instagram,
.../instagram-platform/comment-moderation and .../messenger-platform/discovery/private-replies (2026-04-16).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from hub.demo.peers.meta.payloads import change
from hub.demo.peers.meta.platform import MetaPeer, refuse

DAY = 86_400_000_000
LONGEST = {"page": 8000, "instagram": 300}
PRIVATE = {"page": 2000, "instagram": 1000}


@dataclass
class Thing:
    """A post, a medium or a comment. ``under`` is the post or medium; ``parent`` the comment that it answers."""

    id: str
    account: str
    author: str
    name: str
    text: str
    at: int
    under: str = ""
    parent: str = ""
    hidden: bool = False
    answered: bool = False
    foreign: bool = False
    """A mention: it stands on somebody else's page."""


@dataclass
class Private:
    """A private answer to the author of ``about``."""

    about: str
    person: str
    text: str
    mid: str


@dataclass
class CommentsPeer:
    """Joins a :class:`MetaPeer` as one of its products. ``tells`` false: Meta makes no calls, as in an outage."""

    meta: MetaPeer
    things: dict[str, Thing] = field(default_factory=dict)
    private: list[Private] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    tells: bool = True

    def __post_init__(self) -> None:
        # Before direct messages: a message to the author of a comment has no other recipient.
        self.meta.products.insert(0, self.answer)

    # --- the Graph API --------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request, node: str, edge: str) -> web.Response | None:
        """A product of the Graph API."""
        account = self.meta.accounts.get(node)
        if account is not None:
            return await self._of_account(request, node, edge)
        thing = self.things.get(node)
        if thing is None:
            return None
        if request.method == "GET" and not edge:
            return web.json_response(self._shown(thing))
        if request.method == "GET" and edge == "comments":
            asked = request.query
            return web.json_response(
                self._comments(thing, int(asked.get("limit", "25")), int(asked.get("after", "0")))
            )
        if thing.foreign:
            refuse(10, 0, "(#10) Application does not have permission for this action")
        if request.method == "DELETE" and not edge:
            return await self._delete(thing)
        if request.method == "POST" and not edge:
            return await self._moderate(thing, await request.json())
        if request.method == "POST" and edge == ("replies" if self._instagram(thing.account) else "comments"):
            return await self._reply(thing, (await request.json())["message"])
        return None

    async def _of_account(self, request: web.Request, node: str, edge: str) -> web.Response | None:
        if request.method == "GET" and edge == ("media" if self._instagram(node) else "feed"):
            most = re.search(r"comments[^{]*\.limit\((\d+)\)", request.query.get("fields", ""))
            limit = int(request.query.get("limit", "25"))
            return web.json_response({"data": self._list(node, limit, int(most[1]) if most else 25)})
        if request.method == "GET" and not edge and "mentioned_" in request.query.get("fields", ""):
            return web.json_response(self._mentioned(request.query["fields"]))
        if request.method == "POST" and edge == "mentions":
            return self._answer_mention(node, await request.json())
        if request.method == "POST" and edge == "messages":
            body = await request.json()
            about = body.get("recipient", {}).get("comment_id") or body.get("recipient", {}).get("post_id")
            return self._write_privately(str(about), body) if about else None
        return None

    def _instagram(self, account: str) -> bool:
        found = self.meta.accounts.get(account)
        return found is not None and found.kind == "instagram"

    async def _moderate(self, thing: Thing, body: dict[str, Any]) -> web.Response:
        name = "hide" if self._instagram(thing.account) else "is_hidden"
        if not isinstance(body.get(name), bool):
            refuse(100, 0, f"(#100) param {name} must be a boolean")
        if thing.author == thing.account:
            refuse(100, 1446036, "(#100) Comments by the page itself cannot be hidden")
        if thing.hidden != body[name]:
            thing.hidden = body[name]
            self._tell_soon(thing, "hide" if thing.hidden else "unhide")
        return web.json_response({"success": True})

    async def _delete(self, thing: Thing) -> web.Response:
        self._drop(thing)
        return web.json_response({"success": True})

    def _drop(self, thing: Thing) -> None:
        for other in [t for t in self.things.values() if t.parent == thing.id or t.under == thing.id]:
            self.things.pop(other.id)
        self.things.pop(thing.id)
        self.deleted.append(thing.id)
        self._tell_soon(thing, "remove")

    async def _reply(self, thing: Thing, text: str) -> web.Response:
        self._check_length(text, LONGEST["instagram" if self._instagram(thing.account) else "page"])
        account = self.meta.accounts[thing.account]
        above = thing.id if thing.under else ""
        reply = self._keep(
            thing.account, account.id, account.name, text, under=thing.under or thing.id, parent=above
        )
        self._tell_soon(reply, "add")
        return web.json_response({"id": reply.id})

    def _check_length(self, text: str, most: int) -> None:
        if not 0 < len(text) <= most:
            refuse(100, 0, "(#100) The text is empty or too long")

    def _write_privately(self, about: str, body: dict[str, Any]) -> web.Response:
        thing = self.things.get(about)
        if thing is None:
            refuse(100, 33, f"Unsupported post request. Object with ID '{about}' does not exist")
        if thing.answered:
            refuse(10900, 0, "(#10900) Activity already replied to")
        if self.meta.now() - thing.at > 7 * DAY:
            refuse(10, 2018278, "(#10) This message is sent outside of allowed window.")
        text = body.get("message", {}).get("text", "")
        self._check_length(text, PRIVATE["instagram" if self._instagram(thing.account) else "page"])
        thing.answered = True
        sent = Private(about, thing.author, text, f"m_private{self.meta.serial():06d}")
        self.private.append(sent)
        return web.json_response({"recipient_id": thing.author, "message_id": sent.mid})

    def _answer_mention(self, account: str, body: dict[str, Any]) -> web.Response:
        about = body.get("comment_id") or body.get("media_id")
        thing = self.things.get(str(about))
        if thing is None or not thing.foreign:
            refuse(100, 33, "Object does not exist")
        self._check_length(body["message"], LONGEST["instagram"])
        shown = self.meta.accounts[account].name
        reply = self._keep(account, account, shown, body["message"], under=thing.under, parent=thing.id)
        return web.json_response({"id": reply.id})

    # --- what it shows --------------------------------------------------------------------------------------------

    def _shown(self, thing: Thing) -> dict[str, Any]:
        at = datetime.fromtimestamp(thing.at / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
        if self._instagram(thing.account):
            return self._shown_on_instagram(thing, at)
        shown: dict[str, Any] = {"id": thing.id, "message": thing.text, "created_time": at}
        shown |= {"from": {"id": thing.author, "name": thing.name}, "is_hidden": thing.hidden}
        if thing.parent:
            shown["parent"] = {"id": thing.parent}
        return shown | {"permalink_url": self.address(thing)}

    def _shown_on_instagram(self, thing: Thing, at: str) -> dict[str, Any]:
        if not thing.under:
            kind = {"media_product_type": "FEED", "permalink": self.address(thing)}
            return {"id": thing.id, "caption": thing.text, "timestamp": at, **kind}
        shown: dict[str, Any] = {"id": thing.id, "text": thing.text, "timestamp": at, "hidden": thing.hidden}
        shown |= {"from": {"id": thing.author, "username": thing.name}, "username": thing.name}
        return shown | ({"parent_id": thing.parent} if thing.parent else {})

    def address(self, thing: Thing) -> str:
        """Where it stands, on the peer itself."""
        return f"{self.meta.base}{self.meta.prefix}/strona/{thing.under or thing.id}"

    def _list(self, account: str, limit: int, comments: int) -> list[dict[str, Any]]:
        """The newest posts or media, each with so many of its comments."""
        posts = [t for t in self.things.values() if t.account == account and not t.under]
        newest = sorted(posts, key=lambda t: -t.at)[:limit]
        return [{**self._shown(post), "comments": self._comments(post, comments, 0)} for post in newest]

    def _comments(self, post: Thing, limit: int, skip: int) -> dict[str, Any]:
        """A page of comments, the newest first; the cursor of the next is how many stand before it."""
        below = sorted((t for t in self.things.values() if t.under == post.id), key=lambda t: -t.at)
        instagram = self._instagram(post.account)
        listed = [thing for thing in below if not (instagram and thing.parent)]
        found: list[dict[str, Any]] = []
        for thing in listed[skip : skip + limit]:
            replies = [self._shown(t) for t in below if t.parent == thing.id]
            found.append(self._shown(thing) | ({"replies": {"data": replies}} if instagram else {}))
        paging: dict[str, Any] = {"cursors": {"before": str(skip), "after": str(skip + limit)}}
        if skip + limit < len(listed):
            paging["next"] = f"{self.meta.base}{self.meta.prefix}/{post.id}/comments?after={skip + limit}"
        return {"data": found, "paging": paging}

    def _mentioned(self, fields: str) -> dict[str, Any]:
        found = re.search(r"mentioned_(comment|media)\.\w+_id\((\w+)\)", fields)
        thing = self.things.get(found[2]) if found else None
        if found is None or thing is None or not thing.foreign:
            refuse(100, 33, "Object does not exist")
        told = {"id": thing.id, "username": thing.name}
        told |= {"text": thing.text} if found[1] == "comment" else {"caption": thing.text}
        if found[1] == "media":
            told["permalink"] = self.address(thing)
        return {f"mentioned_{found[1]}": told, "id": thing.account}

    # --- what people do -------------------------------------------------------------------------------------------

    def _keep(
        self, account: str, author: str, name: str, text: str, *, under: str = "", parent: str = ""
    ) -> Thing:
        number = f"{self.meta.serial() + 9000:012d}"
        if self._instagram(account):
            id_ = f"17{number}9"
        else:
            id_ = f"{under.rpartition('_')[2]}_{number}" if under else f"{account}_{number}"
        thing = Thing(id_, account, author, name, text, self.meta.now(), under, parent)
        self.things[id_] = thing
        return thing

    async def posts(self, account: str, text: str, *, by: str = "", name: str = "") -> str:
        """The page or the account puts something up, or a visitor writes on the page; its id."""
        owner = self.meta.accounts[account]
        thing = self._keep(account, by or owner.id, name or owner.name, text)
        if not self._instagram(account):
            await self.tell(thing, "add")
        return thing.id

    async def comments(
        self, under: str, by: str, name: str, text: str, *, parent: str = "", **more: Any
    ) -> str:
        """Somebody comments; the comment's id. ``more`` are further fields of the call (``photo="…"``)."""
        account = self.things[under].account
        thing = self._keep(account, by, name, text, under=under, parent=parent)
        await self.tell(thing, "add", **more)
        return thing.id

    async def edits(self, id_: str, text: str) -> int:
        """The author changes a comment."""
        self.things[id_].text = text
        return await self.tell(self.things[id_], "edited")

    async def removes(self, id_: str) -> int:
        """The author, or somebody at the page, deletes a comment."""
        thing = self.things.pop(id_)
        self.deleted.append(id_)
        return await self.tell(thing, "remove")

    async def hides(self, id_: str, hidden: bool = True) -> int:
        """Somebody at the page hides a comment there, or shows it again."""
        self.things[id_].hidden = hidden
        return await self.tell(self.things[id_], "hide" if hidden else "unhide")

    async def reacts(self, id_: str, by: str, name: str, sign: str = "like") -> int:
        """Somebody reacts to a comment or a post."""
        thing = self.things[id_]
        about = {"comment_id": id_, "post_id": thing.under} if thing.under else {"post_id": id_}
        who = {"from": {"id": by, "name": name}}
        value = {**who, **about, "item": "reaction", "verb": "add", "reaction_type": sign}
        return await self._call(thing.account, "feed", value)

    async def mentions(self, account: str, name: str, text: str, *, in_caption: bool = False) -> str:
        """Somebody names an Instagram account on their own medium; the id of the comment or the medium."""
        medium = self._keep(account, f"9{name}", name, text)
        medium.foreign = True
        value = {"media_id": medium.id}
        named = medium
        if not in_caption:
            named = self._keep(account, f"9{name}", name, text, under=medium.id)
            named.foreign = True
            value["comment_id"] = named.id
        await self._call(account, "mentions", value)
        return named.id

    def _tell_soon(self, thing: Thing, verb: str) -> None:
        """The call about something that the app did itself; Meta makes it beside the answer, sometimes before."""
        self.meta.later(self.tell(thing, verb))

    async def tell(self, thing: Thing, verb: str, **more: Any) -> int:
        """A call about one comment or post; the status that came back, 0 where Meta does not tell."""
        if self._instagram(thing.account):
            if verb != "add":
                return 0
            return await self._call(thing.account, "comments", self.instagram_value(thing) | more)
        return await self._call(thing.account, "feed", self.feed_value(thing, verb) | more)

    def feed_value(self, thing: Thing, verb: str) -> dict[str, Any]:
        """The value of a change of ``feed``."""
        value: dict[str, Any] = {
            "from": {"id": thing.author, "name": thing.name},
            "item": "comment" if thing.under else "status",
            "verb": verb,
            "post_id": thing.under or thing.id,
            "created_time": thing.at // 1_000_000,
        }
        if thing.under:
            value |= {"comment_id": thing.id, "parent_id": thing.parent or thing.under}
            value["post"] = {"permalink_url": self.address(thing), "is_published": True, "id": thing.under}
        return value | ({"message": thing.text} if verb != "remove" else {})

    def instagram_value(self, thing: Thing) -> dict[str, Any]:
        """The value of a change of ``comments``."""
        author: dict[str, Any] = {"id": thing.author, "username": thing.name}
        if thing.author == thing.account:
            author["self_ig_scoped_id"] = f"8{thing.account}"
        medium = {"id": thing.under, "media_product_type": "FEED"}
        value = {"id": thing.id, "from": author, "text": thing.text, "media": medium}
        return value | ({"parent_id": thing.parent} if thing.parent else {})

    async def _call(self, account: str, name: str, value: dict[str, Any]) -> int:
        object_ = "instagram" if self._instagram(account) else "page"
        if not self.tells or object_ not in self.meta.callbacks:
            return 0
        entry = {"id": account, "time": self.meta.now() // 1_000_000, "changes": [change(name, value)]}
        return await self.meta.call(object_, [entry])
