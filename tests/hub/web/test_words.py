"""Times in words."""

from __future__ import annotations

import pytest

from hub.web.words import exact


@pytest.mark.parametrize(
    ("language", "said"),
    [("pl", "poniedziałek, 16 listopada 2026 09:05"), ("en", "Monday, 16 November 2026 09:05")],
)
def test_a_date_in_full_has_the_day_before_the_month_in_both_languages(language: str, said: str) -> None:
    assert exact(1_794_816_300_000_000, language, "Europe/Warsaw") == said
