"""The chat's page, with and without a script: what it takes, refuses, tells, and whom it believes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from connectors._fields import Field
from connectors._forms import Words
from connectors.chat.connector import LiveChats
from connectors.chat.reading import parse
from connectors.chat.settings import Settings
from connectors.chat.view import Shown
from connectors.chat.visitors import COOKIE, HEADER, KIND
from connectors.contract import (
    Chat,
    ChatFile,
    ChatHours,
    ChatMessage,
    DeliveryReport,
    InboxId,
    Message,
    Micros,
    NoSiblings,
    OutAttachment,
    Party,
    Presence,
    Refused,
    Request,
    Response,
    SendError,
    Siblings,
    UploadedFile,
    Visit,
)
from hub.i18n import translate
from tests.connectors.requests import form_post, get, open_stream
from tests.contract import fixtures
from tests.contract.cases.chat import ANSWER
from tests.contract.world import Ledger, NoChats, make_env, whole

ANNA, BEN = "a" * 32, "b" * 32
PATH = "/embed/chat/test-inbox"
MORNING = Micros(1_794_816_000_000_000)
JSON = {"accept": "application/json"}

XSS = "<img src=x onerror=alert(1)>\"'&"


class House(NoChats):
    """A house whose chats a test sets."""

    def __init__(self) -> None:
        self.now = ChatHours(staffed=True, mails=True)
        self.known: dict[str, Chat] = {}
        self.files: dict[tuple[str, int], OutAttachment] = {}
        self.there: tuple[str, ...] = ()
        self.away = False
        self._news: asyncio.Queue[frozenset[str]] = asyncio.Queue()

    def changed(self, *visitors: str) -> None:
        """Something happened in their chats."""
        self._news.put_nowait(frozenset(visitors))

    def _look(self) -> None:
        if self.away:
            raise Refused("the storage failed")

    async def hours(self, inbox: InboxId) -> ChatHours:
        return self.now

    async def chats(self, inbox: InboxId, visitors: Sequence[str], *, messages: int) -> dict[str, Chat]:
        self._look()
        return {visitor: self.known[visitor] for visitor in visitors if visitor in self.known}

    async def file(self, inbox: InboxId, visitor: str, file: int) -> OutAttachment | None:
        return self.files.get((visitor, file))

    async def news(self, inbox: InboxId) -> AsyncIterator[frozenset[str]]:
        while True:
            news = await self._news.get()
            self._look()
            yield news

    async def present(self, inbox: InboxId) -> Sequence[str]:
        self._look()
        return self.there


class Clock:
    """Time that passes when told; sleepers wake at once, so that loops turn."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> Micros:
        return MORNING

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.002)


class Site:
    """A chat at work: what it took, and the house behind it."""

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, siblings: Siblings | None = None
    ) -> None:
        self.house, self.clock, self.ledger = House(), clock or Clock(), Ledger()
        self.signals: list[tuple[str, str]] = []
        self.ledger.signal = lambda conversation_key, what: self.signals.append(  # type: ignore[method-assign]
            (conversation_key, what)
        )
        self.env = make_env(chats=self.house, clock=self.clock, siblings=siblings or NoSiblings())
        self.chat = LiveChats(settings, self.env)

    def token(self, visitor: str = ANNA) -> str:
        return self.env.tokens.sign(KIND, visitor)

    async def write(self, text: str = "Dzień dobry", visitor: str = ANNA, **fields: str) -> Response:
        """Post a first message by script."""
        whole = {
            "me": self.token(visitor),
            "client": str(uuid.uuid4()),
            "text": text,
            "consent": "yes",
            **fields,
        }
        return await form_post(self.chat, PATH, whole, headers=JSON)

    def answered(self, *messages: ChatMessage, visitor: str = ANNA, **more: object) -> None:
        """From now on the visitor has a chat with these messages."""
        chat = Chat(
            conversation=7, reference="3F7-K2M-9QX", state="active", agent="Anna Sekretna", transcript=True
        )
        self.house.known[visitor] = msgspec.structs.replace(chat, messages=messages, **more)

    async def signal(self, what: str, visitor: str = ANNA, **fields: str) -> Response:
        return await form_post(
            self.chat, f"{PATH}/signal", {"me": self.token(visitor), "what": what, **fields}
        )

    @contextlib.asynccontextmanager
    async def page(self, visitor: str = ANNA) -> AsyncIterator[list[tuple[str, dict[str, object]]]]:
        """An open page; what it is told."""
        told: list[tuple[str, dict[str, object]]] = []
        stream = await open_stream(self.chat, f"{PATH}/stream", {HEADER: self.token(visitor)})

        async def read() -> None:
            async for chunk in stream:
                for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n\n", chunk.decode()):
                    told.append((name, json.loads(data)))

        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        yield told
        task.cancel()
        await asyncio.wait({task})
        await stream.aclose()  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def at_work(settings: Settings | None = None) -> AsyncIterator[Site]:
    site = Site(settings or Settings())
    task = asyncio.create_task(whole(site.chat, site.ledger))
    await asyncio.sleep(0.01)
    yield site
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with at_work() as found:
        yield found


