"""The power is cut 2,000 times under a whole hub at work: nothing acknowledged is lost, and everything is whole.

The hub's system calls are recorded; what a disk may hold at a cut is made from the record (disk.py) and opened anew.
The harness is shown to fail on builds that do not sync.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.power.judge import MEMORY, Cut, cuts
from tests.chaos.power.record import Recording, record, runs_on
from tests.chaos.world import faulty_copy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.servers]

CUTS = 2000


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: what is laid out for each cut need not reach a real disk."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def broken(recording: Recording, count: int, folder: Path) -> list[Cut]:
    return [cut for cut in cuts(recording, count, seed=1, folder=folder) if cut.faults]


def test_two_thousand_power_cuts_lose_nothing(memory: Path) -> None:
    recording = record(seconds=3.0)
    files = Counter(step.path.rpartition(".")[2] for step in recording.steps if step.what == "write")
    print(
        f"{len(recording.steps)} steps, {len(recording.acknowledged)} acknowledged, {len(recording.sent)} sent"
    )
    assert len(recording.acknowledged) > 40 and len(recording.sent) > 20, "hardly any load"
    assert files["db-wal"] > 500 and files["db"] > 100, "the log was never folded into the database"
    assert sum("/blobs/" in step.path and step.what == "write" for step in recording.steps) > 3
    assert broken(recording, CUTS, memory) == []
    for tenth in (0.2, 1, 4, 7):  # the first of them within the first start
        after = int(len(recording.steps) * tenth / 10)
        assert runs_on(recording, after, seed=after), f"the hub does not start after a cut at step {after}"


def test_a_database_without_syncs_is_noticed(tmp_path: Path, memory: Path) -> None:
    wrong = faulty_copy(
        tmp_path, "hub/store/sqlite.py", "PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF"
    )
    found = broken(record(seconds=1.0, source=wrong), 100, memory)
    assert any(fault.startswith("lost") for cut in found for fault in cut.faults)


def test_files_without_syncs_are_noticed(tmp_path: Path, memory: Path) -> None:
    wrong = faulty_copy(tmp_path, "hub/blobs.py", "    os.fsync(handle.fileno())\n", "")
    blobs = wrong / "hub" / "blobs.py"
    text = blobs.read_text()
    assert "    sync(path.parent)\n" in text
    blobs.write_text(text.replace("    sync(path.parent)\n", ""))
    found = [fault for cut in broken(record(seconds=1.5, source=wrong), 200, memory) for fault in cut.faults]
    assert any(fault.endswith("is gone") for fault in found)
    assert any(fault.endswith("is torn") for fault in found)
