"""The Bot API over the hub's one HTTP client: python-telegram-bot's ``Bot`` with a transport of ours.

The library builds the calls and reads the answers; the transport sends them through ``Env.egress`` and raises what
happened as one of two errors: :class:`Declined` (Telegram said no) or :class:`NotReached` (it said nothing). The token
is part of every address, so no address is ever put into an error or a log.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any

import msgspec
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData

from connectors._failpoint import failpoint
from connectors._http import FETCH_SECONDS, UPLOAD_SECONDS, retry_after
from connectors._i18n import N_
from connectors.contract import Egress, Fetched, SendError
from connectors.telegram import wire
from connectors.telegram.settings import Settings

logging.getLogger("telegram").setLevel(logging.WARNING)  # below that it writes down texts, ids and tokens

ANSWER_BYTES = 20_000_000
"""Most bytes of an answer; a hundred updates of the largest kind are a tenth of it."""

CLOSE = {"Connection": "close"}
"""No idle connection is left behind; a question every 25 s can do without."""

_LARGE = 500_000
"""Bytes from which putting an upload together would hold the event loop for too long."""

BATCH = 100
"""Most updates of one answer; Telegram gives no more."""

_LONGEST_WAIT = 86_400.0

STRANGE_ANSWER = N_("Telegram answered in a way that the hub does not understand.")


class _Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """https://core.telegram.org/bots/api#responseparameters"""

    migrate_to_chat_id: int | None = None
    retry_after: float | None = None


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    description: str = ""
    parameters: _Parameters = _Parameters()


class Declined(TelegramError):
    """Telegram refused a call. ``description`` is its own sentence, in English and without personal data.

    ``retry_after`` in seconds; ``migrated_to``: the group has this new id.
    """

    def __init__(
        self, status: int, description: str, retry_after: float | None = None, migrated_to: int | None = None
    ) -> None:
        super().__init__(f"HTTP {status}: {description}")
        self.status = status
        self.description = description
        self.retry_after = retry_after
        self.migrated_to = migrated_to

    @property
    def credentials(self) -> bool:
        """Whether the token is wrong: 401 for one that was taken back, 404 for one that never was."""
        return self.status in (401, 404)

    def says(self, *words: str) -> bool:
        """Whether the description holds any of the words."""
        told = self.description.lower()
        return any(word in told for word in words)


class NotReached(TelegramError):
    """No answer came; ``error`` says whether the call may have arrived."""

    def __init__(self, error: SendError) -> None:
        super().__init__(error.private)
        self.error = error


class Transport(BaseRequest):
    """Sends a call as JSON, or as a form where a file goes with it (RFC 7578)."""

    def __init__(self, egress: Egress, timeout: float, keep: bool) -> None:
        self._egress = egress
        self._timeout = timeout
        self._headers = {} if keep else CLOSE

    @property
    def read_timeout(self) -> float | None:
        """In seconds."""
        return self._timeout

    async def initialize(self) -> None:
        """Nothing is opened before the first call."""

    async def shutdown(self) -> None:
        """The hub closes its client."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The JSON of an answer that said yes. Raises :class:`NotReached` for anything else: it may have been done."""
        try:
            return msgspec.json.decode(payload, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise NotReached(SendError("ambiguous", STRANGE_ANSWER, "an answer that is no JSON")) from None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """One call. ``read_timeout`` in seconds, for the whole of it. Raises :class:`Declined`, :class:`NotReached`."""
        timeout = float(read_timeout) if isinstance(read_timeout, int | float) else self._timeout
        kind, body = await _encoded(request_data)
        if request_data is not None and request_data.contains_files:
            timeout = max(timeout, UPLOAD_SECONDS)
        answer = await _call(
            self._egress,
            method,
            url,
            headers={"Content-Type": kind, **self._headers},
            body=body,
            timeout=timeout,
            max_bytes=ANSWER_BYTES,
        )
        return answer.status, answer.body


class Api:
    """One bot. ``bot`` has the methods of the Bot API.

    ``keep``: connections stay open for the next call; not for a reader, which must leave none behind when it ends.
    """

    def __init__(self, settings: Settings, egress: Egress, *, keep: bool) -> None:
        token, base = settings.token.reveal(), settings.api_url
        self._settings = settings
        self._egress = egress
        self._calls = f"{base}/bot{token}"
        self._files = f"{base}/file/bot{token}"
        transport = Transport(egress, settings.timeout_seconds, keep)
        self.bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=transport,
            get_updates_request=transport,
        )

    async def updates(self, offset: int | None) -> list[bytes]:
        """News from ``offset`` on, which confirms all before it. Waits for some as long as configured."""
        seconds = self._settings.poll_seconds
        asked = {"offset": offset, "limit": BATCH, "timeout": seconds, "allowed_updates": wire.KNOWN}
        body = msgspec.json.encode({name: value for name, value in asked.items() if value is not None})
        answer = await _call(
            self._egress,
            "POST",
            f"{self._calls}/getUpdates",
            headers={"Content-Type": "application/json", **CLOSE},
            body=body,
            timeout=seconds + self._settings.timeout_seconds,
            max_bytes=ANSWER_BYTES,
        )
        updates = wire.several(answer.body)
        if updates is None:
            raise NotReached(SendError("temporary", STRANGE_ANSWER, "an answer without updates"))
        return [bytes(update) for update in updates]

    async def download(self, file: str, most: int) -> bytes:
        """The bytes of a file by its ``file_id``. Raises :class:`Declined`, :class:`NotReached`, SendError.

        The library's own download would open a path of this machine if the server named one.
        """
        described = await self.bot.get_file(file)
        address = described.file_path or ""
        if not address.startswith(f"{self._files}/") or "/.." in address:
            raise SendError("permanent", STRANGE_ANSWER, "getFile without a path to fetch")
        answer = await _call(self._egress, "GET", address, timeout=FETCH_SECONDS, max_bytes=most)
        return answer.body


