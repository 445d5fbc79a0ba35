"""Comments on a Facebook page, beside Meta's peer: what happens comes in, gaps are found, orders carried out."""

from __future__ import annotations

import asyncio

import pytest

from connectors.contract import SendError
from connectors.meta.comments import ALREADY, GONE, LONG_TEXT, NO_EDITS, NO_TARGET, TOO_LATE
from connectors.meta.facebook_comments import CHANNEL
from tests.connectors.facebook_comments.beside import JAN, beside
from tests.contract.meta import PAGE

QUESTION = "Kiedy będzie wypłata?"


async def test_what_happens_under_a_post_comes_in_as_it_happens() -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        there = page.people
        post = await there.posts(PAGE, "Zmiany w zasiłkach\nSzczegóły")
        comment = await there.comments(post, JAN, "Jan Kowalski", QUESTION)
        reply = await there.comments(post, "6999", "Ewa", "Właśnie!", parent=comment)
        await there.edits(comment, "Kiedy wypłata za listopad?")
        await there.hides(comment)
        await there.hides(comment, False)
        await there.reacts(comment, "6999", "Ewa", "angry")
        await there.removes(reply)
        first, second = await page.until("message", 2)
        assert first.comment.title == first.subject == "Zmiany w zasiłkach", "the post itself told it"
        assert (first.comment.article, first.comment.moderation) == (post, "pre")
        assert (second.comment.parent_ref, second.sender.address) == (comment, "6999")
        [edit] = await page.until("edit", 1)
        assert (edit.target, edit.text) == (comment, "Kiedy wypłata za listopad?")
        assert [event.standing for event in await page.until("moderated", 2)] == ["hidden", "published"]
        assert [event.emoji for event in await page.until("reaction", 1)] == ["😠"]
        assert [event.target for event in await page.until("deletion", 1)] == [reply]


async def test_a_visitor_writes_on_the_page_and_is_answered() -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        post = await page.people.posts(PAGE, "Czy dziś otwarte?", by=JAN, name="Jan Kowalski")
        [came] = await page.until("message", 1)
        assert (came.external_id, came.comment.article, came.ours) == (post, post, False)
        sent = await page.send(public=True, target=post, text="Tak, do 15.")
        assert page.people.things[sent.remote_id].under == post
        [came, ours] = await page.until("message", 2)
        assert ours.ours and ours.external_id == sent.remote_id and ours.comment.parent_ref == post


async def test_a_title_that_did_not_come_is_asked_for_once() -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        page.people.tells = False
        post = await page.people.posts(PAGE, "Nabór na szkolenia")
        page.people.tells = True
        for text in ("Jeden", "Dwa", "Trzy"):
            await page.people.comments(post, JAN, "Jan", text)
        [article] = await page.until("article", 1)
        assert (article.article, article.title) == (post, "Nabór na szkolenia")
        assert page.asked(f"/{post}?") == 1
        await page.people.comments(post, JAN, "Jan", "Cztery")
        assert (await page.until("message", 4))[3].comment.title == "Nabór na szkolenia"


async def test_comments_that_meta_never_told_are_found() -> None:
    async with beside(CHANNEL) as page:
        post = await page.people.posts(PAGE, "Nabór na szkolenia")
        told = await page.people.comments(post, JAN, "Jan", "To Meta powiedziała")
        page.people.tells = False
        lost = await page.people.comments(post, "6999", "Ewa", "Tego nie powiedziała")
        await page.people.comments(post, "6999", "Ewa", "A to ukryła", parent=lost)
        visitor = await page.people.posts(PAGE, "Gość na stronie", by="6777", name="Marek")
        list(page.people.things.values())[-2].hidden = True
        await page.listed()
        found = await page.until("message", 4)
        assert [m.external_id for m in found][:1] == [told]
        by_id = {m.external_id: m for m in found}
        assert by_id[lost].text == "Tego nie powiedziała"
        assert by_id[visitor].comment.article == visitor
        assert {m.comment.standing for m in found} == {"published", "hidden"}
        assert [m.comment.parent_ref for m in found if m.text == "A to ukryła"] == [lost]
        commits = page.ledger.told
        await page.listed()
        assert page.ledger.told == commits, "what is known is not told again"


