"""A matter goes to a county office and comes back: by the console or by mail, in time or not, and never by a forger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.desk import actions
from hub.desk.beside import person
from hub.desk.lists import Asked, page
from hub.desk.reply import Draft, reply
from hub.desk.transfer import transfer
from hub.desk.undo_kinds import KINDS
from hub.desk.undoing import undo_last
from hub.desk.view import stream
from hub.quarantine import quarantined, release_to
from hub.scope import NotFound, Scope
from hub.store import schema
from tests.days.world import World, at, settings, shown, token_address, with_settings, words, world
from tests.servers.mailsink import MailSink, Received

MAREK = "Marek T. <marek.t@example.pl>"
OFFICE = "lomza@urzad-pracy.example"
OFFICE_SAYS = f"Powiatowy Urząd Pracy w Łomży <{OFFICE}>"
LETTER = "6 tygodni temu złożyłem w PUP Łomża wniosek o dotację i nic. Marek T., 18-400 Łomża."
ANSWER = "Pana wniosek rozpatrzymy do piątku. Decyzję wyślemy pocztą."
SERVER = "mx.infolinia.example"


@pytest.fixture
async def here(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[World]:
    """Monday, ten in the morning."""
    async with world(tmp_path, mailsink, "2026-11-16 10:00") as made:
        yield made


class Case:
    """Marek's matter after it was handed over, and who has to do with it."""

    def __init__(self, here: World, key: int, owner: Scope, chief: Scope) -> None:
        self.here = here
        self.key = key
        self.owner = owner
        self.chief = chief

    @property
    def asked(self) -> Received:
        """The letter that the office got last."""
        return self.here.mails.to(OFFICE)[-1]

    def citizen(self) -> list[Received]:
        """What Marek got."""
        return self.here.mails.to("marek.t@example.pl")

    async def office_writes(self, text: str = ANSWER, *, sender: str = OFFICE_SAYS, **more: Any) -> Any:
        """A mail to the conversation's address; the conversation in which it now stands."""
        to = more.pop("to", "") or token_address(self.asked)
        return await self.here.mail(
            sender, text, to=to, subject=f"Re: {self.asked.message['Subject']}", **more
        )

    async def row(self) -> Any:
        return await self.here.conversation(self.key)


async def handed_over(here: World, **more: Any) -> Case:
    """Marek writes; the owner takes it and hands it over, due on Thursday."""
    opened = await here.mail(MAREK, LETTER, subject="Wniosek o dotację")
    assert (opened.queue, opened.suggested_office) == ("bezrobotni", "pup-lomza")
    owner = await here.hire("ola", queues=("bezrobotni",))
    chief = await here.hire("ewa", role="supervisor")
    await here.do(actions.assign, owner, [opened.id], owner.user)
    due = at("2026-11-19 15:00")
    await here.do(transfer, owner, [opened.id], office="pup-lomza", due_at=due, **more)
    await here.go_to("2026-11-16 10:05")
    return Case(here, opened.id, owner, chief)


def draft(text: str, based_on: int, after: str = "open") -> Draft:
    return Draft(text=text, client_id=text, based_on=based_on, after=after, undo_seconds=0)  # type: ignore[arg-type]


@pytest.mark.slow
async def test_from_the_hand_over_to_the_resolve(here: World) -> None:
    case = await handed_over(here, note="Proszę o stan sprawy.")
    row = await case.row()
    assert (row.queue, row.office, row.status) == ("pup-lomza", "pup-lomza", "waiting-office")
    assert (row.owner, row.assignee, shown(row.due_at)) == (case.owner.user, None, "2026-11-19 15:00")
    _, told = case.citizen()
    assert "Powiatowy Urząd Pracy w Łomży" in words(told) and "19.11.2026" in words(told)
    assert all(part in words(case.asked) for part in (LETTER, "Proszę o stan sprawy.", "19.11.2026", OFFICE))
    assert "Proszę o stan sprawy." not in words(told), "a note is for colleagues"

    await here.go_to("2026-11-17 09:00")
    quote = f"\n\nW dniu 16.11.2026 o 10:05 Infolinia pisze:\n> {LETTER}\n"
    answered = await case.office_writes(quote=quote, file=("wezwanie.pdf", b"%PDF-1.4"))
    assert (answered.id, answered.status, answered.queue) == (case.key, "waiting-citizen", "pup-lomza")
    received = case.citizen()[-1]
    assert received.sender == "kontakt@infolinia.example"
    assert "urzad-pracy.example" not in str(received.message["From"])
    text = words(received)
    assert ANSWER in text and "Powiatowy Urząd Pracy w Łomży" in text
    assert "Proszę o stan sprawy." not in text, "the letter to the office is not quoted to the citizen"
    assert [part.get_filename() for part in received.message.iter_attachments()] == ["wezwanie.pdf"]
    assert str(received.message["In-Reply-To"]).startswith("<1."), "it answers Marek's own mail"

    await here.go_to("2026-11-17 12:00")
    asked_back = await here.mail(MAREK, "A czy mogę w tym czasie podjąć pracę?", answers=received)
    assert (asked_back.id, asked_back.queue, asked_back.status) == (case.key, "pup-lomza", "open")
    assert "A czy mogę w tym czasie podjąć pracę?" in words(case.asked)
    assert LETTER not in words(case.asked)
    await case.office_writes("Tak, ale proszę nas o tym powiadomić.")
    assert "Tak, ale proszę nas o tym powiadomić." in words(case.citizen()[-1])

    # Two working days after the answer the owner is asked to check; nobody was late.
    await here.go_to("2026-11-19 08:00")
    assert "owner-check" not in await here.notified(case.owner)
    await here.go_to("2026-11-20 08:00")
    assert await here.notified(case.owner) == ["owner-check"]
    sent = len(here.mails.mails)
    await here.hub.store.write(lambda tx: actions.resolve(tx, case.owner, [case.key], topic="Dotacje"))
    await here.go_to("2026-12-07 08:00")
    assert (await case.row()).status == "resolved"
    assert len(here.mails.mails) == sent, "nothing is sent at a resolve"
    assert "overdue" not in await here.notified(case.owner)


