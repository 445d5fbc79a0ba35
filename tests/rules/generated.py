"""Random rule files as plain data, made from the tables of the language: whatever they hold must load."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from rules.decision import PRIORITIES
from rules.language import (
    ACTIONS,
    DAYS,
    EVENTS,
    JOINS,
    LANGUAGES,
    PREDICATES,
    RECENT_COUNT,
    RECENT_DAYS,
    THENS,
)

Data = st.SearchStrategy[Any]

LISTS = {"pierwsza": ["zasiłek", "urząd pracy"], "druga": ["PUP"]}
CONDITIONS = ("c0", "c1")
SCHEDULES = ("s0", "s1")

ALPHABET = "abcząż ABŻ09.-_'\"#:[]{}|&!%@`"


def _written(alphabet: str) -> Data:
    return st.text(alphabet, min_size=1, max_size=12).map(lambda text: text.strip() or "a")


# Hardly anything is filtered: a draw that is thrown away throws away the whole file that it is a part of, and the
# larger the file, the surer; what was left would be small files.
letters = _written(f"{ALPHABET}*")
plain = _written(ALPHABET)
words = st.sampled_from(
    ["praca", "Łomża", "no", "503", "praca.gov.pl", "'ż", "on: off", "true", "~a", "u2 b"]
)
flags = st.booleans()
counts = st.integers(0, 60)
recent = st.integers(0, RECENT_COUNT)
durations = st.tuples(st.integers(1, 300), st.sampled_from("mhd")).map(lambda d: f"{d[0]}{d[1]}")
minutes = st.one_of(counts, durations)
TURN = dt.date(2026, 1, 1)
past = st.dates(dt.date(1990, 1, 1), TURN - dt.timedelta(days=1)).map(dt.date.isoformat)
future = st.dates(TURN, dt.date(2040, 1, 1)).map(dt.date.isoformat)
spans = st.tuples(st.integers(0, 1439), st.integers(1, 1439)).map(
    lambda span: f"{_time(span[0])}-{_time(span[0] + span[1])}"
)


def _time(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def some(item: Data) -> Data:
    """One, or a list of some."""
    return st.one_of(item, st.lists(item, min_size=1, max_size=3))


def options(required: Mapping[str, Data] | None = None, /, **optional: Data) -> Data:
    made = st.fixed_dictionaries(dict(required or {}), optional=optional)
    return made if required else made.filter(bool)


def limits(end: Data, required: Mapping[str, Data] | None = None, /, **more: Data) -> Data:
    """``{min: …, max: …}`` in order, where the ends can be compared."""
    needed = dict(required or {})

    def ordered(found: dict[str, Any]) -> dict[str, Any]:
        if "max" in found and _size(found["min"]) > _size(found["max"]):
            return {**found, "min": found["max"], "max": found["min"]}
        return found

    return st.one_of(
        options({"min": end, **needed}, max=end, **more).map(ordered),
        options({"max": end, **needed}, **more),
    )


def _size(value: int | str) -> int:
    if isinstance(value, str):
        return int(value[:-1]) * {"m": 1, "h": 60, "d": 1440}[value[-1]]
    return value


def number(end: Data) -> Data:
    return st.one_of(end, flags, limits(end))


def by_name(item: Data) -> Data:
    return st.dictionaries(plain, item, min_size=1, max_size=3)


spelling: dict[str, Data] = {
    "exact": flags,
    "language": st.sampled_from(LANGUAGES),
    "typos": st.sampled_from([0, 1]),
}
starred = st.one_of(plain, plain.map(lambda text: f"{text}*"))

SHAPES: Mapping[str, Data] = {
    "flag": flags,
    "number": number(counts),
    "duration": number(minutes),
    "history": st.one_of(number(counts), limits(recent, {"days": st.integers(1, RECENT_DAYS)})),
    "returning": st.one_of(flags, options({"days": st.integers(1, RECENT_DAYS)})),
    "unanswered": st.one_of(durations, flags, limits(durations, open_hours=flags)),
    "keyed_values": by_name(st.one_of(flags, some(starred))),
    "keyed_number": by_name(number(counts)),
    "keyed_duration": by_name(number(minutes)),
    "language": st.one_of(
        some(st.sampled_from(LANGUAGES)),
        options({"is": some(st.sampled_from(LANGUAGES))}, confidence=st.sampled_from([0, 0.25, 0.8, 1])),
    ),
    "words": st.one_of(
        some(words),
        options(
            {"any": some(words)}, list=some(st.sampled_from(sorted(LISTS))), at_least=st.just(1), **spelling
        ),
        options({"list": some(st.sampled_from(sorted(LISTS)))}, diacritics=st.just("required"), exact=flags),
    ),
    "phrase": st.one_of(some(words), options({"any": some(words)}, gap=st.integers(0, 50), **spelling)),
    "regex": st.sampled_from(["zasi[łl]ek", "a.*b c: d", "'x'", "[0-9]{2}-[0-9]{3}", "# no comment"]),
    "hours": some(spans),
    "days": some(st.one_of(st.sampled_from(DAYS), st.tuples(*[st.sampled_from(DAYS)] * 2).map("-".join))),
    "dates": st.sampled_from(
        [{"from": "2026-01-31"}, {"until": "2026-12-01"}, {"from": "2026-01-31", "until": "2026-12-01"}]
    ).map(dict),
    "place": st.one_of(flags, some(plain)),
    "attachment": st.one_of(
        flags,
        options(
            type=some(starred), name=some(plain), min_size=st.sampled_from([0, 7, "5 kB", "12 MB", "1gb"])
        ),
    ),
}


@functools.cache
def predicate(name: str) -> Data:
    """What may stand behind a predicate."""
    one = PREDICATES[name]
    if name == "condition":
        return some(st.sampled_from(CONDITIONS))
    if name == "schedule":
        return some(st.sampled_from(SCHEDULES))
    values = some(st.sampled_from(one.choices)) if one.choices else some(starred)
    if one.shape == "values":
        return values
    return st.one_of(flags, values) if one.shape == "flag_or_values" else SHAPES[one.shape]


def conditions(names: tuple[str, ...]) -> Data:
    """Trees over these predicates."""
    single = st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), predicate(name)))
    leaves = st.lists(single, max_size=4).map(dict)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.fixed_dictionaries(
                {},
                optional={
                    "all": st.lists(inner, min_size=1, max_size=3),
                    "any": st.one_of(st.lists(inner, min_size=1, max_size=3), inner.filter(bool)),
                    "not": inner,
                    "channel": some(plain),
                },
            ),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=5,
    )


NAMELESS = tuple(name for name in PREDICATES if name not in ("condition", "schedule"))
TIMES = ("days", "hours", "dates", "holiday", "open_hours")

ACTION_SHAPES: Mapping[str, Data] = {
    "name": plain,
    "names": some(plain),
    "text": plain,
    "flag": flags,
    "tier": st.integers(1, 3),
    "priority": st.sampled_from([*PRIORITIES, *PRIORITIES.values()]),
    "join": st.sampled_from(JOINS),
    "attributes": by_name(plain),
    "timers": by_name(durations),
    "callback": st.one_of(flags, options(None, topic=plain, **{"in": durations})),
}
actions = st.fixed_dictionaries(
    {}, optional={name: ACTION_SHAPES[action.shape] for name, action in ACTIONS.items()}
).map(lambda made: made or {"queue": "a"})

_head: dict[str, Data] = {
    "name": letters,
    "note": st.one_of(letters, st.just("one\ntwo\n")),
    "enabled": flags,
    "from": past,
    "until": future,
}
rules = st.fixed_dictionaries(
    {"do": actions},
    optional={
        **_head,
        "on": some(st.sampled_from(EVENTS)),
        "when": conditions(tuple(PREDICATES)),
        "then": st.sampled_from(THENS),
    },
)
some_rules = st.lists(rules, max_size=4)
sections = st.fixed_dictionaries(
    {"rules": some_rules}, optional={**_head, "when": conditions(tuple(PREDICATES))}
)
schedules = some(
    st.lists(st.sampled_from(TIMES), min_size=1, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: predicate(name) for name in names})
    )
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "text": letters,
        "channel": plain,
        "language": st.sampled_from(LANGUAGES),
        "language_confidence": st.sampled_from([0, 0.5, 1]),
        "sender": st.sampled_from(["a@example.org", "+48601234567", "x"]),
        "sender_kind": plain,
        "at": st.just("2026-11-16T10:00"),
        "history": counts,
        "open_hours": flags,
        "contact": by_name(plain),
        "queue_waiting": by_name(counts),
        "attachment": st.just([{"type": "image/png", "size": 3, "name": "a.png"}]),
        "tags": st.lists(plain, min_size=1, max_size=2),
        "unanswered": durations,
    },
)
tests = st.lists(
    st.fixed_dictionaries(
        {
            "name": letters,
            "message": messages,
            "expect": st.one_of(
                actions, st.fixed_dictionaries({"queue": st.none(), "rule": st.just("default")})
            ),
        }
    ),
    max_size=2,
    unique_by=lambda test: str(test["name"]),
)


def _numbered(items: list[Any]) -> list[Any]:
    """Rules and sections with ids."""
    made = []
    for number, item in enumerate(items):
        inner = [{"id": f"r{number}.{i}", **rule} for i, rule in enumerate(item.get("rules", ()))]
        made.append(
            {"section": f"s{number}", **item, "rules": inner}
            if "rules" in item
            else {"id": f"r{number}", **item}
        )
    return made


files = st.fixed_dictionaries(
    {
        "words": st.just(LISTS),
        "schedules": st.fixed_dictionaries(dict.fromkeys(SCHEDULES, schedules)),
        "conditions": st.fixed_dictionaries(dict.fromkeys(CONDITIONS, conditions(NAMELESS))),
        "rules": st.lists(st.one_of(rules, sections), max_size=3).map(_numbered),
        "default": actions,
        "tests": tests,
    }
)
