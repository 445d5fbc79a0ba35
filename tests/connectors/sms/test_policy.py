"""What may be sent to whom, when and for how much; what comes in."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from connectors import _sms, _sms_in, _sms_numbers
from connectors._sms import SmsSettings, paid, plan_sms
from connectors._sms_in import Repeats, received, words_of
from connectors._sms_numbers import normalised, refusal
from connectors._split import split_text
from connectors.contract import Consent, InboxId, Message, Micros, OutAttachment, Outbound, Party, SendError
from tests.contract.world import Budget, FixedClock, make_env

WARSAW = ZoneInfo("Europe/Warsaw")
INBOX = InboxId("sms")


def moment(text: str) -> Micros:
    return Micros(int(datetime.fromisoformat(text).replace(tzinfo=WARSAW).timestamp() * 1e6))


def outbound(text: str = "Dzień dobry", to: str = "+48600700800", **more: Any) -> Outbound:
    return Outbound(
        delivery=1, inbox=INBOX, message=1, to=(Party(kind="phone", address=to),), text=text, **more
    )


def env_at(text: str, **more: Any) -> Any:
    return make_env(clock=FixedClock(moment(text)), **more)


NOON = "2026-11-10T12:00"


# --- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+48600700800", "+48600700800"),
        ("48600700800", "+48600700800"),
        ("0048600700800", "+48600700800"),
        ("600 700 800", "+48600700800"),
        ("+48 600-700-800", "+48600700800"),
        ("380501234567", "+380501234567"),
        ("+380 50 123 45 67", "+380501234567"),
        ("7055", "7055"),
        ("INFO", "INFO"),
        (" Urząd ", "Urząd"),
        ("", ""),
    ],
)
def test_numbers_are_made_one_with_another(written: str, number: str) -> None:
    assert normalised(written) == number


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+48600700800", ""),
        ("+48221234567", ""),
        ("+48700123456", _sms_numbers.PREMIUM),
        ("+48701234567", _sms_numbers.PREMIUM),
        ("+48801234567", _sms_numbers.PREMIUM),
        ("+380501234567", _sms_numbers.ABROAD),
        ("+12125550123", _sms_numbers.ABROAD),
        ("7055", _sms_numbers.SHORT),
        ("112", _sms_numbers.SHORT),
        ("INFO", _sms_numbers.NO_NUMBER),
        ("", _sms_numbers.NO_NUMBER),
        ("+48123", _sms_numbers.NO_NUMBER),
        ("+48000000000", _sms_numbers.NO_NUMBER),
    ],
)
def test_the_policy_says_why(number: str, why: str) -> None:
    assert refusal(number, ("PL",), (), ()) == why


def test_lists_are_stronger_than_the_rest_and_deny_is_the_strongest() -> None:
    assert refusal("+48700123456", ("PL",), ("+48700*",), ()) == ""
    assert refusal("7055", ("PL",), ("7055",), ()) == ""
    assert refusal("70555", ("PL",), ("7055",), ()) == _sms_numbers.SHORT
    assert refusal("+380501234567", (), (), ()) == ""
    assert refusal("+48600700800", ("PL",), ("+48600700800",), ("+4860070*",)) == _sms_numbers.DENIED


# --- plan ----------------------------------------------------------------------------------------------------------


def test_a_plan_has_text_segments_sender_and_price() -> None:
    settings = SmsSettings(
        sender="URZAD",
        senders={"+380": "+48123123123"},
        price=9,
        prices={"+38": 20, "+380": 30},
        countries=(),
        diacritics="drop",
    )
    plan = plan_sms(outbound("Zażółć " * 30), settings, env_at(NOON))
    assert plan.text == ("Zazolc " * 30).strip()
    assert (plan.to, plan.sender, plan.segments.count, plan.cost) == ("+48600700800", "URZAD", 2, 18)
    abroad = plan_sms(outbound("Добрий день", to="+380501234567"), settings, env_at(NOON))
    assert (abroad.sender, abroad.segments.encoding, abroad.cost) == ("+48123123123", "ucs2", 30)


def test_diacritics_are_dropped_as_configured_and_only_where_it_helps() -> None:
    for setting, plain, automatic in (
        ("keep", "ą", "ą"),
        ("drop", "a", "a"),
        ("drop-automatic", "ą", "a"),
    ):
        settings = SmsSettings(diacritics=setting)  # type: ignore[arg-type]
        assert plan_sms(outbound("ą"), settings, env_at(NOON)).text == plain
        assert plan_sms(outbound("ą", automatic=True), settings, env_at(NOON)).text == automatic
    assert _sms.wording("ą😀", SmsSettings(diacritics="drop")) == "ą😀"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"operation": "edit"}, _sms.ONLY_SENDING),
        ({"attachments": (OutAttachment(filename="a", content_type="a/b", content=b"x"),)}, _sms.NO_FILES),
        ({"text": " \n"}, _sms.NO_TEXT),
        ({"to": ()}, _sms_numbers.NO_NUMBER),
        ({"text": "ą" * 200}, _sms.TOO_LONG),
        ({"to": (Party(kind="phone", address="+48700123456"),)}, _sms_numbers.PREMIUM),
    ],
)
def test_what_cannot_go_says_why(change: dict[str, Any], why: str) -> None:
    with pytest.raises(SendError) as raised:
        plan_sms(msgspec.structs.replace(outbound(), **change), SmsSettings(max_segments=2), env_at(NOON))
    assert (raised.value.kind, raised.value.public) == ("permanent", why)
    assert "700123456" not in raised.value.private


@pytest.mark.parametrize("segments", [1, 2, 10])
@pytest.mark.parametrize("letters", ["ą", "😀", "a😀ą", "a€"])
def test_a_text_that_the_hub_cut_never_needs_more_segments(segments: int, letters: str) -> None:
    settings = SmsSettings(max_segments=segments)
    longest = _sms.capabilities(settings).max_length
    assert longest is not None
    for part in split_text(letters * 1500, longest):
        assert plan_sms(outbound(part), settings, env_at(NOON)).segments.count <= segments


def test_settings_that_can_never_work_are_refused() -> None:
    for wrong in (
        {"loud_from": "20:00", "loud_until": "08:00"},
        {"stop_words": ["start"]},
        {"daily_cap": 100},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, SmsSettings)
    for sender in ("za dlugi nadawca", "Urząd", "+48", "-"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"sender": sender}, SmsSettings)


# --- quiet hours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "goes"),
    [
        ("2026-11-10T07:59", "2026-11-10T08:00"),
        ("2026-11-10T08:00", "2026-11-10T08:00"),
        ("2026-11-10T19:59", "2026-11-10T19:59"),
        ("2026-11-10T20:00", "2026-11-12T08:00"),  # the 11th is a holiday
        ("2026-11-11T12:00", "2026-11-12T08:00"),
        ("2026-12-24T21:00", "2026-12-27T08:00"),
        ("2026-03-28T23:30", "2026-03-29T08:00"),  # the clock is put forward in that night
    ],
)
def test_the_end_of_the_quiet_hours(at: str, goes: str) -> None:
    assert _sms.next_loud(moment(at), "Europe/Warsaw", SmsSettings()) == moment(goes)


def test_automatic_messages_wait_and_others_do_not() -> None:
    env = env_at("2026-11-09T22:00")
    with pytest.raises(SendError) as raised:
        plan_sms(outbound(automatic=True), SmsSettings(), env)
    assert (raised.value.kind, raised.value.public) == ("throttled", _sms.QUIET)
    assert raised.value.retry_after == 10 * 3600
    plan_sms(outbound(), SmsSettings(), env)
    plan_sms(outbound(automatic=True), SmsSettings(quiet="none"), env)
    with pytest.raises(SendError):
        plan_sms(outbound(), SmsSettings(quiet="all"), env)


def test_a_swift_answer_is_not_bound() -> None:
    env = env_at("2026-11-09T22:00")
    plan_sms(outbound(automatic=True, inbound_at=moment("2026-11-09T21:46")), SmsSettings(), env)
    with pytest.raises(SendError):
        plan_sms(outbound(automatic=True, inbound_at=moment("2026-11-09T21:44")), SmsSettings(), env)


# --- money ---------------------------------------------------------------------------------------------------------


async def test_a_cap_holds_for_a_hundred_at_once() -> None:
    env, settings = env_at(NOON), SmsSettings(price=10, daily_cap=95)
    plan = plan_sms(outbound(), settings, env)
    sent = 0

    async def send() -> None:
        nonlocal sent
        async with paid(plan, settings, env):
            await asyncio.sleep(0)
            sent += 1

    outcomes = await asyncio.gather(*(send() for _ in range(100)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, SendError)]
    assert (sent, len(refused)) == (9, 91)
    assert {(error.kind, error.public) for error in refused} == {("throttled", _sms.CAP_REACHED)}
    assert refused[0].retry_after == (moment("2026-11-11T08:00") - moment(NOON)) / 1e6


@pytest.mark.parametrize(
    ("kind", "left"), [("temporary", 0), ("permanent", 0), ("throttled", 0), ("ambiguous", 10)]
)
async def test_money_comes_back_when_it_certainly_did_not_go(kind: Any, left: int) -> None:
    env, settings = env_at(NOON), SmsSettings(price=10, daily_cap=95)
    with pytest.raises(SendError):
        async with paid(plan_sms(outbound(), settings, env), settings, env):
            raise SendError(kind, "no")
    assert await env.budget.spent(_sms.MONEY, zone="Europe/Warsaw") == left


async def test_without_a_cap_money_is_counted_all_the_same() -> None:
    env, settings = env_at(NOON), SmsSettings(price=10)
    async with paid(plan_sms(outbound(), settings, env), settings, env):
        pass
    assert await env.budget.spent(_sms.MONEY, zone="Europe/Warsaw") == 10


async def test_what_no_day_can_pay_fails_at_once() -> None:
    env, settings = env_at(NOON), SmsSettings(price=10, daily_cap=9)
    with pytest.raises(SendError) as raised:
        async with paid(plan_sms(outbound(), settings, env), settings, env):
            pass
    assert (raised.value.kind, raised.value.public) == ("permanent", _sms.TOO_DEAR)


async def test_a_counter_that_fails_lets_nothing_leave() -> None:
    class Broken(Budget):
        async def spend(self, what: str, amount: int, limit: int, *, zone: str) -> int | None:
            raise RuntimeError("disk full")

    env, settings = env_at(NOON, budget=Broken()), SmsSettings(price=10)
    with pytest.raises(SendError) as raised:
        async with paid(plan_sms(outbound(), settings, env), settings, env):
            raise AssertionError("it left")
    assert raised.value.kind == "temporary"


# --- in ------------------------------------------------------------------------------------------------------------


def incoming(text: str, sender: str = "48600700800", at: str = NOON, **more: Any) -> Message | Consent:
    return received(INBOX, sender=sender, text=text, now=moment(at), **more)


def test_a_message_is_direct_and_from_a_number() -> None:
    found = incoming("Dzień dobry", recipient="7055", external_id="x-1")
    assert isinstance(found, Message)
    assert found.sender == Party(kind="phone", address="+48600700800")
    assert (found.direct, found.automatic, found.recipients[0].address) == (True, "no", "7055")


@pytest.mark.parametrize("sender", ["INFO", "7055", "mBank"])
def test_what_nobody_can_answer_is_no_number(sender: str) -> None:
    found = incoming("Kod: 1234", sender)
    assert isinstance(found, Message)
    assert (found.sender.kind, found.automatic) == ("sms", "auto-reply")


@pytest.mark.parametrize("text", ["STOP", "stop", " Stop. ", '"STOP"', "rezygnuję", "REZYGNUJE!", "Koniec"])
def test_a_word_alone_opts_out(text: str) -> None:
    found = incoming(text)
    assert isinstance(found, Consent)
    assert (found.allowed, found.text) == (False, text)


@pytest.mark.parametrize("text", ["start", "Wznów", "WZNOW."])
def test_a_word_alone_opts_in(text: str) -> None:
    found = incoming(text)
    assert isinstance(found, Consent)
    assert found.allowed


@pytest.mark.parametrize("text", ["STOP bezrobociu", "Kiedy start?", "proszę stop", "", "."])
def test_a_word_within_a_sentence_does_not(text: str) -> None:
    assert isinstance(incoming(text), Message)


def test_the_words_are_configured() -> None:
    words = words_of(("NIE PISZ",), ("PISZ",))
    assert isinstance(incoming("nie pisz!", words=words), Consent)
    assert isinstance(incoming("stop", words=words), Message)


def test_the_same_text_again_is_marked_and_never_dropped() -> None:
    env = make_env()
    repeats = Repeats(10, env)
    first, again = incoming("Halo"), incoming("Halo", at="2026-11-10T12:09")
    late, other = incoming("Halo", at="2026-11-10T12:30"), incoming("Halo", "48600700801")
    assert isinstance(first, Message) and isinstance(again, Message)
    assert isinstance(late, Message) and isinstance(other, Message)
    assert repeats.marked(first) == first
    assert repeats.marked(first) == first, "what was refused and is told again is no repetition"
    repeats.note(first)
    marked = repeats.marked(again)
    assert marked.text == "Halo"
    assert [field.name for field in marked.fields] == ["repetition"]
    assert "540" in marked.fields[0].value
    assert repeats.marked(other) == other
    assert repeats.marked(late) == late
    restarted = Repeats(10, env, repeats.dump())
    assert restarted.marked(again) == marked
    assert "600700800" not in str(repeats.dump())
    repeats.note(late)
    assert len(repeats.dump()) == 1, "what is older than the window is forgotten"


def test_many_are_not_remembered_for_ever() -> None:
    repeats = Repeats(10, make_env(), most=50)
    for number in range(55):
        message = incoming(f"Halo {number}")
        assert isinstance(message, Message)
        repeats.note(message)
    assert len(repeats.dump()) == 50


def test_default_words_do_not_overlap() -> None:
    assert not _sms_in.WORDS.stop & _sms_in.WORDS.start
