"""Rule texts, read, held against the configuration and compiled: the file at start, drafts, versions, and for checks.

:func:`compile_source` is for the daemon and whatever works beside it; :func:`read_rules` for commands.
"""

from __future__ import annotations

import gc
import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

import msgspec

from hub.config import Config, Office
from hub.config_check import nearest
from hub.configfile import ConfigError, Problem
from hub.rulereader import Breath, Order, compile_order
from hub.wordforms import FILE
from rules import Compiled, Reference, RuleFileError, RuleSet, compile_rules, load, references

Expand = Callable[[str, str], frozenset[str]]
"""All forms of a word in a language: ``rules.words.forms``."""


Loaded = TypeVar("Loaded")

SMALL = 40_000
"""Characters up to which a text is read here, in some tens of milliseconds; a larger one by a child process."""

SWITCH = 0.000_5
"""Seconds after which a thread hands the interpreter to another that waits, while a rule set is compiled."""

KEPT = 4
"""How many compiled texts are kept, the latest asked for."""


class _Kept:
    """The texts compiled last, by digest. One text is compiled at a time, so that asking twice costs once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.found: OrderedDict[tuple[bytes, Expand | None], Compiled] = OrderedDict()

    def get(self, key: tuple[bytes, Expand | None], make: Callable[[], Compiled]) -> Compiled:
        with self.lock:
            if key not in self.found:
                self.found[key] = make()
            self.found.move_to_end(key)
            while len(self.found) > KEPT:
                _let_go(self.found.popitem(last=False)[1])
            return self.found[key]


_KEPT = _Kept()


def _let_go(compiled: Compiled) -> None:
    """Free what a set is made of piece by piece, if nobody uses it any more: all at once, ten thousand rules hold up
    everything for fifty milliseconds."""
    parts: list[object] = [*compiled.rules, *compiled.ruleset.rules]
    del compiled
    breathe = Breath()
    while parts:
        parts.pop()
        breathe()


def compile_source(
    config: Config, source: str, name: str, *, expand: Expand | None = None, names: bool = True
) -> Compiled:
    """The text of a rule set, compiled; ``name`` is what problems call it (a path, ``draft 7``).

    Blocks for up to seconds: in the daemon call it in a thread (``await asyncio.to_thread(compile_source, …)``), where
    it disturbs nobody. Raises :class:`ConfigError` with every problem, of form and of names that the configuration
    doesn't know. The last few texts are kept compiled, so asking again for the same text with the same configuration
    is free. ``expand`` gives the forms of words; without it they come from the data folder (:mod:`hub.wordforms`).
    ``names=False`` lets names pass that the configuration doesn't know: a version of long ago had its own.
    """
    known = {kind: sorted(names) for kind, names in known_names(config).items()}
    around = msgspec.json.encode((known, places(config.offices), config.hub.data_dir, names))
    digest = hashlib.sha256(around + source.encode(errors="surrogatepass")).digest()
    return _KEPT.get((digest, expand), lambda: _compile(config, source, name, expand, names))


def _compile(config: Config, source: str, name: str, expand: Expand | None, names: bool = True) -> Compiled:
    served = places(config.offices)
    if expand is not None:
        ruleset = _load(lambda: load(source, name))
        _check_names(ruleset, config, name, names)
        return compile_rules(ruleset, expand, served)
    file = str(Path(config.hub.data_dir) / FILE)
    order = Order(source=source, name=name, places=tuple(served), forms_file=file)
    breathe = Breath()
    small = len(source) < SMALL
    with nullcontext() if small else _unnoticed():
        return _load(
            lambda: compile_order(
                order,
                served,
                lambda ruleset: _check_names(ruleset, config, name, names),
                breathe,
                here=small,
            )
        )


@contextmanager
def _unnoticed() -> Iterator[None]:
    """Make what stays for long so that others do not wait for it.

    The collector of cycles would walk through it again and again, which holds up everything for tens of milliseconds.
    There are no cycles in it; it goes when the last one lets go of it. What others leave in cycles meanwhile stays for
    good; that is next to nothing (:func:`hub.cli_run.settle`). And whoever waits for the interpreter while a longer
    piece of work goes on gets it after half a millisecond: a message needs it several times.
    """
    collecting, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(SWITCH)
    try:
        yield
        gc.freeze()
    finally:
        sys.setswitchinterval(interval)
        if collecting:
            gc.enable()


def _check_names(ruleset: RuleSet, config: Config, name: str, names: bool) -> None:
    problems = list(_unknown_names(ruleset, known_names(config), name)) if names else []
    if problems:
        raise ConfigError(problems)


def read_rules(config: Config, expand: Expand, *, path: Path | None = None) -> Compiled:
    """Compile ``hub.rules_file`` (or the file at ``path``). Raises :class:`ConfigError` with all problems found."""
    file = path or Path(config.hub.rules_file)
    return _compile(config, read_text(file), str(file), expand)


def read_ruleset(config: Config, path: Path | None = None) -> RuleSet:
    """The same, only read and held against the configuration: some seconds less for thousands of rules."""
    file = path or Path(config.hub.rules_file)
    source = read_text(file)
    ruleset = _load(lambda: load(source, str(file)))
    _check_names(ruleset, config, str(file), True)
    return ruleset


def read_text(file: Path) -> str:
    """The text of a rule file. Raises :class:`ConfigError`."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        text = (
            'there is no such file; the configuration ("hub.rules_file") or the command names it as the rules'
        )
    except OSError as error:
        text = f"the rule file cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        text = "the rule file is not UTF-8 text"
    raise ConfigError([Problem(file=str(file), line=0, key="", text=text)])


def _load(work: Callable[[], Loaded]) -> Loaded:
    try:
        return work()
    except RuleFileError as error:
        raise ConfigError(
            [Problem(file=p.source, line=p.line, key=p.key, text=str(p.text)) for p in error.problems]
        ) from None


def known_names(config: Config) -> dict[str, Collection[str]]:
    """By kind, the names that rules may use as far as the configuration alone knows them."""
    return {
        "queues": [queue.id for queue in config.queues],
        "offices": [office.id for office in config.offices],
        "inboxes": [inbox.id for inbox in config.inboxes],
    }


def _unknown_names(ruleset: RuleSet, known: Mapping[str, Collection[str]], file: str) -> Iterator[Problem]:
    for use in references(ruleset):
        if use.kind in known and use.name not in known[use.kind]:
            yield Problem(
                file=file, line=use.line, key=f"rule {use.rule}", text=_unknown(use, known[use.kind])
            )


def _unknown(use: Reference, names: Collection[str]) -> str:
    what = {"queues": "queue", "offices": "office", "inboxes": "inbox"}[use.kind]
    return f'there is no {what} "{use.name}" in the configuration{nearest(use.name, names)}'


def places(offices: Collection[Office]) -> dict[str, str]:
    """Postcodes, towns and counties to the office that serves them. Of two offices of a town the first counts."""
    found: dict[str, str] = {}
    for office in offices:
        names = [*office.postcodes, office.city, f"powiat {office.county}" if office.county else ""]
        for name in names:
            if name and (office.postcodes or office.county):
                found.setdefault(name, office.id)
    return found
