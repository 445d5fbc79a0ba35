"""Clocks that jump by an hour, either way, and the two nights on which the hour itself is moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract import Micros
from hub.desk.actions import snooze
from hub.desk.reply import Draft, reply
from hub.store import schema
from tests.days.world import World, at, settings, shown, words, world
from tests.hub.conftest import FakeClock
from tests.servers.mailsink import MailSink

pytestmark = pytest.mark.slow

JAN = "Jan Nowak <jan@example.pl>"
HOUR = 3_600_000_000


class Jumping(FakeClock):
    """Its wall clock can be set, as an administrator or a time server does; what measures durations goes on."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self._set = 0

    def now(self) -> Micros:
        return Micros(super().now() + self._set)

    def jump(self, hours: float) -> None:
        """Set it forward, or back."""
        self._set += int(hours * HOUR)


async def answer(here: World, who: Any, conversation: int, text: str) -> None:
    """A reply, past the time in which it could be taken back."""
    row = await here.conversation(conversation)
    await here.do(reply, who, conversation, Draft(text=text, client_id=text, based_on=row.messages))
    await here.go_to(Micros(here.clock.now() + 16_000_000))


def received(here: World) -> list[str]:
    """The replies that Jan got, in order."""
    texts = [words(mail) for mail in here.mails.to("jan@example.pl")]
    return [word for text in texts for word in ("Pierwsza", "Druga", "Trzecia") if word in text]


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_jumps_loses_and_repeats_nothing(
    tmp_path: Path, mailsink: MailSink, hours: int
) -> None:
    """The server's clock jumps, and somebody sets it right again. What waits for a retry over the jump back goes at
    most that hour later; what is new goes at once; whoever is snoozed comes back once, on the right day."""
    config = settings(tmp_path, mailsink)
    async with world(tmp_path, mailsink, "2026-11-16 10:00", config, Jumping) as here:
        clock = here.clock
        assert isinstance(clock, Jumping)
        ola = await here.hire("ola", queues=("bezrobotni",))
        asked = (await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")).id
        away = (await here.mail("Ewa <ewa@example.pl>", "Jak wypełnić PIT-11 z urzędu?")).id
        await here.do(snooze, ola, [away], at("2026-11-17 08:00"))
        mailsink.fail("451 4.3.0 later", at="rcpt", address="jan@example.pl", times=1)
        await answer(here, ola, asked, "Pierwsza odpowiedź.")
        assert received(here) == []
        began = clock.monotonic()
        clock.jump(hours)
        await here.work_off()
        await here.go_to(Micros(clock.now() + 600_000_000))
        await here.mail(JAN, "Dopisuję jeszcze jedno pytanie.", answers=here.mails.to("jan@example.pl")[0])
        clock.jump(-hours)
        while received(here) == []:
            await here.go_to(Micros(clock.now() + 60_000_000))
            assert clock.monotonic() - began < 2 * 3600
        late = clock.monotonic() - began
        await answer(here, ola, asked, "Druga odpowiedź.")
        assert received(here) == ["Pierwsza", "Druga"], "each once, and what is new at once"
        print(
            f"jump of {hours:+d} h and back: the reply that waited for a retry left after {late / 60:.0f} min"
        )
        assert late <= 3600 + 900
        numbers = [row.number for row in await here.messages(asked)]
        assert numbers == sorted(numbers)
        texts = [row.text for row in await here.messages(asked) if row.kind == "inbound"]
        assert texts[-1].startswith("Dopisuję"), "order is that of coming in, not of clocks"
        await here.go_to("2026-11-17 08:00")
        assert (await here.conversation(away)).status == "open"
        assert (await here.lines(away)).count("woken") <= 1


async def due_in_week(tmp_path: Path, mails: MailSink, friday: str) -> tuple[str, int, str, int]:
    """When a mail of a Friday afternoon is found to wait too long, and when it comes back from a snooze to the next
    working day: on the wall, and how much later."""
    async with world(tmp_path / friday, mails, f"{friday} 17:00", settings(tmp_path / friday, mails)) as here:
        ola = await here.hire("ola", queues=("bezrobotni",))
        row = await here.mail(JAN, "Kiedy dostanę zasiłek dla bezrobotnych?")
        began = here.clock.now()
        timer = await here.read(
            lambda tx: tx.scalar(
                select(schema.timer.c.due_at).where(
                    schema.timer.c.kind == "rules", schema.timer.c.subject == row.id
                )
            )
        )
        assert timer is not None
        await here.do(snooze, ola, [row.id])
        until = (await here.conversation(row.id)).snoozed_until
        woken = 0
        for _ in range(80):
            before = (await here.conversation(row.id)).status
            await here.go_to(Micros(here.clock.now() + HOUR))
            after = (await here.conversation(row.id)).status
            woken += (before, after) == ("snoozed", "open")
        assert woken == 1, "also where an hour comes twice, or never"
        return shown(timer)[11:], timer - began, shown(until)[11:], until - began


@pytest.mark.parametrize(
    ("friday", "usual", "difference"), [("2026-10-23", "2026-10-16", 1), ("2028-03-24", "2028-03-17", -1)]
)
async def test_over_the_night_on_which_the_clocks_change_the_wall_clock_counts(
    tmp_path: Path, mailsink: MailSink, friday: str, usual: str, difference: int
) -> None:
    """Deadlines and snoozes fall on the same time of the day as in any week; the weekend between is an hour longer, or
    shorter."""
    changed = await due_in_week(tmp_path, mailsink, friday)
    plain = await due_in_week(tmp_path, mailsink, usual)
    assert (changed[0], changed[2]) == (plain[0], plain[2])
    assert (changed[1] - plain[1], changed[3] - plain[3]) == (difference * HOUR, difference * HOUR)
    print(
        f"{friday}: deadline at {changed[0]}, back at {changed[2]}, {changed[3] / HOUR:.0f} h after Friday 17:00"
    )


async def test_in_the_hour_that_comes_twice_order_and_times_are_right(
    tmp_path: Path, mailsink: MailSink
) -> None:
    """02:30 summer time, then 02:30 winter time: two letters an hour apart that look alike on the wall."""
    async with world(tmp_path, mailsink, "2026-10-25 02:30", settings(tmp_path, mailsink)) as here:
        first = await here.mail(JAN, "Pierwszy list w nocy.")
        began = here.clock.now()
        await here.go_to(Micros(began + HOUR))
        assert shown(began) == shown(here.clock.now()) == "2026-10-25 02:30"
        second = await here.mail(JAN, "Drugi list w nocy.", answers=here.mails.to("jan@example.pl")[0])
        assert second.id == first.id
        rows = await here.messages(first.id, "inbound")
        assert [row.text.split()[0] for row in rows] == ["Pierwszy", "Drugi"]
        assert rows[1].at - rows[0].at == HOUR
