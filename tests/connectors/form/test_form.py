"""The contact form: mistakes told beside each field, files judged by content, the number on the thank-you page."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import html
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, FormData
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import _files as files
from connectors._fields import MISSING, Field, Option
from connectors._forms import TRAPPED, Words
from connectors._phone import TOO_SHORT
from connectors._widget import HONEYPOT
from connectors.contract import Env, Message, ParseContext, UploadedFile
from connectors.form import CHANNEL, reading
from connectors.form.settings import Settings
from connectors.webhook.settings import Settings as OtherSettings
from hub.i18n import translate
from tests.connectors.requests import form_post, get
from tests.connectors.webapp import served
from tests.contract.fixtures import context
from tests.contract.world import Blobs, Ledger, Log, make_env

BASE = "/embed/form/test-inbox"
GOOD = {
    "client": "7d9f6a3e-54a1-4a5e-9a59-1f0a8a7f0c11",
    "name": "Jan Kowalski",
    "email": "Jan@Example.pl",
    "phone": "600 700 800",
    "subject": "Zasiłek",
    "message": "Dzień dobry,\r\nkiedy dostanę zasiłek?",
    "consent": "yes",
}
PDF = UploadedFile(
    field="files", filename="wniosek.pdf", content_type="application/pdf", content=b"%PDF-1.7 x"
)


class Running:
    """A form at work with its ledger."""

    def __init__(self, config: Settings, env: Env) -> None:
        self.connector = CHANNEL.create(config, env)
        self.ledger = Ledger()

    async def send(self, fields: dict[str, str], *uploads: UploadedFile, language: str = "pl") -> Any:
        return await form_post(self.connector, BASE, fields, uploads, language=language)

    @property
    def message(self) -> Message:
        [event] = self.ledger.events
        assert isinstance(event, Message)
        return event


@contextlib.asynccontextmanager
async def running(config: Settings | None = None, **env: Any) -> AsyncIterator[Running]:
    form = Running(config or Settings(), make_env(**env))
    task = asyncio.create_task(form.connector.run(form.ledger))
    await asyncio.sleep(0)
    yield form
    task.cancel()
    await asyncio.wait({task})


def text_of(answer: Any) -> str:
    return html.unescape(answer.body.decode())


async def test_a_form_becomes_a_message() -> None:
    async with running() as form:
        answer = await form.send(GOOD)
        assert answer.status == 303
        message = form.message
    assert (message.sender.kind, message.sender.address) == ("email", "jan@example.pl")
    assert [(party.kind, party.address) for party in message.also] == [("phone", "+48600700800")]
    assert (message.subject, message.text) == ("Zasiłek", "Dzień dobry,\nkiedy dostanę zasiłek?")
    assert {field.name: field.value for field in message.fields}["consent"] == "yes"
    assert form.ledger.raws[0].content is not None


async def test_the_thank_you_page_shows_the_number_and_can_be_reloaded() -> None:
    async with running() as form:
        answer = await form.send(GOOD)
        address = answer.headers["Location"]
        assert address.startswith(f"{BASE}/thanks?")
        for _ in range(2):
            page = await get(form.connector, address)
            assert page.status == 200
            assert "3F7-K2M-9QX" in text_of(page)
        assert len(form.ledger.events) == 1
        forged = await get(form.connector, address.replace("number=3f7", "number=3f8"))
        assert forged.status == 404
        assert "3F8" not in text_of(forged) and "otrzymaliśmy" not in text_of(forged)


async def test_on_the_way_back_the_browser_still_has_what_was_typed() -> None:
    async with running() as form:
        shown = await get(form.connector, BASE)
        wrong = await form.send({**GOOD, "subject": ""})
    assert shown.headers["Cache-Control"] == "private, no-cache"
    assert wrong.headers["Cache-Control"] == "no-store", "it holds what somebody typed"


async def test_a_double_click_is_one_message_and_other_words_are_another() -> None:
    async with running() as form:
        first, second = await form.send(GOOD), await form.send(GOOD)
        assert first.status == second.status == 303
        assert len(form.ledger.events) == 1
        await form.send({**GOOD, "message": "Jeszcze jedno pytanie"})
        await form.send({**GOOD, "client": str(uuid.uuid4())})
        assert len(form.ledger.events) == 3


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"email": ""}, "email", translate("pl", MISSING)),
        ({"email": "jan(at)example.pl"}, "email", "example.pl"),
        ({"subject": "  "}, "subject", translate("pl", MISSING)),
        ({"message": ""}, "message", translate("pl", MISSING)),
        ({"message": "a" * 5001}, "message", "5001"),
        ({"phone": "12"}, "phone", translate("pl", TOO_SHORT)),
        ({"phone": "zadzwońcie"}, "phone", "600 700 800"),
        ({"consent": ""}, "consent", translate("pl", reading.NO_CONSENT)),
        ({"name": "x" * 201}, "name", "201"),
    ],
)
async def test_a_mistake_is_told_beside_its_field_and_nothing_typed_is_lost(
    change: dict[str, str], field: str, words: str
) -> None:
    async with running() as form:
        answer = await form.send({**GOOD, **change})
        assert not form.ledger.events
    page = text_of(answer)
    assert answer.status == 422
    assert re.search(rf'<p class="error" id="{field}-error">[^<]*{re.escape(words)}', page)
    assert f'<a href="#{field}">' in page
    assert re.search(rf'id="{field}"[^>]*aria-describedby="[^"]*{field}-error"[^>]*aria-invalid="true"', page)
    for name, kept in (("name", "Jan Kowalski"), ("subject", "Zasiłek"), ("phone", "+48600700800")):
        if name != field:
            assert f'value="{kept}"' in page
    if field != "message":
        assert "kiedy dostanę zasiłek?</textarea>" in page


async def test_everything_that_is_wrong_is_told_at_once() -> None:
    async with running() as form:
        page = text_of(await form.send({}))
    assert all(f'id="{name}-error"' in page for name in ("email", "subject", "message", "consent"))


async def test_english_and_polish() -> None:
    config = Settings(title=Words(pl="Kontakt", en="Contact"), consent=Words(pl="Zgoda", en="I agree"))
    async with running(config) as form:
        polish = text_of(await get(form.connector, BASE))
        english = text_of(await get(form.connector, f"{BASE}?lang=en"))
        other = text_of(await get(form.connector, f"{BASE}?lang=uk"))
        wrong = text_of(await form.send({**GOOD, "email": ""}, language="en"))
    assert '<html lang="pl">' in polish
    assert "Kontakt" in polish and "Zgoda" in polish and f">{translate('pl', 'Send')}<" in polish
    assert '<html lang="en">' in english
    assert "Contact" in english and "I agree" in english and ">Send<" in english
    assert '<html lang="pl">' in other
    assert "Fill in this field." in wrong


async def test_what_fills_in_the_hidden_field_is_kept_and_marked() -> None:
    """What fills in forms for people may do it, too: nobody's message vanishes behind a thank-you."""
    async with running() as form:
        answer = await form.send({**GOOD, HONEYPOT: "http://spam.example"})
        assert answer.status == 303
        assert form.message.suspicious == TRAPPED
        assert form.message.text == GOOD["message"].replace("\r\n", "\n")


