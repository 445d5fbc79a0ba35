"""Who is asked, when and how; and that an answer is no message."""

from __future__ import annotations

import functools
import re
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from connectors.contract import InboxId, Message, Party, Raw
from hub.desk import actions
from hub.directory import directory
from hub.privacy.erase import NOWHERE
from hub.scope import SYSTEM, Denied, Scope
from hub.store import schema
from hub.surveys.answering import answer
from hub.surveys.figures import figures, remarks, whole
from hub.surveys.record import buttons, named, pressed
from hub.timers import next_due
from hub.tokens import SignedTokens
from tests.hub.surveys.conftest import World, asking_house

LINK = re.compile(r"http://127\.0\.0\.1:8080/survey/([0-9a-z]+)")


# --- asking ----------------------------------------------------------------------------------------------------


async def test_a_mail_is_asked_by_a_link_an_hour_after_the_resolve(world: World) -> None:
    number = await world.settled()
    await world.passes(minutes=59)
    assert not await world.surveys()
    await world.passes(minutes=2)
    [survey] = await world.surveys()
    assert (survey.conversation, survey.queue, survey.agent) == (number, "bezrobotni", world.ola.user)
    inbox, text, choices = await world.question()
    assert (inbox, choices) == ("kontakt", [])
    assert not LINK.search(text)  # nobody in the console can answer for the person
    await world.send()
    found = LINK.search(world.left[-1])
    assert found is not None and named(world.house.tokens, found[1]) == survey.id
    row = await world.row(schema.conversation, number)
    assert (row.status, row.waiting_since) == ("resolved", None)
    assert "survey" in {event.kind for event in await world.store.read(_events)}


async def test_a_messenger_is_asked_by_five_buttons(world: World) -> None:
    await world.settled("bot")
    await world.passes(hours=1)
    inbox, text, choices = await world.question()
    assert inbox == "bot" and "od 1 (bardzo źle) do 5 (bardzo dobrze)" in text and "http" not in text
    assert [choice["label"] for choice in choices] == ["1", "2", "3", "4", "5"]
    assert all(len(choice["id"].encode()) <= 64 for choice in choices)  # what Telegram takes


async def test_a_text_message_is_short_and_names_the_page(world: World) -> None:
    await world.settled("sms", "+48600700800")
    await world.passes(hours=1)
    await world.send()
    assert (await world.question())[0] == "sms"
    assert LINK.search(world.left[-1]) and len(world.left[-1]) < 200


async def test_nobody_is_asked_at_night(world: World) -> None:
    world.clock.move(hours=9.5)  # 18:30 in Warsaw
    await world.settled()
    await world.settled("bot")
    world.house = asking_house(delay_minutes=120)
    await world.settled("sms", "+48600700800")
    await world.passes(hours=1)  # 19:31
    assert len(await world.surveys()) == 2
    await world.passes(hours=12)  # 07:31
    assert len(await world.surveys()) == 2
    await world.passes(minutes=30)
    assert len(await world.surveys()) == 3


async def test_a_question_that_falls_into_the_night_after_all_waits_for_the_morning(world: World) -> None:
    await world.settled()
    await world.passes(minutes=30)
    world.clock.move(hours=13)  # the hub stood still until 22:30
    await world.passes()
    assert not await world.surveys()
    await world.passes(hours=9)
    assert not await world.surveys()
    await world.passes(hours=1)
    assert len(await world.surveys()) == 1


async def test_everybody_is_asked_once_about_a_matter(world: World) -> None:
    number = await world.settled()
    await world.passes(hours=1)
    await world.says("A jeszcze jedno pytanie?", mentions=(await _reference(world, number),))
    await world.answers(number)
    await world.resolves(number)
    await world.passes(days=8)
    assert len(await world.surveys()) == 1


async def test_a_person_is_left_alone_for_a_week(world: World) -> None:
    await world.settled()
    await world.passes(hours=1)
    await world.settled()
    await world.passes(hours=3)
    assert len(await world.surveys()) == 1
    await world.passes(days=7)
    await world.settled()
    await world.passes(hours=1)
    assert len(await world.surveys()) == 2


