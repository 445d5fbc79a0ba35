"""Whatever moderators decide, the platform refuses and others do there: in the end the post says what stands there."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Outbound, SendError, Sent
from hub.moderation.platform import MAKES
from hub.scope import Conflict
from hub.store.sqlite import SqliteStore
from tests.hub.conftest import FakeClock, empty_store
from tests.hub.moderation.platform_world import CAN, Elsewhere, Platform

FITS = {
    ("published", "published"),
    ("hidden", "hidden"),
    ("rejected", "hidden"),
    ("rejected", "deleted"),
    ("erased", "deleted"),
}
"""States beside how a comment may stand when nothing is on its way."""

DEEDS = ("hide", "reject", "publish", "delete", "undo", "")
FAULTS = ("", "", "fail-temporary", "fail-permanent", "fail-lost", "fail-done")
THEN = ("work", "work", "wait", "echoes", "there-hidden", "there-published", "there-deleted")

STEPS = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.sampled_from(FAULTS), st.sampled_from(THEN)), max_size=6
).map(lambda phrases: [step for phrase in phrases for step in phrase if step])
"""A decision, how the platform takes it, and what happens next; several times."""


class Real(Platform):
    """A platform with one comment that really stands somehow; it tells of every change, when the test lets it."""

    def __init__(self) -> None:
        super().__init__(CAN)
        self.truth = "published"
        self.next = ""
        self.echoes: list[tuple[str, int]] = []
        self.clock = FakeClock()

    def becomes(self, standing: str) -> None:
        if self.truth not in (standing, "deleted"):
            self.truth = standing
            self.echoes.append((standing, self.clock.now()))

    async def send(self, outbound: Outbound) -> Sent:
        how, self.next = self.next, ""
        if how in ("temporary", "permanent"):
            raise SendError("temporary" if how == "temporary" else "permanent", "Refused.")
        if how == "lost":
            raise SendError("ambiguous", "Broken.")
        if self.truth == "deleted" and outbound.operation != "delete":
            raise SendError("permanent", "Gone.", gone=True)
        self.becomes(MAKES[outbound.operation])
        if how == "done":
            raise SendError("ambiguous", "Broken after it was done.")
        return Sent(state="delivered")


async def play(steps: list[str], folder: Path) -> None:
    clock = FakeClock()
    store = SqliteStore(empty_store(folder / "x.db"), clock)
    await store.open()
    try:
        there = await Elsewhere(store, clock).open()
        real = Real()
        real.clock = clock
        there.peer = real
        number = await there.comment(ref="c-1")
        for step in steps:
            await one(there, real, number, step)
            clock.move(2)
        real.next = ""
        for _ in range(8):
            await echo(there, real)
            await there.work(wait=4000)
        assert (await there.row(number)).standing == real.truth, steps
        assert await there.stands(number) in FITS, steps
    finally:
        await store.close()


async def one(there: Elsewhere, real: Real, number: int, step: str) -> None:
    kind, _, what = step.partition("-")
    if kind == "there":
        real.becomes(what)
        await echo(there, real)
    elif kind == "fail":
        real.next = what
    elif kind == "echoes":
        await echo(there, real)
    elif kind in ("work", "wait"):
        await there.work(wait=30 if kind == "work" else 1)
    elif kind == "undo":
        try:
            await there.undo()
        except Conflict:
            return
    else:
        await there.decide(kind, number, reason="abuse")  # type: ignore[arg-type]


async def echo(there: Elsewhere, real: Real) -> None:
    for standing, at in real.echoes:
        await there.told(standing, "c-1", at=at)
    real.echoes.clear()


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_in_the_end_the_post_says_what_stands_there(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(steps, Path(folder)))
