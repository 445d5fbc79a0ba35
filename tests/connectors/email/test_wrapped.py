"""Mails whose content lies inside something: what can be read is read, of the rest it is said why it cannot."""

from __future__ import annotations

import base64
import email
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Message
from connectors.email import cms
from connectors.email.enriched import plain
from connectors.email.normalise import parse
from connectors.email.wrapped import ENCRYPTED, OUTLOOK, PACKED
from tests.connectors.email.reading import CONTEXT, HERE, mutated, read, simple
from tests.connectors.email.tnef_file import attribute, package, properties, with_file, with_text

SECRET = "-----BEGIN PGP MESSAGE-----\n\njA0ECQMCHMZ0F6l92nP/\n=8eSL\n-----END PGP MESSAGE-----\n"


def of(name: str) -> bytes:
    return (HERE / "mails" / f"{name}.eml").read_bytes()


def payload(name: str) -> bytes:
    found = email.message_from_bytes(of(name)).get_payload(decode=True)
    assert isinstance(found, bytes)
    return found


def names(message: Message) -> list[str]:
    return [item.filename for item in message.attachments]


def with_winmail(data: bytes, text: str = "") -> str:
    body = f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n" if text else ""
    encoded = base64.encodebytes(data).decode()
    return simple(
        "Content-Type: multipart/mixed; boundary=b\n",
        f"{body}--b\nContent-Type: application/ms-tnef; name=winmail.dat\n"
        f"Content-Transfer-Encoding: base64\n\n{encoded}\n--b--",
    )


# --- encrypted -----------------------------------------------------------------------------------------------------

SEALED = {
    "PGP/MIME": (of("pgp-mime"), "encrypted.asc"),
    "S/MIME": (of("smime-encrypted"), "smime.p7m"),
    "S/MIME, signed around": (of("smime-signed-encrypted"), "smime.p7m"),
    "in the text": (simple(body=SECRET).encode(), "encrypted.asc"),
    "in HTML": (
        simple("Content-Type: text/html\n", "<pre>" + SECRET.replace("\n", "<br>") + "</pre>").encode(),
        "encrypted.asc",
    ),
    "as a file alone": (
        simple(
            'Content-Type: application/octet-stream; name="encrypted.asc"\n',
            SECRET,
        ).encode(),
        "encrypted.asc",
    ),
    "S/MIME without its type": (
        of("smime-encrypted").replace(
            b"application/pkcs7-mime; smime-type=enveloped-data", b"application/octet-stream"
        ),
        "smime.p7m",
    ),
    "cut off": (of("smime-encrypted")[:900], "smime.p7m"),
}


@pytest.mark.parametrize("name", SEALED)
def test_an_encrypted_mail_says_so_and_keeps_what_came_as_a_file(name: str) -> None:
    raw, file = SEALED[name]
    message = read(raw)
    assert message.unreadable == ENCRYPTED
    assert (message.text, message.full_text, message.html) == ("", "", "")
    assert names(message) == [file]
    assert message.attachments[0].content
    assert message.automatic == "no"


def test_a_notice_below_an_encrypted_mail_hides_nothing() -> None:
    footer = "--w\nContent-Type: text/plain\n\nSprawdzone przez program.\n--w--\n"
    head, _, body = of("smime-encrypted").decode().partition("Content-Type:")
    raw = f"{head}Content-Type: multipart/mixed; boundary=w\n\n--w\nContent-Type:{body}\n{footer}"
    message = read(raw)
    assert (message.unreadable, message.text) == (ENCRYPTED, "Sprawdzone przez program.")
    assert names(message) == ["smime.p7m"]
    message = read(simple(body=f"{SECRET}\n-- \nUrząd Gminy"))
    assert (message.unreadable, message.text) == (ENCRYPTED, "-- \nUrząd Gminy")


def test_whoever_asks_about_an_encrypted_text_has_written_a_letter() -> None:
    message = read(
        simple(body="Dostałem to, co to jest?\n\n" + SECRET.replace("\n", "\n> ").join(("> ", "")))
    )
    assert "Dostałem to" in message.text
    assert (message.unreadable, names(message)) == ("", [])


