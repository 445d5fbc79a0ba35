"""What people think of our help, for supervisors: figures of a period by queue and by agent, and remarks."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from aiohttp import web

from hub.calendar import at_wall_clock, wall_moment
from hub.scope import require
from hub.store.tx import Reader
from hub.surveys import figures as counted
from hub.surveys.figures import Figures, Remark
from hub.surveys.reading import SCORE_NAMES
from hub.surveys.record import anybody_asked
from hub.web.desk import desk_of, scope_of
from hub.web.forms import Form, Unacceptable, read_query
from hub.web.render import render

DAYS = 30
"""The period that is shown first, in days up to today."""

LONGEST = 3660

Date = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Period(Form, frozen=True, kw_only=True):
    """First and last day, in the zone of the actor's office."""

    since: Date | None = None
    until: Date | None = None


async def page(request: web.Request) -> web.StreamResponse:
    """Figures and remarks of a period."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, Period)
    require(scope, "supervise")
    house = desk.house()
    zone = house.directory.zone(scope.office)
    first, last = days(asked, at_wall_clock(zone, desk.clock.now()).date())
    since, until = wall_moment(zone, first, 0), wall_moment(zone, last + dt.timedelta(days=1), 0)

    def query(tx: Reader) -> tuple[list[Figures], list[Figures], list[Remark]]:
        by_queue = counted.figures(tx, scope, "queue", since, until)
        by_agent = counted.figures(tx, scope, "agent", since, until)
        return by_queue, by_agent, counted.remarks(tx, scope, since, until)

    by_queue, by_agent, remarks = await desk.store.read(query)
    return render(
        request,
        "supervisor/satisfaction.html",
        first=first.isoformat(),
        last=last.isoformat(),
        whole=counted.whole(by_queue),
        by_queue=by_queue,
        by_agent=by_agent,
        remarks=remarks,
        score_names=SCORE_NAMES,
        asking=anybody_asked(house.directory),
    )


def days(asked: Period, today: dt.date) -> tuple[dt.date, dt.date]:
    """The days of a period in order. Raises Unacceptable for what is no day, or too long."""
    try:
        last = dt.date.fromisoformat(asked.until) if asked.until else today
        first = dt.date.fromisoformat(asked.since) if asked.since else last - dt.timedelta(days=DAYS - 1)
    except (ValueError, OverflowError):
        raise Unacceptable("there is no such day") from None
    if last < first:
        first, last = last, first
    if not 2000 <= first.year <= last.year < 9000 or (last - first).days > LONGEST:
        raise Unacceptable("the period is too long")
    return first, last


ROUTES = [web.get("/supervisor/satisfaction", page)]
