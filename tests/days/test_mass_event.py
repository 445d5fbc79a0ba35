"""On Monday morning the portal is down: in twenty minutes everybody writes the same, on every channel; none is lost."""

from __future__ import annotations

import asyncio
import collections
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.demo import citizens
from hub.moderation.bench import waiting_counts
from hub.store import schema
from tests.days.world import ADDRESS, World, settings, with_settings, words, world
from tests.servers.mailsink import MailSink

DOWN = "Nie mogę się zalogować na praca.gov.pl, błąd 503"
MORE = f"{DOWN}, a do kiedy mam się odmeldować?"
MINUTES = 20
ARTICLE = {
    "article": "awaria",
    "title": "Praca.gov.pl nie działa",
    "section": "aktualnosci",
    "url": "https://praca.example/awaria",
}

PART = {"email": 10, "form": 3, "callback": 2, "comments": 5}
"""How many of twenty write on which channel."""


def channel_of(number: int) -> str:
    place = number % 20
    for channel, part in PART.items():
        if place < part:
            return channel
        place -= part
    raise AssertionError(number)


async def write(here: World, number: int) -> None:
    """One citizen, on their channel."""
    channel, who = channel_of(number), f"obywatel{number}@example.pl"
    text = MORE if number % 20 == number // 60 else DOWN
    origin = f"198.51.{number // 250}.{number % 250 + 1}"
    if channel == "email":
        content = (
            f"From: Obywatel <{who}>\r\nTo: {ADDRESS}\r\nMessage-ID: <{number}@example.pl>\r\n"
            f"Subject: Logowanie\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        )
        await asyncio.to_thread(here.lmtp, content.encode(), ADDRESS, who)
    elif channel == "form":
        fields = citizens.contact_form(here.draw, "Obywatel", who, "", "Logowanie", text)
        await here.doors.post("formularz", "/embed/form/formularz", fields, origin)
    elif channel == "callback":
        phone = f"60{number:07d}"
        fields = citizens.callback_form(here.draw, "Obywatel", who, phone, text, None)
        await here.doors.post("oddzwonienie", "/embed/callback/oddzwonienie", fields, origin)
    else:
        fields = citizens.comment_form(here.draw, f"Obywatel {number}", "", text, ARTICLE, None)
        await here.doors.post("komentarze", "/embed/comments/komentarze", fields, origin)


async def by(here: World, *columns: Any) -> dict[Any, int]:
    """How many conversations there are by some columns."""
    wanted = select(*columns, func.count()).group_by(*columns)
    return {tuple(row)[:-1]: row[-1] for row in await here.read(lambda tx: tx.rows(wanted))}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("people", [60, pytest.param(1200, marks=pytest.mark.slow)])
async def test_none_is_lost_and_each_is_told_once(tmp_path: Path, mailsink: MailSink, people: int) -> None:
    numbers = collections.Counter(map(channel_of, range(people)))
    config = with_settings(settings(tmp_path, mailsink), "oddzwonienie", topics=())
    async with world(tmp_path, mailsink, "2026-11-16 08:00", config) as here:
        moderator = await here.hire("redakcja", role="moderator")
        start = here.clock.now()
        each = people // MINUTES
        for minute in range(MINUTES):
            # All of a minute at the same time; a batch takes what waits.
            await asyncio.gather(*(write(here, n) for n in range(minute * each, (minute + 1) * each)))
            await here.work_off()
            here.clock.move(minutes=1)

        c = schema.conversation.c
        told = numbers["email"] + numbers["form"] + numbers["callback"]
        assert await by(here, c.queue) == {("techniczne",): told, ("redakcja",): numbers["comments"]}
        assert await by(here, c.channel) == {(channel,): count for channel, count in numbers.items()}
        assert await by(here, c.contact) == dict.fromkeys(await by(here, c.contact), 1)
        assert len(await by(here, c.reference)) == people

        m = schema.message.c
        wanted = select(schema.message).where(m.kind == "inbound")
        inbound = await here.read(lambda tx: tx.rows(wanted))
        assert len(inbound) == len({row.id for row in inbound}) == people
        assert sum("odmeldować" in row.text for row in inbound) == people // 20
        assert await here.count(schema.trace) == people
        assert await here.count(schema.event, schema.event.c.kind == "message") >= people + told
        tagged = await by(here, c.queue, c.tags)
        assert tagged["techniczne", '["logowanie"]'] == told

        # On its own channel, once, and within a minute; a comment's author sees its state on the page.
        assert len(mailsink.mails) == told
        assert collections.Counter(mail.recipients for mail in mailsink.mails).most_common(1)[0][1] == 1
        late = await here.read(
            lambda tx: tx.scalar(
                select(func.count())
                .select_from(schema.message.join(schema.conversation, c.id == m.conversation))
                .where(m.kind == "outbound", m.at - c.created_at > 60_000_000)
            )
        )
        assert late == 0
        references = {row.reference for row in await here.read(lambda tx: tx.rows(select(c.reference)))}
        acknowledged = [mail for mail in mailsink.mails if "numer zgłoszenia" in str(mail.message["Subject"])]
        assert len(acknowledged) == numbers["email"] + numbers["form"]
        assert all(any(number in words(mail) for number in references) for mail in acknowledged[:20])

        waiting = await here.read(lambda tx: waiting_counts(tx, moderator))
        assert waiting[""] == numbers["comments"]
        assert here.clock.now() - start == MINUTES * 60_000_000
