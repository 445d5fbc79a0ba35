"""Mails as they leave: threading, addresses, text, attachments, and nothing that can break out of a header field."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import InboxId, Micros, OutAttachment, Outbound, Party
from connectors.email.compose import Composed, Sender, compose
from connectors.email.compose_mime import BadField, encoded, field
from hub.i18n import translate

NOW = Micros(1_794_328_800_000_000)  # 2026-11-10 17:40 in Warsaw
SENDER = Sender(
    address="kontakt@urzad.example.pl",
    name="Zielona Linia",
    reply_address="kontakt@urzad.example.pl",
    subaddressing=True,
)
JAN = Party(kind="email", address="jan@example.org", name="Jan Łukasiński")


def outbound(**changes: Any) -> Outbound:
    values: dict[str, Any] = {
        "delivery": 17,
        "inbox": InboxId("kontakt"),
        "message": 4,
        "to": (JAN,),
        "subject": "Re: Zasiłek",
        "text": "Dzień dobry,\n\nwniosek jest rozpatrzony.\nPozdrawiam\n\n-- \nUrząd",
        "token": "n5abc",
    }
    return Outbound(**(values | changes))


def composed(sender: Sender = SENDER, **changes: Any) -> Composed:
    return compose(outbound(**changes), sender, NOW, translate)


def parsed(mail: Composed) -> EmailMessage:
    return email.message_from_bytes(mail.content, policy=email.policy.default)


def part(mail: Composed, subtype: str) -> str:
    body = parsed(mail).get_body((subtype,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_the_usual_reply() -> None:
    mail = composed(reply_to="<q1@example.org>", references=("<q0@example.org>",))
    message = parsed(mail)
    assert message["From"] == "Zielona Linia <kontakt@urzad.example.pl>"
    assert message["To"] == "Jan Łukasiński <jan@example.org>"
    assert message["Subject"] == "Re: Zasiłek"
    assert message["Message-ID"] == f"<{mail.message_id}>" == "<d17.n5abc@urzad.example.pl>"
    assert message["In-Reply-To"] == "<q1@example.org>"
    assert message["References"] == "<q0@example.org> <q1@example.org>"
    assert message["Reply-To"] == "kontakt+n5abc@urzad.example.pl"
    assert message["Date"] == "Tue, 10 Nov 2026 17:40:00 +0100"
    assert "Auto-Submitted" not in message
    assert not message.defects
    assert part(mail, "plain") == outbound().text + "\n"
    assert mail.recipients == ("jan@example.org",)
    assert mail.sender == "kontakt@urzad.example.pl"


def test_every_attempt_gives_the_same_mail() -> None:
    first, second = composed(), composed()
    assert first == second


def test_bcc_is_in_the_envelope_only() -> None:
    mail = composed(
        cc=(Party(kind="email", address="anna@example.org", name="Nowak, Anna"),),
        bcc=(Party(kind="email", address="tajny@example.org"),),
    )
    assert mail.recipients == ("jan@example.org", "anna@example.org", "tajny@example.org")
    assert parsed(mail)["Cc"] == '"Nowak, Anna" <anna@example.org>'
    assert b"tajny" not in mail.content
    only_hidden = composed(to=(), bcc=(JAN,))
    assert parsed(only_hidden)["To"] == "undisclosed-recipients:;"


@pytest.mark.parametrize(
    ("language", "head"),
    [
        ("pl", "W dniu 09.11.2026 o 08:05 użytkownik Jan Łukasiński napisał(a):"),
        ("en", "On 2026-11-09 at 08:05, Jan Łukasiński wrote:"),
    ],
)
def test_the_mail_answered_is_quoted(language: str, head: str) -> None:
    mail = composed(
        quoted="Pytanie <b>?\n> wcześniej\n\nJan",
        quoted_from="Jan Łukasiński",
        quoted_at=Micros(1_794_207_900_000_000),
        language=language,
    )
    assert part(mail, "plain").endswith(f"Urząd\n\n{head}\n> Pytanie <b>?\n>> wcześniej\n>\n> Jan\n")
    html = part(mail, "html")
    assert f"<p>{head}</p>" in html
    assert '<blockquote type="cite">\n<p>Pytanie &lt;b&gt;?<br>' in html
    assert f'<html lang="{language}">' in html


def test_the_html_flows_and_is_escaped() -> None:
    html = part(
        composed(
            text='<script>alert("x")</script>\nzob. https://example.pl/a?b=1&c=2.\n\nDrugi akapit javascript:x'
        ),
        "html",
    )
    assert "<script" not in html
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;<br>" in html
    assert '<a href="https://example.pl/a?b=1&amp;c=2">https://example.pl/a?b=1&amp;c=2</a>.</p>' in html
    assert "<p>Drugi akapit javascript:x</p>" in html


def test_attachments_keep_name_and_bytes() -> None:
    files = (
        OutAttachment(filename="decyzja.pdf", content_type="application/pdf", content=b"%PDF\x00\r\n."),
        OutAttachment(
            filename="Zażółć gęślą jaźń " * 5 + ".txt", content_type="text/plain", content=b"\xff\n"
        ),
        OutAttachment(filename='a"b;c.txt', content_type="text/plain", content=b""),
        OutAttachment(filename="../../etc/passwd", content_type="bad type", content=b"x"),
        OutAttachment(filename="list.eml", content_type="message/rfc822", content=b"Subject: x\n\ny"),
    )
    mail = composed(attachments=files)
    attached = list(parsed(mail).iter_attachments())
    names = [item.get_filename() for item in attached]
    assert names == ["decyzja.pdf", files[1].filename, 'a"b;c.txt', "passwd", "list.eml"]
    assert [item.get_payload(decode=True) for item in attached] == [file.content for file in files]
    assert attached[3].get_content_type() == attached[4].get_content_type() == "application/octet-stream"


def test_automatic_mails_say_so() -> None:
    answered = parsed(composed(automatic=True, reply_to="<q1@example.org>"))
    assert answered["Auto-Submitted"] == "auto-replied"
    assert parsed(composed(automatic=True))["Auto-Submitted"] == "auto-generated"


def test_threading_takes_message_ids_only() -> None:
    message = parsed(
        composed(
            reply_to="3f2a" * 16,
            references=(
                "mid:a@x",
                "<b@x>\r\nBcc: evil@example.org",
                "no id",
                "<b c@x>",
                "mid:sha256:3f2a",
                "mid:without-at",
                "<zażółć@x>",
                "d@x",
                "<a@x>",
            ),
        )
    )
    assert message["References"] == "<a@x> <without-at> <d@x>"
    assert message["In-Reply-To"] == "<d@x>"
    assert "Bcc" not in message


def test_long_chains_keep_the_first_and_the_last() -> None:
    chain = tuple(f"<{number}.{'x' * 100}@example.org>" for number in range(100))
    mail = composed(references=chain, reply_to="<last@example.org>")
    kept = parsed(mail)["References"].split()
    assert kept[0] == chain[0]
    assert kept[-2:] == [chain[-1], "<last@example.org>"]
    assert len(kept) == 30
    assert "=?" not in mail.content.decode().partition("References:")[2].partition("MIME")[0]


def test_without_subaddressing_there_is_no_reply_to() -> None:
    sender = Sender(address="a@example.pl", name="", reply_address="a@example.pl", subaddressing=False)
    message = parsed(composed(sender))
    assert "Reply-To" not in message
    assert message["From"] == "a@example.pl"
    assert message["Message-ID"] == "<d17.n5abc@example.pl>"


def test_addresses_with_other_letters() -> None:
    mail = composed(to=(Party(kind="email", address="żółw@łódź.example.pl", name="Żółw"),))
    assert mail.recipients == ("żółw@xn--d-uga0v4h.example.pl",)
    assert mail.utf8
    assert "żółw@xn--d-uga0v4h.example.pl".encode() in mail.content
    idna_only = composed(to=(Party(kind="email", address="jan@łódź.example.pl"),))
    assert not idna_only.utf8
    sharp = composed(to=(Party(kind="email", address="jan@faß.example"),))
    assert sharp.recipients == ("jan@xn--fa-hia.example",), "fass.example is somebody else's"


def test_a_local_part_in_quotes() -> None:
    mail = composed(to=(Party(kind="email", address='"jan kowalski"@example.org', name="Jan"),))
    assert mail.recipients == ('"jan kowalski"@example.org',)
    assert parsed(mail)["To"].addresses[0].username == "jan kowalski"


EVIL = ["x\r\nBcc: evil@example.org", "x\nBcc: evil@example.org", "x\r", "a\x00b", "a\x85b", "a\u2028b"]


PLACES = ["subject", "from_name", "address", "cc", "filename", "token", "bcc"]


@pytest.mark.parametrize(
    ("place", "evil"),
    [
        (place, evil)
        for place in PLACES
        for evil in EVIL
        if "\x00" not in evil
        or place in ("subject", "from_name", "filename", "token")  # a Party never holds NUL
    ],
)
def test_line_breaks_are_refused_in_every_field(place: str, evil: str) -> None:
    changes: dict[str, dict[str, Any]] = {
        "subject": {"subject": evil},
        "from_name": {"from_name": evil},
        "address": {"to": (Party(kind="email", address=f"{evil}@example.org"),)},
        "cc": {"cc": (Party(kind="email", address=f"a@{evil}.example.org"),)},
        "bcc": {"bcc": (Party(kind="email", address=f"a@b.pl{evil}"),)},
        "filename": {"attachments": (OutAttachment(filename=evil, content_type="text/plain", content=b"x"),)},
        "token": {"token": evil},
    }
    with pytest.raises(BadField):
        composed(**changes[place])


def test_a_letter_that_is_passed_on_never_becomes_parts_of_our_mail() -> None:
    """Numbers of deliveries can be guessed, and with them the lines between the parts."""
    evil = "--=_d17.text\nContent-Type: text/html\n\n<b>Pay here</b>\n--=_d17.text--"
    mail = composed(text=f"FYI\n\n{evil}")
    assert [one.get_content_type() for one in parsed(mail).iter_parts()] == ["text/plain", "text/html"]
    assert part(mail, "plain") == f"FYI\n\n{evil}\n"


@pytest.mark.parametrize("evil", EVIL)
def test_a_name_never_holds_a_line_break(evil: str) -> None:
    """Whoever is called so can be answered all the same."""
    mail = composed(to=(Party(kind="email", address="a@example.org", name=evil),))
    assert parsed(mail)["Bcc"] is None
    assert [one.addr_spec for one in parsed(mail)["To"].addresses] == ["a@example.org"]


@pytest.mark.parametrize(
    "address", ["", "jan", "jan@", "@x.pl", "a@b@c.pl", "a b@c.pl", "<a@c.pl>", "a,b@c.pl"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadField):
        composed(to=(Party(kind="email", address=address),))


def test_a_mail_to_nobody_is_refused() -> None:
    with pytest.raises(BadField):
        composed(to=())


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)


@given(WORDS)
def test_any_subject_comes_back(subject: str) -> None:
    content = field("Subject", encoded("Subject", subject)) + b"\r\n"
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert " ".join(str(message["Subject"]).split()) == " ".join(subject.split())
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


@given(text=st.text(max_size=2000), quoted=st.text(max_size=500), name=WORDS)
def test_any_text_gives_lines_that_a_server_takes(text: str, quoted: str, name: str) -> None:
    mail = composed(text=text, quoted=quoted, from_name=name)
    lines = mail.content.split(b"\r\n")
    assert all(len(line) <= 998 and b"\n" not in line and b"\r" not in line for line in lines)
    assert not parsed(mail).defects


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Plain.", "7bit"),
        ("Dzień dobry, wniosek jest u nas.", "quoted-printable"),
        ("Добрий день, чи потрібен", "base64"),
    ],
)
def test_the_encoding_fits_the_text(text: str, encoding: str) -> None:
    mail = composed(text=text)
    body = parsed(mail).get_body(("plain",))
    assert body is not None
    assert body["Content-Transfer-Encoding"] == encoding
    assert part(mail, "plain") == f"{text}\n"