def said(number: int = 17, text: str = "W czym pomóc?", *, mine: bool = False, **more: object) -> ChatMessage:
    message = ChatMessage(id=number, number=number, mine=mine, text=text, at=MORNING, author="Anna Sekretna")
    return msgspec.structs.replace(message, **more)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    for _ in range(int(seconds * 500)):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not happen")


def body(answer: Response) -> str:
    return answer.body.decode()


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


async def test_a_program_in_the_trap_learns_nothing(site: Site) -> None:
    fields = {"me": site.token(), "text": "Kup teraz", "consent": "yes", "homepage": "https://spam.example"}
    assert (await form_post(site.chat, PATH, fields)).status == 303
    assert (await site.write(homepage="x")).status == 200
    assert site.ledger.events == []


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


# --- what happens meanwhile ------------------------------------------------------------------------------------------


async def test_an_open_page_is_told_each_message_once(site: Site) -> None:
    site.answered(said(1, "Halo", mine=True), state="waiting", place=2, wait=90.0)
    async with site.page() as told:
        await site.chat.send(msgspec.structs.replace(ANSWER, to=(Party(kind=KIND, address=ANNA),)))
        site.answered(said(1, "Halo", mine=True), said(17))
        sent = await site.chat.send(msgspec.structs.replace(ANSWER, to=(Party(kind=KIND, address=ANNA),)))
        await asyncio.sleep(0.02)
    assert sent.state == "delivered"
    news = [data for name, data in told if name == "news"]
    assert [[one["id"] for one in data["messages"]] for data in news] == [[1], [17]]  # type: ignore[attr-defined]
    assert "Miejsce w kolejce: 2." in str(news[0]["state"])


async def test_an_answer_to_nobody_is_accepted_and_stays_to_be_read(site: Site) -> None:
    assert (await site.chat.send(ANSWER)).state == "accepted"
    with pytest.raises(SendError, match="permanent"):
        await site.chat.send(msgspec.structs.replace(ANSWER, operation="edit"))


async def test_typing_goes_both_ways_and_only_of_those_who_are_there(site: Site) -> None:
    site.answered(said())
    await site.signal("typing", BEN)
    async with site.page() as told:
        await site.signal("typing")
        await site.signal("paused")
        presence = Presence(inbox=InboxId("test-inbox"), to=Party(kind=KIND, address=ANNA), what="typing")
        await site.chat.show(presence)
        await asyncio.sleep(0.01)
    assert site.signals == [("conversation:7", "typing"), ("conversation:7", "paused")]
    assert ("presence", {"what": "typing"}) in told


async def test_only_what_was_shown_to_them_can_be_read_by_them(site: Site) -> None:
    site.answered(said(17))
    site.answered(said(18), visitor=BEN)
    async with site.page(), site.page(BEN):
        for upto in ("18", "99", "x", ""):
            await site.signal("read", upto=upto)
        assert site.ledger.events == []
        await site.signal("read", upto="17")
    [report] = site.ledger.events
    assert isinstance(report, DeliveryReport) and (report.target, report.state) == ("17", "read")


