"""Ordering a call: numbers, free times, the thank-you page, and the page of one call behind its signed link."""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import _phone
from connectors._forms import BAD_EMAIL, TRAPPED, Words
from connectors._widget import HONEYPOT
from connectors.callback import CHANNEL, reading, view
from connectors.callback.settings import Settings
from connectors.contract import Booking, CallbackChange, CallbackWish, Env, InboxId, Message, Micros
from hub.i18n import translate
from tests.connectors.requests import form_post, get
from tests.connectors.webapp import served
from tests.contract.fixtures import context
from tests.contract.world import FixedClock, Ledger, Log, Tokens, make_env

BASE = "/embed/callback/test-inbox"
TEN = Micros(1_794_474_000_000_000)  # Thursday, 12 November 2026, 10:00 in Warsaw
ELEVEN = Micros(TEN + 3_600_000_000)
FRIDAY = Micros(TEN + 23 * 3_600_000_000)
GOOD = {
    "client": "3f2a9f7e-1111-4a5e-9a59-1f0a8a7f0c22",
    "phone": "600 700 800",
    "time": str(TEN // 1_000_000),
    "topic": "Chcę zatrudnić pracownika z Indii",
    "name": "Jan Kowalski",
    "email": "Jan@example.pl",
    "consent": "yes",
}


class Bookings:
    """Free times, and the calls that the hub knows."""

    def __init__(self) -> None:
        self.free: tuple[Micros, ...] = (TEN, ELEVEN, FRIDAY)
        self.calls: dict[int, Booking] = {}
        self.asked_days = 0

    async def slots(self, inbox: InboxId, days: int) -> tuple[Micros, ...]:
        self.asked_days = days
        return self.free

    async def booking(self, callback: int) -> Booking | None:
        return self.calls.get(callback)

    def put(self, number: int, state: str = "scheduled", *, movable: bool = True, attempts: int = 0) -> None:
        self.calls[number] = Booking(
            id=number,
            state=state,
            at=TEN,
            number="••• ••• 800",
            topic="Praca <b>",
            attempts=attempts,
            movable=movable,
        )


class Running:
    def __init__(self, config: Settings, env: Env, bookings: Bookings) -> None:
        self.connector = CHANNEL.create(config, env)
        self.ledger = Ledger()
        self.bookings = bookings
        self.link = f"{BASE}/call/{Tokens().sign('callback', 7)}"

    async def send(self, fields: dict[str, str], *, language: str = "pl") -> Any:
        return await form_post(self.connector, BASE, fields, language=language)

    async def change(self, **fields: str) -> Any:
        return await form_post(self.connector, self.link, fields)

    @property
    def message(self) -> Message:
        [event] = self.ledger.events
        assert isinstance(event, Message)
        return event

    @property
    def changed(self) -> CallbackChange:
        [event] = self.ledger.events
        assert isinstance(event, CallbackChange)
        return event


@contextlib.asynccontextmanager
async def running(config: Settings | None = None) -> AsyncIterator[Running]:
    bookings = Bookings()
    env = make_env(appointments=bookings, clock=FixedClock())
    form = Running(config or Settings(), env, bookings)
    task = asyncio.create_task(form.connector.run(form.ledger))
    await asyncio.sleep(0)
    yield form
    task.cancel()
    await asyncio.wait({task})


def text_of(answer: Any) -> str:
    return html.unescape(answer.body.decode())


async def test_an_order_is_a_message_with_a_wish() -> None:
    async with running() as form:
        assert (await form.send(GOOD)).status == 303
        message = form.message
    assert message.callback is not None
    assert message.callback == CallbackWish(
        number="+48600700800", at=TEN, topic=GOOD["topic"], email="jan@example.pl"
    )
    assert (message.sender.kind, message.sender.address) == ("phone", "+48600700800")
    assert [(party.kind, party.address) for party in message.also] == [("email", "jan@example.pl")]
    assert message.text == GOOD["topic"]
    assert "consent" in {field.name for field in message.fields}


async def test_as_soon_as_possible() -> None:
    async with running() as form:
        assert (await form.send({**GOOD, "time": "soon", "email": ""})).status == 303
        assert form.message.callback is not None
        assert form.message.callback.at is None
        assert form.message.also == ()


async def test_the_form_offers_free_times_by_day_in_both_languages() -> None:
    async with running(Settings(days=5)) as form:
        polish = text_of(await get(form.connector, BASE))
        english = text_of(await get(form.connector, f"{BASE}?lang=en"))
        assert form.bookings.asked_days == 5
    assert '<optgroup label="czwartek, 12 listopada">' in polish
    assert f'<option value="{TEN // 1_000_000}">czwartek, 12 listopada, 10:00</option>' in polish
    assert '<optgroup label="piątek, 13 listopada">' in polish
    assert "Thursday, 12 November, 10:00" in english
    assert "As soon as possible" in english


async def test_the_summary_of_mistakes_reads_as_sentences() -> None:
    async with running() as form:
        page = text_of(await form.send({**GOOD, "time": "", "topic": ""}))
    assert "Kiedy mamy zadzwonić? Proszę wybrać termin." in page and "?:" not in page


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"phone": ""}, "phone", _phone.EMPTY),
        ({"phone": "112"}, "phone", _phone.SHORT),
        ({"phone": "19524"}, "phone", _phone.SHORT),
        ({"phone": "700 123 456"}, "phone", _phone.PREMIUM),
        ({"phone": "600 700 80"}, "phone", _phone.NO_SUCH),
        ({"phone": "+49 30 901820"}, "phone", _phone.ABROAD),
        ({"time": ""}, "time", reading.NO_TIME),
        ({"time": str(TEN // 1_000_000 + 60)}, "time", reading.TIME_GONE),
        ({"time": "tomorrow"}, "time", reading.TIME_GONE),
        ({"time": "9" * 40}, "time", reading.TIME_GONE),
        ({"time": "-1"}, "time", reading.TIME_GONE),
        ({"topic": " \n "}, "topic", reading.NO_TOPIC),
        ({"email": "nobody"}, "email", BAD_EMAIL),
        ({"consent": ""}, "consent", reading.NO_CONSENT),
    ],
)
async def test_a_mistake_is_told_beside_its_field(change: dict[str, str], field: str, reason: str) -> None:
    async with running() as form:
        answer = await form.send({**GOOD, **change})
        assert not form.ledger.events
    page = text_of(answer)
    assert answer.status == 422
    [error] = re.findall(rf'<p class="error" id="{field}-error">([^<]*)</p>', page)
    assert error == translate("pl", reason)
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', page)
    if field != "name":
        assert 'value="Jan Kowalski"' in page
    if field != "topic":
        assert f"{GOOD['topic']}</textarea>" in page
    if field != "time":
        assert f'<option value="{GOOD["time"]}" selected>' in page


async def test_topics_can_be_given_as_choices() -> None:
    config = Settings(topics=(Words(pl="Praca", en="Work"), Words(pl="Inne")), countries=())
    async with running(config) as form:
        assert '<option value="Praca">Work</option>' in text_of(await get(form.connector, f"{BASE}?lang=en"))
        assert (await form.send({**GOOD, "topic": "wymyślony"})).status == 422
        assert (await form.send({**GOOD, "topic": "Praca", "phone": "+380 50 123 4567"})).status == 303
        assert form.message.callback is not None
        assert form.message.callback.topic == "Praca"


async def test_the_thank_you_page_leads_to_the_call() -> None:
    async with running() as form:
        form.bookings.put(1)
        address = (await form.send(GOOD)).headers["Location"]
        for _ in range(2):
            page = text_of(await get(form.connector, address))
            assert "czwartek, 12 listopada, godz. 10:00" in page
            assert "3F7-K2M-9QX" in page
            assert f'href="{BASE}/call/{Tokens().sign("callback", 1)}' in page
        assert "600" not in address
        assert len(form.ledger.events) == 1


async def test_whoever_repeats_an_order_for_a_number_does_not_get_its_link() -> None:
    async with running() as form:
        form.bookings.put(99)  # the call of that number was ordered by another message
        address = (await form.send(GOOD)).headers["Location"]
        page = text_of(await get(form.connector, address))
    assert "/call/" not in page
    assert "Praca" not in page


async def test_a_double_click_is_one_order() -> None:
    async with running() as form:
        await form.send(GOOD)
        await form.send(GOOD)
        assert len(form.ledger.events) == 1


async def test_what_fills_in_the_hidden_field_is_kept_and_marked() -> None:
    async with running() as form:
        answer = await form.send({**GOOD, HONEYPOT: "x"})
        assert answer.status == 303
        assert form.message.suspicious == TRAPPED and form.message.callback is not None


async def test_a_call_is_not_changed_by_what_fills_in_the_hidden_field() -> None:
    async with running() as form:
        form.bookings.put(7)
        answer = await form.change(do="cancel", **{HONEYPOT: "x"})
        assert answer.status == 422 and "Proszę nacisnąć przycisk jeszcze raz." in text_of(answer)
        assert not form.ledger.events


async def test_a_full_hub_gives_the_form_back() -> None:
    async with running() as form:
        form.ledger.refuse(retry_after=9)
        answer = await form.send(GOOD)
        form.bookings.put(7)
        change = await form.change(do="cancel")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "9")
    assert "Jan Kowalski" in text_of(answer)
    assert (change.status, change.headers["Retry-After"]) == (503, "9")


