"""The callbacks screen as pages and forms: what an agent sees and presses, what others may not."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from sqlalchemy import insert, update

from hub.callbacks.texts import OUTCOMES
from hub.house import House
from hub.i18n import translate
from hub.store import schema
from hub.store.store import Store
from tests.hub.callbacks.desk import CONFIG, NUMBER, Centre, at, make_house, shown
from tests.hub.conftest import FakeClock
from tests.hub.web.conftest import Browser

Enter = Callable[[str], Awaitable[Browser]]


@pytest.fixture
def house() -> House:
    return make_house(CONFIG)


@pytest.fixture
async def centre(sqlite_store: Store, clock: FakeClock, house: House, people: dict[str, int]) -> Centre:
    """The people of the console work the queue of the callback form; nobody is available yet."""

    def work(tx: object) -> None:
        for login in ("agent", "supervisor"):
            values = {"user": people[login], "queue": "informacja"}
            tx.execute(insert(schema.user_queue).values(values))  # type: ignore[attr-defined]
        tx.execute(update(schema.user).values(presence="away"))  # type: ignore[attr-defined]

    await sqlite_store.write(work)
    return Centre(sqlite_store, clock, house)


async def offered(centre: Centre, agent: Browser) -> int:
    """A call that is offered to the agent."""
    receipt = await centre.order(when=at("2026-11-16 10:00"))
    await agent.post("/presence", {"presence": "available"})
    await centre.run_until(at("2026-11-16 10:00"))
    return receipt.message or 0


async def press(agent: Browser, call: int, deed: str, **more: str) -> tuple[int, str]:
    """Press a button as the page shows it."""
    _, page = await agent.get("/callbacks")
    form = re.search(rf'action="/callbacks/{call}/{deed}".*?name="version" value="(\d+)"', page, re.DOTALL)
    assert form, f"no button {deed}"
    return await agent.post(f"/callbacks/{call}/{deed}", {"version": form[1], **more})


async def test_without_calls_the_page_says_what_will_happen(enter: Enter, centre: Centre) -> None:
    status, page = await (await enter("agent")).get("/callbacks")
    assert status == 200
    assert 'data-call=""' in page
    assert "style=" not in page
    assert "<script>" not in page


async def test_a_call_by_its_buttons(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    call = await offered(centre, agent)
    _, page = await agent.get("/callbacks")
    assert f'href="tel:{NUMBER}"' in page
    assert "+48 600 700 800" in page
    assert "Chcę zatrudnić pracownika" in page
    assert (await press(agent, call, "dial"))[0] == 303
    assert (await centre.row(call)).state == "dialling"
    assert (await press(agent, call, "answer"))[0] == 303
    assert (await press(agent, call, "hang-up"))[0] == 303
    _, page = await agent.get("/callbacks")
    assert all(f'value="{outcome}"' in page for outcome in OUTCOMES)
    assert (await press(agent, call, "finish", outcome="settled", topic="Praca", note="ok"))[0] == 303
    row, matter = await centre.row(call), await centre.matter(call)
    assert (row.state, row.outcome, row.note) == ("done", "settled", "ok")
    assert (matter.status, matter.topic) == ("resolved", "Praca")


async def test_the_conversation_leads_to_its_call(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    call = await offered(centre, agent)
    _, page = await agent.get(f"/conversations/{(await centre.row(call)).conversation}")
    assert re.search(rf'href="/callbacks/{call}".*?Zaproponowane', page, re.DOTALL)


async def test_no_answer_is_one_click(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    call = await offered(centre, agent)
    status, place = await press(agent, call, "no-answer")
    assert (status, place) == (303, "/callbacks")
    row = await centre.row(call)
    assert (row.state, shown(row.due_at), row.attempts) == ("retry-wait", "2026-11-16 12:00", 1)
    _, page = await agent.get(f"/callbacks/{call}")
    assert translate("pl", "No answer") in html.unescape(page)


async def test_a_button_of_a_stale_page_changes_nothing(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    call = await offered(centre, agent)
    version = str((await centre.row(call)).version)
    await press(agent, call, "dial")
    assert (await agent.post(f"/callbacks/{call}/no-answer", {"version": version}))[0] == 409
    assert (await centre.row(call)).state == "dialling"


async def test_what_was_noted_of_a_call_outlives_a_refusal(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    call = await offered(centre, agent)
    await press(agent, call, "dial")
    await press(agent, call, "answer")
    stale = {"version": "1", "outcome": "follow-up", "topic": "Praca", "note": "Prosi o <list>."}
    status, page = await agent.post(f"/callbacks/{call}/finish", stale)
    assert status == 409 and 'role="alert"' in page
    assert "Prosi o &lt;list&gt;.</textarea>" in page and 'value="Praca"' in page
    assert re.search(r'value="follow-up" checked', page) and page.count(" checked") == 1
    assert (await press(agent, call, "finish", outcome="settled"))[0] == 303
    status, page = await agent.post(f"/callbacks/{call}/finish", stale)
    assert status == 409 and "<textarea" not in page and "Prosi o &lt;list&gt;." in page


async def test_taking_a_due_call_oneself(enter: Enter, centre: Centre, people: dict[str, int]) -> None:
    agent = await enter("agent")
    receipt = await centre.order(when=at("2026-11-16 10:00"))
    await centre.run_until(at("2026-11-16 10:10"))
    call = receipt.message or 0
    assert (await press(agent, call, "take"))[0] == 303
    row = await centre.row(call)
    assert (row.state, row.agent) == ("dialling", people["agent"])


async def test_moving_and_cancelling_on_the_page_of_a_call(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    receipt = await centre.order(when=at("2026-11-16 10:00"))
    call = receipt.message or 0
    _, page = await agent.get(f"/callbacks/{call}")
    time = at("2026-11-17 09:00") // 1_000_000
    assert f'<option value="{time}">wtorek, 17 listopada, 09:00</option>' in page
    version = (await centre.row(call)).version
    done = await agent.post(
        f"/callbacks/{call}/move", {"version": version, "time": time, "next": f"/callbacks/{call}"}
    )
    assert done == (303, f"/callbacks/{call}")
    assert shown((await centre.row(call)).due_at) == "2026-11-17 09:00"
    version = (await centre.row(call)).version
    assert (await agent.post(f"/callbacks/{call}/cancel", {"version": version}))[0] == 303
    assert (await centre.row(call)).state == "cancelled"


@pytest.mark.parametrize("time", ["-1", "0", "99999999999", "soon", "1e9"])
async def test_a_time_that_is_none_is_refused(enter: Enter, centre: Centre, time: str) -> None:
    agent = await enter("agent")
    call = (await centre.order(when=at("2026-11-16 10:00"))).message or 0
    version = (await centre.row(call)).version
    status, _ = await agent.post(f"/callbacks/{call}/move", {"version": version, "time": time})
    assert status in (400, 409)
    assert shown((await centre.row(call)).due_at) == "2026-11-16 10:00"


async def test_another_office_sees_and_does_nothing(enter: Enter, centre: Centre) -> None:
    call = (await centre.order(when=at("2026-11-16 10:00"))).message or 0
    await centre.run_until(at("2026-11-16 10:10"))
    stranger = await enter("lomza")
    status, page = await stranger.get("/callbacks")
    assert status == 200
    assert "600 700 800" not in page
    assert (await stranger.get(f"/callbacks/{call}"))[0] == 404
    for deed in ("take", "dial", "answer", "hang-up", "release", "no-answer", "wrong-number", "cancel"):
        assert (await stranger.post(f"/callbacks/{call}/{deed}", {"version": "3"}))[0] == 404
    fields = {"version": "3", "outcome": "settled"}
    assert (await stranger.post(f"/callbacks/{call}/finish", fields))[0] == 404
    assert (await stranger.post(f"/callbacks/{call}/move", {"version": "3", "time": ""}))[0] == 404
    assert (await centre.row(call)).state == "due"


async def test_a_colleague_cannot_take_an_offered_call_away_but_a_supervisor_can_give_it_back(
    enter: Enter, centre: Centre, people: dict[str, int]
) -> None:
    agent = await enter("agent")
    call = await offered(centre, agent)
    other = await enter("administrator")
    version = str((await centre.row(call)).version)
    moderator = await enter("moderator")
    assert (await moderator.post(f"/callbacks/{call}/dial", {"version": version}))[0] in (403, 404)
    _, page = await other.get(f"/callbacks/{call}")
    assert f'action="/callbacks/{call}/release"' in page
    assert (await other.post(f"/callbacks/{call}/release", {"version": version}))[0] == 303
    assert (await centre.row(call)).state == "due"


async def test_no_request_changes_anything_without_its_token(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    call = await offered(centre, agent)
    version = str((await centre.row(call)).version)
    agent.csrf = "forged"
    assert (await agent.post(f"/callbacks/{call}/dial", {"version": version}))[0] == 403
    assert (await agent.get(f"/callbacks/{call}/dial"))[0] in (404, 405)
    assert (await centre.row(call)).state == "offered"


async def test_what_a_citizen_typed_is_never_markup(enter: Enter, centre: Centre) -> None:
    nasty = '"><img src=x onerror=alert(1)>{{7*7}}'
    agent = await enter("agent")
    call = (await centre.order(when=at("2026-11-16 10:00"), topic=nasty)).message or 0
    for address in ("/callbacks", f"/callbacks/{call}"):
        _, page = await agent.get(address)
        assert "<img" not in page
        assert "{{7*7}}" in html.unescape(page)


async def test_the_badge_counts_what_wants_attention(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    await offered(centre, agent)
    await centre.order(number="600700801", when=at("2026-11-16 10:30"))
    await centre.run_until(at("2026-11-16 10:01"))
    _, body = await agent.get("/live/counts")
    assert msgspec.json.decode(body)["counts"]["/callbacks"] == 1


async def test_the_part_for_scripts_is_the_inside_of_the_page(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    await offered(centre, agent)
    _, part = await agent.get("/callbacks", headers={"HX-Request": "true"})
    assert "<html" not in part
    assert 'id="call-now"' in part and 'id="call-lists"' in part
    assert (await agent.get("/callbacks?queue=informacja"))[0] == 200
    assert (await agent.get("/callbacks?queue=nosuch"))[0] == 404


async def test_coming_back_after_a_break_brings_the_due_call_at_once(enter: Enter, centre: Centre) -> None:
    agent = await enter("agent")
    call = (await centre.order(when=at("2026-11-16 10:00"))).message or 0
    await centre.run_until(at("2026-11-16 11:00"))
    await agent.post("/presence", {"presence": "available"})
    await centre.run_until(at("2026-11-16 11:00"))
    assert (await centre.row(call)).state == "offered"
