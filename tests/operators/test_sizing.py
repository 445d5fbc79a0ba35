"""The model of what a load costs: it finds known costs again, and the page says what the measured points say."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.sizing_bench import read
from bench.sizing_model import (
    ANSWERS,
    PAGES,
    Engine,
    Line,
    Load,
    Model,
    Point,
    checks,
    decades,
    fit,
    need,
)
from bench.sizing_page import BEGIN, LOADS, PAGE, render

OFF = 0.35
"""How far the model may be off at a point that it was not made from."""

costs = st.floats(0, 50, allow_nan=False).map(lambda value: round(value, 3))
lines = st.builds(
    lambda base, office, stored: Line(base=base + 0.1, office=office / 1000, stored=stored),
    costs,
    costs,
    costs,
)


def point(model: Model, offices: int, stored: int, *, answers: bool = True, role: str = "fit") -> Point:
    """What would be measured if the model were the truth."""
    where = (offices, stored)
    out = (0.0, 0.0) if answers else (model.out_hub_ms, model.out_server_ms)
    values = {
        "hub_ms": model.hub_ms.at(*where) - out[0],
        "server_ms": model.server_ms.at(*where) - out[1],
        "page_ms": model.page_ms.at(*where),
        "idle_ms": model.idle_ms.at(*where),
        "rss_mb": model.rss_mb.at(*where),
        "kb": model.kb,
        "page_kb": model.page_kb,
    }
    names = {"engine": model.engine, "offices": offices, "stored": stored, "answers": answers, "role": role}
    return msgspec.convert({**values, **names, "contacts": 1}, Point)


@given(hub=lines, server=lines, page=lines, out=costs)
def test_known_costs_are_found_again(hub: Line, server: Line, page: Line, out: float) -> None:
    truth = Model(
        engine="postgresql",
        hub_ms=hub,
        server_ms=server,
        out_hub_ms=out,
        out_server_ms=out / 2,
        kb=7.0,
        page_ms=page,
        idle_ms=page,
        rss_mb=hub,
        page_kb=3.0,
    )
    points = [
        point(truth, 1, 1000),
        point(truth, 1, 1000, answers=False),
        point(truth, 1, 50_000),
        point(truth, 340, 150_000),
        point(truth, 100, 1000, role="check"),
    ]
    found = fit(points, "postgresql")
    for check in checks(found, points):
        assert math.isclose(check.measured, check.modelled, rel_tol=1e-6), check.what
    assert math.isclose(found.out_hub_ms, out, abs_tol=1e-6)


FLAT = Line(base=2.0, office=0.0, stored=0.0)

SIMPLE = Model(
    engine="postgresql",
    hub_ms=FLAT,
    server_ms=FLAT,
    out_hub_ms=1.0,
    out_server_ms=1.0,
    kb=10.0,
    page_ms=FLAT,
    idle_ms=Line(base=0.0, office=0.0, stored=0.0),
    rss_mb=Line(base=1024.0, office=0.0, stored=0.0),
    page_kb=1024.0,
)


def test_what_a_load_needs_by_hand() -> None:
    # 36,000 a day: 7,200 in the busiest hour, 2 a second in its mean, 6 in its busiest seconds.
    found = need(SIMPLE, Load(name="x", offices=1, contacts=36_000, agents=1024, years=2))
    assert found.rate == pytest.approx(6)
    assert found.hub_cores == pytest.approx((6 * 2 + 2 * (ANSWERS * 1 + PAGES * 2)) / 1000)
    assert found.server_cores == pytest.approx((6 * 2 + 2 * ANSWERS * 1) / 1000)
    assert found.processes == 1
    assert found.memory_gb == pytest.approx(1 + 1)
    assert found.disk_gb_year == pytest.approx(36_000 * 250 * 10 / 1024 / 1024)
    assert found.disk_gb == pytest.approx(2 * found.disk_gb_year)
    assert decades(999_000) == 3


def test_a_store_grows_by_decades_and_never_gets_cheaper() -> None:
    points = [point(SIMPLE, 1, 1000), point(SIMPLE, 1, 1000, answers=False), point(SIMPLE, 340, 150_000)]
    faster = msgspec.structs.replace(point(SIMPLE, 1, 50_000), hub_ms=1.0)
    assert fit([*points, faster], "postgresql").hub_ms.stored == 0


def test_the_page_says_what_was_measured() -> None:
    page = PAGE.read_text()
    assert BEGIN in page
    assert render(page, read()) == page, "make it anew: python -m bench.sizing_bench --page"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_model_holds_where_it_was_not_made_from(engine: Engine) -> None:
    found = checks(fit(read(), engine), read())
    assert len({check.what for check in found}) >= 4
    for check in found:
        assert abs(check.ratio - 1) <= OFF, (
            f"{check.what}: {check.measured:.3g}, modelled {check.modelled:.3g}"
        )


def test_the_loads_reach_from_one_office_to_a_hundredfold() -> None:
    offices = {load.offices for load in LOADS}
    contacts = {load.contacts for load in LOADS}
    assert {1, 340} <= offices and {50_000, 5_000_000} <= contacts
