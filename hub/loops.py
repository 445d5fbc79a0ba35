"""The loops of a hub: which runs by which role, which in every process at once, which under a lease.

What claims its rows one by one (deliveries, effects, due timers: ``FOR UPDATE SKIP LOCKED``) runs in every process that
has the role: a row is locked from its claim to the commit that settles it, so that no lease could make it safer. What
follows the stream, or has one place for all, runs under a lease, and each of its writes names it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from connectors.contract import Blobs, Clock, Connector, Egress, Log
from hub.callbacks.offers import on_timer as on_callback_timer
from hub.callbacks.record import TIMER as CALLBACK
from hub.chats.leaving import HANDLERS as CHAT_TIMERS
from hub.cluster.fenced import FencedStore
from hub.cluster.keeper import Keeper
from hub.cluster.leases import Lease
from hub.cluster.roles import Role
from hub.deciding.existing import TIMERS as DECIDING_TIMERS
from hub.deciding.waiting import keep_armed
from hub.desk.access import GRANT_END
from hub.desk.timed import HANDLERS as DESK_TIMERS
from hub.house import House
from hub.keeping import Loop, Work
from hub.outbox.errands import Errands
from hub.outbox.handlers import INSIDE, outside
from hub.outbox.runner import run_effects
from hub.people.leaving import HANDLERS as PEOPLE_TIMERS
from hub.people.presence import AGENT_GONE, BROWSER_GONE
from hub.people.watching import watch_pages
from hub.phone.follow import TIMER as PHONE
from hub.phone.follow import on_timer as on_phone_timer
from hub.replay.replaying import run_replays
from hub.replay.shadow import run_shadows
from hub.ruleset.drafts import TIMER as RULES
from hub.ruleset.faults import watch_faults
from hub.ruleset.lifecycle import on_timer as on_rules_timer
from hub.search.follower import run_search
from hub.store import schema
from hub.store.store import Store
from hub.stream import Stream
from hub.surveys.asking import HANDLERS as SURVEY_TIMERS
from hub.sweep import run_sweeps
from hub.timers import Handler, Subjects, run_timers
from hub.wake import Wake

TIMERS: Mapping[str, Handler] = {
    **CHAT_TIMERS,
    **DECIDING_TIMERS,
    **DESK_TIMERS,
    **PEOPLE_TIMERS,
    **SURVEY_TIMERS,
    CALLBACK: on_callback_timer,
    PHONE: on_phone_timer,
    RULES: on_rules_timer,
}

NOT_OF_CONVERSATIONS: Subjects = {
    CALLBACK: schema.callback,
    PHONE: schema.message,
    RULES: None,
    GRANT_END: None,
    BROWSER_GONE: None,
    AGENT_GONE: None,
}
"""Timer kinds about something else than a conversation (see :data:`hub.timers.Subjects`)."""

WAKES = ("outbox", "effects", "timers", "rules", "armed", "replay", "shadow")
"""Loops that a commit may ring."""

Leased = Callable[[Store], Work]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the loops work with; ``sweep_blobs`` drops large bytes that nobody refers to."""

    store: Store
    stream: Stream
    clock: Clock
    house: Callable[[], House]
    connectors: Callable[[], Mapping[str, Connector]]
    egress: Egress
    blobs: Blobs
    sweep_blobs: Callable[[], Awaitable[int]]
    wakes: Mapping[str, Wake]
    log: Callable[[str], Log]


def everywhere(parts: Parts, roles: tuple[Role, ...]) -> dict[str, Loop]:
    """Loops that each process with these roles runs, by name."""
    store, clock, house, log = parts.store, parts.clock, parts.house, parts.log("loops")
    found: dict[str, Loop] = {}
    if "outbox" in roles:
        acts = outside(store, house, parts.connectors, parts.egress, parts.blobs, clock)
        wake = parts.wakes["effects"]
        found["effects"] = lambda: run_effects(
            store, clock, house, INSIDE, Errands(store, acts, wake, log), wake, log
        )
    if "timers" in roles:
        found["timers"] = lambda: run_timers(
            store, clock, house, TIMERS, NOT_OF_CONVERSATIONS, parts.wakes["timers"], log
        )
    return found


def leased(parts: Parts) -> dict[str, Leased]:
    """Loops of which there is one at a time, by lease, for processes with the role ``timers``."""
    clock, house, wakes, log = parts.clock, parts.house, parts.wakes, parts.log("loops")
    return {
        "sweeps": lambda store: run_sweeps(store, clock, house, parts.sweep_blobs, log),
        "armed": lambda store: keep_armed(store, clock, house, wakes["armed"]),
        "faults": lambda store: watch_faults(store, clock, parts.log("rules")),
        "search": lambda store: run_search(store, parts.stream, clock, log),
        "replay": lambda store: run_replays(store, clock, house, wakes["replay"], log),
        "shadow": lambda store: run_shadows(store, clock, house, wakes["shadow"], log),
    }


def keep_leased(keeper: Keeper, parts: Parts) -> None:
    """Have each of :func:`leased` run while its lease is ours, on a store that makes sure of it."""
    loops = leased(parts)
    if not keeper.alone:
        seconds = parts.house().directory.config.hub.lease_seconds
        loops["pages"] = lambda store: watch_pages(store, parts.clock, seconds)
    for name, loop in loops.items():

        def work(lease: Lease, loop: Leased = loop) -> Work:
            return loop(FencedStore(parts.store, lease))

        keeper.keep(name, work)
