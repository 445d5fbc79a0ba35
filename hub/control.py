"""How the command line talks to a running hub: a socket in the data folder, one JSON line each way.

Who may open the socket may do everything: it has mode 0600, and there is no password. A lock beside it makes sure that
a data folder has one hub, and that a command works on the store itself only while there is none.

Request ``{"command": "user.add", "arguments": {…}}``; answer ``{"result": …}`` or ``{"error": "a sentence"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from connectors.contract import Log, Refused
from hub.durable import make_folder

SOCKET = "control.sock"
LOCK = "hub.lock"
LONGEST = 40_000_000
"""Most bytes of a request: a rule file may have 16 million characters."""
READ_SECONDS = 10.0
"""How long a request may take to arrive."""

Handler = Callable[[dict[str, Any]], Awaitable[Any]]
"""Carries out one command; returns what JSON can hold. Raises :class:`CommandFailed` with a sentence."""


class CommandFailed(Exception):
    """The hub refused or could not do it; the text is a sentence for the person at the terminal."""


class NotRunning(Exception):
    """No hub answers in this data folder."""


class AlreadyRunning(Exception):
    """A hub, or a command that changes the store, holds this data folder."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    command: str
    arguments: dict[str, Any] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    result: Any = None
    error: str = ""


@contextlib.contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold the data folder, which is made if need be. Raises :class:`AlreadyRunning`.

    The kernel lets go of the lock when its process ends, however it ends.
    """
    make_folder(data_dir)
    with (data_dir / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(f"The data folder {data_dir} is in use by a running hub.") from None
        yield


@contextlib.contextmanager
def _address(data_dir: Path) -> Iterator[str]:
    """The socket's path, made short by way of the folder: the system allows 107 characters."""
    folder = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


@contextlib.asynccontextmanager
async def listening(data_dir: Path, handlers: Mapping[str, Handler], log: Log) -> AsyncIterator[None]:
    """Answer commands for as long as the block runs. The caller holds :func:`exclusive`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            answer = await _answer(reader, handlers, log)
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()
        writer.close()

    path = data_dir / SOCKET
    with _address(data_dir) as address:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(serve, address, limit=LONGEST)
        finally:
            os.umask(before)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _answer(reader: asyncio.StreamReader, handlers: Mapping[str, Handler], log: Log) -> Answer:
    try:
        async with asyncio.timeout(READ_SECONDS):
            request = msgspec.json.decode(await reader.readline(), type=Request)
    except (msgspec.DecodeError, ValueError) as error:
        return Answer(error=f"The request cannot be read: {error}.")
    handler = handlers.get(request.command)
    if handler is None:
        return Answer(
            error=f"The running hub does not know the command {request.command}. Is it of another version?"
        )
    try:
        return Answer(result=await handler(request.arguments))
    except CommandFailed as error:
        return Answer(error=str(error))
    except Refused as error:
        return Answer(error=f"The hub cannot do it now: {str(error).rstrip('.')}. Try again later.")
    except Exception:
        log.error("a command failed", command=request.command, exc_info=True)
        return Answer(error=f"{request.command} failed inside the hub. Its log says why.")


def call(data_dir: Path, command: str, arguments: dict[str, Any], *, seconds: float = 60.0) -> Any:
    """Have the running hub carry out a command and return its result.

    Raises :class:`NotRunning`, :class:`CommandFailed`.
    """
    request = msgspec.json.encode(Request(command=command, arguments=arguments)) + b"\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            with _address(data_dir) as address:
                connection.connect(address)
        except OSError:
            raise NotRunning(f"No hub is running on the data folder {data_dir}.") from None
        try:
            connection.sendall(request)
            line = connection.makefile("rb").readline()
        except TimeoutError:
            raise CommandFailed(f"The hub did not answer within {seconds:.0f} s.") from None
        except ConnectionError:
            line = b""
    if not line:
        raise CommandFailed(
            "The hub ended before it answered. Look whether it was done before you try again."
        )
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error:
        raise CommandFailed(answer.error)
    return answer.result
