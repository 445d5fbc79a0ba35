"""Hundreds of IMAP mailboxes on IDLE in one process, against a real Dovecot.

Run: ``python -m bench.imap_bench [MAILBOXES]`` as root (each mailbox gets a user of its own, because the kernel limits
how many folders one user may watch). The connector reads all mailboxes with the real parser into a ledger in memory.
The floor is a bare client beside it that logs in, selects and waits under IDLE on plain asyncio streams, and only
notices the news. Both run in fresh processes in turn, five times; the medians are printed.

``memory per mailbox`` is what the process grew by from before the first connection until all wait under IDLE.
``all mails seen`` is from the first of one mail into each mailbox (put into its Maildir) until the last is committed
(floor: until the last EXISTS).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pwd
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import uvloop

from bench.report import line, median
from connectors.contract import Secret
from connectors.email import CHANNEL
from connectors.email.config import EmailConfig, ImapAccount
from tests.contract.world import Ledger, make_env
from tests.servers.dovecot import PASSWORD, Dovecot

ROUNDS = 5
FIRST_USER = 20_001
"""Users are named by their numeric id."""


class ManyUsers(Dovecot):
    """Each mailbox belongs to another system user."""

    def __init__(self, folder: Path, users: list[str]) -> None:
        self.mail = folder / "mail"
        self._users = users
        super().__init__(folder)
        group = pwd.getpwnam("mail").pw_gid
        self.mail.chmod(0o755)
        for user in users:
            for name in ("", "cur", "new", "tmp"):
                (self.mail / user / name).mkdir(exist_ok=True)
                os.chown(self.mail / user / name, int(user), group)

    def _write_config(self, folder: Path) -> None:
        super()._write_config(folder)
        group, users = pwd.getpwnam("mail").pw_gid, folder / "users"
        lines = [f"{user}::{user}:{group}::{self.mail}/{user}" for user in self._users]
        users.write_text("\n".join(lines) + "\n")
        static, file = "driver = static\n  args = uid=", f"driver = passwd-file\n  args = {users} #"
        config = self._config.read_text()
        assert static in config
        self._config.write_text(config.replace(static, file))

    def drop(self, user: str, number: int) -> None:
        """Put a mail into a mailbox as a delivery does: written elsewhere, then moved in."""
        name = f"{time.time_ns()}.{number}.bench"
        written = self.mail / user / "tmp" / name
        written.write_bytes(_mail(number))
        os.chown(written, int(user), -1)
        written.rename(self.mail / user / "new" / name)


def _mail(number: int) -> bytes:
    text = "Dzień dobry, od kiedy przysługuje mi zasiłek i jakie dokumenty mam przynieść? " * 20
    return (
        f"From: Jan Testowy <jan{number}@example.org>\r\nTo: kontakt@example.pl\r\nSubject: Sprawa {number}\r\n"
        f"Message-ID: <{time.time_ns()}.{number}@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"\r\n{text}\r\n"
    ).encode()


def resident() -> int:
    """Bytes of memory that this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def tell(**figures: float) -> None:
    print(json.dumps(figures), flush=True)


async def ours(port: int, users: list[str]) -> None:
    """The connector, as the hub runs it."""
    accounts = tuple(
        ImapAccount(host="127.0.0.1", port=port, tls=False, user=user, password=Secret(PASSWORD))
        for user in users
    )
    connector = CHANNEL.create(EmailConfig(address="kontakt@example.pl", imap=accounts), make_env())
    ledger = Ledger()
    before, began = resident(), time.monotonic()
    task = asyncio.create_task(connector.run(ledger))
    while True:
        await asyncio.sleep(0.1)
        if (await connector.check()).state == "ok":
            break
    waiting = time.monotonic() - began
    await asyncio.sleep(1.0)
    tell(ready=1, memory=(resident() - before) / len(users), login=waiting)
    await ledger.wait_for(len(users), 120)
    tell(seen=time.monotonic())
    task.cancel()


async def bare(port: int, users: list[str]) -> None:
    """The least that can be called waiting under IDLE."""
    before = resident()
    gate, seen, idling = asyncio.Semaphore(16), asyncio.Semaphore(0), asyncio.Semaphore(0)
    tasks = [asyncio.create_task(_bare_mailbox(port, user, gate, idling, seen)) for user in users]
    for _ in users:
        await idling.acquire()
    await asyncio.sleep(1.0)
    tell(ready=1, memory=(resident() - before) / len(users), login=0)
    for _ in users:
        await seen.acquire()
    tell(seen=time.monotonic())
    for task in tasks:
        task.cancel()


async def _bare_mailbox(
    port: int, user: str, gate: asyncio.Semaphore, idling: asyncio.Semaphore, seen: asyncio.Semaphore
) -> None:
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for line in (f"a LOGIN {user} {PASSWORD}", "b SELECT INBOX"):
            writer.write(f"{line}\r\n".encode())
            while not (await reader.readline()).startswith(f"{line[0]} OK".encode()):
                pass
        writer.write(b"c IDLE\r\n")
        while not (await reader.readline()).startswith(b"+"):
            pass
    idling.release()
    while b"EXISTS" not in await reader.readline():
        pass
    seen.release()
    await asyncio.Event().wait()


SIDES: dict[str, Callable[[int, list[str]], Coroutine[None, None, None]]] = {"ours": ours, "bare": bare}


def measured(side: str, server: ManyUsers, users: list[str]) -> dict[str, float]:
    """One side in a process of its own."""
    command = [sys.executable, "-m", "bench.imap_bench", side, str(server.imap_port), users[0], users[-1]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        figures: dict[str, float] = json.loads(process.stdout.readline())
        began = time.monotonic()
        for number, user in enumerate(users):
            server.drop(user, number)
        figures["dropped"] = time.monotonic() - began
        figures["seconds"] = json.loads(process.stdout.readline())["seen"] - began
        process.terminate()
    for user in users:
        for name in ("new", "cur"):
            for mail in (server.mail / user / name).iterdir():
                mail.unlink()
    return figures


def main(count: int) -> None:
    """Measure both sides in turn and print the medians."""
    if os.geteuid() != 0:
        sys.exit("bench.imap_bench must run as root: each mailbox needs a user of its own")
    users = [str(FIRST_USER + number) for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="imap-bench-") as folder:
        Path(folder).chmod(0o755)
        server = ManyUsers(Path(folder), users)
        server.start()
        try:
            rounds = [{side: measured(side, server, users) for side in SIDES} for _ in range(ROUNDS)]
        finally:
            server.stop()

    def middle(side: str, figure: str) -> float:
        return median([result[side][figure] for result in rounds])

    connected, dropped = middle("ours", "login"), middle("ours", "dropped")
    print(
        f"{count} mailboxes; all connected after {connected:.1f} s; all mails put there after {dropped:.2f} s"
    )
    memory, floor = middle("ours", "memory") / 1000, middle("bare", "memory") / 1000
    print(line("memory per mailbox", memory, "kB", floor, inverse=True))
    print(line("all mails seen", middle("ours", "seconds"), "s", middle("bare", "seconds"), inverse=True))


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SIDES:
        first, last = int(sys.argv[3]), int(sys.argv[4])
        uvloop.run(SIDES[sys.argv[1]](int(sys.argv[2]), [str(user) for user in range(first, last + 1)]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 340)
