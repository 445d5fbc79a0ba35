"""The tables of ``docs/sizing.md``, made from the measured points: what stands between its two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.sizing_model import Check, Engine, Load, Model, Point, checks, fit, need

PAGE = Path(__file__).parents[1] / "docs" / "sizing.md"

BEGIN, END = "<!-- made by bench.sizing_bench: begin -->", "<!-- end -->"

LOADS = (
    Load(name="a county office alone", offices=1, contacts=150, agents=8),
    Load(name="a national line", offices=1, contacts=2_000, agents=30),
    Load(name="with 340 county offices", offices=340, contacts=10_000, agents=700),
    Load(name="the same, 50,000 a day", offices=340, contacts=50_000, agents=700),
    Load(name="ten times that", offices=340, contacts=500_000, agents=4_000),
    Load(name="a hundred times that", offices=340, contacts=5_000_000, agents=20_000),
)

NAMES: dict[Engine, str] = {"sqlite": "embedded", "postgresql": "PostgreSQL"}


def render(page: str, points: Sequence[Point]) -> str:
    """The page with its tables made anew. Raises ValueError where a mark is missing."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"the page needs the marks {BEGIN} and {END}")
    models = [fit(points, engine) for engine in NAMES]
    tables = [_needs(models), _costs(models), _checks([one for m in models for one in checks(m, points)])]
    return f"{before}{BEGIN}\n\n" + "\n\n".join(tables) + f"\n\n{END}{after}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(value: float) -> str:
    """Two digits that mean something."""
    if value >= 100:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def _needs(models: Sequence[Model]) -> str:
    rows = []
    for load in LOADS:
        for model in models:
            found = need(model, load)
            rows.append(
                [
                    f"{load.name}: {load.contacts:,} contacts, {load.agents:,} agents",
                    NAMES[model.engine],
                    *(_number(value) for value in (found.rate, found.hub_cores)),
                    _number(found.server_cores) if model.engine == "postgresql" else "-",
                    str(found.processes)
                    if model.engine == "postgresql" or found.processes == 1
                    else "too much for one",
                    *(_number(value) for value in (found.memory_gb, found.disk_gb_year)),
                ]
            )
    head = [
        "a day's load",
        "size",
        "contacts/s at the peak",
        "cores of hubs",
        "cores of PostgreSQL",
        "hub processes",
    ]
    return _table([*head, "memory of hubs, GB", "disk, GB a year"], rows)


def _costs(models: Sequence[Model]) -> str:
    rows = []
    for m in models:
        rows += [
            [NAMES[m.engine], what, *(_number(v) for v in (line.base, 100 * line.office, line.stored))]
            for what, line in (
                ("processor of a hub for a contact, ms", m.hub_ms),
                ("processor of PostgreSQL for a contact, ms", m.server_ms),
                ("processor of a hub for a page of the console, ms", m.page_ms),
                ("processor of a hub without work, ms a second", m.idle_ms),
                ("memory of a hub, MB", m.rss_mb),
            )
            if m.engine == "postgresql" or line is not m.server_ms
        ]
        rows.append(
            [
                NAMES[m.engine],
                "of a contact's: its automatic answer, ms of a hub",
                _number(m.out_hub_ms),
                "",
                "",
            ]
        )
        rows.append([NAMES[m.engine], "disk for a contact, kB", _number(m.kb), "", ""])
        rows.append([NAMES[m.engine], "memory for an open page, kB", _number(m.page_kb), "", ""])
    return _table(["size", "cost", "at least", "+ for 100 offices", "+ for ten times the store"], rows)


def _checks(found: Sequence[Check]) -> str:
    rows = [
        [
            NAMES[one.point.engine],
            f"{one.point.offices} offices, {one.point.stored:,} conversations stored",
            one.what,
            _number(one.measured),
            _number(one.modelled),
            f"{one.ratio:.2f}",
        ]
        for one in found
    ]
    return _table(["size", "point", "value", "measured", "modelled", "ratio"], rows)
