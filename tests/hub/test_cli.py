"""The command line as people use it: sentences, exit codes, quick start, and the running hub before the store."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hub import cli
from hub.cli_common import Exit
from hub.control import CommandFailed, exclusive

CONFIG = """\
[hub]
data_dir = "{data}"
rules_file = "rules.yaml"

[store]
url = "sqlite:{data}/centrala.db"

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "informacja"
name_pl = "Informacja"
name_en = "Information"
office = "krajowa"

[[queues]]
id = "spam"
name_pl = "Spam"
name_en = "Spam"
office = "krajowa"
spam = true
"""

RULES = """\
rules:
  - id: zasilek
    name: Zasiłek
    when:
      words: zasiłek
    do:
      queue: informacja
default:
  queue: informacja
"""

FACTOR = """
INSERT INTO second_factor ("user", secret, last_period, created_at, confirmed_at)
SELECT id, 'x', 0, 1, 1 FROM user_account
"""
"""Turns it on for everybody."""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    path = tmp_path / "centrala.toml"
    path.write_text(CONFIG.format(data=tmp_path / "data"))
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process: exit code, standard output, standard error."""

    def call(*arguments: object, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_help_tells_commands_and_exit_codes(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for name in cli.COMMANDS:
        assert f"  {name} " in out
    assert "Exit codes:" in out


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_each_command_has_help_that_begins_as_its_line_in_the_list(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert "Usage: centrala" in out and "Options:" in out


@pytest.mark.parametrize("group", ["rules", "user", "contact", "import"])
def test_a_list_of_commands_says_what_each_does_to_the_end(run: Run, group: str) -> None:
    _, out, _ = run(group, "--help")
    assert "..." not in out.partition("Commands:")[2]


def test_a_wrong_command_line_is_a_sentence_and_exit_code_2(run: Run) -> None:
    code, out, err = run("pares", "email")
    assert (code, out) == (Exit.USAGE, "") and "No such command 'pares'" in err
    assert run("parse", "emial")[0] == Exit.USAGE
    code, _, err = run("-c", "other.toml", "check")
    assert code == Exit.USAGE and "Options stand behind the command, as in: centrala check -c FILE" in err


def test_a_wrong_configuration_is_exit_code_3_with_its_line(run: Run, config: Path) -> None:
    config.write_text(config.read_text().replace("rules_file", "rules_fiel"))
    code, out, err = run("user", "list", "-c", config)
    assert (code, out) == (Exit.CONFIGURATION, "")
    assert f'{config}:3: hub.rules_fiel: unknown key; did you mean "rules_file"?' in err


def test_users_are_added_listed_and_given_passwords(run: Run, config: Path, tmp_path: Path) -> None:
    add = [
        "user",
        "add",
        "-c",
        config,
        "--role",
        "agent",
        "--office",
        "krajowa",
        "--name",
        "Ewa",
        "--password-stdin",
    ]
    assert run(*add, "--login", "Ewa", stdin="dlugie-haslo-1\n")[0] == 0
    code, out, _ = run("user", "list", "-c", config)
    assert code == 0
    assert out.splitlines()[1].split() == ["ewa", "Ewa", "agent", "krajowa", "informacja"]
    assert run("user", "passwd", "ewa", "-c", config, "--password-stdin", stdin="inne-haslo-22\n")[0] == 0
    code, _, err = run(*add, "--login", "ewa", stdin="dlugie-haslo-1\n")
    assert code == Exit.FAILED and "There is an account with this login already." in err
    code, _, err = run(*add, "--login", "adam", stdin="short\n")
    assert code == Exit.FAILED and "needs 10 to 256 characters" in err
    code, _, err = run("user", "passwd", "nikt", "-c", config, "--password-stdin", stdin="inne-haslo-22\n")
    assert code == Exit.FAILED and "There is no user nikt." in err
    code, _, err = run("user", "forget-second-factor", "ewa", "-c", config)
    assert code == Exit.FAILED and "ewa has no second factor" in err
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "centrala.db")) as store, store:
        passwords = store.execute(
            "SELECT subject FROM audit WHERE action = 'password-set-by-command'"
        ).fetchall()
        assert (
            passwords
            == store.execute("SELECT 'user:' || id FROM user_account WHERE login = 'ewa'").fetchall()
        )
        assert store.execute("SELECT * FROM audit WHERE action LIKE 'second-factor%'").fetchall() == []
        store.execute(FACTOR)
    code, out, _ = run("user", "forget-second-factor", "ewa", "-c", config)
    assert code == 0 and "with the password alone" in out
    code, _, err = run("user", "forget-second-factor", "nikt", "-c", config)
    assert code == Exit.FAILED and "There is no user nikt." in err
    wrong = [part if part != "krajowa" else "lomza" for part in add]
    code, _, err = run(*wrong, "--login", "adam", stdin="dlugie-haslo-1\n")
    assert code == Exit.FAILED and "There is no office lomza in the configuration." in err


def test_a_data_folder_in_use_is_exit_code_5(run: Run, config: Path, tmp_path: Path) -> None:
    run("user", "list", "-c", config)
    assert run("backup", tmp_path / "copy", "-c", config)[0] == 0
    with exclusive(tmp_path / "data"):
        assert run("user", "list", "-c", config)[0] == Exit.IN_USE
        assert run("restore", tmp_path / "copy", "-c", config)[0] == Exit.IN_USE
    code, _, err = run("restore", tmp_path / "copy", "-c", config)
    assert code == Exit.IN_USE and "restore into an empty data folder" in err


@pytest.mark.slow
def test_who_does_not_get_the_data_folder_makes_no_signing_secret_in_it(config: Path, tmp_path: Path) -> None:
    """Of two hubs that begin at once the one that runs would sign with another secret than the one that is kept."""
    with exclusive(tmp_path / "data"):
        command = [sys.executable, "-m", "hub.cli", "run", "-c", str(config)]
        done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == Exit.IN_USE
    assert not (tmp_path / "data" / "secret.key").exists()


@pytest.mark.parametrize("command", ["user list", "migrate", "check"])
def test_a_file_where_a_folder_belongs_is_a_sentence(
    run: Run, config: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "data").write_text("not a folder")
    code, _, err = run(*command.split(), "-c", config)
    assert code == Exit.UNREACHABLE and str(tmp_path / "data") in err


@pytest.mark.parametrize("command", ["user list", "migrate", "check"])
def test_a_file_that_is_no_database_is_a_sentence(
    run: Run, config: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/centrala.db").write_text("not a database" * 99)
    code, _, err = run(*command.split(), "-c", config)
    assert code == Exit.UNREACHABLE and "file is not a database" in err


def test_what_may_not_be_written_is_told_with_its_name(
    run: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may be root, to whom nothing is refused: the system's word is put in its mouth."""
    refused = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "data"))

    def refuse(*_: object, **__: object) -> None:
        raise refused

    monkeypatch.setattr(Path, "mkdir", refuse)
    code, _, err = run("user", "list", "-c", config)
    assert code == Exit.UNREACHABLE
    assert err.startswith(f"{tmp_path / 'data'} cannot be used: Permission denied. Give it to")


def test_a_configuration_that_may_not_be_read_is_a_fault_of_the_configuration(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    code, _, err = run("check", "-c", config)
    assert code == Exit.CONFIGURATION
    assert f"{config}: cannot be read: Permission denied" in err


def test_backup_and_restore_bring_users_back(run: Run, config: Path, tmp_path: Path) -> None:
    add = [
        "user",
        "add",
        "-c",
        config,
        "--role",
        "administrator",
        "--office",
        "krajowa",
        "--name",
        "Jan Nowak",
    ]
    run(*add, "--login", "jan", "--password-stdin", stdin="dlugie-haslo-1\n")
    assert run("backup", tmp_path / "copy", "-c", config)[0] == 0
    other = tmp_path / "other.toml"
    other.write_text(CONFIG.format(data=tmp_path / "data2"))
    assert run("restore", tmp_path / "copy", "-c", other)[0] == 0
    assert "Jan Nowak" in run("user", "list", "-c", other)[1]


def test_rules_are_checked_against_the_configuration(run: Run, config: Path) -> None:
    code, out, _ = run("rules", "check", "-c", config)
    assert code == 0 and "1 rule; version" in out
    rules = config.with_name("rules.yaml")
    rules.write_text(RULES.replace("queue: informacja", "queue: informacje", 1))
    code, out, err = run("rules", "check", "-c", config)
    assert (code, out) == (Exit.CONFIGURATION, "")
    assert f'{rules}:2: rule zasilek: there is no queue "informacje" in the configuration' in err
    rules.write_text(RULES.replace("words:", "wrods:"))
    code, _, err = run("rules", "check", "-c", config)
    assert code == Exit.CONFIGURATION and f"{rules}:5" in err


def test_one_of_a_thing_is_told_as_one(run: Run, config: Path) -> None:
    _, out, _ = run("check", "-c", config)
    assert ": 1 office, 2 queues, 0 inboxes." in out and "rules.yaml: 1 rule, version" in out


def test_an_interrupt_and_a_closed_pipe_are_not_tracebacks(config: Path) -> None:
    command = [sys.executable, "-m", "hub.cli", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["parse", "--help"]])
def test_the_start_is_quick(arguments: list[str]) -> None:
    # Processor time, not time on the wall: other tests run beside this one.
    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "hub.cli", *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    assert min(once() for _ in range(3)) < 0.5


def test_what_cannot_be_parsed_is_a_line_of_its_own(run: Run, tmp_path: Path) -> None:
    good = tmp_path / "good.eml"
    good.write_bytes(b"From: a@example.org\r\nTo: b@example.pl\r\nSubject: x\r\n\r\nDzien dobry\r\n")
    code, out, _ = run("parse", "email", tmp_path / "none.eml", good, tmp_path, good)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == Exit.FAILED
    assert [line["source"] for line in lines] == [
        str(path) for path in (tmp_path / "none.eml", good, tmp_path, good)
    ]
    assert "No such file" in lines[0]["error"] and "error" in lines[2]
    assert lines[1]["sender"]["address"] == "a@example.org" and lines[1]["text"].strip() == "Dzien dobry"


def test_check_tells_what_a_running_hub_cannot_tell(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(data_dir: Path, command: str, arguments: dict[str, object]) -> dict[str, object]:
        if command == "health":
            return {"kontakt": {"state": "ok"}}
        raise CommandFailed("The hub cannot do it now: the server is away. Try again later.")

    monkeypatch.setattr("hub.cli_check.call", call)
    code, out, err = run("check", "-c", config)
    assert code == Exit.UNREACHABLE and "inbox kontakt: ok" in out
    assert err == "The hub runs, but: The hub cannot do it now: the server is away. Try again later.\n"


def test_check_of_a_hub_that_is_starting_does_not_pass_its_inboxes(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = (
        '[[inboxes]]\nid = "telefon"\nkind = "phone"\nname = "T"\noffice = "krajowa"\nqueue = "informacja"\n'
    )
    config.write_text(config.read_text() + inbox)
    monkeypatch.setattr("hub.cli_check.call", lambda data_dir, command, arguments: {})
    code, _, err = run("check", "-c", config)
    assert code == Exit.UNREACHABLE
    assert err == "The hub is starting: its inboxes can be looked at in a moment.\n"


def test_check_tells_that_a_database_cannot_be_made(run: Run, config: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    text = config.read_text()
    config.write_text(text.replace(f"{tmp_path}/data/centrala.db", f"{tmp_path}/taken/centrala.db"))
    code, out, err = run("check", "-c", config)
    assert code == Exit.UNREACHABLE and "the first start makes it" not in out
    assert f"The folder of the database {tmp_path}/taken cannot be written to: " in err
    config.write_text(text.replace(f'"{tmp_path}/data"', f'"{tmp_path}/taken"'))
    code, _, err = run("check", "-c", config)
    assert code == Exit.UNREACHABLE and f"{tmp_path}/taken is no folder." in err


def test_a_place_where_nobody_can_make_a_folder_is_told(run: Run, config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace(f'"{tmp_path}/data"', '"/proc/centrala"'))
    code, _, err = run("check", "-c", config)
    assert code == Exit.UNREACHABLE and "/proc/centrala cannot be written to: " in err
    code, _, err = run("run", "-c", config)
    assert code == Exit.UNREACHABLE and "/proc/centrala cannot be used: " in err


@pytest.mark.parametrize("options", [(), ("--fresh",)])
def test_the_demo_tells_nobody_to_delete_an_office_s_data(
    run: Run, config: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "data").mkdir()
    database = tmp_path / "data" / "centrala.db"
    database.touch()
    code, out, err = run("demo", "-c", config, *options)
    assert (code, out) == (Exit.FAILED, "") and database.exists()
    assert "an office's own data. Name another data_dir, or use config/demo.toml." in err
    assert "elete" not in err


def test_a_backup_says_where_the_signing_secret_is(run: Run, config: Path, tmp_path: Path) -> None:
    add = ("--login", "ewa", "--name", "Ewa", "--role", "agent", "--office", "krajowa", "--password-stdin")
    assert run("user", "add", "-c", config, *add, stdin="dlugie-haslo-1\n")[0] == Exit.OK
    _, before, _ = run("backup", "-c", config, tmp_path / "before")
    assert f"does not hold the signing secret: {tmp_path / 'data'} has none" in before
    (tmp_path / "data" / "secret.key").write_text("k" * 64)
    assert "secret" not in run("backup", "-c", config, tmp_path / "made")[1]
    (tmp_path / "data" / "secret.key").unlink()
    config.write_text(config.read_text().replace("[hub]", f'[hub]\nsecret = "{"s" * 40}"', 1))
    _, elsewhere, _ = run("backup", "-c", config, tmp_path / "elsewhere")
    assert "which is configured elsewhere" in elsewhere


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "stdin", "told"),
    [
        ((), b"", "no terminal to ask for the password. Give it with --password-stdin"),
        (("--password-stdin",), b"dlugie-\xb3haslo-1\n", "no text in UTF-8"),
    ],
    ids=["no terminal", "bytes of another encoding"],
)
def test_a_password_that_cannot_be_had_is_told(
    config: Path, options: tuple[str, ...], stdin: bytes, told: str
) -> None:
    words = ["user", "add", "-c", str(config), "--login", "ewa", "--name", "E", "--role", "agent"]
    command = [sys.executable, "-m", "hub.cli", *words, "--office", "krajowa", *options]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60)
    assert done.returncode == Exit.FAILED
    assert told in done.stderr.decode() and "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "--login", "jan", "--office", "krajwa"), "There is no office krajwa"),
        (("add", "--login", "jan", "--office", "krajowa", "--queue", "skargi"), "There is no queue skargi"),
        (("add", "--login", "żaneta", "--office", "krajowa"), "letters without diacritics"),
        (("add", "--login", "EWA", "--office", "krajowa"), "There is an account with this login already"),
        (("passwd", "jan"), "There is no user jan"),
    ],
    ids=["office", "queue", "login", "login taken", "nobody"],
)
def test_what_cannot_be_is_told_before_a_password_is_asked_for(
    run: Run, config: Path, words: tuple[str, ...], told: str
) -> None:
    person = ("--name", "E", "--role", "agent")
    ewa = ("--login", "ewa", "--office", "krajowa", "--password-stdin", *person)
    assert run("user", "add", "-c", config, *ewa, stdin="dlugie-haslo-1\n")[0] == Exit.OK
    code, _, err = run("user", *words, "-c", config, *(person if words[0] == "add" else ()))
    assert code == Exit.FAILED and told in err and "assword" not in err


def test_health_asks_the_hub_of_the_data_folder(
    run: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it listens, and also while the file says something that no start would take."""
    config.write_text(config.read_text().replace("[hub]", "[public]\nport = 0\ntls = 7\n[hub]", 1))
    code, _, err = run("health", "-c", config)
    assert code == Exit.UNREACHABLE and f"No hub is running on the data folder {tmp_path / 'data'}" in err
    asked: list[tuple[Path, str]] = []

    def call(
        data_dir: Path, command: str, arguments: dict[str, object], *, seconds: float
    ) -> dict[str, object]:
        asked.append((data_dir, command))
        if len(asked) > 2:
            raise CommandFailed("The hub did not answer within 5 s.")
        return {}

    monkeypatch.setattr("hub.cli_health.call", call)
    assert run("health", "-c", config)[:2] == (Exit.OK, "The hub answers.\n")
    monkeypatch.setenv("CENTRALA_HUB_DATA_DIR", str(tmp_path / "elsewhere"))
    assert run("health", "-c", config)[0] == Exit.OK
    assert asked == [(tmp_path / "data", "health"), (tmp_path / "elsewhere", "health")]
    assert run("health", "-c", config)[0] == Exit.UNREACHABLE
