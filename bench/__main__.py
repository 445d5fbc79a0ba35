"""All benchmarks, one after the other: ``python -m bench``. Each is a module with a ``main`` that also runs alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

for module in sorted(Path(__file__).parent.glob("*_bench.py")):
    print(f"== {module.stem}", flush=True)
    subprocess.run([sys.executable, "-m", f"bench.{module.stem}"], check=True)
