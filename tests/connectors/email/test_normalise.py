"""A whole mail to what intake sees: body, attachments, thread, identity, who wrote it."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.email.normalise import MAX_TEXT, parse
from tests.connectors.email.reading import CONTEXT, HERE, SPECIMENS, read, simple

# --- body and attachments ------------------------------------------------------------------------------------------


def test_a_plain_mail() -> None:
    message = read((HERE / "mails" / "plain.eml").read_bytes())
    assert message.sender.address == "jan.nowak@wp.example"
    assert message.sender.name == "Jan Żółw"
    assert [(item.address, item.role) for item in message.recipients] == [
        ("kontakt@urzad.example", "to"),
        ("ola@example.pl", "cc"),
    ]
    assert message.subject == "Zasiłek – pytanie"
    assert message.text == "Dzień dobry,\n\nkiedy mam się zgłosić?\n\n-- \nJan"
    assert message.html == ""
    assert message.sent_at == 1794474720_000000
    assert message.automatic == "no"
    assert message.received_at == CONTEXT.now


def test_the_richer_alternative_with_its_pictures() -> None:
    message = read((HERE / "mails" / "outlook.eml").read_bytes())
    assert message.text == "Dzień dobry,\nw załączeniu wniosek."
    assert "odpowiemy jutro" in message.full_text
    assert 'src="cid:image001.png@01DA"' in message.html
    assert [(item.filename, item.content_type, item.inline) for item in message.attachments] == [
        ("image001.png", "image/png", True),
        ("wniosek o zasiłek.pdf", "application/pdf", False),
    ]
    pdf = message.attachments[1]
    assert pdf.content == b"%PDF-1.4 wniosek"
    assert (pdf.size, pdf.sha256) == (16, hashlib.sha256(b"%PDF-1.4 wniosek").hexdigest())
    assert message.attachments[0].content_id == "image001.png@01DA"


@pytest.mark.parametrize("disposition", ["inline", "attachment"])
def test_only_a_picture_that_the_text_shows_is_inside_it(disposition: str) -> None:
    """Apple's programs call every file "inline": what no text shows must stand beside it, or nobody sees it."""
    part = f"--b\nContent-Disposition: {disposition}; filename=%s\nContent-Type: %s\n%s\n\n%s\n"
    raw = simple(
        "Content-Type: multipart/mixed; boundary=b\n",
        '--b\nContent-Type: text/html\n\n<p>Umowa <img src="cid:shown%40x"></p>\n'
        + part % ("umowa.pdf", "application/pdf", "Content-ID: <pdf@x>", "1")
        + part % ("foto.jpeg", "image/jpg", "Content-ID: <other@x>", "2")
        + part % ("zrzut.png", "image/png", "Content-ID: <shown@x>", "3")
        + "--b--",
    )
    assert [(item.filename, item.content_type, item.inline) for item in read(raw).attachments] == [
        ("umowa.pdf", "application/pdf", False),
        ("foto.jpeg", "image/jpeg", False),
        ("zrzut.png", "image/png", True),
    ]


def test_a_quotation_behind_an_attachment_is_cut() -> None:
    """Apple Mail parts the text where the file stands; all of the last part is then the older mail."""
    html = "--b\nContent-Type: text/html; charset=utf-8\n\n"
    raw = simple(
        "In-Reply-To: <a@b>\nContent-Type: multipart/mixed; boundary=b\n",
        f"{html}Przesyłam umowę.<br>\n--b\nContent-Type: application/pdf; name=umowa.pdf\n\nx\n"
        f'{html}<blockquote type="cite">Wiadomość napisana przez Urząd &lt;u@x.example&gt; w dniu 12 lis 2026, o godz. '
        "10:12:<br><br>Prosimy o umowę.</blockquote>\n--b--",
    )
    message = read(raw)
    assert message.text == "Przesyłam umowę."
    assert "Prosimy o umowę." in message.full_text


