"""WhatsApp: calls signed as Meta signs them, and a Cloud API on loopback that checks what Meta checks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from connectors.contract import Choice, Env, OutAttachment, Outbound, Party
from connectors.meta.whatsapp import CHANNEL, Settings
from hub.demo.peers.meta import payloads
from hub.demo.peers.meta.whatsapp import OBJECT, WhatsAppPeer
from tests.contract.case import Case, Wired
from tests.contract.cases import messenger
from tests.contract.meta import (
    BUSINESS,
    NUMBER,
    SYSTEM_TOKEN,
    VERIFY,
    WiredMeta,
    make_peer,
    served,
    settings,
    with_egress,
)

PERSON = "48600700800"
DISPLAY = "48221112233"
AT = messenger.AT

TEMPLATES = [
    {"name": "wizyta", "language": "pl", "text": "Dzień dobry {1}, zapraszamy {2}.", "fallbacks": ["pl_PL"]},
    {
        "name": "pismo",
        "language": "pl",
        "text": "Przesyłamy pismo w sprawie {1}.",
        "header": "document",
        "parameter_names": ["sprawa"],
    },
]


def _told(number: int) -> object:
    text = {"body": "Mój PESEL: 44051401359"}
    message = payloads.whatsapp_message(PERSON, f"wamid.told{number}", AT, "text", text=text)
    contact = payloads.whatsapp_contact(PERSON, "Zofia Poufna")
    value = payloads.whatsapp_value(NUMBER, DISPLAY, contacts=[contact], messages=[message])
    entry = payloads.whatsapp_entry(BUSINESS, payloads.change("messages", value))
    return {"object": OBJECT, "entry": [entry]}


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    meta = make_peer(env.clock.now)
    peer = WhatsAppPeer(meta, BUSINESS, NUMBER, DISPLAY)
    peer.wrote_at[PERSON] = env.clock.now()
    peer.templates = {("wizyta", "pl_PL"): 2, ("pismo", "pl"): 1}
    async with served(meta) as egress:
        config = settings(meta, Settings, NUMBER, templates=TEMPLATES, check_seconds=10)
        yield WiredMeta(meta, CHANNEL.create(config, with_egress(env, egress)), _told)


def outbound(**more: object) -> Outbound:
    """An answer to the person within the window."""
    to = (Party(kind="phone", address=f"+{PERSON}", name="Zofia Poufna"),)
    return messenger.outbound(**{"to": to, "reply_to": "wamid.told1", "inbound_at": AT, **more})


PDF = OutAttachment(filename="pismo.pdf", content_type="application/pdf", content=b"%PDF")

CASES = (
    Case(
        name="signed",
        wired=_wired,
        secrets=(
            SYSTEM_TOKEN,
            VERIFY,
            "app-secret-of-the-peer",
            "Zofia",
            "44051401359",
            PERSON,
            "odpowiadamy",
        ),
        sends={
            "template": outbound(
                template="wizyta pl",
                parameters=("Zofia", "12 listopada\no 10:00"),
                text="Dzień dobry Zofia, zapraszamy 12 listopada o 10:00.",
                inbound_at=None,
            ),
            "answer": outbound(),
            "template-with-document": outbound(
                template="pismo pl", parameters=("zasiłku",), attachments=(PDF,), inbound_at=None
            ),
            "document-with-caption": outbound(attachments=(PDF,)),
            "buttons": outbound(
                text="Czy pomogliśmy?",
                choices=(Choice(id="csat:5", label="Tak"), Choice(id="csat:1", label="Nie")),
            ),
            "list": outbound(
                text="Kiedy?",
                choices=tuple(Choice(id=f"slot:{n}", label=f"Termin {n}") for n in range(1, 5)),
            ),
            "hidden-number": outbound(to=(Party(kind="whatsapp", address="PL.13491208655302741918"),)),
        },
        failures={
            "130429": "throttled",
            "131056": "throttled",
            "190": "temporary",
            "131005": "temporary",
            "131042": "temporary",
            "131026": "permanent",
            "131047": "permanent",
            "131049": "permanent",
            "131053": "permanent",
            "132000": "permanent",
            "131016": "temporary",
            "http-503": "temporary",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
)
