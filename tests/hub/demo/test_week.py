"""The made-up week: everything goes through the hub's own ways, on whatever day the demo is started."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import Micros
from hub.cli_config import CHANNELS, channel
from hub.config import Config
from hub.demo import week
from hub.demo.letters import Letters
from hub.demo.setting import Ports, demo_config
from hub.demo.stories import Act, Story, Via
from tests.servers.process import free_port

CONFIG = Path(__file__).parents[3] / "config" / "demo.toml"
WARSAW = ZoneInfo("Europe/Warsaw")

TEXTED: tuple[Via, ...] = ("sms", "smpp", "smsapi", "twilio")
"""Ways of one channel: by each somebody else."""

PROVIDED: tuple[Via, ...] = (*TEXTED, "telegram", "xmpp", "messenger", "instagram", "whatsapp", "x")

PUBLIC: tuple[Literal["facebook", "reel", "youtube"], ...] = ("facebook", "reel", "youtube")

MONDAY, SUNDAY, AFTER_HOLIDAYS = "2026-11-23T08:05", "2026-11-22T23:10", "2026-12-28T12:00"


def at(text: str) -> Micros:
    return Micros(int(dt.datetime.fromisoformat(text).replace(tzinfo=WARSAW).timestamp()) * 1_000_000)


async def made(folder: Path, now: Micros) -> tuple[sqlite3.Connection, Letters]:
    """The store and the letters of a week."""
    ports = Ports(**{name: free_port() for name in Ports.__struct_fields__})

    def load() -> Config:
        return demo_config(CONFIG, ports, CHANNELS, folder / "data")

    letters = Letters(folder / "letters.jsonl")
    steps: list[tuple[int, int]] = []
    await week.make_week(load, ports, channel, letters, now, lambda done, known: steps.append((done, known)))
    assert steps[-1][0] == steps[-1][1]
    return sqlite3.connect(folder / "data" / "centrala.db"), letters


def one(store: sqlite3.Connection, query: str) -> Any:
    return store.execute(query).fetchone()[0]


FEW = [
    Story(
        at="6 09:00",
        via="email",
        who="Ewa Lipa",
        subject="Zasiłek",
        text="Kiedy dostanę zasiłek?",
        then=(
            Act(after="20m", reply="Dzień dobry, w piątek.", wait=True),
            Act(after="1h", writes="Dziękuję, a za poprzedni miesiąc?"),
            Act(after="10m", reply="Razem z bieżącym.", close="Zasiłek"),
        ),
    ),
    Story(
        at="6 10:00",
        via="form",
        who="Jan Dąb",
        email="jan@pelna.example",
        subject="Staż",
        text="Pytanie o staż.",
        then=(Act(after="20m", reply="Odpowiadam.", wait=True), Act(after="5m", bounce=True)),
    ),
    Story(
        at="6 11:00",
        via="webhook",
        who="Ola Brzoza",
        text="Czy to działa?",
        then=(Act(after="20m", reply="Tak."), Act(after="5m", writes="Super")),
    ),
    Story(
        at="6 12:00",
        via="comments",
        who="czytelnik",
        article="zasilek-krok-po-kroku",
        text="Dobry artykuł.",
        then=(Act(after="5m", by="redakcja", publish=True), Act(after="5m", reports=("abuse",))),
    ),
    Story(
        at="6 13:00",
        via="callback",
        who="Iza Buk",
        phone="22 000 12 34",
        subject="Inna sprawa",
        then=(Act(after="2m", call="no-answer"), Act(after="2m", call="answered", close="Zasiłek")),
    ),
    Story(at="30m", via="email", who="Adam Grab", subject="Nowe", text="Nikt jeszcze nie odpowiedział."),
]


@pytest.mark.slow
async def test_a_few_stories_take_the_real_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(week, "week", lambda: FEW)
    now = at("2026-11-20T16:00")
    store, letters = await made(tmp_path, now)
    states = dict(store.execute("SELECT channel || ' ' || subject, status FROM conversation"))
    assert states["email Zasiłek"] == "resolved"
    assert states["email Nowe"] == "open"
    assert states["callback Inna sprawa"] == "resolved"
    texts = {row[0] for row in store.execute("SELECT text FROM message WHERE kind = 'inbound'")}
    assert "Dziękuję, a za poprzedni miesiąc?" in texts  # without what was quoted below it
    assert (
        one(store, "SELECT count(*) FROM message WHERE state = 'failed'") == 1
    )  # the bounce found its letter
    assert one(store, "SELECT state FROM post") == "published"
    assert one(store, "SELECT reports FROM post") == 1
    assert [a for (a,) in store.execute("SELECT outcome FROM callback_attempt ORDER BY number")] == [
        "no-answer",
        "answered",
    ]
    assert one(store, "SELECT count(*) FROM trace") >= len(FEW)
    assert one(store, "SELECT max(at) FROM message") <= now
    assert one(store, "SELECT min(at) FROM message") >= now - 8 * week.DAY
    ways = {letter.way for letter in letters.newest()}
    assert ways == {"email", "application"}
    assert any("Razem z bieżącym." in letter.text for letter in letters.newest())


@pytest.mark.slow
async def test_what_lies_ahead_does_not_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(week, "week", lambda: FEW[:1])
    store, _ = await made(tmp_path, at("2026-11-16T08:10"))  # a Monday morning: six days ago was a Tuesday
    assert one(store, "SELECT status FROM conversation") == "resolved"
    later = Story(at="30m", via="email", who="Ewa Lipa", subject="x", text="y", then=FEW[0].then)
    monkeypatch.setattr(week, "week", lambda: [later])
    store, _ = await made(tmp_path / "other", at("2026-11-16T08:10"))
    assert one(store, "SELECT status FROM conversation") == "open"
    assert one(store, "SELECT count(*) FROM message WHERE kind = 'outbound' AND automatic = 'no'") == 0


THROUGH = [
    Story(
        at="4 09:00",
        via=via,
        who=f"Ewa {via.title()}",
        text=f"Pytanie przez {via}.",
        then=(
            Act(after="20m", reply="Dzień dobry, odpowiadamy.", wait=True),
            Act(after="1h", writes="Dziękuję!"),
        ),
    )
    for via in PROVIDED
] + [
    Story(
        at="4 10:00",
        via=via,
        who="gosc",
        text="Komentarz.",
        then=(
            Act(after="5m", by="redakcja", publish=True),
            Act(after="5m", by="redakcja", answer="Dziękujemy."),
        ),
    )
    for via in PUBLIC
]


@pytest.mark.slow
async def test_providers_carry_what_is_said_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(week, "week", lambda: THROUGH)
    store, letters = await made(tmp_path, at("2026-11-20T16:00"))
    rows = store.execute("SELECT channel, messages, status FROM conversation WHERE channel != 'comments'")
    assert {row[0] for row in rows} == {*PROVIDED} - {*TEXTED[1:]}
    thanks = "SELECT count(*) FROM message WHERE kind = 'inbound' AND text = 'Dziękuję!'"
    assert one(store, thanks) == len(PROVIDED)
    assert one(store, "SELECT count(*) FROM delivery WHERE state = 'failed'") == 0
    said = {letter.way: letter.text for letter in letters.newest()}
    assert {way: text for way, text in said.items() if way in PROVIDED} == dict.fromkeys(
        PROVIDED, "Dzień dobry, odpowiadamy."
    )
    assert [said[way] for way in PUBLIC] == ["Dziękujemy."] * len(PUBLIC)


CHANNELS_SHOWN = {"email", "comments", "form", "callback", "webhook", "phone", "chat", *PROVIDED} - {
    *TEXTED[1:]
}

Look = Callable[[sqlite3.Connection], bool]

SHOWN: dict[str, Look] = {
    "a hundred and twenty conversations": lambda s: one(s, "SELECT count(*) FROM conversation") >= 120,
    "every channel of the demo": lambda s: (
        {channel for (channel,) in s.execute("SELECT DISTINCT channel FROM conversation")} >= CHANNELS_SHOWN
    ),
    "what left through providers arrived": lambda s: (
        one(
            s,
            "SELECT count(*) FROM delivery WHERE inbox IN ('sms', 'messenger', 'whatsapp') AND state = 'delivered'",
        )
        >= 2
    ),
    "nothing failed but what bounces": lambda s: (
        one(s, "SELECT count(*) FROM delivery WHERE state = 'failed' AND inbox != 'kontakt'") == 0
    ),
    "a bounce": lambda s: one(s, "SELECT count(*) FROM delivery WHERE state = 'failed'") >= 2,
    "a failed send": lambda s: one(s, "SELECT count(*) FROM conversation WHERE failed") >= 1,
    "a quarantined mail": lambda s: one(s, "SELECT count(*) FROM raw WHERE state = 'quarantined'") == 1,
    "a forged mail": lambda s: (
        one(s, "SELECT count(*) FROM conversation WHERE quarantined AND suspicious != ''") >= 1
    ),
    "an overdue one": lambda s: (
        one(
            s,
            "SELECT count(*) FROM conversation WHERE status = 'open' AND due_at < (SELECT max(at) FROM message)",
        )
        > 0
    ),
    "a thread of forty": lambda s: one(s, "SELECT max(messages) FROM conversation") >= 40,
    "a Ukrainian one": lambda s: (
        one(s, "SELECT count(*) FROM conversation WHERE language = 'uk' AND queue = 'cudzoziemcy'") >= 1
    ),
    "a PESEL, masked in public": lambda s: (
        one(s, "SELECT count(*) FROM post WHERE text LIKE '%440••••••••%' AND state = 'held'") == 1
    ),
    "no PESEL in public": lambda s: one(s, "SELECT count(*) FROM post WHERE text LIKE '%44051401359%'") == 0,
    "a likely duplicate": lambda s: (
        one(s, "SELECT count(*) FROM conversation WHERE possible_duplicate IS NOT NULL") >= 1
    ),
    "a merge": lambda s: one(s, "SELECT count(*) FROM conversation_merge") == 1,
    "reported comments": lambda s: one(s, "SELECT count(DISTINCT post) FROM report") >= 2,
    "a hidden comment": lambda s: one(s, "SELECT count(*) FROM post WHERE state = 'hidden'") >= 1,
    "a rejected comment": lambda s: one(s, "SELECT count(*) FROM post WHERE state = 'rejected'") >= 2,
    "callbacks in several states": lambda s: one(s, "SELECT count(DISTINCT state) FROM callback") >= 5,
    "snoozed": lambda s: one(s, "SELECT count(*) FROM conversation WHERE status = 'snoozed'") >= 2,
    "resolved with a topic": lambda s: (
        one(s, "SELECT count(*) FROM conversation WHERE status = 'resolved' AND topic IS NOT NULL") >= 30
    ),
    "waiting for an office": lambda s: (
        one(s, "SELECT count(*) FROM conversation_office WHERE office = 'pup-lomza'") >= 1
    ),
    "notes": lambda s: one(s, "SELECT count(*) FROM message WHERE kind = 'note'") >= 10,
    "distress first": lambda s: one(s, "SELECT count(*) FROM conversation WHERE protocol IS NOT NULL") == 1,
    "what people think": lambda s: (
        one(s, "SELECT count(*) FROM survey WHERE score IS NOT NULL") >= 8
        and one(s, "SELECT count(*) FROM survey WHERE comment != ''") >= 3
        and one(s, "SELECT count(*) FROM survey WHERE score IS NULL") >= 3
    ),
    "no effect that failed": lambda s: one(s, "SELECT count(*) FROM effect WHERE state = 'failed'") == 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("now", [MONDAY, SUNDAY, AFTER_HOLIDAYS])
async def test_the_whole_week_shows_what_it_is_for(tmp_path: Path, now: str) -> None:
    store, letters = await made(tmp_path, at(now))
    missing = [name for name, look in SHOWN.items() if not look(store)]
    assert missing == []
    assert any(letter.refused for letter in letters.newest())
    author = [letter.text for letter in letters.newest("gosc77@skrzynka.example")]
    assert not any("44051401359" in text for text in author)