@pytest.mark.parametrize("kind", ["application/pgp-encrypted", "application/pkcs7-mime"])
def test_a_closed_file_beside_a_letter_is_a_file(kind: str) -> None:
    data = base64.b64encode(payload("smime-encrypted")).decode()
    raw = simple(
        "Content-Type: multipart/mixed; boundary=b\n",
        "--b\nContent-Type: text/plain\n\nW załączeniu.\n"
        f'--b\nContent-Type: {kind}; name="umowa.pdf.p7m"\nContent-Transfer-Encoding: base64\n\n{data}\n--b--',
    )
    message = read(raw)
    assert (message.text, message.unreadable, names(message)) == ("W załączeniu.", "", ["umowa.pdf.p7m"])


# --- signed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["smime-signed", "signed"])
def test_a_signed_mail_reads_as_what_was_signed(name: str) -> None:
    message = read(of(name))
    assert (message.text, message.unreadable, message.automatic) == ("Proszę o zasiłek.", "", "no")
    # The signature of the mail is no file; that of a document is.
    assert names(message) == ["wniosek.pdf" if name == "smime-signed" else "umowa.pdf.p7s"]


def test_a_signed_mail_that_cannot_be_opened_says_so() -> None:
    message = read(
        of("smime-signed").replace(b"MIAGCSqGSIb3DQEHAqCAMIACAQ", b"MIAGCSqGSIb3DQEHAqCAMIACBQ", 1)[:700]
    )
    assert (message.unreadable, names(message)) == (PACKED, ["smime.p7m"])


def test_a_mail_of_certificates_alone_is_a_file() -> None:
    empty = bytes.fromhex(
        "3026 06092a864886f70d010702 a019 3017 020101 3100 300b 06092a864886f70d010701 a000 3100"
    )
    assert cms.read(empty) == cms.Sealed(kind="signed")
    raw = simple(
        "Content-Type: application/pkcs7-mime; name=smime.p7c\nContent-Transfer-Encoding: base64\n",
        base64.b64encode(empty).decode(),
    )
    assert (read(raw).unreadable, names(read(raw))) == ("", ["smime.p7c"])


def test_signed_and_signed_again_ends_somewhere() -> None:
    data = b"Content-Type: text/plain\n\nx"
    for _ in range(30):
        inner = b"\x04\x84" + len(data).to_bytes(4, "big") + data
        data = (
            bytes.fromhex("308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a080")
            + inner
        ).join((b"Content-Type: application/pkcs7-mime\n\n", b""))
    message = read(b"From: a@b.pl\n" + data)
    assert (message.unreadable, names(message)) == (PACKED, ["smime.p7m"])


@given(st.binary(max_size=300))
def test_any_bytes_as_a_message_of_cms(data: bytes) -> None:
    assert cms.read(data).kind == "unknown" or data


