"""What updates mean, beyond the fixtures: nothing is lost, nothing raises but for what is no update at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import MAX_KEY, Edit, Message, Unknown
from connectors.telegram import wire
from connectors.telegram.naming import start_payload
from connectors.telegram.reading import parse
from connectors.telegram.sending import Spot, spot
from hub.demo.peers import telegram_payloads as payloads
from tests.connectors.telegram.beside import JAN
from tests.contract.fixtures import context
from tests.contract.world import Tokens

AT = 1_794_328_800


def read(kind: str, content: Any, number: int = 7) -> list[Any]:
    return parse(json.dumps({"update_id": number, kind: content}).encode(), context())


def test_what_is_no_update_is_refused_with_a_sentence() -> None:
    for body in (
        b"",
        b"nic",
        b"{}",
        b"[1]",
        b'{"update_id": "7"}',
        b'{"update_id": true}',
        b"\xff",
        b"[" * 100_000,
    ):
        with pytest.raises(wire.BadUpdate, match=r"\.$"):
            parse(body, context())


def test_bytes_that_are_no_utf8_lose_nothing_else() -> None:
    body = json.dumps(payloads.written(7, "Jan", "Dzie? dobry", AT, person_id=1, message_id=2)).encode()
    [item] = parse(body.replace(b"Dzie?", b"Dzie\xf1"), context())
    assert isinstance(item, Message)
    assert item.text == "Dzie\N{REPLACEMENT CHARACTER} dobry"


def test_a_payload_is_a_token_a_campaign_or_nothing() -> None:
    assert start_payload("/start") == ""
    assert start_payload("/start@Bot  ") == ""
    assert start_payload("/start abc-_9") == "abc-_9"
    assert start_payload("/start dwa słowa") is None
    assert start_payload("/started") is None
    assert start_payload("proszę /start") is None


def test_a_token_is_never_shown_and_joins_only_with_our_signature() -> None:
    token = Tokens().sign("conversation", 81)
    [joins] = read("message", payloads.message(JAN, 1, AT, **payloads.text(f"/start {token}")))
    assert joins.thread_keys == ("conversation:81",)
    assert token not in repr(joins)
    [other] = read(
        "message", payloads.message(JAN, 1, AT, **payloads.text(f"/start {Tokens().sign('visitor', 81)}"))
    )
    assert other.thread_keys == ()


def test_a_token_said_in_a_group_joins_nothing() -> None:
    made = payloads.text(f"/start {Tokens().sign('conversation', 81)}")
    [item] = read("message", payloads.message(JAN, 1, AT, chat=payloads.group(-5, "Grupa"), **made))
    assert isinstance(item, Message)
    assert item.thread_keys == ()


def test_an_id_longer_than_any_id_is_still_shown() -> None:
    made = payloads.message(JAN, 1, AT, text="tekst", business_connection_id="x" * MAX_KEY)
    [item] = read("business_message", made)
    assert isinstance(item, Unknown)
    assert item.text == "tekst"


def test_an_edit_that_leaves_no_words_is_an_edit() -> None:
    [item] = read("edited_message", payloads.message(JAN, 1, AT, giveaway={}))
    assert isinstance(item, Edit)
    assert item.text == ""


def test_two_edits_of_one_second_are_two_events() -> None:
    made = payloads.message(JAN, 1, AT, text="b", edit_date=AT)
    [first], [second] = read("edited_message", made, 7), read("edited_message", made, 8)
    assert first.external_id != second.external_id


@pytest.mark.parametrize("kind", [*wire.KNOWN, "telepatia"])
@pytest.mark.parametrize("content", [None, 5, "x", [], {}, {"chat": 5, "from": [], "message_id": {}}])
def test_any_shape_of_any_kind_is_kept(kind: str, content: Any) -> None:
    [item] = read(kind, content)
    assert isinstance(item, Unknown)
    assert item.external_id == "update:7"
    assert item.what == kind


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
FIELDS = st.sampled_from(wire.Message.__struct_encode_fields__)


@given(st.dictionaries(FIELDS, VALUES, max_size=6))
def test_a_message_with_anything_in_it_gives_one_item(changes: dict[str, Any]) -> None:
    [item] = read("message", payloads.message(JAN, 1, AT, text="tekst") | changes)
    assert isinstance(item, Message | Unknown)
    assert item.external_id


@given(st.integers(-(2**52), 2**52), st.integers(0, 2**31), st.sampled_from(["", "cONn3ct10n", "a:b"]))
def test_the_name_of_a_message_leads_back_to_it(chat: int, number: int, connection: str) -> None:
    name = f"{chat}:{number}" + (f":{connection}" if connection else "")
    assert spot(name) == Spot(chat=chat, number=number, connection=connection)


@pytest.mark.parametrize(
    "name", [None, "", "update:7", "callback:123", "a:1", "1:b", "1:", ":1", "1:²", "member:1:2"]
)
def test_other_ids_name_no_message(name: str | None) -> None:
    assert spot(name) is None


def test_of_two_changes_of_a_second_the_update_tells_which_is_the_later() -> None:
    """Webhooks may be told side by side, and the hub goes by the time."""
    edited = {**payloads.message(JAN, 300, AT, text="Inaczej"), "edit_date": AT + 60}
    signs = {"chat": edited["chat"], "message_id": 300, "user": edited["from"], "date": AT + 60}
    for kind, content in (("edited_message", edited), ("message_reaction", {**signs, "new_reaction": []})):
        [first], [second] = read(kind, content, 1_000_001), read(kind, content, 1_000_002)
        assert (AT + 60) * 1_000_000 < first.at < second.at < (AT + 61) * 1_000_000
