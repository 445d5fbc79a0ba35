"""The API of rules as an integration uses it: read, draft, check, publish, take back; two at once; who may what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from hub.house import House
from hub.ruleset.rollback import OVERTAKEN
from hub.ruleset.versions import Wanted, add_version, lock
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.ruleset.conftest import SOURCE, made_house
from tests.hub.web.conftest import Client
from tests.hub.web.test_api import Api, token

__all__ = ["token"]


@pytest.fixture(scope="session")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forms")


@pytest.fixture
def house(forms: Path) -> House:
    return made_house(forms)


class Rules(Api):
    """Calls below ``/api/v1/rules``, each with a key of its own."""

    made = 0

    async def read(self, path: str = "") -> tuple[int, Any]:
        return await self.get(f"rules{path}")

    async def send(
        self, path: str, body: Any = None, *, method: str = "POST", **headers: str
    ) -> tuple[int, Any]:
        Rules.made += 1
        sent = {**self.headers, "Idempotency-Key": f"key-{Rules.made}", **headers}
        url = f"/api/v1/rules{path}"
        async with self.client.request(method, url, json=body or {}, headers=sent) as response:
            return response.status, await response.json(content_type=None)


@pytest.fixture
async def api(client: Client, sqlite_store: Store, token: Callable[..., Any]) -> Rules:
    """With both grants; version 1 is in force."""

    def command(tx: Tx) -> None:
        lock(tx)
        add_version(tx, Wanted(source=SOURCE))

    await sqlite_store.write(command)
    return Rules(client, await token("krajowa", "rules", "publish"))


async def a_draft(api: Rules, before: str, after: str) -> dict[str, Any]:
    _, draft = await api.send("/drafts", {"source": SOURCE.replace(before, after)})
    assert isinstance(draft, dict)
    return draft


async def test_the_rules_in_force_are_read_as_yaml_and_as_json(api: Rules) -> None:
    status, found = await api.read()
    assert status == 200 and found["source"] == SOURCE
    assert found["version"]["version"] == 1 and found["version"]["origin"] == "file"
    assert [rule["id"] for rule in found["model"]["rules"]] == ["employers", "grants", "junk"]
    assert found["model"]["words"] == {"spam": ["kasyno"], "ulgi": ["dotacja"]}


async def test_what_was_read_as_json_goes_in_as_json(api: Rules) -> None:
    model = (await api.read())[1]["model"]
    model["rules"][0]["name"] = "Pracodawcy: wszystko"
    status, draft = await api.send("/drafts", {"model": model})
    assert status == 200
    _, diff = await api.read(f"/drafts/{draft['id']}/diff")
    assert [change["text"] for change in diff["changes"]] == [
        "Rule “Przedsiębiorcy”: name changed from Przedsiębiorcy to Pracodawcy: wszystko"
    ]
    assert (await api.send("/drafts", {"model": model, "source": SOURCE}))[0] == 400


async def test_an_unfinished_draft_is_data_as_it_stands(api: Rules) -> None:
    draft = await a_draft(api, "queue: pracodawcy", "queue: pracodawcy, timer: {a: 007}")
    status, found = await api.read(f"/drafts/{draft['id']}")
    assert status == 200
    assert found["model"]["rules"][0]["do"] == {"queue": "pracodawcy", "timer": {"a": "007"}}


async def test_from_draft_to_version_and_back(api: Rules, sqlite_store: Store) -> None:
    draft = await a_draft(api, "name: Dotacje", "name: Granty")
    path = f"/drafts/{draft['id']}"
    status, proof = await api.send(f"{path}/check")
    assert status == 200 and proof["passed"] and proof["rules"] == 3
    assert (await api.send(f"{path}/publish", {"note": "Nowa nazwa"}))[0] == 400, "no revision was named"
    status, done = await api.send(f"{path}/publish", {"revision": 1, "note": "Nowa nazwa"})
    assert (status, done) == (200, {"version": 2})
    _, versions = await api.read("/versions")
    assert [(v["version"], v["state"], v["note"]) for v in versions["versions"]] == [
        (2, "published", "Nowa nazwa"),
        (1, "retired", ""),
    ]
    assert versions["next"] is None and (await api.read("/versions?limit=1"))[1]["next"] == 2
    _, diff = await api.read("/versions/2/diff")
    assert [change["text"] for change in diff["changes"]] == [
        "Rule “Dotacje”: name changed from Dotacje to Granty"
    ]
    assert "-    name: Dotacje\n+    name: Granty\n" in diff["unified"]
    assert (await api.send("/versions/1/rollback", {"note": "Pomyłka"}))[1] == {"version": 3}
    _, now = await api.read()
    assert now["source"] == SOURCE and now["version"]["origin"] == "rollback"
    actions = select(schema.audit.c.action).where(schema.audit.c.action.like("rules-%"))
    rows = await sqlite_store.read(lambda tx: tx.rows(actions.order_by(schema.audit.c.id)))
    assert [row.action for row in rows] == ["rules-draft-opened", "rules-published", "rules-rolled-back"]


async def test_going_back_is_refused_where_another_version_is_in_force_than_was_seen(api: Rules) -> None:
    for before, after in (("name: Dotacje", "name: Granty"), ("name: Dotacje", "name: Ulgi")):
        draft = await a_draft(api, before, after)
        await api.send(f"/drafts/{draft['id']}/publish", {"revision": 1})
    status, problem = await api.send("/versions/1/rollback", {"version": 2}, **{"Accept-Language": "en"})
    assert (status, problem["detail"]) == (409, OVERTAKEN)
    assert (await api.read())[1]["version"]["version"] == 3, "what nobody has looked at stays in force"
    assert await api.send("/versions/1/rollback", {"version": 3}) == (200, {"version": 4})


async def test_what_a_check_refuses_is_told_with_place_and_advice(api: Rules) -> None:
    draft = await a_draft(api, "queue: pracodawcy", "queue: pracodawcyy")
    status, problem = await api.send(f"/drafts/{draft['id']}/publish", {"revision": 1})
    assert status == 409
    (finding,) = problem["findings"]
    assert (finding["part"], finding["rule"], finding["line"]) == ("names", "employers", 9)
    assert finding["advice"] == "Did you mean “pracodawcy”?"
    assert (await api.read())[1]["version"]["version"] == 1


async def test_a_failing_test_of_the_rule_set_refuses(api: Rules) -> None:
    tests = "tests:\n  - name: Firma\n    message: {text: nasza firma}\n    expect: {queue: spam}\n"
    _, draft = await api.send("/drafts", {"source": SOURCE + tests})
    status, problem = await api.send(f"/drafts/{draft['id']}/publish", {"revision": 1})
    assert (status, problem["findings"][0]["part"], problem["findings"][0]["rule"]) == (409, "tests", "Firma")
    right = SOURCE + tests.replace("queue: spam", "queue: pracodawcy")
    status, _ = await api.send(f"/drafts/{draft['id']}", {"source": right, "revision": 1}, method="PUT")
    assert status == 200
    assert (await api.send(f"/drafts/{draft['id']}/publish", {"revision": 2}))[0] == 200


async def test_two_at_once_both_keep_their_work_and_a_clash_shows_both(api: Rules) -> None:
    path = f"/drafts/{(await api.send('/drafts'))[1]['id']}"
    async with api.client.get(f"/api/v1/rules{path}", headers=api.headers) as response:
        etag = response.headers["ETag"]
    first = SOURCE.replace("name: Dotacje", "name: Granty")
    second = SOURCE.replace("name: Śmieci", "name: Spam")
    for text in (first, second):
        status, _ = await api.send(path, {"source": text}, method="PUT", **{"If-Match": etag})
        assert status == 200
    _, now = await api.read(path)
    assert "name: Granty" in now["source"] and "name: Spam" in now["source"]
    clashing = SOURCE.replace("name: Dotacje", "name: Dopłaty")
    status, problem = await api.send(path, {"source": clashing}, method="PUT", **{"If-Match": etag})
    (clash,) = problem["clashes"]
    assert (status, clash["kind"], clash["name"]) == (409, "rule", "grants")
    assert "Granty" in clash["stored"] and "Dopłaty" in clash["refused"] and "Dotacje" in clash["before"]
    assert (await api.send(path, {"source": clashing}, method="PUT"))[0] == 400
    wrong = await api.send(path, {"source": clashing}, method="PUT", **{"If-Match": '"x"'})
    assert wrong[0] == 400
    status, undone = await api.send(f"{path}/undo", {})
    assert status == 200 and undone["revision"] == 4
    _, changes = await api.read(f"{path}/changes")
    assert [(c["kind"], c["undoes"]) for c in changes["changes"]] == [
        ("undo", 3),
        ("text", None),
        ("text", None),
        ("open", None),
    ]


async def test_what_was_published_meanwhile_is_taken_over(api: Rules) -> None:
    one = await a_draft(api, "name: Dotacje", "name: Granty")
    two = await a_draft(api, "name: Dotacje", "name: Dopłaty")
    await api.send(f"/drafts/{one['id']}/publish", {"revision": 1})
    path = f"/drafts/{two['id']}"
    assert (await api.read(path))[1]["stale"] is True
    assert (await api.send(f"{path}/publish", {"revision": 1}))[0] == 409
    status, problem = await api.send(f"{path}/rebase")
    assert status == 409 and problem["clashes"][0]["name"] == "grants"
    choice = {"choices": [{"kind": "rule", "name": "grants", "keep": "draft"}]}
    assert (await api.send(f"{path}/rebase", {**choice, "version": 1}))[0] == 409, "not the one in force"
    status, draft = await api.send(f"{path}/rebase", {**choice, "revision": 1, "version": 2})
    assert (status, draft["base"], draft["revision"]) == (200, 2, 2)
    assert (await api.send(f"{path}/publish", {"revision": 2}))[1] == {"version": 3}


async def test_a_set_time_and_calling_it_off(api: Rules) -> None:
    draft = await a_draft(api, "name: Dotacje", "name: Granty")
    path = f"/drafts/{draft['id']}"
    for wrong in ("jutro", "2026-11-17T08:00:00"):
        assert (await api.send(f"{path}/schedule", {"revision": 1, "at": wrong}))[0] == 400
    status, waits = await api.send(f"{path}/schedule", {"revision": 1, "at": "2026-11-17T08:00:00Z"})
    assert (status, waits["state"], waits["publish_at"]) == (200, "scheduled", "2026-11-17T08:00:00Z")
    assert (await api.send(f"{path}/unschedule"))[1]["state"] == "open"
    assert (await api.send(f"{path}/discard"))[1]["state"] == "discarded"
    assert (await api.send(f"{path}/check"))[0] == 409
    assert (await api.read("/drafts"))[1] == {"drafts": []}
    assert len((await api.read("/drafts?state=all"))[1]["drafts"]) == 1


async def test_the_same_key_publishes_once(api: Rules) -> None:
    draft = await a_draft(api, "name: Dotacje", "name: Granty")
    headers = {**api.headers, "Idempotency-Key": "once"}
    url = f"/api/v1/rules/drafts/{draft['id']}/publish"
    for again in (False, True):
        async with api.client.post(url, json={"revision": 1}, headers=headers) as response:
            assert (response.status, await response.json()) == (200, {"version": 2})
            assert ("Idempotent-Replay" in response.headers) is again


async def test_a_token_does_what_it_grants_in_the_front_office(
    client: Client, token: Callable[..., Any], api: Rules
) -> None:
    draft = await a_draft(api, "name: Dotacje", "name: Granty")
    maker = Rules(client, await token("krajowa", "rules"))
    assert (await maker.read())[0] == 200
    assert (await maker.send(f"/drafts/{draft['id']}/publish", {"revision": 1}))[0] == 403
    other = Rules(client, await token("krajowa", "read", "write"))
    assert (await other.read())[0] == 403 and (await other.send("/drafts"))[0] == 403
    county = Rules(client, await token("pup-lomza", "rules", "publish"))
    assert (await county.send("/drafts"))[0] == 403
    assert (await county.send(f"/drafts/{draft['id']}/check"))[0] == 403
    assert (await county.send(f"/drafts/{draft['id']}/publish", {"revision": 1}))[0] == 403


async def test_a_large_rule_set_goes_in(api: Rules) -> None:
    """More than what forms of the console may hold."""
    many = "".join(
        f"  - id: r{i}\n    name: Reguła {i}\n    note: {'x' * 900}\n    do: {{queue: spam}}\n"
        for i in range(3000)
    )
    source = SOURCE.replace("default:", f"{many}default:")
    assert len(source) > 2_500_000
    status, draft = await api.send("/drafts", {"source": source})
    assert status == 200
    status, found = await api.read(f"/drafts/{draft['id']}")
    assert status == 200 and msgspec.json.encode(found["model"]) and len(found["model"]["rules"]) == 3003
