"""A mail may be anything at all: it is read, shown and told again as the same, in bounded time."""

from __future__ import annotations

import email
import random
import time
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Inbound
from connectors.email.normalise import _unreadable, parse
from tests.connectors.email.reading import CONTEXT, SPECIMENS, mutated, read


def check(raw: bytes) -> Inbound:
    [event] = parse(raw, CONTEXT)
    assert event.external_id
    assert not event.external_id.startswith("raw:"), "only the last resort could read it"
    [again] = parse(raw, CONTEXT)
    assert again.external_id == event.external_id
    return event


@given(st.binary(max_size=500))
def test_any_bytes(raw: bytes) -> None:
    check(raw)


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    b"From: a@b.pl\n",
                    b"Content-Type: multipart/mixed; boundary=b\n",
                    b"Content-Type: text/html\n",
                ),
                *(
                    b"\n",
                    b"--b\n",
                    b"--b--\n",
                    b"Content-Transfer-Encoding: base64\n",
                    b"xYLDs2TFug==\n",
                    b"<p>\n",
                ),
                *(
                    b"Content-Type: message/rfc822\n",
                    b"Subject: =?utf-8?B?xYI\n",
                    b" ?=\n",
                    b"> x\n",
                    b"\xff\xfe\n",
                ),
                *(
                    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n",
                    b"Action: failed\n",
                ),
                *(
                    b"Content-Type: message/delivery-status\n",
                    b"Final-Recipient: rfc822; a@b.pl\n",
                    b"Return-Path: <>\n",
                ),
            ]
        ),
        max_size=25,
    )
)
def test_any_order_of_the_bricks_of_mail(bricks: list[bytes]) -> None:
    check(b"".join(bricks))


@pytest.mark.parametrize("count", [400, pytest.param(4_000, marks=pytest.mark.slow)])
def test_mangled_mails_are_never_lost(count: int) -> None:
    rng = random.Random(20261112)
    specimens = [path.read_bytes() for path in SPECIMENS]
    assert len(specimens) > 15
    for _ in range(count):
        [event] = parse(mutated(rng.choice(specimens), rng), CONTEXT)
        assert event.external_id
        assert not event.external_id.startswith("raw:")


HOSTILE = {
    "ten thousand parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000,
    "ten thousand attachments": b"Content-Type: multipart/mixed; boundary=b\n\n"
    + b"--b\nContent-Type: image/png\n\nx\n" * 10_000,
    "nested": b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 3_000,
    "nested, each with its own boundary": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
        for number in range(2_000)
    ),
    "one line": b"Subject: x\n\n" + b"a" * 3_000_000,
    "a header without end": b"Subject: x" + b"\n y" * 500_000,
    "header fields without end": b"X-A: b\n" * 300_000,
    "encoded words": b"Subject: " + b"=?a?q?" * 200_000 + b"\n\nx",
    "lines of dashes": b"In-Reply-To: <a@b>\n\n" + (b"-" * 250 + b" wrote:\n") * 4_000,
    "brackets": b"From: " + b'(<"' * 200_000 + b"\n\nx",
    "Message-IDs": b"References: " + b"<a@b>" * 200_000 + b"\n\nx",
    "labels": b"Subject: x\n\n" + b"From: x\n" * 100_000,
    "notice": b"From: MAILER-DAEMON@x\nSubject: Undelivered Mail\n\ncould not be delivered\n"
    + b"a@b.pl:\n" * 50_000,
    "nothing but NUL": b"\0" * 1_000_000,
    "noise": random.Random(1).randbytes(1_000_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_bounded(name: str) -> None:
    begin = time.process_time()
    check(HOSTILE[name])
    assert time.process_time() - begin < 15


@pytest.mark.slow
def test_a_field_a_hundred_times_takes_no_longer_than_once() -> None:
    """Each of these takes a good part of a second; a mail of 50 MB had room for a thousand of them."""
    begin = time.process_time()
    check(b"From: a@b.pl\n" + (b"To: " + b"(\\" * 31_000 + b"\n") * 100 + b"\nx")
    assert time.process_time() - begin < 15


def test_the_last_resort_shows_the_bytes() -> None:
    message = _unreadable("Subject: Sprawa\r\n\r\nTreść\x00".encode(), CONTEXT)
    assert (message.subject, message.text) == ("Sprawa", "Subject: Sprawa\n\nTreść")
    assert message.external_id
    assert message.external_id.startswith("raw:")


@settings(max_examples=50)
@given(st.text(max_size=200), st.text(max_size=200), st.binary(max_size=200))
def test_what_python_writes_is_read_back(subject: str, body: str, data: bytes) -> None:
    subject = " ".join("".join(letter for letter in subject if letter.isprintable()).split())
    body = "\n".join(
        " ".join("".join(c for c in line if c.isprintable()).split()) for line in body.split("\n")
    )
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "jan@example.pl", subject
    mail.set_content(body, cte="base64")
    mail.add_attachment(data, maintype="application", subtype="pdf", filename="zażółć.pdf")
    message = read(mail.as_bytes())
    assert message.subject == subject
    assert message.full_text == body.strip("\n").rstrip()
    assert [(item.filename, item.content) for item in message.attachments] == [("zażółć.pdf", data)]
    assert email.message_from_bytes(mail.as_bytes()).get_content_type() == "multipart/mixed"
