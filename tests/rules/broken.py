"""Rule files that went wrong: valid ones, broken in their data, in their text, or in both.

Everything is drawn from one seed. What comes out may be anything from a perfect rule file to bytes that are no YAML.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import yaml

WHOLE = """
words:
  ulgi: [dotacja, zasiłek dla bezrobotnych]
  spam: [kasyno, "100 %"]
schedules:
  dyżur: [{days: mon-fri, hours: 08:00-16:00, holiday: false}, {days: sat, hours: 22:00-02:00}]
conditions:
  pisemnie: {channel: [email, form]}
  obce: {any: [{language: {is: [uk, ru], confidence: 0.7}}, {condition: pisemnie, not: {language: pl}}]}
rules:
  - id: spam
    name: Śmieci
    note: "Uwaga: dwukropek"
    on: [new, message]
    from: 2026-01-01
    until: 2027-12-31
    when: {words: {list: spam, at_least: 1}, links: {min: 2}, sender_verified: false}
    do: {spam: true, queue: spam}
  - section: urzedowa
    when: {schedule: dyżur}
    rules:
      - id: s1
        when:
          all:
            - any: [{words: {any: [wniosek, podanie], typos: 1}}, {phrase: {any: termin wizyty, gap: 2}}]
            - not: {regex: 'nr\\s+\\d{4}'}
            - hours: [09:00-10:00, 22:00-04:00]
            - {contact: {miasto: [Łomża, "Suw*"], vip: true}, queue_load: {informacja: {min: 3, max: 9}}}
        do: {queue: informacja, tags: [a, b], priority: high, set_contact: {miasto: Łomża}}
        then: next-section
      - id: s2
        when: {place: true, attachment: {type: image/*, min_size: 10 kB}}
        do: {office: from-text}
        then: stop-after-section
  - id: czas
    on: timer
    when: {unanswered: {min: 4h, open_hours: true}, history: {min: 2, days: 7}}
    do: {notify: supervisor, timer: {e1: 2h}}
    then: continue
  - {id: stan, on: status, when: {status_from: open, tag_added: x}, do: {callback: {topic: x, in: 30m}, split: true}}
  - id: reszta
    when: {domain: gov.pl, dates: {from: 2026-11-01}, days: [mon, wed-fri], pesel: true}
    do: {answer: x, hold: y}
default: {queue: informacja, tier: 1}
tests:
  - {name: a, message: {text: dotacja, channel: email, at: 2026-11-16T10:00}, expect: {queue: informacja, tags: null}}
"""

SMALL = """
rules:
  - {id: a, when: {words: kot}, do: {queue: x}}
default: {queue: y}
"""

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**14, 10**40, 0.5, float("inf"), float("nan"), "", " ", "*", "**", "a*", "~", "null",
    "on", "yes", "[", "{", "2026-02-30", "2026-01-01", "25:00-26:00", "08:00-16:00", "24:00-00:00", "mon-", "mon-sun",
    "4h", "0m", "999999d", "(", "(?=x)", "a{1000}", "(a+)+$", "\\", "[[:alpha:]", "\ud800", "\x00", "\x07", "\u2028",
    "ą̈", "\u202e", "x" * 600, "słowo " * 80, "from-text", "default", "safeguard", [], {}, [[]], [None], {"": ""},
    {"all": []}, {"any": [{}]}, {"not": {}}, {"min": 5, "max": 1}, {"list": "nope"}, {"is": "xx"},
    {"condition": "obce"},
    ["a", "a", "a"], [1, 2, 3], {"days": 0}, {"min": -5}, {"text": 5},
)  # fmt: skip
"""Values that may stand anywhere."""

LINES = (
    "\t- a: b", "  - id: x", "---", "...", "%YAML 1.2", "<<: *x", "a: &x [*x]", "? [a, b]", "? |", "!!python/x:y {}",
    "!!set {a, b}", "- - - - -", "key: 'open", 'key: "open', "# only a comment", "rules:", "default:",
    "  when: {", "]", "}", ": :",
    "- {id: x, id: x}", "&a a: *a", "\ufeff", "é: ü", "`", "@x", "a: b: c", "x: |+\n\n\n", "x: >-\n   y\n  z",
)  # fmt: skip
"""Lines that may be put in."""


COPIES = 16
"""How often a value is put beside itself: doubled thirty times it would take longer to write than to refuse."""


class Breaker:
    """Documents of one seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def document(self) -> str:
        """One document."""
        kind = self.draw.random()
        if kind < 0.04:
            return self.hostile()
        text = WHOLE if self.draw.random() < 0.6 else SMALL
        if kind < 0.75:
            text = self.written(self.changed(text))
        for _ in range(self.draw.choice((0, 0, 0, 0, 1, 3)) if kind < 0.75 else self.draw.randint(1, 4)):
            text = self.draw.choice(_TEXT)(self, text)
        return text

    # Data.

    def changed(self, text: str) -> Any:
        """The data of a file after some changes."""
        tree: Any = _flat(_loaded(text))
        for _ in range(self.draw.choice((0, 1, 1, 1, 1, 2, 5))):
            places: list[tuple[Any, Any]] = []
            _collect(tree, places)
            if places:
                where, key = self.draw.choice(places)
                self.draw.choice(_DATA)(self, where, key, places)
        return tree

    def written(self, tree: Any) -> str:
        """Data as YAML in some style; what cannot be written is written without its odd characters."""
        style = self.draw.choice((None, None, True, False))
        try:
            return yaml.dump(
                tree, Dumper=yaml.CSafeDumper, allow_unicode=True, default_flow_style=style, sort_keys=False
            )
        except (yaml.YAMLError, UnicodeEncodeError, RecursionError, ValueError):
            return yaml.dump(repr(tree).encode(errors="replace").decode(), Dumper=yaml.CSafeDumper)

    def hostile(self) -> str:
        """Documents that try to take time or memory."""
        size = self.draw.choice((50, 500, 3_000))
        laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
        chain = "".join(
            f"  c{n}: {{all: [{{condition: c{n + 1}}}, {{condition: c{n + 1}}}]}}\n" for n in range(size)
        )
        return self.draw.choice(
            (
                laughs + SMALL,
                "[" * size * 10,
                "{a: " * size,
                "- " * size * 5,
                "a:\n" + "".join(" " * n + "a:\n" for n in range(1, size)),
                f"conditions:\n{chain}  c{size}: {{channel: x}}\n{SMALL.replace('words: kot', 'condition: c0')}",
                "rules:\n  - {id: a, when: {regex: '"
                + "(a|b?)*" * min(size, 60)
                + "'}, do: {queue: x}}\ndefault: {queue: x}\n",
                "rules:\n  - {id: a, when: {regex: '"
                + "(" * 200
                + "x"
                + "){9}" * 200
                + "'}, do: {queue: x}}\ndefault: {queue: x}\n",
                "words: {w: [" + "a b c d e f g h i, " * size + "z]}\n" + SMALL,
                "x: '" + "y" * size * 400 + "'\n" + SMALL,
                "rules:\n"
                + "".join(f"  - {{id: r{n}, do: {{queue: x}}}}\n" for n in range(size))
                + "default: {queue: x}\n",
                "rules:\n  - id: a\n    when:\n      any:\n"
                + "        - {words: [a, b], channel: [x, y, z], not: {any: [{tags: a}, {hours: 08:00-10:00}]}}\n"
                * min(size, 400)
                + "    do: {queue: x}\ndefault: {queue: x}\n",
                "? " * size,
                "&a " * size + "x",
                "!" * size,
                "\x00" * size,
                "".join(map(chr, range(0x20, 0x20 + size))),
            )
        )


@functools.cache
def _loaded(text: str) -> Any:
    """A file as texts, lists and mappings."""
    return yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - it makes nothing else


Change = Callable[[Breaker, Any, Any, list[tuple[Any, Any]]], None]


def _collect(tree: Any, places: list[tuple[Any, Any]], depth: int = 0) -> None:
    """Every place of a tree as (collection, key)."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    for key in keys:
        places.append((tree, key))
        if depth < 30:
            _collect(tree[key], places, depth + 1)


def _put_odd(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    where[key] = _flat(breaker.draw.choice(ODD))


def _remove(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    del where[key]


def _swap(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    other, name = breaker.draw.choice(places)
    where[key], other[name] = _flat(other[name]), _flat(where[key])


def _copy(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    other, name = breaker.draw.choice(places)
    where[key] = _flat(other[name])


def _flat(value: Any) -> Any:
    """A copy, so that no tree comes to hold itself."""
    if isinstance(value, dict):
        return {key: _flat(item) for key, item in value.items()}
    return [_flat(item) for item in value] if isinstance(value, list) else value


def _rename(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    if not isinstance(where, dict):
        return
    names = [name for other, name in places if isinstance(other, dict)]
    wanted = breaker.draw.choice([*names, "chanel", "", "default", "*", "and", "0"])
    where[wanted] = where.pop(key)


def _wrap(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    value, copies = where[key], 1
    for _ in range(breaker.draw.choice((1, 2, 5, 30))):
        name, inner = breaker.draw.choice(("", "all", "not", "any", "x")), value
        if name == "any" and copies < COPIES:
            inner, copies = [value, _flat(value)], 2 * copies
        elif name in ("all", "any"):
            inner = [value]
        value = {name: inner} if name else [inner]
    where[key] = value


def _repeat(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    if isinstance(where, list):
        where.extend(_flat(where[key]) for _ in range(breaker.draw.choice((1, 3, 40))))


def _misspell(breaker: Breaker, where: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    value = where[key]
    if isinstance(value, str) and value:
        at = breaker.draw.randrange(len(value))
        where[key] = (
            value[:at] + breaker.draw.choice(("", "x", value[at] * 2, "*", " ", "-")) + value[at + 1 :]
        )


_DATA: tuple[Change, ...] = (
    _put_odd,
    _put_odd,
    _remove,
    _swap,
    _copy,
    _rename,
    _wrap,
    _repeat,
    _misspell,
    _misspell,
)


# Texts.


def _cut(breaker: Breaker, text: str) -> str:
    at = breaker.draw.randrange(len(text) + 1)
    return text[:at] if breaker.draw.random() < 0.5 else text[at:]


def _insert_line(breaker: Breaker, text: str) -> str:
    lines = text.split("\n")
    lines.insert(breaker.draw.randrange(len(lines) + 1), breaker.draw.choice(LINES))
    return "\n".join(lines)


def _insert_letter(breaker: Breaker, text: str) -> str:
    at = breaker.draw.randrange(len(text) + 1)
    odd = (
        "\t",
        "\x00",
        "\x1b",
        "\x7f",
        "\ud800",
        "\udfff",
        "\x85",
        "\u2028",
        "\ufeff",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "'",
        '"',
        "#",
        "\r",
    )
    return text[:at] + breaker.draw.choice(odd) + text[at:]


def _drop_line(breaker: Breaker, text: str) -> str:
    lines = text.split("\n")
    del lines[breaker.draw.randrange(len(lines))]
    return "\n".join(lines)


def _double_line(breaker: Breaker, text: str) -> str:
    lines = text.split("\n")
    at = breaker.draw.randrange(len(lines))
    return "\n".join([*lines[: at + 1], *lines[at:]])


def _shift_line(breaker: Breaker, text: str) -> str:
    lines = text.split("\n")
    at = breaker.draw.randrange(len(lines))
    lines[at] = breaker.draw.choice((" ", "  ", "\t", "")) + lines[at].lstrip(
        " " * breaker.draw.randint(0, 1)
    )
    return "\n".join(lines)


def _anchor(breaker: Breaker, text: str) -> str:
    at = text.find(": ", breaker.draw.randrange(len(text) + 1))
    return (
        text
        if at < 0
        else text[: at + 2] + breaker.draw.choice(("&a ", "*a ", "<<: *a ", "!!str ", "!x ")) + text[at + 2 :]
    )


def _line_ends(breaker: Breaker, text: str) -> str:
    return text.replace("\n", breaker.draw.choice(("\r\n", "\r", "\n\n", " ")))


_TEXT: tuple[Callable[[Breaker, str], str], ...] = (
    _cut,
    _insert_line,
    _insert_line,
    _insert_letter,
    _insert_letter,
    _drop_line,
    _double_line,
    _shift_line,
    _anchor,
    _line_ends,
)
