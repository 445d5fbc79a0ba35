"""One IMAP connection: a few commands, each of which ends when the connection does.

aioimaplib never notices for its callers that a connection died: a command then waits for its own timeout, and starting
IDLE waits for ever. It does call back when the socket closes, so every command here is raced against that.
Two commands of the same kind in flight at once confuse it; a lock keeps them apart.

How long anything may take is measured by the clock that is passed in. A line that went silent under IDLE is noticed at
the end of the pause, when the server does not confirm it: 60 + 20 seconds after its last word, with the usual pause.

Source: RFC 3501, RFC 2177 (IDLE), RFC 4315 (UIDPLUS), RFC 6851 (MOVE), RFC 5530 (codes of refusals).
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

import aioimaplib
import msgspec

from connectors.contract import Clock
from connectors.email.config import ImapAccount

# It writes pieces of mails into its own log.
logging.getLogger("aioimaplib").setLevel(logging.CRITICAL)

COMMAND_SECONDS = 60.0
"""Longest wait for the answer to one command."""

DONE_SECONDS = 20.0
"""Longest wait for the end of IDLE to be confirmed: the server has nothing to do for it but to be there."""

CHUNK_BYTES = 1_000_000
"""Large mails are fetched in pieces of this size."""

MOST_LINES = 100
PIECE_BYTES = 4_096
"""A packet of more lines than that is read in pieces of so many bytes."""

T = TypeVar("T")


class Lost(ConnectionError):
    """The connection ended, or the server stopped answering."""


class NotDone(Exception):
    """The server answered NO or BAD."""


class WrongCredentials(Exception):
    """The server refused the login name or the password."""


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """What a server tells about a folder. ``uidnext`` is None where it does not say."""

    uidvalidity: int
    uidnext: int | None
    exists: int


class _Protocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]  # it ships no types
    """What the library's own does not stand: a greeting that is a refusal, and very many lines in one packet."""

    async def welcome(self, command: bytes) -> None:
        try:
            await super().welcome(command)
        except Exception:  # it runs in a task that nobody awaits: what it raises shows as a lost connection
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """In small pieces, because lines are read by recursion: a thousand deleted mails would exceed its limit."""
        if data.count(b"\r\n") < MOST_LINES:
            super().data_received(data)
        else:
            for start in range(0, len(data), PIECE_BYTES):
                super().data_received(data[start : start + PIECE_BYTES])


