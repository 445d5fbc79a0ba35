"""A Ukrainian writes after hours: one acknowledgement in her language, and a second mail that is no mere thanks."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.desk import actions, take
from hub.desk.reply import Draft, reply
from tests.days.world import World, shown, words, world
from tests.servers.mailsink import MailSink

OKSANA = "Оксана Коваль <oksana@example.ua>"
QUESTION = "Добрий день, чи потрібен мені дозвіл на роботу, якщо я маю статус UKR?"
TUESDAY = "2026-11-17 19:10"


def answer(text: str, based_on: int, after: str = "waiting-citizen") -> Draft:
    return Draft(text=text, client_id=text, based_on=based_on, after=after, undo_seconds=0)  # type: ignore[arg-type]


async def asked(here: World) -> tuple[int, str]:
    """Her mail and its acknowledgement, which is the only thing that she got."""
    opened = await here.mail(OKSANA, QUESTION, subject="Дозвіл на роботу")
    assert (opened.language, opened.queue, opened.status) == ("uk", "cudzoziemcy", "open")
    [received] = here.mails.to("oksana@example.ua")
    return opened.id, words(received)


async def test_one_acknowledgement_in_ukrainian_names_the_next_opening(
    tmp_path: Path, mailsink: MailSink
) -> None:
    async with world(tmp_path, mailsink, TUESDAY) as here:
        conversation, text = await asked(here)
        row = await here.conversation(conversation)
        assert "Добрий день" in text and row.reference in text
        assert "середа 18.11.2026 8:00" in text
        assert "Good day" not in text and "Dzień dobry" not in text
        [received] = mailsink.mails
        assert received.message["Auto-Submitted"] == "auto-replied"
        assert row.reference in str(received.message["Subject"])
        # Nothing further in the night: one notice for this conversation and closed period.
        await here.go_to("2026-11-18 07:59")
        assert len(mailsink.mails) == 1


@pytest.mark.slow
@pytest.mark.parametrize("first", ["still open", "answered", "resolved"])
async def test_her_second_mail_joins_and_is_no_mere_thanks(
    tmp_path: Path, mailsink: MailSink, first: str
) -> None:
    async with world(tmp_path, mailsink, TUESDAY) as here:
        conversation, _ = await asked(here)
        anna = await here.hire("anna", queues=("cudzoziemcy",), skills=("uk",))
        await here.go_to("2026-11-18 09:00")
        if first != "still open":
            await here.do(take.take_next, anna)
            after = "resolve" if first == "resolved" else "waiting-citizen"
            await here.do(reply, anna, conversation, answer("Ні, не потрібен.", 2, after))
        await here.go_to("2026-11-18 11:30")
        received = mailsink.to("oksana@example.ua")[-1]
        row = await here.mail(OKSANA, "Dziękuję, a meldunek?", answers=received)
        assert row.id == conversation
        assert (row.language, row.queue, row.status) == ("uk", "cudzoziemcy", "open")
        expected = "2026-11-17 19:10" if first == "still open" else "2026-11-18 11:30"
        assert shown(row.waiting_since) == expected
        await here.go_to("2026-11-18 18:00")
        sent = [mail for mail in mailsink.mails if mail.message["Auto-Submitted"]]
        assert len(sent) == 1, "the acknowledgement of Tuesday and no other"


async def test_mere_thanks_reopens_nothing(tmp_path: Path, mailsink: MailSink) -> None:
    async with world(tmp_path, mailsink, TUESDAY) as here:
        conversation, _ = await asked(here)
        anna = await here.hire("anna", queues=("cudzoziemcy",), skills=("uk",))
        await here.go_to("2026-11-18 09:00")
        await here.do(reply, anna, conversation, answer("Ні, не потрібен.", 2, "resolve"))
        row = await here.mail(OKSANA, "Дякую!", answers=mailsink.mails[-1])
        assert (row.id, row.status) == (conversation, "resolved")


async def test_who_speaks_it_is_preferred_and_after_half_an_hour_anyone(
    tmp_path: Path, mailsink: MailSink
) -> None:
    async with world(tmp_path, mailsink, TUESDAY) as here:
        conversation, _ = await asked(here)
        anna = await here.hire("anna", queues=("cudzoziemcy",))
        olena = await here.hire("olena", queues=("cudzoziemcy",), skills=("uk",))
        # The night does not count: on Wednesday at 8:29 less than 30 working minutes have passed.
        await here.go_to("2026-11-18 08:29")
        assert await here.do(take.take_next, anna) is None
        assert await here.do(take.take_next, olena) == conversation
        await here.do(actions.assign, olena, [conversation], None)
        await here.go_to("2026-11-18 08:31")
        assert await here.do(take.take_next, anna) == conversation
