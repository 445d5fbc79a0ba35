"""A scripted IMAP server, for what no well-behaved one does and where the exact dialogue matters."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable


@contextlib.asynccontextmanager
async def served(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A server with that handler; gives its port. Its connections end with it."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()


class Script:
    """An IMAP server with fixed mails, whose answers to FETCH a test writes."""

    def __init__(self, mails: dict[int, bytes]) -> None:
        self.mails = mails
        self.capabilities = "IMAP4rev1"
        self.refused: set[int] = set()
        self.dropped: set[int] = set()
        self.unsized: set[int] = set()
        self.empty: set[int] = set()
        self.uidnext: int | None = None
        self.longest = 1 << 40
        self.greeting = "* OK hello"
        self.commands: list[str] = []
        self._open: list[asyncio.StreamWriter] = []

    def hang_up(self, last: bytes = b"") -> None:
        """Close all connections, with a ``last`` word."""
        for writer in self._open:
            writer.write(last)
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        writer.write(f"{self.greeting}\r\n".encode())
        while line := await reader.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.commands.append(command)
            writer.write(self.answer(tag, command))

    def answer(self, tag: str, command: str) -> bytes:
        name = command.upper()
        if name == "CAPABILITY":
            return f"* CAPABILITY {self.capabilities}\r\n{tag} OK done\r\n".encode()
        if name.startswith("SELECT"):
            state = f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n"
            state += f"* OK [UIDNEXT {self.uidnext}] ok\r\n" if self.uidnext is not None else ""
            return f"{state}{tag} OK [READ-WRITE] done\r\n".encode()
        if name.startswith("UID SEARCH"):
            found = self.search(command.split()[-1])
            return f"* SEARCH {' '.join(map(str, found))}\r\n{tag} OK done\r\n".encode()
        if name.startswith("UID FETCH"):
            return self.fetch(tag, command)
        return f"{tag} OK done\r\n".encode()

    def search(self, uids: str) -> list[int]:
        first, colon, _ = uids.partition(":")
        if not colon:
            return [int(uid) for uid in uids.split(",") if int(uid) in self.mails]
        return [uid for uid in self.mails if uid >= int(first)] or list(self.mails)[-1:]

    def fetch(self, tag: str, command: str) -> bytes:
        match = re.match(r"UID FETCH (\S+) \((.*)\)", command)
        assert match is not None
        uids = [int(uid) for uid in match[1].split(",") if int(uid) in self.mails]
        if "SIZE" in match[2]:
            told = [uid for uid in uids if uid not in self.unsized]
            sizes = [f"* 1 FETCH (UID {uid} RFC822.SIZE {len(self.mails[uid])})\r\n" for uid in told]
            return f"{''.join(sizes)}{tag} OK done\r\n".encode()
        if self.dropped & set(uids):
            raise ConnectionError
        if self.refused & set(uids):
            return f"{tag} NO [SERVERBUG] cannot read\r\n".encode()
        part = re.search(r"<(\d+)\.(\d+)>", match[2])
        start, most = (int(part[1]), min(int(part[2]), self.longest)) if part else (0, 1 << 40)
        return b"".join(self.body(uid, start, most) for uid in uids) + f"{tag} OK done\r\n".encode()

    def body(self, uid: int, start: int, most: int) -> bytes:
        """With the UID behind the body, as some servers have it."""
        if uid in self.empty:
            return b"* 1 FETCH (BODY[] NIL UID %d)\r\n" % uid
        content = self.mails[uid][start : start + most]
        return b"* 1 FETCH (BODY[] {%d}\r\n%b UID %d)\r\n" % (len(content), content, uid)
