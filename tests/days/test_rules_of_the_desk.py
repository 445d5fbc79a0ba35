"""Rules of the desk that only show when rules, notices, timers and people work together; see docs/desk.md."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.demo import citizens
from hub.desk import actions, merging, take
from hub.desk.beside import around
from hub.desk.reply import Draft, reply
from hub.desk.transfer import transfer
from hub.people.presence import set_presence
from hub.store import schema
from tests.days.world import World, at, shown, words, world
from tests.servers.mailsink import MailSink

JAN = "Jan Nowak <jan@example.pl>"


@pytest.fixture
async def here(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[World]:
    """Monday, ten in the morning."""
    async with world(tmp_path, mailsink, "2026-11-16 10:00") as made:
        yield made


async def by_form(here: World, email: str, text: str, phone: str = "") -> Any:
    fields = citizens.contact_form(here.draw, "Jan Nowak", email, phone, "Pytanie", text)
    receipt = await here.doors.post("formularz", "/embed/form/formularz", fields, "198.51.100.7")
    await here.work_off()
    return await here.conversation(receipt.conversation or 0)


async def comment(here: World, text: str, name: str, email: str = "") -> Any:
    article = {"article": "zasilek", "title": "Zasiłek", "section": "", "url": "https://praca.example/z"}
    fields = citizens.comment_form(here.draw, name, email, text, article, None)
    receipt = await here.doors.post("komentarze", "/embed/comments/komentarze", fields, "198.51.100.8")
    return await here.conversation(receipt.conversation or 0)


def draft(text: str, based_on: int, after: str = "open") -> Draft:
    return Draft(text=text, client_id=text, based_on=based_on, after=after, undo_seconds=0)  # type: ignore[arg-type]


async def test_a_name_or_a_number_inside_a_text_joins_nothing(here: World) -> None:
    first = await here.mail(JAN, "Kiedy dostanę zasiłek? Tel. 600 700 800, Jan Nowak.")
    text = f"Piszę w sprawie {first.reference}, Jan Nowak, tel. 600 700 800, jan@example.pl: kiedy zasiłek?"
    other = await here.mail("Jan Nowak <ktos.inny@example.pl>", text, subject=f"Sprawa {first.reference}")
    assert other.id != first.id
    assert other.contact != first.contact
    assert other.possible_duplicate is None


async def test_across_channels_a_join_is_one_click_and_never_by_itself(here: World) -> None:
    first = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    second = await by_form(here, "jan@example.pl", "Pisałem wczoraj, kiedy dostanę zasiłek dla bezrobotnych?")
    assert second.id != first.id and second.contact == first.contact
    assert second.possible_duplicate == first.id
    assert "możliwy duplikat" in msgspec.json.decode(second.tags)
    ola = await here.hire("ola", queues=("bezrobotni",))
    offered = await here.read(lambda tx: around(tx, ola, second.id))
    assert [row.id for row in offered.related] == [first.id]
    sent = len(here.mails.mails)
    await here.do(merging.merge_conversations, ola, first.id, second.id)
    assert (await here.conversation(second.id)).merged_into == first.id
    assert len(here.mails.mails) == sent, "a merge is nothing to the citizen"


async def test_anonymous_authors_are_never_merged_by_name(here: World) -> None:
    first = await comment(here, "Czy zasiłek przysługuje po roku pracy?", "Marek")
    second = await comment(here, "Dlaczego to tak długo trwa w moim urzędzie?", "Marek")
    assert first.id != second.id and first.contact != second.contact
    assert not first.listed and not second.listed, "no agent's queue without a rule or a moderator"


async def test_nothing_is_sent_at_an_internal_transfer_or_a_resolve(here: World) -> None:
    opened = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    acknowledged = len(here.mails.mails)
    assert acknowledged == 1
    ola = await here.hire("ola", queues=("bezrobotni",))
    await here.do(transfer, ola, [opened.id], queue="pracodawcy", note="Pomyłka")
    await here.hub.store.write(lambda tx: actions.resolve(tx, ola, [opened.id], topic="Zasiłki"))
    await here.go_to("2026-11-23 10:00")
    assert len(here.mails.mails) == acknowledged


async def test_the_acknowledgement_of_a_form_names_the_number_within_a_minute(here: World) -> None:
    row = await by_form(here, "jan@example.pl", "Kiedy dostanę zasiłek dla bezrobotnych?")
    [received] = here.mails.to("jan@example.pl")
    assert row.reference in words(received)
    assert "17.11.2026" in words(received) or "16.11.2026" in words(received), "the expected time"
    assert "nieczynny" not in words(received)
    [sent] = await here.messages(row.id, "outbound")
    assert sent.at - row.created_at < 60_000_000


LANGUAGES = (
    ("Kiedy otrzymam zasiłek dla bezrobotnych?", "pl", ["Dzień dobry"]),
    ("Добрый день, как мне получить разрешение на работу в Польше?", "ru", ["Здравствуйте"]),
    ("Добрий день, як мені отримати дозвіл на роботу в Польщі?", "uk", ["Добрий день"]),
    ("Good morning, how do I get a work permit in Poland for my wife?", "en", ["Good day"]),
    ("Guten Tag, wo kann ich mich in Polen arbeitslos melden?", "de", ["Dzień dobry", "Good day"]),
    # Too short to tell: the site's language.
    ("Як справи?", "pl", ["Dzień dobry"]),
)


async def test_the_language_of_the_last_message_else_polish_and_english_together(here: World) -> None:
    everything = ("Dzień dobry", "Good day", "Добрий день", "Здравствуйте")
    for number, (text, language, greetings) in enumerate(LANGUAGES):
        row = await here.mail(f"kto{number}@example.pl", text, subject="Praca")
        assert row.language == language
        [received] = here.mails.to(f"kto{number}@example.pl")
        assert [greeting for greeting in everything if greeting in words(received)] == greetings


async def test_after_hours_once_for_a_conversation(here: World) -> None:
    await here.go_to("2026-11-21 22:00")  # Saturday
    row = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    [received] = here.mails.to("jan@example.pl")
    assert "poniedziałek 23.11.2026 8:00" in words(received)
    assert "po godzinach" in msgspec.json.decode(row.tags)
    again = await here.mail(JAN, "Zapomniałem dodać: chodzi o grudzień.", answers=received)
    await here.go_to("2026-11-22 12:00")
    assert again.id == row.id
    assert len(here.mails.to("jan@example.pl")) == 1
    # The queue's clock begins when the office opens.
    assert shown((await here.conversation(row.id)).due_at) > "2026-11-23 08:00"


async def test_snooze_without_a_time_and_what_wakes_it(here: World) -> None:
    await here.go_to("2026-11-20 15:00")  # Friday
    row = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    ola = await here.hire("ola", queues=("bezrobotni",))
    await here.do(take.take_next, ola)
    due = (await here.conversation(row.id)).due_at
    await here.do(actions.snooze, ola, [row.id])
    asleep = await here.conversation(row.id)
    assert (asleep.status, shown(asleep.snoozed_until)) == ("snoozed", "2026-11-23 08:00")
    assert asleep.due_at == due, "sleeping stops no clock"
    await here.go_to("2026-11-23 07:59")
    assert (await here.conversation(row.id)).status == "snoozed"
    await here.go_to("2026-11-23 08:00")
    awake = await here.conversation(row.id)
    assert (awake.status, awake.woken, awake.assignee) == ("open", "time", ola.user)

    await here.do(actions.snooze, ola, [row.id])
    awake = await here.mail(JAN, "Czy coś już wiadomo w mojej sprawie?", answers=here.mails.mails[-1])
    assert (awake.status, awake.woken, awake.assignee) == ("open", "message", ola.user)

    here.mails.fail("550 5.1.1 unknown")
    sent = draft("Zasiłek wypłacimy w piątek.", awake.messages)
    await here.do(reply, ola, row.id, msgspec.structs.replace(sent, undo_seconds=30))
    await here.do(actions.snooze, ola, [row.id])
    assert (await here.conversation(row.id)).status == "snoozed"
    await here.go_to("2026-11-23 08:01")
    failed = await here.conversation(row.id)
    assert (failed.status, failed.woken, failed.assignee) == ("open", "failed-delivery", ola.user)
    assert failed.failed


async def test_an_agent_who_leaves_gives_back_what_was_not_touched(here: World) -> None:
    ola = await here.hire("ola", queues=("bezrobotni",))
    for number in range(3):
        await here.mail(f"k{number}@example.pl", "Kiedy dostanę zasiłek dla bezrobotnych?")
    keys = [key for _ in range(3) if (key := await here.do(take.take_next, ola)) is not None]
    untouched, waits, answered = keys
    await here.do(reply, ola, waits, draft("Proszę o numer.", 2, "waiting-citizen"))
    await here.do(reply, ola, answered, draft("Zasiłek wypłacimy w piątek.", 2))
    place = (await here.conversation(untouched)).waiting_since
    await here.do(set_presence, ola, "offline")
    await here.go_to("2026-11-16 10:14")
    assert (await here.conversation(untouched)).assignee == ola.user
    await here.go_to("2026-11-16 10:16")
    left = await here.conversation(untouched)
    assert (left.assignee, left.queue, left.waiting_since) == (None, "bezrobotni", place)
    for kept in (waits, answered):
        assert (await here.conversation(kept)).assignee == ola.user
    assert "agent-left" in await here.lines(untouched)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "Straciłem pracę i zasiłek, nie mam po co żyć. Chyba skończę ze sobą.",
        "Mąż mnie bije, nie mam dokąd pójść z dzieckiem, a nie mam pracy.",
    ],
)
async def test_words_of_distress_come_first_and_no_machine_answers(here: World, text: str) -> None:
    ewa = await here.hire("ewa", role="supervisor")
    ola = await here.hire("ola", queues=("bezrobotni", "informacja", "cudzoziemcy"))
    elsewhere = await here.hire("zofia", role="supervisor", office="pup-suwalki")
    for number in range(3):
        await here.mail(f"k{number}@example.pl", "Kiedy dostanę zasiłek dla bezrobotnych?")
        here.clock.move(minutes=1)
    row = await here.mail("a@example.pl", text)
    assert row.protocol in ("kryzys", "przemoc")
    assert (row.status, row.priority) == ("open", 3)
    assert here.mails.to("a@example.pl") == []
    assert await here.notified(ewa) == ["rule"]
    assert await here.notified(elsewhere) == []
    assert await here.do(take.take_next, ola) == row.id
    again = await here.mail("a@example.pl", "Proszę o pomoc, viagra casino http://a.example http://b.example")
    assert again.status != "resolved"


async def test_every_decision_says_why(here: World) -> None:
    row = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
    assert await here.count(schema.trace, schema.trace.c.conversation == row.id) == 1
    assert here.clock.now() == at("2026-11-16 10:00")
