"""Rule texts of the daemon: compiled once, every problem told, new words learnt on the way."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hub.config import Config, Hub, Queue
from hub.configfile import ConfigError
from hub.rulefile import KEPT, compile_source
from rules import Facts, evaluate

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
