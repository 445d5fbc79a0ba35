"""Random rule files as plain data, made from the tables of the language: whatever they hold must load."""

from __future__ import annotations

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

letters = st.text("abcząż ABŻ09.-_'\"#:[]{}|*&!%@`", min_size=1, max_size=12).map(str.strip).filter(bool)
plain = letters.filter(lambda text: "*" not in text)
words = st.sampled_from(
    ["praca", "Łomża", "no", "503", "praca.gov.pl", "'ż", "on: off", "true", "~a", "u2 b"]
)
flags = st.booleans()
counts = st.integers(0, 60)
recent = st.integers(0, RECENT_COUNT)
durations = st.tuples(st.integers(1, 300), st.sampled_from("mhd")).map(lambda d: f"{d[0]}{d[1]}")
minutes = st.one_of(counts, durations)
dates = st.dates().map(lambda day: day.isoformat())
times = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
spans = st.tuples(times, times).filter(lambda t: t[0] != t[1]).map("-".join)


def some(item: Data) -> Data:
    """One, or a list of some."""
    return st.one_of(item, st.lists(item, min_size=1, max_size=3))


def options(required: Mapping[str, Data] | None = None, /, **optional: Data) -> Data:
    made = st.fixed_dictionaries(dict(required or {}), optional=optional)
    return made if required else made.filter(bool)


def limits(end: Data, **more: Data) -> Data:
    """``{min: …, max: …}`` in order, where the ends can be compared."""

    def ordered(found: dict[str, Any]) -> bool:
        low, high = (_size(found.get(key)) for key in ("min", "max"))
        return ("min" in found or "max" in found) and (low is None or high is None or low <= high)

    return options(None, min=end, max=end, **more).filter(ordered)


def _size(value: int | str | None) -> int | None:
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
    "history": st.one_of(
        number(counts), limits(recent, days=st.integers(1, RECENT_DAYS)).filter(lambda d: "days" in d)
    ),
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
    "dates": options(None, **{"from": st.just("2026-01-31"), "until": st.just("2026-12-01")}),
    "place": st.one_of(flags, some(plain)),
    "attachment": st.one_of(
        flags,
        options(
            type=some(starred), name=some(plain), min_size=st.sampled_from([0, 7, "5 kB", "12 MB", "1gb"])
        ),
    ),
}


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
).filter(bool)

_head: dict[str, Data] = {
    "name": letters,
    "note": st.one_of(letters, st.just("one\ntwo\n")),
    "enabled": flags,
    "from": dates.filter(lambda day: day < "2026"),
    "until": dates.filter(lambda day: day >= "2026"),
}
some_rules = st.lists(
    st.fixed_dictionaries(
        {"do": actions},
        optional={
            **_head,
            "on": some(st.sampled_from(EVENTS)),
            "when": conditions(tuple(PREDICATES)),
            "then": st.sampled_from(THENS),
        },
    ),
    max_size=4,
)
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
        "rules": st.lists(
            st.one_of(some_rules.filter(bool).map(lambda found: found[0]), sections), max_size=3
        ).map(_numbered),
        "default": actions,
        "tests": tests,
    }
)
