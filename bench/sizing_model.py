"""What a given load costs: a model with few parameters, taken from measured points and held against others.

Costs are processor milliseconds, bytes and memory, which other programs on a machine change far less than times. A
point is one hub under a known load (:mod:`bench.sizing_bench`); ``docs/sizing.md`` shows what follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

Engine = Literal["sqlite", "postgresql"]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured.

    ``hub_ms`` and ``server_ms`` (of PostgreSQL) are processor milliseconds a contact, ``kb`` what a contact adds on the
    disk, ``page_ms`` those of the hub for one page of the console, ``idle_ms`` those of each second without work,
    ``rss_mb`` the hub's memory at rest, ``page_kb`` what one open page adds to it.
    """

    engine: Engine
    offices: int
    stored: int
    answers: bool
    contacts: int
    hub_ms: float
    server_ms: float
    kb: float
    page_ms: float
    idle_ms: float
    rss_mb: float
    page_kb: float
    role: Literal["fit", "check"]


Value = Callable[[Point], float]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """``base + office * offices + stored * decades of what is stored``, the last two never below 0: no more work can
    cost less, and where it seems so it is noise."""

    base: float
    office: float
    stored: float

    def at(self, offices: int, stored: int) -> float:
        """The value for so many offices and stored conversations."""
        return self.base + self.office * offices + self.stored * decades(stored)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One engine. ``out_hub_ms`` and ``out_server_ms``: of one message sent, beside the contact itself."""

    engine: Engine
    hub_ms: Line
    server_ms: Line
    out_hub_ms: float
    out_server_ms: float
    kb: float
    page_ms: Line
    idle_ms: Line
    rss_mb: Line
    page_kb: float


def decades(stored: int) -> float:
    """How often tenfold a store is filled beyond a thousand conversations: trees grow by levels, not by rows."""
    return math.log10(1 + stored / 1000)


def fit(points: Sequence[Point], engine: Engine) -> Model:
    """The model of an engine from its points with the role ``fit``: corners, so that others lie between them.

    Needs the least one, one with more stored, one with more of both, all with answers, and the least once more without.
    Raises StopIteration where one is missing.
    """
    usable = [point for point in points if point.engine == engine and point.role == "fit"]
    asked = [point for point in usable if point.answers]
    least = min(asked, key=lambda point: (point.offices, point.stored))
    full = next(p for p in asked if p.offices == least.offices and p.stored > least.stored)
    far = next(p for p in asked if p.offices > least.offices and p.stored > least.stored)
    silent = next(p for p in usable if not p.answers)

    def line(value: Value) -> Line:
        stored = (value(full) - value(least)) / (decades(full.stored) - decades(least.stored))
        stored = max(0.0, stored)
        fuller = stored * (decades(far.stored) - decades(least.stored))
        office = max(0.0, (value(far) - value(least) - fuller) / (far.offices - least.offices))
        return Line(
            base=value(least) - office * least.offices - stored * decades(least.stored),
            office=office,
            stored=stored,
        )

    return Model(
        engine=engine,
        hub_ms=line(lambda point: point.hub_ms),
        server_ms=line(lambda point: point.server_ms),
        out_hub_ms=max(0.0, least.hub_ms - silent.hub_ms),
        out_server_ms=max(0.0, least.server_ms - silent.server_ms),
        kb=sum(point.kb for point in asked) / len(asked),
        page_ms=line(lambda point: point.page_ms),
        idle_ms=line(lambda point: point.idle_ms),
        rss_mb=line(lambda point: point.rss_mb),
        page_kb=sum(point.page_kb for point in asked) / len(asked),
    )


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What an office does: ``contacts`` a working day, ``agents`` at their consoles, ``years`` of contacts kept."""

    name: str
    offices: int
    contacts: int
    agents: int
    years: float = 5.0


PEAK_HOUR = 0.2
"""Part of a day's contacts that comes in its busiest hour."""

PEAK_SECOND = 3.0
"""How much more than the mean of that hour comes in its busiest seconds."""

PAGES = 8
"""Pages and lists that agents open for one contact."""

ANSWERS = 1.5
"""Messages sent for one contact beside the automatic acknowledgement."""

DAYS = 250
"""Working days a year."""

BUSY = 0.6
"""Part of a core's time up to which a process answers without queues that are felt."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What a load needs: contacts a second and processor cores in the busiest seconds, hub processes, memory, disk."""

    rate: float
    hub_cores: float
    server_cores: float
    processes: int
    memory_gb: float
    disk_gb_year: float
    disk_gb: float


def need(model: Model, load: Load) -> Need:
    """What ``load`` needs by ``model``."""
    stored = int(load.contacts * DAYS * load.years)
    where = (load.offices, stored)
    hourly = load.contacts * PEAK_HOUR / 3600
    rate = hourly * PEAK_SECOND
    # People read and answer at their own pace: what they do follows the hour, not its busiest seconds.
    people = ANSWERS * model.out_hub_ms + PAGES * model.page_ms.at(*where)
    hub = (rate * model.hub_ms.at(*where) + hourly * people + model.idle_ms.at(*where)) / 1000
    server = (rate * model.server_ms.at(*where) + hourly * ANSWERS * model.out_server_ms) / 1000
    processes = max(1, math.ceil(hub / BUSY))
    pages = load.agents * model.page_kb / 1024
    memory = processes * model.rss_mb.at(load.offices, stored) + pages
    year = load.contacts * DAYS * model.kb / 1024 / 1024
    return Need(
        rate=rate,
        hub_cores=hub,
        server_cores=server,
        processes=processes,
        memory_gb=memory / 1024,
        disk_gb_year=year,
        disk_gb=year * load.years,
    )


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A measured value beside the model's."""

    what: str
    point: Point
    measured: float
    modelled: float

    @property
    def ratio(self) -> float:
        """Modelled to measured."""
        return self.modelled / self.measured


def checks(model: Model, points: Sequence[Point]) -> list[Check]:
    """Every point of the engine that the model was not made from, value by value."""
    found = []
    for point in points:
        if point.engine != model.engine or point.role != "check":
            continue
        where = (point.offices, point.stored)
        values = [
            ("processor of the hub, ms a contact", point.hub_ms, model.hub_ms.at(*where)),
            ("processor of the hub, ms a page", point.page_ms, model.page_ms.at(*where)),
            ("memory of the hub, MB", point.rss_mb, model.rss_mb.at(*where)),
            ("disk, kB a contact", point.kb, model.kb),
        ]
        if model.engine == "postgresql":
            values.append(
                ("processor of PostgreSQL, ms a contact", point.server_ms, model.server_ms.at(*where))
            )
        found += [Check(what=w, point=point, measured=m, modelled=ours) for w, m, ours in values]
    return found