async def test_an_office_hears_of_a_message_that_is_only_a_file(here: World) -> None:
    """Else the person was told that it was asked, and it knows of nothing."""
    case = await handed_over(here)
    before = len(here.mails.to(OFFICE))
    await here.mail(MAREK, "", answers=case.citizen()[-1], file=("skan.pdf", b"%PDF-1.4"))
    assert len(here.mails.to(OFFICE)) == before + 1
    assert "(Wiadomość bez treści. To, co z nią przyszło, jest w konsoli.)" in words(case.asked)


async def test_the_question_back_reopens_it_at_the_office(here: World) -> None:
    case = await handed_over(here)
    await case.office_writes()
    await here.hub.store.write(lambda tx: actions.resolve(tx, case.owner, [case.key]))
    row = await here.mail(MAREK, "A co z odwołaniem?", answers=case.citizen()[-1])
    assert (row.id, row.status, row.queue, row.office) == (case.key, "open", "pup-lomza", "pup-lomza")
    assert row.owner == case.owner.user


async def test_the_office_sees_this_matter_only_and_answers_in_the_console(here: World) -> None:
    other = await here.mail("Iwona <iwona@example.pl>", "Kiedy dostanę zasiłek dla bezrobotnych?")
    again = await here.mail(MAREK, "Kiedy dostanę zasiłek? Proszę o odpowiedź.", subject="Zasiłek")
    case = await handed_over(here)
    lomza = await here.hire("lucja", office="pup-lomza", queues=("pup-lomza",))
    suwalki = await here.hire("stefan", office="pup-suwalki")
    listed = await here.read(lambda tx: page(tx, here.house, lomza, Asked(view="all")))
    assert [row.id for row in listed.rows] == [case.key]
    await here.read(lambda tx: stream(tx, lomza, case.key))
    for scope, key in ((lomza, other.id), (lomza, again.id), (suwalki, case.key)):
        with pytest.raises(NotFound):
            await here.read(lambda tx, scope=scope, key=key: stream(tx, scope, key))  # type: ignore[misc]
    # Of Marek's other matter nothing may be opened.
    history = (await here.read(lambda tx: person(tx, lomza, case.key))).history
    assert {found.id: bool(found.may_open) for found in history}[again.id] is False

    number = (await case.row()).messages
    await here.do(reply, lomza, case.key, draft(ANSWER, number))
    text = words(case.citizen()[-1])
    assert ANSWER in text and "Powiatowy Urząd Pracy w Łomży" in text
    await here.go_to("2026-11-19 16:00")
    assert await here.notified(case.owner) == ["owner-check"]


@pytest.mark.slow
@pytest.mark.parametrize("meanwhile", ["nothing", "the citizen asks again"])
async def test_silence_past_the_date_alerts_owner_and_supervisor(here: World, meanwhile: str) -> None:
    case = await handed_over(here)
    if meanwhile != "nothing":
        await here.go_to("2026-11-17 12:00")
        await here.mail(MAREK, "Czy coś już wiadomo?", answers=case.citizen()[-1])
    await here.go_to("2026-11-19 14:59")
    assert "overdue" not in await here.notified(case.owner)
    await here.go_to("2026-11-19 15:00")
    assert "overdue" in await here.notified(case.owner)
    assert "overdue" in await here.notified(case.chief)
    assert "office-silent" in await here.lines(case.key)
    late = await case.office_writes("Przepraszamy za zwłokę. " + ANSWER)
    assert late.id == case.key and ANSWER in words(case.citizen()[-1])


async def test_taken_back_in_time_nobody_hears_of_it(here: World) -> None:
    opened = await here.mail(MAREK, LETTER)
    owner = await here.hire("ola", queues=("bezrobotni",))
    done = await here.do(transfer, owner, [opened.id], office="pup-lomza")
    before = len(here.mails.mails)
    assert done.undo is not None
    await here.do(undo_last, owner, KINDS)
    await here.go_to("2026-11-16 10:30")
    assert len(here.mails.mails) == before
    assert here.mails.to(OFFICE) == []


# --- forgers -------------------------------------------------------------------------------------------------------


