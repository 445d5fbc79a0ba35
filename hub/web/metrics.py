"""The figures at ``/metrics`` (Prometheus text format): read from the store when asked, never personal.

``METRICS`` names them all; docs/administration.md describes each, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from connectors.contract import Health
from hub.cluster.leases import NOBODY, Standing, standings
from hub.cluster.members import Member, members
from hub.cluster.roles import ROLES
from hub.config import Config
from hub.people.overview import Line, lines
from hub.people.throttle import failures
from hub.ruleset.hits import failing
from hub.running import lease_of
from hub.scope import SYSTEM
from hub.search.follower import behind
from hub.store.schema import delivery, effect, raw, timer
from hub.store.store import StorageFault
from hub.store.tx import Reader
from hub.web.desk import Desk
from hub.web.shared import Shared

METRICS: Mapping[str, str] = {
    "centrala_ready": "1 when the hub takes messages.",
    "centrala_store_up": "1 when the store gave its figures; without it those of the store are left out.",
    "centrala_conversations_waiting": "Open conversations in a queue.",
    "centrala_conversations_overdue": "Open conversations in a queue whose answer is overdue.",
    "centrala_oldest_waiting_seconds": "How long the longest waiting citizen of a queue has waited.",
    "centrala_agents_available": "Available people who work a queue.",
    "centrala_deliveries": "Deliveries that are not finished, by state.",
    "centrala_effects_waiting": "Effects that wait to be carried out.",
    "centrala_outbox_lag_seconds": "How long the oldest due delivery has waited to be sent.",
    "centrala_effects_lag_seconds": "How long the oldest due effect has waited to be carried out.",
    "centrala_timers_lag_seconds": "How long the oldest due deadline has waited to be acted on.",
    "centrala_quarantined": "Messages that could not be read and wait for a person.",
    "centrala_rules_failing": "Rules that cannot be evaluated now.",
    "centrala_log_in_failures": "Wrong passwords and codes within the last 15 minutes.",
    "centrala_inbox_up": "1 when an inbox works.",
    "centrala_inbox_read": "1 when a process reads an inbox; only where several processes share a store.",
    "centrala_inbox_lag_seconds": "How far an inbox is behind its wire.",
    "centrala_inbox_backlog": "Messages known to wait on an inbox's wire.",
    "centrala_inbox_credentials_end": "When an inbox's credentials end, in seconds since 1970.",
    "centrala_stream_place": "The latest place of the stream.",
    "centrala_search_behind": "Places by which the search index is behind the stream.",
    "centrala_store_waiting": "Calls that wait for a commit.",
    "centrala_live_people": "People with an open page.",
    "centrala_redis_up": "1 when Redis carries to and from this process; only where there is one.",
    "centrala_nodes": "Processes that live, by role; only where several share a store.",
    "centrala_nodes_silent": "Processes that went silent without an orderly end; only where several share a store.",
    "centrala_cautions": "Warnings that the console shows to administrators.",
}

STORE_SECONDS = 8.0
"""Longest that the store may take for its figures: Prometheus gives up after ten."""

UNFINISHED = ("held", "queued", "sending", "possibly-sent")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading of the store gives."""

    lines: tuple[Line, ...]
    deliveries: Mapping[str, int]
    effects: int
    lags: Mapping[str, float]
    members: tuple[Member, ...]
    leases: Mapping[str, Standing]
    quarantined: int
    rules_failing: int
    log_in_failures: int
    search_behind: int
    now: int


FIGURES = web.AppKey("figures", Shared[Figures | None])


def figures(tx: Reader, desk: Desk) -> Figures:
    """Read the store once."""
    states = select(delivery.c.state, func.count().label("n")).where(delivery.c.state.in_(UNFINISHED))
    waiting = select(func.count()).select_from(effect).where(effect.c.state.in_(("waiting", "running")))
    held = select(func.count()).select_from(raw).where(raw.c.state == "quarantined")
    return Figures(
        lines=tuple(lines(tx, desk.house(), SYSTEM)),
        deliveries={row.state: row.n for row in tx.rows(states.group_by(delivery.c.state))},
        effects=tx.scalar(waiting) or 0,
        lags=lags(tx),
        members=members(tx),
        leases=standings(tx),
        quarantined=tx.scalar(held) or 0,
        rules_failing=sum(not rule.well for rule in failing(tx)),
        log_in_failures=failures(tx),
        search_behind=behind(tx, desk.stream.last),
        now=tx.now,
    )


def lags(tx: Reader) -> dict[str, float]:
    """By metric: how long the oldest work that is due has waited, in seconds. It grows where a loop stands still."""
    oldest = {
        "centrala_outbox_lag_seconds": select(func.min(delivery.c.due_at)).where(
            delivery.c.state.in_(("held", "queued"))
        ),
        "centrala_effects_lag_seconds": select(func.min(effect.c.due_at)).where(effect.c.state == "waiting"),
        "centrala_timers_lag_seconds": select(func.min(timer.c.due_at)).where(timer.c.state == "waiting"),
    }
    return {name: max(0, tx.now - (tx.scalar(due) or tx.now)) / 1e6 for name, due in oldest.items()}


