"""An office for operators' tests: a hub of its own process on either store, mail in by LMTP, answers out by SMTP.

What was acknowledged is kept here, in ledgers of the sender and the peer, and never taken from the hub's tables.
"""

from __future__ import annotations

import asyncio
import email.message
import json
import random
import smtplib
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors.contract import BlobId
from hub.building import make_blobs, make_store
from hub.clock import SystemClock
from hub.config import Config
from hub.configfile import load
from hub.directory import directory
from hub.people.tokens import make_token
from hub.scope import SYSTEM
from hub.store.schema import attachment
from hub.store.tx import Tx
from tests.servers.mailsink import MailSink
from tests.servers.process import Process, free_port

ROOT = Path(__file__).parents[2]
TOKEN = "ctl_a-token-of-the-operators-tests"

CONFIG = """
[hub]
public_url = "http://127.0.0.1:{public}"
console_url = "http://127.0.0.1:{private}"
data_dir = "{data}"
rules_file = "rules.yaml"
node = "{node}"
log_level = "warning"
{secret}

[store]
url = "{url}"

[public]
port = {public}

[private]
port = {private}

[outbox]
undo_seconds = {undo}
poll_seconds = 0.3
gap_seconds = 0.2
gap_seconds_most = 1.0
breaker_failures = 1000

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "informacja"
name_pl = "Informacja"
name_en = "Information"
office = "krajowa"

[[inboxes]]
id = "kontakt"
kind = "email"
name = "Kontakt"
office = "krajowa"
queue = "informacja"
[inboxes.settings]
address = "kontakt@example.org"
listen = {{ port = {lmtp}, protocol = "lmtp" }}
smtp = {{ host = "127.0.0.1", port = {smtp}, security = "plain" }}
"""


