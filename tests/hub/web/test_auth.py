"""Logging in and out as a browser does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.hub.web.conftest import Client, log_in


async def test_a_page_asks_to_log_in_first(client: Client) -> None:
    async with client.get("/settings/password?a=b", allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Location"] == "/login?next=%2Fsettings%2Fpassword%3Fa%3Db"


async def test_logging_in_opens_the_console(client: Client, people: dict[str, int]) -> None:
    assert await log_in(client, "agent") == (303, "/")
    async with client.get("/settings/password") as response:
        assert response.status == 200
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert "Agent" in await response.text()


async def test_logging_out_ends_the_session(enter: Callable[[str], Any]) -> None:
    agent = await enter("agent")
    assert await agent.post("/logout") == (303, "/login")
    status, _ = await agent.get("/settings/password")
    assert status == 303
