"""``centrala rules explain``: what every rule says to a message, by the configured rules or those of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub import cli

ROOT = Path(__file__).parents[2]
MAIL = """\
From: jan@example.org
To: kontakt@example.pl
Subject: Zasilek
Message-ID: <a@example.org>

Nie dostalem zasilku za maj.
"""
RULES = """\
rules:
  - section: kadry
    when: {channel: sms}
    rules:
      - id: umowy
        when: {words: [umowa]}
        do: {queue: informacja}
  - id: zasilki
    name: Zasiłki
    when: {words: [zasiłek]}
    do: {queue: bezrobotni, tags: [zasilek, po godzinach], timer: {pytanie: 4h}}
  - id: pozwy
    when: {all: [{words: [zasiłek]}, {not: {words: [maj]}}]}
    do: {queue: spam}
default: {queue: informacja}
"""

Explain = Callable[..., str]


@pytest.fixture
def explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Explain:
    """What is said about the mail."""
    mail, rules = tmp_path / "mail.eml", tmp_path / "rules.yaml"
    mail.write_text(MAIL, encoding="utf-8")
    rules.write_text(RULES, encoding="utf-8")

    def call(*more: str) -> str:
        options = ("-c", ROOT / "config" / "demo.toml", "--inbox", "kontakt", "--at", "2026-11-16T10:00")
        said = [str(rules) if one == "RULES" else one for one in more]
        assert cli.run(["rules", "explain", *map(str, options), *said, str(mail)]) == 0
        return capsys.readouterr().out

    return call


@pytest.mark.slow
def test_the_configured_rules(explained: Explain) -> None:
    said = explained()
    assert "matched by words: zasilku" in said
    assert "Decision: queue bezrobotni (" in said


def test_the_rules_of_another_file(explained: Explain) -> None:
    lines = explained("--rules", "RULES").splitlines()
    assert (
        lines[0].startswith("umowy")
        and "its section kadry is closed: channel: wanted sms, saw email" in lines[0]
    )
    assert "zasilki (line 8): matched by words: zasilku" in lines[1]
    assert lines[2].endswith("failed: not words: wanted maj, saw maj")
    assert lines[3] == (
        "Decision: queue bezrobotni (zasilki), tags zasilek + po godzinach (zasilki), timer pytanie=4h (zasilki)"
    )


@pytest.mark.slow
def test_a_time_with_its_own_zone_is_that_time(explained: Explain) -> None:
    """Three o'clock in the night of Warsaw is after hours, whichever clock says so."""
    by_the_hub, by_utc = explained("--at", "2026-11-17T03:00"), explained("--at", "2026-11-17T02:00Z")
    assert by_utc == by_the_hub != explained("--at", "2026-11-17T12:00")


def test_one_rule(explained: Explain) -> None:
    assert len(explained("--rules", "RULES", "--rule", "zasilki").splitlines()) == 1