# --- one call -----------------------------------------------------------------------------------------------------


async def test_fetching_the_page_of_a_call_changes_nothing() -> None:
    async with running() as form:
        form.bookings.put(7, attempts=2)
        for query in ("", "?do=cancel", "?do=move&time=soon", "?lang=en", "?news=cancelled"):
            page = await get(form.connector, form.link + query)
            assert page.status == 200
        text = page.body.decode()
        assert not form.ledger.events
        assert not form.ledger.told
    assert "••• ••• 800" in text
    assert "Praca &lt;b&gt;" in text
    assert "<dd>2</dd>" in text


async def test_moving_a_call() -> None:
    async with running() as form:
        form.bookings.put(7)
        answer = await form.change(do="move", time=str(FRIDAY // 1_000_000), client=GOOD["client"])
        assert answer.status == 303
        change = form.changed
        assert (change.target, change.action, change.at) == ("7", "move", FRIDAY)
        assert change.external_id
        page = text_of(await get(form.connector, answer.headers["Location"]))
        assert translate("pl", view.NEWS["moved"]) in page
        await form.change(do="move", time=str(FRIDAY // 1_000_000), client=GOOD["client"])
        assert len(form.ledger.events) == 1


async def test_cancelling_a_call() -> None:
    async with running() as form:
        form.bookings.put(7)
        form.bookings.put(8, "cancelled", movable=False)
        answer = await form.change(do="cancel")
        assert (form.changed.action, form.changed.at) == ("cancel", None)
    assert "news=late" in answer.headers["Location"]  # these bookings never change, so it says what it found


async def test_a_second_press_of_the_button_says_that_the_call_is_cancelled() -> None:
    async with running() as form:
        form.bookings.put(7, "cancelled", movable=False)
        for fields, news in ({"do": "cancel"}, "cancelled"), ({"do": "move", "time": "soon"}, "late"):
            answer = await form.change(**fields)
            assert f"news={news}" in answer.headers["Location"]
        assert not form.ledger.events


async def test_a_call_that_was_cancelled_elsewhere_meanwhile_is_not_said_to_be_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as form:
        form.bookings.put(7)
        accept = form.ledger.accept

        async def overtaken(*arguments: Any) -> Any:
            form.bookings.put(7, "cancelled", movable=False)
            return await accept(*arguments)

        monkeypatch.setattr(form.ledger, "accept", overtaken)
        answer = await form.change(do="move", time="soon")
    assert "news=late" in answer.headers["Location"]


@pytest.mark.parametrize(
    "fields", [{}, {"do": "publish"}, {"do": "move"}, {"do": "move", "time": "1"}, {"time": "soon"}]
)
async def test_a_change_that_says_nothing_useful_is_refused(fields: dict[str, str]) -> None:
    async with running() as form:
        form.bookings.put(7)
        answer = await form.change(**fields)
        assert answer.status == 422
        assert 'class="problems"' in text_of(answer)
        assert not form.ledger.events


@pytest.mark.parametrize("state", ["dialling", "in-call", "wrap-up", "done", "unreachable", "expired"])
async def test_a_call_that_is_being_made_or_over_cannot_be_changed(state: str) -> None:
    async with running() as form:
        form.bookings.put(7, state, movable=False)
        page = text_of(await get(form.connector, form.link))
        answer = await form.change(do="cancel")
        assert not form.ledger.events
    assert "<form" not in page
    assert translate("pl", view.STATES[state]) in page
    assert "news=late" in answer.headers["Location"]


@pytest.mark.parametrize(
    "token", ["7", "7x0000000000000000", "", "..", "8x", Tokens().sign("conversation", 7)]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_only_our_own_link_opens_a_call(token: str, method: Literal["GET", "POST"]) -> None:
    async with running() as form:
        form.bookings.put(7)
        form.bookings.put(8)
        address = f"{BASE}/call/{token}"
        send = (
            get(form.connector, address)
            if method == "GET"
            else form_post(form.connector, address, {"do": "cancel"})
        )
        answer = await send
        assert answer.status == 404
        assert "800" not in text_of(answer)
        assert not form.ledger.events


async def test_over_http_the_pages_are_not_kept_by_caches() -> None:
    async with running() as form:
        form.bookings.put(7)
        async with served(form.connector.routes(), Log()) as client:
            async with client.get(BASE) as answer:
                # Under "no-store" the way back from a refusal would lead to an empty form.
                assert answer.headers["Cache-Control"] == "private, no-cache"
            async with client.get(form.link) as answer:
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "no-store"
                assert "noindex" in await answer.text()
            async with client.post(form.link, data={"do": "cancel"}, allow_redirects=False) as answer:
                assert answer.status == 303
            other = {"Origin": "https://evil.example"}
            async with client.post(form.link, data={"do": "cancel"}, headers=other) as answer:
                assert answer.status == 403
        assert len(form.ledger.events) == 1


def test_a_wrong_configuration_is_refused() -> None:
    wrongs: tuple[dict[str, Any], ...] = (
        {"countries": ["Poland"]},
        {"days": 0},
        {"topic": []},
        {"origins": ["*"]},
    )
    for wrong in wrongs:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Settings)


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text(max_size=60)))
def test_any_form_is_a_wish_or_has_problems(fields: dict[str, str]) -> None:
    filled = reading.read(fields, Settings(), (TEN,))
    if not filled.problems:
        assert filled.number.startswith("+48")


@settings(max_examples=80)
@given(st.binary(max_size=200))
def test_parse_takes_any_bytes(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        CHANNEL.parse(raw, context())
