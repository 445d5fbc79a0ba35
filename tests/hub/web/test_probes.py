"""What a process without pages tells machines that watch it, and that it listens for nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from hub.config import Config, Metrics
from hub.store.store import StorageFault
from hub.web import health, metrics
from hub.web.metrics import METRICS
from tests.connectors.small_hub import running, small_config
from tests.servers.process import free_port


def without_pages(folder: Path, port: int = 0) -> Config:
    """A process that reads, sends and keeps deadlines."""
    config = small_config(folder)
    hub = msgspec.structs.replace(config.hub, roles=("connectors", "outbox", "timers"))
    return msgspec.structs.replace(config, hub=hub, metrics=Metrics(port=port))


async def test_a_process_without_pages_tells_how_it_is(tmp_path: Path) -> None:
    async with running(without_pages(tmp_path)) as hub, ClientSession() as client:
        ports = hub.ports()
        assert list(ports) == ["metrics"]
        base = f"http://127.0.0.1:{ports['metrics']}"
        for path, wanted in (("/healthz", "ok"), ("/readyz", "ready")):
            async with client.get(base + path) as answer:
                assert (answer.status, (await answer.json())["status"]) == (200, wanted)
        async with client.get(base + "/metrics") as answer:
            body = await answer.text()
            assert answer.content_type == "text/plain" and answer.headers["Cache-Control"] == "no-store"
        assert "centrala_ready 1.0" in body
        assert {line.split()[2] for line in body.splitlines() if line.startswith("# HELP")} <= {*METRICS}
        hub.ready = False
        async with client.get(base + "/readyz") as answer:
            assert answer.status == 503
        for path in ("/", "/login", "/inboxes", "/api/v1/stream", "/in/kontakt"):
            async with client.get(base + path) as answer:
                assert answer.status == 404, path
        async with client.post(base + "/metrics", data=b"x") as answer:
            assert answer.status == 405


async def test_its_port_can_be_named_and_a_process_with_pages_has_it_only_then(tmp_path: Path) -> None:
    port = free_port()
    async with running(without_pages(tmp_path, port=port)) as hub:
        assert hub.ports() == {"metrics": port}
    everything = small_config(tmp_path)
    async with running(everything) as hub:
        assert sorted(hub.ports()) == ["private", "public"]
    async with running(msgspec.structs.replace(everything, metrics=Metrics(port=port))) as hub:
        assert hub.ports()["metrics"] == port
        async with ClientSession() as client, client.get(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200


async def test_each_listener_says_that_the_store_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that says nothing at all: the load balancer asks the public one."""
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    asked: list[str] = []

    async def refuse(query: Any) -> Any:
        raise StorageFault("the server is away")

    async def hang(query: Any) -> Any:
        asked.append(query.__module__)
        await asyncio.Event().wait()

    everywhere = msgspec.structs.replace(small_config(tmp_path), metrics=Metrics(port=free_port()))
    listeners = ("public", "private", "metrics")
    async with running(everywhere) as hub, ClientSession() as client:

        async def states(name: str, times: int = 1) -> set[int]:
            async def state() -> int:
                async with client.get(f"http://127.0.0.1:{hub.ports()[name]}/readyz") as answer:
                    return answer.status

            return set(await asyncio.gather(*(state() for _ in range(times))))

        for name in listeners:
            assert await states(name) == {200}
        monkeypatch.setattr(health, "CHECK_SECONDS", 0.2)
        read = hub.store.read
        for failing in (refuse, hang):
            monkeypatch.setattr(hub.store, "read", failing)
            for name in listeners:
                assert await states(name) == {503}, (failing, name)
        asked.clear()
        for name in listeners:
            assert await states(name, times=10) == {503}
        assert health.__name__ not in asked, "the questions that hang already are no more for it"
        monkeypatch.setattr(hub.store, "read", read)


@pytest.mark.slow
async def test_without_the_store_its_figures_are_left_out_and_there_is_no_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is one line when it begins, not a traceback each time that Prometheus asks; nor does Prometheus wait
    for a storage that says nothing."""
    monkeypatch.setattr(metrics, "STORE_SECONDS", 0.2)
    asked: list[str] = []

    async def refuse(query: Any) -> Any:
        raise StorageFault("the server is away")

    async def hang(query: Any) -> Any:
        asked.append(query.__module__)
        await asyncio.Event().wait()

    everywhere = msgspec.structs.replace(small_config(tmp_path), metrics=Metrics(port=free_port()))
    async with running(everywhere) as hub, ClientSession() as client:
        with monkeypatch.context() as away:
            caplog.clear()
            for failing in (refuse, hang):
                away.setattr(hub.store, "read", failing)
                for name in ("metrics", "private"):
                    async with client.get(f"http://127.0.0.1:{hub.ports()[name]}/metrics") as answer:
                        body = await answer.text()
                    assert answer.status == 200, name
                    assert "centrala_store_up 0.0" in body and "centrala_ready 0.0" in body
                    assert "centrala_inbox_up" in body and "centrala_quarantined" not in body
            asked.clear()
            for name in ("metrics", "private"):
                async with client.get(f"http://127.0.0.1:{hub.ports()[name]}/metrics") as answer:
                    assert "centrala_store_up 0.0" in await answer.text()
            assert metrics.__name__ not in asked, "the questions that hang already are no more for it"
            assert "Traceback" not in caplog.text and not [r for r in caplog.records if r.exc_info]