async def nothing_gained(case: Case, held: Any, why_not: str, before: int) -> None:
    """What came stands apart, in quarantine, answered by no machine; Marek got nothing of it."""
    assert held.id != case.key
    assert held.quarantined and why_not in held.suspicious
    assert len(case.citizen()) == before
    row = await case.row()
    assert (row.status, shown(row.due_at)) == ("waiting-office", "2026-11-19 15:00")
    rows = await case.here.messages(case.key)
    assert not any("konto" in message.text for message in rows)
    shown_there = await case.here.read(lambda tx: quarantined(tx, case.here.house, case.chief))
    assert held.id in [found.conversation for found in shown_there]
    assert "podejrzane" in held.tags
    [message] = await case.here.messages(held.id, "inbound")
    assert message.raw is not None


FORGED = "Prosimy wpłacić 200 zł na konto 12 3456."


@pytest.mark.slow
async def test_who_is_not_the_office(here: World) -> None:
    case = await handed_over(here, note="Między nami: to już trzecia skarga.")
    before = len(case.citizen())
    for sender in (
        "Powiatowy Urząd Pracy w Łomży <pup.lomza@poczta.example>",
        "POWIATOWY URZAD PRACY W LOMZY <x@poczta.example>",
        "Sekretariat PUP Łomża <sekretariat@urzad-pracy.example>",
        "Jan <jan.nowak@urzad-pracy.example>",
    ):
        held = await case.office_writes(FORGED, sender=sender)
        await nothing_gained(case, held, "registered address", before)
    assert here.mails.to("pup.lomza@poczta.example") == []
    # A person may let go on what was held, as a matter of its own.
    await here.do(release_to, case.chief, held.id, "informacja")
    row = await here.conversation(held.id)
    assert (row.queue, row.quarantined, row.status) == ("informacja", False, "open")

    held = await case.office_writes(FORGED, sender="PUP Suwałki <suwalki@urzad-pracy.example>")
    await nothing_gained(case, held, "not asked", before)
    # It knows the thread, but not the signed address.
    for to in ("kontakt@infolinia.example", token_address(case.asked).replace("@", "a@")):
        held = await here.mail(OFFICE_SAYS, FORGED, answers=case.asked, to=to)
        await nothing_gained(case, held, "not to the address", before)
    held = await case.office_writes("\n")
    await nothing_gained(case, held, "no words", before)
    # A program that quotes without any sign of it would pass our letter on, with its note.
    held = await case.office_writes(ANSWER, quote="\n" + words(case.asked))
    await nothing_gained(case, held, "could not be told", before)

    answered = await case.office_writes()
    assert answered.id == case.key and ANSWER in words(case.citizen()[-1])
    assert not any("trzecia skarga" in words(mail) for mail in case.citizen())


async def test_a_spoofed_sender_that_the_mail_server_saw_through(tmp_path: Path, mailsink: MailSink) -> None:
    async with world(
        tmp_path,
        mailsink,
        "2026-11-16 10:00",
        with_settings(settings(tmp_path, mailsink), "kontakt", authserv_id=SERVER),
    ) as here:
        case = await handed_over(here)
        before = len(case.citizen())
        for stamp in (
            [],
            [f"{SERVER}; spf=fail smtp.mailfrom={OFFICE}; dmarc=fail header.from=urzad-pracy.example"],
            [f"{SERVER}; spf=pass smtp.mailfrom=x@obcy.example; dkim=pass header.d=obcy.example"],
            ["mx.obcy.example; dmarc=pass header.from=urzad-pracy.example"],
        ):
            headers = [("Authentication-Results", value) for value in stamp]
            held = await case.office_writes(FORGED, headers=headers)
            await nothing_gained(case, held, "could not prove", before)
        good = f"{SERVER}; dkim=pass header.d=urzad-pracy.example; spf=pass smtp.mailfrom={OFFICE}"
        answered = await case.office_writes(headers=[("Authentication-Results", good)])
        assert answered.id == case.key
        assert ANSWER in words(case.citizen()[-1])


async def test_a_machine_at_the_office_is_not_passed_on(here: World) -> None:
    case = await handed_over(here)
    before = len(case.citizen())
    row = await case.office_writes(
        "Jestem na urlopie do 30.11.", headers=[("Auto-Submitted", "auto-replied")]
    )
    assert (row.id, row.status) == (case.key, "waiting-office")
    assert len(case.citizen()) == before
    assert (await here.messages(case.key))[-1].automatic == "auto-reply"
    await here.go_to("2026-11-19 15:00")
    assert "overdue" in await here.notified(case.owner)


async def test_an_office_writes_to_the_line_like_anybody(here: World) -> None:
    row = await here.mail(OFFICE_SAYS, "Prosimy o aktualizację danych kontaktowych urzędu.")
    assert not row.quarantined and not row.suspicious
    assert len(here.mails.to(OFFICE)) == 1, "acknowledged like anybody's"
    asked = schema.conversation_office
    rows = await here.read(lambda tx: tx.rows(select(asked.c.office).where(asked.c.conversation == row.id)))
    assert "pup-lomza" not in {found.office for found in rows}