class House:
    """The hub's folder, ports and process; ``url`` is its store. ``taken``: what was acknowledged to the sender."""

    def __init__(self, folder: Path, url: str = "", data: str = "data", node: str = "hub") -> None:
        self.folder = folder
        self.data = folder / data
        self.url = url or f"sqlite:{self.data}/centrala.db"
        self.node = node
        self.undo = 0.0
        self.secret = ""
        self.sink = MailSink()
        self.public, self.private, self.lmtp = free_port(), free_port(), free_port()
        self.taken: dict[str, bytes] = {}
        self.config = folder / f"{node}-{data}.toml"
        (folder / "rules.yaml").write_text("default: {queue: informacja}\n")
        self._process: Process | None = None

    def write_config(self) -> None:
        """As it is now."""
        values = {
            name: getattr(self, name) for name in ("public", "private", "lmtp", "data", "url", "node", "undo")
        }
        secret = f'secret = "{self.secret}"' if self.secret else ""
        self.config.write_text(CONFIG.format(**values, secret=secret, smtp=self.sink.port))

    def command(self, *arguments: str) -> list[str]:
        """A command of ``centrala`` with this configuration."""
        self.write_config()
        return [sys.executable, "-m", "hub.cli", *arguments, "-c", str(self.config)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(self.command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=90)

    def do(self, *arguments: str) -> str:
        """A command that succeeds; what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def prepare(self) -> None:
        """Make the store, and in it the token of the agent who works by the API."""
        self.write_config()
        config = load(self.config, environ={})
        house = directory(config)

        def make(tx: Tx) -> int:
            grants = ("read", "write")
            return make_token(tx, SYSTEM, house, name="Agent", office="krajowa", grants=grants, token=TOKEN)

        async def made() -> None:
            store = make_store(config, SystemClock())
            await store.open()
            await store.write(make)
            await store.close()

        asyncio.run(made())

    def start(self, *options: str) -> None:
        """Start the hub and wait until it takes messages."""
        command = ["env", f"--chdir={ROOT}", *self.command("run", *options)]
        self._process = Process("centrala", command, self.folder / f"{self.node}.log")
        self._process.start(self.public, self.private, self.lmtp, ready=self._is_ready)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.public}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()

    def log(self) -> str:
        """The end of the hub's log."""
        return self._process.output() if self._process is not None else ""

    def mail(self, attached: bytes = b"", *, again: str = "", port: int = 0) -> str:
        """Send a mail until the acknowledgement; returns its marker. ``again``: once more the one with this marker."""
        marker = again or f"m{uuid.uuid4().hex[:10]}"
        message = email.message.EmailMessage()
        message["From"], message["To"] = f"{marker}@example.pl", "kontakt@example.org"
        message["Subject"], message["Message-ID"] = f"Sprawa {marker}", f"<{marker}@example.pl>"
        message["Date"] = "Mon, 16 Nov 2026 09:00:00 +0100"
        message.set_content(f"Dzień dobry, tu {marker}.")
        if attached:
            message.add_attachment(attached, maintype="application", subtype="pdf", filename="pismo.pdf")
        with smtplib.LMTP("127.0.0.1", port or self.lmtp) as peer:
            assert not peer.send_message(message)
        self.taken[marker] = attached
        return marker

    def get(self, path: str) -> Any:
        """What the API answers, JSON or bytes."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.private}/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own address
            body = answer.read()
            return json.loads(body) if "json" in answer.headers["Content-Type"] else body

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """A change by the API."""
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        address = f"http://127.0.0.1:{self.private}/api/v1{path}"
        request = urllib.request.Request(address, data=json.dumps(body).encode(), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own address
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode()}") from error

    def metric(self, name: str) -> float:
        """One of the hub's figures."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.private}/metrics", timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def conversations(self) -> dict[str, dict[str, Any]]:
        """All of them by the marker in their subject; a marker twice is a failure."""
        found: dict[str, dict[str, Any]] = {}
        after = ""
        while True:
            page = self.get(f"/conversations?view=all&limit=100{after}")
            for row in page["conversations"]:
                marker = row["subject"].removeprefix("Sprawa ")
                assert marker not in found, f"{marker} is there twice"
                found[marker] = row
            if not page["next"]:
                return found
            after = f"&after={page['next']}"

    def messages(self, conversation: str) -> list[dict[str, Any]]:
        """Of one conversation."""
        found: list[dict[str, Any]] = self.get(f"/conversations/{conversation}/messages")["messages"]
        return found

    def answer(self, marker: str) -> None:
        """The agent answers; returns when the hub has taken the answer."""
        row = self.conversations()[marker]
        body = {"text": f"Dzień dobry, odp-{marker} pozdrawiam.", "based_on": row["messages"]}
        self.post(f"/conversations/{row['id']}/reply", body)

    def arrived(self, marker: str) -> int:
        """How often the answer came to its citizen, by the peer's ledger."""
        return sum(f"odp-{marker} ".encode() in mail.content for mail in self.sink.mails)

    def all_is_there(self) -> None:
        """Every acknowledged mail is there once, and its file has every byte."""
        found = self.conversations()
        assert set(self.taken) <= set(found)
        for marker, attached in self.taken.items():
            [message] = [one for one in self.messages(found[marker]["id"]) if one["kind"] == "inbound"]
            assert [one["size"] for one in message["attachments"]] == ([len(attached)] if attached else [])
        missing = Counter(content for content in self.taken.values() if content) - Counter(self.files())
        assert not missing, f"{missing.total()} files are not what they were"

    def files(self) -> list[bytes]:
        """The bytes of all attachments, as the hub itself would read them."""
        self.write_config()
        return asyncio.run(_files(load(self.config, environ={})))


async def _files(config: Config) -> list[bytes]:
    store = make_store(config, SystemClock())
    blobs = make_blobs(config, store, random.Random(1))
    await store.open()
    rows = await store.read(lambda tx: tx.rows(select(attachment.c.blob)))
    found = [await blobs.get(BlobId(row.blob)) for row in rows]
    await store.close()
    return found
