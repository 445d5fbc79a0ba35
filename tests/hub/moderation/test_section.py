"""The comment section as its readers use it: over HTTP, without JavaScript, with and without cookies."""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest
from sqlalchemy import select

from connectors._widget import HONEYPOT, Theme
from connectors.comments.settings import Settings
from hub.store.schema import article, post
from tests.hub.moderation.site import PATH, Reader, form_of, section
from tests.hub.moderation.world import World

POST = Settings(moderation="post")


async def write(reader: Reader, text: str = "Dziękuję za artykuł.", **fields: str) -> str:
    """Open the section and post a comment; the page that answers."""
    page = await reader.open()
    return await reader.send(page, name="Anna", text=text, consent="yes", **fields)


async def test_an_author_without_cookies_sees_their_own(small_world: World) -> None:
    async with section(small_world) as site, Reader(site, framed=True) as framed, Reader(site) as other:
        page = await write(framed)
        assert framed.status == 200
        assert "waits for approval" in page and "Dziękuję za artykuł." in page
        assert "me=" in framed.address
        assert "Dziękuję za artykuł." not in await other.open()
        again = await framed.http.get(framed.address)
        assert "Dziękuję za artykuł." in await again.text()


async def test_an_author_with_cookies_has_clean_addresses(small_world: World) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        await write(reader)
        assert "me=" not in reader.address
        assert "Dziękuję za artykuł." in await reader.open()
        assert "me=" not in " ".join(re.findall(r'href="([^"]+)"', await reader.open()))


async def test_one_author_even_from_a_page_opened_before(small_world: World) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        first, second = await reader.open(), await reader.open()
        await reader.send(first, name="Anna", text="Pierwszy", consent="yes")
        page = await reader.send(second, name="Anna", text="Drugi", consent="yes")
        assert page.count("Your comment</span>") == 2


async def test_a_double_click_is_one_comment_and_back_is_another(small_world: World) -> None:
    async with section(small_world, POST) as site, Reader(site) as reader:
        page = await reader.open()
        for text in ("To samo", "To samo", "Co innego"):
            await reader.send(page, name="Anna", text=text, consent="yes")
            assert reader.status == 200
        assert (await small_world.page()).total == 2


async def test_mistakes_are_told_and_nothing_typed_is_lost(small_world: World) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        page = await reader.send(await reader.open(), name="", text="<b>Mój tekst</b>", email="nie-adres")
        assert reader.status == 422
        assert "&lt;b&gt;Mój tekst&lt;/b&gt;" in page and "nie-adres" in page
        for field in ("name", "email", "consent"):
            assert f'id="{field}-error"' in page
        assert 'id="text-error"' not in page
        assert (await small_world.page()).total == 0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": " \n\u200b "}, "text"),
        ({"text": "x" * 3001}, "text"),
        ({"name": "\u202e"}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"email": "a@b"}, "email"),
        ({"email": "a@b.pl\nBcc: c@d.pl"}, "email"),
        ({"consent": "no"}, "consent"),
    ],
)
async def test_what_is_refused(small_world: World, fields: dict[str, str], problem: str) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        good = {"name": "Anna", "text": "Tekst", "consent": "yes"}
        page = await reader.send(await reader.open(), **(good | fields))
        assert reader.status == 422
        assert f'id="{problem}-error"' in page


async def test_what_fills_in_the_hidden_field_waits_for_a_moderator(small_world: World) -> None:
    """Also where comments are published first: what fills in forms for people may do it, too."""
    async with section(small_world, POST) as site, Reader(site) as reader:
        page = await write(reader, **{HONEYPOT: "https://spam.example"})
        assert reader.status == 200
        assert "waits for approval" in page and "Dziękuję za artykuł." in page
        assert (await small_world.page()).total == 0
        [held] = await small_world.store.read(lambda tx: tx.rows(select(post.c.state, post.c.hold_reasons)))
        assert (held.state, held.hold_reasons) == ("held", '["spam"]')


async def test_no_report_is_made_by_what_fills_in_the_hidden_field(small_world: World) -> None:
    number = await small_world.comment("Wpis", by="v9")
    async with section(small_world, POST) as site, Reader(site) as reader:
        page = await reader.open()
        fields = form_of(page, "report") | {"about": f"{number}.1.spam", HONEYPOT: "x"}
        page = await reader.post(fields)
        assert reader.status == 422 and "Press the button once more." in page


async def test_answers_stand_below_what_they_answer(small_world: World) -> None:
    asked = await small_world.comment("Pytanie", by="v9")
    await small_world.comment("Nowszy wątek", by="v8")
    async with section(small_world, POST) as site, Reader(site) as reader:
        page = await reader.open(reply=str(asked))
        assert "Your answer" in page
        answer = {"name": "Ola", "text": "Odpowiedź", "consent": "yes"}
        page = await reader.post(form_of(page, "comment") | answer)
        assert page.index("Nowszy wątek") < page.index("Pytanie") < page.index("Odpowiedź")
        fields = form_of(await reader.open(reply=str(asked)), "comment")
        await small_world.decide("hide", asked, reason="other")
        page = await reader.post(fields | {"name": "Ola", "text": "Za późno", "consent": "yes"})
        assert reader.status == 422 and "no longer here" in page and "Za późno" in page


