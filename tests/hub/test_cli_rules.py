"""``centrala rules``: check, test, diff, export, import and replay, for people who keep rules in git."""

from __future__ import annotations

import asyncio
import io
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from hub import cli
from hub.cli_common import Exit
from hub.cli_config import KINDS, channel
from hub.clock import SystemClock
from hub.ruleset.checks import CHANNELS
from hub.ruleset.commands import told
from hub.ruleset.proof import Item
from hub.ruleset.versions import Wanted, add_version, lock
from hub.store.sqlite import SqliteStore
from hub.store.tx import Tx
from hub.web.api.types import Status
from rules.files.load import version_of
from rules.language import STATUSES
from rules.text import Text
from tests.hub.test_run import Hub, hub
from tests.servers.process import wait_until

__all__ = ["hub"]

CONFIG = """\
[hub]
data_dir = "{0}/data"

[store]
url = "sqlite:{0}/data/centrala.db"

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "informacja"
name_pl = "Informacja"
name_en = "Information"
office = "krajowa"

[[queues]]
id = "kadry"
name_pl = "Kadry"
name_en = "Staff"
office = "krajowa"
"""

RULES = """\
rules:
  - id: umowy   # o pracę
    name: Umowy
    when: {words: [umowa]}
    do: {queue: kadry}
default: {queue: informacja}
tests:
  - name: Umowa o pracę
    message: {text: Mam pytanie o umowę}
    expect: {queue: kadry}
"""

FORM = """
[[inboxes]]
id = "poczta"
kind = "email"
name = "Poczta"
office = "krajowa"
queue = "informacja"
[inboxes.settings]
address = "kontakt@example.org"
smtp = { host = "127.0.0.1", port = 2525, security = "plain" }
"""