def figures_of(desk: Desk) -> Shared[Figures | None]:
    """The figures of the store, asked once for all who want them; None where it is away."""

    async def read() -> Figures | None:
        try:
            return await desk.store.read(lambda tx: figures(tx, desk))
        except StorageFault:  # the store has told of its outage itself
            return None

    return Shared(read, desk.clock)


async def exposition(desk: Desk, store: Shared[Figures | None], live_people: int) -> bytes:
    """All metrics as Prometheus reads them; without the store what is known without it."""
    read = await store.within(STORE_SECONDS)
    registry = CollectorRegistry(auto_describe=False)
    found = [*_of_process(desk, live_people, read is not None), *_of_inboxes(desk.health())]
    if read is not None:
        found += [*_of_store(read), *_of_cluster(read, desk.house().directory.config)]
    registry.register(_Snapshot(found))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._families


def _gauge(name: str, label: str = "") -> GaugeMetricFamily:
    return GaugeMetricFamily(name, METRICS[name], labels=[label] if label else None)


def _plain(name: str, value: float) -> GaugeMetricFamily:
    family = _gauge(name)
    family.add_metric([], value)
    return family


def _of_store(read: Figures) -> Iterator[GaugeMetricFamily]:
    waiting = _gauge("centrala_conversations_waiting", "queue")
    overdue = _gauge("centrala_conversations_overdue", "queue")
    oldest = _gauge("centrala_oldest_waiting_seconds", "queue")
    agents = _gauge("centrala_agents_available", "queue")
    for line in read.lines:
        waiting.add_metric([line.queue], line.waiting)
        overdue.add_metric([line.queue], line.overdue)
        oldest.add_metric([line.queue], (read.now - line.oldest) / 1e6 if line.oldest else 0)
        agents.add_metric([line.queue], line.on_duty)
    deliveries = _gauge("centrala_deliveries", "state")
    for state in UNFINISHED:
        deliveries.add_metric([state], read.deliveries.get(state, 0))
    yield from (waiting, overdue, oldest, agents, deliveries)
    yield _plain("centrala_effects_waiting", read.effects)
    for name, lag in read.lags.items():
        yield _plain(name, lag)
    yield _plain("centrala_quarantined", read.quarantined)
    yield _plain("centrala_rules_failing", read.rules_failing)
    yield _plain("centrala_log_in_failures", read.log_in_failures)
    yield _plain("centrala_search_behind", read.search_behind)


def _of_process(desk: Desk, live_people: int, store_up: bool) -> Iterator[GaugeMetricFamily]:
    yield _plain("centrala_ready", desk.ready() and store_up)
    yield _plain("centrala_store_up", store_up)
    yield _plain("centrala_stream_place", desk.stream.last)
    yield _plain("centrala_store_waiting", desk.store.waiting)
    yield _plain("centrala_live_people", live_people)
    if (up := desk.redis_up()) is not None:
        yield _plain("centrala_redis_up", up)
    yield _plain("centrala_cautions", len(desk.cautions()))


def _of_inboxes(health: Mapping[str, Health]) -> Iterator[GaugeMetricFamily]:
    names = ("up", "lag_seconds", "backlog", "credentials_end")
    up, lag, backlog, ends = (_gauge(f"centrala_inbox_{name}", "inbox") for name in names)
    for inbox, state in sorted(health.items()):
        up.add_metric([inbox], state.state == "ok")
        if state.lag is not None:
            lag.add_metric([inbox], state.lag)
        if state.backlog is not None:
            backlog.add_metric([inbox], state.backlog)
        if state.expires_at is not None:
            ends.add_metric([inbox], state.expires_at / 1e6)
    yield from (up, lag, backlog, ends)


def _of_cluster(read: Figures, config: Config) -> Iterator[GaugeMetricFamily]:
    """Families without a value where one process does everything."""
    nodes, silent, reads = (
        _gauge("centrala_nodes", "role"),
        _gauge("centrala_nodes_silent"),
        _gauge("centrala_inbox_read", "inbox"),
    )
    alive = [member for member in read.members if member.silent < config.hub.lease_seconds]
    if read.members:
        for role in ROLES:
            nodes.add_metric([role], sum(role in member.roles for member in alive))
        silent.add_metric([], len(read.members) - len(alive))
        for inbox in (inbox.id for inbox in config.inboxes if inbox.enabled):
            standing = read.leases.get(lease_of(inbox))
            reads.add_metric(
                [inbox], standing is not None and standing.holder != NOBODY and not standing.over
            )
    yield from (nodes, silent, reads)
