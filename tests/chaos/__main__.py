"""Many kills on demand, over both sizes: ``python -m tests.chaos --kills 1000``; what it prints goes to docs/proof.md.

Each run is a world of its own with :data:`ROUND` kills and a seed of its own, half of them on SQLite and half on a
cluster. Ends with 1 and the faults when a promise was broken; ``--seed`` repeats the draws of a run, though not the
moments at which a loaded machine carried them out.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections import Counter

from tests.chaos.cluster import LEASE, QUIET, a_cluster
from tests.chaos.run import Plan, Run, run
from tests.chaos.test_kill import ALL, PLACES
from tests.chaos.world import a_world

ROUND = 50
"""Kills of one world."""


def embedded(kills: int, seed: int) -> Run:
    """One world on SQLite."""
    with a_world(channels=ALL) as world:
        return asyncio.run(run(world, Plan(kills=kills, seed=seed, places=PLACES, others=6)))


def cluster(kills: int, seed: int) -> Run:
    """One world of three nodes."""
    hang = 2 * LEASE
    plan = Plan(kills=kills, seed=seed, places=PLACES, others=4, hangs=9, hang_seconds=hang, quiet=QUIET)
    with a_cluster(channels=ALL) as world:
        return asyncio.run(run(world, plan))


def main() -> int:
    """Run rounds until enough was killed; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", choices=("both", "embedded", "cluster"), default="both")
    wanted = parser.parse_args()
    # Asked to end, it takes everything down that it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ways = {"both": (embedded, cluster), "embedded": (embedded,), "cluster": (cluster,)}[wanted.size]
    killed: Counter[str] = Counter()
    acknowledged = answers = faults = hangs = 0
    for number in range(-(-wanted.kills // ROUND)):
        way, seed = ways[number % len(ways)], wanted.seed + number
        left = wanted.kills - killed.total() - hangs
        result = way(min(ROUND, left), seed)
        killed += result.killed
        hangs += result.hung
        acknowledged += sum(len(ledger.acknowledged) for ledger in result.ledgers)
        answers += len(result.agent.made)
        found = result.faults()
        faults += len(found)
        print(f"{way.__name__}, seed {seed}: {result.summary()}", *found, sep="\n  ", flush=True)
    places = sum(name in PLACES for name in killed)
    print(
        f"{killed.total()} kills ({sum(killed[p] for p in PLACES)} at {places} named places), {hangs} hangs, "
        f"{acknowledged} messages acknowledged, {answers} answers made, {faults} broken promises"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