async def test_whoever_opens_it_again_is_not_asked(world: World) -> None:
    number = await world.settled()
    await world.store.write(lambda tx: actions.reopen(tx, world.ola, [number]))
    assert await world.store.read(next_due) is None
    await world.passes(hours=2)
    assert not await world.surveys()
    await world.resolves(number)
    await world.says("A kiedy?", mentions=(await _reference(world, number),))
    await world.passes(hours=2)
    assert not await world.surveys()


@pytest.mark.parametrize(
    "columns",
    [
        {"protocol": "kryzys"},
        {"suspicious": "Podrobiony nadawca"},
        {"quarantined": True},
        {"channel": "comments"},
        {"status": "spam"},
        {"queue": "pracodawcy"},
        {"merged_into": 1},
    ],
)
async def test_these_are_never_asked(world: World, columns: dict[str, Any]) -> None:
    number = await world.settled()
    await world.store.write(lambda tx: tx.change(schema.conversation, number, **columns))
    await world.passes(hours=2)
    assert not await world.surveys()


@pytest.mark.parametrize("column", ["silent_since", "blocked_until"])
async def test_who_wants_no_messages_and_who_is_blocked_is_not_asked(world: World, column: str) -> None:
    await world.settled("bot")
    until = world.clock.now() + 10**12
    await world.store.write(lambda tx: tx.execute(update(schema.identity).values(**{column: until})))
    await world.passes(hours=2)
    assert not await world.surveys()


async def test_machines_are_not_asked(world: World) -> None:
    number = await world.settled()
    vacation = world.written("Jestem na urlopie", mentions=(await _reference(world, number),))
    await world.take(msgspec.structs.replace(vacation, automatic="auto-reply"))
    await world.passes(hours=2)
    assert not await world.surveys()


async def test_who_got_no_answer_is_not_asked_about_it(world: World) -> None:
    receipt = await world.says("Spam?")
    await world.resolves(receipt.conversation or 0)
    await world.passes(hours=2)
    assert not await world.surveys()


async def test_a_closed_window_is_respected(world: World) -> None:
    await world.settled("okno")
    await world.passes(hours=1)
    assert len(await world.surveys()) == 1
    world.house = asking_house(delay_minutes=1500)
    await world.settled("okno", "ben@example.pl")
    await world.passes(minutes=1500)
    assert len(await world.surveys()) == 1


async def test_an_inbox_may_ask_or_not_whatever_its_queue_says(world: World) -> None:
    inboxes = tuple(
        msgspec.structs.replace(inbox, survey={"kontakt": False, "bot": True}.get(inbox.id))
        for inbox in world.house.directory.config.inboxes
    )
    config = msgspec.structs.replace(world.house.directory.config, inboxes=inboxes)
    world.house = msgspec.structs.replace(world.house, directory=directory(config))
    await world.settled()
    await world.settled("bot")
    await world.settled("sms", "+48600700800")
    await world.passes(hours=1)
    assert [row.inbox for row in await world.surveys()] == ["bot", "sms"]


async def test_a_question_that_does_not_arrive_opens_nothing(world: World) -> None:
    number = await world.settled()
    await world.passes(hours=1)
    await world.send(fails=True)
    row = await world.row(schema.conversation, number)
    assert (row.status, row.failed) == ("resolved", False)


# --- answering -------------------------------------------------------------------------------------------------


async def _asked(world: World, inbox: str = "bot") -> tuple[int, list[str]]:
    number = await world.settled(inbox)
    await world.passes(hours=1)
    await world.send()
    _, _, choices = await world.question()
    return number, [choice["id"] for choice in choices]


