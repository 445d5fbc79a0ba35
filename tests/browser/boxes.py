"""Where things are on a page: whether one covers another."""

from __future__ import annotations

from playwright.async_api import FloatRect


def meets(one: FloatRect, other: FloatRect) -> bool:
    """Whether two boxes of a page have a place in common."""
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
    return not (beside or above)
