"""The pages of versions and publication as an administrator uses them: publish, approve, set a time, take back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.house import House
from hub.ruleset import Change, Draft, change, draft, open_draft, published
from hub.ruleset.drafts import rule_draft
from hub.ruleset.versions import Wanted, add_version, lock
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from hub.web.desk import Desk
from tests.hub.ruleset.conftest import SOURCE, made_house
from tests.hub.specimen import add_person
from tests.hub.web.conftest import Browser, field


@pytest.fixture(scope="session")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forms")


@pytest.fixture
def approval() -> bool:
    """Whether a second person must approve; tests override it."""
    return False


@pytest.fixture
def house(forms: Path, approval: bool) -> House:
    return made_house(forms, approval=approval)


@pytest.fixture
async def second(sqlite_store: Store, people: dict[str, int]) -> int:
    """One more administrator; version 1 is in force."""

    def command(tx: Tx) -> int:
        lock(tx)
        add_version(tx, Wanted(source=SOURCE, note="Pierwsza"))
        return add_person(tx, "druga", role="administrator", name="Druga Osoba", language="en")

    people["druga"] = await sqlite_store.write(command)
    return people["druga"]


@pytest.fixture
async def anna(enter: Callable[[str], Any], second: int) -> Browser:
    browser: Browser = await enter("administrator")
    return browser


async def a_draft(
    store: Store, people: Mapping[str, int], before: str = "name: Dotacje", after: str = "name: Granty"
) -> int:
    scope = Scope(user=people["administrator"], role="administrator", office="krajowa", front=True)

    def command(tx: Tx) -> Draft:
        number = open_draft(tx, scope).id
        return change(tx, scope, number, lambda text: text.replace(before, after), Change(kind="change"))

    return (await store.write(command)).id


async def in_force(store: Store) -> tuple[int, str]:
    now = await store.read(published)
    assert now is not None
    return now.version, now.source


async def state(store: Store, number: int) -> Draft:
    scope = Scope(user=None, role="system", office="", front=True)
    return await store.read(lambda tx: draft(tx, scope, number))


async def test_publish_from_the_page(anna: Browser, sqlite_store: Store, people: dict[str, int]) -> None:
    number = await a_draft(sqlite_store, people)
    path = f"/admin/rules/drafts/{number}/publish"
    status, page = await anna.get(path)
    assert status == 200
    assert "Reguła „Dotacje”: " in page and "Dotacje" in page and "Granty" in page
    assert "+    name: Granty" in page
    where = await anna.post(path, {"revision": "2", "act": "publish", "note": "Nowa <b>nazwa</b>"})
    assert where == (303, "/admin/rules/versions/2")
    assert (await in_force(sqlite_store))[0] == 2
    status, page = await anna.get("/admin/rules/versions/2")
    assert status == 200 and "Nowa &lt;b&gt;nazwa&lt;/b&gt;" in page and "Administrator" in page
    status, page = await anna.get("/admin/rules/versions")
    assert status == 200 and page.index("/admin/rules/versions/2") < page.index("/admin/rules/versions/1")
    status, page = await anna.get(path)
    assert status == 200 and "/admin/rules/versions/2" in page and 'name="act"' not in page


async def test_mistakes_are_listed_and_nothing_is_published(
    anna: Browser, sqlite_store: Store, people: dict[str, int]
) -> None:
    number = await a_draft(sqlite_store, people, "queue: pracodawcy", "queue: pracodawcyy")
    path = f"/admin/rules/drafts/{number}/publish"
    _, page = await anna.get(path)
    assert "pracodawcyy" in page and "Czy chodziło o „pracodawcy”?" in page
    assert f"/admin/rules/drafts/{number}/rules/employers" in page and 'name="act"' not in page
    status, page = await anna.post(path, {"revision": "2", "act": "publish", "note": "x"})
    assert status == 409 and 'role="alert"' in page and (await in_force(sqlite_store))[0] == 1


async def test_what_the_checks_and_the_differences_say_is_in_the_words_of_the_screens(
    anna: Browser, sqlite_store: Store, people: dict[str, int]
) -> None:
    asks = "{all: [{channel: email}, {channel: chat}, {language: [uk, en]}, {days: [sat, sun]}, {words: bezrobotni}]}"
    number = await a_draft(sqlite_store, people, "{words: {list: ulgi}}", asks)
    _, page = await anna.get(f"/admin/rules/drafts/{number}/publish")
    assert "nic nie spełnia naraz „kanał: E-mail” i „kanał: Czat”" in page
    assert "język: ukraiński, angielski (co najmniej" in page
    assert "dzień tygodnia: sobota, niedziela i słowa w dowolnej formie: bezrobotni" in page


async def test_a_warning_is_open_among_many_hints(
    anna: Browser, sqlite_store: Store, people: dict[str, int]
) -> None:
    unused = "".join(f"  c{number}: {{channel: email}}\n" for number in range(6))
    hints = f"conditions:\n{unused}rules:\n"
    mistyped = f"{hints}  - {{id: a, when: {{language: ua}}, do: {{tags: a}}, then: continue}}\n"
    for rules, opened in ((hints, ""), (mistyped, " open")):
        number = await a_draft(sqlite_store, people, "rules:\n", rules)
        _, page = await anna.get(f"/admin/rules/drafts/{number}/publish")
        assert f'<details class="proof-more"{opened}>' in page


async def test_a_stale_revision_is_told(anna: Browser, sqlite_store: Store, people: dict[str, int]) -> None:
    number = await a_draft(sqlite_store, people)
    path = f"/admin/rules/drafts/{number}/publish"
    status, page = await anna.post(path, {"revision": "1", "act": "publish", "note": "mój opis"})
    assert status == 409 and "mój opis" in page, "what was typed stays"


async def test_a_list_and_a_test_that_are_refused_stay_as_they_were_typed(
    anna: Browser, sqlite_store: Store, people: dict[str, int]
) -> None:
    number = await a_draft(sqlite_store, people, before="[kasyno]", after="[kasyno, bukmacher]")
    home = f"/admin/rules/drafts/{number}"
    status, page = await anna.post(f"{home}/words/spam", {"words": "kasyno\nlichwa", "revision": "1"})
    assert status == 409 and "kasyno\nlichwa</textarea>" in page and "bukmacher" in page
    revision = field(page, "revision")
    status, page = await anna.post(f"{home}/words/spam", {"words": " \n", "revision": revision})
    assert status == 409 and 'role="alert"' in page
    status, _ = await anna.post(f"{home}/words/spam", {"words": "kasyno\nlichwa", "revision": revision})
    assert status == 303

    wanted = {"was": "", "name": "Firma", "text": "Mam firmę", "queue": "pracodawcy", "tags": "a, b"}
    revision = field((await anna.get(f"{home}/test"))[1], "revision")
    assert (await anna.post(f"{home}/test", wanted | {"revision": revision}))[0] == 303
    revision = field((await anna.get(f"{home}/test"))[1], "revision")
    again = wanted | {"revision": revision, "text": "Długo pisana wiadomość"}
    status, page = await anna.post(f"{home}/test", again)
    assert status == 409 and 'role="alert"' in page
    assert "Długo pisana wiadomość" in page and 'value="Firma"' in page and 'value="a, b"' in page
    assert field(page, "was") == ""
    status, page = await anna.post(f"{home}/test", again | {"name": " "})
    assert status == 409 and "Długo pisana wiadomość" in page


async def test_a_set_time_and_calling_it_off(
    anna: Browser, sqlite_store: Store, people: dict[str, int], desk: Desk
) -> None:
    number = await a_draft(sqlite_store, people)
    path = f"/admin/rules/drafts/{number}/publish"
    for wrong in ("", "kiedyś", "2020-01-01T08:00"):
        status, _ = await anna.post(path, {"revision": "2", "act": "schedule", "note": "", "at": wrong})
        assert status == 409
    form = {"revision": "2", "act": "schedule", "note": "Od jutra", "at": "2026-11-17T08:00"}
    assert await anna.post(path, form) == (303, path)
    waits = await state(sqlite_store, number)
    assert (waits.state, waits.publish_at) == ("scheduled", 1_794_898_800_000_000), "08:00 in Warsaw"
    status, page = await anna.get(path)
    assert "17 listopada 2026 08:00" in page and "Od jutra" in page
    told = "Najpierw odwołaj publikację, potem go zmień."
    assert told in (await anna.get(f"/admin/rules/drafts/{number}"))[1], (
        "before anybody types what is refused"
    )
    assert await anna.post(f"/admin/rules/drafts/{number}/call-off") == (303, path)
    assert (await state(sqlite_store, number)).state == "open"
    assert told not in (await anna.get(f"/admin/rules/drafts/{number}"))[1]


@pytest.mark.parametrize("waits", ["submitted", "scheduled"])
async def test_the_list_tells_of_a_newer_version_where_a_draft_waits_too(
    anna: Browser, sqlite_store: Store, people: dict[str, int], waits: str
) -> None:
    number, other = (
        await a_draft(sqlite_store, people),
        await a_draft(sqlite_store, people, after="name: Ulgi"),
    )
    await sqlite_store.write(lambda tx: tx.change(rule_draft, number, state=waits))
    assert "jest już nowsza" not in (await anna.get("/admin/rules/drafts"))[1]
    form = {"revision": "2", "act": "publish", "note": ""}
    await anna.post(f"/admin/rules/drafts/{other}/publish", form)
    assert (await anna.get("/admin/rules/drafts"))[1].count("jest już nowsza") == 1, "not what was published"


async def test_what_was_published_meanwhile_is_taken_over(
    anna: Browser, sqlite_store: Store, people: dict[str, int]
) -> None:
    first = await a_draft(sqlite_store, people, "name: Śmieci", "name: Spam")
    second = await a_draft(sqlite_store, people)
    third = await a_draft(sqlite_store, people, "name: Dotacje", "name: Dopłaty")
    publish = {"revision": "2", "act": "publish", "note": ""}
    await anna.post(f"/admin/rules/drafts/{first}/publish", publish)
    path = f"/admin/rules/drafts/{second}"
    _, page = await anna.get(f"{path}/publish")
    assert f"{path}/rebase" in page and 'name="act"' not in page
    assert (await anna.post(f"{path}/rebase")) == (303, f"{path}/publish")
    assert await anna.post(f"{path}/publish", publish | {"revision": "3"}) == (303, "/admin/rules/versions/3")
    source = (await in_force(sqlite_store))[1]
    assert "name: Spam" in source and "name: Granty" in source

    path = f"/admin/rules/drafts/{third}"
    status, page = await anna.post(f"{path}/rebase")
    assert status == 409 and "name: Dopłaty" in page and "name: Granty" in page
    assert 'value="ours:rule:grants"' in page
    assert (await state(sqlite_store, third)).revision == 2
    assert 'name="revision" value="2"' in page
    scope = Scope(user=people["druga"], role="administrator", office="krajowa", front=True)
    newer = lambda text: text.replace("name: Dopłaty", "name: Wsparcie")  # noqa: E731
    await sqlite_store.write(lambda tx: change(tx, scope, third, newer, Change(kind="change")))
    chosen = {"keep": "theirs:rule:grants"}
    assert (await anna.post(f"{path}/rebase", {**chosen, "revision": "2"}))[0] == 409
    assert "name: Wsparcie" in (await state(sqlite_store, third)).source
    assert 'name="version" value="3"' in page
    newest = (await in_force(sqlite_store))[1].replace("name: Granty", "name: Pomoc")
    fourth = await sqlite_store.write(lambda tx: open_draft(tx, scope, source=newest))
    publish["revision"] = "1"
    await anna.post(f"/admin/rules/drafts/{fourth.id}/publish", publish)
    assert (await anna.post(f"{path}/rebase", {**chosen, "revision": "3", "version": "3"}))[0] == 409
    assert "name: Wsparcie" in (await state(sqlite_store, third)).source, "nobody saw the text of version 4"
    where = await anna.post(f"{path}/rebase", {**chosen, "revision": "3", "version": "4"})
    assert where == (303, f"{path}/publish")
    assert "name: Pomoc" in (await state(sqlite_store, third)).source
    assert (await anna.post(f"{path}/rebase", {"keep": "anything"}))[0] == 400


async def test_taking_a_version_back(anna: Browser, sqlite_store: Store, people: dict[str, int]) -> None:
    number = await a_draft(sqlite_store, people)
    form = {"revision": "2", "act": "publish", "note": ""}
    await anna.post(f"/admin/rules/drafts/{number}/publish", form)
    _, page = await anna.get("/admin/rules/versions")
    assert "/admin/rules/versions/1/rollback" in page and "/admin/rules/versions/2/rollback" not in page
    status, page = await anna.get("/admin/rules/versions/1/rollback")
    assert status == 200 and "Granty" in page and "Dotacje" in page
    assert 'name="seen" value="2"' in page
    status, page = await anna.post("/admin/rules/versions/1/rollback", {"note": "Pomyłka", "seen": "1"})
    assert status == 409 and 'role="alert"' in page and 'value="Pomyłka"' in page
    assert (await in_force(sqlite_store))[0] == 2, (
        "what somebody published meanwhile is not taken back unseen"
    )
    where = await anna.post("/admin/rules/versions/1/rollback", {"note": "Pomyłka", "seen": "2"})
    assert where == (303, "/admin/rules/versions/3")
    assert await in_force(sqlite_store) == (3, SOURCE)
    status, page = await anna.post("/admin/rules/versions/1/rollback", {"note": ""})
    assert status == 409 and 'role="alert"' in page
    status, text = await anna.get("/admin/rules/versions/3/yaml")
    assert (status, text) == (200, SOURCE)
    assert (await anna.get("/admin/rules/versions/99"))[0] == 404
    _, page = await anna.get("/admin/rules/versions/3?against=1")
    assert 'class="change ' not in page
    _, page = await anna.get("/admin/rules/versions/3?against=2")
    assert 'class="change ' in page


@pytest.mark.parametrize("approval", [True])
async def test_a_second_person_approves(
    anna: Browser, enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int]
) -> None:
    other: Browser = await enter("druga")
    number = await a_draft(sqlite_store, people)
    path = f"/admin/rules/drafts/{number}/publish"
    _, page = await anna.get(path)
    assert 'value="submit"' in page and 'value="publish"' not in page
    status, _ = await anna.post(path, {"revision": "2", "act": "publish", "note": ""})
    assert status == 409
    assert await anna.post(path, {"revision": "2", "act": "submit", "note": "Proszę"}) == (303, path)
    _, page = await anna.get(path)
    assert f"/admin/rules/drafts/{number}/approve" not in page
    assert (await anna.post(f"/admin/rules/drafts/{number}/approve", {"revision": "2"}))[0] == 409
    _, page = await other.get(path)
    assert f"/admin/rules/drafts/{number}/approve" in page and "Approve" in page
    _, notices = await other.get("/notifications")
    assert "A draft of the rules waits for your approval" in notices
    assert (await other.post(f"/admin/rules/drafts/{number}/send-back", {"note": "Krócej"}))[0] == 303
    assert (
        "Druga Osoba odsyła z uwagą: Krócej" in (await anna.get(f"/admin/rules/drafts/{number}/publish"))[1]
    )
    assert await anna.post(path, {"revision": "2", "act": "submit", "note": ""}) == (303, path)
    assert await other.post(f"/admin/rules/drafts/{number}/approve", {"revision": "2"}) == (303, path)
    where = await anna.post(path, {"revision": "2", "act": "publish", "note": ""})
    assert where == (303, "/admin/rules/versions/2")
    _, page = await other.get("/admin/rules/versions")
    assert "approved by Druga Osoba" in page


async def test_who_is_no_administrator_of_the_front_office_changes_nothing(
    anna: Browser, enter: Callable[[str], Any], sqlite_store: Store, people: dict[str, int]
) -> None:
    number = await a_draft(sqlite_store, people)

    def county(tx: Tx) -> int:
        return add_person(tx, "powiat", role="administrator", office="pup-lomza")

    people["powiat"] = await sqlite_store.write(county)
    for login in ("supervisor", "powiat"):
        browser: Browser = await enter(login)
        form = {"revision": "2", "act": "publish", "note": ""}
        assert (await browser.post(f"/admin/rules/drafts/{number}/publish", form))[0] == 403
        assert (await browser.post("/admin/rules/versions/1/rollback", {"note": ""}))[0] == 403
    assert (await in_force(sqlite_store))[0] == 1


async def test_everything_is_in_the_audit_log(
    anna: Browser, sqlite_store: Store, people: dict[str, int]
) -> None:
    number = await a_draft(sqlite_store, people)
    form = {"revision": "2", "act": "publish", "note": ""}
    await anna.post(f"/admin/rules/drafts/{number}/publish", form)
    await anna.post("/admin/rules/versions/1/rollback", {"note": ""})

    def query(tx: Reader) -> list[tuple[str, str, int]]:
        row = schema.audit.c
        rules = select(row.action, row.subject, row.actor).where(row.action.like("rules-%")).order_by(row.id)
        return [tuple(found) for found in tx.rows(rules)]

    who = people["administrator"]
    assert await sqlite_store.read(query) == [
        ("rules-draft-opened", f"rule-draft:{number}", who),
        ("rules-draft-changed", f"rule-draft:{number}", who),
        ("rules-published", "rules:2", who),
        ("rules-rolled-back", "rules:3", who),
    ]
