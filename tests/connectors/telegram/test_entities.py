"""Entities as HTML: right for what Telegram sends, harmless and well-formed for anything else."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from connectors import _html
from connectors.telegram.entities import to_html
from connectors.telegram.wire import Entity

LINK = ' rel="noopener noreferrer">'


def entity(kind: str, offset: int, length: int, url: str = "") -> Entity:
    return Entity(type=kind, offset=offset, length=length, url=url)


def test_plain_text_needs_no_html() -> None:
    assert to_html("a <b> & c", ()) == ""
    assert to_html("#praca @urzad /start", (entity("hashtag", 0, 6), entity("mention", 7, 6))) == ""


def test_offsets_count_utf16_units() -> None:
    assert to_html("😀😀 ważne", (entity("bold", 5, 5),)) == "😀😀 <b>ważne</b>"
    assert to_html("😀 a", (entity("bold", 1, 2),)) == "", "half a character is no place"


def test_nesting_and_overlap() -> None:
    both = (entity("bold", 0, 6), entity("italic", 3, 6))
    assert to_html("abcdefghi", both) == "<b>abc<i>def</i></b><i>ghi</i>"
    same = (entity("italic", 0, 3), entity("bold", 0, 3))
    assert to_html("abc", same) == "<i><b>abc</b></i>"


def test_links_lead_only_where_a_browser_may_go() -> None:
    def linked(url: str) -> str:
        return to_html("tu", (entity("text_link", 0, 2, url),))

    assert (
        linked("https://praca.gov.pl/?a=1&b=2") == f'<a href="https://praca.gov.pl/?a=1&amp;b=2"{LINK}tu</a>'
    )
    for url in (
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://a b",
        "HTTPS:x",
        "tg://user",
    ):
        assert linked(url) == ""
    assert linked('https://a.example/"x') == f'<a href="https://a.example/&quot;x"{LINK}tu</a>'
    mail = to_html("a@b.pl", (entity("email", 0, 6),))
    assert mail == f'<a href="mailto:a@b.pl"{LINK}a@b.pl</a>'
    assert to_html("praca.gov.pl", (entity("url", 0, 12),)).startswith('<a href="https://praca.gov.pl"')


class _Tags(HTMLParser):
    """Checks that every tag is closed in order and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


KINDS = st.sampled_from(
    ["bold", "italic", "pre", "text_link", "url", "email", "blockquote", "hashtag", "nowy"]
)
TEXTS = st.text(st.sampled_from("aż😀 <>&\"'\n"), min_size=1, max_size=30)
PLACES = st.integers(-3, 70)
ENTITIES = st.lists(
    st.builds(
        entity,
        KINDS,
        PLACES,
        PLACES,
        st.sampled_from(["https://a.example/x?y=1&z", "javascript:1", "", 'https://"<>']),
    ),
    max_size=12,
)


@given(TEXTS, ENTITIES)
def test_any_entities_give_well_formed_html_with_the_same_text(text: str, entities: list[Entity]) -> None:
    html = to_html(text, entities)
    if not html:
        return
    parser = _Tags()
    parser.feed(html)
    parser.close()
    assert not parser.open
    assert parser.text == text
    assert "javascript:" not in html.replace(text, "")


@given(TEXTS, ENTITIES)
def test_the_cleaner_finds_nothing_to_take_out(text: str, entities: list[Entity]) -> None:
    html = to_html(text, entities)
    clean = _html.sanitise(html)
    assert clean.count("<a ") == html.count("<a ")
    assert clean.count("<b>") == html.count("<b>")
