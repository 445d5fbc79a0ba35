"""A small office whose disk is recorded: mails, large mails, forms, comments and webhooks come in, mails go out."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import re
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import msgspec

from tests.servers.mailsink import MailSink
from tests.servers.process import free_port

ROOT = Path(__file__).parents[3]
MARKER = re.compile(r"\btu (\w+x)\b")
ADDRESS = re.compile(r"(\w+x)@example\.pl")

LARGE = 150_000
"""Bytes of a large mail's attachment: more than fits into a row, so that it goes into a file of its own."""

HOOK_SECRET = "a secret of the power tests, long enough"

RULES = """
rules:
  - id: acknowledge
    name: Potwierdzenie
    when: {automatic: "no"}
    do: {answer: acknowledgement}
    then: continue
default: {queue: bezrobotni}
"""

CONFIG = """
[hub]
name = "Infolinia"
public_url = "http://127.0.0.1:{public}"
console_url = "http://127.0.0.1:{private}"
data_dir = "{data}"
rules_file = "rules.yaml"
log_level = "warning"

[store]
url = "sqlite:{data}/centrala.db"

[public]
port = {public}

[private]
port = {private}

[limits]
public_per_address = ""

[outbox]
poll_seconds = 0.2
undo_seconds = 0.0

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "bezrobotni"
name_pl = "Bezrobotni"
name_en = "Job seekers"
office = "krajowa"
"""

INBOX = """
[[inboxes]]
id = "{kind}"
kind = "{kind}"
name = "{kind}"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
per_address = ""
"""

MAIL = """
[[inboxes]]
id = "kontakt"
kind = "email"
name = "Infolinia"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
address = "kontakt@example.org"
listen = {{ port = {lmtp}, protocol = "lmtp" }}
smtp = {{ host = "127.0.0.1", port = {smtp}, security = "plain" }}
"""


class NotYet(Exception):
    """The hub did not acknowledge."""


Attempt = Callable[[str], Awaitable[None]]
"""Tell the hub one item; returns when it was acknowledged, raises when not."""


class Office:
    """The hub's folder and ports, and the mail server that takes what it sends."""

    def __init__(self, path: Path, source: Path = ROOT) -> None:
        self.path = path
        self.source = source
        self.sink = MailSink()
        self.public, self.private, self.lmtp = free_port(), free_port(), free_port()
        (path / "rules.yaml").write_text(RULES)
        text = CONFIG.format(data=path / "data", public=self.public, private=self.private)
        text += MAIL.format(lmtp=self.lmtp, smtp=self.sink.port)
        text += INBOX.format(kind="form") + INBOX.format(kind="comments") + INBOX.format(kind="webhook")
        (path / "centrala.toml").write_text(text + f'secret = "{HOOK_SECRET}"\n')

    @property
    def command(self) -> list[str]:
        """What runs the hub."""
        setting = ["env", f"--chdir={self.source}", f"PYTHONPATH={self.source}"]
        return [*setting, sys.executable, "-m", "hub.cli", "run", "-c", str(self.path / "centrala.toml")]

    def ways(self, session: aiohttp.ClientSession) -> dict[str, Attempt]:
        """How items are told, by name; some ways several times, so that a commit carries more than one."""
        mails = {f"mail{letter}": by_lmtp(self.lmtp, plain_mail) for letter in "abc"}
        draw = random.Random(7)
        return {
            **mails,
            "large": by_lmtp(self.lmtp, lambda marker: large_mail(marker, draw), pause=0.15),
            "form": by_form(session, f"http://127.0.0.1:{self.public}/embed/form/form", form_fields),
            "comment": by_form(
                session, f"http://127.0.0.1:{self.public}/embed/comments/comments?article=a", comment_fields
            ),
            "hook": by_webhook(session, f"http://127.0.0.1:{self.public}/in/webhook"),
        }


# --- mail --------------------------------------------------------------------------------------------------------


