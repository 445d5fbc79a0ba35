"""Keeps this process's leases: takes what is free, renews, and stops at once what it has lost.

A coroutine given to :meth:`Keeper.keep` runs while this process holds its lease, and no other process runs it then. A
process that cannot renew for the length of a lease stops everything by itself, because others may have taken over; what
it still writes in the meantime is refused by the fence (:mod:`hub.cluster.leases`). Where a store has one process
only (SQLite), everything is held at once and nothing is written.

With a lease of 10 s, renewed every 3 s and looked at every second, a process that dies is replaced within 12 s, and one
that ends in good order within 1 s. Leases of one kind are spread: nobody keeps more than a fair share of them while
others with the same role have less (:mod:`hub.cluster.shares`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial

import msgspec

from connectors._failpoint import failpoint
from connectors.contract import Clock, Health, Log
from hub.cluster import leases, members
from hub.cluster.leases import Fenced, Lease, Standing
from hub.cluster.members import Me, Member
from hub.cluster.refusals import NameTaken, OtherSecret
from hub.cluster.roles import ROLES, Role
from hub.cluster.shares import alive, fair_share
from hub.cluster.wants import Want, Work
from hub.cluster.witness import Witness
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Tx

TTL = 10.0
"""Seconds that a lease lasts without being renewed."""

RENEW = 0.3
LOOK = 0.1
"""Parts of a lease's time between two renewals, and between two looks at what is free."""

LEFT = 0.5
"""Part of a lease's time after which what is free is taken by whoever sees it, fair share or not."""

STAY = 60
"""Times a lease's time for which such a one is not handed over again."""

STUCK = 3
"""Times a lease's time after which it is told that something does not end whose lease was lost."""

REST = 10.0
"""Seconds after which what ended by itself is taken up again: somebody else may try first."""

PARTING = 2.0
"""Seconds that the database has to note that we let go of something."""

FORGET = 86_400
"""Seconds after which a silent process is no longer listed."""

SECOND = 1_000_000


