"""What a survey writes to its person: the question, and thanks.

Messages are kept without the address of the page in them: whoever can read the conversation in the console or by the
API could else answer in the person's name. It is put in where the message leaves or its reader looks at it
(:func:`hub.surveys.record.spelled_out`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from connectors.contract import Choice, Recipient
from hub.house import House
from hub.messages import append
from hub.notice_texts import TEMPLATES
from hub.notices import render, standard_params
from hub.outbox.queue import enqueue
from hub.store.tx import Tx
from hub.surveys.record import hidden_address


def say(
    tx: Tx,
    house: House,
    row: Row[Any],
    notice: str,
    survey: int,
    *,
    inbox: str,
    recipients: Sequence[Recipient],
    choices: Sequence[Choice] = (),
    params: Mapping[str, str] = {},
) -> int:
    """Write a notice to a conversation's person and send it; returns the message."""
    more = {"link": hidden_address(house), **params}
    subject, body = render(
        TEMPLATES[notice],
        row.language,
        lambda spoken: {**standard_params(house, row, tx.now, spoken), **more},
    )
    added = append(
        tx,
        row.id,
        kind="outbound",
        text=body,
        subject=subject,
        inbox=inbox,
        channel=house.channels.get(inbox),
        recipients=recipients,
        automatic=True,
        language=row.language,
        data={"notice": notice, "survey": survey, "choices": choices},
    )
    enqueue(tx, house, row, added.id, recipients, inbox=inbox)
    return added.id
