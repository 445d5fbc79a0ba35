"""People on WhatsApp, and the Cloud API that the office answers them by.

It checks lengths, buttons, lists, templates with their parameters, types and sizes of files, and tells by a status that
free text came too late, as Meta does. By .../whatsapp/messages, .../whatsapp/webhooks/reference/messages (2026-05-21)
and .../whatsapp/support/error-codes (2026-05-15).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from hub.demo.peers.meta import payloads
from hub.demo.peers.meta.platform import MetaPeer, refuse

HOUR = 3_600_000_000
OBJECT = "whatsapp_business_account"

SIZES = {"image/jpeg": 5, "image/png": 5, "video/mp4": 16, "video/3gpp": 16, "image/webp": 0.5}
"""Most megabytes of a file; sounds have 16, documents 100."""

TYPES = frozenset(
    (
        *SIZES,
        "audio/aac",
        "audio/amr",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
        "text/plain",
        "application/pdf",
    )
)


@dataclass
class Received:
    """What came from the office to a number."""

    number: str
    body: dict[str, Any]
    id: str
    at: int

    @property
    def text(self) -> str:
        """Its words."""
        return str(self.body.get("text", {}).get("body", ""))


@dataclass
class WhatsAppPeer:
    """Joins a :class:`MetaPeer` as one of its products. ``templates`` maps (name, language) to how many parameters."""

    meta: MetaPeer
    business: str
    number_id: str
    display: str
    names: dict[str, str] = field(default_factory=dict)
    wrote_at: dict[str, int] = field(default_factory=dict)
    templates: dict[tuple[str, str], int] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    marks: list[dict[str, Any]] = field(default_factory=list)
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.meta.products.append(self.answer)

    # --- the Cloud API --------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request, node: str, edge: str) -> web.Response | None:
        """A product of the Graph API."""
        if node == self.number_id and request.method == "POST" and edge == "messages":
            return self._take(await request.json())
        if node == self.number_id and request.method == "POST" and edge == "media":
            return self._upload()
        if node in self.media and request.method == "GET" and not edge:
            return self._file(node, request.query.get("phone_number_id", self.number_id))
        return None

    def _take(self, body: dict[str, Any]) -> web.Response:
        if body.get("messaging_product") != "whatsapp":
            refuse(100, 0, "(#100) The parameter messaging_product is required.")
        if body.get("status") == "read":
            self.marks.append(body)
            return web.json_response({"success": True})
        number = str(body.get("to") or body.get("recipient") or "")
        if not number or number.startswith("+"):
            refuse(131009, 0, "(#131009) Parameter value is not valid")
        self._check(body)
        id_ = f"wamid.OUT{self.meta.serial():06d}"
        now = self.meta.now()
        self.received.append(Received(number, body, id_, now))
        late = body["type"] != "template" and now - self.wrote_at.get(number, 0) > 24 * HOUR
        if late:
            problem = {"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message"}
            self.meta.later(self.status(id_, "failed", errors=[problem]))
        elif self.meta.lively:
            self.meta.later(self._live(id_))
        return web.json_response(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": number, "wa_id": number}],
                "messages": [{"id": id_, "message_status": "accepted"}],
            }
        )

    def _check(self, body: dict[str, Any]) -> None:
        kind = body.get("type")
        content = body.get(str(kind))
        if not isinstance(content, dict):
            refuse(131008, 0, "(#131008) Required parameter is missing")
        if kind == "text" and not 0 < len(content["body"]) <= 4096:
            refuse(100, 0, "(#100) Param text['body'] must be at most 4096 characters long.")
        if kind in ("image", "video", "audio", "document") and content.get("id") not in self.media:
            refuse(131053, 0, "(#131053) Media upload error")
        if kind == "interactive":
            _check_interactive(content)
        if kind == "template":
            self._check_template(content)

    def _check_template(self, content: dict[str, Any]) -> None:
        wanted = self.templates.get((content["name"], content["language"]["code"]))
        if wanted is None:
            refuse(132001, 0, "(#132001) Template name does not exist in the translation")
        given = [part for part in content.get("components", []) if part["type"] == "body"]
        texts = [parameter["text"] for part in given for parameter in part["parameters"]]
        if len(texts) != wanted:
            refuse(132000, 0, "(#132000) Number of parameters does not match the expected number of params")
        if any("\n" in text or "\t" in text or "    " in text for text in texts):
            refuse(132018, 0, "(#132018) Template parameters invalid")

    def _upload(self) -> web.Response:
        form = self.meta.posted()
        if "file" not in form or form.get("messaging_product", form["file"]).text != "whatsapp":
            refuse(100, 0, "(#100) The parameter file is required.")
        kind, content = form["file"].content_type, form["file"].content
        if kind not in TYPES and not kind.startswith("application/vnd."):
            refuse(100, 0, "(#100) Param file must be a file with one of the supported types")
        most = SIZES.get(kind, 16 if kind.startswith("audio/") else 100)
        if len(content) > most * 1_000_000:
            refuse(131053, 0, "(#131053) Media upload error")
        return web.json_response({"id": self.keep(kind, content)})

    def keep(self, content_type: str, content: bytes) -> str:
        """Keep a file; its id."""
        number = f"{self.meta.serial():015d}"
        self.media[number] = (content_type, content)
        return number

    def _file(self, number: str, asked_for: str) -> web.Response:
        if asked_for != self.number_id:
            refuse(100, 33, "(#100) The media does not belong to this phone number")
        content_type, content = self.media[number]
        return web.json_response(
            {
                "messaging_product": "whatsapp",
                "url": self.meta.keep_file(number, content_type, content, secret=True),
                "mime_type": content_type,
                "sha256": hashlib.sha256(content).hexdigest(),
                "file_size": len(content),
                "id": number,
            }
        )

    async def _live(self, id_: str) -> None:
        await self.status(id_, "sent")
        await self.status(id_, "delivered")

    # --- what people do -------------------------------------------------------------------------------------------

    async def tell(self, **parts: Any) -> int:
        """A webhook of the field ``messages``; the status that came back."""
        value = payloads.whatsapp_value(self.number_id, self.display, **parts)
        change = payloads.change("messages", value)
        return await self.meta.call(OBJECT, [payloads.whatsapp_entry(self.business, change)])

    async def writes(self, number: str, text: str) -> str:
        """The person writes; the id of the message. ``number`` without the plus."""
        return await self.sends(number, "text", {"body": text})

    async def sends(self, number: str, type_: str, content: dict[str, Any], **more: Any) -> str:
        """The person sends anything: ``content`` under the name of its type, ``more`` beside it (``context={…}``)."""
        id_, at = f"wamid.IN{self.meta.serial():06d}", self.meta.now()
        self.wrote_at[number] = at
        message = payloads.whatsapp_message(number, id_, at, type_, **{type_: content}, **more)
        contact = payloads.whatsapp_contact(number, self.names.get(number, "Ktoś"))
        await self.tell(contacts=[contact], messages=[message])
        return id_

    async def sends_file(self, number: str, kind: str, content_type: str, content: bytes, **more: Any) -> str:
        """The person sends a file."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        media = {"id": self.keep(content_type, content), "mime_type": content_type, "sha256": digest, **more}
        return await self.sends(number, kind, media)

    async def status(self, id_: str, status: str, **more: Any) -> int:
        """What became of a message of the office's."""
        sent = next(received for received in self.received if received.id == id_)
        told = payloads.whatsapp_status(id_, status, sent.number, self.meta.now(), **more)
        return await self.tell(statuses=[told])


def _check_interactive(content: dict[str, Any]) -> None:
    action, text = content.get("action", {}), content.get("body", {}).get("text", "")
    if content.get("type") == "button":
        buttons = action.get("buttons", [])
        titles = [button["reply"]["title"] for button in buttons]
        if not 0 < len(buttons) <= 3 or any(not 0 < len(title) <= 20 for title in titles) or len(text) > 1024:
            refuse(131009, 0, "(#131009) Parameter value is not valid")
    else:
        rows = [row for section in action.get("sections", []) for row in section["rows"]]
        titles = [row["title"] for row in rows]
        bad = any(not 0 < len(title) <= 24 for title in titles) or not 0 < len(action.get("button", "")) <= 20
        if not 0 < len(rows) <= 10 or bad or len(text) > 4096:
            refuse(131009, 0, "(#131009) Parameter value is not valid")
