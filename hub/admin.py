"""What the command line may change, as handlers that the running hub serves on its control socket.

The same handlers work on a store opened by the command itself while no hub runs; see :mod:`hub.cli_store`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from hub.audit import record
from hub.control import CommandFailed, Handler
from hub.directory import Directory
from hub.people.passwords import hash_password
from hub.people.second_factor import is_on, take_away
from hub.people.users import add_user, find_login, list_users, set_password, set_queues
from hub.scope import SYSTEM, Conflict, NotFound
from hub.store.store import Store
from hub.store.tx import Tx


class AddUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``queues`` None: all queues of the office that are not for spam."""

    login: str
    name: str
    role: Literal["agent", "moderator", "supervisor", "administrator"]
    office: str
    password: str
    language: Literal["pl", "en"] = "pl"
    queues: tuple[str, ...] | None = None
    skills: tuple[str, ...] = ()


class Passwd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    login: str
    password: str


class ForgetFactor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    login: str


def handlers(store: Store, directory: Callable[[], Directory]) -> dict[str, Handler]:
    """By command. ``directory`` gives the configured house as it is now."""

    async def add(arguments: dict[str, Any]) -> Any:
        wish = msgspec.convert(arguments, AddUser)
        house = directory()
        queues = _queues(house, wish)
        hashed = await _hashed(wish.password)
        return await store.write(lambda tx: _add(tx, wish, house, queues, hashed))

    async def passwd(arguments: dict[str, Any]) -> Any:
        wish = msgspec.convert(arguments, Passwd)
        hashed = await _hashed(wish.password)
        return await store.write(lambda tx: _passwd(tx, wish, hashed))

    async def forget_factor(arguments: dict[str, Any]) -> Any:
        wish = msgspec.convert(arguments, ForgetFactor)
        return await store.write(lambda tx: _forget_factor(tx, wish))

    async def users(arguments: dict[str, Any]) -> Any:
        people = await store.read(lambda tx: list_users(tx, SYSTEM))
        return msgspec.to_builtins(people)

    return {
        "user.add": _telling(add),
        "user.passwd": _telling(passwd),
        "user.forget-factor": _telling(forget_factor),
        "user.list": _telling(users),
    }


def _telling(handler: Handler) -> Handler:
    """``handler`` with its refusals as sentences."""

    async def told(arguments: dict[str, Any]) -> Any:
        try:
            return await handler(arguments)
        except NotFound:
            raise CommandFailed(f"There is no user {arguments.get('login', '')}.") from None
        except (Conflict, ValueError) as error:  # ValueError: msgspec's, and that of a password's length
            raise CommandFailed(f"{str(error).rstrip('.')}.") from error

    return told


def _queues(house: Directory, wish: AddUser) -> tuple[str, ...]:
    if wish.office not in house.offices:
        raise Conflict(f"There is no office {wish.office} in the configuration")
    if wish.queues is None:
        return tuple(q.id for q in house.queues.values() if q.office == wish.office and not q.spam)
    for queue in wish.queues:
        if queue not in house.queues:
            raise Conflict(f"There is no queue {queue} in the configuration")
    return wish.queues


async def _hashed(password: str) -> str:
    return await asyncio.to_thread(hash_password, password)


def _add(tx: Tx, wish: AddUser, house: Directory, queues: tuple[str, ...], hashed: str) -> int:
    new = add_user(
        tx, SYSTEM, wish.login, wish.name, wish.role, wish.office, hashed, wish.language, wish.skills
    )
    set_queues(tx, SYSTEM, house, new, queues)
    return new


def _passwd(tx: Tx, wish: Passwd, hashed: str) -> str:
    found = find_login(tx, wish.login, active_only=False)
    if found is None:
        raise NotFound("user")
    set_password(tx, found.id, hashed)
    record(tx, SYSTEM.user, "password-set-by-command", f"user:{found.id}")
    return str(found.login)


def _forget_factor(tx: Tx, wish: ForgetFactor) -> str:
    found = find_login(tx, wish.login, active_only=False)
    if found is None:
        raise NotFound("user")
    if not is_on(tx, found.id):
        raise Conflict(f"{found.login} has no second factor; nothing was changed")
    take_away(tx, SYSTEM, found.id)
    return str(found.login)