async def test_change_and_delete_ones_own(small_world: World) -> None:
    async with section(small_world, POST) as site, Reader(site) as author, Reader(site) as stranger:
        await write(author, "Pierwszy tekst")
        [post] = (await small_world.page()).posts
        page = await author.open(edit=str(post.id))
        page = await author.post(form_of(page, "edit") | {"text": "Drugi tekst"})
        assert "Drugi tekst" in page and "changed" in page and "Your change is published" in page
        twice = await author.open(edit=str(post.id))
        twice_over = form_of(twice, "edit") | {"text": "Drugi tekst, poprawiony"}
        for _ in range(2):
            assert "Your change is published" in await author.post(twice_over), "a double click says the same"
        await write(stranger, "Obcy")
        stolen = form_of(await author.open(), "delete") | {
            "me": form_of(await stranger.open(), "comment")["me"]
        }
        await stranger.post(stolen)
        assert (await small_world.page()).total == 2
        page = await author.post(form_of(await author.open(), "delete"))
        assert "deleted" in page and "Drugi tekst" not in page


async def test_an_edit_sent_twice_that_waits_or_came_too_late_says_so_twice(small_world: World) -> None:
    async with section(small_world) as site, Reader(site) as author:
        await write(author, "Pierwszy tekst")
        number = re.findall(r"post=(\d+)", author.address)[0]
        fields = form_of(await author.open(edit=number), "edit")
        for _ in range(2):
            assert "Your change waits" in await author.post(fields | {"text": "Drugi tekst"})
        await small_world.decide("publish", int(number))
        fields = form_of(await author.open(edit=number), "edit")
        for _ in range(2):
            assert "Your change waits" in await author.post(fields | {"text": "Trzeci tekst"})
    async with section(small_world) as site, Reader(site) as author:
        await write(author, "Inny tekst")
        number = re.findall(r"post=(\d+)", author.address)[0]
        fields = form_of(await author.open(edit=number), "edit")
        small_world.clock.move(hours=1)
        for _ in range(2):
            assert "no longer be changed" in await author.post(fields | {"text": "Za późno"})


async def test_a_form_opens_where_its_comment_has_gone_to_another_page(small_world: World) -> None:
    asked = await small_world.comment("Pytanie", by="v9")
    async with section(small_world, Settings(page_size=5, moderation="post")) as site, Reader(site) as reader:
        fields = form_of(await reader.open(reply=str(asked)), "comment")
        for n in range(6):
            await small_world.comment(f"Nowszy {n}", by=f"v{n}")
        page = await reader.open(reply=str(asked))
        assert "Pytanie" in page and form_of(page, "comment")["parent"] == str(asked)
        page = await reader.post(fields | {"name": "Ola", "text": "Bez zgody"})
        assert reader.status == 422 and "Bez zgody</textarea>" in page
        assert form_of(page, "comment")["parent"] == str(asked)


async def test_report_in_one_click_and_its_outcome(small_world: World) -> None:
    number = await small_world.comment("Sporny", by="v9")
    async with section(small_world, POST) as site, Reader(site) as reader:
        page = await reader.open()
        assert f'form="report" name="about" value="{number}.1.abuse"' in page
        page = await reader.post(form_of(page, "report") | {"about": f"{number}.1.abuse"})
        assert "Thank you" in page and "You reported this comment" in page
        await small_world.decide("publish", number)
        assert "keeps to the rules" in await reader.open()


async def test_reasons_and_appeal_on_the_page(small_world: World) -> None:
    async with section(small_world) as site, Reader(site) as author:
        await write(author)
        [post] = (await small_world.page()).posts or (None,)
        assert post is None
        number = int(re.findall(r"post=(\d+)", author.address)[0])
        await small_world.decide("reject", number, reason="off-topic")
        page = await author.open()
        assert "Not published" in page and "not about the article" in page
        page = await author.open(appeal=str(number))
        page = await author.post(form_of(page, "appeal") | {"text": "Proszę jeszcze raz."})
        assert "Your appeal is with us" in page
        assert "appeal" in await small_world.reasons(number)
        assert "Appeal against" not in page


async def test_a_closed_article_takes_nothing(small_world: World) -> None:
    await small_world.comment()
    async with section(small_world, POST) as site, Reader(site) as reader:
        fields = form_of(await reader.open(), "comment")
        await small_world.store.write(lambda tx: tx.execute(article.update().values(moderation="closed")))
        assert "closed" in await reader.open()
        page = await reader.post(fields | {"name": "Anna", "text": "Tekst", "consent": "yes"})
        assert reader.status == 422 and "closed" in page
        assert "Tekst</blockquote>" in page, "what was written can still be copied"


