"""Reading the configuration: every mistake with file, line and key; secrets from files and the environment."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.contract import Secret
from connectors.email.config import EmailConfig
from connectors.meta.messenger import Settings as MessengerSettings
from hub.cli_config import CHANNELS as REAL
from hub.config import Config, Week
from hub.config_check import check
from hub.configfile import Channels, ConfigError, decode_settings, load, signing_secret


class Smtp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str
    port: int = 25
    password: Secret | None = None


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    address: str
    key: Secret | None = None
    smtp: Smtp | None = None
    peers: tuple[Smtp, ...] = ()

    def __post_init__(self) -> None:
        if self.address == "nobody":
            raise ValueError("address: nobody cannot be written to")


CHANNELS = Channels(kinds=("email", "form"), config={"email": Mail, "form": Mail}.__getitem__)

GOOD = """\
[hub]
name = "Zielona Linia"

[[offices]]
id = "krajowa"
name = "Zielona Linia"

[[queues]]
id = "informacja"
name_pl = "Informacja"
name_en = "Information"
office = "krajowa"

[[inboxes]]
id = "kontakt"
kind = "email"
name = "Zielona Linia"
office = "krajowa"
queue = "informacja"
[inboxes.settings]
address = "kontakt@example.pl"
[inboxes.settings.smtp]
host = "127.0.0.1"
"""


def written(folder: Path, text: str, name: str = "centrala.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def complaints(folder: Path, text: str, **environ: str) -> list[str]:
    """The sentences of a configuration's problems, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), environ=environ, channels=CHANNELS)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD), environ={}, channels=CHANNELS)
    assert config.hub.name == "Zielona Linia"
    assert config.hub.rules_file == str(tmp_path / "rules.yaml")
    mail = decode_settings(config.inbox("kontakt"), Mail)
    assert mail.smtp is not None and mail.smtp.host == "127.0.0.1"
    assert config.queue("informacja").target_minutes == 480


def test_an_unknown_key_names_file_line_and_the_nearest_valid_name(tmp_path: Path) -> None:
    assert complaints(tmp_path, '[hub]\nname = "x"\n\nlangauge = "pl"\n[outbx]\n') == [
        'centrala.toml:4: hub.langauge: unknown key; did you mean "language"?',
        'centrala.toml:5: outbx: unknown key; did you mean "outbox"?',
    ]


def test_several_mistakes_are_told_at_once_in_order_of_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace('name = "Zielona Linia"\n\n', 'name = 3\nzone = ["a"]\n\n', 1)
    text = text.replace('office = "krajowa"\n\n', "office = 1\ntier = 9\n\n")
    text = text.replace('host = "127.0.0.1"', 'hots = "127.0.0.1"\nport = "25"')
    assert complaints(tmp_path, text) == [
        "centrala.toml:2: hub.name: expected text, got a whole number",
        "centrala.toml:3: hub.zone: expected text, got a list",
        "centrala.toml:13: queues[0].office: expected text, got a whole number",
        "centrala.toml:14: queues[0].tier: expected a whole number <= 3",
        'centrala.toml:24: inboxes[0].settings.smtp: the key "host" is missing',
        'centrala.toml:25: inboxes[0].settings.smtp.hots: unknown key; did you mean "host"?',
        "centrala.toml:26: inboxes[0].settings.smtp.port: expected a whole number, got text",
    ]


LARGE = f'[hub]\nsecret = "{"s" * 32}"\n[store]\nurl = "postgresql://db/centrala"\n[redis]\n'