async def test_the_hidden_field_is_called_what_nothing_fills_in_by_itself() -> None:
    async with running() as form:
        page = text_of(await get(form.connector, BASE))
    [line] = [line for line in page.splitlines() if f'name="{HONEYPOT}"' in line]
    assert 'aria-hidden="true"' in line and 'tabindex="-1"' in line and 'autocomplete="off"' in line
    assert "Proszę zostawić to pole puste" in line
    known = r"name|mail|phone|tel|addr|street|city|zip|post|country|company|organi|home|web|site|url|title|user|pass"
    assert not re.search(known, HONEYPOT)


async def test_a_full_hub_gives_the_form_back_with_every_word() -> None:
    async with running() as form:
        form.ledger.refuse(retry_after=7)
        answer = await form.send(GOOD, PDF)
    page = text_of(answer)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert "kiedy dostanę zasiłek?</textarea>" in page
    assert 'value="jan@example.pl"' in page
    assert 'role="alert"' in page


async def test_before_the_inbox_runs_nothing_is_taken() -> None:
    connector = CHANNEL.create(Settings(), make_env())
    assert (await form_post(connector, BASE, GOOD)).status == 503


# --- files --------------------------------------------------------------------------------------------------------


def upload(name: str, content: bytes, kind: str = "application/octet-stream") -> UploadedFile:
    return UploadedFile(field="files", filename=name, content_type=kind, content=content)


