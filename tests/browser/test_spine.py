"""The spine, end to end with real servers: a mail comes in, an agent answers in Chromium, the answer comes home.

The hub is a process of its own; mail comes by a real Dovecot (LMTP in, IMAP IDLE out) or by the hub's own LMTP
listener, and leaves by SMTP to a server that keeps a ledger. What happened is read from screens and ledgers.
"""

from __future__ import annotations

import asyncio
import smtplib
import time
import zlib
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

from tests.chaos.agent import Api
from tests.chaos.world import World, a_world
from tests.servers.dovecot import PASSWORD as MAILBOX_PASSWORD
from tests.servers.dovecot import Dovecot

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

PASSWORD = "zielony tramwaj o świcie"
SOON = 30.0
"""Seconds within which a mail must be in its queue, long before its mailbox would be looked at without being told."""

IMAP = """
[[inboxes]]
id = "skrzynka"
kind = "email"
name = "Skrzynka"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
address = "skrzynka@example.org"
smtp = {{ host = "127.0.0.1", port = {smtp}, security = "plain" }}
[[inboxes.settings.imap]]
host = "127.0.0.1"
port = {imap}
tls = false
user = "skrzynka"
password = "{password}"
"""


class Place:
    """A running world with a mailbox in Dovecot."""

    def __init__(self, world: World, dovecot: Dovecot, session: aiohttp.ClientSession) -> None:
        self.world = world
        self.dovecot = dovecot
        self.api = Api(world.base, session)

    async def subjects(self) -> list[str]:
        """Of all conversations, as an integration sees them."""
        return [row["subject"] for row in await self.api.conversations()]

    async def until_there(self, subject: str, seconds: float = 60.0) -> float:
        """Seconds until a conversation with this subject is in the list."""
        began = time.monotonic()
        while subject not in await self.subjects():
            assert time.monotonic() - began < seconds, f"{subject} did not come"
            await asyncio.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture
async def place(dovecot: Dovecot) -> AsyncIterator[Place]:
    dovecot.empty("skrzynka")
    with a_world() as world:
        more = IMAP.format(smtp=world.sink.port, imap=dovecot.imap_port, password=MAILBOX_PASSWORD)
        config = world.path / "centrala.toml"
        config.write_text(config.read_text() + more)
        await world.prepare()
        await asyncio.to_thread(world.start)
        arguments = ("--login", "ola", "--name", "Ola Konsultantka", "--role", "agent", "--office", "krajowa")
        await asyncio.to_thread(
            world.run, "user", "add", *arguments, "--language", "pl", "--password-stdin", text=PASSWORD
        )
        async with aiohttp.ClientSession() as session:
            yield Place(world, dovecot, session)


def a_mail(subject: str, to: str, *, answers: str = "", references: str = "", text: str = "") -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Jan Kowalski <jan@example.pl>", to, subject
    mail["Message-ID"] = f"<{zlib.crc32(f'{subject} {answers}'.encode())}@example.pl>"
    if answers:
        mail["In-Reply-To"], mail["References"] = answers, f"{references} {answers}".strip()
    mail.set_content(text or "Dzień dobry, kiedy dostanę zasiłek?\n")
    return mail.as_bytes()


async def entered(place: Place, browser: Browser) -> Page:
    page = await (await browser.new_context(locale="pl-PL")).new_page()
    await page.goto(f"http://127.0.0.1:{place.world.private}/login")
    await page.fill('input[name="login"]', "ola")
    await page.fill('input[name="password"]', PASSWORD)
    await page.click('button:not([type="button"])')
    await page.wait_for_url(lambda url: "/login" not in url)
    return page


async def answered_in_chromium(place: Place, browser: Browser, subject: str) -> EmailMessage:
    """The agent opens the conversation from the list, writes and sends; returns the mail that the citizen got."""
    page = await entered(place, browser)
    await page.goto(f"http://127.0.0.1:{place.world.private}/inbox?view=unassigned")
    await page.locator("[data-row]", has_text=subject).locator(".item__link").click()
    await page.wait_for_url("**/conversations/**")
    await page.keyboard.press("r")
    await page.keyboard.type("Zasiłek wypłacimy w piątek.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry--outbound").last).to_contain_text("Zasiłek wypłacimy w piątek.")
    mail = await until_received(place, lambda found: "piątek" in body_of(found))
    await expect(page.locator(".entry--outbound").last).to_contain_text("Przyjęte")
    return mail


