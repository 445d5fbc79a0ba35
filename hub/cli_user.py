"""``centrala user add``, ``passwd``, ``forget-second-factor`` and ``list``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hub.cli_common import Failed, config_option
from hub.cli_config import read_config
from hub.cli_store import perform
from hub.config import Config
from hub.people.passwords import LONGEST, SHORTEST
from hub.people.users import TAKEN, login_form, new_login
from hub.scope import Conflict

ROLES = ("agent", "moderator", "supervisor", "administrator")


@click.group()
def user() -> None:
    """Add users, set passwords, take second factors away, list users. The first administrator is made here."""


password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)


@user.command()
@config_option
@click.option("--login", required=True, help="What the person types to log in.")
@click.option("--name", required=True, help="The name that colleagues see.")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the person may do.")
@click.option("--office", required=True, help="Id of the person's office in the configuration.")
@click.option(
    "--queue", "queues", multiple=True, help="A queue to work; may be repeated. Without it all of the office."
)
@click.option("--skill", "skills", multiple=True, help="A skill, for example a language; may be repeated.")
@click.option(
    "--language", type=click.Choice(["pl", "en"]), default="pl", show_default=True, help="Of the screens."
)
@password_option
def add(
    config_path: Path,
    login: str,
    name: str,
    role: str,
    office: str,
    queues: tuple[str, ...],
    skills: tuple[str, ...],
    language: str,
    password_stdin: bool,
) -> None:
    """Add a user."""
    config = read_config(config_path)
    if not password_stdin:
        _refuse_before_asking(config, login, office, queues)
    arguments = {
        "login": login,
        "name": name,
        "role": role,
        "office": office,
        "language": language,
        "queues": queues or None,
        "skills": skills,
        "password": _password(password_stdin),
    }
    perform(config, "user.add", arguments)
    click.echo(f"{name} can log in at {config.hub.console_url} as {login}.")


@user.command()
@config_option
@click.argument("login")
@password_option
def passwd(config_path: Path, login: str, password_stdin: bool) -> None:
    """Set the password of LOGIN. All the user's sessions end."""
    config = read_config(config_path)
    if not password_stdin and not _exists(config, login):
        raise Failed(f"There is no user {login}.")
    perform(config, "user.passwd", {"login": login, "password": _password(password_stdin)})
    click.echo(f"The password of {login} is set; open sessions have ended.")


@user.command(name="forget-second-factor", short_help="Take the second factor of LOGIN away.")
@config_option
@click.argument("login")
def forget_second_factor(config_path: Path, login: str) -> None:
    """Take the second factor of LOGIN away, whose telephone and codes on paper are lost. All their sessions end."""
    perform(read_config(config_path), "user.forget-factor", {"login": login})
    click.echo(f"{login} logs in with the password alone now; open sessions have ended.")


@user.command(name="list")
@config_option
def list_all(config_path: Path) -> None:
    """List all users, the disabled last."""
    people = perform(read_config(config_path), "user.list", {})
    rows = [("LOGIN", "NAME", "ROLE", "OFFICE", "QUEUES", "STATE")]
    for person in people:
        state = "" if person["active"] else "disabled"
        queues = " ".join(person["queues"])
        rows.append((person["login"], person["name"], person["role"], person["office"], queues, state))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _refuse_before_asking(config: Config, login: str, office: str, queues: tuple[str, ...]) -> None:
    """Nobody types a password twice to be told then that the office is misspelt; the hub judges all of it again.

    Raises :class:`Failed`.
    """
    try:
        new_login(login)
    except Conflict as conflict:
        raise Failed(str(conflict)) from None
    if office not in {known.id for known in config.offices}:
        raise Failed(f"There is no office {office} in the configuration.")
    known_queues = {known.id for known in config.queues}
    for queue in queues:
        if queue not in known_queues:
            raise Failed(f"There is no queue {queue} in the configuration.")
    if _exists(config, login):
        raise Failed(TAKEN)


def _exists(config: Config, login: str) -> bool:
    return any(person["login"] == login_form(login) for person in perform(config, "user.list", {}))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise Failed("There is no terminal to ask for the password. Give it with --password-stdin.")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not SHORTEST <= len(password) <= LONGEST:
        raise Failed(f"A password needs {SHORTEST} to {LONGEST} characters.")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise Failed("The password is no text in UTF-8. Look at the encoding of your terminal.") from None
    return str(password)
