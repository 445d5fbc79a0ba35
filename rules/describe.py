"""A condition in words, as short as the rule file would write it."""

from __future__ import annotations

from collections.abc import Iterator

from rules import model
from rules.files.durations import duration
from rules.language import DAYS, PREDICATES
from rules.text import Text, mark, predicate, verbatim

_MANY = 6
_ANY, _YES, _NO = Text(mark("any")), Text(mark("yes")), Text(mark("no"))


def describe(node: model.Condition) -> Text:
    """``node`` in one line; long lists are cut."""
    match node:
        case model.All(items=()):
            return Text(mark("always"))
        case model.Any(items=()):
            return Text(mark("never"))
        case model.All():
            return _joined(mark("{first} and {rest}"), node.items)
        case model.Any():
            return _joined(mark("{first} or {rest}"), node.items)
        case model.Not():
            return negated(_inner(node.item))
        case model.Named():
            return _entry(node.kind, verbatim(node.name))
    name, value = _predicate(node)
    return _entry(name, value)


def negated(text: Text) -> Text:
    """The opposite of what ``text`` says."""
    return Text(mark("not {condition}"), {"condition": text})


def _inner(node: model.Condition) -> Text:
    """A condition within another: in brackets when it is made of several."""
    text = describe(node)
    several = isinstance(node, model.All | model.Any) and len(node.items) > 1
    return Text("({inner})", {"inner": text}) if several else text


def _joined(msgid: str, items: tuple[model.Condition, ...]) -> Text:
    texts = [_inner(item) for item in items]
    found = texts.pop()
    while texts:
        found = Text(msgid, {"first": texts.pop(), "rest": found})
    return found


def _entry(name: str, value: Text) -> Text:
    return Text("{name}: {value}", {"name": predicate(name), "value": value})


def _predicate(node: model.Condition) -> tuple[str, Text]:
    match node:
        case model.OneOf(name="days"):
            return "days", _list(tuple(DAYS[int(value) - 1] for value in node.values))
        case model.OneOf():
            return node.name, _list(node.values)
        case model.Flag():
            return node.name, _YES if node.value else _NO
        case model.Between(name="unanswered_open"):
            return "unanswered", Text(
                mark("{range}, opening hours only"), {"range": _range("unanswered", node.low, node.high)}
            )
        case model.Between():
            return node.name, _range(node.name, node.low, node.high)
        case model.Keyed():
            return f"{node.name}.{node.key}", _list(node.values) if node.values else Text(mark("present"))
        case model.KeyedBetween():
            return f"{node.name}.{node.key}", _range(node.name, node.low, node.high)
        case model.Recent():
            values: dict[str, str | int | Text] = {
                "count": _range(node.name, node.low, node.high),
                "days": node.days,
            }
            lately = mark("{count} in {days} day") if node.days == 1 else mark("{count} in {days} days")
            return node.name, Text(lately, values)
        case _:
            return _of_text(node)


def _of_text(node: model.Condition) -> tuple[str, Text]:
    match node:
        case model.Language():
            values: dict[str, str | int | Text] = {
                "languages": _list(node.values),
                "confidence": f"{node.confidence:.2f}",
            }
            return "language", Text(mark("{languages} (at least {confidence})"), values)
        case model.Words():
            return "words", _with(_words(node), _how(node))
        case model.Phrase():
            return "phrase", _with(_list(tuple(" ".join(words) for words in node.phrases)), _how(node))
        case model.Pattern():
            return "regex", verbatim(node.pattern)
        case model.Place():
            return "place", _list(node.offices) if node.offices else _ANY
        case _:
            return _rest(node)


def _words(node: model.Words) -> Text:
    words = _list(node.words)
    if node.at_least == 1:
        return words
    return Text(mark("at least {count} of {words}"), {"count": node.at_least, "words": words})


def _how(node: model.Words | model.Phrase) -> Iterator[Text]:
    """What is special about the way in which words are looked for."""
    if isinstance(node, model.Phrase) and node.gap:
        yield Text(mark("other words in between: up to {gap}"), {"gap": node.gap})
    if node.exact:
        yield Text(mark("exactly as written, no other forms"))
    if node.diacritics:
        yield Text(mark("only with diacritics"))
    if node.typos:
        yield Text(mark("also with one wrong letter"))
    if node.language:
        yield Text(mark("forms of {language}"), {"language": node.language})


def _with(text: Text, details: Iterator[Text]) -> Text:
    """``text`` with details in brackets behind it."""
    told: Text | None = None
    for detail in details:
        told = detail if told is None else Text("{first}; {rest}", {"first": told, "rest": detail})
    return text if told is None else Text("{text} ({details})", {"text": text, "details": told})


def _rest(node: model.Condition) -> tuple[str, Text]:
    match node:
        case model.Hours():
            return "hours", _list(tuple(f"{_time(start)}-{_time(end)}" for start, end in node.spans))
        case model.Dates():
            values: dict[str, str | int | Text] = {"first": node.first or "…", "last": node.last or "…"}
            return "dates", Text(mark("{first} to {last}"), values)
        case model.Attachment():
            size = (f"≥ {node.size} B",) if node.size else ()
            asked = (*node.types, *node.names, *size)
            return "attachment", _list(asked) if asked else _ANY
        case _:
            return type(node).__name__.lower(), verbatim("")


def _list(values: tuple[str, ...]) -> Text:
    cut = f", … ({len(values)})" if len(values) > _MANY else ""
    return verbatim(", ".join(values[:_MANY]) + cut)


def _range(name: str, low: int | None, high: int | None) -> Text:
    timed = PREDICATES[name].shape in ("duration", "keyed_duration", "unanswered")

    def shown(value: int | None) -> str:
        return duration(value) if timed and value else str(value)

    if low == high and low is not None:
        return verbatim(shown(low))
    if high is None:
        return _ANY if low is None else Text(mark("{least} or more"), {"least": shown(low)})
    if low is None:
        return Text(mark("at most {most}"), {"most": shown(high)})
    return Text(mark("{first} to {last}"), {"first": shown(low), "last": shown(high)})


def _time(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}"
