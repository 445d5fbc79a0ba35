"""Raw 5 kB mail → parsed → routed → committed conversation, beside parsing alone by the standard library (compat32).

Run: ``python -m bench.mail_bench [MAILS]``. In one process: the connector's parser on the event loop, intake in the
writer thread, as in the daemon. The mails are multipart (text and HTML with a quotation), every fifth answers another.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop

from bench.office import a_house, some_text
from bench.report import line, median
from connectors.contract import InboxId, Micros, ParseContext, Raw
from connectors.email.normalise import parse
from hub.cli_run import settle
from hub.clock import SystemClock
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.store.sqlite import SqliteStore

ROUNDS = 5
WAITING = 64


def mails(count: int) -> list[bytes]:
    """Mails of some 5 kB as a web mailer writes them."""
    draw = random.Random(5)
    return [_mail(draw, n) for n in range(count)]


def _mail(draw: random.Random, n: int) -> bytes:
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["From"] = f"Jan Kowalski <u{draw.randrange(5000)}@example.pl>"
    mail["To"], mail["Subject"] = "kontakt@example.org", "Re: Pytanie o zasiłek"
    mail["Message-ID"], mail["Date"] = f"<{n}@example.pl>", "Mon, 16 Nov 2026 09:00:00 +0100"
    if n % 5 == 4:
        mail["In-Reply-To"] = f"<{draw.randrange(n)}@example.pl>"
    new, old = some_text(draw, 60), some_text(draw, 100)
    intro = "W dniu 12.11.2026 o 10:12 Infolinia <kontakt@example.org> napisał(a):"
    quoted = "\n".join(f"> {old[i : i + 70]}" for i in range(0, len(old), 70))
    mail.set_content(f"Dzień dobry,\n\n{new}\n\n{intro}\n{quoted}\n")
    html = f"<div>Dzień dobry,<br><br>{new}</div><div class='gmail_quote'>{intro}<blockquote>{old}</blockquote></div>"
    mail.add_alternative(f"<html><body>{html}</body></html>", subtype="html")
    return mail.as_bytes()


def _floor(raws: Sequence[bytes]) -> float:
    began = time.perf_counter()
    for raw in raws:
        message = email.message_from_bytes(raw)
        for part in message.walk():
            part.get_payload(decode=True)
    return len(raws) / (time.perf_counter() - began)


async def _take(path: Path, house: House, raws: Sequence[bytes]) -> float:
    store = SqliteStore(path, SystemClock())
    await store.open()
    intake = Intake(store, lambda: house, time.monotonic, logger("bench"), lambda key, what: None)
    sink = intake.sink("kontakt")
    context = ParseContext(inbox=InboxId("kontakt"), now=Micros(1_794_816_000_000_000), tokens=house.tokens)

    async def connection(waiting: Iterator[bytes]) -> None:
        for raw in waiting:
            await sink.accept(Raw(content=raw, content_type="message/rfc822"), parse(raw, context))

    rest = iter(raws)
    settle()
    began = time.perf_counter()
    await asyncio.gather(*(connection(rest) for _ in range(WAITING)))
    rate = len(raws) / (time.perf_counter() - began)
    await store.close()
    return rate


def main(count: int = 3000) -> None:
    """Measure and print."""
    raws, house = mails(count), a_house()
    print(f"mails of {sum(map(len, raws)) / count:,.0f} bytes")
    ours, floors = [], []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            ours.append(uvloop.run(_take(Path(name) / "run.db", house, raws)))
        floors.append(_floor(raws))
        print(f"round {number + 1}: {ours[-1]:,.0f} a second, compat32 alone {floors[-1]:,.0f}")
    print(line("raw mail to routed conversation", median(ours), "mails/s", median(floors)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
