"""Which connectors a reload builds anew: those that would be made of something else than before."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from connectors.contract import Connector
from hub.config import Config
from hub.directory import Directory, directory
from hub.inboxes import Inboxes
from hub.running import Means
from tests.hub.specimen import CONFIG

replace = msgspec.structs.replace


def _with_office(config: Config, **changes: Any) -> Config:
    """Its first inbox's office, changed."""
    office = config.inboxes[0].office
    offices = [replace(one, **changes) if one.id == office else one for one in config.offices]
    return replace(config, offices=tuple(offices))


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        (CONFIG, False),
        (replace(CONFIG, desk=replace(CONFIG.desk, reopen_days=3)), False),
        (_with_office(CONFIG, signature="Inna"), False),
        (replace(CONFIG, inboxes=(replace(CONFIG.inboxes[0], name="Inna"), *CONFIG.inboxes[1:])), True),
        (replace(CONFIG, hub=replace(CONFIG.hub, public_url="https://new.example.pl")), True),
        (_with_office(CONFIG, name="Inny urząd"), True),
        (_with_office(CONFIG, zone="Atlantic/Azores"), True),
        (_with_office(CONFIG, language="en"), True),
    ],
    ids=["nothing", "desk", "signature", "inbox", "address", "office's name", "zone", "language"],
)
def test_a_connector_stays_while_it_would_be_made_of_the_same(changed: Config, anew: bool) -> None:
    made: list[str] = []

    def make(found: Directory, inbox: Any) -> Connector:
        made.append(inbox.id)
        return cast(Connector, object())

    nobody = cast(Any, None)
    inboxes = Inboxes(cast(Means, nobody), make, nobody, sends=True)
    inboxes.swap(inboxes.build(directory(CONFIG)))
    made.clear()
    inboxes.build(directory(changed))
    assert (CONFIG.inboxes[0].id in made) is anew
