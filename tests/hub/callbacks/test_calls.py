"""The agent's side of a call: taken, dialled, answered or not, closed; the board and the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.callbacks import calls, service
from hub.callbacks.lists import board, history, waiting
from hub.callbacks.texts import OUTCOMES
from hub.i18n import translate
from hub.scope import Conflict, Denied, NotFound, Scope
from tests.hub.callbacks.desk import Centre, at, ordered


async def test_due_offered_taken_answered_done(centre: Centre) -> None:
    anna = await centre.agent("anna")
    call = await ordered(centre, "2026-11-16 10:00")
    await centre.run_until(at("2026-11-16 09:59"))
    assert (await centre.row(call)).state == "scheduled"
    await centre.run_until(at("2026-11-16 10:00"))
    row = await centre.row(call)
    assert (row.state, row.agent) == ("offered", anna.user)
    assert (await centre.matter(call)).status == "open"
    await centre.do(calls.dial, anna, call)
    assert (await centre.matter(call)).assignee == anna.user
    await centre.do(calls.answer, anna, call)
    await centre.do(calls.hang_up, anna, call)
    assert (await centre.row(call)).state == "wrap-up"
    await centre.do(calls.finish, anna, call, outcome="settled", topic="Zatrudnienie", note="Wysłać druk")
    row, matter = await centre.row(call), await centre.matter(call)
    assert (row.state, row.outcome, row.note, row.agent) == ("done", "settled", "Wysłać druk", None)
    assert (matter.status, matter.topic) == ("resolved", "Zatrudnienie")
    assert matter.outcome == translate("pl", OUTCOMES["settled"])
    assert await centre.attempts(call) == [(1, "2026-11-16 10:00", "answered")]
    await centre.run_until(at("2026-11-20 12:00"))
    assert (await centre.row(call)).state == "done"
    assert await centre.lines() == [
        "callback-ordered",
        "callback-offered",
        "callback-dialling",
        "callback-answered",
        "callback-done",
        "resolved",
    ]
    assert await centre.events() == 7


async def test_an_answer_that_is_still_owed_keeps_the_matter_open(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre)
    await small_centre.run_until(at("2026-11-16 09:05"))
    for action in (calls.take, calls.answer):
        await small_centre.do(action, anna, call)
    await small_centre.do(calls.finish, anna, call, outcome="follow-up", topic="Dotacja")
    matter = await small_centre.matter(call)
    assert (matter.status, matter.topic, matter.assignee) == ("open", "Dotacja", anna.user)


async def test_no_answer_in_one_click_then_retries_then_unreachable(centre: Centre) -> None:
    anna = await centre.agent("anna")
    call = await ordered(centre, "2026-11-16 10:00")
    for due, state in [
        ("2026-11-16 10:00", "retry-wait"),
        ("2026-11-16 12:00", "retry-wait"),
        ("2026-11-17 08:00", "unreachable"),
    ]:
        await centre.run_until(at(due))
        assert (await centre.row(call)).agent == anna.user
        await centre.do(calls.no_answer, anna, call)
        assert (await centre.row(call)).state == state
    assert [outcome for _, _, outcome in await centre.attempts(call)] == ["no-answer"] * 3
    await centre.run_until(at("2026-11-25 12:00"))
    assert (await centre.row(call)).state == "unreachable"
    told = await centre.mails()
    assert len(told) == 4
    assert "/call/" in told[1]
    assert "/call/" in told[2]
    assert "/call/" not in told[3]
    assert "/embed/callback/oddzwonimy" in told[3]
    matter = await centre.matter(call)
    assert (matter.status, matter.waiting_since, matter.assignee) == ("waiting-citizen", None, None)


async def test_a_wrong_number_ends_it_and_is_told_by_mail_only(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:00"))
    await small_centre.do(calls.dial, anna, call)
    await small_centre.do(calls.wrong_number, anna, call)
    row = await small_centre.row(call)
    assert (row.state, row.outcome, row.attempts) == ("rejected", "wrong-number", 1)
    await small_centre.notices()
    assert len(await small_centre.told()) == 2
    assert await small_centre.attempts(call) == [(1, "2026-11-16 10:00", "wrong-number")]


async def test_giving_back_is_no_attempt(small_centre: Centre) -> None:
    anna, ewa = await small_centre.agent("anna"), await small_centre.agent("ewa", queues=())
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:00"))
    await small_centre.do(calls.dial, anna, call)
    with pytest.raises(Denied):
        await small_centre.do(calls.release, ewa, call)
    boss = await small_centre.agent("boss", role="supervisor")
    await small_centre.do(calls.release, boss, call)
    row = await small_centre.row(call)
    assert (row.state, row.agent, row.attempts) == ("due", None, 0)
    assert (await small_centre.matter(call)).assignee is None


async def test_one_agent_has_one_call(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna", presence="away")
    first = await ordered(small_centre, "2026-11-16 10:00")
    second = await ordered(small_centre, "2026-11-16 10:00", number="600700801")
    await small_centre.run_until(at("2026-11-16 10:05"))
    await small_centre.do(calls.take, anna, first)
    with pytest.raises(Conflict):
        await small_centre.do(calls.take, anna, second)


async def test_a_stale_screen_changes_nothing(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:00"))
    seen = (await small_centre.row(call)).version
    await small_centre.do(calls.dial, anna, call, version=seen)
    with pytest.raises(Conflict):
        await small_centre.do(calls.no_answer, anna, call, version=seen)
    assert (await small_centre.row(call)).state == "dialling"


ACTIONS: tuple[Callable[..., Any], ...] = (
    *(
        calls.take,
        calls.dial,
        calls.answer,
        calls.hang_up,
        calls.release,
        calls.no_answer,
        calls.wrong_number,
    ),
    *(service.cancel, service.move, calls.finish),
)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: str(action.__name__))
async def test_another_office_cannot_touch_it(small_centre: Centre, action: Callable[..., Any]) -> None:
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:00"))
    stranger = await small_centre.agent("county", queues=("pup",), office="pup")
    more: dict[str, Any] = {"at": None} if action is service.move else {}
    more |= {"outcome": "settled"} if action is calls.finish else {}
    with pytest.raises(NotFound):
        await small_centre.do(action, stranger, call, **more)
    moderator = Scope(user=99, role="moderator", office="krajowa", front=True)
    with pytest.raises((Denied, NotFound)):
        await small_centre.do(action, moderator, call, **more)
    assert (await small_centre.row(call)).state == "due"


async def test_an_outcome_must_be_one_of_ours(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre)
    await small_centre.run_until(at("2026-11-16 09:01"))
    await small_centre.do(calls.dial, anna, call)
    await small_centre.do(calls.answer, anna, call)
    with pytest.raises(Conflict):
        await small_centre.do(calls.finish, anna, call, outcome="<script>")


async def test_the_board_shows_what_is_mine_due_and_coming(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    due = await ordered(small_centre, "2026-11-16 10:00")
    mine = await ordered(small_centre, "2026-11-16 09:30", number="600700801")
    coming = await ordered(small_centre, "2026-11-17 10:00", number="600700802")
    await small_centre.run_until(at("2026-11-16 09:30"))
    await small_centre.do(calls.dial, anna, mine)
    await small_centre.run_until(at("2026-11-16 10:01"))
    found = await small_centre.store.read(lambda tx: board(tx, small_centre.house, anna))
    assert found.mine is not None
    assert found.mine.id == mine
    assert [row.id for row in found.due] == [due]
    assert await small_centre.store.read(lambda tx: waiting(tx, anna)) == 2
    assert [row.id for row in found.coming] == [coming]
    stranger = await small_centre.agent("county", queues=("pup",), office="pup")
    empty = await small_centre.store.read(lambda tx: board(tx, small_centre.house, stranger))
    assert (empty.mine, empty.due, empty.coming) == (None, (), ())


async def test_the_history_names_who_called(small_centre: Centre) -> None:
    anna = await small_centre.agent("anna")
    call = await ordered(small_centre, "2026-11-16 10:00")
    await small_centre.run_until(at("2026-11-16 10:00"))
    await small_centre.do(calls.no_answer, anna, call)
    [line] = await small_centre.store.read(lambda tx: history(tx, anna, call))
    assert (line.number, line.name, line.outcome) == (1, "Anna", "no-answer")