async def test_who_closes_the_page_has_left_and_who_opens_it_again_is_back(site: Site) -> None:
    site.answered(said())
    async with site.page():
        for _ in range(5):
            site.clock.at += 100
            await site.signal("here")
        await asyncio.sleep(0.02)
        assert site.ledger.events == [], "an open page is somebody there"
    site.clock.at += 29
    await asyncio.sleep(0.02)
    assert site.ledger.events == [], "a reload takes a moment"
    site.clock.at += 2
    await site.ledger.wait_for(1)
    site.answered(said(), left=True)
    async with site.page():
        await site.ledger.wait_for(2)
    assert [event.what for event in site.ledger.events if isinstance(event, Visit)] == ["left", "came"]


async def test_without_a_script_a_look_at_the_page_keeps_one_there(site: Site) -> None:
    fields = {"me": site.token(), "client": str(uuid.uuid4()), "text": "Raz", "consent": "yes"}
    await form_post(site.chat, PATH, fields)
    site.answered(said())
    for _ in range(3):
        site.clock.at += 170
        await asyncio.sleep(0.01)
        await get(site.chat, f"{PATH}?me={site.token()}")
    assert len(site.ledger.events) == 1
    site.clock.at += 181
    await site.ledger.wait_for(2)


async def test_a_page_that_fell_silent_is_gone_though_its_connection_looks_open(site: Site) -> None:
    site.answered(said())
    stream = await open_stream(site.chat, f"{PATH}/stream", {HEADER: site.token()})
    reading = asyncio.ensure_future(_all(stream))
    await asyncio.sleep(0.02)
    site.clock.at += 149
    await asyncio.sleep(0.02)
    assert not reading.done()
    site.clock.at += 2
    async with asyncio.timeout(2):
        await reading
    site.clock.at += 31
    [left] = await site.ledger.wait_for(1)
    assert isinstance(left, Visit) and left.what == "left"


