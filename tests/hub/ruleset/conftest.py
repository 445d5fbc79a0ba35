"""A house with published rules, and administrators who change them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from hub.config import Hub, Rules
from hub.house import House
from hub.ruleset.checks import check, known
from hub.ruleset.proof import Proof
from hub.ruleset.versions import Wanted, add_version, lock
from hub.scope import Scope
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from tests.hub.specimen import CONFIG, a_house, add_person

SOURCE = """\
# Reguły na próbę

words:
  spam: [kasyno]
  ulgi: [dotacja]

rules:
  # Najpierw przedsiębiorcy
  - id: employers
    name: Przedsiębiorcy
    when: {words: [pracodawca, firma]}
    do: {queue: pracodawcy}

  - id: grants
    name: Dotacje
    when: {words: {list: ulgi}}
    do: {queue: bezrobotni, tags: [dotacja]}

  - id: junk
    name: Śmieci
    when: {words: {list: spam}}
    do: {queue: spam}

default: {queue: bezrobotni}
"""


@pytest.fixture(scope="session")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that all tests share, so that forms of words are looked up once."""
    return tmp_path_factory.mktemp("forms")


@pytest.fixture
def house(forms: Path) -> House:
    return made_house(forms)


def made_house(folder: Path, *, approval: bool = False) -> House:
    """The specimen's house with a data folder of its own."""
    changed = msgspec.structs.replace(
        CONFIG, hub=Hub(data_dir=str(folder / "data")), rules=Rules(approval=approval)
    )
    return a_house(changed, rules=SOURCE)


@pytest.fixture
async def scopes(store: Store) -> Mapping[str, Scope]:
    """Three administrators; version 1 is in force."""

    def command(tx: Tx) -> dict[str, Scope]:
        lock(tx)
        add_version(tx, Wanted(source=SOURCE))
        return {name: _administrator(tx, name) for name in ("anna", "bogdan", "celina")}

    return await store.write(command)


@pytest.fixture
async def administrator(store: Store) -> Scope:
    """One administrator in a house where nothing was published yet."""
    return await store.write(lambda tx: _administrator(tx, "anna"))


def _administrator(tx: Tx, name: str) -> Scope:
    user = add_person(tx, name, role="administrator")
    return Scope(user=user, role="administrator", office="krajowa", front=True, name=name)


def proof_of_source(tx: Reader, house: House, source: str) -> Proof:
    """What the checks say of a text."""
    config = house.directory.config
    return check(config, source, "draft", known(tx, config), tx.now).proof
