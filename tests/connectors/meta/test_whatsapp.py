"""WhatsApp beside its peer: window, templates and their languages, buttons, files with their hash, marks."""

from __future__ import annotations

import base64
import hashlib

import pytest

from connectors.contract import Choice, InboxId, OutAttachment, Outbound, Party, Presence, SendError
from connectors.meta.family import parse
from connectors.meta.inbox import GONE
from connectors.meta.whatsapp import CHANNEL
from connectors.meta.whatsapp_writing import TemplateSettings, choices_message, find_template, template_of
from tests.connectors.meta.beside import CALLER, HOUR, Beside, beside
from tests.contract import fixtures
from tests.contract.cases.whatsapp import PDF, TEMPLATES, outbound
from tests.contract.meta import NUMBER
from tests.contract.world import FixedClock

AT = FixedClock().at
PNG = OutAttachment(filename="mapa.png", content_type="image/png", content=b"PNG")
OGG = OutAttachment(filename="a.ogg", content_type="audio/ogg; codecs=opus", content=b"OGG")


async def refused(place: Beside, message: Outbound) -> SendError:
    """The error of a sending."""
    with pytest.raises(SendError) as raised:
        await place.connector.send(message)
    return raised.value


def kinds(place: Beside) -> list[str]:
    """What reached the telephone, in order."""
    return [got.body["type"] for got in place.whatsapp.received]


async def test_free_text_leaves_within_a_day_only() -> None:
    async with beside(CHANNEL, NUMBER, templates=TEMPLATES) as place:
        place.whatsapp.wrote_at[CALLER] = place.clock.at
        await place.connector.send(outbound())
        place.clock.pass_hours(24.01)
        error = await refused(place, outbound())
        assert error.kind == "permanent"
        assert "only a template" in error.public
        assert (await refused(place, outbound(inbound_at=None))).kind == "permanent"
        assert kinds(place) == ["text"]


async def test_a_template_leaves_at_any_time_in_a_language_that_exists() -> None:
    async with beside(CHANNEL, NUMBER, templates=TEMPLATES) as place:
        place.whatsapp.templates = {("wizyta", "pl_PL"): 2}
        message = outbound(
            template="wizyta pl", parameters=("Zofia", "jutro"), inbound_at=AT - 90 * 24 * HOUR
        )
        sent = await place.connector.send(message)
        [got] = place.whatsapp.received
        assert got.id == sent.remote_id
        assert got.body["template"]["language"] == {"code": "pl_PL"}
        place.whatsapp.templates = {}
        error = await refused(place, message)
        assert (error.kind, "no approved template" in error.public) == ("permanent", True)


@pytest.mark.parametrize(
    "more",
    [
        {"template": "wizyta pl", "parameters": ("jeden",)},
        {"template": "nie-ma pl", "parameters": ()},
        {"template": "wizyta de", "parameters": ("a", "b")},
        {"template": "pismo pl", "parameters": ("a",)},
        {"template": "pismo pl", "parameters": ("a",), "attachments": (OGG, OGG)[:0]},
    ],
)
async def test_a_template_that_does_not_fit_is_refused_here(more: dict[str, object]) -> None:
    async with beside(CHANNEL, NUMBER, templates=TEMPLATES) as place:
        assert (await refused(place, outbound(**more))).kind == "permanent"
        assert not place.whatsapp.received


def test_a_template_is_found_by_name_and_language() -> None:
    several = [
        TemplateSettings(name="wizyta", language=language, text="{1} {2}")
        for language in ("pl", "en_US", "uk")
    ]
    assert find_template(several, "wizyta uk", "pl").language == "uk"
    assert find_template(several, "wizyta", "en").language == "en_US"
    assert find_template(several, "wizyta", "ru").language == "pl"
    assert template_of(several[0]).parameters == 2
    with pytest.raises(SendError):
        find_template(several, "wizyta ru", "ru")


async def test_one_picture_carries_the_text_and_several_follow_it() -> None:
    async with beside(CHANNEL, NUMBER) as place:
        place.whatsapp.wrote_at[CALLER] = place.clock.at
        await place.connector.send(outbound(attachments=(PNG,)))
        assert kinds(place) == ["image"]
        assert place.whatsapp.received[0].body["image"]["caption"] == "Dzień dobry,\nodpowiadamy."
        sent = await place.connector.send(outbound(delivery=42, attachments=(PDF, OGG)))
        assert kinds(place)[1:] == ["text", "document", "audio"]
        assert sent.remote_id == place.whatsapp.received[1].id, "reports about the words are what counts"
        assert len(sent.adds_keys) == 3
        await place.connector.send(outbound(delivery=43, attachments=(PNG,), text="x" * 1025))
        assert kinds(place)[4:] == ["text", "image"], "too long for a caption"
        await place.connector.send(outbound(delivery=44, attachments=(OGG,)))
        assert kinds(place)[6:] == ["text", "audio"], "a recording has no caption"


async def test_files_that_whatsapp_does_not_take() -> None:
    async with beside(CHANNEL, NUMBER) as place:
        place.whatsapp.wrote_at[CALLER] = place.clock.at
        archive = OutAttachment(filename="a.zip", content_type="application/zip", content=b"PK")
        assert (await refused(place, outbound(attachments=(archive,)))).kind == "permanent"
        large = OutAttachment(filename="a.jpg", content_type="image/jpeg", content=b"x" * 5_000_001)
        assert (await refused(place, outbound(attachments=(PDF, large)))).kind == "permanent"
        assert not place.meta.ledger