def _head(marker: str) -> str:
    return (
        f"From: Nadawca <{marker}@example.pl>\r\nTo: kontakt@example.org\r\nSubject: Sprawa\r\n"
        f"Message-ID: <{marker}@example.pl>\r\nMIME-Version: 1.0\r\n"
    )


def plain_mail(marker: str) -> bytes:
    """A mail of one line."""
    return f"{_head(marker)}Content-Type: text/plain\r\n\r\ntu {marker} pisze.\r\n".encode()


def large_mail(marker: str, draw: random.Random) -> bytes:
    """A mail with an attachment that becomes a file."""
    content = base64.encodebytes(draw.randbytes(LARGE)).decode().replace("\n", "\r\n")
    return (
        f'{_head(marker)}Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\ntu {marker} pisze.\r\n"
        f"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{content}--b--\r\n"
    ).encode()


def by_lmtp(port: int, mail: Callable[[str], bytes], pause: float = 0.0) -> Attempt:
    """RFC 2033: the reply after the final dot is the acknowledgement."""

    async def attempt(marker: str) -> None:
        await asyncio.sleep(pause)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        commands = [
            b"LHLO test\r\n",
            f"MAIL FROM:<{marker}@example.pl>\r\n".encode(),
            b"RCPT TO:<kontakt@example.org>\r\n",
            b"DATA\r\n",
            mail(marker) + b".\r\n",
        ]
        try:
            for command in [b"", *commands]:
                writer.write(command)
                while (answer := await reader.readuntil(b"\r\n"))[3:4] == b"-":
                    pass
                if answer[:1] not in b"23":
                    raise NotYet(answer)
        finally:
            writer.close()

    return attempt


# --- the site's pages ----------------------------------------------------------------------------------------------

_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_NAME = re.compile(r'name="([^"]*)"')
_VALUE = re.compile(r'value="([^"]*)"')


def form_fields(marker: str) -> dict[str, str]:
    """What a person writes into the contact form."""
    return {
        "name": "Jan",
        "email": f"{marker}@example.pl",
        "subject": "Sprawa",
        "message": f"tu {marker} pisze.",
    }


def comment_fields(marker: str) -> dict[str, str]:
    """What a person writes under an article."""
    return {"name": "Jan", "text": f"tu {marker} pisze."}


def by_form(session: aiohttp.ClientSession, url: str, fields: Callable[[str], dict[str, str]]) -> Attempt:
    """A page that is fetched once and sent many times; the redirect to the thanks is the acknowledgement."""
    hidden: dict[str, str] = {}

    async def attempt(marker: str) -> None:
        if not hidden:
            async with session.get(url) as page:
                for tag in _HIDDEN.findall(await page.text()):
                    name, value = _NAME.search(tag), _VALUE.search(tag)
                    hidden.update({name[1]: value[1] if value else ""} if name else {})
        client = str(uuid.uuid5(uuid.NAMESPACE_URL, marker))
        data = {**hidden, "client": client, "consent": "yes", **fields(marker)}
        async with session.post(url, data=data, allow_redirects=False) as answer:
            if answer.status != 303:
                raise NotYet(answer.status)

    return attempt


# --- webhook -----------------------------------------------------------------------------------------------------


def by_webhook(session: aiohttp.ClientSession, url: str) -> Attempt:
    """A signed event; 200 is the acknowledgement."""

    async def attempt(marker: str) -> None:
        sender = {"address": marker, "name": "Jan"}
        event = {
            "type": "message",
            "id": marker,
            "sender": sender,
            "subject": "Sprawa",
            "text": f"tu {marker} pisze.",
        }
        body, timestamp = msgspec.json.encode(event), str(int(time.time()))
        signature = hmac.new(HOOK_SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-Centrala-Timestamp": timestamp,
            "X-Centrala-Signature": f"sha256={signature.hexdigest()}",
        }
        async with session.post(url, data=body, headers=headers) as answer:
            if answer.status != 200:
                raise NotYet(answer.status)

    return attempt
