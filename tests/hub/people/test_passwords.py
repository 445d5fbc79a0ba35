"""Passwords: what the hash for nobody is worth."""

from __future__ import annotations

import pytest

from hub.people import passwords

pytestmark = pytest.mark.usefixtures("real_passwords")


def test_the_hash_for_nobody_costs_as_much_as_anybodys() -> None:
    assert not passwords.is_outdated(passwords.NOBODY)


def test_nobody_is_let_in_without_an_account() -> None:
    assert not passwords.verify_password(None, "zielony tramwaj o świcie")
