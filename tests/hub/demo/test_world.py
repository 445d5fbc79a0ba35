"""The world around the demo's hub: mails as people write them, their mail server, ports, the page of letters."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiosmtplib
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors.contract import Bounce, InboxId, Message, Micros, ParseContext
from hub.cli_config import CHANNELS, channel, read_config
from hub.clock import SystemClock
from hub.config import Private, Public
from hub.demo import mails, site
from hub.demo.letters import Letter, Letters
from hub.demo.mails import Mail
from hub.demo.mailserver import NOBODY, mail_server
from hub.demo.setting import demo_config, find_ports
from tests.hub.conftest import FakeClock
from tests.servers.process import free_port

Client = TestClient[web.Request, web.Application]

CONFIG = Path(__file__).parents[3] / "config" / "demo.toml"
NOW = Micros(1_795_000_000_000_000)
LETTER = Letter(
    at=NOW,
    way="email",
    to="ewa.lipa@poczta.example",
    subject="Odpowiedź",
    text="Dzień dobry,\n\nzasiłek przysługuje.",
    sender="Infolinia <kontakt@infolinia.example>",
    reply_to="kontakt+token@infolinia.example",
    message_id="<d1@infolinia.example>",
)


def parsed(content: bytes) -> Message | Bounce:
    [found] = channel("email").parse(content, ParseContext(inbox=InboxId("kontakt"), now=NOW))
    assert isinstance(found, Message | Bounce)
    return found


def test_an_answer_is_threaded_and_its_quotation_cut() -> None:
    mail = Mail(
        name="Ewa Lipa",
        address="ewa.lipa@poczta.example",
        to=LETTER.reply_to,
        subject="Re: Odpowiedź",
        text="Dziękuję, a od kiedy?",
        at=NOW,
        answers=LETTER,
        files=("wniosek.pdf", "zrzut-ekranu.png"),
    )
    found = parsed(mails.written(mail, random.Random(1)))
    assert isinstance(found, Message)
    assert found.text == "Dziękuję, a od kiedy?"
    assert "zasiłek przysługuje" in found.full_text
    assert "mid:d1@infolinia.example" in found.thread_keys
    assert [file.content_type for file in found.attachments] == ["application/pdf", "image/png"]
    assert found.sender.name == "Ewa Lipa"


def test_a_bounce_names_the_letter_and_who_did_not_get_it() -> None:
    found = parsed(mails.bounce(LETTER, "kontakt@infolinia.example", NOW, random.Random(1)))
    assert isinstance(found, Bounce)
    assert found.target == "d1@infolinia.example"
    assert [(r.address, r.status) for r in found.recipients] == [("ewa.lipa@poczta.example", "5.2.2")]


def test_addresses_go_with_names() -> None:
    assert mails.address_of("Łucja Żółć").startswith("lucja.zolc@")
    assert mails.address_of("Łucja Żółć") == mails.address_of("Łucja Żółć")


async def test_the_mail_server_keeps_what_it_took_and_says_what_it_refused(tmp_path: Path) -> None:
    port, clock = free_port(), FakeClock()
    letters = Letters(tmp_path / "letters.jsonl")
    heard: list[Letter] = []
    letters.listen(heard.append)
    mail = mails.written(
        Mail(
            name="Urząd",
            address="u@infolinia.example",
            to="a@poczta.example",
            subject="Zażółć",
            text="Gęślą.",
            at=NOW,
        ),
        random.Random(1),
        delivered=False,
    )
    async with mail_server(port, letters, clock):
        await aiosmtplib.send(
            mail,
            sender="u@infolinia.example",
            recipients=["A@poczta.example"],
            hostname="127.0.0.1",
            port=port,
        )
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await aiosmtplib.send(
                mail,
                sender="u@infolinia.example",
                recipients=[f"x@{NOBODY}"],
                hostname="127.0.0.1",
                port=port,
            )
    assert [(letter.to, letter.subject, letter.text) for letter in heard[:1]] == [
        ("a@poczta.example", "Zażółć", "Gęślą.")
    ]
    assert heard[1].refused.startswith("550")
    again = Letters(tmp_path / "letters.jsonl")
    assert again.newest() == list(reversed(heard))
    assert again.last_to(f"x@{NOBODY}") is None


def test_ports_in_use_are_left_to_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = read_config(CONFIG)
        wished = msgspec.structs.replace(config, public=Public(port=port), private=Private(port=port))
        found = find_ports(wished)
    values = list(msgspec.structs.asdict(found).values())
    assert port not in values
    assert len(set(values)) == len(values)


def test_the_configuration_points_at_the_demos_own_world(tmp_path: Path) -> None:
    ports = find_ports(read_config(CONFIG))
    config = demo_config(CONFIG, ports, CHANNELS, tmp_path / "data")
    mail = config.inbox("kontakt").settings
    assert (mail["listen"]["port"], mail["smtp"]["port"]) == (ports.lmtp, ports.mail)
    assert config.hub.data_dir == str(tmp_path / "data")
    assert config.store.url == f"sqlite:{tmp_path}/data/centrala.db"
    assert f"http://127.0.0.1:{ports.site}" in config.inbox("komentarze").settings["origins"]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Client]:
    letters = Letters(tmp_path / "letters.jsonl")
    letters.add(msgspec.structs.replace(LETTER, text="<b>Link</b>: http://127.0.0.1:8080/x?a=1&b=2. Koniec"))
    letters.add(msgspec.structs.replace(LETTER, to="inny@poczta.example", subject="Inny"))
    client: Client = TestClient(TestServer(site.build(read_config(CONFIG), letters, SystemClock())))
    async with client:
        yield client


async def page(client: Client, path: str) -> str:
    async with client.get(path) as answer:
        assert answer.status == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        return await answer.text()


async def test_what_the_citizen_got_is_shown_as_text_with_its_links(browser: Client) -> None:
    shown = await page(browser, "/obywatel?do=ewa.lipa@poczta.example")
    assert "&lt;b&gt;Link&lt;/b&gt;" in shown
    assert '<a href="http://127.0.0.1:8080/x?a=1&amp;b=2">' in shown
    assert "Inny" not in shown
    assert "Inny" in await page(browser, "/obywatel")


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", ["/", "/kontakt", "/prywatnosc", "/artykul/zasilek-krok-po-kroku", "/obywatel"]
)
async def test_pages_speak_both_languages(browser: Client, path: str) -> None:
    assert '<html lang="pl">' in await page(browser, path)
    english = await page(browser, f"{path}?lang=en")
    assert '<html lang="en">' in english
    assert "What the citizen got" in english


async def test_an_article_embeds_the_comments_with_and_without_scripts(browser: Client) -> None:
    shown = await page(browser, "/artykul/utrudnienia-w-portalu")
    assert "/embed/comments/komentarze/static/embed.js" in shown
    assert "<noscript><iframe" in shown


async def test_the_application_keeps_what_the_hub_tells_it(browser: Client) -> None:
    told = {"type": "message", "id": "7-0", "text": "Dzień dobry", "to": [{"address": "uzytkownik-ola"}]}
    async with browser.post("/aplikacja", json=told) as answer:
        assert (await answer.json())["state"] == "delivered"
    assert "uzytkownik-ola" in await page(browser, "/obywatel")