async def test_a_pressed_button_opens_nothing_and_waits_for_nobody(world: World) -> None:
    number, choices = await _asked(world)
    before = await world.row(schema.conversation, number)
    receipt = await world.presses(choices[3], external_id="press-1")
    assert (receipt.conversation, receipt.message) == (number, None)
    row = await world.row(schema.conversation, number)
    assert (row.status, row.waiting_since, row.inbound_at) == ("resolved", None, before.inbound_at)
    assert len(await world.rows(schema.message, kind="inbound")) == 1
    [survey] = await world.surveys()
    assert (survey.score, survey.comment, survey.way) == (4, "", "button")
    assert await world.lines(number) == ["resolved", "survey-answered"]
    again = await world.presses(choices[3], external_id="press-1")
    assert again.duplicate and again.conversation == number


async def test_after_a_press_thanks_name_the_page_once(world: World) -> None:
    number, choices = await _asked(world)
    await world.presses(choices[3])
    await world.passes(minutes=1)
    last = (await world.rows(schema.message, conversation=number, kind="outbound"))[-1]
    assert "Dziękujemy: 4 na 5" in last.text and not LINK.search(last.text)
    await world.send()
    assert LINK.search(world.left[-1])
    await world.presses(choices[0])
    await world.passes(minutes=1)
    assert (await world.rows(schema.message, conversation=number, kind="outbound"))[-1].id == last.id
    [survey] = await world.surveys()
    assert survey.score == 1
    assert "survey-changed" in await world.lines(number)


async def test_a_button_of_somebody_elses_making_is_an_ordinary_message(world: World) -> None:
    number, _ = await _asked(world)
    other = buttons(SignedTokens(b"another secret of at least 32 bytes!"), (await world.surveys())[0].id)
    receipt = await world.presses(other[4].id)
    assert receipt.message is not None
    assert [row.score for row in await world.surveys()] == [None]
    assert (await world.row(schema.conversation, number)).status == "open"


async def test_a_lone_figure_written_back_is_an_answer(world: World) -> None:
    number, _ = await _asked(world, "sms")
    receipt = await world.says(" 5 ", "sms")
    assert (receipt.conversation, receipt.message) == (number, None)
    [survey] = await world.surveys()
    assert (survey.score, survey.way) == (5, "reply")
    later = await world.says("4", "sms")  # the question is answered: this is a message like any other
    assert later.message is not None


async def test_a_figure_is_a_message_where_nobody_asked_or_something_was_said_since(world: World) -> None:
    assert (await world.says("3", "bot", "ben@example.pl")).message is not None
    await _asked(world, "sms")
    await world.says("Dziękuję", "sms")
    assert (await world.says("3", "sms")).message is not None
    assert [row.score for row in await world.surveys()] == [None]


async def test_an_answer_can_be_changed_for_a_week(world: World) -> None:
    await _asked(world)
    [survey] = await world.surveys()
    tell = world.store.write
    assert await tell(lambda tx: answer(tx, world.house, survey.id, 2, "Długo to trwało", "page"))
    world.clock.move(days=6.9)
    assert await tell(lambda tx: answer(tx, world.house, survey.id, 3, None, "button"))
    world.clock.move(days=0.2)
    assert not await tell(lambda tx: answer(tx, world.house, survey.id, 5, None, "page"))
    [survey] = await world.surveys()
    assert (survey.score, survey.comment, survey.way) == (3, "Długo to trwało", "page")


async def test_a_question_is_open_for_a_month(world: World) -> None:
    _, choices = await _asked(world)
    world.clock.move(days=31)
    receipt = await world.presses(choices[0])
    assert receipt.message is None
    assert [row.score for row in await world.surveys()] == [None]


async def test_an_answer_about_a_merged_matter_shows_where_that_went(world: World) -> None:
    number, choices = await _asked(world)
    other = await world.settled(address="ben@example.pl")
    last = await world.settled(address="ewa@example.pl")
    for absorbed, survivor in ((number, other), (other, last)):
        await world.store.write(
            lambda tx, a=absorbed, s=survivor: tx.change(schema.conversation, a, merged_into=s)  # type: ignore[misc]
        )
    receipt = await world.presses(choices[1])
    assert receipt.conversation == last
    assert "survey-answered" in await world.lines(last)


