"""Compile the templates of all pages ahead, beside their sources: python -m scripts.templates"""

from __future__ import annotations

from pathlib import Path

from connectors._templates import compile_templates

ROOT = Path(__file__).parents[1]
PACKAGES = ("hub", "connectors")


def folders() -> list[Path]:
    """Every folder of templates."""
    return sorted(
        found for package in PACKAGES for found in (ROOT / package).rglob("templates") if found.is_dir()
    )


if __name__ == "__main__":
    for folder in folders():
        compile_templates(folder)
