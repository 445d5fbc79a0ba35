"""Rule texts, read, held against the configuration and compiled: the file at start, drafts, versions, and for checks.

:func:`compile_source` is for the daemon and whatever works beside it; :func:`read_rules` for commands.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from hub.config import Config, Office
from hub.config_check import nearest
from hub.configfile import ConfigError, Problem
from hub.wordforms import FILE, WordForms
from rules import Compiled, Reference, RuleFileError, RuleSet, compile_rules, load, references

Expand = Callable[[str, str], frozenset[str]]
"""All forms of a word in a language: ``rules.words.forms``."""


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
                self.found.popitem(last=False)
            return self.found[key]


_KEPT = _Kept()


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
    ruleset = _load(source, name)
    problems = list(_unknown_names(ruleset, known_names(config), name))
    if names and problems:
        raise ConfigError(problems)
    served = places(config.offices)
    if expand is not None:
        return compile_rules(ruleset, expand, served)
    forms = WordForms(Path(config.hub.data_dir) / FILE)
    compiled = compile_rules(ruleset, forms.expand, served)
    if not forms.missing:
        return compiled
    forms.look_up()
    return compile_rules(ruleset, forms.expand, served)


def read_rules(config: Config, expand: Expand, *, path: Path | None = None) -> Compiled:
    """Compile ``hub.rules_file`` (or the file at ``path``). Raises :class:`ConfigError` with all problems found."""
    file = path or Path(config.hub.rules_file)
    return _compile(config, read_text(file), str(file), expand)


def read_rules_lightly(config: Config) -> Compiled:
    """The same for a process that goes on: see :func:`compile_source`."""
    return compile_source(config, read_text(Path(config.hub.rules_file)), config.hub.rules_file)


def read_text(file: Path) -> str:
    """The text of a rule file. Raises :class:`ConfigError`."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        text = f"the rule file cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        text = "the rule file is not UTF-8 text"
    raise ConfigError([Problem(file=str(file), line=0, key="", text=text)])


def _load(source: str, name: str) -> RuleSet:
    try:
        return load(source, name)
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