HOOK = '[[hooks]]\nid = "crm"\nurl = "https://crm.example/"\nsecret = "signs what is posted"\n'


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('[hub]\nlanguage = "plu"', 'hub.language: must be one of en, pl; did you mean "pl"?'),
        ('[desk]\nloud_from = "25:00"', 'desk.loud_from: must look like "08:00"'),
        ("[desk]\njoin_hours = -1", "desk.join_hours: expected a number >= 0"),
        ('[[offices]]\nid = "a"\nname = "A"\nhours.mon = "8-16"', 'hours.mon: must look like "07:30-15:30"'),
        (
            '[[offices]]\nid = "a"\nname = "A"\nhours.mon = "08:00-25:00"',
            'hours.mon: must look like "07:30-15:30"',
        ),
        (
            '[[offices]]\nid = "a"\nname = "A"\nhours.mon = "08:00-24:30"',
            'hours.mon: must look like "07:30-15:30"',
        ),
        ('[hub]\nname\u00a0= "Infolinia"', "a name has to be followed by = (a space that is none"),
        ('[limits]\nlogin_per_account = "5 a day"', 'must look like "20/minute" or "5/15 minute"'),
        (
            "[hub]\nname = ",
            'is not valid TOML: a value is missing or written wrongly; text stands in "quotes"',
        ),
        ("[hub]\n[desk]\n[hub]", "is not valid TOML: the table [hub] stands there a second time"),
        ("[hub\n", "is not valid TOML: expected ']' at the end of a table declaration"),
        ('[hub]\negress_allow = ["10.0.0.0/99"]', 'hub.egress_allow[0]: "10.0.0.0/99" is no address'),
        ('[hub]\nzone = "Europe/Warszawa"', 'no time zone "Europe/Warszawa"; did you mean "Europe/Warsaw"?'),
        ('[hub]\nsecret = "short"', "hub.secret: must have at least 32 characters"),
        ("[hub]\nsecret = 3", "hub.secret: expected text, got a whole number"),
        ("hub = 1\n", "hub: expected a table, got a whole number"),
        ("offices = 1\n", "offices: expected a list of tables, written [[offices]]"),
        ("[public]\nport = 1\n[private]\nport = 1", "private.port: is the port of [public] already"),
        (
            '[public]\nhost = "*"\nport = 1\n[private]\nhost = "::1"\nport = 1',
            "private.port: is the port of [public] already",
        ),
        (
            '[private]\nhost = "10.0.0.5, ::1"\nport = 1\n[metrics]\nhost = "::"\nport = 1',
            "metrics.port: is the port of [private] already",
        ),
        ('[public]\nhost = "[::1]"', 'public.host: "[::1]" is no address to listen on'),
        ('[metrics]\nhost = "127.0.0.1:9000"', 'metrics.host: "127.0.0.1:9000" is no address to listen on'),
        ('[redis]\nurl = "redis://r"', "redis.url: goes with PostgreSQL only"),
        (f'{LARGE}url = "redis://hub:secret@r"', 'redis.url: holds a password; give it as "password"'),
        (
            '[store]\nurl = "postgresql://hub:secret@db/centrala"',
            'store.url: holds a password; give it as "password"',
        ),
        ('[store]\nurl = "postgresql://db/centrala?password=x"', "store.url: holds a password"),
        ('[store]\nurl = "postgresql://a:5432,[::1]:543x/centrala"', 'store.url: "543x" is no port'),
        ('[store]\nurl = "postgresql://[::1/centrala"', "store.url: cannot be read"),
        ('[hub]\npublic_url = "https://[x"', "hub.public_url: names no host"),
        (f"{HOOK}{HOOK}", 'hooks[1].id: "crm" is taken by an earlier one'),
        (HOOK.replace("crm.example", ""), "hooks[0].url: names no host"),
        (f'{LARGE}url = "redis+sentinel://a,b"', "redis.url: names no master"),
        (f"{LARGE}keep_events = 10", "redis.keep_events: expected a whole number >= 1000"),
        ('[public]\ncertificate = "a.pem"', 'public.certificate: needs "certificate_key" beside it'),
    ],
)
def test_wrong_values_are_told_in_sentences_with_their_line(
    tmp_path: Path, line: str, complaint: str
) -> None:
    (problem,) = complaints(tmp_path, line)
    assert complaint in problem
    assert problem.startswith("centrala.toml:")


@pytest.mark.parametrize("kind", ["", *REAL.kinds])
def test_what_must_have_a_form_is_told_by_an_example(kind: str) -> None:
    """A regular expression is no help to most people."""
    schema = msgspec.json.schema(
        REAL.config(kind) if kind else Config, schema_hook=lambda _: {"type": "string"}
    )
    bare = [name for name, node in _with_pattern(schema, "") if not node.get("examples")]
    assert bare == []


