"""What docs/channels/webhook.md tells integrators is tried: the shell example, the JSON examples, the headers."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from connectors import _signing as signing
from connectors.contract import Message, Secret
from connectors.webhook import CHANNEL
from connectors.webhook.connector import _event
from connectors.webhook.settings import Settings
from tests.connectors.webapp import served
from tests.contract.cases.webhook import CASES
from tests.contract.world import Ledger, Log, make_env

PAGE = (Path(__file__).parents[3] / "docs/channels/webhook.md").read_text(encoding="utf-8")
SECRET = "sekret tylko do prób"


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
async def test_the_shell_example_works_as_it_stands() -> None:
    connector = CHANNEL.create(Settings(secret=Secret(SECRET)), make_env(inbox="system"))
    ledger = Ledger()
    running = asyncio.create_task(connector.run(ledger))
    [script] = blocks("sh")
    async with served(connector.routes(), Log()) as client:
        shell = await asyncio.create_subprocess_exec(
            "sh",
            "-eu",
            "-c",
            script,
            env={"PATH": "/usr/bin:/bin", "HUB": str(client._base_url), "SECRET": SECRET},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(shell.communicate(), 20)
    running.cancel()
    await asyncio.wait({running})
    assert shell.returncode == 0, errors.decode()
    answer = msgspec.json.decode(out)
    [event] = ledger.events
    assert isinstance(event, Message)
    assert (event.external_id, event.text, event.sender.name) == ("m-1", "Dzień dobry", "Jan Kowalski")
    documented = msgspec.json.decode(blocks("json")[0])
    assert answer["events"][0].keys() == documented["events"][0].keys()


def test_the_answer_that_is_shown_is_what_goes_out() -> None:
    documented = msgspec.json.decode(blocks("json")[1])
    sent = _event(CASES[0].sends["answer"], "message")
    assert documented.keys() == sent.keys()
    assert [type(documented[name]) for name in sent] == [type(value) for value in sent.values()]


def test_headers_and_every_kind_of_event_are_described() -> None:
    assert f"`{signing.TIMESTAMP}`" in PAGE
    assert f"`{signing.SIGNATURE}`" in PAGE
    for kind in ("message", "edit", "deletion", "reaction", "delivery"):
        assert f"| `{kind}` |" in PAGE
