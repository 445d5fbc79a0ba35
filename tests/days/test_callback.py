"""A call ordered before a holiday, by the shipped rules and hours: missed twice, moved, killed overnight, answered."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from connectors._widget import CLIENT
from connectors.contract import Request
from hub.callbacks import calls
from hub.callbacks.appointments import CallbackAppointments
from hub.demo import citizens
from hub.scope import Scope
from hub.store import schema
from tests.days.world import World, at, settings, shown, with_settings, words, world
from tests.servers.mailsink import MailSink

TOPIC = "Chcę zatrudnić pracownika z Indii"
ANNA = "anna.firma@example.pl"


async def call_of(here: World, key: int) -> Row[Any]:
    return await here.row(schema.callback, key)


async def missed(here: World, agent: Scope, key: int, when: str) -> str:
    """The call is offered at its time, dialled, and nobody answers; what the citizen is told."""
    await here.go_to(when)
    row = await call_of(here, key)
    assert (row.state, row.agent) == ("offered", agent.user)
    before = len(here.mails.to(ANNA))
    await here.do(calls.dial, agent, key)
    await here.do(calls.no_answer, agent, key)
    told = here.mails.to(ANNA)[before:]
    assert len(told) == 1
    return words(told[0])


async def move(here: World, letter: str, when: str) -> None:
    """Follow the link of a letter and choose another time."""
    [link] = re.findall(r"http://\S+/call/([a-z0-9]+)", letter)
    routes = here.hub.connectors()["oddzwonienie"].routes()
    route = next(r for r in routes if r.method == "POST" and r.path.endswith("/call/{token}"))
    fields = {"do": "move", "time": str(at(when) // 1_000_000), CLIENT: "a" * 32}
    answer = await route.handler(
        Request(
            method="POST",
            path=route.path.replace("{token}", link),
            params={"token": link},
            query={},
            headers={},
            cookies={},
            body=b"",
            remote="198.51.100.5",
            language="pl",
            fields=fields,
        )
    )
    assert answer.status == 303 and "news=moved" in str(answer.headers)
    await here.work_off()


async def test_from_the_order_to_the_third_attempt(tmp_path: Path, mailsink: MailSink) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with world(
        first,
        mailsink,
        "2026-11-10 17:40",
        with_settings(settings(first, mailsink), "oddzwonienie", topics=()),
    ) as here:
        agent = await here.hire("piotr", queues=("pracodawcy",))
        slots = CallbackAppointments(here.hub.store, here.hub.house, here.clock)
        free = await slots.slots("oddzwonienie", 10)
        assert shown(free[0])[:10] == "2026-11-12", "the 11th is a holiday"
        wish = at("2026-11-12 10:00")
        assert wish in free
        fields = citizens.callback_form(here.draw, "Anna", ANNA, "601 234 567", TOPIC, wish)
        receipt = await here.doors.post(
            "oddzwonienie", "/embed/callback/oddzwonienie", fields, "198.51.100.5"
        )
        key = receipt.message or 0
        await here.work_off()
        assert (await here.conversation(receipt.conversation or 0)).queue == "pracodawcy"
        [ordered] = mailsink.to(ANNA)
        assert "czwartek, 12 listopada" in words(ordered)
        assert "601234567" not in words(ordered).replace(" ", ""), "of the number only the end is told"

        await here.go_to("2026-11-12 09:59")
        assert (await call_of(here, key)).state == "scheduled"
        for when in ("2026-11-12 10:00", "2026-11-12 12:00"):
            letter = await missed(here, agent, key, when)
            assert "/call/" in letter
        await here.go_to("2026-11-12 20:15")
        await move(here, letter, "2026-11-13 09:00")
        assert "piątek, 13 listopada" in words(mailsink.to(ANNA)[-1])
        # Killed: what the next process finds is the files as they are at this moment.
        shutil.copytree(first, second)

    told = len(mailsink.mails)
    async with world(
        second,
        mailsink,
        "2026-11-13 07:30",
        with_settings(settings(second, mailsink), "oddzwonienie", topics=()),
    ) as here:
        await here.go_to("2026-11-13 08:59")
        assert (await call_of(here, key)).state == "scheduled"
        await here.go_to("2026-11-13 09:00")
        row = await call_of(here, key)
        assert (row.state, row.agent) == ("offered", agent.user)
        for deed in (calls.dial, calls.answer):
            await here.do(deed, agent, key)
        await here.do(calls.finish, agent, key, outcome="settled", topic="Zatrudnianie cudzoziemców")
        await here.go_to("2026-11-20 12:00")
        row = await call_of(here, key)
        matter = await here.conversation(row.conversation)
        assert (row.state, row.outcome, row.attempts) == ("done", "settled", 3)
        assert (matter.status, matter.topic) == ("resolved", "Zatrudnianie cudzoziemców")
        table = schema.callback_attempt
        wanted = select(table).where(table.c.callback == key).order_by(table.c.number)
        history = [
            (attempt.number, shown(attempt.at), attempt.outcome)
            for attempt in await here.read(lambda tx: tx.rows(wanted))
        ]
        assert history == [
            (1, "2026-11-12 10:00", "no-answer"),
            (2, "2026-11-12 12:00", "no-answer"),
            (3, "2026-11-13 09:00", "answered"),
        ]
        assert (await here.lines(row.conversation)).count("callback-offered") == 3
        assert len(mailsink.mails) == told + 1, "closed, and nothing twice after the restart"


SOON = (
    ("2026-11-10 18:30", "2026-11-12 08:00"),  # the evening before a holiday
    ("2026-11-12 11:00", "2026-11-12 11:00"),  # as soon as possible is now
    ("2026-11-21 23:10", "2026-11-23 08:00"),  # Saturday night
    ("2026-12-26 23:10", "2026-12-28 08:00"),  # the second day of Christmas, a Saturday
    ("2027-03-27 23:30", "2027-03-30 08:00"),  # the night of the clocks, then Easter Monday
)


async def test_as_soon_as_possible_is_when_the_office_opens(tmp_path: Path, mailsink: MailSink) -> None:
    async with world(tmp_path, mailsink, "2026-11-10 17:00") as here:
        for number, (ordered, due) in enumerate(SOON):
            here.clock.move((at(ordered) - here.clock.now()) / 1e6)
            phone = f"601 234 5{number}0"
            fields = citizens.callback_form(here.draw, "Anna", ANNA, phone, "Inna sprawa", None)
            receipt = await here.doors.post(
                "oddzwonienie", "/embed/callback/oddzwonienie", fields, f"198.51.100.{number}"
            )
            assert shown((await call_of(here, receipt.message or 0)).due_at) == due