async def until_received(place: Place, wanted: Callable[[EmailMessage], bool]) -> EmailMessage:
    for _ in range(1200):
        for received in place.world.sink.to("jan@example.pl"):
            if wanted(received.message):
                return received.message
        await asyncio.sleep(0.05)
    raise AssertionError("the answer never came")


def body_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""


async def comes_home(place: Place, deliver: Callable[[bytes], object], answer: EmailMessage, to: str) -> None:
    """The citizen answers the answer: it lands in the same conversation."""
    before = await place.subjects()
    reply = a_mail(
        "Re: coś zupełnie innego",
        to,
        answers=str(answer["Message-ID"]),
        references=str(answer["References"] or ""),
        text="Dziękuję, a o której godzinie?\n",
    )
    await asyncio.to_thread(deliver, reply)
    for _ in range(1200):
        rows = await place.api.conversations()
        messages = [m for row in rows for m in await place.api.messages(row["id"])]
        if any("o której godzinie" in m["text"] for m in messages):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the citizen's reply did not come")
    assert sorted(row["subject"] for row in rows) == sorted(before), "no new conversation"


async def test_by_dovecot_and_idle(place: Place, browser: Browser) -> None:
    def deliver(mail: bytes) -> None:
        place.dovecot.deliver("skrzynka", mail)

    await asyncio.to_thread(deliver, a_mail("Rozgrzewka", "skrzynka@example.org"))
    await place.until_there("Rozgrzewka")
    await asyncio.to_thread(deliver, a_mail("Kiedy wypłata", "skrzynka@example.org"))
    took = await place.until_there("Kiedy wypłata")
    assert took < SOON, f"{took:.2f} s until the mail was in its queue"
    answer = await answered_in_chromium(place, browser, "Kiedy wypłata")
    original = a_mail("Kiedy wypłata", "skrzynka@example.org").decode()
    identity = next(line for line in original.splitlines() if line.startswith("Message-ID")).split()[1]
    assert answer["In-Reply-To"] == identity
    assert identity in str(answer["References"])
    assert "skrzynka@example.org" in str(answer["From"])
    assert str(answer["Subject"]) == "Re: Kiedy wypłata"
    await comes_home(place, deliver, answer, "skrzynka@example.org")


async def test_by_the_hub_s_own_listener(place: Place, browser: Browser) -> None:
    def deliver(mail: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", place.world.lmtp, timeout=20) as client:
            client.sendmail("jan@example.pl", ["kontakt@example.org"], mail)

    await asyncio.to_thread(deliver, a_mail("Pytanie o staż", "kontakt@example.org"))
    took = await place.until_there("Pytanie o staż")
    assert took < SOON
    answer = await answered_in_chromium(place, browser, "Pytanie o staż")
    await comes_home(place, deliver, answer, "kontakt@example.org")


async def test_nothing_lost_and_nothing_twice_whatever_happens_to_the_server(place: Place) -> None:
    def deliver(number: int) -> None:
        place.dovecot.deliver("skrzynka", a_mail(f"Sprawa {number}", "skrzynka@example.org"))

    await asyncio.to_thread(deliver, 1)
    await place.until_there("Sprawa 1")
    await asyncio.to_thread(place.dovecot.kick, "skrzynka")
    await asyncio.to_thread(deliver, 2)
    await place.until_there("Sprawa 2")
    place.dovecot.kill()
    await asyncio.to_thread(place.dovecot.ensure_running)
    await asyncio.to_thread(deliver, 3)
    await place.until_there("Sprawa 3", 60)
    await asyncio.to_thread(place.dovecot.change_uidvalidity, "skrzynka")
    await asyncio.to_thread(deliver, 4)
    await place.until_there("Sprawa 4", 60)
    subjects = await place.subjects()
    assert sorted(subjects) == [f"Sprawa {number}" for number in range(1, 5)]