async def test_after_a_restart_it_looks_from_the_newest_it_knew() -> None:
    async with beside(CHANNEL, look_back_hours=1) as page:
        page.people.tells = False
        post = await page.people.posts(PAGE, "Nabór")
        old = await page.people.comments(post, JAN, "Jan", "Stary")
        page.people.things[old].at -= 5 * 3_600_000_000
        await page.people.comments(post, JAN, "Jan", "Nowy")
        await page.listed()
        assert [m.text for m in await page.until("message", 1)] == ["Nowy"]
        assert int(page.ledger.cursors["listed"]) == page.people.things[post].at


async def test_more_than_a_page_that_meta_never_told_is_found() -> None:
    async with beside(CHANNEL) as page:
        page.people.tells = False
        busy, quiet = await page.people.posts(PAGE, "Nabór"), await page.people.posts(PAGE, "Dyżury")
        for number in range(260):
            await page.people.comments(busy, JAN, "Jan", f"Pytanie {number}")
        await page.people.comments(quiet, JAN, "Jan", "Kiedy?")
        await page.listed()
        found = await page.until("message", 261)
        assert {event.text for event in found} == {f"Pytanie {number}" for number in range(260)} | {"Kiedy?"}
        assert page.asked(f"/{busy}/comments") == 3 and not page.asked(f"/{quiet}/comments")
        assert len(page.ledger.raws) == 2, "a commit stays of a size that others need not wait for"
        page.clock.at += 7_200_000_000
        await page.people.comments(busy, JAN, "Jan", "Jeszcze jedno")
        await page.listed()
        await page.until("message", 262)
        before = page.asked(f"/{busy}/comments")
        await page.listed()
        assert page.asked(f"/{busy}/comments") == before, (
            "what is older than was listed is not asked for again"
        )


async def test_half_an_emoji_in_one_comment_keeps_none_from_being_listed() -> None:
    async with beside(CHANNEL) as page:
        page.people.tells = False
        post = await page.people.posts(PAGE, "Nabór")
        await page.people.comments(post, JAN, "Jan", "Ucięte \ud83d")
        await page.people.comments(post, JAN, "Jan", "Całe")
        await page.listed()
        assert {event.text[:6] for event in await page.until("message", 2)} == {"Ucięte", "Całe"}


async def test_a_refused_listing_is_listed_again() -> None:
    async with beside(CHANNEL) as page:
        page.people.tells = False
        post = await page.people.posts(PAGE, "Nabór")
        await page.people.comments(post, JAN, "Jan", "Pierwszy")
        page.ledger.refuse()
        await page.listed()
        assert page.ledger.refusals and not page.of("message")
        page.ledger.take()
        page.meta.fail("http-503")
        page.clock.pass_time(60)
        await asyncio.sleep(0.05)
        page.meta.fail("")
        await page.listed()
        assert [m.text for m in await page.until("message", 1)] == ["Pierwszy"]
        assert page.log.count("comments not listed") == 1


async def test_a_private_answer_names_the_key_of_what_the_person_writes_back() -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        post = await page.people.posts(PAGE, "Nabór")
        comment = await page.people.comments(post, JAN, "Jan", QUESTION)
        sent = await page.send(target=comment, text="Proszę podać numer sprawy.")
        assert sent.adds_keys == (f"direct:messenger:{PAGE}:{JAN}",)
        with pytest.raises(SendError) as again:
            await page.send(target=comment, text="Jeszcze raz")
        assert (again.value.kind, again.value.public) == ("permanent", ALREADY)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"target": "1_2", "text": "x" * 2001}, LONG_TEXT),
        ({"target": "1_2", "text": "x" * 2001, "public": True}, LONG_TEXT),
        ({"target": "1_2", "text": "x", "operation": "edit"}, NO_EDITS),
        ({"text": "x", "operation": "hide"}, NO_TARGET),
        ({"target": "1_2", "text": "x", "inbound_at": 1}, TOO_LATE),
        ({"target": "1_2", "operation": "hide"}, GONE),
    ],
)
async def test_what_cannot_be_is_said(more: dict[str, object], text: str) -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        with pytest.raises(SendError) as refused:
            await page.send(**more)  # type: ignore[arg-type]
        assert (refused.value.kind, refused.value.public) == ("permanent", text)


