"""Poison among letters: mails made to break readers, and some that meet a fault of our own. None stops the others."""

from __future__ import annotations

import asyncio
import smtplib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.intake.facts import build_facts
from hub.store import schema
from tests.days.world import ADDRESS, World, world
from tests.servers.mailsink import MailSink

pytestmark = pytest.mark.slow

GOOD = 40
BUG = "trucizna"
"""A word at which a fault of our own strikes, as any bug would."""


def head(sender: str, *more: str) -> bytes:
    lines = [f"From: <{sender}>", f"To: <{ADDRESS}>", f"Message-ID: <{sender}>", "MIME-Version: 1.0", *more]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def plain(sender: str, text: str) -> bytes:
    return (
        head(sender, "Subject: Sprawa", "Content-Type: text/plain; charset=utf-8")
        + f"\r\n\r\n{text}\r\n".encode()
    )


def nested(levels: int) -> bytes:
    """Multiparts within multiparts."""
    opening = b"".join(
        f'--b{n}\r\nContent-Type: multipart/mixed; boundary="b{n + 1}"\r\n\r\n'.encode()
        for n in range(levels)
    )
    return head("nested@x.pl", 'Content-Type: multipart/mixed; boundary="b0"') + b"\r\n\r\n" + opening


def parts(count: int) -> bytes:
    body = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * count
    return (
        head("parts@x.pl", 'Content-Type: multipart/mixed; boundary="b"') + b"\r\n\r\n" + body + b"--b--\r\n"
    )


def html(body: str) -> bytes:
    return head("html@x.pl", "Content-Type: text/html; charset=utf-8") + b"\r\n\r\n" + body.encode() + b"\r\n"


POISON: dict[str, bytes] = {
    "nothing but a line": b"x\r\n",
    "no body": head("nobody@x.pl"),
    "NUL in text and head": plain("nul@x.pl", "a\0b").replace(b"Sprawa", b"Spr\0awa"),
    "half a surrogate": head("half@x.pl", "Subject: =?utf-8?b?7aC9?=") + b"\r\n\r\n\xed\xa0\xbd\r\n",
    "a charset that does not exist": plain("charset@x.pl", "zażółć").replace(b"utf-8", b"x-unknown-17"),
    "base64 that is none": head("b64@x.pl", "Content-Transfer-Encoding: base64") + b"\r\n\r\n!!!=?=\r\n",
    "500 levels": nested(500),
    "5,000 parts": parts(5000),
    "a head of 200 kB": plain("head@x.pl", "x").replace(b"Sprawa", b"S" * 200_000),
    "10,000 references": head("refs@x.pl", "References: " + " ".join(f"<r{n}@x>" for n in range(10_000)))
    + b"\r\n\r\nx\r\n",
    "20,000 open elements": html("<div>" * 20_000 + "ratunku"),
    "a table in a table, 2,000 times": html("<table><tr><td>" * 2_000 + "x"),
    "no end of quotes": plain("quotes@x.pl", "\r\n".join(">" * n for n in range(1, 1500))),
    "one line of 2 MB": plain("line@x.pl", "ab " * 700_000),
    "a date of another world": head("date@x.pl", "Date: Fri, 99 Foo 99999 99:99:99 +9999") + b"\r\n\r\nx\r\n",
    "a sender that is none": plain("sender@x.pl", "x").replace(b"From: <sender@x.pl>", b"From: ;;<>@@,,\xff"),
    "two senders and a group": plain("group@x.pl", "x").replace(b"From: <", b"From: g: a@x.pl, b@x.pl;, <"),
    "a mail within a mail, 200 times": head("matryoshka@x.pl", "Content-Type: message/rfc822")
    + b"\r\n\r\nContent-Type: message/rfc822\r\n" * 200,
    **{f"a fault of ours, {n}": plain(f"bug{n}@x.pl", f"To jest {BUG} numer {n}.") for n in range(6)},
}


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*arguments: Any, **more: Any) -> Any:
        if BUG in arguments[1].text:
            raise ZeroDivisionError("a bug")
        return build_facts(*arguments, **more)

    monkeypatch.setattr("hub.intake.batch.build_facts", wrong)


def deliver(here: World, sender: str, content: bytes) -> float:
    """Seconds until it was acknowledged; again and again until it is, as mail servers do. Raises on a final refusal."""
    began = time.monotonic()
    for _ in range(5):
        try:
            here.lmtp(content, ADDRESS, sender)
            return time.monotonic() - began
        except smtplib.SMTPResponseException as answer:
            assert answer.smtp_code < 500, (sender, answer)
            time.sleep(0.1)
    pytest.fail(f"{sender} is refused for ever and would block its sender's queue")


@pytest.mark.usefixtures("faulty")
async def test_poison_among_letters(tmp_path: Path, mailsink: MailSink) -> None:
    async with world(tmp_path, mailsink, "2026-11-16 09:00") as here:
        letters = {
            f"good{n}@example.pl": plain(f"good{n}@example.pl", f"Kiedy dostanę zasiłek? {n}")
            for n in range(GOOD)
        }
        poison = {f"poison{n}@example.pl": content for n, content in enumerate(POISON.values())}
        mixed = [*letters.items(), *poison.items()]
        here.draw.shuffle(mixed)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(16) as senders:  # of their own: the hub needs the loop's threads
            waits = [loop.run_in_executor(senders, deliver, here, *one) for one in mixed]
            took = dict(zip((sender for sender, _ in mixed), await asyncio.gather(*waits), strict=True))
        await here.work_off()
        table = schema.conversation
        rows = await here.read(lambda tx: tx.rows(select(table).where(table.c.listed.is_(True))))
        assert len(rows) == len(mixed), "each is there for people to see"
        good = [row for row in rows if row.preview.startswith("Kiedy")]
        assert len(good) == GOOD and all(row.queue == "bezrobotni" and not row.quarantined for row in good)
        quarantined = [row for row in rows if row.quarantined]
        assert len(quarantined) == 6, "only what met the fault of ours could not be taken apart"
        told = sum(len(here.mails.to(sender)) for sender in letters)
        print(
            f"{len(poison)} poisonous mails among {GOOD}: all acknowledged, {len(quarantined)} in quarantine; "
            f"a letter took {max(took[s] for s in letters):.1f} s at most, poison {max(took[s] for s in poison):.1f} s"
        )
        assert told == GOOD, "every writer was answered"
