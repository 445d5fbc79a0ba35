"""One channel is out for a day and a night: the others do not notice, and nothing of it is lost or sent twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from connectors.contract import Micros
from hub.desk.reply import Draft, reply
from hub.scope import Scope
from hub.store import schema
from tests.days.world import World, at, words, world
from tests.servers.mailsink import MailSink

pytestmark = pytest.mark.slow

PEOPLE = 12
MINUTE = 60_000_000
BACK_WITHIN = 60
"""Minutes until the last reply has left after the channel is back: as soon as one gets through, all others are due."""


async def answer(here: World, who: Scope, conversation: int, text: str) -> None:
    row = await here.conversation(conversation)
    await here.do(reply, who, conversation, Draft(text=text, client_id=text, based_on=row.messages))


async def pass_time(here: World, until: str) -> None:
    """In steps: what rests behind a breaker is due long before it is tried."""
    while here.clock.now() < at(until):
        await here.go_to(Micros(here.clock.now() + 15 * MINUTE))


async def attempts(here: World) -> list[int]:
    """Attempts of each delivery."""
    table = schema.attempt
    counted = select(func.count().label("n")).group_by(table.c.delivery)
    return [row.n for row in await here.read(lambda tx: tx.rows(counted.select_from(table)))]


async def test_a_mail_server_that_is_away_for_24_hours(tmp_path: Path, mailsink: MailSink) -> None:
    async with world(tmp_path, mailsink, "2026-11-16 08:30") as here:
        ola = await here.hire("ola", queues=("bezrobotni",))
        asked = [
            (await here.mail(f"O{n} <o{n}@example.pl>", "Kiedy dostanę zasiłek dla bezrobotnych?")).id
            for n in range(PEOPLE)
        ]
        await here.go_to("2026-11-16 09:00")
        before = len(here.mails.mails)
        mailsink.stop()
        for number, conversation in enumerate(asked):
            await answer(here, ola, conversation, f"odp-{number}-a")
            await answer(here, ola, conversation, f"odp-{number}-b")
        await pass_time(here, "2026-11-16 20:00")
        late = await here.mail("Nowa <nowa@example.pl>", "Czy mogę się zarejestrować przez internet?")
        assert late.queue is not None, "what comes in is taken and routed as ever"
        await pass_time(here, "2026-11-17 09:00")
        tried = await attempts(here)
        mailsink.start()
        minutes = 0
        while len(answers(here)) < 2 * PEOPLE:
            minutes += 5
            assert minutes <= BACK_WITHIN + 5, f"{len(answers(here))} of {2 * PEOPLE} left in time"
            await here.go_to(Micros(at("2026-11-17 09:00") + minutes * MINUTE))
        await here.go_to("2026-11-18 09:00")
        print(
            f"24 h without a mail server: {2 * PEOPLE} replies waited, at most {max(tried)} attempts of each; "
            f"the last left {minutes} min after it was back"
        )
        assert Counter(answers(here)) == Counter(
            f"odp-{n}-{letter}" for n in range(PEOPLE) for letter in "ab"
        )
        for number in range(PEOPLE):
            mine = [text for text in answers(here) if text.startswith(f"odp-{number}-")]
            assert mine == sorted(mine), "in the order in which they were written"
        assert len(here.mails.to("nowa@example.pl")) == 1, "its acknowledgement came late, and once"
        assert max(tried) < 60, "a server that is away is not hammered"
        assert len(here.mails.mails) > before


def answers(here: World) -> list[str]:
    """The replies that people got, in order."""
    found = []
    for mail in here.mails.mails:
        found += [word for word in words(mail).split() if word.startswith("odp-")]
    return found
