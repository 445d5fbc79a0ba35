"""Pages of YouTube that are not as documented: read as far as they go, the rest kept."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import InboxId, Message, Micros
from connectors.youtube.reading import THREADS, BadPage, Place, decode_page, inbound, parse, read_entry
from tests.connectors.mutants import mutants
from tests.contract.fixtures import FOLDER, context

FIXTURES = FOLDER / "youtube" / "fixtures"


@given(mutants(FIXTURES))
def test_a_changed_page_is_read_or_kept(body: bytes) -> None:
    try:
        items = parse(body, context())
    except BadPage:
        return
    for item in items:
        assert item.external_id
        msgspec.json.encode(item)


@given(st.binary(max_size=200))
def test_anything_else_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(BadPage):
        parse(body, context())


def test_a_list_of_something_else_is_refused() -> None:
    with pytest.raises(BadPage):
        parse(b'{"kind":"youtube#videoListResponse","items":[]}', context())


def test_half_an_emoji_loses_no_page() -> None:
    body = (FIXTURES / "threads-one.raw").read_bytes().replace("🤔".encode(), b"\\ud83e")
    [item] = parse(body, context())
    assert isinstance(item, Message)
    assert item.text.startswith("Kiedy ruszą nabory")


def test_what_our_own_channel_wrote_is_ours_and_the_way_of_the_bench_is_the_inbox_s() -> None:
    page = decode_page((FIXTURES / "threads.raw").read_bytes())
    place = Place(
        inbox=InboxId("youtube"),
        now=Micros(0),
        channel="UCzielonalinia0000000000",
        moderation="post",
        titles={"dQw4w9WgXcQ": "Jak złożyć wniosek"},
    )
    entry = read_entry(page.items[0], THREADS)
    assert entry is not None
    messages = [item for found in entry.comments for item in inbound(found, place)]
    assert [getattr(item, "ours", None) for item in messages] == [False, True, False]
    for item in messages:
        assert isinstance(item, Message)
        assert item.comment is not None
        assert (item.comment.moderation, item.comment.title, item.subject) == (
            "post",
            *["Jak złożyć wniosek"] * 2,
        )
