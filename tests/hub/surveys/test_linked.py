"""Surveys of people who turn out to be one person."""

from __future__ import annotations

from hub.desk.contacts import link_contacts, unlink
from hub.store import schema
from tests.hub.surveys.conftest import World


async def test_who_is_linked_with_somebody_else_was_asked_all_the_same(world: World) -> None:
    """Their figure is still the answer, and they are not asked again so soon; both stay theirs when taken apart."""
    earlier = await world.says("Czy to ten sam wniosek?", address="anna@example.pl")
    number = await world.settled("sms", "+48600700800")
    await world.passes(hours=1)
    await world.send()
    assert earlier.conversation is not None
    one, other = [
        (await world.row(schema.conversation, found)).contact for found in (earlier.conversation, number)
    ]
    link = await world.store.write(lambda tx: link_contacts(tx, world.ola, one, other))
    assert (await world.says("5", "sms", "+48600700800")).message is None
    await world.answers(earlier.conversation)
    await world.resolves(earlier.conversation)
    await world.passes(hours=2)
    [survey] = await world.surveys()
    assert (survey.conversation, survey.score, survey.contact) == (number, 5, one)
    await world.store.write(lambda tx: unlink(tx, world.ola, link))
    [survey] = await world.surveys()
    assert survey.contact == other
