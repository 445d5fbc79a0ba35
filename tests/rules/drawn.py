"""Rule sets and facts drawn at random by hypothesis, small enough in their words that rules and messages meet."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from hypothesis import strategies as st

from rules import Actions, Facts, Rule, RuleSet, model
from rules.decision import CallbackOrder
from rules.model import Section

ROOTS = ("zasił", "prac", "błąd", "urząd", "łomż", "staż")
ENDINGS = ("", "a", "u", "em", "ów")
PLACES = {"18": "pup-b", "18-4": "pup-a", "łomż": "pup-a", "urząd prac": "pup-c"}
CHANNELS = ("email", "sms", "comments")


def expand(word: str, language: str = "") -> frozenset[str]:
    """Forms of an invented word: its root with every ending."""
    root = next((root for root in ROOTS if word.startswith(root)), None)
    return frozenset(root + ending for ending in ENDINGS) if root else frozenset([word])


words = st.sampled_from([root + ending for root in ROOTS for ending in ENDINGS])
small = st.integers(-1, 9)
bounds = st.one_of(st.none(), small)
values = st.lists(st.sampled_from([*CHANNELS, "x", "e*", "*"]), min_size=1, max_size=3).map(tuple)
text_names = st.sampled_from(
    [
        "channel",
        "inbox",
        "kind",
        "direction",
        "sender",
        "sender_kind",
        "last_queue",
        "previous_queue",
        "office",
        "article",
        "section",
        "automatic",
        "suspicious",
        "callback_topic",
        "status",
        "status_from",
        "timer",
        "tags",
        "tag_added",
        "tag_removed",
        "button",
        "domain",
    ]
)
flag_names = st.sampled_from(
    [
        "sender_verified",
        "returning",
        "automatic",
        "suspicious",
        "reply_to_automatic",
        "holiday",
        "open_hours",
        "pesel",
        "phone",
        "account",
        "email",
    ]
)
number_names = st.sampled_from(
    [
        "history",
        "open_elsewhere",
        "duplicates",
        "join_candidates",
        "length",
        "waiting",
        "unanswered",
        "unanswered_open",
        "links",
    ]
)
minutes = st.integers(0, 1439)

spellings = st.sampled_from(
    [
        {"exact": exact, **how}
        for exact in (False, True)
        for how in ({}, {}, {"diacritics": True}, {"typos": 1})
    ]
)

leaves: st.SearchStrategy[model.Condition] = st.one_of(
    st.builds(model.OneOf, name=text_names, values=values),
    st.builds(
        model.OneOf,
        name=st.just("days"),
        values=st.lists(st.sampled_from("1234567"), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(model.Flag, name=flag_names, value=st.booleans()),
    st.builds(model.Between, name=number_names, low=bounds, high=bounds),
    st.builds(
        model.Keyed,
        name=st.sampled_from(["contact", "fields"]),
        key=st.sampled_from("ab"),
        values=st.one_of(st.just(()), values),
    ),
    st.builds(
        model.KeyedBetween,
        name=st.sampled_from(["queue_load", "queue_waiting", "agents_on_duty"]),
        key=st.sampled_from("ab"),
        low=bounds,
        high=bounds,
    ),
    st.builds(
        model.Language,
        values=st.lists(st.sampled_from(["pl", "uk"]), min_size=1).map(tuple),
        confidence=st.sampled_from([0.0, 0.8]),
    ),
    st.builds(
        lambda words, at_least, how: model.Words(words=words, at_least=at_least, **how),
        st.lists(
            st.one_of(words, st.tuples(words, words).map(" ".join)), min_size=1, max_size=3, unique=True
        ).map(tuple),
        st.integers(1, 2),
        spellings,
    ),
    st.builds(
        lambda phrases, gap, how: model.Phrase(phrases=phrases, gap=gap, **how),
        st.lists(st.lists(words, min_size=1, max_size=3).map(tuple), min_size=1, max_size=2).map(tuple),
        st.integers(0, 3),
        spellings,
    ),
    st.builds(
        model.Recent,
        name=st.sampled_from(["history", "returning"]),
        days=st.integers(1, 9),
        low=bounds,
        high=bounds,
    ),
    st.builds(
        model.Pattern,
        pattern=st.sampled_from(
            ["zasił", r"błąd\s*5\d\d", "prac(a|y)", r"^urząd", r"\d{3}", "staż|błąd", "[łl]om"]
        ),
    ),
    st.builds(
        model.Hours,
        spans=st.lists(
            st.tuples(minutes, minutes).filter(lambda s: s[0] != s[1]), min_size=1, max_size=2
        ).map(tuple),
    ),
    st.builds(
        model.Dates, first=st.sampled_from(["", "2026-11-10"]), last=st.sampled_from(["", "2026-11-20"])
    ),
    st.builds(model.Place, offices=st.sampled_from([(), ("pup-a",), ("pup-b", "pup-c")])),
    st.builds(
        model.Attachment,
        types=st.sampled_from([(), ("image/*",), ("text/plain",)]),
        names=st.sampled_from([(), (".png",)]),
        size=st.sampled_from([0, 100]),
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(model.All, items=st.lists(inner, max_size=3).map(tuple)),
        st.builds(model.Any, items=st.lists(inner, max_size=3).map(tuple)),
        st.builds(model.Not, item=inner),
        st.builds(model.Named, kind=st.just("condition"), name=st.just("c"), item=inner),
    ),
    max_leaves=6,
)
events = st.lists(st.sampled_from(["new", "message", "edit", "timer"]), min_size=1, max_size=2).map(tuple)
thens = st.sampled_from(["stop", "continue", "continue", "next-section", "stop-after-section"])
starts = st.sampled_from(["", "", "2026-11-12"])
switched = st.sampled_from([True, True, True, False])


def numbered(drawn: list[Rule], sections: tuple[Section, ...] = ()) -> RuleSet:
    kept = tuple(msgspec.structs.replace(rule, id=f"r{i}") for i, rule in enumerate(drawn))
    default = Actions(queue="informacja")
    return RuleSet(version="t", source="t", rules=kept, sections=sections, default=default)


def _actions(number: int) -> Actions:
    """One of all combinations of ``_CHOICES``."""
    fields = {}
    for name, choices in _CHOICES.items():
        number, place = divmod(number, len(choices))
        fields[name] = choices[place]
    return Actions(**fields)


def sectioned(groups: list[tuple[Section | None, list[Rule]]]) -> RuleSet:
    """Rules in groups, of which some are sections."""
    drawn: list[Rule] = []
    sections = []
    for number, (section, group) in enumerate(groups):
        name = f"s{number}" if section else ""
        if section:
            sections.append(msgspec.structs.replace(section, id=name))
        drawn += [msgspec.structs.replace(rule, section=name) for rule in group]
    return numbered(drawn, tuple(sections))


_CHOICES: dict[str, tuple[Any, ...]] = {
    "queue": (None, "a", "b"),
    "tags": ((), ("t",), ("u", "t")),
    "spam": (False, True),
    "answer": (None, "x"),
    "office": (None, "from-text"),
    "distress": (None, None, "kryzys"),
    "join": (None, "join"),
    "split": (False, True),
    "callback": (None, CallbackOrder(topic="t")),
    "timer": ({}, {"a": 1}, {"b": 2, "a": 3}),
    "set_contact": ({}, {"k": "v"}, {"l": "w", "k": "x"}),
}
actions = st.integers(0, math.prod(map(len, _CHOICES.values())) - 1).map(_actions)
"""One draw for all fields: each draw of its own would cost more than what is tried."""

some_rules = st.lists(
    st.builds(
        Rule,
        id=st.just(""),
        name=st.just(""),
        on=events,
        when=conditions,
        first=starts,
        actions=actions,
        then=thens,
        enabled=switched,
    ),
    max_size=6,
)
some_sections = st.builds(
    Section, id=st.just(""), name=st.just(""), when=conditions, first=starts, enabled=switched
)
rulesets = st.lists(st.tuples(st.one_of(st.none(), some_sections), some_rules), max_size=4).map(sectioned)

pieces = st.one_of(
    words,
    words.map(str.upper),
    st.sampled_from(
        [
            "i",
            "503",
            "18-400",
            "18-100",
            "44051401359",
            "601 234 567",
            "https://a.pl",
            "a@b.pl",
            ",",
            "\n",
            "lomzy",
            "blad",
            "zasilke",
            "zasiek",
            "zasiłęk",
            "urzzad",
            "prca",
        ]
    ),
)
texts = st.lists(pieces, max_size=12).map(" ".join)
short = st.sampled_from(["", *CHANNELS, "x", "X"])
mappings = st.dictionaries(st.sampled_from("ab"), short, max_size=2)
loads = st.dictionaries(st.sampled_from("ab"), small, max_size=2)
all_facts = st.builds(
    Facts,
    on=st.sampled_from(["new", "new", "message", "timer"]),
    channel=short,
    inbox=short,
    kind=short,
    direction=short,
    language=st.sampled_from(["", "pl", "uk"]),
    language_confidence=st.sampled_from([0.0, 0.5, 0.9]),
    subject=texts,
    text=texts,
    sender_address=st.sampled_from(["", "x", "email", "a@x", "a@b.x", "@", "sms@comments"]),
    sender_kind=short,
    sender_verified=st.booleans(),
    contact=mappings,
    history_count=small,
    history_ages=st.lists(st.integers(0, 9), max_size=5).map(lambda ages: tuple(sorted(ages))),
    last_queue=short,
    open_elsewhere=small,
    returning=st.booleans(),
    office=short,
    article=short,
    section=short,
    attachments=st.lists(
        st.tuples(
            st.sampled_from(["image/png", "text/plain"]),
            st.sampled_from([0, 100]),
            st.sampled_from(["a.PNG", "b"]),
        ),
        max_size=2,
    ).map(tuple),
    automatic=st.sampled_from(["no", "list", ""]),
    local_minutes=minutes,
    local_date=st.sampled_from(["", "2026-11-10", "2026-11-21"]),
    weekday=st.integers(0, 7),
    holiday=st.booleans(),
    open_hours=st.sampled_from([None, True, False]),
    queue_load=loads,
    queue_waiting=loads,
    agents_on_duty=loads,
    reply_to_automatic=st.booleans(),
    duplicates=small,
    join_candidates=st.lists(st.integers(1, 9), max_size=2).map(tuple),
    previous_queue=short,
    tags=st.lists(short, max_size=2).map(tuple),
    status=short,
    status_before=short,
    tags_added=st.lists(short, max_size=2).map(tuple),
    tags_removed=st.lists(short, max_size=2).map(tuple),
    button=st.lists(short, max_size=2).map(tuple),
    waiting_minutes=small,
    unanswered_minutes=small,
    unanswered_open_minutes=small,
    unanswered_due=st.lists(small, max_size=2).map(tuple),
    unanswered_open_due=st.lists(small, max_size=2).map(tuple),
    timer=short,
    callback_topic=st.one_of(short, words),
    suspicious=short,
    fields=mappings,
)