def test_a_forwarded_mail_behind_an_attachment_stays() -> None:
    html = "--b\nContent-Type: text/html; charset=utf-8\n\n"
    raw = simple(
        "Content-Type: multipart/mixed; boundary=b\n",
        f'{html}Co to?<blockquote type="cite">Początek przekazywanej wiadomości:<br>Od: Urząd</blockquote>\n'
        f'--b\nContent-Type: image/png\n\nx\n{html}<blockquote type="cite">Decyzja</blockquote>\n--b--',
    )
    assert "Decyzja" in read(raw).text


def test_texts_between_pictures_are_one_text() -> None:
    message = read((HERE / "mails" / "apple.eml").read_bytes())
    assert message.text == "Pierwszy\n\nDrugi"
    assert [item.filename for item in message.attachments] == ["zdjęcie.png"]


def test_an_invitation_is_readable_and_attached() -> None:
    message = read((HERE / "mails" / "invitation.eml").read_bytes())
    assert message.text.split("\n")[0] == "Rozmowa, doradca"
    assert "2026-11-13 09:00" in message.text
    assert [(item.filename, item.content_type) for item in message.attachments] == [
        ("invitation.ics", "text/calendar")
    ]


def test_an_invitation_names_its_organiser_and_not_its_alarm() -> None:
    event = (
        'BEGIN:VEVENT\nORGANIZER;CN="Urząd: kadry":mailto:kadry@urzad.example\n'
        "BEGIN:VALARM\nDESCRIPTION:Reminder\nEND:VALARM\nSUMMARY:Rozmowa\nEND:VEVENT\n"
    )
    assert (
        read(simple("Content-Type: text/calendar; charset=utf-8\n", event)).text
        == "Rozmowa\nkadry@urzad.example"
    )


def test_a_file_from_a_macintosh_keeps_its_name() -> None:
    """Not the one with its icon and its place on the desktop, which comes first."""
    raw = simple(
        "Content-Type: multipart/appledouble; boundary=b\n",
        '--b\nContent-Type: application/applefile; name="wniosek.pdf"\n\n\0\5\x16\7\n'
        '--b\nContent-Type: application/pdf; name="wniosek.pdf"\n\n%PDF\n--b--',
    )
    assert [(item.filename, item.content_type) for item in read(raw).attachments] == [
        ("._wniosek.pdf", "application/applefile"),
        ("wniosek.pdf", "application/pdf"),
    ]


def test_formatted_text_that_nobody_named_can_be_opened() -> None:
    raw = simple("Content-Type: text/rtf\n", "{\\rtf1 Tekst}")
    assert [item.filename for item in read(raw).attachments] == ["document.rtf"]


def test_mails_inside_a_mail_are_named_by_their_subject() -> None:
    message = read((HERE / "mails" / "inside.eml").read_bytes())
    assert [item.filename for item in message.attachments] == [
        "Decyzja_odmowna.eml",
        "message.eml",
        "winmail.dat",
    ]
    assert message.text == "W załączeniu."


def test_a_digest_is_mails() -> None:
    raw = simple(
        "Content-Type: multipart/digest; boundary=b\n",
        "--b\n\nSubject: Raz\n\nx\n--b\n\nSubject: Dwa\n\ny\n--b--",
    )
    assert [item.filename for item in read(raw).attachments] == ["Raz.eml", "Dwa.eml"]


@pytest.mark.slow
def test_threads_do_not_disturb_each_other() -> None:
    """Large mails are taken apart in threads, several at a time."""
    raws = [path.read_bytes() for path in SPECIMENS] * 10
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda raw: parse(raw, CONTEXT), raws))
    assert together == [parse(raw, CONTEXT) for raw in raws]


def test_empty_html_gives_way_to_the_plain_text() -> None:
    raw = simple(
        "Content-Type: multipart/alternative; boundary=b\n",
        "--b\n\nTreść\n--b\nContent-Type: text/html\n\n<p></p>\n--b--",
    )
    assert read(raw).text == "Treść"


