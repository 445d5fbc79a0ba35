"""The console on a port of loopback with a store of its own, people who are logged in, and a believable morning."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page
from sqlalchemy import select

from hub.blobs import FileBlobs
from hub.clock import SystemClock
from hub.desk.canned import Text, save_text
from hub.desk.presence import Presence
from hub.house import House
from hub.logs import logger
from hub.messages import append
from hub.people import passwords
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.sqlite import SqliteStore
from hub.store.store import Store
from hub.store.tx import Tx
from hub.stream import Stream
from hub.web.console import build
from hub.web.desk import Desk
from rules import Match, Seen, Trace, encode_trace
from tests.hub.desk.conftest import PEOPLE, desk_house
from tests.hub.specimen import add_conversation, add_message, add_person

PASSWORD = "zielony tramwaj o świcie"
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Console:
    """A running console: where it is, its store, and the people who work there, by login."""

    def __init__(self, desk: Desk, url: str, people: dict[str, int]) -> None:
        self.desk = desk
        self.store: Store = desk.store
        self.url = url
        self.people = people

    async def seed(self, command: Callable[[Tx], int]) -> int:
        """Put something into the store."""
        return await self.store.write(command)

    async def row(self, conversation: int) -> Any:
        """A conversation as it is stored."""
        table = schema.conversation
        found = await self.store.read(lambda tx: tx.row(select(table).where(table.c.id == conversation)))
        assert found is not None
        return found

    async def rows(self, table: Any, **where: Any) -> Any:
        """Rows of a table, by id."""
        wanted = [table.c[name] == value for name, value in where.items()]
        return await self.store.read(lambda tx: tx.rows(select(table).where(*wanted).order_by(table.c.id)))

    async def until(self, ask: Callable[[], Awaitable[bool]], page: Page, seconds: float = 30) -> None:
        """Wait until the store says so."""
        for _ in range(int(seconds * 20)):
            if await ask():
                return
            await page.wait_for_timeout(50)
        raise AssertionError("it did not happen in time")

    async def enter(self, browser: Browser, login: str = "ola", **context: Any) -> Page:
        """A logged-in person's page, in a browser context of their own."""
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "pl-PL", **context}
        page = await (await browser.new_context(**options)).new_page()
        await page.goto(f"{self.url}/login")
        await page.fill('input[name="login"]', login)
        await page.fill('input[name="password"]', PASSWORD)
        await page.click('button:not([type="button"])')
        await page.wait_for_url(lambda url: "/login" not in url)
        return page


def _people(tx: Tx, password: str, language: str) -> dict[str, int]:
    return {
        login: add_person(
            tx,
            login,
            role=role,
            office=office,
            name=NAMES[login],
            password=password,
            language=language,
            skills=skills,
            queues=queues,
        )
        for login, (role, office, queues, skills) in PEOPLE.items()
    }


NAMES = {
    "ola": "Aleksandra Wrona",
    "jan": "Jan Zięba",
    "ewa": "Ewa Maj",
    "red": "Redakcja",
    "lom": "Łucja Kos",
    "suw": "Stanisław Lis",
}


@asynccontextmanager
async def console(
    folder: Path, *, language: str = "pl", house: House | None = None
) -> AsyncIterator[Console]:
    """Start the console on an empty store; people log in with ``PASSWORD``."""
    clock, home = SystemClock(), house or desk_house()
    store = SqliteStore(folder / "data" / "centrala.db", clock)
    await store.open()
    stream = Stream(store, buffer=256)
    await stream.open()
    store.on_events = stream.publish
    hashed = passwords.hash_password(PASSWORD)
    people = await store.write(lambda tx: _people(tx, hashed, language))

    async def reparse(raw: int) -> str:
        return ""

    desk = Desk(
        store=store,
        stream=stream,
        presence=Presence(),
        house=lambda: home,
        clock=clock,
        blobs=FileBlobs(store, folder / "data" / "blobs", home.random),
        log=logger("test"),
        entropy=secrets.token_bytes,
        health=dict,
        reparse=reparse,
        ready=lambda: True,
    )
    server = TestServer(build(desk))
    await server.start_server()
    try:
        yield Console(desk, str(server.make_url("")).rstrip("/"), people)
    finally:
        await server.close()
        await store.close()


def inbound(tx: Tx, conversation: int, text: str, **columns: Any) -> int:
    """A further message of the citizen, as intake leaves it behind."""
    row = tx.locked(schema.conversation, conversation)
    assert row is not None
    number, version = row.messages + 1, row.version + 1
    message = add_message(tx, conversation, number=number, text=text, identity=row.identity, **columns)
    tx.change(
        schema.conversation,
        conversation,
        messages=number,
        version=version,
        activity_at=tx.now,
        inbound_at=tx.now,
        preview=text[:100],
    )
    place = {"office": row.office, "queue": row.queue, "conversation": conversation}
    tx.emit("message", message=message, version=version, **place)
    return message


