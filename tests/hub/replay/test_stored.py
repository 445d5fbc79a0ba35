"""Stored decisions come back as they were: what the rules saw is compared with what is read from the store later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hub.deciding.existing
import hub.intake.batch
from connectors.contract import CommentPlace, Deletion, Edit, Inbound, InboxId, Message, Party, Raw, Receipt
from hub.intake.sink import Intake
from hub.logs import logger
from hub.moderation.masking import mask
from hub.replay import stored
from hub.replay.standins import unmask
from hub.store.store import Store
from rules import Compiled, Decision, Facts, decode_trace, detect, evaluate
from rules.engine.scan import Scan
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import mail
from tests.hub.specimen import a_house

Feed = Callable[..., Awaitable[Receipt]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Facts]]:
    """The facts of every decision as the rules got them, in order."""
    found: list[Facts] = []

    def listen(compiled: Compiled, facts: Facts, looked: Scan | None = None) -> Decision:
        found.append(facts)
        return evaluate(compiled, facts, looked)

    monkeypatch.setattr(hub.intake.batch, "evaluate", listen)
    monkeypatch.setattr(hub.deciding.existing, "evaluate", listen)
    yield found


@pytest.fixture
async def feed(store: Store, clock: FakeClock) -> Feed:
    house = a_house()
    intake = Intake(store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None)
    await intake.refresh_load()

    async def one(item: Inbound) -> Receipt:
        [receipt] = await intake.sink(item.inbox).accept(Raw(content=b"raw"), [item])
        clock.move(1)
        return receipt

    return one


async def everything(store: Store) -> list[stored.Stored]:
    span = await store.read(lambda tx: stored.newest(tx, 1000))
    assert span is not None
    snapshots = stored.Snapshots()
    found = await store.read(lambda tx: stored.batch(tx, snapshots, span.first, span.last))
    assert len(found) == span.total
    return found


def comment(number: int, text: str) -> Message:
    return Message(
        inbox=InboxId("artykuly"),
        external_id=f"web:{number}",
        sender=Party(kind="web", address="v1", name="Anna"),
        subject="Zasiłek od A do Z",
        text=text,
        full_text=text,
        comment=CommentPlace(
            article="zasilek",
            title="Zasiłek od A do Z",
            url="https://praca.example.pl/zasilek",
            section="poradnik",
            moderation="post",
        ),
    )


async def test_mails_come_back_as_they_were_decided_on(store: Store, feed: Feed, seen: list[Facts]) -> None:
    for number in range(6):
        await feed(
            mail(number, sender=f"u{number % 2}@example.pl", text=f"Pytanie {number} o zasiłek i pracę.")
        )
    await feed(mail("odp", answers=(3,), text="Jeszcze jedno pytanie."))
    found = await everything(store)
    assert [one.facts for one in found] == seen
    assert {one.text for one in found} == {"whole"}
    assert found[-1].facts.on == "message"
    assert all(one.load for one in found)
    assert decode_trace(found[0].trace).winners["queue"] == "default"


async def test_a_text_that_was_changed_later_is_read_as_it_was(
    store: Store, feed: Feed, seen: list[Facts]
) -> None:
    await feed(mail(1, text="Pierwszy tekst, zanim ktoś go zmienił."))
    sender = Party(kind="email", address="jan@example.pl")
    for text in ("Drugi tekst.", "Trzeci tekst."):
        event: dict[str, Any] = {"external_id": text, "target": "id-1", "sender": sender}
        await feed(Edit(inbox=InboxId("kontakt"), text=text, **event))
    await feed(Deletion(inbox=InboxId("kontakt"), external_id="weg", target="id-1", sender=sender))
    found = await everything(store)
    assert [one.facts.text for one in found][:1] == [seen[0].text]
    assert found[0].readable
    assert [one.facts for one in found] == seen


async def test_a_comment_says_what_kinds_of_numbers_stood_in_it(
    store: Store, feed: Feed, seen: list[Facts]
) -> None:
    await feed(comment(1, "Mój PESEL to 44051401359, dzwońcie na 600 100 200."))
    await feed(comment(2, "Bez numerów."))
    first, second = await everything(store)
    assert (first.text, second.text) == ("masked", "whole")
    assert "44051401359" in seen[0].text
    assert "44051401359" not in first.facts.text
    assert list(detect.pesel_spans(first.facts.text))
    assert list(detect.phone_spans(first.facts.text))
    assert second.facts == seen[1]


async def test_what_is_gone_of_a_comment_is_said(store: Store, feed: Feed) -> None:
    first = await feed(comment(1, "Pierwsza wersja."))
    second = await feed(comment(2, "Do skasowania."))
    about: dict[str, Any] = {"inbox": InboxId("artykuly"), "sender": Party(kind="web", address="v1")}
    await feed(Edit(external_id="e", target=str(first.message), text="Druga wersja.", **about))
    await feed(Deletion(external_id="d", target=str(second.message), **about))
    found = await everything(store)
    assert [(one.facts.on, one.text, one.readable) for one in found] == [
        ("new", "changed", False),
        ("message", "gone", False),
        ("edit", "whole", True),
    ]


async def test_spans_and_their_parts(store: Store, feed: Feed, clock: FakeClock) -> None:
    for number in range(11):
        await feed(mail(number))
    all_of_them = await everything(store)
    for count in (1, 4, 11, 50):
        span = await store.read(lambda tx, count=count: stored.newest(tx, count))  # type: ignore[misc]
        assert span is not None
        assert span.total == min(count, 11)
        assert span.first == all_of_them[-span.total].place
    recent = await store.read(lambda tx: stored.since(tx, all_of_them[5].at))
    assert recent is not None
    assert recent.total == 6
    for parts in (1, 2, 3, 4):
        spans = await store.read(lambda tx, parts=parts: stored.split(tx, recent, parts))  # type: ignore[misc]
        ids: list[int] = []
        for span in spans:
            first, snapshots = span.first, stored.Snapshots()
            while some := await store.read(
                lambda tx, f=first, s=snapshots, last=span.last: stored.batch(tx, s, f, last, 2)  # type: ignore[misc]
            ):
                ids += [one.id for one in some]
                first = stored.following(some[-1])
        assert ids == [one.id for one in all_of_them[5:]]
        assert len(spans) <= parts
        assert sum(span.total for span in spans) == 6


async def test_an_empty_store_has_no_span(store: Store) -> None:
    assert await store.read(lambda tx: stored.newest(tx, 10)) is None
    assert await store.read(lambda tx: stored.since(tx, 0)) is None
    assert await store.read(lambda tx: stored.one(tx, 1)) is None


async def test_single_ones_and_those_of_a_conversation_or_a_moment(store: Store, feed: Feed) -> None:
    first = await feed(mail(1))
    await feed(mail(2, answers=(1,)))
    await feed(mail(3, sender="ewa@example.pl"))
    found = await everything(store)
    snapshots = stored.Snapshots()
    assert await store.read(lambda tx: stored.one(tx, found[1].id)) == found[1]
    conversation = first.conversation or 0
    assert await store.read(lambda tx: stored.of_conversation(tx, conversation)) == found[1::-1]
    at = [found[0].at, found[2].at]
    assert await store.read(lambda tx: stored.of_times(tx, snapshots, at)) == found[::2]
    ids = [found[2].id, found[0].id, 1]
    assert await store.read(lambda tx: stored.by_ids(tx, snapshots, ids)) == found[::2]


KINDS = {
    "pesel": (detect.pesel_spans, ("44051401359", "90010100113", "02270803628", "440-514-01359")),
    "phone": (
        detect.phone_spans,
        ("600 100 200", "+48 86 216 22 55", "0048600100200", "+44 7911 123456", "862162255"),
    ),
    "account": (detect.account_spans, ("PL61109010140000071219812874", "61 1090 1014 0000 0712 1981 2874")),
    "email": (detect.email_spans, ("jan@example.pl", "_x@example.com.pl")),
}


@given(
    st.lists(st.sampled_from(["a b", "—", "Łomża 18-400", *(n for _, all_ in KINDS.values() for n in all_)]))
)
def test_stand_ins_are_of_the_kind_that_was_masked(parts: list[str]) -> None:
    written = " oraz ".join(parts)
    kept = mask(written)
    restored = unmask(kept)
    assert mask(restored) == kept
    if kept == written:
        assert restored == written
    for find, _ in KINDS.values():
        if list(find(written)):
            assert list(find(restored))
