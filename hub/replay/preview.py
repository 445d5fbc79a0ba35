"""In the hub: what the rule in somebody's editor would catch, answered by a child process that is kept warm.

A preview is asked for with every pause in typing, so it must be there within a second and must not be felt by anybody
else. The child keeps the latest messages decoded and the draft compiled; it goes when nobody asked for some minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from connectors.contract import Clock
from hub.config import Config
from hub.replay.child import Child, ChildEnded, start_child
from hub.replay.protocol import Preview, PreviewOrder, Problem, setting_of
from rules.text import Text, mark

MESSAGES = 2_000
"""Messages looked at."""

EXAMPLES = 20

PATIENCE = 0.8
"""Seconds for which an answer is waited for; then what is known is shown, and the page asks again."""

WARM = 180.0
"""Seconds after which a child that nobody asked ends."""

BROKEN = mark(
    "The latest messages cannot be looked at just now. Go on editing; it is tried again with the next change."
)

Answer = Preview | Problem

Place = tuple[int, str, str]
"""A draft, the rule of it that is edited, the rule behind which a new one stands."""

Asked = tuple[str, str]
"""The text of the draft, and of the rule."""


class Previewer:
    """Previews of one hub: one child, one order at a time; of several for one place the latest counts."""

    def __init__(self, clock: Clock, config: Callable[[], Config]) -> None:
        self._clock = clock
        self._config = config
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self._wanted: dict[Place, tuple[Asked, asyncio.Task[None]]] = {}
        self._answers: dict[Place, tuple[Asked, Answer]] = {}
        self._asked_at = 0.0
        self._keeper: asyncio.Task[None] | None = None

    async def preview(
        self, draft: int, source: str, rule: str, *, replaces: str = "", after: str = ""
    ) -> Answer | None:
        """What ``rule`` (YAML) catches in the draft with this ``source``: as much as is known within a second.

        None: nothing yet. An answer that is not the ``last`` is worth asking for again.
        """
        place, asked = (draft, replaces, after), (source, rule)
        self._asked_at = self._clock.monotonic()
        known = self._known(place, asked)
        if known is not None and _final(known):
            return known
        wanted, task = self._wanted.get(place, (None, None))
        if task is None or wanted != asked or task.done():
            task = asyncio.create_task(self._answer(place, asked), name="preview")
            self._wanted[place] = (asked, task)
        await asyncio.wait({task}, timeout=PATIENCE)
        return self._known(place, asked)

    def _known(self, place: Place, asked: Asked) -> Answer | None:
        found = self._answers.get(place)
        return found[1] if found is not None and found[0] == asked else None

    async def _answer(self, place: Place, asked: Asked) -> None:
        """Ask the child and keep what it says. A child that broke is replaced with the next order."""
        async with self._turn:
            if self._wanted.get(place, (asked,))[0] != asked:
                return  # whoever typed on does not want this answer any more
            try:
                await self._ask(place, asked)
            except (ChildEnded, OSError, msgspec.MsgspecError):
                await self._end()
                self._answers[place] = (asked, Problem(text=Text(BROKEN)))

    async def _ask(self, place: Place, asked: Asked) -> None:
        if self._child is None:
            self._child = await start_child()
            self._keeper = asyncio.create_task(self._keep(), name="preview-child")
        order = PreviewOrder(
            setting=setting_of(self._config()),
            draft=asked[0],
            rule=asked[1],
            replaces=place[1],
            after=place[2],
            messages=MESSAGES,
            examples=EXAMPLES,
        )
        await self._child.send(order)
        while True:
            said = await self._child.hear()
            if isinstance(said, Preview | Problem):
                self._answers[place] = (asked, said)
                if _final(said):
                    return

    async def _keep(self) -> None:
        """End the child when nobody asked for a while."""
        while (left := self._asked_at + WARM - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
        async with self._turn:
            self._wanted.clear()
            await self._end()

    async def _end(self) -> None:
        child, self._child = self._child, None
        self._answers.clear()
        if child is not None:
            await child.end()

    async def close(self) -> None:
        """At the end of the hub."""
        for _, task in self._wanted.values():
            task.cancel()
        if self._keeper is not None:
            self._keeper.cancel()
        await self._end()


def _final(answer: Answer) -> bool:
    return isinstance(answer, Problem) or answer.last
