"""Effects with I/O: claimed, carried out side by side, settled.

Nobody waits for them: notices and automatic answers go on while an address that a rule calls is silent, and files of
one channel while that of another is. One that is cut off is taken up again, so each must bear being done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import Row, select, update

from connectors._failpoint import failpoint
from connectors.contract import Log, SendError, fault
from hub.store import schema
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Tx
from hub.wake import Wake

from .effects import RUN_LIMIT, due, put_off

effect = schema.effect

Outside = Callable[[Row[Any]], Awaitable[None]]
"""Carried out with I/O; must bear being done again after a crash. Raises SendError."""

AT_ONCE = 8
"""Effects of one kind that a process carries out at the same time."""

LONGEST = RUN_LIMIT / 1_000_000 * 0.75
"""Seconds that one may take: it must have ended before anybody takes it for left behind."""


class Errands:
    """What this process has in hand. ``outside`` by kind; ``wake`` is rung when there is room for one more."""

    def __init__(self, store: Store, outside: Mapping[str, Outside], wake: Wake, log: Log) -> None:
        self._store = store
        self._outside = outside
        self._wake = wake
        self._log = log
        self._tasks: dict[asyncio.Task[None], str] = {}

    def free(self) -> list[str]:
        """The kinds of which one more can be begun."""
        return [kind for kind in self._outside if self._room(kind) > 0]

    async def begin(self) -> int:
        """Claim what is due and begin with it; returns how many. Raises StorageFault, StoreFull."""
        begun = 0
        for kind in self.free():
            room = self._room(kind)
            for row in await self._store.write(lambda tx, kind=kind, room=room: take(tx, kind, room)):  # type: ignore[misc]
                failpoint("effects.taken")
                task = asyncio.create_task(self._carry_out(row), name=f"effect-{row.id}")
                self._tasks[task] = kind
                task.add_done_callback(self._done)
                begun += 1
        return begun

    def cancel(self) -> None:
        """Stop at once what is in hand; somebody takes it up again."""
        for task in self._tasks:
            task.cancel()

    def _room(self, kind: str) -> int:
        return AT_ONCE - sum(busy == kind for busy in self._tasks.values())

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("the end of an effect was not noted", task=task.get_name(), error=repr(error))
        self._wake.ring()

    async def _carry_out(self, row: Row[Any]) -> None:
        # The store tells of its outage itself, and the effect is taken up again as one left behind.
        with contextlib.suppress(StorageFault, StoreFull):
            await self._act(row)

    async def _act(self, row: Row[Any]) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                await self._outside[row.kind](row)
            failpoint("effects.acted")
        except SendError as error:
            wait = int(error.retry_after * 1e6) if error.retry_after else None
            final, why = error.kind == "permanent", error.private
            await self._conclude(row, lambda tx: put_off(tx, row, why, wait=wait, final=final))
        except (StorageFault, StoreFull):
            raise
        except TimeoutError:
            await self._conclude(row, lambda tx: put_off(tx, row, "it took too long"))
        except Exception as error:
            self._log.error("effect failed", effect=row.id, effect_kind=row.kind, **fault(error))
            why = type(error).__name__
            await self._conclude(row, lambda tx: put_off(tx, row, why))
        else:
            done = {"state": "done", "attempts": row.attempts + 1}
            await self._conclude(row, lambda tx: tx.change(effect, row.id, **done))

    async def _conclude(self, claimed: Row[Any], command: Callable[[Tx], object]) -> None:
        """Note how it went, unless it took so long that it was taken up again, perhaps by another process."""

        def conclude(tx: Tx) -> None:
            row = tx.locked(effect, claimed.id)
            if row is not None and (row.state, row.due_at) == ("running", claimed.due_at):
                command(tx)

        await self._store.write(conclude)


def take(tx: Tx, kind: str, most: int) -> list[Row[Any]]:
    """Claim due effects of a kind; the time of the claim, as their due time, tells it from a later one."""
    claimed = [row.id for row in due(tx, [kind], most)]
    if not claimed:
        return []
    tx.execute(update(effect).where(effect.c.id.in_(claimed)).values(state="running", due_at=tx.now))
    return list(tx.rows(select(effect).where(effect.c.id.in_(claimed)).order_by(effect.c.id)))
