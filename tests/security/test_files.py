"""Attachments and originals: sent as data, under no name that a browser or a shell would act on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.security.world import World

NAMES = (
    "x.html",
    "x.svg",
    "..\\..\\x.exe",
    "/etc/passwd",
    'a"; filename="b.html',
    "a\r\nX-Evil: 1",
    "żółć.pdf",
    "",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
async def test_a_file_is_downloaded_and_never_opened(
    name: str, enter: Callable[[str], Any], world: World, sqlite_store: Store
) -> None:
    things = await world.make("krajowa", "agent")
    kind = {"content_type": "text/html", "filename": name}
    await sqlite_store.write(lambda tx: tx.change(schema.attachment, things["file"], **kind))
    agent = await enter("agent")
    async with agent.client.get(f"/files/{things['file']}") as response:
        assert response.status == 200
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content_type != "text/html"
        assert "X-Evil" not in response.headers
        assert "sandbox" in response.headers["Content-Security-Policy"]


def _typed(file: int, kind: str) -> Callable[[Tx], bool]:
    def command(tx: Tx) -> bool:
        return tx.change(schema.attachment, file, content_type=kind)

    return command


async def test_only_pictures_are_shown_in_the_page(
    enter: Callable[[str], Any], world: World, sqlite_store: Store
) -> None:
    things = await world.make("krajowa", "agent")
    agent = await enter("agent")
    for kind in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"):
        await sqlite_store.write(_typed(things["file"], kind))
        async with agent.client.get(f"/files/{things['file']}/image") as response:
            assert response.status == 404, kind


async def test_a_quarantined_original_is_only_bytes(enter: Callable[[str], Any], world: World) -> None:
    things = await world.make("krajowa", "agent")
    supervisor = await enter("supervisor")
    async with supervisor.client.get(f"/quarantine/{things['raw']}/raw") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert await response.read() == b"Subject: x\n\nx"


async def test_a_file_number_cannot_be_guessed_into(enter: Callable[[str], Any], world: World) -> None:
    things = await world.make("krajowa", "agent")
    suwalki = await enter("suwalki")
    for number in range(things["file"] - 5, things["file"] + 5):
        assert (await suwalki.get(f"/files/{number}"))[0] == 404
