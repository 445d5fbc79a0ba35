"""What lint says that only the office knows: who is on duty in the queues that rules name, how common their words are,
and which rules have not been needed for a quarter of a year.

Everything reads the store and changes nothing. :func:`office` asks all of it in pieces, beside the event loop.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from connectors.contract import Micros
from hub.calendar import at_wall_clock, calendar, is_open, next_opening
from hub.directory import Directory
from hub.intake.load import Load
from hub.intake.routing import territorial_queue
from hub.replay import stored
from hub.ruleset.hits import DAY, hits
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader
from hub.wordforms import FILE, WordForms
from rules import Actions, Compiled, Facts, RuleSet, compile_rules, evaluate, model
from rules.calling import queue_called
from rules.decision import DEFAULT_RULE
from rules.engine.lexicon import Expand
from rules.lint.finding import Finding, Values, called, finding, with_names
from rules.text import Text, mark

SAMPLED = 5_000
"""The newest messages that words are counted in."""

MONTH = 30 * DAY
SHARE = 3
"""A word that more than one message in so many holds tells them apart no more."""

FEWEST = 30
"""Messages below which nothing is said about words."""

UNUSED_DAYS = 90

DUTY_DAYS = 28
SLICE = 20 * 60 * 1_000_000
"""Of the snapshots of load and duty one is looked at in so many microseconds."""

SEEN_DAYS = 2
"""On so many days an hour must have been seen without anybody before it is told."""

_load = msgspec.json.Decoder(Load).decode


async def office(store: Store, directory: Directory, ruleset: RuleSet) -> tuple[Finding, ...]:
    """Everything of this page about a rule set that was compiled with the word forms of the data folder."""
    found = await store.read(lambda tx: [*duty(tx, directory, ruleset), *idle(tx, ruleset)])
    forms = Path(directory.config.hub.data_dir) / FILE
    return tuple(with_names(ruleset, [*found, *await wide_words(store, ruleset, forms)]))


def _tried(ruleset: RuleSet) -> list[model.Rule]:
    """The rules that are switched on, with their sections."""
    off = {section.id for section in ruleset.sections if not section.enabled}
    return [rule for rule in ruleset.rules if rule.enabled and rule.section not in off]


# --- duty --------------------------------------------------------------------------------------------------------


def duty(tx: Reader, directory: Directory, ruleset: RuleSet) -> Iterator[Finding]:
    """Queues into which rules send conversations though nobody works them, or not at some hour at which they are open.

    Known are the queues of each account, the hours of queues and offices, and from the last four weeks who was there
    (as decisions saw it; hours in which no message came were not seen).
    """
    targets = _targets(ruleset, directory)
    if not targets:
        return
    members = _members(tx)
    empty = _empty_hours(tx, directory, [queue for queue in targets if members.get(queue)])
    for queue, (rule, line) in targets.items():
        values: Values = {"queue": queue_called(queue), "rule": called(rule)}
        cal = calendar(directory, directory.queues[queue].office, queue)
        if next_opening(cal, Micros(tx.now)) is None:
            yield finding(
                "never-open",
                rule,
                line,
                Text(mark("{rule} sends into {queue}, which is never open by its hours"), values),
                Text(mark("Give the queue or its office hours, or send elsewhere."), values),
            )
        if not members.get(queue):
            yield finding(
                "nobody-on-duty",
                rule,
                line,
                Text(mark("{rule} sends into {queue}, which no active account works"), values),
                Text(mark("Give the queue to somebody, or send elsewhere."), values),
            )
        elif queue in empty:
            values["hours"] = spoken(empty[queue])
            yield finding(
                "nobody-on-duty",
                rule,
                line,
                Text(
                    mark(
                        "{rule} sends into {queue}, where in the last four weeks nobody was there at: {hours}"
                    ),
                    values,
                ),
                Text(mark("Plan somebody for these hours, or let a schedule send elsewhere then."), values),
            )


def _targets(ruleset: RuleSet, directory: Directory) -> dict[str, tuple[str, int]]:
    """The queues that rules send into, each with the first rule that does; those for spam need nobody."""
    asked = [(rule.actions, rule.id, rule.line) for rule in _tried(ruleset)]
    default: tuple[Actions, str, int] = (ruleset.default, DEFAULT_RULE, ruleset.lines.get("default", 0))
    found: dict[str, tuple[str, int]] = {}
    for actions, rule, line in [*asked, default]:
        name = actions.queue
        if name is None and actions.office is not None:
            name = territorial_queue(directory.queues.values(), actions.office)
        queue = directory.queues.get(name or "")
        if queue is not None and not queue.spam:
            found.setdefault(queue.id, (rule, line))
    return found


def _members(tx: Reader) -> Mapping[str, int]:
    """How many active accounts work each queue."""
    user, member = schema.user.c, schema.user_queue.c
    statement = (
        select(member.queue, func.count().label("people"))
        .join(schema.user, user.id == member.user)
        .where(user.active.is_(True))
        .group_by(member.queue)
    )
    return {row.queue: int(row.people) for row in tx.rows(statement)}


Hour = tuple[int, int]
"""Weekday from 1 and hour of the day."""


def _empty_hours(tx: Reader, directory: Directory, queues: Sequence[str]) -> dict[str, list[Hour]]:
    """By queue, the hours at which it was open and seen on several days, and nobody was ever there."""
    calendars = {queue: calendar(directory, directory.queues[queue].office, queue) for queue in queues}
    there: set[tuple[str, Hour]] = set()
    days: dict[tuple[str, Hour], set[str]] = {}
    for at, data in _snapshots(tx):
        load = _load(data)
        for queue, cal in calendars.items():
            if is_open(cal, Micros(at)):
                wall = at_wall_clock(cal.zone, Micros(at))
                place = queue, (wall.isoweekday(), wall.hour)
                days.setdefault(place, set()).add(wall.date().isoformat())
                if load.on_duty.get(queue):
                    there.add(place)
    found: dict[str, list[Hour]] = {}
    for (queue, hour), seen in sorted(days.items()):
        if (queue, hour) not in there and len(seen) >= SEEN_DAYS:
            found.setdefault(queue, []).append(hour)
    return found


def _snapshots(tx: Reader) -> list[tuple[int, str]]:
    """Snapshots of load and duty of the last weeks, one in every twenty minutes."""
    table = schema.load_snapshot.c
    since = tx.now - DUTY_DAYS * DAY
    ids = select(func.min(table.id)).where(table.at >= since).group_by(table.at // SLICE)
    rows = tx.rows(select(table.at, table.data).where(table.id.in_(ids)))
    return [(int(row.at), str(row.data)) for row in rows]


_DAYS = (mark("mon"), mark("tue"), mark("wed"), mark("thu"), mark("fri"), mark("sat"), mark("sun"))


def spoken(hours: Sequence[Hour]) -> Text:
    """Hours of the week in short: ``mon 08-10, tue 15-16``."""
    parts: list[tuple[int, int, int]] = []
    for day, hour in sorted(hours):
        if parts and parts[-1][0] == day and parts[-1][2] == hour:
            parts[-1] = (day, parts[-1][1], hour + 1)
        else:
            parts.append((day, hour, hour + 1))
    *others, told = [
        Text("{day} {hours}", {"day": Text(_DAYS[day - 1]), "hours": f"{first:02}-{last:02}"})
        for day, first, last in parts
    ]
    for one in reversed(others):
        told = Text("{first}, {rest}", {"first": one, "rest": told})
    return told


# --- rules that nobody needed --------------------------------------------------------------------------------------


def idle(tx: Reader, ruleset: RuleSet) -> Iterator[Finding]:
    """Rules that were there a quarter of a year ago and have not matched since."""
    before = tx.now - UNUSED_DAYS * DAY
    counted = tx.scalar(select(func.min(schema.rule_hit.c.day)))
    source = _published_at(tx, before)
    if counted is None or source is None or int(counted) > before // DAY:
        return
    recent = hits(tx, UNUSED_DAYS)
    for rule in _tried(ruleset):
        matched = recent.get(rule.id, (0, None))[0]
        if not matched and _names_rule(source, rule.id):
            values: Values = {"rule": called(rule.id), "days": UNUSED_DAYS}
            yield finding(
                "never-hit",
                rule.id,
                rule.line,
                Text(mark("{rule} has matched no message in the last {days} days"), values),
                Text(mark("Look whether it is still wanted; “Try out” says why it does not match."), values),
            )


def _published_at(tx: Reader, moment: int) -> str | None:
    """The text of the rules that were in force at a moment."""
    table = schema.ruleset.c
    statement = select(table.source).where(table.published_at <= moment).order_by(table.published_at.desc())
    found: str | None = tx.scalar(statement.limit(1))
    return found


def _names_rule(source: str, rule: str) -> bool:
    """Whether the text of a rule set has a rule of this id."""
    return (
        re.search(rf"""\bid:\s*["']?{re.escape(rule)}["']?\s*(?:$|[,}}#])""", source, re.MULTILINE)
        is not None
    )


