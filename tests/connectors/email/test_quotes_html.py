"""The visible reply of HTML mails, by the mark-up of the programs that people write with."""

from __future__ import annotations

import pytest

from connectors import _html
from connectors.email import quotes

REPLY = "Dzień dobry,\nproszę o odpowiedź."
OLD = "<div>Szanowny Panie,</div><div>odpowiemy jutro.</div>"

BELOW = {
    "gmail": '<br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">czw., '
    "12 lis 2026 o 10:12 "
    'Urząd &lt;<a href="mailto:a@b.example">a@b.example</a>&gt; napisał(a):<br></div>'
    f'<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">{OLD}</blockquote></div>',
    "thunderbird": '<div class="moz-cite-prefix">W dniu 12.11.2026 o 10:12, Urząd pisze:<br></div>'
    f'<blockquote type="cite" cite="mid:x@y">{OLD}</blockquote>',
    "apple mail": '<br><div><blockquote type="cite"><div>Wiadomość napisana przez Urząd '
    "&lt;a@b.example&gt; w dniu 12 lis "
    f"2026, o godz. 10:12:</div><br><div>{OLD}</div></blockquote></div>",
    "iphone": '<br><blockquote type="cite">Wiadomość napisana przez Urząd &lt;a@b.example&gt; w dniu '
    "12.11.2026, o godz. "
    f'10:12:<br><br></blockquote><blockquote type="cite">{OLD}</blockquote>',
    "outlook": '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm '
    '0cm"><p class=MsoNormal>'
    "<b>From:</b> Urząd &lt;a@b.example&gt; <br><b>Sent:</b> Thursday, November 12, 2026 10:12 "
    "AM<br><b>To:</b> Jan<br>"
    f"<b>Subject:</b> Sprawa<o:p></o:p></p></div></div>{OLD}",
    "outlook in Polish": '<div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm '
    '0cm"><p class=MsoNormal>'
    "<b>Od:</b> Urząd [mailto:a@b.example] <br><b>Wysłano:</b> 12 listopada 2026 10:12<br><b>Do:</b> Jan<br>"
    f"<b>Temat:</b> Sprawa</p></div>{OLD}",
    "outlook on the web": '<div id="appendonsend"></div><hr style="display:inline-block;width:98%" '
    'tabindex="-1">'
    '<div id="divRplyFwdMsg" dir="ltr"><font><b>Od:</b> Urząd &lt;a@b.example&gt;<br><b>Wysłane:</b> 12 '
    "listopada 2026 10:12"
    f"<br><b>Do:</b> Jan<br><b>Temat:</b> Sprawa</font></div>{OLD}",
    "outlook, another language": '<div id="x_divRplyFwdMsg"><b>Nga:</b> X<br><b>Për:</b> Y</div>' + OLD,
    "hotmail": '<hr id="stopSpelling">Date: Thu, 12 Nov 2026 10:12:00 +0100<br>Subject: Sprawa<br>From: '
    "a@b.example<br>"
    f"To: jan@example.pl<br><br>{OLD}",
    "outlook for mac": '<span id="OLK_SRC_BODY_SECTION"><div><span>From: </span>Urząd &lt;a@b.example&gt;<br>'
    f"<span>Date: </span>12 Nov 2026<br></div>{OLD}</span>",
    "yahoo": '<div id="ydp1yahoo_quoted_123" class="ydp1yahoo_quoted yahoo_quoted"><div>W dniu czwartek, '
    "12 listopada 2026 "
    f"10:12:00 CET użytkownik Urząd &lt;a@b.example&gt; napisał:</div>{OLD}</div>",
    "protonmail": '<div class="protonmail_quote">W dniu 12.11.2026 o 10:12, Urząd pisze:<br><blockquote '
    'class="protonmail_quote" '
    f'type="cite">{OLD}</blockquote></div>',
    "web.de": '<div name="quote" style="margin:10px 5px 5px 10px; border-left:2px solid '
    '#C3D9E5;"><div><b>Gesendet:</b> 12. '
    f"November 2026<br><b>Von:</b> Amt &lt;a@b.example&gt;</div>{OLD}</div>",
    "wp": f"<div>Dnia 12 listopada 2026 10:12 Urząd &lt;a@b.example&gt; "
    f"napisał(a):</div><blockquote>{OLD}</blockquote>",
    "onet": f"W dniu 2026-11-12 10:12:33 użytkownik Urząd &lt;a@b.example&gt; "
    f"napisał:<blockquote>{OLD}</blockquote>",
    "interia": f"<p>---- Wiadomość oryginalna ----<br>Od: Urząd &lt;a@b.example&gt;<br>Temat: "
    f"Sprawa</p>{OLD}",
    "no blockquote": f"<div>Dnia 12 listopada 2026 10:12 Urząd &lt;a@b.example&gt; napisał(a):</div>{OLD}",
    "mail.ru": "Четверг, 12 ноября 2026, 10:12 +03:00 от Бюро &lt;a@b.example&gt;:<br><blockquote "
    'style="border-left:1px '
    f'solid #0857A6">{OLD}</blockquote>',
    "zimbra": f'<hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>Od: '
    f"</b>Urząd</div>{OLD}",
    "a blockquote and nothing else": f"<blockquote>{OLD}</blockquote>",
}