def test_a_picture_alone_gives_way_to_the_plain_text() -> None:
    raw = simple(
        "Content-Type: multipart/alternative; boundary=b\n",
        '--b\n\nTreść\n--b\nContent-Type: text/html\n\n<p>&nbsp;<img src="https://x.example/y.png"></p>\n--b--',
    )
    assert read(raw).text == "Treść"
    alone = read(raw.replace("Treść", ""))
    assert (alone.text, "x.example" in alone.html) == ("", True)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('Content-Disposition: attachment; filename="C:\\\\Users\\\\jan\\\\umowa.pdf"', "umowa.pdf"),
        ('Content-Disposition: attachment; filename="/etc/passwd"', "passwd"),
        ('Content-Disposition: attachment; filename="../../x.pdf"', ".._.._x.pdf"),
        ('Content-Disposition: attachment; filename="umowa\u202efdp.exe"', "umowafdp.exe"),
        ("Content-Disposition: attachment; filename*=utf-8''faktura%0D%0ABcc%3A.pdf", "faktura Bcc:.pdf"),
        ("Content-Type: application/pdf; name=umowa.pdf", "umowa.pdf"),
        ("Content-Type: image/jpeg", "image.jpg"),
        ("Content-Type: application/x-nothing", "file"),
        ("Content-Type: image/png\nContent-ID: <logo.png@x>", "logo.png"),
        ("Content-Type: image/png\nContent-Description: Zrzut", "Zrzut.png"),
        ("Content-Type: image/png\nContent-ID: <zrzut\u202egnp.exe@x>", "zrzutgnp.exe"),
        ("Content-Type: image/png\nContent-Location: zrzut\u202egnp.exe", "zrzutgnp.exe"),
    ],
)
def test_names_of_attachments(header: str, name: str) -> None:
    raw = simple("Content-Type: multipart/mixed; boundary=b\n", f"--b\n\nTreść\n--b\n{header}\n\nx\n--b--")
    assert [item.filename for item in read(raw).attachments] == [name]


def test_attachments_of_one_name_are_told_apart() -> None:
    part = "--b\nContent-Type: image/png; name=zdjecie.png\n\n"
    raw = simple(
        "Content-Type: multipart/mixed; boundary=b\n", f"--b\n\nTreść\n{part}1\n{part}2\n{part}3\n--b--"
    )
    names = [item.filename for item in read(raw).attachments]
    assert names == ["zdjecie.png", "zdjecie1.png", "zdjecie2.png"]


def test_flowed_text_is_put_together() -> None:
    body = "To jest jeden \nakapit.\n\n> a \n> b\n>> c\n-- \nJan"
    message = read(simple("Content-Type: text/plain; format=flowed; charset=utf-8\n", body))
    assert message.full_text == "To jest jeden akapit.\n\n> a b\n>> c\n-- \nJan"


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n", "xYLDs2TFug=="),
        ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n", "xYLD\ns2TFug"),
        ("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n", "łódź"),
        (
            "Content-Type: text/plain; charset=iso-8859-2\nContent-Transfer-Encoding: quoted-printable\n",
            "=B3=F3d=BC",
        ),
        ("Content-Type: text/plain; charset=iso-8859-2\nContent-Transfer-Encoding: 8bit\n", "łódź"),
        ("Content-Type: text\nContent-Transfer-Encoding: 8BIT;\n", "łódź"),
        ("Content-Type: \n", "łódź"),
        ("", "łódź"),
        ('Content-Type: multipart/mixed; boundary="b"\n', "--b\n\nłódź"),
        ("Content-Type: multipart/mixed\n", "--sep\n\nłódź\n--sep--\n"),
        ("Content-Type: multipart/mixed; boundary=other\n", "łódź"),
        (
            'Content-Type: multipart/mixed; boundary="b"\n',
            "preamble\n--b\nContent-Type: text/plain\n\nłódź\n--b--\nepilogue",
        ),
    ],
)
def test_broken_and_unusual_bodies(header: str, body: str) -> None:
    assert read(simple(header, body)).text == "łódź"


