"""What the rules of some version make of one message: the decision, and the verdict of every rule.

The message may be one that came, read back with all its facts, or one that somebody typed. Nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from connectors.contract import Micros
from hub.directory import Directory
from hub.house import House
from hub.intake.facts import Clockwork
from hub.intake.load import Load
from hub.language import detect
from hub.rulefile import compile_source
from hub.ruleset.drafts import draft
from hub.ruleset.versions import source_of, version
from hub.scope import NotFound, Scope, require
from hub.store import schema
from hub.store.tx import Reader
from rules import Actions, Compiled, Decision, Explanation, Facts, evaluate, explain, load
from rules.editing.dump import dump_entries
from rules.files.sample_reader import AT, MESSAGE
from rules.model import RuleSet
from rules.text import Text

_DATED = ("local_date", "local_minutes", "weekday")
_load = msgspec.json.Decoder(Load).decode


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with what every rule said, in the order of the file."""

    ruleset: RuleSet
    decision: Decision
    verdicts: tuple[Explanation, ...]
    names: Mapping[str, str]

    def named(self, rule: str) -> str:
        """The name of a rule or section; its id where it has none."""
        return self.names.get(rule) or rule


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One rule under two versions; None where a version lacks it."""

    rule: str
    name: str
    before: Explanation | None
    after: Explanation | None


def judge(compiled: Compiled, facts: Facts) -> Judged:
    """Decide and explain. Some hundred rules a millisecond: with thousands of them, beside the event loop."""
    ruleset = compiled.ruleset
    named = {section.id: section.name for section in ruleset.sections}
    return Judged(
        ruleset=ruleset,
        decision=evaluate(compiled, facts),
        verdicts=tuple(explain(compiled, facts)),
        names=named | {rule.id: rule.name for rule in ruleset.rules},
    )


def changed(before: Judged, after: Judged) -> list[Pair]:
    """The rules that say something else under the other version, in the order of ``after``, then those it lacks."""
    old = {one.rule: one for one in before.verdicts}
    new = {one.rule: one for one in after.verdicts}
    pairs = [
        Pair(
            rule=rule,
            name=new[rule].name if rule in new else old[rule].name,
            before=old.get(rule),
            after=new.get(rule),
        )
        for rule in [*new, *(rule for rule in old if rule not in new)]
    ]
    return [
        pair
        for pair in pairs
        if pair.before is None or pair.after is None or _says(pair.before) != _says(pair.after)
    ]


def _says(one: Explanation) -> tuple[object, ...]:
    return one.state, one.condition, one.wanted, one.actual, one.by


def wanted_alone(one: Explanation) -> Text | None:
    """What a condition asks for, without the name of the condition, which is told beside it."""
    said = one.wanted
    if said is not None and isinstance(inner := said.values.get("condition"), Text):
        said = inner
    value = said.values.get("value") if said is not None and "name" in said.values else None
    return value if isinstance(value, Text) else said


def set_by(actions: Actions) -> dict[str, Any]:
    """What a decision came to: the fields of :class:`rules.Actions` that say something."""
    plain = Actions()
    return {
        name: value
        for name in actions.__struct_fields__
        if (value := getattr(actions, name)) != getattr(plain, name)
    }


# --- which rules -------------------------------------------------------------------------------------------------


def compiled_then(house: House, number: int, source: str | None) -> Compiled | None:
    """The rules of a version as they were: those in force, or a version of long ago, whose queues may be gone by now.

    ``source`` is its text. Blocks for a second where it is not known compiled: use a thread. None without a text.
    Raises :class:`hub.configfile.ConfigError` for one that today's hub cannot read.
    """
    if number == house.rules_version:
        return house.rules
    if source is None:
        return None
    return compile_source(house.directory.config, source, f"version {number}", names=False)


def text_then(tx: Reader, house: House, number: int) -> str | None:
    """The text of a version, where it will be needed."""
    return None if number == house.rules_version else source_of(tx, number)


PUBLISHED = "published"
"""How the rules in force are called where rules can be chosen; others are ``draft-7`` and ``version-3``."""


def source_chosen(tx: Reader, scope: Scope, chosen: str) -> str | None:
    """The text of the rules that were chosen; None for those in force. Raises Denied, NotFound."""
    require(scope, "administer")
    kind, _, number = chosen.partition("-")
    if chosen == PUBLISHED:
        return None
    if kind not in ("draft", "version") or not (number.isascii() and number.isdigit() and len(number) < 16):
        raise NotFound("rules")
    found = draft(tx, scope, int(number)) if kind == "draft" else version(tx, scope, int(number))
    return found.source


def judge_chosen(house: House, chosen: str, source: str | None, facts: Facts) -> Judged:
    """What the rules that were chosen make of a message; ``source`` is their text (:func:`source_chosen`).

    Blocks for seconds where a large set is not known compiled: use a thread. Raises
    :class:`hub.configfile.ConfigError`.
    """
    if source is None:
        return judge(house.rules, facts)
    names = chosen.startswith("draft")
    return judge(compile_source(house.directory.config, source, chosen, names=names), facts)


# --- a message that somebody typed ---------------------------------------------------------------------------------


def present_load(tx: Reader) -> Load:
    """What waited and who was there when the last decision was made; nothing before the first."""
    snapshot = schema.load_snapshot.c
    found = tx.scalar(select(snapshot.data).order_by(snapshot.at.desc()).limit(1))
    return Load() if found is None else _load(found)


def facts_of(
    house: House,
    message: Mapping[str, Any],
    *,
    now: Micros,
    load: Load | None = None,
    base: Facts | None = None,
) -> Facts:
    """The facts of a message that is written as in ``tests:`` of a rule file.

    What is left out stays as in ``base`` (a message that came), and without one: the office of the inbox and its
    opening hours at the time given or ``now``, the language by the text, ``load`` of the desk. Raises
    :class:`rules.RuleFileError` for what no message can be.
    """
    read = _read(message)
    said = {MESSAGE[key] for key in message if key in MESSAGE} | (set(_DATED) if AT in message else set())
    known = {name: getattr(read, name) for name in said}
    known |= _derived(house, known, base, now)
    if load is not None and base is None:
        desk = {"queue_load": load.waiting, "queue_waiting": load.oldest, "agents_on_duty": load.on_duty}
        known = desk | known
    if "sender_address" in known and "sender_kind" not in known:
        known["sender_kind"] = read.sender_kind
    return msgspec.structs.replace(base or Facts(), **known)


def _read(message: Mapping[str, Any]) -> Facts:
    """The message by the reader of rule files, so that a typed message can become a test as it stands."""
    test: dict[str, Any] = {"name": "message", "message": dict(message), "expect": {"queue": "x"}}
    text = dump_entries({"rules": [], "default": {"queue": "x"}, "tests": [test]})
    return load(text, "message").samples[0].facts


def _derived(house: House, known: Mapping[str, Any], base: Facts | None, now: Micros) -> dict[str, Any]:
    """What follows from what was said, where nothing else was."""
    found: dict[str, Any] = {}
    text = known.get("text", "")
    if "language" in known:
        found["language_confidence"] = known.get("language_confidence", 1.0)
    elif text and (base is None or text != base.text):
        found["language"], found["language_confidence"] = detect(text)
    inbox = known.get("inbox", "")
    if inbox and "office" not in known:
        found["office"] = _office(house.directory, inbox)
    if inbox and "channel" not in known and inbox in house.channels:
        found["channel"] = house.channels[inbox]
    office = known.get("office") or found.get("office") or (base.office if base else "")
    return found | _at(house, office, known, base, now)


def _office(directory: Directory, inbox: str) -> str:
    return next((one.office for one in directory.config.inboxes if one.id == inbox), "")


def _at(
    house: House, office: str, known: Mapping[str, Any], base: Facts | None, now: Micros
) -> dict[str, Any]:
    """Date, time, holiday and opening hours by the office's clock."""
    if "local_date" not in known and base is not None:
        return {}
    offices = [one.id for one in house.directory.config.offices]
    if not offices:
        return {}
    try:
        moment = _moment(known, ZoneInfo(house.directory.config.hub.zone)) if "local_date" in known else now
        local, is_open = Clockwork(house.directory).wall(office if office in offices else offices[0], moment)
    except (ValueError, OverflowError):
        return {}  # no such day, or one of which no clock knows: what would follow from it stays unknown
    dated = {"local_date": local.date.isoformat(), "local_minutes": local.minutes, "weekday": local.weekday}
    wanted = {"holiday": local.holiday, "open_hours": is_open}
    return {key: value for key, value in (dated | wanted).items() if key not in known}


def _moment(known: Mapping[str, Any], zone: ZoneInfo) -> Micros:
    """The moment that is named on the office's clock. Raises ValueError, OverflowError."""
    minutes = known.get("local_minutes", 0)
    day = datetime.fromisoformat(known["local_date"])
    wall = day.replace(hour=minutes // 60, minute=minutes % 60, tzinfo=zone)
    return Micros(round(wall.timestamp()) * 1_000_000)


def lines_of(verdicts: Sequence[Explanation], asked: str, states: Sequence[str]) -> list[Explanation]:
    """The verdicts on rules whose name or id has ``asked`` in it and whose state is one of ``states`` (none: any)."""
    wanted = asked.strip().casefold()
    return [
        one
        for one in verdicts
        if (not states or one.state in states)
        and (not wanted or wanted in f"{one.rule} {one.name}".casefold())
    ]