@pytest.mark.parametrize(
    ("count", "label", "text", "kind"),
    [
        (3, "Tak", "Czy?", "button"),
        (4, "Tak", "Czy?", "list"),
        (2, "Dwadzieścia dwa znaki", "Czy?", "list"),
        (2, "Tak", "x" * 1025, "list"),
    ],
)
def test_buttons_or_a_list(count: int, label: str, text: str, kind: str) -> None:
    choices = [Choice(id=str(n), label=label) for n in range(count)]
    assert choices_message(text, choices, "Choose")["interactive"]["type"] == kind


async def test_choices_are_what_the_peer_takes() -> None:
    async with beside(CHANNEL, NUMBER) as place:
        place.whatsapp.wrote_at[CALLER] = place.clock.at
        for number, count in enumerate((1, 3, 4, 10)):
            choices = tuple(Choice(id=f"c{n}", label=f"Termin {n}") for n in range(count))
            await place.connector.send(outbound(delivery=number, choices=choices, text="Kiedy?"))
        assert kinds(place) == ["interactive"] * 4
        long = (Choice(id="x", label="Tego nikt nie przeczyta w całości"),)
        assert (await refused(place, outbound(choices=long))).kind == "permanent"


async def test_a_file_comes_with_the_hash_that_was_told() -> None:
    async with beside(CHANNEL, NUMBER, media_bytes=1000) as place:
        media = place.whatsapp.keep("image/jpeg", b"JPEG")
        digest = hashlib.sha256(b"JPEG").hexdigest()
        assert await place.connector.fetch(f"whatsapp-media:{media}/{digest}") == b"JPEG"
        assert await place.connector.fetch(f"whatsapp-media:{media}/") == b"JPEG"
        with pytest.raises(SendError) as raised:
            await place.connector.fetch(f"whatsapp-media:{media}/{'0' * 64}")
        assert raised.value.kind == "temporary"
        large = place.whatsapp.keep("image/jpeg", b"x" * 1001)
        for ref in (f"{large}/", "1234567/", "../me/", "a?b/"):
            with pytest.raises(SendError) as raised:
                await place.connector.fetch(f"whatsapp-media:{ref}")
            assert raised.value.kind == "permanent"


async def test_a_file_that_whatsapp_has_no_longer_says_nothing_about_the_account() -> None:
    async with beside(CHANNEL, NUMBER) as place:
        assert (await place.connector.check()).state == "ok"
        with pytest.raises(SendError) as raised:
            await place.connector.fetch("whatsapp-media:1234567/")
        assert (raised.value.kind, raised.value.public) == ("permanent", GONE)
        assert (await place.connector.check()).state == "ok"
        place.meta.fail("190")
        with pytest.raises(SendError) as raised:
            await place.connector.fetch("whatsapp-media:1234567/")
        assert raised.value.kind == "temporary"
        assert (await place.connector.check()).state == "wrong_credentials"


async def test_a_file_at_a_strange_address_gets_no_token() -> None:
    async with beside(CHANNEL, NUMBER) as place:
        media = place.whatsapp.keep("image/jpeg", b"JPEG")
        place.meta.keep_file = lambda *_, **__: "https://evil.example/a.jpg"  # type: ignore[method-assign]
        with pytest.raises(SendError) as raised:
            await place.connector.fetch(f"whatsapp-media:{media}/")
        assert raised.value.kind == "permanent"


async def test_reading_and_writing_are_shown_under_a_message() -> None:
    async with beside(CHANNEL, NUMBER) as place:
        to, inbox = Party(kind="phone", address=f"+{CALLER}"), InboxId("test-inbox")
        await place.connector.show(Presence(inbox=inbox, to=to, what="read", target="wamid.1"))
        await place.connector.show(Presence(inbox=inbox, to=to, what="typing", target="wamid.1"))
        await place.connector.show(Presence(inbox=inbox, to=to, what="paused", target="wamid.1"))
        await place.connector.show(Presence(inbox=inbox, to=to, what="typing"))
        assert [(mark["status"], "typing_indicator" in mark) for mark in place.whatsapp.marks] == [
            ("read", False),
            ("read", True),
        ]


async def test_what_is_about_the_whole_business_comes_to_the_inbox_that_names_it() -> None:
    async with beside(CHANNEL, NUMBER, business_account="131470230291794") as place:
        book = place.connector._callback._book
        assert set(book) == {("whatsapp", NUMBER), ("whatsapp", "131470230291794")}


def test_the_hash_is_read_in_both_spellings() -> None:
    digest = hashlib.sha256(b"x").digest()
    for spelled in (
        base64.b64encode(digest).decode(),
        base64.b64encode(digest).decode().rstrip("="),
        digest.hex(),
    ):
        body = (
            '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":'
            '{"metadata":{"phone_number_id":"2"},"messages":[{"from":"48600700800","id":"w","type":"image",'
            f'"image":{{"id":"7","sha256":"{spelled}"}}}}]}}}}]}}]}}'
        )
        [found] = parse(body.encode(), fixtures.context())
        assert found.attachments[0].sha256 == digest.hex()  # type: ignore[union-attr]


def test_a_status_or_a_name_that_cannot_be_read_costs_no_message() -> None:
    body = (
        '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":'
        '{"metadata":{"phone_number_id":"2"},"contacts":{"wa_id":[]},"statuses":[7,{"id":"wamid.OUT","status":"read"}],'
        '"messages":[{"from":"48600700800","id":"wamid.IN","type":"text","text":{"body":"Halo"}}]}}]}]}'
    )
    found = parse(body.encode(), fixtures.context())
    assert [type(item).__name__ for item in found] == ["Message", "Unknown", "DeliveryReport"]