@given(st.data())
def test_any_accident_to_a_message_of_cms(data: st.DataObject) -> None:
    whole = bytearray(payload(data.draw(st.sampled_from(["smime-signed", "smime-signed-encrypted"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(120, len(whole) - 1)))] = data.draw(st.integers(0, 255))
    cms.read(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@pytest.mark.parametrize("unit", [b"\x24\x80", b"\x30\x80", b"\x24\x84\x7f\xff\xff\xff", b"\x04\x00"])
def test_time_for_a_message_of_cms_is_bounded(unit: bytes) -> None:
    head = bytes.fromhex("308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a0802480")
    begin = time.process_time()
    assert cms.read(head + unit * 1_000_000).kind == "unknown"
    assert cms.read(head[:19] + unit * 1_000_000).kind == "unknown"
    assert time.process_time() - begin < 15


# --- winmail.dat ---------------------------------------------------------------------------------------------------


def test_the_files_of_a_winmail_come_out() -> None:
    data = package(
        with_file("skrót.pdf", b"%PDF", long="zaświadczenie o zarobkach.pdf"), with_file("a.bin", b"x")
    )
    message = read(with_winmail(data, "W załączeniu."))
    assert message.text == "W załączeniu."
    assert [(item.filename, item.content_type, item.content) for item in message.attachments] == [
        ("zaświadczenie o zarobkach.pdf", "application/pdf", b"%PDF"),
        ("a.bin", "application/octet-stream", b"x"),
    ]
    assert message.unreadable == ""


def test_the_text_of_a_winmail_is_read_where_there_is_no_other() -> None:
    plain = with_text(0x1000, "Proszę o zasiłek.\0".encode("utf-16-le"), unicode=True)
    message = read(with_winmail(package(plain)))
    assert (message.text, names(message), message.unreadable) == ("Proszę o zasiłek.", [], "")
    old = package(attribute(0x0002800C, "Proszę o zasiłek.\0".encode("cp1250"), level=1))
    assert read(with_winmail(old)).text == "Proszę o zasiłek."
    html = '<meta charset="windows-1250"><p>Proszę o <b>zasiłek</b>.</p>'.encode("cp1250")
    message = read(with_winmail(package(with_text(0x1013, html))))
    assert (message.text, "<b>" in message.html) == ("Proszę o zasiłek.", True)
    message = read(with_winmail(package(plain), "Dzień dobry"))
    assert (message.text, names(message)) == ("Dzień dobry", [])


def test_text_that_only_outlook_reads_is_told_and_kept() -> None:
    data = package(with_text(0x1009, b"LZFu"), with_file("a.pdf", b"x"))
    message = read(with_winmail(data))
    assert (message.text, message.unreadable) == ("", OUTLOOK)
    assert names(message) == ["a.pdf", "winmail.dat"]
    message = read(with_winmail(data, "Dzień dobry"))
    assert (message.text, message.unreadable, names(message)) == ("Dzień dobry", "", ["a.pdf"])


ODD = {
    "cut off": package(with_file("a.pdf", b"x"), with_file("b.pdf", b"y" * 100))[:-200],
    "an appointment": package(
        attribute(0x00078008, b"IPM.Microsoft Schedule.MtgReq\0", level=1), with_file("a.pdf", b"x")
    ),
    "a mail inside": package(with_file("a.pdf", b"x"), with_file("List", None, method=5)),
    "properties of no known form": package(
        attribute(0x00069003, b"\1\0\0\0\xff\x0f\0\x10", level=1), with_file("a.pdf", b"x")
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_a_winmail_that_is_not_understood_whole_stays_beside_its_files(name: str) -> None:
    message = read(with_winmail(ODD[name], "W załączeniu."))
    assert names(message) == ["a.pdf", "winmail.dat"]


def test_two_files_of_one_name_in_a_winmail_are_two() -> None:
    data = package(with_file("../../a.pdf", b"x"), with_file("a.pdf", b"y"), with_file("a.pdf", b"z"))
    assert names(read(with_winmail(data, "x"))) == [".._.._a.pdf", "a.pdf", "a1.pdf"]


def test_a_winmail_damaged_anyhow_is_never_lost() -> None:
    rng = random.Random(20261122)
    whole = package(
        with_text(0x1000, b"Tekst\0"),
        with_file("a.pdf", b"x" * 20, long="długa nazwa.pdf"),
        with_file("b", b"y"),
    )
    for _ in range(300):
        data = bytearray(mutated(whole, rng) if rng.random() < 0.2 else whole)
        for _ in range(rng.randint(0, 4) if data else 0):
            data[rng.randrange(len(data))] = rng.randrange(256)
        [event] = parse(with_winmail(bytes(data)).encode(), CONTEXT)
        assert isinstance(event, Message)
        assert event.external_id and not event.external_id.startswith("raw:")
        assert event.text or event.attachments


@given(
    st.binary(max_size=200),
    st.lists(st.tuples(st.sampled_from([0x1000, 0x1013, 0x8005]), st.binary(max_size=30))),
)
def test_any_attributes_of_a_winmail(data: bytes, texts: list[tuple[int, bytes]]) -> None:
    inside = [attribute(0x00069003, properties([(kind, 0x1E, text)]), level=1) for kind, text in texts]
    for whole in (package(*inside) + data, package(data), package(attribute(0x00069005, data), *inside)):
        [event] = parse(with_winmail(whole).encode(), CONTEXT)
        assert event.external_id and not event.external_id.startswith("raw:")


def test_time_for_a_winmail_is_bounded() -> None:
    many = (1_000).to_bytes(4, "little") + (
        b"\x02\x10\0\0" + (1_000).to_bytes(4, "little") + b"\0" * 4_000
    ) * 1_000
    begin = time.process_time()
    read(with_winmail(package(attribute(0x00069003, many, level=1))))
    read(with_winmail(package(*[attribute(0x00069002, b"")] * 100_000)))
    assert time.process_time() - begin < 15


# --- the same mail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("pgp-mime", "79e7e9b265c72064983e99665a22fb6dc9e0e4e9286f902685deac55fc50ad56"),
        ("signed", "4581ded1c77d7c1e898d608af60ccd4306c66db4a2132b85d096d826035760c0"),
        ("smime-signed", "f4f1774c6765c4e218d0984b2e33ea7d8859b2e3101cef36442825f1a7b1abaa"),
    ],
)
def test_a_mail_that_was_taken_before_it_could_be_opened_is_known_again(name: str, identity: str) -> None:
    """A mailbox may be read again after an update."""
    assert read(of(name)).external_id == identity


UTF8 = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
SIGNED = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Dzień dobry,
- - kiedy dostanę zasiłek?
- From Łomża

-----BEGIN PGP SIGNATURE-----

iQEzBAEBCgAdFiEE
=abcd
-----END PGP SIGNATURE-----
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (SIGNED, "Dzień dobry,\n- kiedy dostanę zasiłek?\nFrom Łomża"),
        (f"Przed.\n{SIGNED}Po.", "Przed.\nDzień dobry,\n- kiedy dostanę zasiłek?\nFrom Łomża\n\nPo."),
        ("-----BEGIN PGP SIGNED MESSAGE-----\n\nBez końca.", "Bez końca."),
        ("-----BEGIN PGP SIGNED MESSAGE-----\nBez pustej.\n\nDalej.", "Bez pustej.\n\nDalej."),
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\n\nA.\n-----BEGIN PGP SIGNATURE-----\nCo to?",
            "A.\n-----BEGIN PGP SIGNATURE-----\nCo to?",
        ),
    ],
)
def test_a_text_signed_in_itself_reads_as_what_was_signed(text: str, shown: str) -> None:
    message = read(simple(UTF8, text))
    assert isinstance(message, Message)
    assert (message.text, message.unreadable) == (shown, "")


