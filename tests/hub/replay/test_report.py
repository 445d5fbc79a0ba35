"""What a run found, as tables, as a file for spreadsheets and as text for a terminal."""

from __future__ import annotations

import asyncio
import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.replay import report
from hub.replay.command import replay_text
from hub.replay.compare import Difference, Tally, differences, merge
from hub.replay.replaying import Refused
from hub.replay.runs import Moved, Wanted
from rules import Actions, Decision, Trace
from rules.decision import CallbackOrder
from tests.hub.replay.conftest import AFTER, World, compared_here, some_mails

COUNTS = st.integers(1, 50)
NAMES = st.sampled_from(["a", "b", "c", ""])
HOURS = st.integers(0, 167)
TALLIES = st.builds(
    Tally,
    decisions=COUNTS,
    first=st.integers(1, 9),
    last=st.integers(9, 20),
    flows=st.dictionaries(NAMES, st.dictionaries(NAMES, COUNTS)),
    load=st.dictionaries(NAMES, st.dictionaries(HOURS, st.lists(COUNTS, min_size=2, max_size=2))),
    staff=st.dictionaries(NAMES, st.dictionaries(HOURS, COUNTS)),
    snapshots=st.dictionaries(HOURS, COUNTS),
    hits=st.dictionaries(NAMES, COUNTS),
    hits_before=st.dictionaries(NAMES, COUNTS),
)


def plain(tally: Tally) -> object:
    return msgspec.to_builtins(tally)


@given(TALLIES, TALLIES, TALLIES)
def test_parts_add_up_in_any_order(one: Tally, two: Tally, three: Tally) -> None:
    together = plain(merge([one, two, three]))
    assert together == plain(merge([merge([one, two]), three])) == plain(merge([three, one, two]))


@given(TALLIES)
def test_tables_say_what_the_tally_says(tally: Tally) -> None:
    lines = {line.queue: line for line in report.queue_lines(tally)}
    for queue in ("a", "b", "c", ""):
        gone = sum(flow.count for flow in report.flows(tally) if flow.before == queue)
        came = sum(flow.count for flow in report.flows(tally) if flow.after == queue)
        assert (lines[queue].change if queue in lines else 0) == came - gone
    for week in report.weeks(tally):
        shown = {cell.hour: cell for _, days in week.hours for cell in days if cell is not None}
        assert {hour: [cell.before, cell.after] for hour, cell in shown.items()} == tally.load.get(
            week.queue, {}
        )
        assert all(cell.staff is None or cell.hour in tally.snapshots for cell in shown.values())


def test_the_square_is_for_few_queues() -> None:
    few = Tally(flows={"a": {"a": 5, "b": 2}, "b": {"b": 1}})
    assert report.square(few) == (["a", "b"], {"a": {"a": 5, "b": 2}, "b": {"a": 0, "b": 1}})
    assert report.square(Tally(flows={str(n): {"x": 1} for n in range(20)})) is None
    assert report.square(Tally(flows={"a": {"a": 5}})) is None


def test_hours_in_which_more_comes_to_nobody() -> None:
    tally = Tally(
        flows={"a": {"b": 3}},
        load={"b": {10: [0, 2], 34: [0, 1]}},
        staff={"b": {34: 4}},
        snapshots={10: 3, 34: 2},
    )
    week = next(week for week in report.weeks(tally) if week.queue == "b")
    assert [(hour.hour, hour.change, hour.staff) for hour in week.alone] == [(10, 2, 0)]


def a_move(**more: object) -> Moved:
    found = {
        **{"trace": 1, "conversation": 2, "message": 3, "at": 0, "event": "new", "before": "a", "after": "b"},
        **{"rule_before": "x", "rule_after": "y", "differences": ()},
        **{"reference": "L92-EUV-BYS", "subject": "s", "preview": "p"},
        **more,
    }
    return msgspec.convert(found, Moved)


def test_the_file_is_harmless_in_a_spreadsheet() -> None:
    one = a_move(
        differences=(Difference("tags", ["a"], ["=HYPERLINK(1)"]), Difference("priority", None, 1)),
        rule_before="=cmd()",
        rule_after=" ＋cmd()",
        reference=None,
    )
    said = report.Wording(
        text=str.upper,
        moment=str,
        queue=lambda queue: f"+{queue}",
        event=str.title,
        action=str,
        value=lambda _, value: str(value),
    )
    text = report.as_csv([one], said)
    assert text.startswith("\ufeff")
    head, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert head == [name.upper() for name in report.COLUMNS]
    assert row == [
        "0",
        "",
        "New",
        "'+a",
        "'+b",
        "'=cmd()",
        "' ＋cmd()",
        "tags: ['a'] → ['=HYPERLINK(1)']; priority: None → 1",
    ]


@pytest.mark.slow
async def test_a_terminal_gets_the_same_tables(world: World) -> None:
    await world.feed(some_mails(40))
    found = await compared_here(world, AFTER)
    await world.store.close()  # no hub is running
    told: list[tuple[int, int]] = []
    text = await asyncio.to_thread(
        replay_text,
        world.config,
        AFTER,
        Wanted(messages=1000),
        lambda done, total: told.append((done, total)),
    )
    assert text == report.as_text(
        found.result, lambda queue: world.house.directory.queue_name(queue, "en") or "–"
    )
    assert f"to another queue would go: {found.moved}." in text
    assert told[-1] == (40, 40)


async def test_a_terminal_is_told_what_cannot_be_done(small_world: World) -> None:
    with pytest.raises(Refused, match="no messages"):
        await asyncio.to_thread(replay_text, small_world.config, AFTER, Wanted(days=1), lambda a, b: None)


def test_normal_priority_is_a_value_like_others() -> None:
    def decided(priority: int | None) -> Decision:
        return Decision(actions=Actions(priority=priority), trace=Trace())

    assert differences(decided(None), decided(0)) == (Difference("priority", None, 0),)
    assert differences(decided(1), decided(0)) == (Difference("priority", 1, 0),)
    assert differences(decided(None), decided(0), opened=True) == ()
    assert differences(decided(1), decided(None), opened=True) == (Difference("priority", 1, None),)


def test_times_are_told_as_the_file_writes_them() -> None:
    before = Decision(actions=Actions(timer={"a": 2880}), trace=Trace())
    order = CallbackOrder(topic="staż", minutes=30)
    after = Decision(actions=Actions(timer={"a": 60}, callback=order), trace=Trace())
    assert differences(before, after) == (
        Difference("callback", None, {"topic": "staż", "in": "30m"}),
        Difference("timer", {"a": "2d"}, {"a": "1h"}),
    )
    asked = Decision(actions=Actions(callback=CallbackOrder()), trace=Trace())
    assert differences(Decision(actions=Actions(), trace=Trace()), asked) == (
        Difference("callback", None, True),
    )
