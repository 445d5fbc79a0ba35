"""The rules and messages that decisions are measured with: invented words, a fixed mix, everything from one seed.

The mix: 40 % words, every other of them with a channel; 10 % phrases with a gap; 6 % regular expressions; 12 % senders,
domains and contact attributes; 8 % ``any`` of words and an expression; 8 % words with a negation; 8 % hours, ranges,
channel and inbox without any text; 8 % places, tags and articles. Every rule continues, so that nobody may stop early.
Messages have 800 characters, and the frequencies of their words follow Zipf.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import yaml

from rules import Compiled, Facts, compile_rules, load

ENDINGS = ("", "a", "u", "owi", "em", "ie", "y", "ów", "om", "ami", "ach")
SYLLABLES = (
    *("za", "sił", "pra", "co", "daw", "mel", "dun", "bez"),
    *("ro", "bot", "świa", "dec", "wnio", "ter", "min", "kar"),
)
CHANNELS = ("email", "comments", "form", "callback", "webhook", "sms")
PLACES = {f"{10 + i % 90}-{i // 90}": f"pup-{i}" for i in range(340)}

Mapping = dict[str, Any]


def expand(word: str, language: str = "") -> frozenset[str]:
    """Eleven forms of an invented word, about as many as a Polish noun has."""
    return frozenset(word + ending for ending in ENDINGS)


def vocabulary(rng: random.Random, size: int) -> list[str]:
    """Distinct invented words, the most frequent ones first."""
    words: dict[str, None] = {}
    while len(words) < size:
        words["".join(rng.choices(SYLLABLES, k=rng.randint(2, 5)))] = None
    return list(words)


def rule(rng: random.Random, words: Sequence[str], number: int) -> Mapping:
    """One rule of the mix."""
    kind = rng.random()
    when = _of_text(rng, rng.sample(words, 3), kind) or _of_facts(rng, kind, number)
    return {"id": f"r{number}", "when": when, "do": {"tags": [f"tag{number}"]}, "then": "continue"}


def _of_text(rng: random.Random, some: list[str], kind: float) -> Mapping | None:
    if kind < 0.40:
        return {"words": some} | ({"channel": rng.choice(CHANNELS)} if rng.random() < 0.5 else {})
    if kind < 0.50:
        return {"phrase": {"any": " ".join(some[:2]), "gap": 3}}
    if kind < 0.56:
        return {"regex": f"{some[0]}[a-z]*\\s+\\d+"}
    if kind < 0.64:
        return {"any": [{"words": some}, {"regex": f"{some[1]}-\\d+"}]}
    if kind < 0.72:
        return {"words": some[:2], "not": {"channel": rng.choice(CHANNELS)}}
    return None


def _of_facts(rng: random.Random, kind: float, number: int) -> Mapping:
    if kind < 0.84:
        return _of_sender(rng, number)
    if kind < 0.92:
        start = rng.randint(0, 20)
        return {
            "hours": f"{start:02}:00-{start + 2:02}:00",
            "history": {"min": rng.randint(3, 40)},
            "channel": rng.choice(CHANNELS),
            "inbox": f"inbox{number}",
        }
    kinds = (
        {"place": f"pup-{rng.randint(0, 340)}"},
        {"tags": f"t{rng.randint(0, 900)}"},
        {"article": f"a{number}"},
    )
    return rng.choice(kinds)


def _of_sender(rng: random.Random, number: int) -> Mapping:
    return rng.choice(
        [
            {"sender": f"osoba{rng.randint(0, 50_000)}@example.org"},
            {"domain": f"firma{rng.randint(0, 50_000)}.example"},
            {"contact": {"branch": f"b{number}"}, "channel": rng.choice(CHANNELS)},
        ]
    )


def hopeless(number: int) -> Mapping:
    """A rule that no index can help: a negation and an open range."""
    when = {
        "not": {"contact": {"branch": f"b{number}"}},
        "agents_on_duty": {"informacja": {"max": -1 - number % 7}},
    }
    return {"id": f"r{number}", "when": when, "do": {"tags": ["x"]}, "then": "continue"}


def source(made: Sequence[Mapping]) -> str:
    """These rules as the text of a file."""
    whole = {"rules": list(made), "default": {"queue": "informacja"}}
    return yaml.dump(whole, Dumper=yaml.CSafeDumper, allow_unicode=True)


def compiled(made: Sequence[Mapping]) -> Compiled:
    """A rule set of these rules, as a file would give it."""
    return compile_rules(load(source(made)), expand, PLACES)


def message(rng: random.Random, words: Sequence[str]) -> Facts:
    """A message of 800 characters."""
    weights = [1 / (rank + 3) for rank in range(len(words))]
    chosen = rng.choices(words, weights, k=140)
    text = " ".join(word + rng.choice(ENDINGS) for word in chosen)[:790] + f" {rng.randint(10, 99)}-400"
    return Facts(
        channel=rng.choice(CHANNELS),
        inbox=f"inbox{rng.randint(0, 340)}",
        text=text,
        sender_address=f"osoba{rng.randint(0, 50_000)}@firma{rng.randint(0, 50_000)}.example",
        contact={"branch": f"b{rng.randint(0, 5_000)}"},
        history_count=rng.randint(0, 3),
        local_minutes=rng.randint(0, 1439),
        tags=(f"t{rng.randint(0, 900)}",),
        article=f"a{rng.randint(0, 9_000)}",
        agents_on_duty={"informacja": 4},
        language="pl",
        language_confidence=0.99,
    )
