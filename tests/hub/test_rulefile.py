"""Rule texts of the daemon: compiled once, every problem told, new words learnt on the way."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hub.config import Config, Hub, Office, Queue
from hub.configfile import ConfigError
from hub.rulefile import KEPT, SMALL, compile_source, read_rules
from hub.rulereader import Breath
from rules import Facts, evaluate
from rules.words import forms

TEXT = "rules: [{id: a, when: {words: zasiłek}, do: {queue: swiadczenia}}]\ndefault: {queue: informacja}\n"


def queue(name: str) -> Queue:
    return Queue(id=name, name_pl=name, name_en=name, office="pup")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    queues = tuple(queue(name) for name in ("swiadczenia", "informacja"))
    return Config(hub=Hub(data_dir=str(tmp_path)), queues=queues)


def test_words_are_found_in_all_their_forms(config: Config) -> None:
    compiled = compile_source(config, TEXT, "draft 1")
    assert evaluate(compiled, Facts(text="nie dostałem zasiłku")).actions.queue == "swiadczenia"


def test_a_file_that_is_not_there_is_told_with_its_key(config: Config, tmp_path: Path) -> None:
    missing = msgspec.structs.replace(
        config, hub=msgspec.structs.replace(config.hub, rules_file=str(tmp_path / "nope.yaml"))
    )
    with pytest.raises(ConfigError) as raised:
        read_rules(missing, forms)
    (problem,) = raised.value.problems
    assert problem.file.endswith("nope.yaml") and '"hub.rules_file"' in problem.text


def test_the_same_text_is_compiled_once(config: Config) -> None:
    first = compile_source(config, TEXT, "draft 1")
    assert compile_source(config, TEXT, "version 2") is first
    other = msgspec.structs.replace(config, queues=(*config.queues, queue("x")))
    assert compile_source(other, TEXT, "draft 1") is not first


def test_only_the_last_few_are_kept(config: Config) -> None:
    first = compile_source(config, TEXT, "draft 1")
    for number in range(KEPT):
        compile_source(config, f"{TEXT}# {number}", "draft 1")
    assert compile_source(config, TEXT, "draft 1") is not first


def test_every_problem_is_told(config: Config) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_source(config, TEXT.replace("swiadczenia", "swiadczenie"), "draft 1")
    assert "draft 1:1: rule a: " in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        compile_source(config, "rules: [{id: a}]", "draft 1")
    assert len(caught.value.problems) == 2


@pytest.mark.slow
def test_a_large_text_is_read_by_a_child_and_comes_out_the_same(config: Config) -> None:
    rules = "".join(
        f"  - {{id: r{n}, when: {{{when}}}, do: {{tags: t{n}}}, then: continue}}\n"
        for n in range(20)
        for when in (
            f"words: [zasiłek, staż{n}]" if n % 2 else "any: [{phrase: urząd pracy}, {words: mają}]",
        )
    )
    text = f"# {'z' * SMALL}\nrules:\n{rules}default: {{queue: informacja}}\n"
    compiled = compile_source(config, text, "draft 1")
    plainly = compile_source(config, text, "draft 1", expand=forms)
    assert compiled.ruleset == plainly.ruleset
    for message in ("Zasiłku nie mają w urzędzie pracy", "staż17", "maja", "ZASILKI", "nic"):
        facts = Facts(text=message)
        assert evaluate(compiled, facts) == evaluate(plainly, facts)


def test_problems_of_a_large_text_come_from_the_child(config: Config) -> None:
    text = f"# {'x' * SMALL}\nrules: [{{id: a, when: {{chanel: email}}, do: {{queue: informacja}}}}]\n"
    with pytest.raises(ConfigError) as caught:
        compile_source(config, text, "draft 1")
    assert "draft 1:2: " in str(caught.value)
    assert "channel" in str(caught.value)


def test_without_a_child_a_large_text_is_read_here(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/python")
    compiled = compile_source(config, f"# {'y' * SMALL}\n{TEXT}", "draft 1")
    assert evaluate(compiled, Facts(text="zasiłki")).actions.queue == "swiadczenia"


def test_a_town_that_is_a_word_is_found_behind_what_announces_it_from_the_first_text_on(
    config: Config,
) -> None:
    office = Office(id="pup-pila", name="PUP Piła", city="Piła", county="pilski")
    here = msgspec.structs.replace(config, offices=(office,))
    text = (
        "rules: [{id: a, when: {place: pup-pila}, do: {queue: swiadczenia}}]\ndefault: {queue: informacja}\n"
    )
    compiled = compile_source(here, text, "draft 1")
    assert evaluate(compiled, Facts(text="mieszkałem w pile")).actions.queue == "swiadczenia"
    assert evaluate(compiled, Facts(text="ten Kowalski mówi o pile")).actions.queue == "informacja"


def test_a_breath_rests_for_half_as_long_as_the_work_took() -> None:
    clock, slept = iter([0.0, 0.000_5, 0.002, 0.002, 0.003_1, 0.003_1, 0.5, 0.5]), list[float]()
    breathe = Breath(lambda: next(clock), slept.append)
    for _ in range(4):
        breathe()
    assert slept == pytest.approx([0.001, 0.000_55, 0.001])
