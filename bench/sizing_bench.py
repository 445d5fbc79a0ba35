"""Measured points for the model of what a load costs, and the page that shows what follows from them.

Run: ``python -m bench.sizing_bench`` (some three minutes). With ``--keep`` the points are kept in ``bench/sizing.json``
and the tables of ``docs/sizing.md`` written anew, with ``--page`` the tables only.

A point is a hub in a process of its own: one webhook inbox for each office, 1,000 rules, a store that is filled. Signed
messages of new senders come in, each gets an automatic acknowledgement that is posted to a peer in another process;
then an agent opens pages, and some stay open. Processor time is what the system counted for the hub, and for PostgreSQL
and all its children.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import random
import re
import sqlite3
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import msgspec
from aiohttp import web

from bench.console_bench import LISTS, log_in, make_agent
from bench.daemon import COMMAND, SECRET, running
from bench.office import fill, rule_text, some_text
from bench.report import percentile
from bench.sizing_model import Engine, Point, checks, fit
from bench.sizing_page import PAGE, render
from hub.moving.move import Order, move
from tests.servers.postgres import Postgres
from tests.servers.process import folder, free_port

FIGURES = Path(__file__).parent / "sizing.json"

PLAN: tuple[tuple[int, int, bool, str], ...] = (
    (1, 1_000, True, "fit"),
    (1, 1_000, False, "fit"),
    (1, 50_000, True, "fit"),
    (340, 150_000, True, "fit"),
    (100, 1_000, True, "check"),
)
"""Offices, stored conversations, whether each contact is acknowledged, what the point is for."""

ROUNDS = 3
"""Other programs on the machine make processor time longer, never shorter: the least of some rounds counts."""

CONTACTS = 120
"""Of a round."""

WARM = 60
WAITING = 32
OPEN = 100
REQUESTS = 40
"""Pages of a round."""

IDLE = 2.0

CONFIG = """
[hub]
data_dir = "{folder}/data"
rules_file = "rules.yaml"
log_level = "warning"
egress_allow = ["127.0.0.0/8"]
secret = "the secret of the sizing benchmark, 32 bytes"
[store]
url = "{url}"
[public]
port = {public}
trusted_proxies = ["127.0.0.1"]
[private]
port = {private}
[limits]
public_per_address = ""
"""

OFFICE = """
[[offices]]
id = "{office}"
name = "Urząd {n}"
[[inboxes]]
id = "system-{n}"
kind = "webhook"
name = "System {n}"
office = "{office}"
queue = "q{queue}"
[inboxes.settings]
secret = "{secret}"
url = "http://127.0.0.1:{peer}/"
per_address = ""
"""

QUEUE = '[[queues]]\nid = "q{n}"\nname_pl = "K{n}"\nname_en = "Q{n}"\noffice = "{office}"\n'

ANSWER = """rules:
  - id: ack
    name: Potwierdzenie
    when: {automatic: "no"}
    do: {answer: acknowledgement}
    then: continue
"""


def configure(path: Path, url: str, offices: int, answers: bool, ports: dict[str, int]) -> Path:
    """Write configuration and rules; returns the file."""
    ids = ["krajowa", *(f"pup-{n}" for n in range(1, offices))]
    parts = [CONFIG.format(folder=path, url=url, public=ports["public"], private=ports["private"])]
    parts += [QUEUE.format(n=n, office=ids[n] if n >= 20 else "krajowa") for n in range(max(20, offices))]
    for n, office in enumerate(ids):
        parts.append(
            OFFICE.format(
                office=office, n=n, queue=n if n >= 20 else n % 20, secret=SECRET, peer=ports["peer"]
            )
        )
    rules = rule_text(1000)
    if answers:
        rules = rules.replace("rules:\n", ANSWER, 1)
    (path / "rules.yaml").write_text(rules)
    file = path / "centrala.toml"
    file.write_text("\n".join(parts))
    return file


def messages(count: int, offices: int, prefix: str) -> Iterator[tuple[str, dict[str, str], bytes]]:
    """Path, headers and body of signed messages, each of a sender of its own."""
    draw = random.Random(prefix)
    for n in range(count):
        event = {
            "type": "message",
            "id": f"{prefix}-{n}",
            "sender": {"address": f"{prefix}-{n}", "name": "Jan Kowalski"},
            "subject": "Pytanie",
            "text": some_text(draw, 60),
        }
        body, timestamp = msgspec.json.encode(event), str(int(time.time()))
        signature = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Centrala-Timestamp": timestamp,
            "X-Centrala-Signature": f"sha256={signature}",
        }
        yield f"/in/system-{n % offices}", headers, body


def processor_ms(pid: int) -> float:
    """Processor time of a process and of its children that have ended, in milliseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * 1000 / os.sysconf("SC_CLK_TCK")


