"""How figures are told: ``name: value unit, floor value, ratio r``, the last lines of every benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def line(name: str, value: float, unit: str, floor: float, *, inverse: bool = False) -> str:
    """One figure beside its floor. ``inverse``: less is better, and the ratio is floor to value."""
    ratio = floor / value if inverse and value else value / floor if floor else 0.0
    return f"{name}: {value:,.4g} {unit}, floor {floor:,.4g}, ratio {ratio:.2f}"


def median(values: Sequence[float]) -> float:
    """Of the alternating runs."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
