"""What must hold whatever happens: the states of a comment, the order of a thread, masking, the weighing of reports."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.contract import CommentPlace
from hub.moderation.masking import has_pesel, mask
from hub.moderation.placing import LEVELS, WIDTH, Parent, Setting, depth_of, path_of, place_comment
from hub.moderation.reports import Reported, weigh
from hub.moderation.states import STATES, STEPS, State, Step, after, allowed
from hub.scope import Conflict

Site = Literal["pre", "post"]

DESIGN: set[tuple[State, State]] = {
    ("new", "held"),
    ("new", "published"),
    ("held", "published"),
    ("held", "rejected"),
    ("published", "hidden"),
    ("published", "rejected"),
    ("hidden", "published"),
    ("hidden", "rejected"),
}
"""The table of the design; what else is possible is named in the tests."""


@pytest.mark.parametrize(("state", "step"), list(itertools.product(STATES, STEPS)))
def test_only_the_steps_of_the_design(state: State, step: Step) -> None:
    if not allowed(state, step):
        with pytest.raises(Conflict):
            after(state, step)
        return
    reached = after(state, step)
    granted = (state, step) == ("rejected", "reinstate")
    assert (state, reached) in DESIGN or reached == "erased" or granted


@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_erased_is_the_end_and_new_never_comes_back(steps: list[Step]) -> None:
    state: State = "new"
    for step in steps:
        if allowed(state, step):
            before, state = state, after(state, step)
            assert state != "new"
            assert before != "erased"


# --- the whole life of one comment against a model -----------------------------------------------------------------


class Life(RuleBasedStateMachine):
    """Random steps; a reader may see a text only in the state published, and only after somebody let it."""

    state: State = "new"

    @initialize(held=st.booleans())
    def arrive(self, held: bool) -> None:
        self.state = after("new", "hold" if held else "publish")

    @rule(step=st.sampled_from([step for step in STEPS if step != "reinstate"]))
    def decide(self, step: Step) -> None:
        if allowed(self.state, step):
            self.state = after(self.state, step)

    @precondition(lambda self: self.state == "rejected")
    @rule()
    def rejected_stays_out_without_an_appeal(self) -> None:
        assert not any(allowed(self.state, step) for step in ("publish", "restore", "hide", "hold"))

    @invariant()
    def known(self) -> None:
        assert self.state in STATES


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=50, stateful_step_count=15)


# --- the order of a thread ---------------------------------------------------------------------------------------

ids = st.integers(min_value=1, max_value=2**53 - 1)


@given(st.lists(ids, min_size=2, max_size=30, unique=True), st.data())
def test_a_thread_is_its_tree(numbers: list[int], data: st.DataObject) -> None:
    """Sorting paths as text gives the newest thread first, each answer below what it answers, the oldest first."""
    numbers.sort()
    parents: dict[int, int | None] = {}
    paths: dict[int, str] = {}
    for at, number in enumerate(numbers):
        parent = data.draw(st.sampled_from([None, *numbers[:at]]), label="parent")
        parents[number] = parent
        paths[number] = path_of(number, paths[parent] if parent else "")
    order = sorted(numbers, key=paths.__getitem__)
    roots = [number for number in order if parents[number] is None]
    assert roots == sorted(roots, reverse=True)
    place = {number: at for at, number in enumerate(order)}
    for number, parent in parents.items():
        if parent is not None:
            assert place[parent] < place[number]
            assert depth_of(paths[number]) == min(depth_of(paths[parent]) + 1, LEVELS - 1)
        assert len(paths[number]) == WIDTH * (depth_of(paths[number]) + 1)
    assert len(set(paths.values())) == len(paths)


@given(ids, ids, st.sampled_from([None, "pre", "post", "closed"]), st.sampled_from(["pre", "post"]))
def test_what_is_held_says_why(post: int, article: int, setting: Setting | None, site: Site) -> None:
    place = CommentPlace(article="a", moderation=site)
    parent = Parent(id=1, article=article + 1, path=path_of(1))
    placed = place_comment(
        post=post,
        article=article,
        place=place,
        setting=setting,
        text="Tekst",
        author_name="Anna",
        parent=parent,
    )
    assert (placed.state == "held") == bool(placed.reasons)
    assert (placed.state == "published") == ((setting or site) == "post")
    assert placed.parent is None, "an answer under another article's comment answers nothing"


# --- masking -----------------------------------------------------------------------------------------------------

CENTURIES = {18: 80, 19: 0, 20: 20, 21: 40, 22: 60}
"""What is added to the month of a birth date by its century."""


def _pesel(day: dt.date, serial: int) -> str:
    month = day.month + CENTURIES[day.year // 100]
    return _with_check(f"{day.year % 100:02d}{month:02d}{day.day:02d}{serial:04d}")


def _with_check(ten: str) -> str:
    total = sum(
        int(digit) * weight for digit, weight in zip(ten, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True)
    )
    return ten + str(-total % 10)


pesels = st.builds(_pesel, st.dates(dt.date(1800, 1, 1), dt.date(2299, 12, 31)), st.integers(0, 9999))

BETWEEN = st.sampled_from(["", " ", "-", ".", "/", "_", "\u00a0", "\u2013", "\u200b", "  ", " - ", "\n"])


@given(pesels, st.data(), st.text(st.characters(exclude_categories=("Nd", "Cs")), max_size=20))
def test_no_pesel_comes_through_however_it_is_written(pesel: str, data: st.DataObject, around: str) -> None:
    written = "".join(digit + data.draw(BETWEEN) for digit in pesel)
    if data.draw(st.booleans(), label="full width"):
        written = written.translate({48 + n: 0xFF10 + n for n in range(10)})
    text = f"{around}{written}{around}"
    assert has_pesel(text)
    shown = mask(text)
    assert "".join(char for char in shown if char.isdecimal()) in (pesel[:3], "")
    assert mask(shown) == shown


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mój PESEL 44051401359, sprawdźcie", "Mój PESEL 440••••••••, sprawdźcie"),
        ("tel. 601 234 567", "tel. 601••••••"),
        ("jan.kowalski@example.com", "j•••@•••"),
        ("sprawa 12345678901", "sprawa 12345678901"),
        ("art. 71 ust. 1 pkt 2, 365 dni, 1 491,90 zł", "art. 71 ust. 1 pkt 2, 365 dni, 1 491,90 zł"),
        ("od 01.01.2026 do 31.12.2026", "od 01.01.2026 do 31.12.2026"),
        ("Infolinia 19524, godz. 8:00-15:00", "Infolinia 19524, godz. 8:00-15:00"),
    ],
)
def test_what_is_masked_and_what_is_left(text: str, shown: str) -> None:
    assert mask(text) == shown


# --- reports -----------------------------------------------------------------------------------------------------

reasons = st.sampled_from(["spam", "abuse", "other"])
reports = st.lists(
    st.builds(
        Reported,
        who=st.sampled_from("abcdefgh"),
        reason=reasons,
        outcome=st.sampled_from([None, "kept"]),
    ),
    max_size=12,
)


@given(reports, st.sampled_from(["threat", "personal-data"]))
def test_one_grave_report_always_hides(earlier: list[Reported], grave: str) -> None:
    assert weigh([*earlier, Reported(who="z", reason=grave)]) == "hide"


@given(reports)
def test_a_further_report_never_makes_it_better(earlier: list[Reported]) -> None:
    order = ["silent", "show", "hide"]
    verdicts = [order.index(weigh(earlier[:n])) for n in range(len(earlier) + 1) if _all_open(earlier[:n])]
    assert verdicts == sorted(verdicts)


def _all_open(found: list[Reported]) -> bool:
    return all(report.outcome is None for report in found)


@given(reports)
def test_fewer_than_three_people_never_hide(found: list[Reported]) -> None:
    if len({report.who for report in found if report.outcome is None}) < 3:
        assert weigh(found) != "hide"
