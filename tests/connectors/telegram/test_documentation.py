"""What docs/channels/telegram.md shows is tried: its configurations load, its figures are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.telegram import sending
from connectors.telegram.content import HANDED_OUT
from connectors.telegram.settings import Settings
from hub.cli_config import CHANNELS
from hub.configfile import decode_settings, load

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/channels/telegram.md").read_text(encoding="utf-8")
INBOX, WEBHOOK = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def settings(folder: Path, example: str) -> Settings:
    """The settings of an example, with its secrets in files here."""
    (folder / "telegram").write_text("123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11\n")
    (folder / "telegram-webhook").write_text("0123456789abcdef\n")
    shipped = (ROOT / "config/centrala.toml").read_text(encoding="utf-8")
    for name in ("rules.yaml", "offices.toml"):
        (folder / name).write_bytes((ROOT / "config" / name).read_bytes())
    config = folder / "centrala.toml"
    config.write_text(shipped + example.replace("/run/secrets", str(folder)))
    found = load(config, environ={}, channels=CHANNELS)
    [inbox] = [inbox for inbox in found.inboxes if inbox.kind == "telegram"]
    return decode_settings(inbox, Settings)


def test_the_first_example_polls_and_greets(tmp_path: Path) -> None:
    found = settings(tmp_path, INBOX)
    assert (found.receive, found.groups) == ("polling", "refuse")
    assert found.greeting is not None
    assert found.greeting.of("en") == "Hello! Tell us how we can help."


def test_the_second_example_takes_posts(tmp_path: Path) -> None:
    found = settings(tmp_path, INBOX.partition("[inboxes.settings]")[0] + WEBHOOK)
    assert found.receive == "webhook"
    assert found.webhook_secret is not None


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ("longer than 4,096 characters", sending.TEXT == 4096),
        ("JPEG and PNG up to 10 MB", sending.PHOTO == 10_000_000),
        ("up to 50 MB", sending.UPLOAD == 50_000_000),
        ("fetched up to 20 MB", HANDED_OUT == 20_000_000),
        ("up to 100 buttons", sending.BUTTONS == 100),
        ("at most 64 bytes", sending.BUTTON_DATA == 64),
    ],
)
def test_figures_are_those_of_the_code(told: str, held: bool) -> None:
    assert told in PAGE
    assert held
