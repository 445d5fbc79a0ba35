"""Parts of long messages: in any order, told again, clashing, too late, over a restart; repetitions of whole ones."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._gsm import Place, decode, halves
from connectors._sms_in import WORDS
from connectors._sms_inlet import MOST_PARTS, SLOTS, Inlet, Piece, Reading, joined
from connectors.contract import Consent, InboxId, Message, Micros, Refused
from tests.contract.world import FixedClock, Ledger, make_env

START = 1_794_328_800_000_000


class Way:
    """An inlet with a clock that is moved by hand."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.clock = FixedClock(START)
        self.ledger = ledger or Ledger()
        env = make_env(clock=self.clock)
        reading = Reading(env=env, country="PL", words=WORDS, repeat_minutes=10, wait_minutes=15)
        self.inlet = Inlet(reading)

    async def open(self) -> Way:
        await self.inlet.open(self.ledger)
        return self

    async def take(self, text: str, number: int = 0, total: int = 3, **more: Any) -> None:
        place = Place(reference=more.pop("reference", 7), total=total, number=number) if number else None
        piece = Piece(
            sender="+48600700800",
            recipient="7055",
            text=text,
            raw=text,
            place=place,
            at=int(self.clock.now()),
        )
        await self.inlet.take(msgspec.structs.replace(piece, **more))

    def texts(self) -> list[str]:
        return [event.text for event in self.ledger.events if isinstance(event, (Message, Consent))]


PARTS = ("pierwsza, ", "druga, ", "trzecia")


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
async def test_any_order_gives_the_text(order: tuple[int, ...]) -> None:
    way = await Way().open()
    for number in order:
        await way.take(PARTS[number - 1], number)
        await way.take(PARTS[number - 1], number)  # told again, because the answer was lost
    assert way.texts() == ["pierwsza, druga, trzecia"]
    assert way.ledger.raws[-1].content == "\n".join(PARTS[number - 1] for number in order).encode()


async def test_parts_of_different_people_messages_and_receivers_do_not_mix() -> None:
    way = await Way().open()
    await way.take("a1", 1, 2)
    await way.take("b2", 2, 2, sender="+48600700801")
    await way.take("c2", 2, 2, reference=8)
    await way.take("d2", 2, 2, recipient="7056")
    await way.take("e2", 2, 3)
    assert not way.ledger.events
    await way.take("a2", 2, 2)
    assert way.texts() == ["a1a2"]


async def test_a_reference_used_again_is_another_message() -> None:
    way = await Way().open()
    await way.take("stara", 1, 2)
    await way.take("nowa ", 1, 2)
    assert way.texts() == ["stara […]"]
    await way.take("dwa", 2, 2)
    assert way.texts() == ["stara […]", "nowa dwa"]


async def test_what_waits_too_long_is_shown_with_what_there_is() -> None:
    way = await Way().open()
    await way.take("pierwsza", 1, 4)
    await way.take("trzecia", 3, 4)
    assert await way.inlet.expire() == 15 * 60
    way.clock.at += 15 * 60_000_000
    await way.inlet.expire()
    assert way.texts() == ["pierwsza […] trzecia […]"]
    message = way.ledger.events[0]
    assert isinstance(message, Message)
    assert [(field.name, field.value) for field in message.fields] == [
        ("incomplete", "Liczba części, które doszły: 2 z 4; reszty brakuje.")
    ]
    await way.inlet.expire()
    assert len(way.ledger.events) == 1


async def test_parts_survive_a_restart() -> None:
    first = await Way().open()
    await first.take(PARTS[0], 1)
    await first.take(PARTS[1], 2)
    second = await Way(first.ledger).open()
    await second.take(PARTS[1], 2)
    await second.take(PARTS[2], 3)
    assert second.texts() == ["pierwsza, druga, trzecia"]
    third = await Way(first.ledger).open()
    await third.take(PARTS[2], 3)
    assert third.texts() == ["pierwsza, druga, trzecia"], "the last part told again opens nothing new"


async def test_a_refused_part_is_not_kept_and_a_refused_message_keeps_its_parts() -> None:
    way = await Way().open()
    await way.take(PARTS[0], 1)
    way.ledger.refuse()
    for number in (2, 3):
        with pytest.raises(Refused):
            await way.take(PARTS[number - 1], number)
    way.ledger.take()
    await way.take(PARTS[2], 3)
    assert not way.ledger.events
    way.ledger.refuse()
    with pytest.raises(Refused):
        await way.take(PARTS[1], 2)
    way.ledger.take()
    await way.take(PARTS[1], 2)
    assert way.texts() == ["pierwsza, druga, trzecia"]


