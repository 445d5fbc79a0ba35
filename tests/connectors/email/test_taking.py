"""The way in of an inbox: what it adds to a mail that was taken apart."""

from __future__ import annotations

import pytest

from connectors.contract import Inbound, Message, ParseContext, Unknown
from connectors.email.config import EmailConfig, Smtp
from connectors.email.intake import OURSELVES, Parser, Taker, keep
from connectors.email.normalise import parse
from tests.contract.world import Ledger, make_env


async def taken(raw: str, parser: Parser = parse) -> Message | Unknown:
    config = EmailConfig(address="kontakt@urzad.example", smtp=Smtp(host="127.0.0.1"))
    taker = Taker(make_env(), Ledger(), parser, owns=config.owns)
    [item] = (await taker.ready(await keep(raw.encode(), taker.env))).items
    assert isinstance(item, Message | Unknown)
    return item


def broken(raw: bytes, context: ParseContext) -> list[Inbound]:
    raise ValueError


@pytest.mark.parametrize("parser", [parse, broken])
async def test_two_senders_that_nobody_can_read_are_two_people(parser: Parser) -> None:
    """Or each would see the other's letters as their history, and a block of one would block both."""
    first, again, other = [
        (await taken(f"From: <>\nSubject: {subject}\n\nx", parser)).sender for subject in ("a", "a", "b")
    ]
    assert first == again != other
    assert (first.name, "@" in first.address) == ("Nieznana osoba", False)


async def test_a_mail_in_our_own_name_is_looked_at() -> None:
    for sender, why in (("KONTAKT+x@urzad.example", OURSELVES), ("kontakt2@urzad.example", "")):
        item = await taken(f"From: {sender}\n\nx")
        assert isinstance(item, Message) and item.suspicious == why
