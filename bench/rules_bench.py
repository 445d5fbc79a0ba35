"""How long one decision takes, beside a plain loop over the same compiled rules.

Run: ``python -m bench.rules_bench``. The mix of rules: 40 % words with or without a channel, 10 % phrases, 6 % regular
expressions, 12 % senders, domains and contact attributes, 8 % ``any`` of words and an expression, 8 % words with a
negation, 8 % hours, ranges and channel without any text, 8 % places, tags and articles. Every rule continues, so that
neither side may stop early. Messages have 800 characters; word frequencies follow Zipf. The peer checks every rule in
order with the same short-circuiting checks and must come to the same answers. Last lines: 1,000 and 10,000 rules, then
an adversarial set in which nothing can be indexed.
"""

from __future__ import annotations

import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from rules import Actions, Compiled, Facts, compile_rules, evaluate, load
from rules.compiled import CompiledRule
from rules.scan import Scan

ROUNDS = 5
MESSAGES = 200
ENDINGS = ("", "a", "u", "owi", "em", "ie", "y", "ów", "om", "ami", "ach")
SYLLABLES = (
    "za",
    "sił",
    "pra",
    "co",
    "daw",
    "mel",
    "dun",
    "bez",
    "ro",
    "bot",
    "świa",
    "dec",
    "wnio",
    "ter",
    "min",
    "kar",
)
CHANNELS = ("email", "comments", "form", "callback", "webhook", "sms")


def expand(word: str, language: str = "") -> frozenset[str]:
    """Eleven forms of an invented word, about as many as a Polish noun has."""
    return frozenset(word + ending for ending in ENDINGS)


def vocabulary(rng: random.Random, size: int) -> list[str]:
    """Distinct invented words."""
    words: dict[str, None] = {}
    while len(words) < size:
        words["".join(rng.choices(SYLLABLES, k=rng.randint(2, 5)))] = None
    return list(words)


def rule(rng: random.Random, words: Sequence[str], number: int) -> dict[str, Any]:
    """One rule of the mix."""
    some = rng.sample(words, 3)
    kind = rng.random()
    when: dict[str, Any]
    if kind < 0.40:
        when = {"words": some} | ({"channel": rng.choice(CHANNELS)} if rng.random() < 0.5 else {})
    elif kind < 0.50:
        when = {"phrase": {"any": " ".join(some[:2]), "gap": 3}}
    elif kind < 0.56:
        when = {"regex": f"{some[0]}[a-z]*\\s+\\d+"}
    elif kind < 0.68:
        when = rng.choice(
            [
                {"sender": f"osoba{rng.randint(0, 50_000)}@example.org"},
                {"domain": f"firma{rng.randint(0, 50_000)}.example"},
                {"contact": {"branch": f"b{number}"}, "channel": rng.choice(CHANNELS)},
            ]
        )
    elif kind < 0.76:
        when = {"any": [{"words": some}, {"regex": f"{some[1]}-\\d+"}]}
    elif kind < 0.84:
        when = {"words": some[:2], "not": {"channel": rng.choice(CHANNELS)}}
    elif kind < 0.92:
        start = rng.randint(0, 20)
        when = {
            "hours": f"{start:02}:00-{start + 2:02}:00",
            "history": {"min": rng.randint(3, 40)},
            "channel": rng.choice(CHANNELS),
            "inbox": f"inbox{number}",
        }
    else:
        when = rng.choice(
            [
                {"place": f"pup-{rng.randint(0, 340)}"},
                {"tags": f"t{rng.randint(0, 900)}"},
                {"article": f"a{number}"},
            ]
        )
    return {"id": f"r{number}", "when": when, "do": {"tags": [f"tag{number}"]}, "then": "continue"}


def hopeless(rng: random.Random, number: int) -> dict[str, Any]:
    """A rule that no index can help: only negations and open ranges."""
    when = {
        "not": {"contact": {"branch": f"b{number}"}},
        "agents_on_duty": {"informacja": {"max": -1 - number % 7}},
    }
    return {"id": f"r{number}", "when": when, "do": {"tags": ["x"]}, "then": "continue"}


def compiled(made: list[dict[str, Any]]) -> Compiled:
    """A rule set of these rules, as a file would give it."""
    text = yaml.dump(
        {"rules": made, "default": {"queue": "informacja"}}, Dumper=yaml.CSafeDumper, allow_unicode=True
    )
    places = {f"{10 + i % 90}-{i // 90}": f"pup-{i}" for i in range(340)}
    return compile_rules(load(text), expand, places)


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


def by_loop(rules: Sequence[CompiledRule], everything: Compiled, facts: Facts) -> list[str]:
    """The peer: every rule in order."""
    scan = Scan(facts, everything.lexicon)
    return [one.rule.id for one in rules if one.check(scan)]


def microseconds(run: Callable[[Facts], object], messages: Sequence[Facts]) -> list[float]:
    """Processor time of each message."""
    out = []
    for facts in messages:
        start = time.thread_time_ns()
        run(facts)
        out.append((time.thread_time_ns() - start) / 1_000)
    return out


def measure(name: str, everything: Compiled, messages: Sequence[Facts]) -> None:
    """Alternate both sides and print the medians."""

    def loop(facts: Facts) -> list[str]:
        return by_loop(everything.rules, everything, facts)

    for facts in messages[:50]:
        tags = evaluate(everything, facts).actions.tags
        wanted = Actions(tags=tuple(dict.fromkeys(t for r in loop(facts) for t in _tags(everything, r)))).tags
        assert tags == wanted, "the index and the loop disagree"
    matching = statistics.mean(len(loop(facts)) for facts in messages[:50])
    print(f"{name}: {matching:.1f} rules match a message")
    ours, peers, slowest = [], [], []
    for _ in range(ROUNDS):
        times = sorted(microseconds(lambda facts: evaluate(everything, facts), messages))
        ours.append(statistics.mean(times))
        slowest.append(times[int(len(times) * 0.99)])
        peers.append(statistics.mean(microseconds(loop, messages[:40])))
    value, peer = statistics.median(ours), statistics.median(peers)
    print(f"{name}, p99: {statistics.median(slowest):.1f} us")
    print(f"{name}: {value:.1f} us, floor {peer:.1f}, ratio {peer / value:.1f}")


def _tags(everything: Compiled, rule_id: str) -> tuple[str, ...]:
    return everything.rules[int(rule_id[1:])].rule.actions.tags


def main() -> None:
    rng = random.Random(7)
    words = vocabulary(rng, 200_000)
    messages = [message(rng, words[:20_000]) for _ in range(MESSAGES)]
    for count in (1_000, 10_000):
        # Ten times the rules over ten times the words: about as many match a message at both sizes.
        made = [rule(rng, words[200 : 20 * count], number) for number in range(count)]
        start = time.perf_counter()
        everything = compiled(made)
        print(f"load and compile {count} rules: {time.perf_counter() - start:.2f} s")
        measure(f"decision with {count} rules", everything, messages)
    tracemalloc.start()
    held = compiled(made)
    print(f"memory of {len(held.rules)} compiled rules: {tracemalloc.get_traced_memory()[0] / 1e6:.0f} MB")
    tracemalloc.stop()
    measure(
        "decision with 1000 rules that nothing can index",
        compiled([hopeless(rng, n) for n in range(1_000)]),
        messages,
    )


if __name__ == "__main__":
    main()
