"""A name server that is silent holds up nobody's lookups but those that need it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

APART = ("unshare", "--user", "--map-root-user", "--mount", "--net")
"""A machine of its own in what matters here: which name server it asks, and who listens there."""

SILENT = """\
import asyncio, fcntl, os, socket, struct, subprocess, sys, time
import uvloop
from hub.cli_run import look_up_side_by_side

subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    up = struct.pack("16sh", b"lo", 1)  # IFF_UP
    fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS
silence = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silence.bind(("127.0.0.1", 53))


async def main():
    loop = asyncio.get_running_loop()
    dead = [asyncio.create_task(loop.getaddrinfo(f"n{n}.example", 80)) for n in range(8)]
    await asyncio.sleep(0.2)
    assert not any(task.done() for task in dead), "the name server is not silent"
    began = time.monotonic()
    await loop.getaddrinfo("localhost", 80)
    print(time.monotonic() - began, flush=True)
    os._exit(0)  # nobody waits for the dead


look_up_side_by_side()
uvloop.run(main())
"""


@pytest.mark.slow
def test_a_name_server_that_is_silent_holds_up_no_other_name(tmp_path: Path) -> None:
    if subprocess.run([*APART, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody have a network of their own")
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    command = [*APART, sys.executable, "-c", SILENT, str(resolver)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 0.5
