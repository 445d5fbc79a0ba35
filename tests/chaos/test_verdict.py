"""What the harness calls out of order: neither more nor less."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.chaos.agent import Agent
from tests.chaos.ledgers import Ledger
from tests.chaos.verdict import Shown, faults

SENT = ["imap00001x", "imap00002x", "imap00003x"]
TURNED = ["imap00001x", "imap00003x", "imap00002x"]


@pytest.mark.parametrize(
    ("shown", "numbered", "right"),
    [
        (SENT, [], True),
        (TURNED, [], False),
        (TURNED, TURNED, True),
        (SENT, TURNED, False),
        # Delivered a second time after its acknowledgement was lost: the first number counts.
        (SENT, [*SENT, "imap00002x"], True),
    ],
)
def test_the_order_owed_is_that_of_the_sender_or_of_the_mailbox(
    shown: Sequence[str], numbered: Sequence[str], right: bool
) -> None:
    ledger, found = Ledger("imap", series=3), Shown()
    ledger.begun = list(SENT)
    ledger.acknowledged = set(SENT)
    found.inbound["1"] = list(shown)
    said = faults([ledger], found, Agent(), [], numbered)
    assert said == ([] if right else [f"order of {list(shown)}"])