# --- words -------------------------------------------------------------------------------------------------------


async def wide_words(store: Store, ruleset: RuleSet, forms: Path) -> tuple[Finding, ...]:
    """Words of rules that stand in more than a third of the last month's messages; ``forms`` is the file of word forms.

    At most the :data:`SAMPLED` newest are read, a batch at a time; the counting is done in a thread.
    """
    words = used_words(ruleset)
    span = await store.read(_span) if words else None
    if span is None or span.total < FEWEST:
        return ()
    counting = await asyncio.to_thread(counter_from, words, forms)
    counts: Counter[str] = Counter()
    snapshots = stored.Snapshots()
    first, last, seen = span.first, span.last, 0

    def read(tx: Reader) -> list[stored.Stored]:
        return stored.batch(tx, snapshots, first, last)

    while batch := await store.read(read):
        messages = [one.facts for one in batch if one.readable and _is_message(one.facts)]
        counts.update(await asyncio.to_thread(count, counting, messages))
        seen += len(messages)
        first = stored.following(batch[-1])
    return tuple(_wide(words, counts, seen))


def _is_message(facts: Facts) -> bool:
    """Whether a decision was about a message that came: a timer or a changed status finds an old one once more."""
    return facts.direction == "in" and facts.on in ("new", "message")


def _span(tx: Reader) -> stored.Span | None:
    """The newest decisions of the last month."""
    newest = stored.newest(tx, SAMPLED)
    if newest is None or newest.first[0] >= tx.now - MONTH:
        return newest
    return stored.since(tx, tx.now - MONTH)