def family_ms(pid: int) -> float:
    """The same with the children that live."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = processor_ms(pid)
    for child in children:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
            found += processor_ms(int(child))
    return found


def memory_mb(pid: int) -> float:
    """Resident memory."""
    found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


class Store:
    """Where a point's data lies: the file, or the database and its server."""

    def __init__(self, file: Path, server: Postgres | None) -> None:
        self.file = file
        self.server = server
        self.url = f"sqlite:{file}"
        self._postmaster = 0
        if server is not None:
            self.url = server.fresh_database()
            files = file.parent / "blobs"
            asyncio.run(move(Order(database=file, files=files, url=self.url), lambda step: None))
            folder_of = server.psql("SHOW data_directory")
            self._postmaster = int((Path(folder_of) / "postmaster.pid").read_text().split()[0])

    def size(self) -> int:
        """Bytes on the disk."""
        if self.server is not None:
            self.server.psql("CHECKPOINT")
            return int(self.server.psql("SELECT pg_database_size(current_database())", self.url))
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
            pages, page = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
            )
        return int(pages * page)

    def processor(self) -> float:
        """Milliseconds of the server; 0 where the store is part of the hub."""
        return family_ms(self._postmaster) if self._postmaster else 0.0


async def send(public: int, what: Sequence[tuple[str, dict[str, str], bytes]]) -> None:
    """All of them, some at a time, each until it is acknowledged."""
    rest = iter(what)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{public}") as session:

        async def connection() -> None:
            for path, headers, body in rest:
                async with session.post(path, data=body, headers=headers) as answer:
                    if answer.status != 200:
                        raise SystemExit(f"refused: {answer.status} {(await answer.text())[:200]}")

        await asyncio.gather(*(connection() for _ in range(WAITING)))


def figures(private: int) -> dict[str, float]:
    """The hub's own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{private}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(centrala_\S+) (\S+)$", text, re.MULTILINE)}


async def settled(private: int) -> None:
    """Until everything is indexed, answered and sent."""
    for _ in range(300):
        found = await asyncio.to_thread(figures, private)
        unsent = sum(value for name, value in found.items() if name.startswith("centrala_deliveries"))
        if not (found["centrala_search_behind"] or found["centrala_effects_waiting"] or unsent):
            return
        await asyncio.sleep(0.5)
    raise SystemExit("the hub does not come to rest")


@contextmanager
def peer(port: int) -> Iterator[None]:
    """The other system: takes what is posted, in a process of its own."""
    command = [sys.executable, "-m", "bench.sizing_bench", "--peer", str(port)]
    with running(command, port):
        yield


def serve_peer(port: int) -> None:
    """That process."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", take)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