BOT = """
[[inboxes]]
id = "bot"
kind = "telegram"
name = "Bot"
office = "krajowa"
queue = "informacja"
[inboxes.settings]
token = "7001:the-bot-of-the-demo"
api_url = "http://127.0.0.1:1"
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    path = tmp_path / "centrala.toml"
    path.write_text(CONFIG.format(tmp_path))
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.run(["rules", *map(str, arguments), "-c", str(config)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def stored(config: Path) -> None:
    """A store in which the rules are version 1, and no hub runs."""

    def command(tx: Tx) -> None:
        lock(tx)
        add_version(tx, Wanted(source=RULES))

    async def make() -> None:
        store = SqliteStore(config.parent / "data" / "centrala.db", SystemClock())
        await store.open()
        await store.write(command)
        await store.close()

    asyncio.run(make())


def written(config: Path, before: str, after: str) -> Path:
    """A rule file beside the configured one, with one change."""
    assert before in RULES
    path = config.with_name("neue.yaml")
    path.write_text(RULES.replace(before, after))
    return path


def test_check_tells_what_lint_finds(run: Run, config: Path) -> None:
    assert run("check")[:2] == (
        0,
        f"{config.with_name('rules.yaml')}: 1 rule; version {version_of(RULES)}.\n",
    )
    never = written(config, "when: {words: [umowa]}", "when: {channel: sms, not: {channel: sms}}")
    code, _, err = run("check", never)
    assert code == Exit.CONFIGURATION
    assert f"{never}:" in err and "error: umowy:" in err and "cannot be published" in err


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ("when: {channel: emial}", "There is no channel “emial”. Did you mean “email”?"),
        ("when: {words: [umowa]}, do: {answer: nieznany}", "There is no template “nieznany”."),
        ("when: {words: [umowa]}, do: {webhook: crm}", "There is no webhook “crm”"),
    ],
)
def test_check_tells_names_that_publishing_would_refuse(
    run: Run, config: Path, after: str, said: str
) -> None:
    path = config.with_name("neue.yaml")
    rule = f"  - {{id: a, {after}{'' if 'do:' in after else ', do: {queue: kadry}'}}}"
    path.write_text(f"rules:\n{rule}\ndefault: {{queue: informacja}}\n")
    code, _, err = run("check", path)
    assert code == Exit.CONFIGURATION
    assert f"{path}:2: error: a: {said}" in err


def test_check_knows_words_by_their_forms(run: Run, config: Path) -> None:
    never = written(config, "when: {words: [umowa]}", "when: {words: umowę, not: {words: umowa}}")
    code, _, err = run("check", never)
    assert code == Exit.CONFIGURATION and "nothing is both words: umowę and not words: umowa" in err


def test_the_channels_that_rules_may_name_are_those_that_exist() -> None:
    assert set(CHANNELS) == {channel(kind).channel for kind in KINDS}


def test_test_runs_the_tests_of_the_file(run: Run, config: Path) -> None:
    code, out, _ = run("test")
    assert code == 0 and "Umowa o pracę" in out and "1 test, 0 failed" in out
    wrong = written(config, "expect: {queue: kadry}", "expect: {queue: informacja}")
    code, out, err = run("test", wrong)
    assert code == Exit.FAILED and "FAIL" in out and "informacja" in out and "failed" in err
    assert run("test", "--only", "Umowa o pracę")[0] == 0
    assert run("test", "--only", "Nie ma")[0] == Exit.FAILED


def test_diff_in_words_and_as_texts(run: Run, config: Path) -> None:
    after = written(config, "[umowa]", "[umowa, etat]")
    before = config.with_name("rules.yaml")
    assert run("diff", before, after)[:2] == (0, "Rule “Umowy”: words: added etat\n")
    code, out, _ = run("diff", "--yaml", before, after)
    assert (
        code == 0 and f"--- {before}\n+++ {after}\n" in out and "+    when: {words: [umowa, etat]}\n" in out
    )
    assert run("diff", before, before)[1] == "They are the same.\n"
    comment = written(config, "# o pracę", "# o umowach")
    assert run("diff", before, comment)[1] == "No rule differs.\n"
    broken = written(config, "rules:", "rulez:")
    code, _, err = run("diff", before, broken)
    assert code == Exit.CONFIGURATION and f"{broken}:1" in err
    assert run("diff", before, config.with_name("nothing.yaml"))[0] == Exit.CONFIGURATION


@pytest.mark.usefixtures("stored")
def test_export_and_import_close_the_circle(run: Run, config: Path) -> None:
    assert run("export")[:2] == (0, RULES)
    out = config.with_name("out.yaml")
    assert run("export", out)[0] == 0 and out.read_text() == RULES

    changed = written(config, "[umowa]", "[umowa, etat]")
    code, said, _ = run("import", changed, "--publish", "--note", "Także etat")
    assert (code, said) == (0, "The rules are published as version 2.\n")
    assert run("export")[1] == changed.read_text()
    assert run("export", "--version", "1")[1] == RULES
    assert run("diff", "1", "2")[1] == "Rule “Umowy”: words: added etat\n"
    assert run("export", "--version", "7")[0] == Exit.FAILED


@pytest.mark.usefixtures("stored")
def test_import_without_publish_leaves_a_draft(run: Run, config: Path, monkeypatch: Any) -> None:
    text = RULES.replace("[umowa]", "[umowa, etat]")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, said, _ = run("import", "-")
    assert code == 0 and "nothing is published yet" in said
    assert run("export")[1] == RULES


@pytest.mark.usefixtures("stored")
def test_what_the_checks_refuse_is_not_imported_as_published(run: Run, config: Path) -> None:
    wrong = written(config, "expect: {queue: kadry}", "expect: {queue: informacja}")
    code, _, err = run("import", wrong, "--publish")
    assert code == Exit.FAILED and "Umowa o pracę" in err and "kept as draft" in err
    unknown = written(config, "do: {queue: kadry}", "do: {queue: kadryy}")
    code, _, err = run("import", unknown, "--publish")
    assert code == Exit.FAILED and "line 2: error: umowy:" in err and "Did you mean “kadry”?" in err
    same = written(config, RULES, RULES)
    assert run("import", same, "--publish")[0] == Exit.FAILED
    assert run("export")[1] == RULES


@pytest.mark.usefixtures("stored")
def test_a_character_that_no_database_keeps_is_told(run: Run, config: Path) -> None:
    code, _, err = run("import", written(config, "# o pracę", "# \0"))
    assert code == Exit.FAILED and "U+0000" in err


def test_without_a_store_it_is_told(run: Run) -> None:
    code, _, err = run("export")
    assert code == Exit.FAILED and "No rules were published" in err
    code, _, err = run("replay", "rules.yaml")
    assert code != 0 and err


@pytest.mark.usefixtures("stored")
def test_replay_of_an_empty_store_says_so(run: Run, config: Path) -> None:
    code, _, err = run("replay", config.with_name("rules.yaml"), "--days", "7")
    assert code == Exit.FAILED and "no messages" in err
    assert run("replay", config.with_name("rules.yaml"), "--days", "7", "--messages", "5")[0] == Exit.USAGE
    assert run("replay", written(config, "rules:", "rulez:"))[0] == Exit.CONFIGURATION


@pytest.mark.usefixtures("stored")
def test_explain_goes_by_a_file_or_a_version(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + FORM)
    body = config.with_name("body")
    body.write_bytes(b"Subject: x\nFrom: a@example.org\nMessage-ID: <1@example.org>\n\nMam pytanie o umowe\n")
    ask = ("explain", "--inbox", "poczta", "--rule", "umowy")
    assert run(*ask, body)[1].startswith("umowy (line 2): matched by words:")
    other = written(config, "[umowa]", "[etat]")
    assert "failed: words: wanted etat" in run(*ask, "--rules", other, body)[1]
    assert run(*ask, "--rules", "1", body)[1].startswith("umowy (line 2): matched")
    assert run(*ask, "--rules", "9", body)[0] == Exit.FAILED


def test_explain_says_in_a_sentence_that_a_message_cannot_be_read(run: Run, config: Path) -> None:
    config.write_text(config.read_text() + BOT)
    body = config.with_name("body")
    body.write_bytes(b"{")
    code, _, err = run("explain", "--inbox", "bot", body)
    assert code == Exit.FAILED, err
    assert err.startswith("The channel telegram cannot read this message: ") and "Traceback" not in err


def test_a_file_with_a_byte_order_mark_is_the_same_file(run: Run, config: Path) -> None:
    marked = config.with_name("windows.yaml")
    marked.write_bytes(b"\xef\xbb\xbf" + RULES.replace("\n", "\r\n").encode())
    assert run("diff", config.with_name("rules.yaml"), marked)[1] == "They are the same.\n"


def test_what_a_check_asks_ends_as_a_question() -> None:
    assert (
        told(Item(part="form", level="error", text=Text("a; did you mean b?"))) == "error: a; did you mean b?"
    )


@pytest.mark.slow
def test_a_running_hub_takes_over_what_is_imported(hub: Hub) -> None:
    hub.start()
    rules = hub.folder / "neue.yaml"
    rules.write_text(
        "rules:\n  - id: a\n    name: A\n    when: {channel: sms}\n    do: {queue: informacja}\n"
        "default: {queue: informacja}\n"
    )
    done = hub.command("rules", "import", str(rules), "--publish", "--note", "Próba")
    assert done.returncode == 0 and "version 2" in done.stdout
    wait_until(lambda: "rules taken over" in hub.text(), "the running hub did not take it over")
    assert hub.command("rules", "export").stdout == rules.read_text()
    assert "Rule “A” added" in hub.command("rules", "diff", "1", "2").stdout

    # The file changes after that: it becomes a draft, and what was published stays in force.
    (hub.folder / "rules.yaml").write_text("default:\n  queue: informacja\n  priority: high\n")
    hub.send(signal.SIGHUP)
    wait_until(lambda: "the hub needs attention" in hub.text(), "nobody is told of the changed file")
    assert hub.command("rules", "export").stdout == rules.read_text()
    assert "reloaded" in hub.text()


def test_the_statuses_that_rules_may_name_are_those_of_conversations() -> None:
    assert get_args(Status) == STATUSES
