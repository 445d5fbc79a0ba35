"""How deliveries are found by what the channel calls them."""

from __future__ import annotations

import pytest

from hub.outbox.queue import sent_as
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.plans import plans


@pytest.mark.parametrize("closed_store", ["sqlite"], indirect=True)
async def test_a_report_of_what_is_none_of_ours_reads_no_deliveries_whole(store: Store) -> None:
    """Nobody knows by which inbox it left, and there are millions."""

    def look(tx: Tx) -> list[str]:
        with plans(tx) as found:
            assert not sent_as(tx, "kontakt", "<unknown>")
        return found

    steps = await store.write(look)
    assert len(steps) == 2
    assert all("delivery_remote_id" in step for step in steps), steps
