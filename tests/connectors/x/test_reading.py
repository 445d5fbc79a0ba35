"""Bodies of X that are not as documented: read as far as they go, the rest kept, nothing raised but for no JSON."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Message, Micros, Unknown
from connectors.x.common import from_id, from_iso, from_ms, from_old, id_at
from connectors.x.reading import BadBody, parse
from tests.connectors.mutants import mutants
from tests.contract.fixtures import FOLDER, context

FIXTURES = FOLDER / "x" / "fixtures"


@given(mutants(FIXTURES))
def test_a_changed_body_is_read_or_kept(body: bytes) -> None:
    try:
        items = parse(body, context())
    except BadBody:
        return
    for item in items:
        assert item.external_id
        msgspec.json.encode(item)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_refused_as_such(body: bytes) -> None:
    try:
        parse(body, context())
    except BadBody as error:
        assert body.decode("utf-8", "replace")[:20] not in str(error) or len(body) < 4


def test_one_bad_event_hides_none_of_its_neighbours() -> None:
    good = (
        b'{"type":"message_create","id":"%d","message_create":{"sender_id":"7","message_data":{"text":"t"}}}'
    )
    events = b",".join([good % 1, b'{"id":[]}', good % 2, b"null", good % 3])
    items = parse(b'{"for_user_id":"1","direct_message_events":[' + events + b"]}", context())
    assert [type(item) for item in items] == [Message, Unknown, Message, Unknown, Message]


def test_the_same_bytes_have_the_same_identity_and_others_another() -> None:
    def name(body: bytes) -> str | None:
        [item] = parse(body, context())
        return item.external_id

    first = name(b'{"for_user_id":"1","new_events":[{"a":1}]}')
    assert first == name(b'{"new_events":[{"a":1}],"for_user_id":"1"}')
    assert first != name(b'{"for_user_id":"1","new_events":[{"a":2}]}')


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (from_ms("1516403560557"), 1_516_403_560_557_000),
        (from_ms(1516403560557), 1_516_403_560_557_000),
        (from_ms(""), None),
        (from_ms("-5"), None),
        (from_iso("2026-07-24T21:05:48.000Z"), 1_784_927_148_000_000),
        (from_iso("2026-07-24T21:05:48"), None),
        (from_iso("yesterday"), None),
        (from_old("Mon May 19 14:01:46 +0000 2025"), 1_747_663_306_000_000),
        (from_old("Mon May 19"), None),
        (from_old("a b c d e f"), None),
        (from_id("1045405559317569537"), 1_538_079_082_694_000),
    ],
)
def test_times_of_all_forms(found: int | None, expected: int | None) -> None:
    assert found == expected


def test_an_id_says_when_it_was_given_out() -> None:
    at = Micros(1_794_328_800_000_000)
    assert from_id(str(id_at(at))) == at
    assert from_id("7") is None
