"""The Telegram Bot API with one bot, as a stand-in for the real one.

It behaves as https://core.telegram.org/bots/api says (Bot API 9.x, read in November 2026): updates wait for at most 24
hours and are confirmed by the offset of the next question; a second question ends the first with 409; a webhook gets
its secret token in a header and everything again that it did not answer with 2xx; texts are counted in UTF-16 units;
people who never wrote, or who blocked the bot, cannot be written to.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from hub.demo.peers import telegram_payloads as payloads
from hub.demo.peers.telegram_payloads import Json, Person
from hub.demo.peers.telegram_updates import Refusal, Updates, as_json, bad

TEXT, CAPTION, BUTTON = 4096, 1024, 64
PHOTO, UPLOAD, HANDED_OUT = 10_000_000, 50_000_000, 20_000_000
DELETED_WITHIN = 48 * 3600


class _Cut(Exception):
    """The connection is closed without an answer."""


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One call that the bot made; ``files`` by part name: (filename, bytes)."""

    method: str
    params: Json
    files: dict[str, tuple[str, bytes]]


def units(text: str) -> int:
    """UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class BotApi:
    """The API of one bot. ``now`` tells seconds; ``calls`` is the ledger, ``messages`` are by chat and number;
    ``first`` is added to the numbers it gives out, for one that goes on after an earlier one."""

    def __init__(
        self, token: str, now: Callable[[], float], *, username: str = "urzad_pracy_bot", first: int = 0
    ) -> None:
        self.token = token
        self.bot: Json = {"id": 7001, "is_bot": True, "first_name": "Urząd pracy", "username": username}
        self.calls: list[Call] = []
        self.messages: dict[tuple[int, int], Json] = {}
        self.people: dict[int, Person] = {}
        self.blocked: set[int] = set()
        self.groups: dict[int, Json] = {}
        self.moved: dict[int, int] = {}
        """Groups that have become supergroups: the old id to the new one."""
        self.files: dict[str, bytes] = {}
        self.paths: dict[str, str] = {}
        """Where getFile says that a file lies, if not where it does."""
        self.updates = Updates(now)
        self.raw: list[bytes] = []
        """Method, path without the token, and body of every call, as bytes on the wire."""
        self._now = now
        self._how: dict[str, str] = {}
        self._queries: set[str] = set()
        self._numbers = {"update": 1000 + first, "message": 10 + first, "query": 1 + first}

    # --- the server -----------------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """The application; mount it with ``add_subapp`` or run it on a port of its own."""
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._called)
        app.router.add_get("/file/bot{token}/{path:.*}", self._download)
        app.cleanup_ctx.append(self.updates.at_work)
        return app

    def fail(self, how: str, method: str = "*") -> None:
        """From now on calls of a method fail: a status ("429", "403 blocked", "500"), "cut" or "silence"; "" heals."""
        self._how[method] = how

    async def _called(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        body = await request.read()
        kind = request.headers.get("Content-Type", "")
        if method != "getUpdates":
            self.raw.append(f"{request.method} /{method}\nContent-Type: {kind}\n\n".encode() + body + b"\n")
        try:
            self._check_token(request.match_info["token"])
            await self._maybe_fail(method)
            params, files = _read(request.query, kind, body)
            if method != "getUpdates":
                self.calls.append(Call(method, params, files))
            result = await self._handler(method)(params, files)
        except Refusal as refusal:
            return _refused(refusal)
        except _Cut:
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        return web.json_response({"ok": True, "result": result})

    def _check_token(self, token: str) -> None:
        if token != self.token:
            number, _, secret = token.partition(":")
            known = number.isdigit() and bool(secret)
            raise Refusal(401, "Unauthorized") if known else Refusal(404, "Not Found")

    async def _maybe_fail(self, method: str) -> None:
        how = self._how.get(method, self._how.get("*", ""))
        if how == "cut":
            raise _Cut
        if how == "silence":
            await asyncio.sleep(3600)
        status, _, why = how.partition(" ")
        if status == "429":
            raise Refusal(429, "Too Many Requests: retry after 7", {"retry_after": 7})
        if status.isdigit():
            raise Refusal(int(status), why or f"Error {status}")

    def _handler(self, method: str) -> Callable[[Json, dict[str, tuple[str, bytes]]], Awaitable[Any]]:
        handlers = {
            "getMe": self._get_me,
            "getUpdates": self.updates.ask,
            "setWebhook": self.updates.set_webhook,
            "deleteWebhook": self.updates.delete_webhook,
            "getWebhookInfo": self.updates.webhook_info,
            "sendMessage": self._send_message,
            "sendPhoto": self._send_photo,
            "sendDocument": self._send_document,
            "editMessageText": self._edit_text,
            "editMessageCaption": self._edit_caption,
            "editMessageReplyMarkup": self._edit_markup,
            "deleteMessage": self._delete_message,
            "deleteBusinessMessages": self._delete_business_messages,
            "answerCallbackQuery": self._answer_query,
            "sendChatAction": self._chat_action,
            "leaveChat": self._leave_chat,
            "getFile": self._get_file,
        }
        if method not in handlers:
            raise Refusal(404, "Not Found: method not found")
        return handlers[method]

    async def _download(self, request: web.Request) -> web.StreamResponse:
        file = self.files.get(request.match_info["path"].rpartition("/")[2])
        if request.match_info["token"] != self.token or file is None:
            return web.Response(status=404, text="Not Found")
        return web.Response(body=file, content_type="application/octet-stream")

    # --- how the bot reads ----------------------------------------------------------------------------------------

    async def _get_me(self, params: Json, files: object) -> Any:
        more = {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }
        return {**self.bot, **more}

    # --- how the bot writes ---------------------------------------------------------------------------------------

    async def _send_message(self, params: Json, files: object) -> Any:
        text = str(params.get("text") or "")
        if not text.strip():
            raise bad("message text is empty")
        if units(text) > TEXT:
            raise bad("message is too long")
        return self._sent(params, {"text": text})

    async def _send_photo(self, params: Json, files: dict[str, tuple[str, bytes]]) -> Any:
        _, content = self._uploaded(files, "photo", PHOTO)
        if not content.startswith((b"\xff\xd8", b"\x89PNG")):
            raise bad("IMAGE_PROCESS_FAILED")
        return self._sent(params, {**payloads.photo(self._keep(content), len(content)), **_caption(params)})

    async def _send_document(self, params: Json, files: dict[str, tuple[str, bytes]]) -> Any:
        name, content = self._uploaded(files, "document", UPLOAD)
        about = payloads.file("document", self._keep(content), len(content), file_name=name)
        return self._sent(params, {**about, **_caption(params)})

    def _uploaded(self, files: dict[str, tuple[str, bytes]], part: str, most: int) -> tuple[str, bytes]:
        if part not in files:
            raise bad(f"there is no {part} in the request")
        name, content = files[part]
        if not content:
            raise bad("file must be non-empty")
        if len(content) > most:
            raise Refusal(413, "Request Entity Too Large")
        return name, content

    def _keep(self, content: bytes) -> str:
        file_id = f"AgAD{len(self.files) + 1}"
        self.files[file_id] = content
        return file_id

    def _sent(self, params: Json, content: Json) -> Json:
        chat = self._chat(int(params.get("chat_id") or 0))
        answered = as_json(params.get("reply_parameters") or {})
        if answered:
            target = (chat["id"], int(answered["message_id"]))
            if target not in self.messages and not answered.get("allow_sending_without_reply"):
                raise bad("message to be replied not found")
        markup = _markup(params)
        number = self._next("message")
        sent = {
            "message_id": number,
            "from": self.bot,
            "chat": chat,
            "date": int(self._now()),
            **_business(params),
            **content,
            **({"reply_markup": markup} if markup else {}),
        }
        self.messages[chat["id"], number] = sent
        return sent

    def _chat(self, chat: int) -> Json:
        if chat in self.moved:
            why = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, why, {"migrate_to_chat_id": self.moved[chat]})
        if chat in self.groups:
            return self.groups[chat]
        if chat not in self.people:
            if chat > 0:
                raise Refusal(403, "Forbidden: bot can't initiate conversation with a user")
            raise bad("chat not found")
        if chat in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        return self.people[chat].chat()

    def _own(self, params: Json, doing: str) -> Json:
        key = (int(params.get("chat_id") or 0), int(params.get("message_id") or 0))
        found = self.messages.get(key)
        if found is None:
            raise bad(f"message to {doing} not found")
        if found["from"] != self.bot:
            raise bad(f"message can't be {doing}ed")
        return found

    async def _edit_text(self, params: Json, files: object) -> Any:
        found, text = self._own(params, "edit"), str(params.get("text") or "")
        if "text" not in found:
            raise bad("there is no text in the message to edit")
        if units(text) > TEXT:
            raise bad("MESSAGE_TOO_LONG")
        return self._changed(found, {"text": text}, params)

    async def _edit_caption(self, params: Json, files: object) -> Any:
        return self._changed(self._own(params, "edit"), _caption(params), params)

    async def _edit_markup(self, params: Json, files: object) -> Any:
        return self._changed(self._own(params, "edit"), {}, params)

    def _changed(self, found: Json, content: Json, params: Json) -> Json:
        before = dict(found)
        found.update(content)
        found.pop("reply_markup", None)
        if markup := _markup(params):
            found["reply_markup"] = markup
        if found == before:
            raise bad("message is not modified: specified new message content and reply markup are the same")
        found["edit_date"] = int(self._now())
        return found

    async def _delete_message(self, params: Json, files: object) -> Any:
        found = self._own(params, "delete")
        if self._now() - found["date"] > DELETED_WITHIN:
            raise bad("message can't be deleted")
        del self.messages[found["chat"]["id"], found["message_id"]]
        return True

    async def _delete_business_messages(self, params: Json, files: object) -> Any:
        """Of a business account's chats, ours or theirs."""
        numbers = as_json(params.get("message_ids") or [])
        chats = [key for key in self.messages if key[1] in numbers]
        if not params.get("business_connection_id") or not chats:
            raise bad("BUSINESS_CONNECTION_INVALID")
        for key in chats:
            del self.messages[key]
        return True

    async def _answer_query(self, params: Json, files: object) -> Any:
        query = str(params.get("callback_query_id") or "")
        if query not in self._queries:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self._queries.discard(query)
        return True

    async def _chat_action(self, params: Json, files: object) -> Any:
        self._chat(int(params.get("chat_id") or 0))
        return True

    async def _leave_chat(self, params: Json, files: object) -> Any:
        if self.groups.pop(int(params.get("chat_id") or 0), None) is None:
            raise bad("chat not found")
        return True

    async def _get_file(self, params: Json, files: object) -> Any:
        file_id = str(params.get("file_id") or "")
        content = self.files.get(file_id)
        if content is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if len(content) > HANDED_OUT:
            raise bad("file is too big")
        size = len(content)
        return {
            "file_id": file_id,
            "file_unique_id": f"u{file_id}",
            "file_size": size,
            "file_path": self.paths.get(file_id, f"documents/{file_id}"),
        }

    def _next(self, what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what]