@given(st.lists(st.sampled_from([*SIGNED.split("\n"), "Słowa.", "- x"]), max_size=30))
def test_of_texts_signed_anyhow_no_words_are_lost(lines: list[str]) -> None:
    message = read(simple(UTF8, "\n".join(["Początek.", *lines])))
    assert isinstance(message, Message)
    assert message.full_text.startswith("Początek.")
    if "-----END PGP SIGNATURE-----" not in lines:
        assert message.full_text.count("Słowa.") == lines.count("Słowa.")


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        (
            "enriched",
            "<bold>Dzień</bold> dobry,\npisze <<Ola>\n\n<color><param>red</param>Pilne</color>.",
            "Dzień dobry, pisze <Ola>\nPilne.",
        ),
        ("enriched", "<nofill>a\nb</nofill>\nc <3 d", "a\nb c <3 d"),
        ("richtext", "<Bold>Raz</Bold><nl>dwa\ntrzy <lt>4<comment>nie</comment>", "Raz\ndwa trzy <4"),
    ],
)
def test_formatted_text_reads_without_its_commands(kind: str, text: str, shown: str) -> None:
    message = read(simple(UTF8.replace("plain", kind), text))
    assert isinstance(message, Message)
    assert message.text == shown


@given(st.text(st.sampled_from("<>/an \nparmcoefil"), max_size=200), st.booleans())
def test_any_formatted_text(text: str, old: bool) -> None:
    assert len(plain(text, old=old)) <= 2 * len(text)