async def test_what_meta_does_not_know_is_gone_only_where_it_shows_us_comments_at_all() -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        with pytest.raises(SendError) as gone:
            await page.send("hide", target="1_2")
        assert gone.value.gone
        page.meta.fail("100/33")
        with pytest.raises(SendError) as unclear:
            await page.send("hide", target="1_2")
        assert (unclear.value.public, unclear.value.gone) == (GONE, False)


async def test_a_comment_that_is_gone_says_nothing_of_the_inbox_but_a_bad_token_does() -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        assert (await page.connector.check()).state == "ok"
        with pytest.raises(SendError):
            await page.send("hide", target="1_2")
        assert (await page.connector.check()).state == "ok"
        page.meta.fail("190/463")
        with pytest.raises(SendError):
            await page.send("hide", target="1_2")
        assert (await page.connector.check()).state == "wrong_credentials"


async def test_a_deletion_whose_answer_was_lost_is_done_when_nothing_is_there_any_more() -> None:
    async with beside(CHANNEL, list_seconds=0) as page:
        post = await page.people.posts(PAGE, "Nabór")
        comment = await page.people.comments(post, JAN, "Jan", QUESTION)
        page.meta.fail("nonsense")
        with pytest.raises(SendError) as lost:
            await page.send("delete", target=comment)
        assert lost.value.kind == "ambiguous"
        page.meta.fail("")
        page.people.things.pop(comment)
        assert (await page.send("delete", target=comment)).state == "delivered"
        with pytest.raises(SendError):
            await page.send("delete", target=comment, delivery=42)


async def test_one_callback_serves_the_messages_too_and_each_inbox_has_its_way() -> None:
    sibling = {"inbox": "wiadomosci", "kind": "messenger", "account": PAGE}
    async with beside(CHANNEL, list_seconds=0, moderation="post", siblings=[sibling]) as page:
        post = await page.people.posts(PAGE, "Nabór")
        await page.people.comments(post, JAN, "Jan", QUESTION)
        message = {
            "sender": {"id": JAN},
            "recipient": {"id": PAGE},
            "timestamp": 1,
            "message": {"mid": "m1", "text": "x"},
        }
        await page.meta.call("page", [{"id": PAGE, "time": 1, "messaging": [message]}])
        comment, direct = await page.until("message", 2)
        assert comment.comment.moderation == "post"
        assert (direct.inbox, direct.thread_keys) == ("wiadomosci", (f"direct:messenger:{PAGE}:{JAN}",))


async def test_listing_goes_on_after_the_storage_was_away() -> None:
    async with beside(CHANNEL, list_seconds=60) as page:
        page.people.tells = False
        page.ledger.lose_storage()
        page.clock.pass_time(60)
        await asyncio.sleep(0.05)
        page.ledger.take()
        post = await page.people.posts(PAGE, "Nabór")
        await page.people.comments(post, JAN, "Jan", QUESTION)
        await page.listed()
        assert [event.text for event in await page.until("message", 1)] == [QUESTION]


async def test_a_listing_that_breaks_for_a_fault_of_ours_ends_where_the_hub_sees_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(articles: int, since: int) -> None:
        raise KeyError("a fault of ours")

    async with beside(CHANNEL, run=False) as page:
        monkeypatch.setattr(page.connector, "list_new", broken)
        with pytest.raises(ExceptionGroup):
            await asyncio.wait_for(page.connector.run(page.ledger), 30)