def _business(params: Json) -> Json:
    connection = params.get("business_connection_id")
    return {"business_connection_id": connection} if connection else {}


def _caption(params: Json) -> Json:
    caption = str(params.get("caption") or "")
    if units(caption) > CAPTION:
        raise bad("message caption is too long")
    return {"caption": caption} if caption else {}


def _markup(params: Json) -> Json:
    markup: Json = as_json(params.get("reply_markup") or {})
    for row in markup.get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button.get("callback_data", "").encode()) <= BUTTON:
                raise bad("BUTTON_DATA_INVALID")
    return markup if markup.get("inline_keyboard") else {}


def _read(query: Mapping[str, str], kind: str, body: bytes) -> tuple[Json, dict[str, tuple[str, bytes]]]:
    """Parameters from the query, JSON or a form, and the files of a form (RFC 7578)."""
    params: Json = dict(query)
    media, _, about = kind.partition(";")
    if media.strip() == "multipart/form-data":
        return _read_form(params, about.partition("boundary=")[2].strip().strip('"').encode(), body)
    if media.strip() == "application/x-www-form-urlencoded":
        return params | dict(parse_qsl(body.decode(), keep_blank_values=True)), {}
    with contextlib.suppress(ValueError):
        params |= json.loads(body) if body else {}
    return params, {}


def _read_form(params: Json, boundary: bytes, body: bytes) -> tuple[Json, dict[str, tuple[str, bytes]]]:
    files: dict[str, tuple[str, bytes]] = {}
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(boundary) < 1 or parts[0] != b"" or not parts[-1].startswith(b"--"):
        raise bad("the form is not multipart/form-data")
    for part in parts[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        names = dict(re.findall(r'(name|filename)="([^"\r\n]*)"', head.decode()))
        if "filename" in names:
            files[names["name"]] = (names["filename"].replace("%22", '"'), content)
        else:
            params[names["name"]] = content.decode()
    return params, files


def _refused(refusal: Refusal) -> web.Response:
    body: Json = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return web.json_response(body, status=refusal.code)