@pytest.mark.parametrize("words", ["Dzień dobry!", "Dzień dobry", "Dzień dobry?!"])
def test_base64_with_something_below_it(words: str) -> None:
    """A gateway's footer, put behind the encoded text; two texts encoded one by one. The length decides on padding."""
    header = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n"
    coded = base64.b64encode(words.encode()).decode()
    footer = "-- \nScanned by an antivirus"
    assert read(simple(header, f"{coded}\n\n{footer}\n")).full_text == f"{words}\n\n{footer}"
    assert read(simple(header, f"{coded}\n\n{coded}\n")).full_text == words * 2
    assert read(simple(header, f"Prosze o kontakt\n\n{words}")).full_text == f"Prosze o kontakt\n\n{words}"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_any_line_end(end: str) -> None:
    raw = simple("Content-Type: multipart/mixed; boundary=b\n", "--b\n\nTreść\nDalej\n--b--\n").replace(
        "\n", end
    )
    message = read(raw)
    assert (message.text, message.subject) == ("Treść\nDalej", "Sprawa")


def test_a_header_that_lost_its_indentation() -> None:
    raw = "Received: from a\nby b; Thu\nFrom: jan@example.pl\nX-Long: abc\ndef\nSubject: Sprawa\n\nTreść"
    message = read(raw)
    assert (message.sender.address, message.subject, message.text) == ("jan@example.pl", "Sprawa", "Treść")


def test_a_mailbox_line_before_the_header() -> None:
    assert read("From jan@example.pl Thu Nov 12 10:12:00 2026\n" + simple()).subject == "Sprawa"


def test_a_picture_written_into_the_html_does_not_hide_the_text() -> None:
    picture = base64.b64encode(bytes(600_000)).decode()
    message = read(
        simple(
            "Content-Type: text/html\n", f'<p>Przed</p><img src="data:image/png;base64,{picture}"><p>Po</p>'
        )
    )
    assert message.text == "Przed\n\nPo"
    assert [(item.filename, item.size) for item in message.attachments] == [("picture-1.png", 600_000)]


def test_a_picture_written_into_the_html_becomes_a_file_that_the_text_shows() -> None:
    picture = base64.b64encode(b"\x89PNG").decode()
    again = f'<img alt="x" src="data:image/png;base64,{picture}">'
    message = read(
        simple(
            "Content-Type: text/html\n",
            f"<p>Błąd:{again}{again}<img src='data:image/png;base64,?'><img src='data:image/png;base64,ł'>",
        )
    )
    [shot] = message.attachments
    assert (shot.content, shot.content_type, shot.inline) == (b"\x89PNG", "image/png", True)
    assert message.html.count(f'src="cid:{shot.content_id}"') == 2
    assert "data:" not in message.html


def test_of_a_text_beyond_reason_all_is_kept() -> None:
    message = read(simple("", "słowo " * 200_000))
    assert len(message.full_text) <= MAX_TEXT
    assert [(item.filename, item.size) for item in message.attachments] == [("message.txt", 1_400_000)]


def test_only_an_answer_loses_its_labels() -> None:
    body = "Formularz\n\nOd: Jan <jan@example.pl>\nTemat: staż\nData: 12.11.2026\n\nKiedy nabór?"
    assert read(simple("", body)).text == body
    assert read(simple("In-Reply-To: <a@b>\n", body)).text == "Formularz"
    assert read(simple("", body).replace("Subject: ", "Subject: Odp: ")).text == "Formularz"


def test_html_that_does_not_say_what_it_is() -> None:
    html = "<!DOCTYPE html>\n<html><body><p>Treść</p></body></html>"
    assert read(simple("", html)).text == "Treść"
    assert read(simple("Content-Type: text/plain; charset=utf-8\n", html)).text == html
    assert read(simple("", "<htmlowy> tekst")).text == "<htmlowy> tekst"