async def pages(hub: int, private: int) -> tuple[float, float]:
    """Processor milliseconds of a page, and kilobytes of one that stays open."""
    address = f"http://127.0.0.1:{private}"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, connector=aiohttp.TCPConnector(limit=0)) as session:
        await log_in(session, address)
        async with session.get(address + LISTS[1]) as page:
            rows = re.findall(r'href="(/conversations/\d+)', await page.text())
        wanted = [
            place for n in range(REQUESTS // 2) for place in (LISTS[n % len(LISTS)], rows[n % len(rows)])
        ]
        took = []
        for _ in range(ROUNDS):
            before = processor_ms(hub)
            for place in wanted:
                async with session.get(address + place) as page:
                    page.raise_for_status()
                    await page.read()
            took.append((processor_ms(hub) - before) / len(wanted))
        rest = memory_mb(hub)
        kept = await asyncio.gather(*(session.get(f"{address}/live") for _ in range(OPEN)))
        await asyncio.sleep(1)
        page_kb = (memory_mb(hub) - rest) * 1024 / OPEN
        for one in kept:
            one.close()
    return min(took), max(0.0, page_kb)


def measure(
    engine: Engine, offices: int, stored: int, answers: bool, role: str, server: Postgres | None
) -> Point:
    """One point."""
    ports = {name: free_port() for name in ("public", "private", "peer")}
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (path / "data").mkdir()
        file = path / "data" / "centrala.db"
        fill(file, stored, search=True)
        store = Store(file, server)
        settings = configure(path, store.url, offices, answers, ports)
        make_agent(settings)
        stack.enter_context(peer(ports["peer"]))
        with running([*COMMAND, "run", "-c", str(settings)], ports["public"]) as hub:
            found = asyncio.run(_load(hub, store, offices, ports))
    what = {"engine": engine, "offices": offices, "stored": stored, "answers": answers, "role": role}
    return msgspec.convert({**what, **found, "contacts": CONTACTS}, Point)


async def _load(hub: int, store: Store, offices: int, ports: dict[str, int]) -> dict[str, float]:
    await send(ports["public"], list(messages(WARM, offices, "w")))
    await settled(ports["private"])
    await asyncio.sleep(2)
    rss, quiet = memory_mb(hub), processor_ms(hub)
    await asyncio.sleep(IDLE)
    idle = (processor_ms(hub) - quiet) / IDLE
    size = store.size()
    rounds = [await _round(hub, store, offices, ports, f"m{number}") for number in range(ROUNDS)]
    kb = (store.size() - size) / 1024 / (ROUNDS * CONTACTS)
    page_ms, page_kb = await pages(hub, ports["private"])
    return {
        "hub_ms": min(hub_ms for hub_ms, _ in rounds),
        "server_ms": min(server_ms for _, server_ms in rounds),
        "kb": kb,
        "page_ms": page_ms,
        "idle_ms": idle,
        "rss_mb": rss,
        "page_kb": page_kb,
    }


async def _round(
    hub: int, store: Store, offices: int, ports: dict[str, int], prefix: str
) -> tuple[float, float]:
    """Processor milliseconds of hub and server for a contact."""
    wire = list(messages(CONTACTS, offices, prefix))
    before = processor_ms(hub), store.processor()
    await send(ports["public"], wire)
    await settled(ports["private"])
    return (processor_ms(hub) - before[0]) / CONTACTS, (store.processor() - before[1]) / CONTACTS


def points() -> list[Point]:
    """All of them; told as they come."""
    found = []
    with folder("sizing") as path:
        server = Postgres(path)
        server.start()
        try:
            for engine, beside in (("sqlite", None), ("postgresql", server)):
                for offices, stored, answers, role in PLAN:
                    point = measure(engine, offices, stored, answers, role, beside)  # type: ignore[arg-type]
                    print(point, flush=True)
                    found.append(point)
        finally:
            server.stop()
    return found


def read() -> list[Point]:
    """The points that were kept."""
    return msgspec.json.decode(FIGURES.read_bytes(), type=list[Point])


def keep(found: list[Point]) -> None:
    """For the page and its test; digits that mean nothing are left out."""
    kept = [
        {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in one.items()}
        for one in msgspec.to_builtins(found)
    ]
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


def tell(found: list[Point]) -> None:
    """How the model stands beside the points that it was not made from."""
    engines: tuple[Engine, ...] = ("sqlite", "postgresql")
    for engine in engines:
        beside = checks(fit(found, engine), found)
        for check in beside:
            print(f"{engine}, {check.what}: measured {check.measured:.3g}, modelled {check.modelled:.3g}")
        worst = percentile([abs(check.ratio - 1) for check in beside], 1.0)
        print(
            f"model of {engine}: {worst:.2f} off at most, wanted 0.3, ratio {0.3 / worst if worst else 1:.2f}"
        )


def main() -> None:
    """Measure and tell; keep and write the page only where that is asked for."""
    asked = sys.argv[1:]
    found = read() if "--page" in asked else points()
    tell(found)
    if "--keep" in asked:
        keep(found)
    if asked:
        PAGE.write_text(render(PAGE.read_text(), read()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        serve_peer(int(sys.argv[2]))
    else:
        main()
