"""How a chat begins: the first message, what is wrong with it, hours in which nobody is there."""

from __future__ import annotations

import asyncio
import json
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors._fields import Field
from connectors._forms import TRAPPED, Words
from connectors._widget import HONEYPOT
from connectors.chat.settings import Settings
from connectors.chat.visitors import COOKIE, KIND
from connectors.contract import (
    ChatHours,
    Message,
    Micros,
    Visit,
)
from tests.connectors.chat.site import ANNA, BEN, JSON, MORNING, PATH, Site, at_work, body, said
from tests.connectors.requests import form_post, get
from tests.contract.world import whole
from tests.waiting import until

# --- beginning ------------------------------------------------------------------------------------------------------


async def test_a_first_message_carries_what_was_asked_for(site: Site) -> None:
    answer = await site.write(
        "Dzień dobry", name="Zofia", email="Zofia@Example.org", page="https://praca.example/x"
    )
    assert answer.status == 200
    [message] = site.ledger.events
    assert isinstance(message, Message) and message.chat is not None and message.direct
    assert (message.sender.kind, message.sender.address, message.sender.name) == (KIND, ANNA, "Zofia")
    assert (message.chat.email, message.chat.page) == ("zofia@example.org", "https://praca.example/x")
    assert [party.address for party in message.also] == ["zofia@example.org"]
    assert [field.name for field in message.fields] == ["name", "email", "consent"]
    [cookie] = answer.cookies
    assert (cookie.name, cookie.value, cookie.framed) == (COOKIE, site.token(), True)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"consent": ""}, "consent"),
        ({"text": "  \n"}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"email": "nie adres"}, "email"),
    ],
)
async def test_what_is_wrong_is_told_at_its_field(site: Site, fields: dict[str, str], wrong: str) -> None:
    answer = await site.write(**{"text": "Dzień dobry", **fields})
    assert answer.status == 422
    assert wrong in json.loads(answer.body)["problems"]
    plain = {"me": site.token(), "text": "Zostaje", "consent": "yes", **fields}
    page = await form_post(site.chat, PATH, plain)
    assert page.status == 422 and 'role="alert"' in body(page)
    assert site.ledger.events == []


async def test_a_double_click_and_a_retry_make_one(site: Site) -> None:
    fields = {"me": site.token(), "client": str(uuid.uuid4()), "text": "Raz", "consent": "yes"}
    first, second = await asyncio.gather(
        *(form_post(site.chat, PATH, fields, headers=JSON) for _ in range(2))
    )
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]
    assert len(site.ledger.events) == 1


async def test_without_a_script_the_page_leads_back_to_the_chat(site: Site) -> None:
    fields = {"me": site.token(), "client": str(uuid.uuid4()), "text": "Raz", "consent": "yes"}
    answer = await form_post(site.chat, PATH, fields, headers={"sec-fetch-dest": "iframe"})
    assert answer.status == 303
    address = answer.headers["Location"]
    assert parse_qs(urlsplit(address).query)["me"] == [site.token()]
    site.answered(said())
    page = body(await get(site.chat, address))
    assert "W czym pomóc?" in page and 'id="write"' in page and "Konsultant" in page
    straight = await form_post(site.chat, PATH, fields, headers={"sec-fetch-dest": "document"})
    assert "me=" not in straight.headers["Location"], "where the cookie comes back the address stays clean"


async def test_a_full_hub_keeps_what_was_typed(site: Site) -> None:
    site.ledger.refuse(retry_after=3)
    fields = {"me": site.token(), "text": "Ważna wiadomość", "consent": "yes"}
    page = await form_post(site.chat, PATH, fields)
    assert (page.status, page.headers["Retry-After"]) == (503, "3")
    assert "Ważna wiadomość" in body(page)
    assert (await site.write()).status == 503


async def test_what_fills_in_the_hidden_field_is_kept_and_marked(site: Site) -> None:
    assert (await site.write("Kup teraz", **{HONEYPOT: "x"})).status == 200
    [message] = site.ledger.events
    assert isinstance(message, Message)
    assert (message.text, message.suspicious) == ("Kup teraz", TRAPPED)


async def test_fields_are_the_sites_own() -> None:
    fields = (Field(name="sprawa", label=Words(pl="Czego dotyczy?"), required=True),)
    async with at_work(Settings(fields=fields, agents="full-name")) as site:
        page = body(await get(site.chat, PATH))
        assert "Czego dotyczy?" in page and 'name="email"' not in page
        assert (await site.write()).status == 422
        assert (await site.write(sprawa="zasiłek")).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        (Field(name="text", label=Words(pl="x")),),
        (Field(name="plik", type="file", label=Words(pl="x")),),
        (Field(name="a", label=Words(pl="x")), Field(name="a", label=Words(pl="y"))),
    ],
)
def test_fields_that_cannot_be_are_told_when_the_hub_starts(fields: tuple[Field, ...]) -> None:
    with pytest.raises(ValueError, match="fields: "):
        Settings(fields=fields)


# --- nobody there ---------------------------------------------------------------------------------------------------


async def test_outside_the_hours_it_is_a_form_that_is_answered_by_mail(site: Site) -> None:
    site.house.now = ChatHours(staffed=False, opens_at=Micros(MORNING + 86_400_000_000), mails=True)
    page = body(await get(site.chat, PATH))
    assert "wtorek 17.11.2026, 09:00" in page
    assert "Imię (nieobowiązkowe)" in page and "Adres e-mail (nieobowiązkowe)" not in page
    assert (await site.write()).status == 422, "without an address there is no answer"
    assert (await site.write(email="zofia@example.org", name="Zofia")).status == 200
    [message] = site.ledger.events
    assert isinstance(message, Message) and message.chat is None
    assert (message.sender.kind, message.sender.address) == ("email", "zofia@example.org")


async def test_a_chat_that_goes_on_is_not_shut_by_the_clock(site: Site) -> None:
    site.answered(said())
    site.house.now = ChatHours(staffed=False)
    assert (await site.write("Jeszcze jedno")).status == 200
    [message] = site.ledger.events
    assert isinstance(message, Message) and message.chat is not None


async def test_the_line_is_told_before_one_stands_in_it(site: Site) -> None:
    site.house.now = ChatHours(staffed=True, waiting=4, wait=270.0)
    page = body(await get(site.chat, PATH))
    assert "Liczba osób czekających wcześniej: 4." in page and "minutach: 5" in page
    english = body(await get(site.chat, f"{PATH}?lang=en"))
    assert "People waiting before you: 4. It should take about 5 minutes." in english


async def test_a_chat_begins_although_who_was_there_cannot_be_read_yet() -> None:
    site = Site(Settings())
    site.house.away, site.house.there = True, (ANNA,)
    task = asyncio.create_task(whole(site.chat, site.ledger))
    await asyncio.sleep(0.02)
    assert not task.done()
    site.house.away = False
    await asyncio.sleep(0.02)
    site.clock.at += 61
    assert (await site.write(visitor=BEN)).status == 200
    await until(lambda: len(site.ledger.events) == 2)
    assert {event.sender.address for event in site.ledger.events if isinstance(event, Visit)} == {ANNA}
    task.cancel()
    await asyncio.wait({task})
