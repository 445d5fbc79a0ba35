"""The command line reaches a running hub, and only its owner does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.control import LOCK, SOCKET, AlreadyRunning, CommandFailed, NotRunning, call, exclusive, listening
from hub.logs import logger
from hub.store.store import StorageFault


async def greet(arguments: dict[str, Any]) -> Any:
    return {"hello": arguments["name"]}


async def refuse(arguments: dict[str, Any]) -> Any:
    raise CommandFailed("There is no such user.")


async def burst(arguments: dict[str, Any]) -> Any:
    raise ZeroDivisionError("601 234 567")


async def stand_still(arguments: dict[str, Any]) -> Any:
    raise StorageFault("the disk is full")


HANDLERS = {"greet": greet, "refuse": refuse, "burst": burst, "stand still": stand_still}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder whose path is longer than what the address of a socket can hold."""
    path = tmp_path / ("d" * 60) / ("e" * 60)
    path.mkdir(parents=True)
    return path


async def test_a_command_is_carried_out_and_answered(data_dir: Path) -> None:
    async with listening(data_dir, HANDLERS, logger("control")):
        assert (data_dir / SOCKET).stat().st_mode & 0o777 == 0o600
        answer = await asyncio.to_thread(call, data_dir, "greet", {"name": "Łucja"})
    assert answer == {"hello": "Łucja"}
    assert not (data_dir / SOCKET).exists()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("refuse", "There is no such user"),
        ("burst", "burst failed inside the hub"),
        ("nothing", "does not know the command nothing"),
        ("stand still", "cannot do it now: the disk is full. Try again later."),
    ],
)
async def test_failures_are_sentences(data_dir: Path, command: str, sentence: str) -> None:
    async with listening(data_dir, HANDLERS, logger("control")):
        with pytest.raises(CommandFailed, match=sentence) as caught:
            await asyncio.to_thread(call, data_dir, command, {})
    assert "601" not in str(caught.value)


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"command": 1}\n', b"x" * 2_000_000, b""])
async def test_what_is_no_request_is_answered_and_harms_nothing(data_dir: Path, line: bytes) -> None:
    async with listening(data_dir, HANDLERS, logger("control")):
        folder = os.open(data_dir, os.O_RDONLY)
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{SOCKET}")
        os.close(folder)
        answer = b"cannot be read"
        with contextlib.suppress(ConnectionError):  # what is too long is cut off, not read to its end
            writer.write(line)
            writer.write_eof()
            answer = await reader.read()
        assert b"cannot be read" in answer
        writer.close()
        assert await asyncio.to_thread(call, data_dir, "greet", {"name": "x"}) == {"hello": "x"}


def test_without_a_hub_the_caller_is_told(data_dir: Path) -> None:
    with pytest.raises(NotRunning, match="No hub is running"):
        call(data_dir, "greet", {})
    (data_dir / SOCKET).touch()
    with pytest.raises(NotRunning):
        call(data_dir / "none", "greet", {})


def test_a_data_folder_has_one_hub_even_after_a_kill(data_dir: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib; from hub.control import exclusive\n"
            "with exclusive(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)",
            str(data_dir),
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    with pytest.raises(AlreadyRunning, match="in use"), exclusive(data_dir):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with exclusive(data_dir):
        assert (data_dir / LOCK).exists()


async def test_a_hub_that_ends_meanwhile_is_a_sentence(tmp_path: Path) -> None:
    async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_unix_server(ends, tmp_path / SOCKET)
    with pytest.raises(CommandFailed, match="ended before it answered"):
        await asyncio.to_thread(call, tmp_path, "greet", {"name": "x" * 2_000_000})
    server.close()
