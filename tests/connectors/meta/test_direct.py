"""Messenger and Instagram beside their peer: windows, files, buttons, progress, presence, names, echoes."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from connectors._pieces import IN_SLOT, SLOTS
from connectors.contract import (
    Choice,
    DeliveryReport,
    InboxId,
    Message,
    OutAttachment,
    Outbound,
    Party,
    Presence,
    Profile,
    SendError,
)
from connectors.meta import instagram, messenger
from connectors.meta.family import read
from tests.connectors.meta.beside import GUEST, HOUR, PERSON, Beside, another, beside
from tests.contract.cases.instagram import outbound as to_guest
from tests.contract.cases.messenger import outbound
from tests.contract.meta import INSTAGRAM, PAGE
from tests.waiting import until

PDF = OutAttachment(filename="pismo.pdf", content_type="application/pdf", content=b"%PDF")
PNG = OutAttachment(filename="mapa.png", content_type="image/png", content=b"PNG")


def met(place: Beside) -> None:
    """Somebody who has just written on either platform."""
    place.direct.meet(PERSON, PAGE, "Zofia Kowalska").wrote_at = place.clock.at
    guest = place.direct.meet(GUEST, INSTAGRAM, "Zofia", platform="instagram", username="zofia.k")
    guest.wrote_at = place.clock.at


async def refused(place: Beside, message: Outbound) -> SendError:
    """The error of a sending."""
    with pytest.raises(SendError) as raised:
        await place.connector.send(message)
    return raised.value


async def test_an_answer_reaches_the_person_and_can_be_answered() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        sent = await place.connector.send(outbound(inbound_at=place.clock.at))
        [got] = place.direct.received
        assert (got.text, got.mid) == ("Dzień dobry,\nodpowiadamy.", sent.remote_id)
        assert f"messenger:test-inbox:{got.mid}" in sent.adds_keys


async def test_after_a_day_it_is_too_late_and_nothing_leaves() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        wrote = place.clock.at
        place.clock.pass_hours(24.1)
        error = await refused(place, outbound(inbound_at=wrote))
        assert error.kind == "permanent"
        assert not place.meta.ledger, "Meta is not even asked"


async def test_a_human_agent_has_seven_days_and_a_machine_one() -> None:
    async with beside(messenger.CHANNEL, PAGE, human_agent=True) as place:
        met(place)
        place.meta.human_agent = True
        wrote = place.clock.at
        assert place.connector.capabilities.reply_window == 7 * 24 * 3600
        place.clock.pass_hours(6 * 24)
        await place.connector.send(outbound(inbound_at=wrote))
        assert place.direct.received[0].body["tag"] == "HUMAN_AGENT"
        assert (await refused(place, outbound(inbound_at=wrote, automatic=True))).kind == "permanent"
        place.clock.pass_hours(25)
        assert (await refused(place, outbound(inbound_at=wrote))).kind == "permanent"


async def test_within_the_day_no_tag_is_used() -> None:
    async with beside(messenger.CHANNEL, PAGE, human_agent=True) as place:
        met(place)
        await place.connector.send(outbound(inbound_at=place.clock.at - 23 * HOUR))
        assert "tag" not in place.direct.received[0].body


async def test_what_meta_says_of_the_window_is_believed() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        place.direct.people[PERSON].wrote_at -= 30 * HOUR
        error = await refused(place, outbound(inbound_at=place.clock.at))
        assert error.kind == "permanent"
        assert "the person has to write again" in error.public


async def test_an_attempt_that_broke_in_the_middle_goes_on_there() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        message = outbound(attachments=(PDF, PNG))
        upload = place.direct._upload
        place.direct._upload = lambda: (_ for _ in ()).throw(TimeoutError)  # type: ignore[method-assign]
        assert (await refused(place, message)).kind == "temporary"
        assert len(place.direct.received) == 1, "the text has left"
        place.direct._upload = upload  # type: ignore[method-assign]
        sent = await place.connector.send(message)
        kinds = [
            got.body["message"].get("attachment", {}).get("type", "text") for got in place.direct.received
        ]
        assert kinds == ["text", "file", "image"], "nothing leaves twice"
        assert sent.remote_id == place.direct.received[0].mid
        again = await place.connector.send(message)
        assert again.remote_id == sent.remote_id and len(place.direct.received) == 3
        failed = msgspec.structs.replace(message, taken_as=sent.remote_id)
        anew = await place.connector.send(failed)
        assert anew.remote_id != sent.remote_id, "what was taken and failed later is sent again as a whole"
        assert len(place.direct.received) == 6
        assert (await place.connector.send(failed)).remote_id == anew.remote_id, "once"


async def test_another_process_goes_on_where_one_died() -> None:
    """Both know what the hub keeps, and nothing of each other."""
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        message = outbound(attachments=(PDF, PNG))
        held = asyncio.Event()
        post = place.connector._send_message

        async def dies_at_the_second(body: dict[str, object]) -> str:
            if place.direct.received:
                await held.wait()
            return str(await post(body))

        place.connector._send_message = dies_at_the_second
        task = asyncio.create_task(place.connector.send(message))
        await until(lambda: bool(place.direct.uploads))
        task.cancel()
        await asyncio.wait({task})
        async with another(place, messenger.CHANNEL, PAGE) as connector:
            sent = await connector.send(message)
            kinds = [got.body["message"].get("attachment", {}).get("type") for got in place.direct.received]
            assert kinds == [None, "file", "image"], "the text left once"
            assert sent.remote_id == place.direct.received[0].mid
            assert len(sent.adds_keys) == 3, "an answer to any of them finds the conversation"
            assert (await connector.send(message)).remote_id == sent.remote_id
            assert len(place.direct.received) == 3, "all of it had left; only nobody had written that down"


async def test_while_the_hub_takes_no_note_nothing_more_leaves() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        place.ledger.refuse(retry_after=0.0)
        task = asyncio.create_task(place.connector.send(outbound(attachments=(PDF,))))
        await until(lambda: place.ledger.refusals >= 3)
        assert len(place.direct.received) == 1
        place.ledger.take()
        await task
        assert len(place.direct.received) == 2


async def test_notes_of_deliveries_in_one_slot_do_not_push_each_other_out() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        several = [outbound(delivery=7 + number * SLOTS, attachments=(PDF,)) for number in range(IN_SLOT)]
        sent = await asyncio.gather(*(place.connector.send(one) for one in several))
        again = [await place.connector.send(one) for one in several]
        assert [one.remote_id for one in again] == [one.remote_id for one in sent]
        assert len(place.direct.received) == 2 * IN_SLOT
        assert list(place.ledger.cursors) == ["pieces:7"], "and take one row"
        await place.connector.send(outbound(delivery=7 + IN_SLOT * SLOTS, attachments=(PDF,)))
        assert len(msgspec.json.decode(place.ledger.cursors["pieces:7"])) == IN_SLOT


async def test_what_has_one_piece_is_not_noted() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        await place.connector.send(outbound())
        assert place.ledger.cursors == {}


async def test_buttons_stand_under_the_last_message() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        choices = (Choice(id="csat:5", label="Tak"), Choice(id="csat:1", label="Nie"))
        await place.connector.send(outbound(attachments=(PNG,), choices=choices))
        last = place.direct.received[-1].body["message"]
        assert [reply["payload"] for reply in last["quick_replies"]] == ["csat:5", "csat:1"]
        long = outbound(choices=(Choice(id="x", label="Tego nikt nie przeczyta w całości"),))
        assert (await refused(place, long)).kind == "permanent"


async def test_files_that_the_platform_does_not_take() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        large = OutAttachment(filename="a.png", content_type="image/png", content=b"x" * 8_000_001)
        await place.connector.send(outbound(text="", attachments=(large,)))
        assert place.direct.received[0].body["message"]["attachment"]["type"] == "file"
        huge = OutAttachment(filename="a.mp4", content_type="video/mp4", content=b"x" * 25_000_001)
        assert (await refused(place, outbound(attachments=(huge,)))).kind == "permanent"
        assert len(place.direct.received) == 1, "refused before anything left"
    async with beside(instagram.CHANNEL, INSTAGRAM, page=PAGE) as place:
        met(place)
        word = OutAttachment(filename="a.docx", content_type="application/msword", content=b"x")
        assert (await refused(place, to_guest(attachments=(word,)))).kind == "permanent"
        picture = OutAttachment(filename="a.png", content_type="image/png", content=b"x" * 8_000_001)
        assert (await refused(place, to_guest(attachments=(picture,)))).kind == "permanent"
        assert not place.direct.received


async def test_instagram_counts_bytes() -> None:
    async with beside(instagram.CHANNEL, INSTAGRAM, page=PAGE) as place:
        met(place)
        can = place.connector.capabilities
        assert (can.max_length, can.counts) == (1000, "utf8")
        await place.connector.send(to_guest(text="ą" * 500))
        assert (await refused(place, to_guest(text="ą" * 501))).kind == "permanent"


@pytest.mark.parametrize("operation", ["edit", "delete", "publish", "hide"])
async def test_only_sending(operation: str) -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        assert (await refused(place, outbound(operation=operation, target="m_1"))).kind == "permanent"
        assert (await refused(place, outbound(text="  "))).kind == "permanent"


async def test_the_person_sees_that_somebody_writes() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        met(place)
        to = Party(kind="messenger", address=PERSON)
        for what in ("read", "typing", "paused"):
            await place.connector.show(Presence(inbox=InboxId("test-inbox"), to=to, what=what))
        actions = [action.body["sender_action"] for action in place.direct.actions]
        assert actions == ["mark_seen", "typing_on", "typing_off"]
        place.meta.fail("http-503")
        await place.connector.show(Presence(inbox=InboxId("test-inbox"), to=to, what="typing"))
        assert place.log.count("presence not shown") == 1


async def subscribed(place: Beside, object_: str = "page") -> None:
    """Let the provider's calls reach the connector, without a socket in between."""
    place.meta.callbacks[object_] = "https://hub.example/in/test-inbox"

    async def send(call: object) -> int:
        items, _ = read(call.body, place.connector._callback._book, place.clock.now(), place.meta.app_id)  # type: ignore[attr-defined]
        await place.ledger.accept(None, items)  # type: ignore[arg-type]
        place.connector.heard(items)
        return 200

    place.meta._send = send  # type: ignore[method-assign]


