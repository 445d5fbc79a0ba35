"""What people are told of the processes that share a store."""

from __future__ import annotations

import msgspec
import pytest

from connectors.contract import Micros
from hub.cli_cluster import lines
from hub.cluster import leases, members
from hub.cluster.leases import Standing
from hub.cluster.members import Me, Member
from hub.cluster.overview import overview, overview_of
from hub.cluster.roles import ROLES, Role, read_roles
from hub.store.store import Store


def member(
    name: str, roles: tuple[Role, ...] = ROLES, *, silent: float = 0.5, version: str = "1", setup: str = "a"
) -> Member:
    return Member(
        name=name,
        boot="b",
        roles=roles,
        version=version,
        secret="",
        setup=setup,
        began_at=Micros(1),
        beat_at=Micros(1),
        silent=silent,
        health={},
    )


def held(holder: str) -> Standing:
    return Standing(holder=holder, fence=1, expires_at=1, over=False)


def test_each_with_what_it_holds_and_what_nobody_does() -> None:
    found = overview_of(
        [
            member("dead", silent=40.0),
            member("mail", ("connectors", "outbox")),
            member("web", ("web",)),
            member("gone", ()),
        ],
        {"inbox:a": held("mail/b"), "search": held("dead/b"), "inbox:b": held("")},
        10.0,
    )
    assert [(node.name, node.state, node.holds) for node in found.nodes] == [
        ("dead", "silent", ("search",)),
        ("mail", "works", ("inbox:a",)),
        ("web", "works", ()),
        ("gone", "ends", ()),
    ]
    assert found.missing == ("timers",)
    assert found.free == ("inbox:b", "search")
    told = "\n".join(lines(found))
    assert "dead  silent for 40 s" in told
    assert "No process has the role timers." in told and "Nobody holds: inbox:b, search." in told


def test_several_versions_and_configurations_are_told() -> None:
    found = overview_of(
        [member("a"), member("b", version="2", setup="x"), member("c", silent=99, version="3")], {}, 10.0
    )
    assert found.versions == ("1", "2")
    told = "\n".join(lines(found))
    assert "Several versions run: 1, 2." in told and "different configurations" in told
    assert "No process has" not in told


def test_nobody_and_one_alone() -> None:
    assert list(lines(overview_of([], {}, 10.0))) == ["No process runs on this database."]
    assert overview_of([], {}, 10.0).missing == ()


async def test_it_is_read_from_the_store_and_goes_over_the_wire(store: Store) -> None:
    me = Me(name="web-1", boot="7", home="here", roles=("web", "timers"), version="1")
    await store.write(lambda tx: members.enter(tx, me, 10_000_000))
    await store.write(lambda tx: leases.take(tx, me.id, ["search"], 10_000_000))
    found = await store.read(lambda tx: overview(tx, 10.0))
    [node] = found.nodes
    assert (node.name, node.roles, node.holds, node.state) == (
        "web-1",
        ("web", "timers"),
        ("search",),
        "works",
    )
    assert msgspec.convert(msgspec.to_builtins(found), type(found)) == found
    await store.write(lambda tx: members.retire(tx, me))
    assert (await store.read(lambda tx: overview(tx, 10.0))).nodes[0].state == "ends"
    await store.write(lambda tx: members.leave(tx, me))
    assert (await store.read(lambda tx: overview(tx, 10.0))).nodes == ()


def test_roles_are_read_as_people_write_them() -> None:
    assert read_roles(["timers,web"]) == read_roles(["web", "timers"]) == ("web", "timers")
    for wrong, told in ((["kitchen"], "no role 'kitchen'"), ([" , "], "at least one")):
        with pytest.raises(ValueError, match=told):
            read_roles(wrong)