class Keeper:
    """``alone``: no other process uses the store. ``health`` gives that of the inboxes read here, for the others.

    ``displaced`` is called once when another process has taken our name.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        me: Me,
        log: Log,
        *,
        alone: bool,
        ttl: float = TTL,
        health: Callable[[], Mapping[str, Health]] = dict,
        displaced: Callable[[], None] = lambda: None,
    ) -> None:
        self.me = me
        self.alone = alone
        self.members: tuple[Member, ...] = ()
        self._store = store
        self._clock = clock
        self._log = log
        self._ttl = ttl
        self._health = health
        self._displaced = displaced
        self._wants: dict[str, Want] = {}
        self._dead = ""
        self._handing: set[asyncio.Task[None]] = set()
        self._renewed = clock.monotonic()
        self._unbroken_since = float("inf")
        self._witness = Witness(ttl)

    # --- what others ask for -----------------------------------------------------------------------------------

    def keep(self, name: str, work: Work, *, role: Role = "timers") -> None:
        """From now on do this whenever we hold the lease ``name``, which is shared out among processes with ``role``.
        Raises ValueError for a name that is kept."""
        if name in self._wants:
            raise ValueError(f"{name} is kept already")
        want = self._wants[name] = Want(name, role, work, self._clock.monotonic())
        if self.alone:
            self._start(want, Lease(name=name, fence=0), float("inf"))

    async def drop(self, *names: str) -> None:
        """Do these no more: returns when they have stopped and are free for others. No error where one is not kept."""
        wants = [want for name in names if (want := self._wants.pop(name, None)) is not None]
        await self._give_up(wants)

    def reloaded(self, setup: str) -> None:
        """We run with another configuration now."""
        self.me = msgspec.structs.replace(self.me, setup=setup)

    def held(self, name: str) -> Lease | None:
        """The lease, while it is ours."""
        want = self._wants.get(name)
        return want.lease if want is not None else None

    def gone(self, node_id: str) -> bool:
        """Whether a process begins nothing any more: one before us in our data folder; where we are alone, any other;
        else one whose row stood still before our eyes for longer than it may (:mod:`hub.cluster.witness`)."""
        return self._certainly_dead(node_id) or self._witness.gone(node_id, self._clock.monotonic())

    def still_gone(self, tx: Tx, node_id: str) -> bool:
        """The same, in the transaction that acts on it: one that comes back does so before it or after it."""
        if self._certainly_dead(node_id):
            return True
        return self.gone(node_id) and members.unmoved(tx, node_id, self._witness.last(node_id))

    def _certainly_dead(self, node_id: str) -> bool:
        return self.alone or node_id == self._dead or self.me.follows(node_id)

    def unbroken(self, since: float) -> bool:
        """Whether nobody can have taken us for :meth:`gone` between ``since``, a moment of our stopwatch, and now."""
        return self.alone or (
            since >= self._unbroken_since and self._clock.monotonic() - self._renewed < self._ttl
        )

    def lost(self, fenced: Fenced) -> None:
        """A write was refused: stop what was done in the name of these leases, without waiting for the next look."""
        for name in fenced.names:
            if (want := self._wants.get(name)) is not None and want.lease is not None:
                self._lose(want)

    # --- life --------------------------------------------------------------------------------------------------

    async def enter(self) -> None:
        """Take our name among the processes. Raises :class:`CannotJoin`, StorageFault.

        Where a run before us had it from elsewhere and may be alive, wait for as long as a lease lasts to see.
        """
        if self.alone:
            return
        others = alive(await self._store.read(members.members), self._ttl)
        if odd := [other.name for other in others if other.secret != self.me.secret]:
            raise OtherSecret(odd)
        began = self._clock.monotonic()
        first: members.Taken | None = None
        while True:
            stale = first if self._clock.monotonic() - began >= self._ttl else None
            found = await self._store.write(partial(members.enter, me=self.me, ttl=self._micros, stale=stale))
            if not isinstance(found, members.Taken):
                self._dead = found or ""
                return
            if first is not None and found != first:
                raise NameTaken(self.me.name)
            if first is None:
                self._log.info("waiting whether the process that had our name is gone", node=self.me.name)
            first = found
            await self._clock.sleep(self._ttl * LOOK)

    async def run(self) -> None:
        """Until cancelled: renew, and take what is free."""
        if self.alone:
            await asyncio.Event().wait()
        self._renewed = self._clock.monotonic()
        guard = asyncio.create_task(self._guard(), name="leases-guard")
        due = float("-inf")
        try:
            while True:
                began = self._clock.monotonic()
                try:
                    if began >= due:
                        await self._renew(began)
                        due = began + self._ttl * RENEW
                    await self._look()
                except (StorageFault, StoreFull):
                    pass  # the store tells of its outage itself
                except Exception as error:  # whatever it was, the others take over when it lasts
                    self._log.error("leases were not looked after", error=repr(error))
                await self._clock.sleep(self._ttl * LOOK)
        finally:
            guard.cancel()

    async def retire(self) -> None:
        """Stop everything that is done under leases, and let others have it; we take no more."""
        await self._note(lambda tx: members.retire(tx, self.me))
        await asyncio.gather(*self._handing, return_exceptions=True)
        await self.drop(*self._wants)

    async def leave(self) -> None:
        """Go from the list of processes, after :meth:`retire`."""
        await self._note(lambda tx: members.leave(tx, self.me))

    # --- renewing ----------------------------------------------------------------------------------------------

    async def _renew(self, began: float) -> None:
        """One transaction for all: that we live, and that we hold what we hold."""
        holding = {want.lease for want in self._wants.values() if want.lease is not None}
        failpoint("leases.renew.before")
        known, mine = await self._store.write(partial(self._renewal, holding=holding))
        failpoint("leases.renew.after")
        now = self._clock.monotonic()
        if not known or now - self._renewed >= self._ttl or self._unbroken_since > now:
            self._unbroken_since = now
        self._renewed = began
        if not known:
            await self._come_back()
        for want in self._wants.values():
            if want.lease in mine:
                want.until = began + self._ttl
            elif want.lease in holding:
                self._lose(want)

    def _renewal(self, tx: Tx, holding: Collection[Lease]) -> tuple[bool, set[Lease]]:
        known = members.beat(tx, self.me, self._health())
        mine = set(leases.renew(tx, self.me.id, holding, self._micros))
        members.forget(tx, FORGET * SECOND)
        return known, mine

    async def _come_back(self) -> None:
        """Our row is gone: forgotten after a very long sleep, or another process goes by our name now."""
        found = await self._store.write(lambda tx: members.enter(tx, self.me, self._micros))
        if isinstance(found, members.Taken):
            self._displaced()

    async def _guard(self) -> None:
        """Who cannot renew stops by itself: others take over when the leases have run out."""
        while True:
            await self._clock.sleep(self._ttl * LOOK)
            for want in self._wants.values():
                if want.lease is not None and self._clock.monotonic() >= want.until:
                    self._lose(want)

    def _lose(self, want: Want) -> None:
        self._log.warning("lease lost", lease=want.name, node=self.me.name)
        want.lease, want.ending_since = None, self._clock.monotonic()
        if want.task is not None:
            want.task.cancel()

    # --- taking ------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Stop what others hold by now, take what is free."""
        seen, self.members = await self._store.read(lambda tx: (leases.standings(tx), members.members(tx)))
        now = self._clock.monotonic()
        self._witness.looked({member.id: member.beat_at for member in self.members}, now)
        for want in self._wants.values():
            standing = seen.get(want.name)
            if want.lease is not None and not self._ours(want.lease, standing):
                self._lose(want)
            elif standing is not None and standing.mark != want.mark:
                want.mark, want.marked = standing.mark, now
            if want.stuck(now, STUCK * self._ttl):
                self._log.error("a loop of the hub does not end", loop=want.name, node=self.me.name)
                want.ending_since = None
        for role in ROLES:
            await self._share(role, seen, now)

    async def _share(self, role: Role, seen: Mapping[str, Standing], now: float) -> None:
        """Take what is free of one kind, or give up what is more than our share."""
        wants = [want for want in self._wants.values() if want.role == role]
        movable = [want for want in wants if not want.leaves and now >= want.stays_until]
        ours = [want for want in movable if want.lease is not None]
        share = fair_share(len(wants), role, self.members, self._ttl)
        free = [want for want in wants if want.free(seen.get(want.name), self._gone, now, self._ttl)]
        for want in wants:
            want.free_since = (want.free_since or now) if want in free else None
        # What nobody takes for a while stays with us for long: the others may not know it, or cannot have it.
        left = [want for want in free if now - (want.free_since or now) >= self._ttl * LEFT]
        more = [want for want in free if want not in left][: max(0, share - len(ours))]
        surplus = ours[: max(0, len(ours) - share)]
        if left or more:
            for want in left:
                want.stays_until = now + STAY * self._ttl
            await self._take([want.name for want in (*left, *more)], now)
        elif surplus:
            self._hand_over(surplus)

    def _hand_over(self, wants: list[Want]) -> None:
        """Give up these beside the renewals: what is stopped may take a while to end."""
        for want in wants:
            want.leaves = True
        task = asyncio.create_task(self._give_up(wants), name="leases-handed-over")
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)

    def _ours(self, lease: Lease, standing: Standing | None) -> bool:
        return standing is not None and standing.holder == self.me.id and standing.fence == lease.fence

    @property
    def _gone(self) -> tuple[str, ...]:
        """Holders that hold nothing: the run before us, and ourselves where a taking was committed unheard."""
        return self._dead or self.me.id, self.me.id

    async def _take(self, names: list[str], now: float) -> None:
        stale = {
            name: mark
            for name in names
            if self._wants[name].stale(now, self._ttl) and (mark := self._wants[name].mark) is not None
        }
        began = self._clock.monotonic()
        failpoint("leases.take.before")
        took = await self._store.write(
            lambda tx: leases.take(tx, self.me.id, names, self._micros, stale=stale, dead=self._gone)
        )
        failpoint("leases.take.after")
        unwanted = []
        for lease in took:
            if (want := self._wants.get(lease.name)) is not None and want.lease is None:
                self._start(want, lease, began + self._ttl)
            else:  # it was dropped while we took it
                unwanted.append(lease)
        await self._release(unwanted)

    # --- working -----------------------------------------------------------------------------------------------

    def _start(self, want: Want, lease: Lease, until: float) -> None:
        if not self.alone:
            self._log.info("lease taken", lease=lease.name, fence=lease.fence, node=self.me.name)
        want.lease, want.until = lease, until
        want.task = asyncio.create_task(self._work(want, lease), name=want.name)

    async def _work(self, want: Want, lease: Lease) -> None:
        """Do it. What ends by itself is taken up again after a rest, here or elsewhere."""
        while True:
            try:
                await want.work(lease)
                self._log.error("a loop of the hub ended", loop=want.name)
            except Fenced:
                self._log.warning("a write was refused: another node has the lease", lease=want.name)
            except Exception as error:
                self._log.error("a loop of the hub ended", loop=want.name, error=repr(error))
            if not self.alone:
                break
            await self._clock.sleep(REST)
        want.rests_until = self._clock.monotonic() + REST
        if want.lease == lease:
            want.lease = None
            await self._release([lease])

    async def _give_up(self, wants: list[Want]) -> None:
        tasks = [want.task for want in wants if want.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            # What does not end is left to the fence: nobody may be kept from the lease by it.
            await asyncio.wait(tasks, timeout=self._ttl)
        given = [want.lease for want in wants if want.lease is not None]
        for want in wants:
            want.lease = None
        await self._release(given)
        for want in wants:
            want.leaves = False

    async def _release(self, given: list[Lease]) -> None:
        if given:
            await self._note(lambda tx: leases.release(tx, self.me.id, given))

    async def _note(self, command: Callable[[Tx], None]) -> None:
        """Tell the others that we let go. Where the database does not take it, they see it when a lease has run out."""
        if not self.alone:
            with suppress(StorageFault, StoreFull, TimeoutError):
                async with asyncio.timeout(PARTING):
                    await self._store.write(command)

    @property
    def _micros(self) -> int:
        return int(self._ttl * SECOND)
