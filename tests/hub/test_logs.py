"""Logs are structured and hold no secret and no personal number, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.contract import Secret
from hub.cli_run import _hiding
from hub.config import Config, Hub, Inbox
from hub.configfile import load
from hub.logs import configure, known_secrets, logger, mask


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = before


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("from jan.kowalski+x@wp.pl now", "from [email]@wp.pl now"),
        ("PESEL 44051401359.", "PESEL [pesel]."),
        ("PESEL 44051401359, sprawdzcie", "PESEL [pesel], sprawdzcie"),
        ("tel. +48 601 234 567", "tel. [phone]"),
        ("tel. 601-234-567!", "tel. [phone]!"),
        ("(22) 601234567", "(22) [phone]"),
        ("0048601234567", "[phone]"),
        ("22 601 23 45 67", "[phone]"),
        ("PESEL 440514 01359 i 440514-01359", "PESEL [pesel] i [pesel]"),
        ("PESEL 4405\u200b1401359, ４４０５１４０１３５９", "PESEL [pesel], [pesel]"),
        ("tel. 601\u00a0234\u00a0567", "tel. [phone]"),
        ("na konto PL61 1090 1014 0000 0712 1981 2874", "na konto [account]"),
        ("na konto 61109010140000071219812874.", "na konto [account]."),
        ("at 2026-11-21 17:28:28.123456", "at 2026-11-21 17:28:28.123456"),
        ("127.0.0.1:54321 took 1763742508123456", "127.0.0.1:54321 took 1763742508123456"),
        ("5.1.1 unknown; 7KX-42P-M9Q", "5.1.1 unknown; 7KX-42P-M9Q"),
    ],
)
def test_personal_numbers_are_masked_and_others_are_not(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_secrets_and_numbers_reach_no_line(stream: io.StringIO) -> None:
    configure(form="json", level="info", secrets=["tajne-haslo", "abc"], stream=stream)
    log = logger("intake", inbox="kontakt")
    log.info(
        "accepted abc", sender="jan@wp.pl", inner={"keys": ["tajne-haslo", Secret("x")]}, bytes=601234567
    )
    logging.getLogger("a.library").warning("login with %s for %s failed", "tajne-haslo", "44051401359")
    try:
        raise ValueError("no 601 234 567 in tajne-haslo")
    except ValueError:
        logging.getLogger("a.library").exception("broken")
    text = stream.getvalue()
    for forbidden in ("jan@", "tajne", "44051401359", "601 234 567"):
        assert forbidden not in text
    first, second, third = lines(stream)
    assert first["event"] == "accepted abc" and first["bytes"] == 601234567 and first["inbox"] == "kontakt"
    assert second["event"] == "login with [secret] for [pesel] failed"
    assert "ValueError: no [phone] in [secret]" in str(third["exception"])


def test_secrets_that_a_reload_brings_are_hidden_too(stream: io.StringIO, tmp_path: Path) -> None:
    configure(form="json", secrets=["the-one-before"], stream=stream)
    file = tmp_path / "centrala.toml"
    file.write_text('[redis]\nname = "x"\npassword = "brought-by-the-reload"\n')
    _hiding(lambda: load(file, environ={}))()
    logger("x").info("the-one-before and brought-by-the-reload")
    assert [line["event"] for line in lines(stream)] == ["[secret] and [secret]"]


def test_levels_hold_for_the_hub_and_libraries_are_quieter(stream: io.StringIO) -> None:
    configure(form="json", level="warning", stream=stream)
    logger("x").info("not shown")
    logging.getLogger("a.library").info("not shown")
    logger("x").warning("shown")
    assert [line["event"] for line in lines(stream)] == ["shown"]


def test_the_console_form_is_readable(stream: io.StringIO) -> None:
    configure(form="console", stream=stream)
    logger("web").info("listening", port=8080)
    assert "listening" in stream.getvalue() and "port=8080" in stream.getvalue()


def test_nothing_from_outside_begins_a_line_or_speaks_to_a_terminal(stream: io.StringIO) -> None:
    configure(form="console", stream=stream)
    forged = "x\r\n2026-11-22T06:00:00Z [info     ] all is well \x1b[2J\u2028\u202e"
    logger("web").warning(forged, who=forged, url="\x1b[31mred")
    logging.getLogger("a.library").warning("bad request %s", forged)
    try:
        raise ValueError(forged)
    except ValueError:
        logger("web").error("broken", exc_info=True)
    found = stream.getvalue()
    assert not {"\x1b", "\r", "\u2028", "\u202e"} & set(found)
    begun = [line for line in found.splitlines() if not line.startswith(" ")]
    assert len(begun) == 3 and not [line for line in begun if line.startswith("2026-11-22T06:00:00Z")]


def test_secrets_of_a_configuration_are_found() -> None:
    inbox = Inbox(
        id="a", kind="email", name="A", office="o", queue="q", settings={"smtp": {"password": Secret("one")}}
    )
    config = Config(hub=Hub(secret=Secret("two")), inboxes=(inbox,))
    assert sorted(known_secrets(config)) == ["one", "two"]