async def test_an_answer_about_an_erased_matter_is_none(world: World) -> None:
    number, choices = await _asked(world)
    await world.store.write(lambda tx: tx.change(schema.conversation, number, merged_into=NOWHERE))
    receipt = await world.presses(choices[1])
    assert (receipt.quarantined, receipt.conversation) == (False, None)
    assert [row.score for row in await world.surveys()] == [None]


async def test_an_answer_between_messages_of_one_batch_keeps_their_order(world: World) -> None:
    number, choices = await _asked(world)
    sender = Party(kind="telegram", address="bot@example.pl", name="Anna")
    items = [
        Message(
            inbox=InboxId("bot"), external_id=f"b{n}", sender=sender, text=text, direct=True, choice=choice
        )
        for n, (text, choice) in enumerate([("Raz?", ""), ("2", choices[1]), ("Dwa?", "")])
    ]
    receipts = await world._intake.sink(InboxId("bot")).accept(Raw(content=b"x"), items)
    assert [receipt.message is None for receipt in receipts] == [False, True, False]
    assert {receipt.conversation for receipt in receipts} == {number}


def test_buttons_are_read_back_and_nothing_else_is() -> None:
    tokens = SignedTokens(b"specimen secret of at least 32 bytes")
    for score, choice in enumerate(buttons(tokens, 4711), 1):
        found = pressed(tokens, choice.id)
        assert found is not None and (found.survey, found.score) == (4711, score)
    good = buttons(tokens, 4711)[0].id
    for bad in (
        "",
        "survey.",
        "choice-1",
        good[:-1],
        good[:-1] + "6",
        good[:-1] + "0",
        good.replace("survey", "poll"),
    ):
        assert pressed(tokens, bad) is None


# --- figures ---------------------------------------------------------------------------------------------------


async def test_figures_by_queue_and_agent_of_a_period(world: World) -> None:
    start = world.clock.now()
    for n, score in enumerate([5, 4, 1, None]):
        await world.settled("bot", f"p{n}@example.pl")
        await world.passes(hours=1)
        survey = (await world.surveys())[-1]
        if score is not None:
            comment = "Szybko" if score == 5 else ""
            said = functools.partial(
                answer, house=world.house, number=survey.id, score=score, comment=comment, way="page"
            )
            await world.store.write(said)
    end = world.clock.now() + 1

    def query(tx: Any, scope: Scope = world.ola, since: int = start) -> Any:
        return figures(tx, scope, "queue", since, end), figures(tx, scope, "agent", since, end)

    by_queue, by_agent = await world.store.read(query)
    [line] = by_queue
    assert (line.of, line.asked, line.answered, line.scores) == ("bezrobotni", 4, 3, (1, 0, 0, 1, 1))
    assert (line.rate, line.average, line.content) == (0.75, 10 / 3, 2 / 3)
    assert [(one.name, one.asked) for one in by_agent] == [("Ola Testowa", 4)]
    assert whole(by_queue).asked == 4
    later, _ = await world.store.read(lambda tx: query(tx, since=end))
    assert whole(later).asked == 0 and whole(later).average is None
    [remark] = await world.store.read(lambda tx: remarks(tx, world.ola, start, end))
    assert (remark.score, remark.comment, remark.agent) == (5, "Szybko", "Ola Testowa")


async def test_a_county_counts_its_own_and_agents_count_nothing(world: World) -> None:
    await world.settled()
    await world.passes(hours=1)
    county = Scope(user=5, role="supervisor", office="pup-lomza")
    everything = (0, world.clock.now() + 1)
    assert await world.store.read(lambda tx: figures(tx, county, "queue", *everything)) == []
    assert len(await world.store.read(lambda tx: figures(tx, SYSTEM, "queue", *everything))) == 1
    agent = msgspec.structs.replace(world.ola, role="agent")
    with pytest.raises(Denied):
        await world.store.read(lambda tx: figures(tx, agent, "queue", *everything))


async def _reference(world: World, number: int) -> str:
    return str((await world.row(schema.conversation, number)).reference)


def _events(tx: Any) -> Any:
    return tx.rows(schema.event.select())
