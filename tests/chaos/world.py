"""A hub in a process of its own with many inboxes, and the peers around it, each with a ledger of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from hub.building import make_store
from hub.clock import SystemClock
from hub.config import Config
from hub.configfile import load
from hub.directory import directory
from hub.people.tokens import make_token
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store.schema import user
from hub.store.store import Store
from hub.store.tx import Tx
from tests.chaos.agent import TOKEN
from tests.chaos.channels.base import Channel, Place, Server
from tests.chaos.channels.mail import Lmtp
from tests.chaos.channels.pages import Pages, Webhook
from tests.chaos.node import Node
from tests.chaos.nursery import ROOT, Nursery
from tests.servers.mailsink import MailSink
from tests.servers.process import folder, free_port

RULES = """
rules:
  - id: acknowledge
    name: Potwierdzenie
    when: {{automatic: "no"}}
    do: {{answer: acknowledgement}}
    then: continue
  - id: diary
    name: Dziennik
    when: {{inbox: [formularz]}}
    do: {{webhook: [dziennik]}}
    then: continue
  - id: editors
    name: Redakcja
    when: {{inbox: [{editors}]}}
    do: {{queue: redakcja}}
default: {{queue: bezrobotni}}
"""

CONFIG = """
[hub]
name = "Infolinia"
public_url = "http://127.0.0.1:{site}"
console_url = "http://127.0.0.1:{private}"
data_dir = "{data}"
rules_file = "{rules}"
secret = "a secret for tokens in the chaos tests 0123456789"
egress_allow = ["127.0.0.0/8"]
log_level = "info"
{hub}
[store]
url = "{store}"
{more}
[public]
port = {public}

[private]
port = {private}

[limits]
public_per_address = ""

[desk]
loud_from = "00:00"
loud_until = "23:59"

[outbox]
gap_seconds = 0.2
gap_seconds_most = 1.0
poll_seconds = 0.5
undo_seconds = 0.0
breaker_seconds = 1.0

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "bezrobotni"
name_pl = "Bezrobotni"
name_en = "Job seekers"
office = "krajowa"

[[queues]]
id = "redakcja"
name_pl = "Redakcja"
name_en = "Editors"
office = "krajowa"
"""

FIVE: tuple[type[Channel], ...] = (Lmtp, Pages, Webhook)
"""The channels that need no other server."""


NEVER = ("message quarantined", "a loop of the hub ended", "a delivery broke off")


class World:
    """The hub's folder, ports and processes. ``source`` is the tree it runs from (a faulty copy proves the harness)."""

    def __init__(self, path: Path, source: Path, channels: Sequence[type[Channel]]) -> None:
        self.path = path
        self.source = source
        self.sink = MailSink()
        self.public, self.private, self.lmtp = free_port(), free_port(), free_port()
        self.nursery = Nursery(source)
        place = Place(path=path, public=self.public, lmtp=self.lmtp, sink=self.sink)
        self.channels = [kind(place) for kind in channels]
        self._inboxes = "".join(channel.config() for channel in self.channels)
        editors = ", ".join(name for channel in self.channels for name in channel.unanswered)
        (path / "rules.yaml").write_text(RULES.format(editors=editors))
        self.nodes = self._make_nodes()

    def _make_nodes(self) -> list[Node]:
        """One, with SQLite."""
        store = f"sqlite:{self.path / 'data' / 'centrala.db'}"
        config = self._write("centrala.toml", "data", store, self.public, self.private)
        return [Node(self.nursery, config, self.public, self.private)]

    def _write(
        self, name: str, data: str, store: str, public: int, private: int, hub: str = "", more: str = ""
    ) -> Path:
        """A node's configuration. ``hub`` are further settings of that section, ``more`` further sections."""
        head = CONFIG.format(
            site=self.public,
            public=public,
            private=private,
            data=self.path / data,
            rules=self.path / "rules.yaml",
            store=store,
            hub=hub,
            more=more,
        )
        (self.path / name).write_text(head + self._inboxes)
        return self.path / name

    @contextlib.asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """What has to run in the test's own loop while the hub does."""
        yield

    def servers(self) -> Mapping[str, Server]:
        """What may be killed beside the hub and its peers' servers, by name."""
        return {}

    def base(self) -> str:
        """The private listener."""
        return f"http://127.0.0.1:{self.private}"

    @property
    def environment(self) -> Mapping[str, str]:
        """Of commands beside the hub."""
        return {**os.environ, "PYTHONPATH": str(self.source)}

    def command(self, *arguments: str) -> list[str]:
        """A command of ``centrala`` with this world's configuration."""
        return [sys.executable, "-m", "hub.cli", *arguments, "-c", str(self.nodes[0].config)]

    def run(self, *arguments: str, text: str = "") -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            env=dict(self.environment),
            cwd=self.source,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    async def prepare(self) -> None:
        """Make the store, and in it the agents."""
        config = load(self.nodes[0].config, environ={})
        (self.path / "data").mkdir(exist_ok=True)
        await staff(make_store(config, SystemClock()), config)

    def start(self) -> None:
        """Start the hub, every node of it, and wait until it takes messages. Raises Died when it ends before."""
        for node in self.nodes:
            node.kill()
            node.start()

    def kill(self) -> None:
        """SIGKILL to every node."""
        for node in self.nodes:
            node.kill()

    def stop(self) -> None:
        """End every node in good order."""
        for node in self.nodes:
            node.stop()

    def running(self) -> bool:
        """Whether every node is up."""
        return all(node.alive() for node in self.nodes)

    def log(self) -> str:
        """The ends of the logs."""
        return "\n".join(f"--- {node.name}\n{node.log()}" for node in self.nodes)

    def complaints(self) -> list[str]:
        """What the hub logged that must not happen, whatever dies around it; what is sent here is all sound."""
        counts = {text: sum(node.logged(text) for node in self.nodes) for text in NEVER}
        return [f"{count} times logged: {text}" for text, count in counts.items() if count]

    def passed(self) -> set[str]:
        """Named places that any hub of this world has passed."""
        return set().union(*(node.passed() for node in self.nodes))


async def staff(store: Store, config: Config) -> None:
    """Make the store's tables, the token of the agent who answers by the API, and a colleague who is on duty for
    chats; then close the store."""
    await store.open()
    house = directory(config)

    def make(tx: Tx) -> None:
        make_token(tx, SYSTEM, house, name="Agent", office="krajowa", grants=("read", "write"), token=TOKEN)
        ewa = add_user(tx, SYSTEM, "ewa", "Ewa", "agent", "krajowa", None, "pl")
        set_queues(tx, SYSTEM, house, ewa, ["bezrobotni"])
        tx.change(user, ewa, presence="available")

    await store.write(make)
    await store.close()


@contextlib.contextmanager
def a_world(source: Path = ROOT, channels: Sequence[type[Channel]] = FIVE) -> Iterator[World]:
    """A world with its mail sink running; neither the hub nor the channels' servers are started yet."""
    with folder("chaos") as path:
        world = World(path, source, channels)
        world.sink.start()
        try:
            yield world
        finally:
            world.kill()
            world.nursery.close()
            world.sink.stop()


def faulty_copy(target: Path, file: str, right: str, wrong: str) -> Path:
    """A copy of the source tree in which ``right`` is replaced by ``wrong`` in one file; the text must be there."""
    for package in ("hub", "connectors", "rules"):
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    path = target / file
    text = path.read_text()
    if right not in text:
        raise AssertionError(f"{file} does not contain what is to be broken: {right!r}")
    path.write_text(text.replace(right, wrong))
    return target
