"""The configured rule file, read, held against the configuration and compiled: at start, on SIGHUP, and for checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from hub.config import Config, Office
from hub.config_check import nearest
from hub.configfile import ConfigError, Problem
from hub.wordforms import FILE, WordForms
from rules import Compiled, Reference, RuleFileError, RuleSet, compile_rules, load, references

Expand = Callable[[str], frozenset[str]]
"""All forms of a word: ``rules.words.polish_forms``."""


def read_rules(config: Config, expand: Expand, *, path: Path | None = None) -> Compiled:
    """Compile ``hub.rules_file`` (or the file at ``path``). Raises :class:`ConfigError` with all problems found."""
    file = path or Path(config.hub.rules_file)
    ruleset = _read(file)
    problems = list(_unknown_names(ruleset, known_names(config), str(file)))
    if problems:
        raise ConfigError(problems)
    return compile_rules(ruleset, expand, places(config.offices))


def read_rules_lightly(config: Config) -> Compiled:
    """The same for a process that goes on: forms of words come from the data folder, new ones from a child process.

    Takes a part of a second where there are new ones: call it in a thread. Raises :class:`ConfigError`.
    """
    forms = WordForms(Path(config.hub.data_dir) / FILE)
    compiled = read_rules(config, forms.expand)
    if not forms.missing:
        return compiled
    forms.look_up()
    return read_rules(config, forms.expand)


def _read(file: Path) -> RuleSet:
    try:
        return load(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        text = f"the rule file cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        text = "the rule file is not UTF-8 text"
    except RuleFileError as error:
        raise ConfigError(
            [Problem(file=p.source, line=p.line, key=p.key, text=p.message) for p in error.problems]
        ) from None
    raise ConfigError([Problem(file=str(file), line=0, key="", text=text)])


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