Use = tuple[model.Words, str, int]
"""The condition that asks for a word, its rule, the line."""


def used_words(ruleset: RuleSet) -> dict[str, Use]:
    """Each word of the enabled rules and sections with a condition that asks for it, the first that does, the line."""
    found: dict[str, Use] = {}
    users: list[model.Rule | model.Section] = [*_tried(ruleset)]
    users += [section for section in ruleset.sections if section.enabled]
    for user in users:
        todo = [user.when]
        while todo:
            node = todo.pop()
            todo += model.children(node)
            if isinstance(node, model.Words) and node.at_least == 1:
                for word in node.words:
                    found.setdefault(word, (node, user.id, node.line or user.line))
    return found


def counter_from(words: Mapping[str, Use], file: Path) -> Compiled:
    """:func:`counter` with the forms of a data folder, where those that are missing are put first."""
    forms = WordForms(file)
    made = counter(words, forms.expand)
    if not forms.missing:
        return made
    forms.look_up()
    return counter(words, forms.expand)


def counter(words: Mapping[str, Use], expand: Expand) -> Compiled:
    """A rule for each word, which finds it as its condition does: those that match say which words stand there."""
    rules = tuple(
        model.Rule(
            id=str(number),
            name="",
            when=msgspec.structs.replace(node, words=(word,), lists=(), listed=0),
            then="continue",
        )
        for number, (word, (node, _, _)) in enumerate(words.items())
    )
    return compile_rules(RuleSet(version="words", source="words", rules=rules, default=Actions()), expand)


def count(counting: Compiled, messages: Sequence[Facts]) -> Counter[str]:
    """In how many messages each word stands."""
    words = [rule.when.words[0] for rule in counting.ruleset.rules if isinstance(rule.when, model.Words)]
    counts: Counter[str] = Counter()
    for facts in messages:
        plain = Facts(subject=facts.subject, text=facts.text, callback_topic=facts.callback_topic)
        counts.update(words[int(number)] for number in evaluate(counting, plain).matched)
    return counts


def _wide(words: Mapping[str, Use], counts: Mapping[str, int], seen: int) -> Iterator[Finding]:
    for word, number in sorted(counts.items(), key=lambda item: -item[1]):
        if seen >= FEWEST and number * SHARE > seen:
            _, rule, line = words[word]
            values: Values = {
                "rule": called(rule),
                "word": word,
                "percent": round(100 * number / seen),
                "messages": seen,
            }
            yield finding(
                "wide-words",
                rule,
                line,
                Text(
                    mark(
                        "{rule}: “{word}” stands in {percent} per cent of the last month's messages ({messages} read)"
                    ),
                    values,
                ),
                Text(mark("Ask for a longer phrase, or for a second word beside it."), values),
            )
