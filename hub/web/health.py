"""How the hub is: the page of inboxes for people, ``/healthz``, ``/readyz`` and ``/metrics`` for machines."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from aiohttp import web
from sqlalchemy import select

from connectors.contract import Clock, Health
from hub.cluster.overview import Overview, overview
from hub.deciding.naming import rule_name
from hub.desk.stranded import stranded
from hub.i18n import mark as N_
from hub.i18n import translate_plural
from hub.ruleset.hits import failing
from hub.running import days_left
from hub.scope import own_office, require
from hub.store.schema import stream_head
from hub.store.store import StorageFault, Store
from hub.web.desk import Desk, desk_of, scope_of
from hub.web.live import ATTENDANCE
from hub.web.metrics import FIGURES, exposition, figures_of
from hub.web.render import is_fragment, language_of, render, text
from hub.web.shared import Shared
from hub.web.verdict_words import teller

STATES: dict[str, tuple[str, str, str]] = {
    "ok": ("ok", N_("Works"), ""),
    "starting": ("", N_("Starting"), ""),
    "degraded": ("warn", N_("Works in part"), N_("Messages arrive; something beside is wrong.")),
    "unreachable": (
        "danger",
        N_("Not reachable"),
        N_("It is tried again by itself; messages wait on their server."),
    ),
    "wrong_credentials": (
        "danger",
        N_("Wrong password"),
        N_("Change the password in the configuration, then reload it."),
    ),
    "misconfigured": (
        "danger",
        N_("Wrong configuration"),
        N_("It cannot work until the configuration is changed."),
    ),
    "off": ("", N_("Switched off"), N_("The configuration says that it is not started.")),
}
"""By state: the badge, its words, what to do."""

NOTHING_LEAVES = N_("Answers cannot leave now: they wait in the hub and are tried again by themselves.")
"""What to know where only the way out of an inbox is not reachable."""

CHECK_SECONDS = 2.0
"""Longest that the store may take to answer a readiness check."""

FRESH_SECONDS = 1.0
"""How long its answer holds."""


NEEDS_ATTENTION = N_("The hub needs attention")
WHY = N_("The reason: {why}. It counts as not matched, and messages go on to the next rules.")
ENDS = N_("The access of “{inbox}” ends soon")
ENDED = N_("The access of “{inbox}” has ended")
RENEW = N_(
    "Messages stop then. Get new credentials from the provider, put them into the configuration and reload it."
)
MOVE_THEM = N_(
    "Nobody is offered them. Configure the queue again, or move them to another one from the list “All”."
)
NOBODY_DOES = N_("No process does this: {work}")
START_ONE = N_("Start one with the role {role}; what others leave is taken up by itself.")

PROCESS_STATES: dict[str, tuple[str, str]] = {
    "works": ("ok", N_("Works")),
    "ends": ("", N_("Is stopping")),
    "silent": ("danger", N_("Silent")),
}
"""Of a process, by state: the badge and its words."""

ROLE_NAMES: dict[str, str] = {
    "web": N_("pages and web addresses"),
    "connectors": N_("reading the inboxes"),
    "outbox": N_("sending"),
    "timers": N_("deadlines, search and housekeeping"),
}

FAILS = N_("Rule “{rule}” could not be evaluated ({faults} times)")


async def inboxes(request: web.Request) -> web.StreamResponse:
    """Every inbox of the actor's business with its state, last sign of life, lag and backlog."""
    desk, scope = desk_of(request), scope_of(request)
    require(scope, "supervise")
    known, health = desk.house().directory.inboxes, desk.health()
    rows = [
        (inbox, health.get(inbox.id, Health(state="starting")), inbox.enabled)
        for inbox in known.values()
        if own_office(scope, inbox.office)
    ]
    rows.sort(key=lambda row: (row[1].state in ("ok", "starting"), row[0].name))
    template = "supervisor/inbox_list.html" if is_fragment(request) else "supervisor/inboxes.html"
    ttl = desk.house().directory.config.hub.lease_seconds
    processes = await desk.store.read(lambda tx: overview(tx, ttl))
    attention = [*_missing(request, processes), *await _attention(request)]
    return render(
        request,
        template,
        rows=rows,
        states=STATES,
        nothing_leaves=NOTHING_LEAVES,
        attention=attention,
        processes=processes,
        process_states=PROCESS_STATES,
        role_names=ROLE_NAMES,
    )


