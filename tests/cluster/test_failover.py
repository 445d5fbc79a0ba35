"""Hubs as processes on one PostgreSQL: who does what, and what becomes of it when one of them dies, hangs or is new."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession

from connectors import _signing as signing
from connectors.contract import Secret
from hub.clock import SystemClock
from hub.store.migrate import HEAD
from tests.cluster.bot import TOKEN, Bot
from tests.cluster.nodes import Node
from tests.servers.postgres import Postgres
from tests.servers.process import wait_until

SECRET = Secret("a-webhook-secret-of-32-characters")

INBOXES = """
[[inboxes]]
id = "aplikacja"
kind = "webhook"
name = "Aplikacja"
office = "krajowa"
queue = "informacja"
settings = {{ secret = "{secret}" }}

[[inboxes]]
id = "bot"
kind = "telegram"
name = "Bot"
office = "krajowa"
queue = "informacja"
settings = {{ token = "{token}", api_url = "{api}", poll_seconds = 20 }}
"""

WITHIN = 15.0
"""Seconds within which a dead process must be replaced."""

pytestmark = [pytest.mark.slow, pytest.mark.servers]


class Place:
    """A new database, a bot, and the processes on them."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.bot = Bot()
        self.url = server.fresh_database()
        self._server = server
        self._folder = folder
        self._nodes: list[Node] = []

    def node(self, name: str, *, lease: float = 3.0, roles: tuple[str, ...] = ()) -> Node:
        inboxes = INBOXES.format(secret=SECRET.reveal(), token=TOKEN, api=self.bot.url)
        self._nodes.append(Node(self._folder, self.url, name, inboxes, roles=roles, lease=lease))
        return self._nodes[-1]

    def sql(self, statement: str) -> str:
        return self._server.psql(statement, self.url)

    def texts(self) -> list[str]:
        """What citizens wrote, in the order of their messages."""
        return self.sql("SELECT text FROM message WHERE kind = 'inbound' ORDER BY number").split("\n")

    def end(self) -> None:
        for node in self._nodes:
            node.end()
        self.bot.stop()


@pytest.fixture
def place(postgres: Postgres, tmp_path: Path) -> Iterator[Place]:
    found = Place(postgres, tmp_path)
    yield found
    found.end()


def taken(bot: Bot, text: str) -> None:
    """The person writes, and it is committed: the next question confirms it."""
    number = bot.tell(text)
    wait_until(lambda: bot.confirmed(number), f"{text!r} was not taken", 30)


def test_one_that_ends_is_replaced_at_once_and_one_that_dies_in_time(place: Place) -> None:
    first, second = place.node("first", lease=10.0), place.node("second", lease=10.0)
    first.start()
    taken(place.bot, "pierwsza")
    second.start()
    first.send(signal.SIGTERM)
    assert first.wait(15) == 0
    ended = time.monotonic()
    taken(place.bot, "druga")
    assert time.monotonic() - ended < 6, "a lease that is not handed over lasts seven seconds at least"
    assert "first" not in place.sql("SELECT name FROM node")
    first.start()
    second.kill()
    died = time.monotonic()
    taken(place.bot, "trzecia")
    gap = time.monotonic() - died
    print(f"a process that died was replaced after {gap:.1f} s")
    assert gap <= WITHIN
    first.says("lease=search")
    assert place.texts() == ["pierwsza", "druga", "trzecia"]


def test_one_that_hangs_and_wakes_writes_nothing_with_its_old_lease(place: Place) -> None:
    """The bot's answer to the process that hangs lies in its socket: it reads it when it wakes, after another process
    has taken that message and the next one."""
    first, second = place.node("first"), place.node("second")
    first.start()
    taken(place.bot, "pierwsza")
    second.start()
    first.send(signal.SIGSTOP)
    taken(place.bot, "druga")
    taken(place.bot, "trzecia")
    before = place.sql("SELECT * FROM cursor")
    first.send(signal.SIGCONT)
    first.says("lease lost")
    time.sleep(2)
    assert place.texts() == ["pierwsza", "druga", "trzecia"]
    assert place.sql("SELECT * FROM cursor") == before, "the place on the wire went back"
    assert place.sql("SELECT holder FROM lease WHERE name = 'inbox:bot'").startswith("second/")
    assert "inbox stopped" not in first.lines()


ACKNOWLEDGE = """\
rules:
  - id: acknowledge
    name: Potwierdzenie
    when: {automatic: "no"}
    do: {answer: acknowledgement}
default: {queue: informacja}
"""