def reply_of(html: str, subject: str = "") -> str:
    return quotes.visible_lines(_html.lines(html), subject=subject)


@pytest.mark.parametrize("name", BELOW)
def test_reply_above_the_quotation(name: str) -> None:
    html = f"<html><body><div>Dzień dobry,</div><div>proszę o odpowiedź.</div>{BELOW[name]}</body></html>"
    assert reply_of(html) == REPLY


def test_reply_below_the_quotation() -> None:
    html = f"<body>{BELOW['thunderbird']}<p>Tak, zgadzam się.</p></body>"
    assert reply_of(html) == "Tak, zgadzam się."


def test_answers_between_quotations_stay_with_what_they_answer() -> None:
    html = (
        '<div dir="ltr"><div class="gmail_quote"><div class="gmail_attr">12 lis 2026 Urząd '
        "&lt;a@b.example&gt; napisał(a):</div>"
        '<blockquote class="gmail_quote">Czy ma Pan orzeczenie?</blockquote><div>Tak, mam.</div>'
        '<blockquote class="gmail_quote">Od kiedy?</blockquote><div>Od maja.</div></div></div>'
    )
    text = reply_of(html)
    assert text.index("> Czy ma Pan orzeczenie?") < text.index("Tak, mam.") < text.index("> Od kiedy?")
    assert "Od maja." in text


@pytest.mark.parametrize(
    "html",
    [
        '<div>Przekazuję.</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded '
        "message ---------<br>Od: "
        "<b>Urząd</b> &lt;a@b.example&gt;<br>Date: 12 lis 2026<br>Subject: x</div><div>Treść "
        "pisma.</div></div>",
        '<div>Przekazuję.</div><blockquote type="cite"><div>Początek przekazywanej '
        "wiadomości:</div><div>Od: Urząd</div>"
        "<div>Treść pisma.</div></blockquote>",
        '<p>Przekazuję.</p><div class="moz-forward-container">-------- Przekazana wiadomość '
        "--------<table><tr><th>Temat: </th>"
        "<td>x</td></tr><tr><th>Data: </th><td>12 Nov 2026</td></tr><tr><th>Nadawca: </th><td>U "
        "&lt;a@b.example&gt;</td></tr>"
        "</table><p>Treść pisma.</p></div>",
    ],
)
def test_a_mail_that_is_passed_on_is_content(html: str) -> None:
    assert "Treść pisma." in reply_of(html)


def test_outlook_says_only_by_the_subject_that_it_passes_on() -> None:
    html = f"<div>Przekazuję.</div>{BELOW['outlook in Polish']}"
    assert "odpowiemy jutro" in reply_of(html, "PD: Sprawa")
    assert reply_of(html, "Odp: Sprawa") == "Przekazuję."


def test_a_blockquote_that_a_person_made_stays() -> None:
    html = f"<p>Ustawa mówi:</p><blockquote>Art. 71</blockquote><p>Co to znaczy?</p>{BELOW['gmail']}"
    assert reply_of(html) == "Ustawa mówi:\n\nArt. 71\n\nCo to znaczy?"


def test_everything_stays_where_nothing_would_remain() -> None:
    assert "odpowiemy jutro." in reply_of(f"<body>{BELOW['gmail']}</body>")