def test_html_that_names_its_charset_only_itself() -> None:
    html = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-5"></head><body>'
    message = read(simple("Content-Type: text/html\n", html).encode() + "Привет".encode("iso8859-5"))
    assert message.text == "Привет"


def test_a_web_form_writes_for_a_person() -> None:
    message = read("From: noreply@site.example\nReply-To: Jan <jan@example.pl>\nSubject: Formularz\n\nKiedy?")
    assert message.automatic == "no"
    assert [party.address for party in message.reply_to] == ["jan@example.pl"]
    nobody = read("From: noreply@site.example\nReply-To: noreply@site.example\nSubject: Newsletter\n\nx")
    assert nobody.automatic == "auto-reply"


# --- identity and thread -------------------------------------------------------------------------------------------


def test_the_same_mail_by_another_way_is_the_same() -> None:
    body = "Dzień dobry, łódź"
    one = simple("Message-ID: <a@b>\nContent-Type: text/plain; charset=utf-8\n", body)
    encoded = base64.encodebytes(body.encode()).decode()
    two = simple(
        "Message-ID: <a@b>\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n",
        encoded,
    )
    trace = f"Received: from mx by hub; Thu\nDelivered-To: x@y\nX-Spam: no\n{one}"
    assert len({read(raw).external_id for raw in (one, two, trace, one.replace("\n", "\r\n"))}) == 1


def test_another_content_under_the_same_message_id_is_another_mail() -> None:
    mails = [
        simple("Message-ID: <a@b>\n", "jeden"),
        simple("Message-ID: <a@b>\n", "dwa"),
        simple("", "jeden"),
        simple("Message-ID: <a@b>\nDate: Thu, 12 Nov 2026 10:12:00 +0100\n", "jeden"),
        simple("Message-ID: <a@b>\nContent-Type: image/png\n", "jeden"),
    ]
    assert len({read(raw).external_id for raw in mails}) == len(mails)


def test_our_own_signed_names_come_first() -> None:
    raw = simple(
        "Message-ID: <own@x>\nIn-Reply-To: <b@x>\nReferences: <a@x> <d1.tokconversation42@urzad.example> <b@x>\n"
        "Cc: kontakt+tokconversation7@urzad.example\n"
    )
    message = read(raw)
    assert message.thread_keys == (
        *("conversation:42", "conversation:7"),
        *("mid:b@x", "mid:d1.tokconversation42@urzad.example", "mid:a@x"),
    )
    assert message.adds_keys == ("mid:own@x",)


def test_our_signed_name_is_found_among_many_recipients_of_the_envelope() -> None:
    names = "".join(f"Delivered-To: a{number}@urzad.example\n" for number in range(20))
    message = read(simple(f"{names}Delivered-To: kontakt+tokconversation7@urzad.example\n"))
    assert message.thread_keys == ("conversation:7",)


def test_a_token_that_is_not_ours_joins_nothing() -> None:
    message = read(simple("In-Reply-To: <d1.forged00000042@urzad.example>\n"))
    assert message.thread_keys == ("mid:d1.forged00000042@urzad.example",)


def test_reference_numbers_in_the_subject() -> None:
    message = read(
        simple().replace("Sprawa", "Odp: Sprawa 3F7-K2M-9QX, wcześniej ABC-123-DEF (XABC-123-DEF)")
    )
    assert message.mentions == ("3F7-K2M-9QX", "ABC-123-DEF")


@pytest.mark.parametrize(
    ("subject", "numbers"),
    [
        ("sprawa 3f7-k2m-9qx", ("3F7-K2M-9QX",)),
        ("nr 3F7\u2013K2M\u20139QX.", ("3F7-K2M-9QX",)),
        ("3f7k2m9qx - ponaglenie", ("3F7-K2M-9QX",)),
        ("zgłoszenie [3F7-K2M-9QX]", ("3F7-K2M-9QX",)),
        ("poszukuje pracy, tel. 600-700-8000, A3F7-K2M-9QX, 3F7-K2M-9QX-1", ()),
    ],
)
def test_reference_numbers_as_people_copy_them(subject: str, numbers: tuple[str, ...]) -> None:
    assert read(simple().replace("Sprawa", subject)).mentions == numbers


