"""Settings that can never work are refused while they are read, with a sentence that says what to do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors._loopback import is_loopback
from connectors.contract import decode_secret
from connectors.email.config import EmailConfig, is_address, mailbox_key

BOX = {"host": "imap.example.pl", "user": "kontakt", "password": "tajne"}


def read(**settings: Any) -> EmailConfig:
    return msgspec.convert({"address": "kontakt@example.pl", **settings}, EmailConfig, dec_hook=decode_secret)


def test_a_mailbox_and_a_server_are_enough() -> None:
    config = read(imap=[BOX], smtp={"host": "smtp.example.pl", "user": "kontakt", "password": "tajne"})
    [account] = config.imap
    assert (account.port, account.tls, account.folder, account.on_done) == (993, True, "INBOX", "seen")
    assert config.smtp is not None
    assert (config.smtp.port, config.smtp.security) == (587, "starttls")
    assert "tajne" not in repr(config)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "needs imap, listen or smtp"),
        ({"imap": [BOX | {"tls": False}]}, "in the clear"),
        ({"imap": [BOX | {"port": 143}]}, "STARTTLS, which is not supported"),
        ({"imap": [BOX | {"on_done": "delete"}]}, "matching regex"),
        ({"imap": [BOX | {"on_done": "move:"}]}, "matching regex"),
        ({"imap": [BOX, BOX]}, "twice"),
        ({"imap": [BOX | {"tsl": True}]}, "unknown field"),
        ({"imap": [{"host": "imap.example.pl", "user": "kontakt"}]}, "missing required field `password`"),
        ({"listen": {"port": 24, "recipients": ["nobody"]}}, "neither an address nor @domain"),
        ({"smtp": {"host": "h", "security": "plain", "user": "u", "password": "p"}}, "in the clear"),
        ({"smtp": {"host": "h", "user": "u"}}, "belong together"),
        ({"smtp": {"host": "h", "from_address": "x"}}, "not an address"),
        ({"smtp": {"host": "h"}, "address": "Kontakt <k@example.pl>"}, "not an e-mail address"),
        ({"smtp": {"host": "h"}, "poll_seconds": 600}, "poll_seconds"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read(**settings)
    assert sentence in str(refused.value)
    assert "tajne" not in str(refused.value)


def test_on_loopback_a_password_may_go_in_the_clear() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        assert read(imap=[BOX | {"host": host, "tls": False, "port": 143}]).imap[0].host == host
    assert not is_loopback("imap.example.pl")


def test_domains_are_taken_as_recipients() -> None:
    listen = read(listen={"port": 0, "recipients": ["@example.pl", "urzad@example.org"]}).listen
    assert listen is not None
    assert listen.recipients == ("@example.pl", "urzad@example.org")


def test_a_mailbox_keeps_its_key_wherever_it_stands_in_the_list() -> None:
    other = BOX | {"user": "inny"}
    assert mailbox_key(read(imap=[BOX, other]).imap[0]) == mailbox_key(read(imap=[other, BOX]).imap[1])


@pytest.mark.parametrize(
    "text", ["a@b", "jan.k+x=1@sub.example.pl", "żółw@łódź.example.pl", "o'neil@example.org"]
)
def test_addresses(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["", "a", "@b", "a@", "a b@c", "a@b c", "a@b\n", "a@b,c@d", '"a"@b', "a@[127.0.0.1]"]
)
def test_what_is_no_address(text: str) -> None:
    assert not is_address(text)