async def _all(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [chunk async for chunk in stream]


async def test_who_was_there_before_a_restart_is_waited_for() -> None:
    site = Site(Settings())
    site.house.there = (ANNA,)
    task = asyncio.create_task(whole(site.chat, site.ledger))
    await asyncio.sleep(0.02)
    assert site.ledger.events == []
    site.clock.at += 61
    await site.ledger.wait_for(1)
    assert [
        (event.what, event.sender.address) for event in site.ledger.events if isinstance(event, Visit)
    ] == [("left", ANNA)]
    task.cancel()
    await asyncio.wait({task})


async def test_that_somebody_left_is_told_until_it_is_taken(site: Site) -> None:
    site.answered(said())
    async with site.page():
        pass
    site.ledger.refuse()
    site.clock.at += 31
    await asyncio.sleep(0.02)
    assert site.ledger.refusals and not site.ledger.events
    site.ledger.take()
    await site.ledger.wait_for(1)


async def test_who_comes_back_while_the_hub_is_told_that_they_left_is_still_heard_and_told(
    site: Site,
) -> None:
    site.answered(said())
    async with site.page():
        pass
    site.ledger.open.clear()
    site.clock.at += 31
    async with asyncio.timeout(2):
        await site.ledger.begun.wait()
    async with site.page() as told:
        site.answered(said(), left=True)
        site.ledger.open.set()
        await site.ledger.wait_for(2)
        site.answered(said(), said(18, "Jeszcze jedno"))
        site.house.changed(ANNA)
        await until(lambda: "Jeszcze jedno" in str(told))
    assert [event.what for event in site.ledger.events if isinstance(event, Visit)] == ["left", "came"]


async def test_a_slow_page_is_cut_off(site: Site) -> None:
    site.answered(said())
    stream = await open_stream(site.chat, f"{PATH}/stream", {HEADER: site.token()})
    await anext(aiter(stream))
    presence = Presence(inbox=InboxId("test-inbox"), to=Party(kind=KIND, address=ANNA), what="typing")
    for _ in range(500):
        await site.chat.show(presence)
    async with asyncio.timeout(2):
        chunks = [chunk async for chunk in stream]
    assert len(b"".join(chunks)) < 20_000


# --- the end, the transcript ---------------------------------------------------------------------------------------


async def test_the_end_and_the_transcript_are_asked_for(site: Site) -> None:
    site.answered(
        said(1, "Halo", mine=True), said(17, "Proszę", files=(ChatFile(id=1, filename="a.pdf", size=1),))
    )
    ended = await form_post(site.chat, PATH, {"me": site.token(), "client": str(uuid.uuid4()), "do": "end"})
    assert ended.status == 303 and "news=ended" in ended.headers["Location"]
    wish = {"me": site.token(), "client": str(uuid.uuid4()), "do": "transcript", "email": "zofia@example.org"}
    for _ in range(2):
        assert (await form_post(site.chat, PATH, wish, headers=JSON)).status == 200
    end, transcript = site.ledger.events
    assert isinstance(end, Visit) and end.what == "ended"
    assert isinstance(transcript, Visit) and transcript.email == "zofia@example.org"
    assert transcript.text == "16.11.2026\n09:00 Ty: Halo\n09:00 Konsultant: Proszę [a.pdf]"
    wrong = {**wish, "email": "nie adres"}
    assert (await form_post(site.chat, PATH, wrong, headers=JSON)).status == 422
    page = body(await form_post(site.chat, PATH, wrong))
    assert '<a href="#transcript">' in page and '<details class="more" open>' in page
    assert 'id="transcript"' in page and 'value="nie adres"' in page


async def test_a_deed_without_a_chat_is_refused(site: Site) -> None:
    answer = await form_post(site.chat, PATH, {"me": site.token(), "do": "end"}, headers=JSON)
    assert answer.status == 404
    assert site.ledger.events == []


# --- whom it believes -----------------------------------------------------------------------------------------------


async def test_nobody_gets_in_with_another_ones_or_a_forged_token(site: Site) -> None:
    site.answered(said(17, "Tajne"))
    forged = (BEN, site.token()[:-1] + "0", site.env.tokens.sign("visitor", ANNA), site.token(BEN), "")
    for token in forged:
        assert "Tajne" not in body(await get(site.chat, f"{PATH}?me={token}"))
        stream = await _plain_get(site, f"{PATH}/stream", {HEADER: token})
        assert stream.status == 404
    assert "Tajne" in body(await get(site.chat, f"{PATH}?me={site.token()}"))


async def _plain_get(site: Site, path: str, headers: dict[str, str]) -> Response:
    [route] = [route for route in site.chat.routes() if route.path == path and route.method == "GET"]
    request = Request(
        method="GET",
        path=path,
        params={},
        query={},
        headers=headers,
        cookies={},
        body=b"",
        remote="192.0.2.1",
        language="pl",
    )
    return await route.handler(request)


async def test_the_cookie_wins_over_an_unused_token_and_not_over_a_used_one(site: Site) -> None:
    route = next(route for route in site.chat.routes() if route.path == PATH and route.method == "POST")

    async def post(**fields: str) -> str:
        request = Request(
            method="POST",
            path=PATH,
            params={},
            query={},
            headers=JSON,
            cookies={COOKIE: site.token(ANNA)},
            body=b"x",
            remote="192.0.2.1",
            language="pl",
            fields={
                "me": site.token(BEN),
                "client": str(uuid.uuid4()),
                "text": "x",
                "consent": "yes",
                **fields,
            },
        )
        await route.handler(request)
        event = site.ledger.events[-1]
        assert isinstance(event, Message)
        return event.sender.address

    assert await post(fresh="yes") == ANNA
    assert await post() == BEN


async def test_files_are_judged_by_what_they_are(site: Site) -> None:
    site.answered(said())
    fields = {"me": site.token(), "client": str(uuid.uuid4()), "text": "Załączam"}

    async def post(name: str, content: bytes, claimed: str = "application/pdf") -> int:
        file = UploadedFile(field="file", filename=name, content_type=claimed, content=content)
        return (await form_post(site.chat, PATH, fields, (file,), headers=JSON)).status

    assert await post("zly.pdf", b"<script>alert(1)</script>\x00") == 422
    assert await post("wielki.pdf", b"%PDF-" + b"x" * 5_000_001) == 422
    assert await post("../../etc/passwd\r\nX: y.pdf", b"%PDF-1.7") == 200
    [message] = site.ledger.events
    assert isinstance(message, Message)
    assert message.attachments[0].filename == "passwdX: y.pdf"


async def test_a_file_goes_to_whoever_holds_its_ticket_as_a_download(site: Site) -> None:
    name = 'pismo"\r\nX-Zle: 1.html'
    site.answered(said(files=(ChatFile(id=5, filename=name, size=3),)))
    site.house.files[ANNA, 5] = OutAttachment(filename=name, content_type="text/html", content=b"<b>")
    page = body(await get(site.chat, f"{PATH}?me={site.token()}"))
    [ticket] = re.findall(rf"{PATH}/files/(\w+)", page)
    answer = await get(site.chat, f"{PATH}/files/{ticket}")
    assert (answer.status, answer.content_type) == (200, "application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''pismo%22%0D%0A")
    other = site.env.tokens.sign("chatfile", f"{BEN}z5")
    for wrong in (ticket[:-1] + "0", other, site.token(), "x"):
        assert (await get(site.chat, f"{PATH}/files/{wrong}")).status == 404


async def test_nothing_that_was_written_becomes_markup(site: Site) -> None:
    files = (ChatFile(id=1, filename=XSS, size=1),)
    site.answered(said(1, XSS, mine=True, files=files), said(2, XSS, author=XSS, files=files), agent=XSS)
    for agents in ("role", "first-name", "full-name"):
        other = LiveChats(Settings(agents=agents), site.env)
        page = body(await get(other, f"{PATH}?me={site.token()}"))
        assert "<img" not in page and "&lt;img" in page
    async with site.page() as told:
        await asyncio.sleep(0.02)
    assert "<img" not in json.dumps(told) and "&lt;img" in json.dumps(told)
    typed = await form_post(site.chat, PATH, {"me": site.token(BEN), "text": XSS, "name": XSS, "email": XSS})
    assert "<img" not in body(typed)


@pytest.mark.parametrize(
    ("agents", "shown"), [("role", "Konsultant"), ("first-name", "Anna"), ("full-name", "Anna Sekretna")]
)
def test_agents_are_called_as_the_site_wants(agents: str, shown: str) -> None:
    words = Shown(translate=translate, language="pl", zone="Europe/Warsaw", agents=agents)  # type: ignore[arg-type]
    assert words.author(said()) == shown
    assert words.author(said(author="")) == "Urząd"


# --- centrala parse --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"text=Halo&client=x", "me: "),
        (b"me=zlyxtoken&text=Halo", "me: "),
        (b"me={me}&text=", "text: "),
        (b"me={me}&do=transcript&email=x", "email: "),
    ],
)
def test_what_would_be_refused_is_told(raw: bytes, why: str) -> None:
    context = fixtures.context()
    assert context.tokens is not None
    token = context.tokens.sign(KIND, ANNA).encode()
    with pytest.raises(ValueError, match=why):
        parse(raw.replace(b"{me}", token), context)


async def test_open_pages_outlive_a_storage_that_was_away(site: Site) -> None:
    site.answered(said(text="przed"))
    async with site.page() as told:
        await until(lambda: len(told) == 1)
        site.house.away = True
        site.answered(said(text="przed"), said(18, "w czasie awarii"))
        site.house.changed(ANNA)
        await asyncio.sleep(0.05)
        assert len(told) == 1
        site.house.away = False
        await until(lambda: len(told) == 2)
        site.answered(said(text="przed"), said(18, "w czasie awarii"), said(19, "po niej"))
        site.house.changed(ANNA)
        await until(lambda: len(told) == 3)
    assert "w czasie awarii" in str(told[1]) and "po niej" in str(told[2])


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