async def test_small_files_travel_inside_large_ones_become_blobs() -> None:
    blobs = Blobs()
    large = upload("skan.png", b"\x89PNG\r\n\x1a\n" + b"x" * 70_000)
    async with running(blobs=blobs) as form:
        assert (await form.send(GOOD, PDF, large, upload("", b""))).status == 303
        small, big = form.message.attachments
    assert (small.filename, small.content_type, small.size, small.content) == (
        "wniosek.pdf",
        "application/pdf",
        10,
        b"%PDF-1.7 x",
    )
    assert big.content is None
    assert big.blob is not None and blobs.kept[big.blob] == large.content
    assert form.ledger.raws[0].blob is not None


@pytest.mark.parametrize(
    ("size", "words"), [(9_000, "20 kB"), (1_000, "Liczba załączników: najwyżej 3")], ids=["bytes", "number"]
)
async def test_the_fields_of_a_form_share_the_room_for_files(size: int, words: str) -> None:
    names = ("cv", "list")
    fields = tuple(Field(name=name, type="file", label=Words(pl=name)) for name in names)
    config = Settings(max_files=3, max_file_bytes=10_000, max_bytes=20_000, fields=fields)
    uploads = [
        UploadedFile(
            field=name, filename=f"{n}.pdf", content_type="application/pdf", content=b"%PDF-" + b"x" * size
        )
        for name in names
        for n in range(2)
    ]
    async with running(config) as form:
        answer = await form.send(GOOD, *uploads)
        assert not form.ledger.events
        assert (await form.send(GOOD, *uploads[1:3])).status == 303
    assert answer.status == 422
    assert re.findall(r'id="(\w+)-error">', text_of(answer)) == ["list"] and words in text_of(answer)


@pytest.mark.parametrize(
    ("uploads", "words"),
    [
        ([upload("pusty.pdf", b"")], "pusty.pdf"),
        ([upload("virus.exe", b"MZ\x90\x00")], "virus.exe"),
        ([upload("strona.html", b"<html><script>alert(1)</script>")], "strona.html"),
        ([upload("obraz.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")], "obraz.svg"),
        ([upload("udaje.pdf", b"MZ\x90\x00", "application/pdf")], "udaje.pdf"),
        ([upload("paczka.zip", b"PK\x03\x04zip")], "paczka.zip"),
        ([upload("duzy.pdf", b"%PDF-" + b"x" * 20_000)], "duzy.pdf"),
        ([upload(f"{n}.pdf", b"%PDF-1") for n in range(4)], "3"),
        ([upload(f"{n}.pdf", b"%PDF-" + b"x" * 9_000) for n in range(3)], "20 kB"),
    ],
)
async def test_files_that_may_not_come_in(uploads: list[UploadedFile], words: str) -> None:
    config = Settings(max_files=3, max_file_bytes=10_000, max_bytes=20_000)
    async with running(config) as form:
        answer = await form.send(GOOD, *uploads)
        assert not form.ledger.events
    page = text_of(answer)
    assert answer.status == 422
    [error] = re.findall(r'id="files-error">([^<]*)<', page)
    assert words in error


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.docx", b"PK\x03\x04", files._ZIPPED["docx"]),
        ("A.ODT", b"PK\x03\x04", "application/vnd.oasis.opendocument.text"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.pdf", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.heic", b"\0\0\0\x18ftypheic", "image/heic"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("a.gif", b"GIF89a", "image/gif"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
        ("a.txt", "zażółć".encode(), "text/plain"),
        ("a.txt", "zażółć".encode("cp1250"), "text/plain"),
        ("a.txt", "zażółć".encode("utf-16"), "text/plain"),
        ("a.txt", b"\x00\x01\x02", "application/octet-stream"),
        ("a.html", b"<p>", "application/octet-stream"),
        ("noextension", b"abc", "application/octet-stream"),
    ],
)
def test_what_a_file_is(name: str, content: bytes, expected: str) -> None:
    assert files.content_type(name, content) == expected


