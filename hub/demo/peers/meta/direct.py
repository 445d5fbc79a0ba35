"""People on Messenger and Instagram, and the Send API that the office answers them by.

It checks what Meta checks: who may be written to and when (24 hours; 7 days with the tag for human agents), lengths,
buttons, types and sizes of files. By .../messenger-platform/send-messages (2026-05-05),
.../instagram-messaging/features/send-message (2026-07-02) and .../messenger-platform/error-codes (2026-03-18).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from hub.demo.peers.meta.payloads import entry, event
from hub.demo.peers.meta.platform import MetaPeer, refuse

HOUR = 3_600_000_000
TEXT = 2000
INSTAGRAM_BYTES = 1000
OBJECTS = {"messenger": "page", "instagram": "instagram"}
CLOSED = {"messenger": 2018278, "instagram": 2534022}


@dataclass
class Person:
    """Somebody with an id of their own for one account."""

    id: str
    account: str
    platform: str
    name: str
    username: str = ""
    wrote_at: int = 0
    blocked: bool = False


@dataclass
class Received:
    """What came from the office to a person: a message, or an action (typing, seen)."""

    person: str
    body: dict[str, Any]
    mid: str = ""
    at: int = 0

    @property
    def text(self) -> str:
        """Its words."""
        return str(self.body.get("message", {}).get("text", ""))


@dataclass
class DirectPeer:
    """Joins a :class:`MetaPeer` as one of its products."""

    meta: MetaPeer
    people: dict[str, Person] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    actions: list[Received] = field(default_factory=list)
    uploads: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.meta.products.append(self.answer)

    def meet(
        self, id_: str, account: str, name: str, *, platform: str = "messenger", username: str = ""
    ) -> Person:
        """Somebody new."""
        person = self.people[id_] = Person(id_, account, platform, name, username)
        return person

    # --- the Send API ---------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request, node: str, edge: str) -> web.Response | None:
        """A product of the Graph API."""
        if edge == "messages" and request.method == "POST" and self._sends(node):
            return self._take(await request.json())
        if edge == "message_attachments" and request.method == "POST" and self._sends(node):
            return self._upload()
        if not edge and request.method == "GET" and node in self.people:
            person = self.people[node]
            told = {"id": person.id, "name": person.name, "username": person.username}
            wanted = [*request.query.get("fields", "").split(","), "id"]
            return web.json_response({name: told[name] for name in wanted if told.get(name)})
        return None

    def _sends(self, node: str) -> bool:
        account = self.meta.accounts.get(node)
        return account is not None and account.kind == "page"

    def _take(self, body: dict[str, Any]) -> web.Response:
        person = self.people.get(str(body.get("recipient", {}).get("id", "")))
        if person is None:
            refuse(100, 2018001, "(#100) No matching user found")
        if person.blocked:
            refuse(551, 1545041, "(#551) This person isn't available right now.")
        now = self.meta.now()
        if (action := body.get("sender_action")) is not None:
            if action not in ("typing_on", "typing_off", "mark_seen") or "message" in body:
                refuse(100, 0, "(#100) Invalid sender_action")
            self.actions.append(Received(person.id, body, at=now))
            return web.json_response({"recipient_id": person.id})
        self._check_window(person, body, now)
        self._check_message(person, body.get("message", {}))
        mid = f"m_out{self.meta.serial():06d}"
        self.received.append(Received(person.id, body, mid, now))
        if self.meta.lively:
            self.meta.later(self._live(person, mid))
        return web.json_response({"recipient_id": person.id, "message_id": mid})

    def _check_window(self, person: Person, body: dict[str, Any], now: int) -> None:
        kind, age = body.get("messaging_type"), now - person.wrote_at
        if kind not in ("RESPONSE", "UPDATE", "MESSAGE_TAG"):
            refuse(100, 0, "(#100) messaging_type is required")
        if kind == "MESSAGE_TAG":
            if body.get("tag") != "HUMAN_AGENT" or not self.meta.human_agent:
                refuse(100, 0, "(#100) Tag is not allowed for this app")
            if age <= 7 * 24 * HOUR:
                return
        if age > 24 * HOUR:
            refuse(10, CLOSED[person.platform], "(#10) This message is sent outside of allowed window.")

    def _check_message(self, person: Person, message: dict[str, Any]) -> None:
        text, attachment = message.get("text"), message.get("attachment")
        if (text is None) == (attachment is None):
            refuse(100, 0, "(#100) A message holds either text or an attachment")
        if text is not None:
            length = (
                len(text.encode("utf-16-le")) // 2 if person.platform == "messenger" else len(text.encode())
            )
            if not 0 < length <= (TEXT if person.platform == "messenger" else INSTAGRAM_BYTES):
                refuse(100, 0, "(#100) Length of param message[text] must be less than or equal to the limit")
        elif (attachment or {}).get("payload", {}).get("attachment_id") not in self.uploads:
            refuse(100, 2018074, "(#100) Invalid attachment id")
        replies = message.get("quick_replies", [])
        if len(replies) > 13 or any(not reply.get("title") or not reply.get("payload") for reply in replies):
            refuse(100, 0, "(#100) Invalid quick_replies")

    def _upload(self) -> web.Response:
        form = self.meta.posted()
        if "filedata" not in form or "message" not in form:
            refuse(100, 2018008, "(#100) Failed to fetch the file")
        kind, content = json.loads(form["message"].text)["attachment"]["type"], form["filedata"].content
        if len(content) > (8_000_000 if kind == "image" else 25_000_000):
            refuse(100, 2018109, "(#100) Attachment size exceeds allowable limit")
        number = f"{self.meta.serial():015d}"
        self.uploads[number] = (kind, content)
        return web.json_response({"attachment_id": number})

    async def _live(self, person: Person, mid: str) -> None:
        """What happens by itself: the echo to the page, and the telephone that takes the message."""
        await self.echo(mid)
        await self.delivers(person.id, mid)

    # --- what people do -------------------------------------------------------------------------------------------

    async def tell(self, person: Person, **what: Any) -> int:
        """A webhook with one event of this person; the status that came back."""
        at = self.meta.now()
        told = event(person.id, person.account, at, **what)
        return await self.meta.call(OBJECTS[person.platform], [entry(person.account, at, told)])

    async def writes(self, id_: str, text: str = "", **more: Any) -> str:
        """The person writes; the id of the message. ``more`` are further fields of it (``attachments=[…]``)."""
        person, mid = self.people[id_], f"m_in{self.meta.serial():06d}"
        person.wrote_at = self.meta.now()
        await self.tell(person, message={"mid": mid, **({"text": text} if text else {}), **more})
        return mid

    async def sends_file(self, id_: str, kind: str, name: str, content_type: str, content: bytes) -> str:
        """The person sends a picture, a film, a recording or a file."""
        url = self.meta.keep_file(name, content_type, content)
        return await self.writes(id_, attachments=[{"type": kind, "payload": {"url": url}}])

    async def presses(self, id_: str, title: str, payload: str) -> str:
        """The person presses a button under a message."""
        return await self.writes(id_, title, quick_reply={"payload": payload})

    async def reacts(self, id_: str, mid: str, emoji: str) -> int:
        """The person puts a sign under a message, or takes it back with an empty one."""
        action = {"action": "react", "emoji": emoji, "reaction": "other"} if emoji else {"action": "unreact"}
        return await self.tell(self.people[id_], reaction={"mid": mid, **action})

    async def reads(self, id_: str) -> int:
        """The person opens the conversation."""
        person = self.people[id_]
        if person.platform == "instagram":
            mids = [received.mid for received in self.received if received.person == id_]
            return await self.tell(person, read={"mid": mids[-1]})
        return await self.tell(person, read={"watermark": self.meta.now() // 1000})

    async def delivers(self, id_: str, *mids: str) -> int:
        """The person's telephone took messages; without ``mids`` only the watermark is told."""
        told: dict[str, Any] = {"watermark": self.meta.now() // 1000}
        if mids:
            told["mids"] = list(mids)
        return await self.tell(self.people[id_], delivery=told)

    async def echo(self, mid: str) -> int:
        """The copy of a message that the app sent."""
        sent = next(received for received in self.received if received.mid == mid)
        return await self._echo(self.people[sent.person], mid, sent.body["message"], int(self.meta.app_id))

    async def written_elsewhere(self, id_: str, text: str) -> str:
        """Somebody of the office answers in the page's own inbox."""
        mid = f"m_else{self.meta.serial():06d}"
        await self._echo(self.people[id_], mid, {"text": text}, 263902037430900)
        return mid

    async def _echo(self, person: Person, mid: str, message: dict[str, Any], app: int) -> int:
        at = self.meta.now()
        content = {"mid": mid, "is_echo": True, "app_id": app, **message}
        told = event(person.account, person.id, at, message=content)
        return await self.meta.call(OBJECTS[person.platform], [entry(person.account, at, told)])