async def settled(place: Beside) -> None:
    """Everything that a connector does beside is done."""
    await asyncio.gather(*place.connector._background)


async def test_names_come_later_and_once() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        await subscribed(place)
        place.direct.meet(PERSON, PAGE, "Zofia Kowalska")
        await place.direct.writes(PERSON, "Dzień dobry")
        await place.direct.writes(PERSON, "Halo?")
        await settled(place)
        names = [event.sender.name for event in place.ledger.events if isinstance(event, Profile)]
        assert names == ["Zofia Kowalska"]
        assert isinstance(place.ledger.events[0], Message), "the message did not wait for the name"


async def test_a_name_that_cannot_be_had_hurts_nothing() -> None:
    async with beside(instagram.CHANNEL, INSTAGRAM, page=PAGE) as place:
        await subscribed(place, "instagram")
        place.direct.meet(GUEST, INSTAGRAM, "Zofia", platform="instagram", username="zofia.k")
        place.meta.fail("200")
        await place.direct.writes(GUEST, "Dzień dobry")
        await settled(place)
        place.meta.fail("")
        assert (await place.connector.check()).state == "ok", (
            "a right that the app lacks says nothing of its health"
        )
        await place.direct.writes(GUEST, "Halo?")
        await settled(place)
        names = [event.sender.name for event in place.ledger.events if isinstance(event, Profile)]
        assert names == ["Zofia (@zofia.k)"]


