"""What citizens of the demo say when the office asks whether they are content: on the page that a letter names."""

from __future__ import annotations

import re

import aiohttp
import msgspec

from hub.demo.letters import Letter
from hub.demo.ways import number_of

_ADDRESS = re.compile(r"https?://\S+/survey/[0-9a-z]+")

OPINIONS = (
    (5, "Szybko i konkretnie, dziękuję."),
    (4, ""),
    (5, ""),
    (2, "Odpowiedź jest, ale musiałam czekać cały dzień."),
    (4, "Dobrze wytłumaczone."),
    (5, "Pani konsultantka bardzo pomocna!"),
    (3, ""),
    (1, "Dalej nie wiem, do którego urzędu mam iść."),
)

PATIENCE = 5
"""Of so many people two do not answer."""


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: where it is given, and what it is."""

    address: str
    score: int
    words: str


def opinion(letter: Letter) -> Opinion | None:
    """What the person of a letter answers; None where it asks nothing, or they do not bother. Always the same."""
    found = _ADDRESS.search(letter.text)
    who = int(number_of(letter.to))
    if found is None or letter.refused or who % PATIENCE < 2:
        return None
    score, words = OPINIONS[who // PATIENCE % len(OPINIONS)]
    return Opinion(address=found[0], score=score, words=words)


async def say(given: Opinion) -> None:
    """Fill in the page. Raises aiohttp.ClientError where it is not there."""
    fields = {"score": str(given.score), "comment": given.words}
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.post(given.address, data=fields) as answer:
            await answer.read()
