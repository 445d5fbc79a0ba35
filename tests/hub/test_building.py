"""What a reload takes over, and what it says that it cannot."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.contract import Secret
from hub.building import LASTING, waits_for_restart
from hub.config import Config
from tests.hub.specimen import CONFIG

replace = msgspec.structs.replace


def test_every_setting_that_lasts_exists() -> None:
    for table, keys in LASTING.items():
        assert set(keys) <= set(getattr(CONFIG, table).__struct_fields__), table


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, []),
        ({"desk": replace(CONFIG.desk, reopen_days=3)}, []),
        ({"hub": replace(CONFIG.hub, public_url="https://new.example.pl")}, []),
        ({"private": replace(CONFIG.private, port=9000)}, ["private.port"]),
        (
            {
                "hub": replace(CONFIG.hub, secret=Secret("x" * 40)),
                "store": replace(CONFIG.store, url="postgresql://db/centrala"),
            },
            ["hub.secret", "store.url"],
        ),
    ],
    ids=["nothing", "the desk", "an address that is shown", "an address to listen on", "store and secret"],
)
def test_what_waits_for_a_restart_is_named(changes: dict[str, Any], named: list[str]) -> None:
    now: Config = replace(CONFIG, **changes)
    assert waits_for_restart(CONFIG, now) == named
