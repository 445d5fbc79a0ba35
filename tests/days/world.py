"""The hub with the configuration, offices and rules that we ship, under a clock that moves when told.

Mail comes in over LMTP and goes out over SMTP to a server that keeps a ledger; forms are posted to the connectors' own
routes. Timers, effects and deliveries are carried out as they fall due on the way (:meth:`World.go_to`).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import itertools
import os
import random
import re
import smtplib
from collections.abc import AsyncIterator, Callable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row, Table, func, select

from connectors import registry
from connectors.contract import Micros
from connectors.email.connector import EmailConnector
from hub import logs
from hub.app import Hub
from hub.calendar import at_wall_clock, moment
from hub.cli_config import CHANNELS
from hub.config import Config
from hub.configfile import load
from hub.demo import citizens
from hub.desk.actions import scope_of
from hub.house import House
from hub.loops import TIMERS
from hub.outbox import effects
from hub.outbox.claim import next_due as next_delivery
from hub.outbox.handlers import INSIDE
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM, Scope
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.timers import next_due as next_timer
from hub.timers import run_due
from hub.web.desk import Desk
from tests.hub.conftest import FakeClock, empty_store
from tests.servers.mailsink import MailSink, Received
from tests.wordforms import keep_forms, known_rules, lend_forms

CONFIG = Path(__file__).parents[2] / "config" / "centrala.toml"
ZONE = "Europe/Warsaw"
ADDRESS = "kontakt@infolinia.example"

T = TypeVar("T")


def at(text: str) -> Micros:
    """A moment in Warsaw."""
    return moment(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)))


def shown(when: int | None) -> str:
    """A moment as the wall clock in Warsaw shows it."""
    return "" if when is None else at_wall_clock(ZONE, Micros(when)).strftime("%Y-%m-%d %H:%M")


def words(received: Received) -> str:
    """The text of a mail that somebody received."""
    body = received.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


class World:
    """What happens outside, what people do at the desk, and what there is to see afterwards."""

    def __init__(self, hub: Hub, clock: FakeClock, mails: MailSink) -> None:
        self.hub = hub
        self.clock = clock
        self.mails = mails
        self.doors = citizens.Doors(
            hub.connectors(), hub.intake.sink, registry.load("email"), hub.tokens, clock
        )
        self.draw = random.Random(1)
        self._outbox = hub.outbox()
        self._numbers = itertools.count(1)
        self._listener: asyncio.Task[None] | None = None

    @property
    def house(self) -> House:
        """The house as it is."""
        return self.hub.house()

    # --- time ------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Listen for mail and forms."""
        mailbox = self.hub.connectors()["kontakt"]
        assert isinstance(mailbox, EmailConnector)
        self._listener = asyncio.create_task(mailbox.run(self.hub.intake.sink("kontakt")))
        self._port = await _port_of(mailbox)
        await self.doors.open()

    async def close(self) -> None:
        """Stop listening."""
        await self.doors.close()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def go_to(self, when: Micros | str) -> None:
        """Let time pass; what falls due on the way happens when it falls due."""
        until = at(when) if isinstance(when, str) else when
        await self.work_off()
        while (due := await self.hub.store.read(_next_due)) is not None and due <= until:
            self._move(due)
            await self.work_off()
        self._move(until)
        await self.work_off()

    def _move(self, to: int) -> None:
        self.clock.move(max(0, to - self.clock.now()) / 1e6)

    async def work_off(self) -> None:
        """Carry out all that is due now, as the hub's loops do."""
        store, house, log = self.hub.store, self.house, self.hub.log
        while await store.write(lambda tx: run_due(tx, house, TIMERS, log)):
            pass
        while await store.write(lambda tx: effects.run_inside(tx, house, INSIDE, log)):
            pass
        await self._outbox.work_off()

    # --- outside ---------------------------------------------------------------------------------------------------

    async def mail(
        self,
        sender: str,
        text: str,
        *,
        subject: str = "Pytanie",
        answers: Received | None = None,
        to: str = "",
        quote: str = "",
        headers: Sequence[tuple[str, str]] = (),
        file: tuple[str, bytes] | None = None,
    ) -> Row[Any]:
        """Deliver a mail over LMTP and let its effects happen; the conversation in which it now stands."""
        letter = EmailMessage()
        name, address = parseaddr(sender)
        for field, value in headers:
            letter[field] = value
        letter["From"] = Address(name, addr_spec=address)
        letter["To"] = to or (_reply_to(answers) if answers else ADDRESS)
        letter["Date"] = at_wall_clock(ZONE, self.clock.now())
        letter["Message-ID"] = f"<{next(self._numbers)}.{len(text)}@{address.rpartition('@')[2]}>"
        letter["Subject"] = subject
        if answers is not None:
            letter.replace_header("Subject", f"Re: {answers.message['Subject']}")
            letter["In-Reply-To"] = str(answers.message["Message-ID"])
        letter.set_content(text + quote)
        if file is not None:
            letter.add_attachment(file[1], maintype="application", subtype="pdf", filename=file[0])
        return await self.deliver(letter.as_bytes(), str(letter["To"]), address)

    async def deliver(self, content: bytes, to: str, sender: str) -> Row[Any]:
        """Deliver these bytes over LMTP; the conversation in which they now stand."""
        await self.hand_in(content, to, sender)
        raw, message = schema.raw, schema.message
        newest = select(func.max(raw.c.id)).scalar_subquery()
        found = await self.read(
            lambda tx: tx.scalar(select(message.c.conversation).where(message.c.raw == newest))
        )
        assert found is not None
        return await self.conversation(found)

    async def hand_in(self, content: bytes, to: str, sender: str) -> None:
        """Deliver these bytes over LMTP and let their effects happen."""
        await asyncio.to_thread(self.lmtp, content, parseaddr(to)[1], sender)
        await self.work_off()

    def lmtp(self, content: bytes, to: str, sender: str) -> None:
        """Deliver these bytes, blocking."""
        with smtplib.LMTP("127.0.0.1", self._port, timeout=20) as client:
            assert client.sendmail(sender, [to], content) == {}

    # --- the desk --------------------------------------------------------------------------------------------------

    async def hire(
        self,
        login: str,
        role: str = "agent",
        office: str = "krajowa",
        queues: Sequence[str] = (),
        **more: Any,
    ) -> Scope:
        """A colleague at work."""

        def add(tx: Tx) -> Scope:
            person = add_user(
                tx, SYSTEM, login, login.title(), role, office, None, "pl", more.get("skills", ())
            )
            set_queues(tx, SYSTEM, self.house.directory, person, queues)
            tx.change(schema.user, person, presence="available")
            account = tx.locked(schema.user, person)
            assert account is not None
            found = scope_of(self.house.directory, account)
            return msgspec.structs.replace(
                found, queues=tuple(queues), name=account.name, skills=tuple(more.get("skills", ()))
            )

        return await self.hub.store.write(add)

    async def do(self, action: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """A service of the desk, as a person's click calls it, and what follows at once."""
        house = self.house
        done = await self.hub.store.write(lambda tx: action(tx, house, *arguments, **more))
        await self.work_off()
        return done

    def desk(self) -> Desk:
        """What the console and the API are built on."""
        hub = self.hub
        return Desk(
            store=hub.store,
            stream=hub.stream,
            presence=hub.presence,
            house=hub.house,
            clock=self.clock,
            blobs=hub.blobs,
            log=logs.logger("console"),
            entropy=os.urandom,
            health=hub.inboxes.health,
            reparse=_no_reparse,
            ready=lambda: True,
        )

    # --- what there is to see --------------------------------------------------------------------------------------

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Ask the store."""
        return await self.hub.store.read(query)

    async def row(self, table: Table, key: int) -> Row[Any]:
        """A row by its id."""
        found = await self.read(lambda tx: tx.row(select(table).where(table.c.id == key)))
        assert found is not None
        return found

    async def conversation(self, key: int) -> Row[Any]:
        """A conversation as it is now."""
        return await self.row(schema.conversation, key)

    async def messages(self, conversation: int, kind: str = "") -> Sequence[Row[Any]]:
        """The messages of a conversation, in order."""
        table = schema.message
        wanted = select(table).where(table.c.conversation == conversation).order_by(table.c.number)
        return await self.read(lambda tx: tx.rows(wanted.where(table.c.kind == kind) if kind else wanted))

    async def lines(self, conversation: int) -> list[str]:
        """What the system lines of a conversation say happened."""
        rows = await self.messages(conversation, "system")
        return [str(msgspec.json.decode(row.data)["what"]) for row in rows]

    async def notified(self, person: Scope) -> list[str]:
        """What a colleague was notified of, in order."""
        table = schema.notification
        wanted = select(table.c.kind).where(table.c.user == person.user).order_by(table.c.id)
        return [row.kind for row in await self.read(lambda tx: tx.rows(wanted))]

    async def count(self, table: Table, *conditions: Any) -> int:
        """How many rows there are."""
        wanted = select(func.count()).select_from(table).where(*conditions)
        return int(await self.read(lambda tx: tx.scalar(wanted)) or 0)


async def _port_of(mailbox: EmailConnector) -> int:
    """The listener's port, once it is open."""
    for _ in range(2000):
        if mailbox.port is not None:
            return mailbox.port
        await asyncio.sleep(0.005)
    raise TimeoutError("the listener did not open")


async def _no_reparse(raw: int) -> str:
    raise AssertionError(raw)


def _reply_to(received: Received) -> str:
    return str(received.message["Reply-To"] or received.message["From"])


def token_address(received: Received) -> str:
    """The conversation's own address, which a mail of ours carries in Reply-To."""
    found = parseaddr(_reply_to(received))[1]
    assert re.fullmatch(r"kontakt\+[a-z0-9]+@infolinia\.example", found), found
    return found


def _next_due(tx: Reader) -> int | None:
    """When something falls due next that is not due already."""
    found = (next_timer(tx), effects.next_due(tx, list(INSIDE)), next_delivery(tx))
    return min((due for due in found if due is not None and due > tx.now), default=None)


@functools.cache
def _shipped() -> Config:
    return load(CONFIG, environ={}, channels=CHANNELS)


def settings(folder: Path, mails: MailSink) -> Config:
    """The shipped configuration with a store of its own and the test's mail server."""
    shipped, data = _shipped(), folder / "data"
    ports = {"listen": 0, "smtp": mails.port}
    return msgspec.structs.replace(
        with_settings(
            shipped,
            "kontakt",
            **{
                name: {**shipped.inbox("kontakt").settings[name], "port": port}
                for name, port in ports.items()
            },
        ),
        hub=msgspec.structs.replace(shipped.hub, data_dir=str(data)),
        store=msgspec.structs.replace(shipped.store, url=f"sqlite:{data / 'centrala.db'}"),
    )


def with_settings(config: Config, inbox: str, **changes: Any) -> Config:
    """A configuration in which one inbox is set otherwise."""
    inboxes = tuple(
        msgspec.structs.replace(found, settings={**found.settings, **changes}) if found.id == inbox else found
        for found in config.inboxes
    )
    return msgspec.structs.replace(config, inboxes=inboxes)


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    mails: MailSink,
    start: str,
    config: Config | None = None,
    clock: type[FakeClock] = FakeClock,
) -> AsyncIterator[World]:
    """A hub at a moment of a day, by a clock of this kind."""
    found = config or settings(folder, mails)
    os.makedirs(found.hub.data_dir, exist_ok=True)
    lend_forms(Path(found.hub.data_dir))
    empty_store(Path(found.hub.data_dir) / "centrala.db")
    moved = clock(at(start))
    hub = Hub(lambda: found, moved, random.Random(7), logs.logger)
    with known_rules():
        await hub.prepare()
    keep_forms(Path(found.hub.data_dir))
    made = World(hub, moved, mails)
    try:
        await made.open()
        yield made
    finally:
        await made.close()
        await hub.stop()