@pytest.mark.parametrize("query", ["", "?article=", "?article=" + "x" * 201, "?article=%00"])
async def test_a_section_needs_an_article(small_world: World, query: str) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        async with reader.http.get(site.url + query) as response:
            assert response.status == 404
            assert "artykułu" in await response.text()


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "erase"},
        {"do": "report", "post": "1", "version": "1", "reason": "because"},
        {"do": "report", "post": "x", "version": "1", "reason": "spam"},
        {"do": "report", "about": "1.1.because"},
        {"do": "report", "about": "1.1"},
        {"do": "delete", "post": "99999999999999999999"},
        {"do": "edit", "post": "", "text": "x"},
        {"do": "appeal", "post": "1", "version": "-1", "text": "x"},
    ],
)
async def test_strange_forms_are_refused(small_world: World, fields: dict[str, str]) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        await reader.post({"article": "zasilek", **fields})
        assert reader.status == 422


async def test_forged_tokens_are_nobody(small_world: World) -> None:
    number = await small_world.comment("Cudzy", by="v1", way="pre")
    async with section(small_world) as site, Reader(site) as reader:
        for me in ("v1", "sv1aaaaaaaaaaaaaaaa", "", "x" * 500):
            assert "Cudzy" not in await reader.open(me=me)
            await reader.post({"article": "zasilek", "do": "delete", "post": str(number), "me": me})
        assert await small_world.state(number) == "held"


async def test_words_of_strangers_stay_words(small_world: World) -> None:
    evil = '"><script>alert(1)</script>{{ 7*7 }}'
    async with section(small_world, POST) as site, Reader(site) as reader:
        page = await reader.open(title=evil, section=evil, url=f"javascript:{evil}")
        page += await reader.send(page, name=evil[:60], text=evil, consent="yes")
        assert "<script>alert" not in page and "49" not in re.findall(r"<h1.*?</h1>", page)[0]
        assert "javascript:" not in page


async def test_links_lead_to_the_site_only(small_world: World) -> None:
    settings = Settings(moderation="post", origins=("https://praca.example.pl",))
    async with section(small_world, settings) as site, Reader(site) as reader:
        page = await reader.open(url="https://praca.example.pl/a", article="jeden")
        assert form_of(page, "comment")["url"] == "https://praca.example.pl/a"
        page = await reader.open(url="https://praca.example.pl.evil.example/a", article="dwa")
        assert form_of(page, "comment")["url"] == ""


async def test_pages_of_a_long_thread(small_world: World) -> None:
    for n in range(12):
        await small_world.comment(f"Komentarz {n:02d}.", by=f"v{n}")
    async with section(small_world, Settings(page_size=5)) as site, Reader(site) as reader:
        page, seen = await reader.open(), []
        while True:
            seen += re.findall(r"Komentarz (\d\d)\.", page)
            following = re.findall(r'rel="next" href="([^"]+)"', page)
            if not following:
                break
            async with reader.http.get(site.root + following[0].replace("&amp;", "&")) as response:
                page = await response.text()
        assert seen == [f"{n:02d}" for n in reversed(range(12))]


async def test_a_flood_from_one_address_is_slowed_down(small_world: World) -> None:
    async with section(small_world, Settings(per_address="3/minute")) as site, Reader(site) as reader:
        statuses = []
        for n in range(5):
            page = await reader.open()
            await reader.send(page, name="Anna", text=f"Tekst {n}", consent="yes", client=str(uuid.uuid4()))
            statuses.append(reader.status)
        assert statuses == [200, 200, 200, 429, 429]


async def test_the_hub_is_not_ready(small_world: World) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        page = await reader.open()
        site.running.cancel()
        await asyncio.wait([site.running])
        page = await reader.send(page, name="Anna", text="Tekst na jutro", consent="yes")
        assert reader.status == 503 and "try again" in page
        assert "Tekst na jutro</textarea>" in page and 'value="Anna"' in page, "nothing typed is lost"


async def test_static_files_and_theme(small_world: World) -> None:
    settings = Settings(theme=Theme(accent="#123456", accent_text="white"))
    async with section(small_world, settings) as site, Reader(site) as reader:
        page = await reader.open()
        for address in re.findall(rf'"({PATH}/static/[^"]+)"', page):
            async with reader.http.get(site.root + address) as response:
                assert response.status == 200
                assert "immutable" in response.headers["Cache-Control"]
        async with reader.http.get(f"{site.url}/static/theme.css") as response:
            assert "--widget-accent: #123456;" in await response.text()
        async with reader.http.get(f"{site.url}/static/..%2Fconnector.py") as response:
            assert response.status == 404


async def test_neither_log_nor_address_holds_a_number(small_world: World) -> None:
    async with section(small_world) as site, Reader(site) as reader:
        page = await write(reader, "Mój PESEL 44051401359, tel. 601 234 567", email="anna@example.pl")
        assert "44051401359" not in page + reader.address
        assert "440••••••••" in page and "601••••••" in page
        assert "44051401359" not in "".join(site.log.lines)
