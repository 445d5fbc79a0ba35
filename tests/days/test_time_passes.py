"""Nobody answers: the rules that we ship raise a matter after four hours of opening and again after sixteen, over a
night and a restart; an answer ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from hub.desk.reply import Draft, reply
from hub.replay.stored import of_conversation
from hub.store import schema
from tests.days.world import World, settings, world
from tests.servers.mailsink import MailSink

JAN = "Jan Nowak <jan@example.pl>"


@pytest.fixture
async def here(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[World]:
    """Monday, two in the afternoon."""
    async with world(tmp_path, mailsink, "2026-11-16 14:00") as made:
        yield made


async def tags(here: World, key: int) -> list[str]:
    found: list[str] = msgspec.json.decode((await here.conversation(key)).tags)
    return found


async def test_four_hours_then_two_days_of_opening(here: World) -> None:
    chief = await here.hire("szefowa", "supervisor")
    row = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    (timer,) = await here.read(lambda tx: tx.rows(select(schema.timer).where(schema.timer.c.kind == "rules")))
    await here.go_to(timer.due_at - 1)
    assert "czeka" not in await tags(here, row.id)
    await here.go_to(timer.due_at)
    assert "czeka" in await tags(here, row.id)
    assert (await here.conversation(row.id)).priority == 1
    assert await here.notified(chief) == ["rule"]
    assert (await here.lines(row.id))[-2:] == ["priority", "tagged"]
    (stored, *_) = await here.read(lambda tx: of_conversation(tx, row.id))
    assert stored.facts.unanswered_open_minutes == 240
    await here.go_to("2026-11-20 18:00")
    assert "czeka za długo" in await tags(here, row.id)
    assert (await here.conversation(row.id)).priority == 2
    assert await here.notified(chief) == ["rule", "rule"]
    await here.go_to("2026-12-20 12:00")
    assert await here.notified(chief) == ["rule", "rule"]


async def test_an_answer_ends_it_and_a_further_question_begins_anew(here: World) -> None:
    ola = await here.hire("ola", queues=("bezrobotni",))
    row = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    await here.go_to("2026-11-16 14:30")
    draft = Draft(text="W piątek.", client_id="1", based_on=9)
    await here.do(reply, ola, row.id, draft)
    await here.go_to("2026-11-17 15:00")
    assert "czeka" not in await tags(here, row.id)
    answer = here.mails.to("jan@example.pl")[-1]
    again = await here.mail(JAN, "A o której godzinie?", answers=answer)
    assert again.id == row.id
    await here.go_to("2026-11-18 18:00")
    assert "czeka" in await tags(here, row.id)


async def test_what_came_true_while_the_hub_was_off_is_made_up_for(
    tmp_path: Path, mailsink: MailSink
) -> None:
    async with world(tmp_path, mailsink, "2026-11-16 14:00") as before:
        row = await before.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    async with world(tmp_path, mailsink, "2026-11-17 15:00", settings(tmp_path, mailsink)) as after:
        await after.work_off()
        assert "czeka" in await tags(after, row.id)
