"""Comments on an Instagram account, beside Meta's peer: comments, answers, mentions, and what Meta never tells."""

from __future__ import annotations

import pytest

from connectors.contract import SendError
from connectors.meta.comments import LONG_TEXT
from connectors.meta.instagram_comments import CHANNEL, NOT_OURS
from tests.connectors.facebook_comments.beside import beside
from tests.contract.meta import INSTAGRAM, PAGE

KASIA = "1789000001234"


async def test_a_comment_is_answered_hidden_shown_and_deleted() -> None:
    async with beside(CHANNEL, list_seconds=0) as account:
        there = account.people
        medium = await there.posts(INSTAGRAM, "Targi pracy 🎉\n#praca")
        comment = await there.comments(medium, KASIA, "kasia.k", "O której?")
        [came] = await account.until("message", 1)
        assert (came.sender.kind, came.sender.address, came.sender.name) == ("instagram", KASIA, "@kasia.k")
        [article] = await account.until("article", 1)
        assert (article.title, article.url) == ("Targi pracy 🎉", there.address(there.things[medium]))
        sent = await account.send(public=True, target=comment, text="Od 10.")
        assert there.things[sent.remote_id].parent == comment
        for operation, hidden in (("hide", True), ("hide", True), ("publish", False)):
            await account.send(operation, target=comment)
            assert there.things[comment].hidden is hidden
        private = await account.send(target=comment, text="Piszemy prywatnie.")
        assert private.adds_keys == (f"direct:instagram:{INSTAGRAM}:{KASIA}",)
        await account.send("delete", target=comment)
        assert there.deleted == [comment]
        second = (await account.until("message", 2))[1]
        assert second.ours and second.external_id == sent.remote_id
        assert account.asked(f"/{PAGE}/messages") == 1


async def test_the_listing_finds_answers_below_and_what_is_hidden() -> None:
    async with beside(CHANNEL) as account:
        there = account.people
        there.tells = False
        medium = await there.posts(INSTAGRAM, "Targi pracy")
        comment = await there.comments(medium, KASIA, "kasia.k", "O której?")
        reply = await there.comments(medium, "1790", "tomek", "O 10", parent=comment)
        there.things[reply].hidden = True
        await account.listed()
        found = {m.external_id: m for m in await account.until("message", 2)}
        assert found[reply].comment.parent_ref == comment
        assert (found[comment].comment.standing, found[reply].comment.standing) == ("published", "hidden")
        assert found[comment].comment.title == "Targi pracy"
        assert found[comment].comment.link.endswith(f"/c/{comment}/")


async def test_more_than_a_page_that_meta_never_told_is_found() -> None:
    async with beside(CHANNEL) as account:
        account.people.tells = False
        medium = await account.people.posts(INSTAGRAM, "Targi pracy")
        for number in range(120):
            comment = await account.people.comments(medium, KASIA, "kasia.k", f"Pytanie {number}")
        await account.people.comments(medium, "1790", "tomek", "Ja też", parent=comment)
        await account.listed()
        assert len({event.text for event in await account.until("message", 121)}) == 121


@pytest.mark.parametrize("in_caption", [False, True])
async def test_the_words_of_a_mention_are_asked_for_and_it_is_answered_there(in_caption: bool) -> None:
    async with beside(CHANNEL, list_seconds=0) as account:
        there = account.people
        named = await there.mentions(INSTAGRAM, "kasia.k", "Polecam @urzad.pracy!", in_caption=in_caption)
        [came] = await account.until("message", 1)
        assert came.text == "[mention]" and came.external_id.startswith("mention:")
        [edit] = await account.until("edit", 1)
        assert (edit.target, edit.text) == (came.external_id, "Polecam @urzad.pracy!")
        assert [profile.sender.name for profile in await account.until("profile", 1)] == ["@kasia.k"]
        sent = await account.send(public=True, target=came.external_id, text="Dziękujemy!")
        assert there.things[sent.remote_id].parent == named
        for operation in ("hide", "delete", "send"):
            with pytest.raises(SendError) as refused:
                await account.send(operation, target=came.external_id, text="x")
            assert (refused.value.kind, refused.value.public) == ("permanent", NOT_OURS)


async def test_an_answer_longer_than_instagram_takes_does_not_leave() -> None:
    async with beside(CHANNEL, list_seconds=0) as account:
        with pytest.raises(SendError) as refused:
            await account.send(public=True, target="1", text="x" * 301)
        assert refused.value.public == LONG_TEXT
        assert not account.meta.ledger or account.asked("/replies") == 0


async def test_a_polite_health() -> None:
    async with beside(CHANNEL, list_seconds=0) as account:
        assert (await account.connector.check()).state == "ok"
