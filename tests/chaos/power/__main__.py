"""As many cuts as one likes: ``python -m tests.chaos.power --seconds 10 --cuts 20000 --seed 5``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos.power.judge import MEMORY, cuts
from tests.chaos.power.record import record


def main() -> int:
    """Record, cut, tell what was found; 1 when anything broke the promise."""
    options = argparse.ArgumentParser(description="Cut the power of a working hub and judge what is left.")
    options.add_argument("--seconds", type=float, default=5.0, help="how long the hub is under load")
    options.add_argument("--cuts", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1, help="the same record and seed give the same cuts")
    chosen = options.parse_args()
    recording = record(chosen.seconds)
    print(
        f"{len(recording.steps)} steps, {len(recording.acknowledged)} items acknowledged, {len(recording.sent)} sent"
    )
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        for cut in cuts(recording, chosen.cuts, chosen.seed, Path(folder)):
            found[cut.way] += 1
            if cut.faults:
                found["broken"] += 1
                print(
                    f"after step {cut.after}, {cut.way} of the unsynced survived: {'; '.join(cut.faults[:5])}"
                )
    print(dict(found))
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
