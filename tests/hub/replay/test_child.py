"""The child process of replays is never left behind, whenever whoever asked for it goes away."""

from __future__ import annotations

import asyncio
import subprocess
import threading

import pytest

from hub.replay import child


async def test_a_child_that_nobody_waits_for_any_more_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()
    begun: list[subprocess.Popen[bytes]] = []
    begin = child._start

    def slowly() -> subprocess.Popen[bytes]:
        entered.set()
        go_on.wait()
        begun.append(begin())
        return begun[0]

    monkeypatch.setattr(child, "_start", slowly)
    starting = asyncio.create_task(child.start_child())
    await asyncio.to_thread(entered.wait)
    starting.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert [process.poll() is not None for process in begun] == [True]


async def test_a_child_that_cannot_be_started_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> subprocess.Popen[bytes]:
        raise OSError("no more processes")

    monkeypatch.setattr(child, "_start", refused)
    with pytest.raises(OSError, match="no more processes"):
        await child.start_child()
