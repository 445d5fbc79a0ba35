"""A citizen with an XMPP program, a real Prosody, and an agent in Chromium: question, answer, receipts, correction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from connectors.contract import Secret
from hub.config import Inbox
from tests.browser.shots import shot
from tests.browser.whole_hub import WholeHub, whole_hub
from tests.connectors.xmpp.person import Person, somebody
from tests.servers.browser import axe_violations
from tests.servers.mailsink import MailSink
from tests.servers.prosody import PASSWORD, Prosody
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

QUESTION = "Dzień dobry, kiedy dostanę zasiłek? 😀"
ANSWER = "Zasiłek wypłacimy w piątek."
STATES = "{http://jabber.org/protocol/chatstates}"
SEALED = "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'/><payload>QQ==</payload></encrypted>"


@pytest.fixture
async def hub(tmp_path: Path, mailsink: MailSink, prosody: Prosody) -> AsyncIterator[WholeHub]:
    """The shipped configuration with an account on the server."""
    settings = {
        "address": prosody.account("kontakt"),
        "password": Secret(PASSWORD),
        "host": "127.0.0.1",
        "port": prosody.port,
        "tls": "none",
    }
    account = Inbox(
        id="xmpp", kind="xmpp", name="XMPP", office="krajowa", queue="bezrobotni", settings=settings
    )
    async with whole_hub(tmp_path, mailsink, inboxes=(account,)) as running:
        yield running


@pytest.fixture
async def zofia(prosody: Prosody) -> AsyncIterator[Person]:
    async with somebody(prosody.account("zofia.kowalska"), prosody.port) as person:
        yield person


async def test_question_answer_and_what_became_of_it(hub: WholeHub, zofia: Person, browser: Browser) -> None:
    to = "kontakt@localhost"
    asked = zofia.write(to, QUESTION, "<nick xmlns='http://jabber.org/protocol/nick'>Zofia Kowalska</nick>")
    await until(lambda: asked in zofia.receipted, "a receipt of the question")
    page = await hub.enter(browser, "konsultant")
    await page.goto(f"{hub.console}/inbox?view=unassigned")
    await page.locator("[data-row]", has_text="kiedy dostanę zasiłek").locator(".item__link").click()
    await page.wait_for_url("**/conversations/**")
    await expect(page.locator("#stream")).to_contain_text(QUESTION)
    await expect(page.locator("#stream")).to_contain_text("Zofia Kowalska")

    await page.keyboard.press("r")
    await page.keyboard.type(ANSWER)
    await until(
        lambda: any(m.find(f"{STATES}composing") is not None for m in zofia.got), "seen that somebody types"
    )
    await page.keyboard.press("Control+Enter")
    ours = page.locator(".entry--outbound").last
    await expect(ours).to_contain_text(ANSWER)
    await until(lambda: ANSWER in zofia.texts, "the answer")
    await expect(ours).to_contain_text("Przyjęte")
    name = next(m.get("id", "") for m in zofia.got if m.find("{urn:xmpp:receipts}request") is not None)
    for said, shown in (
        (f"<received xmlns='urn:xmpp:receipts' id='{name}'/>", "Doręczone"),
        (f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{name}'/>", "Przeczytane"),
    ):
        zofia.raw(f"<message to='{to}' type='chat'>{said}</message>")
        await expect(ours).to_contain_text(shown)

    changed = QUESTION.replace("zasiłek", "dotację")
    zofia.write(to, changed, f"<replace xmlns='urn:xmpp:message-correct:0' id='{asked}'/>")
    await expect(page.locator("#stream")).to_contain_text("kiedy dostanę dotację")
    zofia.write(to, "OMEMO", SEALED)
    await until(
        lambda: any("nie możemy odczytać" in text.lower() for text in zofia.texts), "how to write plainly"
    )
    await page.reload()
    await expect(page.locator("#stream")).to_contain_text(
        "Zaszyfrowana wiadomość, której nie da się tu odczytać"
    )
    await shot(page, "xmpp-conversation")
    assert await axe_violations(page) == []
    log = hub.log.getvalue()
    assert ANSWER not in log
    assert "zofia.kowalska" not in log
