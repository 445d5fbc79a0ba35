"""Keeping a decision: its trace with all its facts, and its place in the counts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.house import House
from hub.intake.load import Load
from hub.ruleset.hits import Tally
from hub.store import schema
from hub.store.tx import Tx
from rules import Decision, Facts, Fault, encode_trace

FAULTS = 8
"""Most faults in one trace: those of the evaluation, and those of carrying it out."""

_json = msgspec.json.Encoder().encode


def keep_decision(
    tx: Tx,
    house: House,
    decision: Decision,
    facts: Facts,
    load: Load,
    *,
    conversation: int,
    message: int | None,
    refused: Sequence[Fault] = (),
) -> None:
    """Keep one decision outside a batch of intake. ``facts`` are without the texts, which the message holds, and the
    load; ``refused`` is what could not be carried out."""
    tally = Tally()
    tally.add(decision)
    tx.at_end(tally)
    trace = decision.trace
    if refused:
        trace = msgspec.structs.replace(trace, faults=(*trace.faults, *refused)[:FAULTS])
    row = {
        "conversation": conversation,
        "message": message,
        "at": tx.now,
        "version": house.rules_version,
        "facts": _json(facts),
        "load": load.id or None,
        "data": encode_trace(trace),
    }
    tx.add(schema.trace, row)