def morning(tx: Tx, people: dict[str, int]) -> dict[str, int]:
    """A dozen conversations in all the states that a screen has to show; returns them by name."""
    now = tx.now
    long = add_conversation(
        tx,
        subject="Zasiłek: kiedy decyzja?",
        text="Dzień dobry,\n\nzłożyłam wniosek o zasiłek 12 października i nadal nie mam decyzji. "
        "Kiedy mogę się jej spodziewać?\n\nAnna Nowak",
        name="Anna Nowak",
        email="anna.nowak@example.pl",
        assignee=people["ola"],
        due_at=now + 3 * HOUR,
        waiting_since=now - 2 * HOUR,
        tags='["pilne","zasiłek"]',
        priority=1,
    )
    append(
        tx,
        long,
        kind="note",
        text="Sprawdziłam: decyzja jest w podpisie. @jan czy możesz potwierdzić?",
        author=people["ola"],
    )
    sent = append(
        tx,
        long,
        kind="outbound",
        text="Dzień dobry,\n\ndecyzja jest przygotowywana.\n\n-- \nAleksandra Wrona",
        author=people["ola"],
        inbox="kontakt",
        subject="Re: Zasiłek",
        state="delivered",
    )
    tx.add(
        schema.delivery,
        {
            "message": sent.id,
            "conversation": long,
            "inbox": "kontakt",
            "operation": "send",
            "part": 0,
            "lane": "x",
            "destination": "x",
            "recipients": '[{"address":"anna.nowak@example.pl"}]',
            "state": "delivered",
            "due_at": now,
            "give_up_at": now,
            "attempts": 1,
            "created_at": now,
            "updated_at": now,
        },
    )
    inbound(
        tx,
        long,
        "Dziękuję! A czy dostanę też ubezpieczenie zdrowotne?",
        html="<p>Dziękuję! A czy dostanę też <b>ubezpieczenie</b>?</p><img src='https://x.example/p.gif'>",
    )
    trace = Trace(
        version="7",
        matched=(Match("employers", (Seen("words", "wniosek"),)),),
        winners={"queue": "employers"},
    )
    tx.add(
        schema.trace,
        {"conversation": long, "at": now, "version": 7, "facts": b"{}", "data": encode_trace(trace)},
    )
    made = {"long": long}
    made["overdue"] = add_conversation(
        tx,
        subject="Brak odpowiedzi od tygodnia",
        name="Marek Trzeciak",
        due_at=now - 5 * HOUR,
        waiting_since=now - DAY,
    )
    made["failed"] = add_conversation(
        tx, subject="Zaświadczenie", name="Piotr Lis", failed=True, assignee=people["ola"], waiting_since=None
    )
    bad = append(
        tx,
        made["failed"],
        kind="outbound",
        text="W załączeniu.",
        author=people["ola"],
        inbox="kontakt",
        state="failed",
    )
    tx.add(
        schema.delivery,
        {
            "message": bad.id,
            "conversation": made["failed"],
            "inbox": "kontakt",
            "operation": "send",
            "part": 0,
            "lane": "y",
            "destination": "y",
            "recipients": '[{"address":"piotr@example.pl"}]',
            "state": "failed",
            "due_at": now,
            "give_up_at": now,
            "attempts": 1,
            "reason": "The mailbox does not exist.",
            "created_at": now,
            "updated_at": now,
        },
    )
    made["woke"] = add_conversation(tx, subject="Staż od grudnia", name="Kamila Zając", woken="time")
    made["urgent"] = add_conversation(
        tx,
        subject="Nie mam za co żyć",
        name="Ktoś",
        priority=3,
        protocol="kryzys",
        text="Nie widzę już wyjścia.",
    )
    made["ukrainian"] = add_conversation(
        tx,
        subject="Дозвіл на роботу",
        name="Олена Коваль",
        language="uk",
        text="Добрий день, чи потрібен мені дозвіл на роботу, якщо я маю статус UKR?",
    )
    made["duplicate"] = add_conversation(
        tx,
        subject="Zasiłek - ponawiam",
        name="Anna Nowak",
        email="a.nowak@example.pl",
        possible_duplicate=long,
        contact=1,
        suspicious="The sender's address looks forged.",
    )
    row = tx.row(select(schema.conversation).where(schema.conversation.c.id == long))
    assert row is not None
    tx.change(schema.conversation, made["duplicate"], contact=row.contact)
    for n in range(14):
        add_conversation(
            tx,
            subject=f"Pytanie o dotację nr {n + 1}",
            name=f"Osoba {n + 1}",
            activity_at=now - n * HOUR,
            waiting_since=now - n * HOUR,
        )
    made["snoozed"] = add_conversation(
        tx, subject="Do poniedziałku", status="snoozed", snoozed_until=now + 2 * DAY
    )
    save_text(
        tx,
        msgspec.structs.replace(SYSTEM, office="krajowa"),
        Text(
            shortcut="decyzja",
            title="Kiedy decyzja",
            text="Dzień dobry {name},\n\nw sprawie {number} decyzja zapadnie w ciągu 7 dni.",
        ),
    )
    return made
