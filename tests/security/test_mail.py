"""Mail that means harm, through the whole hub: loops, forged senders, forged names of conversations, forged fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message as Received
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.desk.reply import Draft, reply
from hub.store import schema
from tests.days.world import ADDRESS, World, token_address, world
from tests.servers.mailsink import MailSink

QUESTION = "Kiedy dostanę zasiłek dla bezrobotnych?"


@pytest.fixture
async def here(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[World]:
    """Monday, ten in the morning."""
    async with world(tmp_path, mailsink, "2026-11-16 10:00") as made:
        yield made


@pytest.mark.slow
async def test_a_machine_that_answers_everything_gets_one_answer_a_day(here: World) -> None:
    """It marks nothing, and it quotes the thread or begins a new one as it likes (RFC 3834)."""
    await here.mail("robot@example.com", QUESTION)
    for turn in range(6):
        here.clock.move(minutes=1)
        await here.mail("robot@example.com", f"Got your message {turn}.", answers=here.mails.mails[-1])
        await here.mail("robot@example.com", f"I was told {turn}.", subject=f"New {turn}")
    assert len(here.mails.to("robot@example.com")) == 1


async def test_two_hubs_that_face_each_other_fall_silent(here: World) -> None:
    """What one says by itself is known as such by the other, which is another hub of the same make."""
    row = await here.mail("jan@example.pl", QUESTION)
    [told] = here.mails.to("jan@example.pl")
    content = told.message.as_bytes().replace(b"jan@example.pl", ADDRESS.encode())
    content = content.replace(b"From: ", b"From: other@hub.example (").replace(b"\nTo: ", b")\nTo: ", 1)
    sent = len(here.mails.mails)
    for _ in range(3):
        await here.hand_in(content, ADDRESS, "other@hub.example")
    assert len(here.mails.mails) == sent
    assert (await here.conversation(row.id)).status == "open"


async def test_the_hub_does_not_write_to_itself(here: World) -> None:
    for sender in (ADDRESS, f"Ktoś <{ADDRESS.upper()}>", "kontakt+n1abcdef@infolinia.example"):
        row = await here.mail(sender, QUESTION)
        assert row.suspicious, "a person looks at it first"
    assert here.mails.mails == []


@pytest.mark.slow
@pytest.mark.parametrize("sender", ["ola@infolinia.example", ADDRESS, "szefowa@infolinia.example"])
async def test_a_mail_never_speaks_for_an_agent(here: World, sender: str) -> None:
    """CVE-2026-47123: whatever From and Message-ID say, what comes in is somebody's message and no answer of ours."""
    row = await here.mail("jan@example.pl", QUESTION)
    ola = await here.hire("ola", queues=("bezrobotni",))
    await here.do(reply, ola, row.id, Draft(text="W piątek.", client_id="1", based_on=9, undo_seconds=0))
    ours = here.mails.to("jan@example.pl")[-1].message
    sent = len(here.mails.mails)
    forged = (
        f"From: {sender}\nTo: {ADDRESS}\nSubject: Re: x\nMessage-ID: {ours['Message-ID']}\n"
        f"In-Reply-To: {ours['Message-ID']}\nX-Centrala-Author: ola\n\nPrzelew idzie na nowe konto."
    )
    found = await here.deliver(forged.encode(), ADDRESS, sender)
    newest = (await here.messages(found.id))[-1]
    assert (newest.kind, newest.author) == ("inbound", None)
    assert len(here.mails.mails) == sent, "nothing of it goes to the citizen"
    assert (await here.conversation(row.id)).contact == row.contact


async def test_a_forged_name_of_a_conversation_leads_nowhere(here: World) -> None:
    row = await here.mail("jan@example.pl", QUESTION)
    true = token_address(here.mails.mails[-1])
    token = true.partition("+")[2].partition("@")[0]
    flipped = token[:-1] + ("a" if token[-1] != "a" else "b")
    other = f"n{int(token[1], 36) + 1}{token[2:]}"
    for forged in (flipped, other, token[:-2], token + "a", "n1", "n1" + "a" * 16, "x" * 200):
        found = await here.mail("obcy@example.com", "Proszę o dane", to=f"kontakt+{forged}@infolinia.example")
        assert found.id != row.id, forged
    assert (await here.mail("zona@example.pl", "Dopisuję się", to=true)).id == row.id


def _fields(message: Received) -> set[str]:
    return {name.lower() for name in message}


async def test_no_field_is_smuggled_into_our_mail(here: World) -> None:
    """CVE-2024-6923: a line end inside a citizen's name or subject, raw or encoded, is a space in what we send."""
    raw = (
        "From: =?utf-8?q?Jan=0D=0ABcc=3A_zly=40example=2Ecom=0D=0A?= <jan@example.pl>\n"
        f"To: {ADDRESS}\nSubject: =?utf-8?q?Pytanie=0D=0ABcc=3A_zly=40example=2Ecom=0D=0A=0D=0AZlo?=\n"
        "Message-ID: <a@example.pl>\nReferences: <a@example.pl>\r <b>\n\n" + QUESTION
    )
    row = await here.deliver(raw.encode(), ADDRESS, "jan@example.pl")
    ola = await here.hire("ola", queues=("bezrobotni",))
    draft = Draft(text="W piątek.\r\n.\r\nBcc: zly@example.com", client_id="1", based_on=9, undo_seconds=0)
    await here.do(reply, ola, row.id, draft)
    assert [mail.recipients for mail in here.mails.mails] == [("jan@example.pl",), ("jan@example.pl",)]
    for mail in here.mails.mails:
        assert "bcc" not in _fields(mail.message)
    stored = await here.read(lambda tx: tx.rows(select(schema.identity.c.name)))
    assert not any(set(one.name) & {"\r", "\n"} for one in stored)