@given(st.text(st.sampled_from("aż😀🇵🇱👩‍👧€"), min_size=1, max_size=30), st.integers(1, 5))
def test_a_text_cut_through_its_characters_comes_whole(text: str, units: int) -> None:
    """Some handsets cut by units of UTF-16, and an emoji has two."""
    data = text.encode("utf-16-be")
    cuts = [data[at : at + 2 * units] for at in range(0, len(data), 2 * units)]
    pieces = [
        Piece(
            sender="+48600700800",
            recipient="7055",
            text=decode(cut, "ucs2"),
            raw="",
            at=1,
            place=Place(reference=7, total=len(cuts), number=number),
            halves=halves(cut),
        )
        for number, cut in enumerate(cuts, 1)
    ]
    kept = msgspec.json.decode(msgspec.json.encode(pieces), type=list[Piece])
    event = joined(kept, InboxId("sms"), "PL", WORDS)
    assert isinstance(event, Message) and event.text == text


async def test_halves_on_both_sides_of_a_gap_stay_what_they_are() -> None:
    way = await Way().open()
    await way.take("a\N{REPLACEMENT CHARACTER}", 1, halves=(0, 0xD83D))
    await way.take("\N{REPLACEMENT CHARACTER}b", 3, halves=(0xDE00, 0))
    way.clock.at += 16 * 60_000_000
    await way.inlet.expire()
    assert way.texts() == ["a\N{REPLACEMENT CHARACTER} […] \N{REPLACEMENT CHARACTER}b"]


async def test_before_it_is_open_nothing_is_taken() -> None:
    with pytest.raises(Refused):
        await Way().take("Halo")


async def test_a_repetition_is_marked_also_after_a_restart() -> None:
    first = await Way().open()
    await first.take("Halo")
    second = await Way(first.ledger).open()
    second.clock.at += 60_000_000
    await second.take("Halo")
    marks = [
        [field.name for field in event.fields] for event in first.ledger.events if isinstance(event, Message)
    ]
    assert marks == [[], ["repetition"]]


async def test_a_flood_of_parts_is_shown_and_not_kept_for_ever() -> None:
    way = await Way().open()
    for reference in range(MOST_PARTS + 5):
        await way.take(f"n{reference}", 1, 2, reference=reference)
    assert way.texts() == [f"n{reference} […]" for reference in range(5)]
    kept = sum(value.count('"place"') for value in way.ledger.cursors.values())
    assert kept == MOST_PARTS
    assert len(way.ledger.cursors) <= SLOTS


async def test_a_word_of_opting_out_in_one_message_is_a_consent() -> None:
    way = await Way().open()
    await way.take("STOP")
    assert isinstance(way.ledger.events[0], Consent)
    assert way.ledger.events[0].received_at == Micros(START)


@pytest.mark.parametrize("parts", [1, 3])
async def test_a_line_that_breaks_during_the_commit_makes_no_second_message(parts: int) -> None:
    """The wire tells again what it heard no answer to; a long SMS is known by its parts, a short one is marked."""
    way = await Way().open()
    for number in range(1, parts):
        await way.take(PARTS[number - 1], number)
    way.ledger.seconds = 0.05
    telling = asyncio.create_task(way.take(PARTS[parts - 1], parts if parts > 1 else 0))
    await asyncio.sleep(0.01)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    for number in range(1, parts + 1):
        await way.take(PARTS[number - 1], number if parts > 1 else 0)
    marked = [event for event in way.ledger.events if isinstance(event, Message) and event.fields]
    assert (len(way.texts()), len(marked)) == ((1, 0) if parts > 1 else (2, 1))


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
async def test_parts_that_come_to_several_processes_meet(order: tuple[int, ...]) -> None:
    first = await Way().open()
    second = await Way(first.ledger).open()
    for turn, number in enumerate(order):
        ways = (first, second) if turn % 2 else (second, first)
        for way in ways:  # the answer of the one was lost, the gateway asks the other
            await way.take(PARTS[number - 1], number)
    assert first.texts() == ["pierwsza, druga, trzecia"]


async def test_parts_that_come_to_several_processes_at_once_meet() -> None:
    first = await Way().open()
    second = await Way(first.ledger).open()
    first.ledger.seconds = 0.01
    await asyncio.gather(
        *(way.take(PARTS[number - 1], number) for number in (1, 2, 3) for way in (first, second))
    )
    assert first.texts() == ["pierwsza, druga, trzecia"]


async def test_what_another_process_kept_is_shown_when_it_waited_too_long() -> None:
    first = await Way().open()
    second = await Way(first.ledger).open()
    await second.take("druga", 2)
    first.clock.at += 15 * 60_000_000
    await first.inlet.expire()
    assert first.texts() == ["[…] druga […]"]
