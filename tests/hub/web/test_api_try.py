"""What would happen if, asked through the API: decisions and verdicts, two versions, nothing stored."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from hub.store import schema
from hub.store.store import Store
from tests.hub.web.test_api import token
from tests.hub.web.test_api_rules import Rules, api, forms, house

__all__ = ["api", "forms", "house", "token"]

MESSAGE = {"inbox": "kontakt", "text": "Chcę dotację dla firmy.", "at": "2026-11-16T10:00"}


async def test_a_message_is_decided(api: Rules, sqlite_store: Store) -> None:
    status, found = await api.send("/try", {"message": MESSAGE})
    assert status == 200
    result = found["result"]
    assert result["rules"] == "published" and found["against"] is None
    assert result["actions"]["queue"] and result["winners"]["queue"] in (*result["matched"], "default")
    assert [one["rule"] for one in result["verdicts"]] == ["employers", "grants", "junk"]
    failed = next(one for one in result["verdicts"] if one["state"] == "failed")
    assert failed["condition"] and failed["wanted"] and failed["was"]
    stored = await sqlite_store.read(lambda tx: tx.scalar(select(func.count()).select_from(schema.trace)))
    assert stored == 0


async def test_two_versions_are_asked(api: Rules) -> None:
    draft = (await api.send("/drafts", {}))[1]
    body = {
        "message": MESSAGE,
        "rules": "version-1",
        "against": f"draft-{draft['id']}",
        "verdicts": "matched",
    }
    status, found = await api.send("/try", body)
    assert status == 200
    assert found["result"]["actions"] == found["against"]["actions"]
    assert all(one["state"] == "matched" for one in found["result"]["verdicts"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": {"nonsense": 1}}, 400),
        ({"message": {"at": "yesterday"}}, 400),
        ({"message": {"text": ["a"]}}, 400),
        ({"message": {}, "rules": "draft-99"}, 404),
        ({"message": {}, "rules": "x"}, 400),
        ({}, 400),
    ],
)
async def test_what_cannot_be_asked(api: Rules, body: dict[str, Any], status: int) -> None:
    assert (await api.send("/try", body))[0] == status