@given(st.text(max_size=300))
def test_a_file_name_is_never_a_path(name: str) -> None:
    clean = files.clean_name(name)
    assert 0 < len(clean) <= 150
    assert not set(clean) & set("/\\\0\r\n\u202e")
    assert clean not in (".", "..")


# --- fields from the configuration --------------------------------------------------------------------------------

OWN = Settings(
    fields=(
        Field(name="phone", type="phone", label=Words(pl="Telefon"), required=True),
        Field(
            name="sprawa",
            type="select",
            label=Words(pl="Sprawa", en="Matter"),
            required=True,
            options=(
                Option(value="staz", label=Words(pl="Staż", en="Traineeship")),
                Option(value="dotacja", label=Words(pl="Dotacja")),
            ),
        ),
        Field(name="pilne", type="checkbox", label=Words(pl="Pilne"), hint=Words(pl="Jutro mija termin")),
        Field(name="opis", type="textarea", label=Words(pl="Opis"), max_length=20),
    )
)


async def test_configured_fields_of_every_type() -> None:
    async with running(OWN) as form:
        page = text_of(await get(form.connector, BASE))
        assert '<option value="dotacja">Dotacja</option>' in page
        assert 'maxlength="20"' in page
        assert "enctype" not in page
        sent = {"phone": "22 123 45 67", "sprawa": "staz", "pilne": "yes", "opis": "Kiedy?", "consent": "yes"}
        assert (await form.send(sent)).status == 303
        message = form.message
    assert (message.sender.kind, message.sender.address) == ("phone", "+48221234567")
    assert message.text == "Telefon: +48221234567\nSprawa: staz\nPilne: yes\nOpis: Kiedy?"
    assert message.subject == "Napisz do nas"


async def test_a_choice_that_is_not_offered_is_refused() -> None:
    async with running(OWN) as form:
        answer = await form.send({"phone": "600700800", "sprawa": "' or 1=1", "consent": "yes"})
    assert answer.status == 422
    assert 'id="sprawa-error"' in text_of(answer)


async def test_somebody_without_an_address_is_kept_apart() -> None:
    only = Settings(fields=(Field(name="message", type="textarea", label=Words(pl="Treść"), required=True),))
    async with running(only) as form:
        await form.send({"client": GOOD["client"], "message": "Anonimowo", "consent": "yes"})
        assert (form.message.sender.kind, form.message.sender.address) == ("web", GOOD["client"])
        for text in ("Bez numeru formularza", "Ktoś inny"):
            await form.send({"message": text, "consent": "yes"})
        senders = {event.sender.address for event in form.ledger.events if isinstance(event, Message)}
        assert len(senders) == 3 and "" not in senders


@pytest.mark.parametrize(
    "fields",
    [
        [{"name": "a", "label": {"pl": "A"}}, {"name": "a", "label": {"pl": "B"}}],
        [{"name": "a", "label": {"pl": "A"}, "options": [{"value": "x", "label": {"pl": "X"}}]}],
        [{"name": "a", "label": {"pl": "A"}, "type": "select"}],
        [{"name": "consent", "label": {"pl": "A"}}],
        [{"name": HONEYPOT, "label": {"pl": "A"}}],
        [{"name": "A b", "label": {"pl": "A"}}],
        [{"name": "a", "label": {"pl": "A"}, "typ": "text"}],
        [],
    ],
)
def test_a_wrong_configuration_is_refused(fields: list[dict[str, Any]]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"fields": fields}, Settings)