def test_several_authors_and_none() -> None:
    several = read("From: a@x.pl, b@x.pl\nFrom: c@x.pl\n\nx")
    assert several.sender.address == "a@x.pl"
    assert several.suspicious
    assert not read("From: a@x.pl\nFrom: A <A@x.pl>\n\nx").suspicious
    assert read("Sender: s@x.pl\nFrom: <a@x.pl> <b@x.pl>\n\nx").sender.address == "s@x.pl"
    assert read("Subject: x\n\nx").sender.address == ""


def test_a_line_end_in_a_field_makes_no_second_field() -> None:
    message = read("From: =?utf-8?Q?Jan=0D=0ABcc:_x@y?= <jan@example.pl>\nSubject: =?utf-8?Q?a=0Ab?=\n\nx")
    assert (message.sender.name, message.subject) == ("Jan Bcc: x@y", "a b")


def test_a_name_that_was_encoded_twice_can_stand_in_an_answer() -> None:
    """Quotation marks of Windows, taken for Latin 1, are control characters, which no header field may hold."""
    message = read(
        "From: =?utf-8?Q?=C2=84Jan=C2=94?= <jan@example.pl>\nSubject: =?utf-8?Q?=C2=84a=C2=84b=E2=80=A8c?=\n\nx"
    )
    assert (message.sender.name, message.subject) == ("Jan", "a b c")


# --- machines ------------------------------------------------------------------------------------------------------

AUTOMATIC = {
    "": "no",
    "Auto-Submitted: no\n": "no",
    "Auto-Submitted: auto-replied\n": "auto-reply",
    "Auto-Submitted: auto-generated (x)\n": "auto-reply",
    "Auto-Submitted: auto-notified; owner-email=x\n": "auto-reply",
    "X-Autoreply: yes\n": "auto-reply",
    "X-Autoreply: no\n": "no",
    "X-Autorespond: Nie ma mnie\n": "auto-reply",
    "Precedence: auto_reply\n": "auto-reply",
    "Precedence: bulk\nSubject: Automatyczna odpowiedź: Sprawa\n": "auto-reply",
    "X-Auto-Response-Suppress: All\nSubject: Odpowiedź automatyczna: Sprawa\n": "auto-reply",
    "X-Auto-Response-Suppress: All\n": "no",
    "In-Reply-To: <a@b>\nSubject: Automatic reply: Sprawa\n": "auto-reply",
    "In-Reply-To: <a@b>\nSubject: Odp: Automatyczna odpowiedź: Sprawa\n": "no",
    "Return-Path: <>\n": "auto-reply",
    "Return-Path: <>\nSubject: Nieobecność: Sprawa\n": "auto-reply",
    "Precedence: bulk\n": "list",
    "List-Id: <praca.example>\n": "list",
    "List-Unsubscribe: <https://x>\n": "list",
    "Precedence: first-class\n": "no",
}


@pytest.mark.parametrize("headers", AUTOMATIC)
def test_what_machines_write(headers: str) -> None:
    assert read(f"From: jan@example.pl\nTo: x@y.pl\n{headers}\nTreść").automatic == AUTOMATIC[headers]


@pytest.mark.parametrize(
    "subject", ["Automatyczna odpowiedź, którą dostałem", "Urlop wychowawczy", "Vacation job"]
)
def test_a_subject_alone_makes_no_machine(subject: str) -> None:
    assert read(f"From: jan@example.pl\nSubject: {subject}\n\nTreść").automatic == "no"


@pytest.mark.parametrize("local", ["noreply", "no-reply", "do-not-reply", "nie-odpowiadaj"])
def test_addresses_that_take_no_answer(local: str) -> None:
    assert read(f"From: {local}@example.pl\nSubject: x\n\nTreść").automatic == "auto-reply"