def _with_pattern(node: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All parts of a JSON schema that have a pattern, and where they are."""
    if isinstance(node, dict):
        if "pattern" in node and isinstance(node["pattern"], str):
            yield name, node
        for key, inner in node.items():
            yield from _with_pattern(inner, f"{name}.{key}")
    elif isinstance(node, list):
        for inner in node:
            yield from _with_pattern(inner, name)


def test_names_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    text = GOOD.replace('queue = "informacja"', 'queue = "informacje"').replace(
        'kind = "email"', 'kind = "emial"'
    )
    assert complaints(tmp_path, text) == [
        'centrala.toml:16: inboxes[0].kind: no channel is of the kind "emial"; did you mean "email"?'
    ]
    text = (
        GOOD.replace('queue = "informacja"', 'queue = "informacje"')
        + '\n[[offices]]\nid = "krajowa"\nname = "b"\n'
    )
    text += '[offices.hours]\nmon = "16:00-08:00"\ntue = "08:00-12:00, 11:00-13:00"\n'
    assert complaints(tmp_path, text) == [
        'centrala.toml:19: inboxes[0].queue: there is no queue "informacje"; did you mean "informacja"?',
        'centrala.toml:26: offices[1].id: "krajowa" is taken by an earlier one',
        "centrala.toml:29: offices[1].hours.mon: opening hours '16:00-08:00' end before they begin",
        "centrala.toml:30: offices[1].hours.tue: opening hours overlap or are not in order",
    ]


def test_what_a_channel_refuses_is_told_with_the_line_of_its_settings(tmp_path: Path) -> None:
    assert complaints(tmp_path, GOOD.replace("kontakt@example.pl", "nobody")) == [
        "centrala.toml:20: inboxes[0].settings: address: nobody cannot be written to"
    ]


def test_inboxes_that_share_a_callback_are_there_and_of_their_kind(tmp_path: Path) -> None:
    page = """
[[inboxes]]
id = "facebook"
kind = "messenger"
name = "Messenger"
office = "krajowa"
queue = "informacja"
[inboxes.settings]
account = "104212345678901"
app_id = "900100200300400"
app_secret = "a"
access_token = "b"
verify_token = "c"
siblings = [
  { inbox = "instagrm", kind = "instagram", account = "178414000000001" },
  { inbox = "kontakt", kind = "whatsapp", account = "590968830767958" },
]
"""
    kinds: dict[str, type[msgspec.Struct]] = {"email": Mail, "messenger": MessengerSettings}
    channels = Channels(kinds=tuple(kinds), config=kinds.__getitem__)
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, GOOD + page), environ={}, channels=channels)
    told = str(raised.value)
    assert 'settings.siblings[0].inbox: there is no inbox "instagrm"' in told
    assert 'settings.siblings[1].kind: the inbox "kontakt" is of the kind "email"' in told


def test_two_doors_on_one_port_are_told(tmp_path: Path) -> None:
    def inbox(name: str, listen: str) -> str:
        return (
            f'[[inboxes]]\nid = "{name}"\nkind = "email"\nname = "PUP"\noffice = "krajowa"\nqueue = "informacja"\n'
            f'[inboxes.settings]\naddress = "{name}@example.pl"\nlisten = {{ {listen} }}\n'
        )

    mails = [
        inbox("one", "port = 2424"),
        inbox("two", "port = 2424"),
        inbox("three", 'port = 2424, host = "10.0.0.5"'),
        inbox("four", "port = 8080"),
        inbox("five", "port = 0") + inbox("six", "port = 0"),
    ]
    channels = Channels(kinds=("email",), config={"email": EmailConfig}.__getitem__)
    text = GOOD.split("[[inboxes]]")[0] + "[public]\nport = 8080\n" + "".join(mails)
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, text), environ={}, channels=channels)
    assert [(problem.key, problem.text) for problem in raised.value.problems] == [
        ("inboxes[1].settings.listen.port", 'is the port of the inbox "one" already'),
        ("inboxes[3].settings.listen.port", "is the port of [public] already"),
    ]


@pytest.mark.slow
def test_offices_may_stand_in_a_second_file(tmp_path: Path) -> None:
    offices = "".join(f'[[offices]]\nid = "pup-{n}"\nname = "PUP {n}"\n' for n in range(340))
    offices += '[[queues]]\nid = "pup-7"\nname_pl = "PUP 7"\nname_en = "PUP 7"\noffice = "pup-7"\ntier = 3\n'
    written(tmp_path, offices, "offices.toml")
    text = GOOD.replace("[hub]", '[hub]\noffices_file = "offices.toml"')
    config = load(written(tmp_path, text), environ={}, channels=CHANNELS)
    assert len(config.offices) == 341
    assert config.office("pup-339").name == "PUP 339"
    assert [queue.id for queue in config.queues] == ["informacja", "pup-7"]


def test_a_mistake_in_the_second_file_names_that_file(tmp_path: Path) -> None:
    written(
        tmp_path, '[[offices]]\nid = "a"\nname = "A"\n[[offices]]\nid = "b"\nnme = "B"\n[x]\n', "offices.toml"
    )
    text = GOOD.replace("[hub]", '[hub]\noffices_file = "offices.toml"')
    assert complaints(tmp_path, text) == [
        'offices.toml:4: offices[2]: the key "name" is missing',
        'offices.toml:6: offices[2].nme: unknown key; did you mean "name"?',
        "offices.toml:7: x: unknown key",
    ]


def test_secrets_come_from_files_and_never_show(tmp_path: Path) -> None:
    written(tmp_path, "tajne-haslo\n", "smtp.password")
    text = GOOD + 'password_file = "smtp.password"\n'
    config = load(written(tmp_path, text), environ={}, channels=CHANNELS)
    mail = decode_settings(config.inbox("kontakt"), Mail)
    assert mail.smtp is not None and mail.smtp.password is not None
    assert mail.smtp.password.reveal() == "tajne-haslo"
    for shown in (repr(config), str(config.inboxes), repr(mail), f"{mail.smtp.password}"):
        assert "tajne" not in shown


def test_secrets_and_settings_come_from_the_environment(tmp_path: Path) -> None:
    secret = written(tmp_path, "0123456789" * 4, "key")
    environ = {
        "CENTRALA_HUB_SECRET_FILE": str(secret),
        "CENTRALA_INBOX_KONTAKT_SMTP_PASSWORD": "tajne-haslo",
        "CENTRALA_INBOX_KONTAKT_SMTP_PORT": "587",
        "CENTRALA_PUBLIC_PORT": "9000",
        "CENTRALA_DESK_REOPEN_DAYS": "7",
        "CENTRALA_CONFIG": "not a setting",
        "PATH": "/bin",
    }
    config = load(written(tmp_path, GOOD), environ=environ, channels=CHANNELS)
    assert signing_secret(config) == "0123456789" * 4
    assert config.public.port == 9000
    assert config.desk.reopen_days == 7
    mail = decode_settings(config.inbox("kontakt"), Mail)
    assert mail.smtp is not None and mail.smtp.password == Secret("tajne-haslo") and mail.smtp.port == 587


def test_a_wrong_environment_is_told_by_the_name_of_the_variable(tmp_path: Path) -> None:
    assert complaints(
        tmp_path,
        GOOD,
        CENTRALA_PUBLIC_PORT="many",
        CENTRALA_HUB_NMAE="x",
        CENTRALA_HUB_SECRET_FILE=f"{tmp_path}/none",
    ) == [
        'environment: CENTRALA_HUB_NMAE: names no setting; did you mean "CENTRALA_HUB_NAME"?',
        "environment: CENTRALA_HUB_SECRET_FILE: the secret's file none cannot be read: No such file or directory",
        "environment variable CENTRALA_PUBLIC_PORT: public.port: expected a whole number, got text",
    ]


def test_a_variable_that_means_two_settings_is_told(tmp_path: Path) -> None:
    """The password of one inbox must not become that of another."""
    kinds: dict[str, type[msgspec.Struct]] = {"email": Mail, "gateway": Smtp}
    channels = Channels(kinds=tuple(kinds), config=kinds.__getitem__)
    other = '[[inboxes]]\nid = "kontakt-smtp"\nkind = "gateway"\nname = "SMS"\noffice = "krajowa"\n'
    path = written(tmp_path, f'{GOOD}{other}queue = "informacja"\nsettings = {{ host = "sms" }}\n')
    both = "inboxes[0].settings.smtp.password, inboxes[1].settings.password"
    for name in ("CENTRALA_INBOX_KONTAKT_SMTP_PASSWORD", "CENTRALA_INBOX_KONTAKT_SMTP_PASSWORD_FILE"):
        with pytest.raises(ConfigError) as caught:
            load(path, environ={name: "tajne-haslo"}, channels=channels)
        assert str(caught.value) == f"environment: {name}: means several settings: {both}"


def test_a_number_out_of_range_in_the_environment_is_told_as_that(tmp_path: Path) -> None:
    assert complaints(tmp_path, GOOD, CENTRALA_PUBLIC_PORT="70000", CENTRALA_DESK_REOPEN_DAYS="-1") == [
        "environment variable CENTRALA_DESK_REOPEN_DAYS: desk.reopen_days: expected a number >= 0.0",
        "environment variable CENTRALA_PUBLIC_PORT: public.port: expected a whole number <= 65535",
    ]


def test_certificates_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """Before anything listens, and before a reload lets go of what works."""
    written(tmp_path, "no certificate", "a.pem")
    for key, complaint in (
        ("b.pem", "3: public.certificate_key: the file b.pem cannot be read: No such file or directory"),
        ("a.pem", "2: public.certificate: a.pem and a.pem are no certificate in PEM form and its key"),
    ):
        lines = f'[public]\ncertificate = "a.pem"\ncertificate_key = "{key}"\n'
        assert complaints(tmp_path, lines + GOOD) == [f"centrala.toml:{complaint}"]


def test_an_encrypted_key_is_told_and_nobody_is_asked_for_its_pass_phrase(tmp_path: Path) -> None:
    order = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=hub", "-passout", "pass:tajne"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "a.pem")]
    subprocess.run([*order, *files], check=True, capture_output=True)
    lines = '[public]\ncertificate = "a.pem"\ncertificate_key = "key.pem"\n'
    assert complaints(tmp_path, lines + GOOD) == [
        "centrala.toml:3: public.certificate_key: the key key.pem is encrypted; it must be without a pass phrase"
    ]


def test_a_wrong_word_in_a_list_is_told_with_those_that_may_stand_there(tmp_path: Path) -> None:
    text = GOOD.replace("[hub]", '[hub]\nroles = ["web", "mail"]')
    [complaint] = complaints(tmp_path, text)
    assert complaint.endswith("hub.roles[1]: must be one of connectors, outbox, timers, web")


@pytest.mark.parametrize("name", ["nothing.toml", "."])
def test_a_second_file_that_cannot_be_read_is_told_at_its_key(tmp_path: Path, name: str) -> None:
    [complaint] = complaints(tmp_path, GOOD.replace("[hub]", f'[hub]\noffices_file = "{name}"'))
    assert "hub.offices_file: the file" in complaint and "cannot be read: " in complaint
    assert complaint.startswith("centrala.toml:")


def test_a_secret_that_is_missing_may_stand_in_a_file(tmp_path: Path) -> None:
    class Keyed(msgspec.Struct):
        token: Secret

    [(path, sentence)] = check({}, Keyed, ())
    assert path == ()
    assert sentence == 'the key "token" is missing; "token_file" may name a file that holds it'


@pytest.mark.parametrize("end", ["?x=1", "/centrala#top"])
def test_an_address_that_pages_are_put_behind_ends_there(tmp_path: Path, end: str) -> None:
    text = GOOD.replace("[hub]", f'[hub]\npublic_url = "https://hub.example{end}"')
    [complaint] = complaints(tmp_path, text)
    assert "hub.public_url: must end with the host or a path" in complaint


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "smtp.password").write_text("\ufefftajne-haslo\r\n", encoding="utf-8")
    path = written(tmp_path, f'\ufeff{GOOD}password_file = "smtp.password"\n')
    mail = decode_settings(load(path, environ={}, channels=CHANNELS).inbox("kontakt"), Mail)
    assert mail.smtp is not None and mail.smtp.password == Secret("tajne-haslo")


def test_a_missing_or_empty_secret_file_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, "\n", "empty")
    assert complaints(tmp_path, GOOD + 'password_file = "empty"\n') == [
        "centrala.toml:24: inboxes[0].settings.smtp.password_file: the secret's file empty is empty"
    ]
    assert "cannot be read: No such file" in complaints(tmp_path, '[hub]\nsecret_file = "none"')[0]
    assert "not both" in complaints(tmp_path, '[hub]\nsecret_file = "empty"\nsecret = "x"')[0]


def test_a_missing_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml: there is no such file"):
        load(tmp_path / "nothing.toml", environ={})
    (tmp_path / "bad.toml").write_bytes(b"\xef\xbb\xbf[hub]\r\nname = '\xb3'\r\n")
    with pytest.raises(ConfigError, match=r"bad\.toml:2: is not UTF-8 text; save the file in that encoding"):
        load(tmp_path / "bad.toml", environ={})


def test_the_signing_secret_is_made_once_and_private(tmp_path: Path) -> None:
    text = f'[hub]\ndata_dir = "{tmp_path}/data"\n'
    config = load(written(tmp_path, text), environ={})
    first = signing_secret(config)
    assert first == signing_secret(config) and len(first) >= 32
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_defaults_alone_are_a_configuration() -> None:
    assert Config().outbox.undo_seconds == 15
    assert Week(tue="08:00-12:00, 13:00-16:00").spans(1) == ((480, 720), (780, 960))
    assert Week().spans(6) == ()
