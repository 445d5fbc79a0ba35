"""HTML from outside: its text, and what of it may be shown."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import _html

TEXTS = {
    "<p>a</p><p>b</p>": "a\n\nb",
    "<div>a</div><div>b</div>": "a\nb",
    "<div>a<br></div><div><br></div><div>b</div>": "a\n\nb",
    "a<br>b<br><br>c": "a\nb\n\nc",
    "<p class=MsoNormal>a</p><p class=MsoNormal>b</p>": "a\nb",
    "<p class=MsoNormal>a</p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>b</p>": "a\n\nb",
    "<b>a</b> <i>b</i>c": "a bc",
    "<ul><li>a<li>b</ul>c": "* a\n* b\n\nc",
    "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>": "a b\nc",
    "<pre>a\n  b\n\nc</pre>": "a\n  b\n\nc",
    "a<script>x</script><style>y</style><!-- z -->b": "ab",
    '<div style="display: none">hidden</div>seen': "seen",
    "<head><title>t</title></head><body>a</body>": "a",
    "a &lt;b&gt; &amp;amp; &#322;&nbsp;c": "a <b> &amp; ł c",
    '<img alt="🙂"><img alt="logo of the firm">': "🙂",
    '<img alt="👩‍👩‍👧‍👦"> <img alt="Łódź, logo">': "👩‍👩‍👧‍👦",
    '<?xml version="1.0" encoding="iso-8859-2"?><html><body>ł</body></html>': "ł",
    "a\n   b\t c": "a b c",
    "": "",
    "<!-- only -->": "",
    "a < b": "a < b",
}


@pytest.mark.parametrize("html", TEXTS)
def test_text(html: str) -> None:
    assert _html.text(html) == TEXTS[html]


NEVER_SHOWN = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="&#x6A;avascript:alert(1)">x</a>',
    '<a href="data:text/html,x">x</a>',
    '<iframe src="https://evil.example"></iframe>',
    "<form action=https://evil.example><input name=password></form>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<style>@import 'https://evil.example'</style>",
    '<p style="background:url(https://evil.example)">x</p>',
    '<body background="https://evil.example">x</body>',
    '<link rel=stylesheet href="https://evil.example">',
    '<base href="https://evil.example">',
    '<meta http-equiv=refresh content="0;url=https://evil.example">',
    '<object data="https://evil.example"></object>',
    '<video src="https://evil.example" poster="https://evil.example"></video>',
    '<img srcset="https://evil.example 2x">',
]


@pytest.mark.parametrize("html", NEVER_SHOWN)
def test_nothing_active_remains(html: str) -> None:
    clean = _html.sanitise(html)
    assert "evil.example" not in clean
    assert "alert" not in clean.replace("alert(1)</a>", "")
    assert "onerror" not in clean
    assert "javascript" not in clean


def test_pictures_elsewhere_wait_for_a_click() -> None:
    clean = _html.sanitise('<img alt="a > b" src="https://example.org/a.png"><img src="cid:x1@y">')
    assert '<img alt="a &gt; b" data-src="https://example.org/a.png">' in clean
    assert '<img src="cid:x1@y">' in clean
    assert ' src="http' not in clean
    assert _html.sanitise('<img src="CID:x1@y">') == '<img src="CID:x1@y">'


@pytest.mark.parametrize(
    "html",
    [
        '<img alt=" src=" src="https://example.org/a.png">',
        '<img title="x src=" alt=">" src="https://example.org/a.png">',
        "<img alt='\" src=\"cid:' src=https://example.org/a.png>",
        '<img src="//example.org/a.png">',
        '<img src="/a.png">',
        '<IMG SRC="https://example.org/a.png" SRC="cid:x">',
    ],
)
def test_no_picture_elsewhere_loads_by_itself(html: str) -> None:
    class Sources(HTMLParser):
        found: list[str | None] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found = [*self.found, *(value for name, value in attrs if name == "src")]

    sources = Sources()
    sources.feed(_html.sanitise(html))
    assert sources.found == []


def test_text_that_looks_like_a_picture_stays_text() -> None:
    assert _html.sanitise('&lt;img src="http://x"&gt;') == '&lt;img src="http://x"&gt;'


def test_links_do_not_lead_into_the_console() -> None:
    assert "href" not in _html.sanitise(
        '<a href="/users">x</a><a href="//evil.example">y</a><a href="?a=1">z</a>'
    )


def test_links_do_not_tell_where_they_were_clicked() -> None:
    assert 'rel="noopener noreferrer"' in _html.sanitise('<a href="https://example.org" target=_blank>x</a>')


def test_what_is_nested_beyond_reason_keeps_its_text() -> None:
    deep = "<div>" * 50_000 + "treść" + "</div>" * 50_000
    assert _html.text(deep) == "treść"
    assert _html.sanitise(deep) == "treść"


@pytest.mark.slow
@pytest.mark.parametrize(
    "tag", ["<div>", "<p>", "<b>", "<table><tr><td>", "<", "<!--", "<a href=x>", "&lt;", "<font><p>"]
)
def test_time_is_bounded(tag: str) -> None:
    html = tag * (300_000 // len(tag))
    begin = time.process_time()
    _html.lines(html)
    _html.sanitise(html)
    assert time.process_time() - begin < 10


@given(st.text(alphabet="<>/\"'= abdivpscrtonload&;#!-\x00łé\n", max_size=300))
def test_any_text(html: str) -> None:
    clean = _html.sanitise(html)
    assert "<script" not in clean
    for line in _html.lines(html):
        assert "\n" not in line.text