class _Client(aioimaplib.IMAP4):  # type: ignore[misc]  # it ships no types
    """The library's client with the protocol above. Its own class for TLS forgets the callback; this one does not."""

    def create_client(
        self,
        host: str,
        port: int,
        loop: asyncio.AbstractEventLoop,
        conn_lost_cb: Callable[[Exception | None], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.protocol = _Protocol(loop, conn_lost_cb)
        self.connecting = loop.create_task(
            loop.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        )
        self._client_task = self.connecting


class Link:
    """A connection that is logged in. Made by :func:`connect`; :meth:`close` ends it at once."""

    def __init__(self, account: ImapAccount, context: ssl.SSLContext | None, clock: Clock) -> None:
        loop = asyncio.get_running_loop()
        self._clock = clock
        self._lost: asyncio.Future[None] = loop.create_future()
        self._commands = asyncio.Lock()
        self._client = _Client(
            host=account.host,
            port=account.port,
            loop=loop,
            timeout=COMMAND_SECONDS,
            conn_lost_cb=self._on_lost,
            ssl_context=context,
        )

    def _on_lost(self, _error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)

    def close(self) -> None:
        """Close the socket now, without a word to the server, and end what still waits for it."""
        protocol = self._client.protocol
        waiting = [self._client.connecting, *self._client.tasks, *protocol.tasks]
        for task in waiting:
            task.cancel()
        if protocol.transport is not None:
            protocol.transport.abort()

    async def race(self, command: Coroutine[Any, Any, T], seconds: float | None = COMMAND_SECONDS) -> T:
        """Await a command while the connection lives and ``seconds`` have not passed. Raises :class:`Lost`."""
        task = asyncio.ensure_future(command)
        late = asyncio.ensure_future(self._clock.sleep(seconds)) if seconds is not None else None
        either: set[asyncio.Future[Any]] = {task, self._lost, *([late] if late is not None else [])}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Lost("the connection ended" if self._lost.done() else "the server stopped answering")
        except (aioimaplib.AioImapException, asyncio.IncompleteReadError, TimeoutError) as error:
            raise Lost(type(error).__name__) from error
        except RuntimeError as error:
            if not self._client.protocol.transport.is_closing():
                raise
            raise Lost("the connection ended") from error  # uvloop's answer to whoever writes to it then
        finally:
            task.cancel()
            task.add_done_callback(_look_at)
            if late is not None:
                late.cancel()

    async def _ask(self, command: Coroutine[Any, Any, Any]) -> list[bytes | bytearray]:
        """The lines of an answer. Raises :class:`NotDone`, :class:`Lost`."""
        async with self._commands:
            answer = await self.race(command)
        if answer.result != "OK":
            raise NotDone(_shown(answer.lines))
        return list(answer.lines)

    async def open(self, account: ImapAccount) -> None:
        """Wait for the greeting and log in."""
        await self.race(self._client.wait_hello_from_server())
        try:
            await self._ask(self._client.login(quoted(account.user), account.password.reveal()))
        except NotDone as refusal:
            # RFC 5530: these codes say that the login is right and the moment is wrong.
            if re.match(r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|CONTACTADMIN)", str(refusal)):
                raise Lost(str(refusal)) from refusal
            raise WrongCredentials(str(refusal)) from refusal
        # What a server can do after the login differs from what it told before.
        await self.race(self._client.protocol.capability())

    async def select(self, folder: str) -> Selected:
        """Open a folder, or look at the open one afresh."""
        lines = await self._ask(self._client.select(quoted(encode_folder(folder))))
        text = b"\n".join(bytes(line) for line in lines)
        return Selected(
            uidvalidity=_number(rb"\[UIDVALIDITY (\d+)", text) or 0,
            uidnext=_number(rb"\[UIDNEXT (\d+)", text),
            exists=_number(rb"^(\d+) EXISTS", text) or 0,
        )

    async def uids_from(self, first: int) -> list[int]:
        """The UIDs from ``first`` on, ascending."""
        # "n:*" names the last mail even when its UID is below n.
        return sorted(uid for uid in await self._search(f"{first}:*") if uid >= first)

    async def existing(self, uids: Sequence[int]) -> set[int]:
        """Those of ``uids`` that the folder has."""
        return await self._search(uid_set(uids)) & set(uids)

    async def _search(self, uids: str) -> set[int]:
        lines = await self._ask(self._client.uid_search(f"UID {uids}", charset=None))
        return {int(word) for line in lines[:-1] for word in line.split() if word.isdigit()}

    async def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Bytes of each mail that still exists."""
        lines = await self._ask(self._client.uid("fetch", uid_set(uids), "(UID RFC822.SIZE)"))
        sizes: dict[int, int] = {}
        for line in lines:
            uid, size = _number(rb"\bUID (\d+)", line), _number(rb"\bRFC822\.SIZE (\d+)", line)
            if uid is not None and size is not None:
                sizes[uid] = size
        return sizes

    async def bodies(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Whole mails by UID, left unread; those that vanished meanwhile are missing."""
        return _literals(await self._ask(self._client.uid("fetch", uid_set(uids), "(UID BODY.PEEK[])")))

    async def pieces(self, uid: int, size: int) -> AsyncIterator[bytes]:
        """A mail in pieces of at most :data:`CHUNK_BYTES`; nothing for one that vanished. ``size`` as the server tells:
        a piece that is shorter than asked for is the last one only from there on."""
        offset = 0
        while True:
            part = f"(UID BODY.PEEK[]<{offset}.{CHUNK_BYTES}>)"
            piece = _literals(await self._ask(self._client.uid("fetch", str(uid), part))).get(uid, b"")
            if piece:
                yield piece
            offset += len(piece)
            if not piece or (len(piece) < CHUNK_BYTES and offset >= size):
                return

    async def mark_seen(self, uids: Sequence[int]) -> None:
        """Set the flag that other readers of the mailbox look at."""
        await self._ask(self._client.uid("store", uid_set(uids), "+FLAGS.SILENT", r"(\Seen)"))

    async def move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails into another folder, by MOVE or what older servers have instead."""
        target = quoted(encode_folder(folder))
        if self._client.has_capability("MOVE"):
            await self._ask(self._client.uid("move", uid_set(uids), target))
            return
        await self._ask(self._client.uid("copy", uid_set(uids), target))
        await self._ask(self._client.uid("store", uid_set(uids), "+FLAGS.SILENT", r"(\Deleted)"))
        if self._client.has_capability("UIDPLUS"):
            await self._ask(self._client.uid("expunge", uid_set(uids)))

    async def idle(self, seconds: float) -> None:
        """Return when the server has news, or after ``seconds``. Raises :class:`Lost` where it is gone."""
        if not self._client.has_capability("IDLE"):
            await self.race(_nap(self._clock, seconds), seconds=None)
            return
        ended = await self.race(self._client.idle_start(timeout=seconds + COMMAND_SECONDS))
        await self.race(_first(self._client.protocol.idle_queue, self._clock, seconds), seconds=None)
        await self.race(_ended(self._client))
        await self.race(_outcome(ended), DONE_SECONDS)


async def connect(account: ImapAccount, context: ssl.SSLContext | None, clock: Clock) -> Link:
    """Connect and log in. Raises :class:`WrongCredentials`, :class:`Lost` or OSError; leaves no socket behind."""
    link = Link(account, context, clock)
    try:
        await link.open(account)
    except BaseException:
        link.close()
        raise
    return link


def _look_at(given_up: asyncio.Future[Any]) -> None:
    """A command that fails because its line was closed is no news, and asyncio would log it as an error."""
    if not given_up.cancelled():
        given_up.exception()


async def _nap(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)


async def _ended(client: _Client) -> None:
    client.idle_done()


async def _outcome(future: asyncio.Future[T]) -> T:
    return await future


async def _first(news: asyncio.Queue[Any], clock: Clock, seconds: float) -> None:
    """Return at the first news or when the time is up, whichever comes first."""
    tasks = {asyncio.ensure_future(news.get()), asyncio.ensure_future(_nap(clock, seconds))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    while not news.empty():
        news.get_nowait()


_FETCH = re.compile(rb"\d+ FETCH \(")


def _literals(lines: Iterable[bytes | bytearray]) -> dict[int, bytes]:
    """Body by UID from the lines of a FETCH answer, in which bodies are bytearrays; the UID may follow its body."""
    found: dict[int, bytes] = {}
    uid: int | None = None
    body: bytes | None = None
    for line in lines:
        if isinstance(line, bytearray):
            body = bytes(line)
        else:
            if _FETCH.match(line):
                uid, body = None, _short_body(line)
            uid = uid if uid is not None else _number(rb"\bUID (\d+)", line)
        if uid is not None and body is not None:
            found[uid] = body
    return found


def _short_body(line: bytes) -> bytes | None:
    """A body that stands in the line itself: an empty one as NIL, or a short one as a quoted string."""
    match = re.search(rb'BODY\[\](?:<\d+>)? (?:(NIL)|"((?:[^"\\]|\\.)*)")', line)
    if match is None:
        return None
    return b"" if match[1] else re.sub(rb"\\(.)", rb"\1", match[2])


def _number(pattern: bytes, text: bytes | bytearray) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else None


def _shown(lines: Sequence[bytes | bytearray]) -> str:
    """The last line of an answer, for people: short and without anything in quotes or brackets of addresses."""
    text = bytes(lines[-1]).decode("utf-8", "replace") if lines else ""
    return re.sub(r"\S+@\S+", "…", text)[:200]


def quoted(text: str) -> str:
    """An IMAP quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def uid_set(uids: Iterable[int]) -> str:
    """``3,4,7`` as the protocol writes it."""
    return ",".join(str(uid) for uid in uids)


def encode_folder(name: str) -> str:
    """A folder's name in the modified UTF-7 of RFC 3501 section 5.1.3 (``Wysłane`` is ``Wys&AUI-ane``)."""
    return re.sub(r"[^\x20-\x7e]+|&", _utf7_run, name)


def _utf7_run(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    encoded = base64.b64encode(match[0].encode("utf-16-be")).decode("ascii")
    return f"&{encoded.rstrip('=').replace('/', ',')}-"
