"""Writes config/rules.schema.json, by which editors complete and check rule files.

Run: python -m scripts.rules_schema
"""

from __future__ import annotations

import json
from pathlib import Path

import rules


def main() -> None:
    path = Path(__file__).parents[1] / "config" / "rules.schema.json"
    path.write_text(json.dumps(rules.json_schema(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