async def _call(egress: Egress, method: str, url: str, **more: Any) -> Fetched:
    """Raises :class:`Declined`, :class:`NotReached`."""
    failpoint("telegram.call.before")
    try:
        answer = await egress.request(method, url, **more)
    except SendError as error:
        raise NotReached(error) from error
    failpoint("telegram.call.after")
    if not 200 <= answer.status < 300:
        raise _declined(answer)
    return answer


def _declined(answer: Fetched) -> Declined:
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        refusal = _Refusal()
    wait = refusal.parameters.retry_after
    if wait is None:
        wait = retry_after(answer.headers)
    return Declined(
        answer.status,
        _told(refusal.description),
        None if wait is None else max(1.0, min(float(wait), _LONGEST_WAIT)),
        refusal.parameters.migrate_to_chat_id,
    )


def _told(description: str) -> str:
    """A description without numbers: where one is quoted it is somebody's id or number."""
    plain = "".join("#" if char.isdigit() else char for char in description if char.isprintable())
    return plain[:200]


async def _encoded(data: RequestData | None) -> tuple[str, bytes | None]:
    """The media type and the bytes of a call."""
    if data is None or not (data.parameters or data.contains_files):
        return "application/json", None
    if not data.contains_files:
        return "application/json", msgspec.json.encode(data.parameters)
    files = data.multipart_data
    parts = [*data.json_parameters.items()]
    size = sum(len(content) for _, content, _ in files.values() if isinstance(content, bytes))
    if size > _LARGE:
        return await asyncio.to_thread(multipart, parts, files)
    return multipart(parts, files)


def multipart(fields: list[tuple[str, str]], files: dict[str, Any]) -> tuple[str, bytes]:
    """A form with files (name → filename, bytes, media type) as its media type and its bytes.

    The boundary is a digest of the content, which cannot hold its own digest.
    """
    digest = hashlib.sha256()
    parts: list[tuple[bytes, bytes]] = []
    for name, value in fields:
        parts.append((f'form-data; name="{name}"'.encode(), value.encode("utf-8", "replace")))
    for name, (filename, content, kind) in files.items():
        head = f'form-data; name="{name}"; filename="{_quoted(filename)}"\r\nContent-Type: {kind}'
        parts.append((head.encode("utf-8", "replace"), content))
    for part in parts:
        for piece in part:
            digest.update(piece)
    boundary = digest.hexdigest()[:40].encode()
    written = [
        piece
        for head, content in parts
        for piece in (b"--", boundary, b"\r\nContent-Disposition: ", head, b"\r\n\r\n", content, b"\r\n")
    ]
    body = b"".join([*written, b"--", boundary, b"--\r\n"])
    return f"multipart/form-data; boundary={boundary.decode()}", body


def _quoted(filename: str) -> str:
    """As browsers write a name into a form, where quotes and line breaks would end it."""
    clean = filename.replace("\r", " ").replace("\n", " ").replace("\x00", "")
    return clean.replace('"', "%22")
