"""The inboxes of this process: built from the configuration, at work, kept undisturbed through a reload."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.contract import Connector, Health, Invites, Log, Route, SendError
from hub.building import made_of
from hub.cluster.leases import Lease
from hub.config import Inbox
from hub.directory import Directory
from hub.i18n import mark as N_
from hub.running import STARTING, Means, Running, lease_of, start, stop

Make = Callable[[Directory, Inbox], Connector]

Built = Mapping[str, tuple[object, Running]]
"""By id: what the configuration said of the inbox, and what was made of it."""


class Inboxes:
    """``sends``: whether this process sends for inboxes from which any process may send."""

    def __init__(self, means: Means, make: Make, log: Callable[[str], Log], *, sends: bool) -> None:
        self._means = means
        self._make = make
        self._log = log
        self._sends = sends
        self._built: Built = {}
        self._at_work: list[Running] = []

    def build(self, found: Directory) -> Built:
        """Connectors of a configuration; those that would be made of the same go on. Nothing changes yet."""
        made: dict[str, tuple[object, Running]] = {}
        for inbox in found.config.inboxes:
            kept, wanted = self._built.get(inbox.id), made_of(found, inbox)
            if inbox.enabled and kept is not None and kept[0] == wanted:
                made[inbox.id] = kept
            elif inbox.enabled:
                made[inbox.id] = wanted, Running(inbox=inbox.id, connector=self._make(found, inbox))
        return made

    def swap(self, built: Built) -> None:
        """These are the inboxes from now on; :meth:`stop_gone` and :meth:`start` then follow."""
        self._built = built

    def start(self) -> None:
        """Set those to work that are not yet."""
        for _, running in self._built.values():
            if running not in self._at_work:
                start(running, self._means, self._log(running.inbox))
                self._at_work.append(running)

    async def stop_gone(self) -> int:
        """Stop those that are no more; returns how many."""
        present = [running for _, running in self._built.values()]
        return await self._stop([running for running in self._at_work if running not in present])

    async def stop(self) -> None:
        """Stop all of them."""
        await self._stop(list(self._at_work))

    async def _stop(self, gone: list[Running]) -> int:
        await stop(*gone, keeper=self._means.keeper, log=self._log)
        self._at_work = [running for running in self._at_work if running not in gone]
        return len(gone)

    # --- what others ask for -----------------------------------------------------------------------------------

    def connectors(self) -> Mapping[str, Connector]:
        """All connectors, by inbox."""
        return {inbox: running.connector for inbox, (_, running) in self._built.items()}

    def routes(self) -> list[Route]:
        """What all of them answer on the public listener."""
        return [route for connector in self.connectors().values() for route in connector.routes()]

    async def invite(self, inbox: str, token: str) -> str:
        """The link of an inbox into the conversation that ``token`` names. Raises SendError."""
        connector = self.connectors().get(inbox)
        if connector is None or not isinstance(connector, Invites):
            raise SendError("permanent", N_("This inbox makes no links."), f"{inbox} does not invite")
        return await connector.invitation(token)

    def health(self) -> Mapping[str, Health]:
        """The health of each inbox, as the process tells that reads it. What a process told that is gone, or that gave
        the inbox away a moment ago, is no news."""
        keeper = self._means.keeper
        living = [member for member in keeper.members if not keeper.gone(member.id)]
        living.sort(key=lambda member: member.beat_at)
        told = {inbox: health for member in living for inbox, health in member.health.items()}
        here = self.read_here()
        return {inbox: here.get(inbox) or told.get(inbox, STARTING) for inbox in self._built}

    def read_here(self) -> Mapping[str, Health]:
        """The health of inboxes that this process reads."""
        return {
            inbox: running.health
            for inbox, (_, running) in self._built.items()
            if self._means.keeper.held(lease_of(inbox)) is not None
        }

    def mine(self, connectors: Mapping[str, Connector]) -> Mapping[str, Lease | None]:
        """Those of ``connectors`` that this process may send for, with the lease where only its holder may."""
        keeper = self._means.keeper
        anywhere = {
            inbox: None
            for inbox, connector in connectors.items()
            if keeper.alone or (connector.capabilities.sends_from == "anywhere" and self._sends)
        }
        held = {inbox: keeper.held(lease_of(inbox)) for inbox in connectors.keys() - anywhere.keys()}
        return anywhere | {inbox: lease for inbox, lease in held.items() if lease is not None}