def test_unknown_settings_are_refused() -> None:
    for kind in (Settings, OtherSettings):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"secret": "x" * 20, "colour": "red"}, kind, dec_hook=lambda _, value: value)


NASTY = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7919*7907}}${7919*7907}'


async def test_what_is_typed_is_never_markup() -> None:
    async with running() as form:
        answer = await form.send(dict.fromkeys(GOOD, NASTY))
    page = answer.body.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert str(7919 * 7907) not in page


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([*GOOD, "files", "x"]), st.text(max_size=60)))
def test_any_form_is_a_message_or_has_problems(fields: dict[str, str]) -> None:
    filled = reading.read(fields, (), Settings())
    if not filled.problems:
        assert filled.values["email"] and filled.values["message"]


@settings(max_examples=100)
@given(st.binary(max_size=300), st.booleans())
def test_parse_takes_any_bytes(raw: bytes, multipart: bool) -> None:
    here: ParseContext = context()
    with contextlib.suppress(ValueError):
        CHANNEL.parse(b"--b\r\n" + raw if multipart else raw, here)


# --- over HTTP ----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def over_http(config: Settings) -> AsyncIterator[tuple[ClientSession, Running]]:
    async with running(config) as form:
        async with served(form.connector.routes(), Log()) as client:
            yield client, form


async def test_a_browser_without_javascript_sends_text_and_files() -> None:
    async with over_http(Settings()) as (client, form):
        async with client.get(BASE) as answer:
            page = await answer.text()
            assert answer.status == 200
            assert "frame-ancestors" in answer.headers["Content-Security-Policy"]
        data = FormData(quote_fields=False)
        token = re.search(r'name="client" value="([^"]+)"', page)
        assert token
        for name, value in {**GOOD, "client": token[1]}.items():
            data.add_field(name, value)
        data.add_field("files", b"%PDF-1.7", filename="zaświadczenie.pdf", content_type="application/pdf")
        async with client.post(BASE, data=data, allow_redirects=False) as answer:
            assert answer.status == 303
            address = answer.headers["Location"]
        async with client.get(address) as answer:
            assert "3F7-K2M-9QX" in await answer.text()
        assert form.message.attachments[0].filename == "zaświadczenie.pdf"
        assert form.message.external_id


async def test_the_script_of_a_page_is_small() -> None:
    async with over_http(Settings()) as (client, _):
        async with client.get(BASE) as answer:
            page = await answer.text()
        size = 0
        for address in re.findall(r'<script[^>]* src="([^"]+)"', page):
            async with client.get(address) as answer:
                assert answer.status == 200
                size += len(gzip.compress(await answer.read()))
    assert 0 < size <= 15_000


async def test_too_much_is_refused_before_it_is_read() -> None:
    async with over_http(Settings(max_bytes=1000, max_file_bytes=1000)) as (client, form):
        async with client.post(BASE, data={**GOOD, "message": "x" * 600_000}) as answer:
            assert answer.status == 413
        assert not form.ledger.events


async def test_only_named_sites_may_frame_and_post() -> None:
    config = Settings(origins=("https://praca.example.pl",))
    async with over_http(config) as (client, form):
        async with client.get(BASE) as answer:
            assert "https://praca.example.pl" in answer.headers["Content-Security-Policy"]
        other = {"Origin": "https://evil.example"}
        async with client.post(BASE, data=GOOD, headers=other, allow_redirects=False) as answer:
            assert answer.status == 403
        named = {"Origin": "https://praca.example.pl"}
        async with client.post(BASE, data=GOOD, headers=named, allow_redirects=False) as answer:
            assert answer.status == 303
        assert len(form.ledger.events) == 1


async def test_a_flood_from_one_address_is_slowed_down() -> None:
    async with over_http(Settings(per_address="3/minute")) as (client, _):
        statuses = []
        for _ in range(5):
            async with client.post(BASE, data=GOOD, allow_redirects=False) as answer:
                statuses.append(answer.status)
                wait = answer.headers.get("Retry-After", "0")
        assert statuses == [303, 303, 303, 429, 429]
        assert int(wait) > 0
