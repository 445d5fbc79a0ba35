"""Access tokens: renewed in time, refresh tokens that change kept before they are needed, their end told as such."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from connectors.contract import Secret, SendError
from tests.connectors.quick import QuickClock
from tests.connectors.x.world import ZOFIA, beside, outbound
from tests.contract.world import Log, make_env

PLAIN = {
    "consumer_key": "",
    "access_token": "",
    "access_token_secret": None,
    "client_id": "client-id",
    "client_secret": Secret("client-secret-of-the-peer"),
    "refresh_token": Secret("first-refresh-token"),
}


async def test_a_token_is_asked_for_once_and_again_before_it_ends(tmp_path: Path) -> None:
    clock = QuickClock()
    kept = tmp_path / "x-token"
    async with beside(make_env(clock=clock), token_file=str(kept), **PLAIN) as (connector, peer):
        peer.people[ZOFIA.number] = ZOFIA
        await asyncio.gather(*(connector.send(outbound(text=f"{n}")) for n in range(4)))
        asked = [path for _, path, _ in peer.ledger].count("/2/oauth2/token")
        assert asked == 1
        clock.pass_(7150)
        await connector.send(outbound())
        assert [path for _, path, _ in peer.ledger].count("/2/oauth2/token") == 2
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert peer.refresh_token.encode() in kept.read_bytes()


async def test_the_newest_refresh_token_survives_a_restart(tmp_path: Path) -> None:
    kept = str(tmp_path / "x-token")
    async with beside(make_env(), token_file=kept, **PLAIN) as (connector, peer):
        assert (await connector.check()).state == "ok"
        used = peer.refresh_token
    async with beside(make_env(), token_file=kept, **PLAIN) as (connector, peer):
        peer.refresh_token = used
        assert (await connector.check()).state == "ok"
    # A new one in the configuration counts more than the file that began with another.
    fresh = {**PLAIN, "refresh_token": Secret("given-anew")}
    async with beside(make_env(), token_file=kept, **fresh) as (connector, peer):
        peer.refresh_token = "given-anew"
        assert (await connector.check()).state == "ok"


async def test_an_access_token_that_is_refused_is_replaced_at_once(tmp_path: Path) -> None:
    async with beside(make_env(), token_file=str(tmp_path / "t"), **PLAIN) as (connector, peer):
        peer.people[ZOFIA.number] = ZOFIA
        await connector.send(outbound())
        peer.bearer = "another"
        await connector.send(outbound(text="Jeszcze raz"))
        assert [body["text"] for body in peer.sent()][-1] == "Jeszcze raz"


async def test_a_void_refresh_token_is_a_matter_of_credentials(tmp_path: Path) -> None:
    log = Log()
    async with beside(make_env(log=log), token_file=str(tmp_path / "t"), **PLAIN) as (connector, peer):
        peer.refresh_token = "used by somebody else"
        with pytest.raises(SendError) as raised:
            await connector.send(outbound())
        assert raised.value.kind == "temporary", "the message is fine once the permission is"
        assert (await connector.check()).state == "wrong_credentials"
    assert "first-refresh-token" not in "\n".join(log.lines)


async def test_a_file_that_cannot_be_written_is_said_and_sends_all_the_same(tmp_path: Path) -> None:
    log, clock = Log(), QuickClock()
    missing = tmp_path / "missing" / "token"
    async with beside(make_env(log=log, clock=clock), token_file=str(missing), **PLAIN) as (connector, peer):
        peer.people[ZOFIA.number] = ZOFIA
        await connector.send(outbound())
        assert log.count("could not be kept") == 1
        clock.pass_(7150)
        await connector.send(outbound())
        assert log.count("could not be kept") == 2, (
            "with the one that is in no file, since the one before is void"
        )
        missing.parent.mkdir()
        clock.pass_(7150)
        await connector.send(outbound())
        assert peer.refresh_token.encode() in missing.read_bytes()
    assert "refresh-1" not in "\n".join(log.lines)


async def test_whoever_gives_up_waiting_does_not_lose_the_next_refresh_token(tmp_path: Path) -> None:
    """A check that took too long, an inbox that is stopped: the old refresh token is void by then."""
    kept = tmp_path / "t"
    async with beside(make_env(), token_file=str(kept), **PLAIN) as (connector, peer):
        asked = asyncio.create_task(connector.check())
        for _ in range(100_000):
            await asyncio.sleep(0)
            if peer.refresh_token != "first-refresh-token":
                break
        asked.cancel()
        await asyncio.wait({asked})
        assert (await connector.check()).state == "ok"
        assert [path for _, path, _ in peer.ledger].count("/2/oauth2/token") == 1
    assert peer.refresh_token.encode() in kept.read_bytes()