def _missing(request: web.Request, processes: Overview) -> list[Attention]:
    """Work that no process does."""
    now = desk_of(request).clock.now()
    return [
        Attention(
            title=text(request, NOBODY_DOES, work=text(request, ROLE_NAMES[role])),
            text=text(request, START_ONE, role=role),
            at=now,
            last=True,
        )
        for role in processes.missing
    ]


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong beside the inboxes, in words: ``at`` (µs UTC) it began or, with ``last``, was seen the last time,
    or, with ``until``, it will be too late; ``over``: it is well again."""

    title: str
    text: str
    at: int
    last: bool = False
    until: bool = False
    over: bool = False


async def _attention(request: web.Request) -> list[Attention]:
    """Warnings of the hub, and rules that could not be evaluated in the last 24 hours."""
    desk = desk_of(request)

    def say(msgid: str) -> str:
        return text(request, msgid)

    found = [
        Attention(title=say(NEEDS_ATTENTION), text=caution.text.said(say), at=caution.since)
        for caution in desk.cautions()
    ]
    found += _ending(request)
    house = desk.house()
    found += await _stranded(request)
    for rule in await desk.store.read(failing):
        told = text(request, FAILS, rule=rule_name(house, rule.rule), faults=rule.faults)
        why = text(request, WHY, why=teller(request)(rule.why))
        found.append(Attention(title=told, text=why, at=rule.at, last=True, over=rule.well))
    return found


async def _stranded(request: web.Request) -> list[Attention]:
    """Queues that the configuration does not name any more, though something waits in them."""
    desk, scope = desk_of(request), scope_of(request)
    waits = await desk.store.read(lambda tx: stranded(tx, desk.house().directory, scope))
    return [
        Attention(
            title=translate_plural(
                language_of(request),
                "The queue “{queue}” is not configured any more, and {n} conversation stands in it",
                "The queue “{queue}” is not configured any more, and {n} conversations stand in it",
                line.number,
                queue=line.queue,
            ),
            text=text(request, MOVE_THEM),
            at=line.since,
        )
        for line in waits
    ]


def _ending(request: web.Request) -> list[Attention]:
    """Inboxes of the actor's business whose credentials are about to end, the first to end first."""
    desk, scope, now = desk_of(request), scope_of(request), desk_of(request).clock.now()
    found = []
    for inbox, health in desk.health().items():
        known = desk.house().directory.inboxes.get(inbox)
        days = days_left(health, now)
        if known is None or days is None or health.expires_at is None or not own_office(scope, known.office):
            continue
        title = text(request, ENDS if health.expires_at > now else ENDED, inbox=known.name)
        found.append(Attention(title=title, text=text(request, RENEW), at=health.expires_at, until=True))
    return sorted(found, key=lambda item: item.at)


class Readiness:
    """Whether messages can be taken now. The store is asked by one at a time and not again for a second, however many
    want to know: the public listener answers everybody."""

    def __init__(self, ready: Callable[[], bool], store: Store, clock: Clock) -> None:
        self._ready = ready
        self._store = store
        self._question = Shared(self._answers, clock, FRESH_SECONDS)

    async def now(self) -> bool:
        """Started, and the store answers."""
        return self._ready() and bool(await self._question.within(CHECK_SECONDS))

    async def _answers(self) -> bool:
        try:
            await self._store.read(lambda tx: tx.scalar(select(stream_head.c.place)))
        except (StorageFault, OSError):
            return False
        return True


READINESS = web.AppKey("readiness", Readiness)


def install(app: web.Application, desk: Desk) -> None:
    """Have what machines that watch are told in an application that serves it."""
    app[READINESS] = Readiness(desk.ready, desk.store, desk.clock)
    app[FIGURES] = figures_of(desk)


async def healthz(request: web.Request) -> web.StreamResponse:
    """The process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.StreamResponse:
    """Everything has started and the store answers; else 503, and a load balancer sends nobody here."""
    if await request.app[READINESS].now():
        return web.json_response({"status": "ready"})
    return web.json_response({"status": "not ready"}, status=503, headers={"Retry-After": "2"})


async def metrics(request: web.Request) -> web.StreamResponse:
    """For Prometheus."""
    body = await exposition(desk_of(request), request.app[FIGURES], request.app[ATTENDANCE].people)
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


ROUTES = [
    web.get("/inboxes", inboxes),
    web.get("/healthz", healthz),
    web.get("/readyz", readyz),
    web.get("/metrics", metrics),
]
