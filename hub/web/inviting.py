"""Going on in another app: the links that lead the person of a conversation there, for an agent to pass on."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy import Row

from hub.desk.contacts import identities
from hub.desk.inviting import invitations as links_of
from hub.desk.inviting import inviting
from hub.desk.row import seen
from hub.i18n import mark as N_
from hub.i18n import translate
from hub.store.tx import Reader
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.render import is_fragment, render

TITLES = {"telegram": N_("Go on in Telegram")}
"""What the offer is called, by channel."""

TITLE = N_("Go on in another app")

SENTENCES = {"telegram": N_("We can go on with your matter in Telegram: {link}")}
"""What is put into the reply, by channel; in languages that have no such sentence the bare link is."""

SPOKEN = ("pl", "en")


def title_of(channel: str) -> str:
    """The msgid of an offer's name."""
    return TITLES.get(channel, TITLE)


def _sentence(channel: str, language: str, link: str) -> str:
    said = SENTENCES.get(channel, "")
    return translate(language, said, link=link) if said and language in SPOKEN else link


async def invitations(request: web.Request) -> web.StreamResponse:
    """The links into a conversation, each to be copied or put into the reply."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()

    def query(tx: Reader) -> tuple[Row[Any], list[str]]:
        row = seen(tx, scope, number)
        known = [identity.kind for identity in identities(tx, row.contact)]
        return row, inviting(tx, house, row, known)

    row, inboxes = await desk.store.read(query)
    made = await links_of(house, desk.invite, row.id, inboxes)
    sentences = {
        one.inbox: _sentence(house.channels.get(one.inbox, ""), row.language, one.link) for one in made
    }
    template = "inbox/invitations.html" if is_fragment(request) else "inbox/invitations_page.html"
    return render(request, template, number=number, made=made, sentences=sentences)


ROUTES = [web.get("/conversations/{id}/invitations", invitations)]