async def test_names_are_asked_for_inboxes_that_share_the_callback() -> None:
    siblings = [{"inbox": "instagram", "kind": "instagram", "account": INSTAGRAM}]
    async with beside(messenger.CHANNEL, PAGE, siblings=siblings) as place:
        await subscribed(place, "instagram")
        place.direct.meet(GUEST, INSTAGRAM, "Zofia", platform="instagram", username="zofia.k")
        await place.direct.writes(GUEST, "Dzień dobry")
        await settled(place)
        [profile] = [event for event in place.ledger.events if isinstance(event, Profile)]
        assert (profile.inbox, profile.sender.name) == ("instagram", "Zofia (@zofia.k)")


async def test_no_name_is_asked_for_where_that_is_switched_off() -> None:
    async with beside(messenger.CHANNEL, PAGE, profiles=False) as place:
        await subscribed(place)
        place.direct.meet(PERSON, PAGE, "Zofia Kowalska")
        await place.direct.writes(PERSON, "Dzień dobry")
        assert not place.connector._background


async def test_an_echo_of_our_own_is_known_and_one_from_elsewhere_is_ours() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        await subscribed(place)
        met(place)
        sent = await place.connector.send(outbound())
        await place.direct.echo(sent.remote_id)
        assert not place.ledger.events
        await place.direct.written_elsewhere(PERSON, "Odpisane w skrzynce strony")
        [found] = place.ledger.events
        assert isinstance(found, Message)
        assert (found.ours, found.sender.address) == (True, PERSON)


async def test_marks_of_the_person_reach_back() -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        await subscribed(place)
        met(place)
        await place.direct.reads(PERSON)
        [found] = place.ledger.events
        assert isinstance(found, DeliveryReport)
        assert found.to is not None
        assert (found.state, found.to.address, found.target) == ("read", PERSON, None)
        assert found.until == place.clock.at // 1000 * 1000


async def test_files_are_fetched_from_meta_alone() -> None:
    async with beside(messenger.CHANNEL, PAGE, media_bytes=10) as place:
        assert await place.connector.fetch(place.meta.keep_file("a.txt", "text/plain", b"text")) == b"text"
        with pytest.raises(SendError) as raised:
            await place.connector.fetch(place.meta.keep_file("a.txt", "text/plain", b"x" * 11))
        assert raised.value.kind == "permanent"
        with pytest.raises(SendError) as raised:
            await place.connector.fetch(f"{place.meta.base}/files/gone")
        assert raised.value.kind == "permanent"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/a.jpg",
        "https://fbcdn.net.evil.example/a.jpg",
        "https://evilfbcdn.net/a.jpg",
        "http://scontent.xx.fbcdn.net/a.jpg",
        "https://scontent.xx.fbcdn.net@evil.example/a.jpg",
        "file:///etc/passwd",
        "",
        "//",
    ],
)
async def test_other_addresses_are_never_asked(address: str) -> None:
    async with beside(messenger.CHANNEL, PAGE) as place:
        with pytest.raises(SendError) as raised:
            await place.connector.fetch(address)
        assert (raised.value.kind, place.log.lines) == ("permanent", [])
        assert not place.meta.ledger
