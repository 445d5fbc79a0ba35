"""Every test of the suite stays on loopback."""

from __future__ import annotations

import pytest

from tests.contract.guard import keep_on_loopback


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_on_loopback(monkeypatch)