def test_what_a_dead_process_was_sending_is_settled_in_time(place: Place, tmp_path: Path) -> None:
    """It was taken by the bot's server, and nobody can say so: people are told, and what is behind it may go."""
    nodes = {name: place.node(name, lease=10.0) for name in ("first", "second")}
    (tmp_path / "rules.yaml").write_text(ACKNOWLEDGE)
    for node in nodes.values():
        node.start()
    place.bot.silent.set()
    taken(place.bot, "pierwsza")
    wait_until(lambda: place.sql("SELECT count(*) FROM attempt") == "1", "nothing was sent", 30)
    sender = place.sql("SELECT node FROM attempt").partition("/")[0]
    time.sleep(1)
    nodes[sender].kill()
    died = time.monotonic()
    wait_until(lambda: place.sql("SELECT outcome FROM attempt") == "ambiguous", "it stayed open", 60)
    gap = time.monotonic() - died
    print(f"what a dead process was sending was settled after {gap:.1f} s")
    assert gap <= WITHIN
    assert place.sql("SELECT state FROM delivery") == "possibly-sent"


def test_roles_are_kept_apart(place: Place) -> None:
    web, reader = (
        place.node("web", roles=("web",)),
        place.node("reader", roles=("connectors,timers", "outbox")),
    )
    web.start()
    reader.start()
    taken(place.bot, "pierwsza")
    assert reader.post("/in/aplikacja", b"", {}) == 0, "only the role web listens"
    assert asyncio.run(told(web, "a", count=1)) == [200]
    assert place.sql("SELECT name || ':' || holder FROM lease WHERE holder NOT LIKE 'reader/%'") == ""
    refused = web.command("run", "--role", "kitchen")
    assert refused.returncode == 2 and "there is no role 'kitchen'" in refused.stderr


async def told(node: Node, prefix: str, count: int) -> list[int]:
    """One person's messages to a process, all at once; the statuses that it answered."""

    async def tell(client: ClientSession, number: int) -> int:
        event = {
            "type": "message",
            "id": f"{prefix}-{number}",
            "sender": {"address": "u-1"},
            "text": "Dzień dobry",
        }
        body = msgspec.json.encode(event)
        headers = signing.headers(SECRET, SystemClock().now(), body)
        url = f"http://127.0.0.1:{node.public}/in/aplikacja"
        async with client.post(url, data=body, headers=headers) as answer:
            return answer.status

    async with ClientSession() as client:
        return await asyncio.gather(*(tell(client, number) for number in range(count)))


def test_a_hundred_first_messages_at_once_over_two_processes_make_one_conversation(place: Place) -> None:
    nodes = [place.node("first"), place.node("second")]
    for node in nodes:
        node.begin()
    for node in nodes:
        node.wait_ready()

    async def all_at_once() -> list[list[int]]:
        return await asyncio.gather(*(told(node, node.name, 50) for node in nodes))

    assert asyncio.run(all_at_once()) == [[200] * 50] * 2
    assert place.sql("SELECT count(*), max(messages) FROM conversation") == "1|100"
    numbers = place.sql("SELECT count(DISTINCT number) FROM message WHERE kind = 'inbound'")
    assert numbers == "100"
    assert place.sql("SELECT count(*) FROM contact") == place.sql("SELECT count(*) FROM identity") == "1"


NEWER = """
import hub
from hub.store import migrate
migrate.HEAD, hub.__version__ = "9998", "99.0"
from hub.cli import main
main()
"""
"""A program of a later version: its schema is newer, and serves ours."""


def test_two_versions_run_beside_each_other_on_one_schema(place: Place, tmp_path: Path) -> None:
    old, new = place.node("old"), place.node("new")
    old.start()
    taken(place.bot, "pierwsza")
    # What `centrala migrate` of the later version does: it adds, and says whom the schema still serves.
    place.sql(
        "BEGIN; ALTER TABLE message ADD COLUMN mood text NOT NULL DEFAULT 'calm'; "
        "CREATE TABLE novelty (id bigint PRIMARY KEY); "
        f"UPDATE alembic_version SET version_num = '9998'; COMMIT; SELECT '{HEAD}'"
    )
    program = tmp_path / "newer.py"
    program.write_text(NEWER)
    new.begin(program=(str(program),), environ={"PYTHONPATH": str(Path.cwd())})
    new.wait_ready()
    for node in (old, new):
        assert asyncio.run(told(node, node.name, 3)) == [200] * 3
    assert place.sql("SELECT name, version FROM node ORDER BY name").split("\n")[0] == "new|99.0"
    old.send(signal.SIGTERM)
    assert old.wait(15) == 0
    taken(place.bot, "druga")
    old.start()
    assert asyncio.run(told(old, "again", 1)) == [200]
    new.kill()
    taken(place.bot, "trzecia")


def test_who_cannot_run_beside_the_others_says_why(place: Place) -> None:
    first, second = place.node("first"), place.node("second")
    first.start()
    second.change('secret = "a-secret', 'secret = "b-secret')
    second.begin()
    assert second.wait(20) == 5
    assert "its signing secret is not that of first" in second.lines()
    second.change('node = "second"', 'node = "first"')
    second.change('secret = "b-secret', 'secret = "a-secret')
    second.begin()
    assert second.wait(20) == 5
    assert "another process runs under the name 'first'" in second.lines()
