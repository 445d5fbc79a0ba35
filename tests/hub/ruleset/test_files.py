"""The rule file beside the console: neither overwrites what the other made."""

from __future__ import annotations

import pytest

from hub.configfile import ConfigError
from hub.house import House
from hub.ruleset import Change, change, discard, draft, drafts, open_draft, publish, published, rebase
from hub.ruleset.files import last_import, waiting_draft
from hub.ruleset.follower import import_file
from hub.scope import Scope
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.ruleset.conftest import SOURCE, proof_of_source

LATER = SOURCE.replace("name: Dotacje", "name: Dotacje z pliku")


@pytest.fixture
async def imported(store: Store, house: House) -> None:
    """The file was taken in at the first start."""
    assert await took(store, house, SOURCE) == "published"


async def took(store: Store, house: House, source: str) -> str:
    return await import_file(store, house.directory.config, source, "rules.yaml", 0)


async def in_console(store: Store, house: House, scope: Scope, before: str, after: str) -> int:
    """Publish a change in the console."""

    def command(tx: Tx) -> int:
        made = open_draft(tx, scope)
        made = change(tx, scope, made.id, lambda text: text.replace(before, after), Change(kind="change"))
        proof = proof_of_source(tx, house, made.source)
        return publish(tx, house, scope, made.id, made.revision, "", proof=proof)

    return await store.write(command)


async def in_force(store: Store) -> tuple[int, str, str]:
    now = await store.read(published)
    assert now is not None
    return now.version, now.origin, now.source


@pytest.mark.usefixtures("imported")
async def test_an_unchanged_file_is_taken_in_once(store: Store, house: House) -> None:
    assert await took(store, house, SOURCE) == "same"
    assert await in_force(store) == (1, "file", SOURCE)


@pytest.mark.usefixtures("imported")
async def test_a_changed_file_is_published_while_the_file_is_in_force(store: Store, house: House) -> None:
    assert await took(store, house, LATER) == "published"
    assert await in_force(store) == (2, "file", LATER)
    assert await took(store, house, SOURCE) == "published"
    assert await in_force(store) == (3, "file", SOURCE)


@pytest.mark.usefixtures("imported")
async def test_an_unchanged_file_leaves_what_the_console_published(
    store: Store, house: House, administrator: Scope
) -> None:
    await in_console(store, house, administrator, "name: Śmieci", "name: Spam")
    assert await took(store, house, SOURCE) == "same"
    version, origin, source = await in_force(store)
    assert (version, origin) == (2, "console") and "name: Spam" in source


@pytest.mark.usefixtures("imported")
async def test_a_changed_file_after_the_console_is_a_draft_and_nothing_is_overwritten(
    store: Store, house: House, administrator: Scope
) -> None:
    await in_console(store, house, administrator, "name: Śmieci", "name: Spam")
    assert await took(store, house, LATER) == "draft"
    assert (await in_force(store))[:2] == (2, "console")
    number = await store.read(waiting_draft)
    assert number is not None
    made = await store.read(lambda tx: draft(tx, administrator, number))
    assert (made.source, made.base, made.author, made.state) == (LATER, 1, None, "open")
    assert await took(store, house, LATER) == "same"
    again = LATER.replace("z pliku", "z nowego pliku")
    assert await took(store, house, again) == "draft"
    assert await store.read(waiting_draft) == number, "the same draft goes on"

    merged = await store.write(lambda tx: rebase(tx, administrator, number))
    assert "z nowego pliku" in merged.source and "name: Spam" in merged.source
    await store.write(
        lambda tx: publish(
            tx,
            house,
            administrator,
            number,
            merged.revision,
            "",
            proof=proof_of_source(tx, house, merged.source),
        )
    )
    assert await store.read(waiting_draft) is None


@pytest.mark.usefixtures("imported")
async def test_a_draft_of_the_file_that_somebody_works_on_is_left_alone(
    store: Store, house: House, administrator: Scope
) -> None:
    await in_console(store, house, administrator, "name: Śmieci", "name: Spam")
    await took(store, house, LATER)
    first = await store.read(waiting_draft)
    assert first is not None
    await store.write(
        lambda tx: change(tx, administrator, first, lambda text: text + "# moje\n", Change(kind="text"))
    )
    await took(store, house, LATER + "# plik\n")
    assert await store.read(waiting_draft) != first
    assert len(await store.read(lambda tx: drafts(tx, administrator))) == 2
    kept = await store.read(lambda tx: draft(tx, administrator, first))
    assert kept.source.endswith("# moje\n")


@pytest.mark.usefixtures("imported")
async def test_what_the_console_exported_comes_back_as_what_it_is(
    store: Store, house: House, administrator: Scope
) -> None:
    """Export, commit to git, deploy: the file is in force again, and its next change is published."""
    await in_console(store, house, administrator, "name: Śmieci", "name: Spam")
    exported = (await in_force(store))[2]
    assert await took(store, house, exported) == "same"
    assert await store.read(waiting_draft) is None
    assert await took(store, house, exported + "# dalej\n") == "published"
    assert (await in_force(store))[0] == 3


@pytest.mark.usefixtures("imported")
async def test_a_file_that_cannot_be_used_changes_nothing(store: Store, house: House) -> None:
    before = await store.read(last_import)
    with pytest.raises(ConfigError, match="no queue"):
        await took(store, house, SOURCE.replace("queue: spam", "queue: spamm"))
    with pytest.raises(ConfigError):
        await took(store, house, "rules: 7")
    assert await in_force(store) == (1, "file", SOURCE) and await store.read(last_import) == before


@pytest.mark.usefixtures("imported")
async def test_a_discarded_draft_of_the_file_is_not_asked_about_again(
    store: Store, house: House, administrator: Scope
) -> None:
    await in_console(store, house, administrator, "name: Śmieci", "name: Spam")
    await took(store, house, LATER)
    number = await store.read(waiting_draft)
    assert number is not None
    await store.write(lambda tx: discard(tx, administrator, number))
    assert await took(store, house, LATER) == "same" and await store.read(waiting_draft) is None
