"""An insult with a personal number, where comments are published first: held, refused with a reason, masked."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import MetaData, func, select
from sqlalchemy.exc import SAWarning

from connectors.contract import Request
from hub.demo import citizens
from hub.desk.view import stream
from hub.moderation.answers import open_private
from hub.moderation.bench import Filter, bench_page
from hub.moderation.decide import Choice, decide
from hub.people.tokens import make_token
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.web import console
from tests.days.world import World, settings, with_settings, words, world
from tests.servers.mailsink import MailSink

PESEL = "44051401359"
ABUSE = f"Ta złodziejka z PUP w Łomży ukradła mi zasiłek! Mój PESEL {PESEL}, sprawdźcie, debile."
CLEAN = "Nie dostałem zasiłku z PUP w Łomży, proszę o sprawdzenie."
ARTICLE = {
    "article": "zasilek",
    "title": "Zasiłek krok po kroku",
    "section": "poradnik",
    "url": "https://praca.example/zasilek",
}


class Day:
    """What is looked at on the way, to be searched for the number at the end."""

    def __init__(self, here: World) -> None:
        self.here = here
        self.seen: list[str] = []

    async def write(self, text: str) -> int:
        """Post a comment; the id of its post."""
        fields = citizens.comment_form(self.here.draw, "Zły", "zly@example.org", text, ARTICLE, None)
        receipt = await self.here.doors.post(
            "komentarze", "/embed/comments/komentarze", fields, "198.51.100.9"
        )
        await self.here.work_off()
        assert receipt.message is not None
        return receipt.message

    async def page(self) -> str:
        """The section as any reader sees it."""
        routes = self.here.hub.connectors()["komentarze"].routes()
        show = next(route for route in routes if route.method == "GET" and not route.path.endswith("}"))
        answer = await show.handler(
            Request(
                method="GET",
                path=show.path,
                params={},
                query=ARTICLE,
                headers={},
                cookies={},
                body=b"",
                remote="198.51.100.77",
                language="pl",
                fields={},
            )
        )
        assert answer.status == 200
        self.seen.append(answer.body.decode())
        return self.seen[-1]

    async def api(self, conversation: int) -> str:
        """What the API tells an integration that may read everything."""

        def grant(tx: Tx) -> int:
            directory = self.here.house.directory
            return make_token(
                tx, SYSTEM, directory, name="T", office="krajowa", grants=("read",), token="ctl_test"
            )

        await self.here.hub.store.write(grant)
        async with TestClient(TestServer(console.build(self.here.desk()))) as client:
            told = []
            for path in ("", f"/{conversation}", f"/{conversation}/messages"):
                head = {"Authorization": "Bearer ctl_test"}
                answer = await client.get(f"/api/v1/conversations{path}", headers=head)
                assert answer.status == 200
                told.append(await answer.text())
        self.seen += told
        return "\n".join(told)


def places_of(tx: Reader, text: str) -> list[str]:
    """Every column of the store in which a text stands."""
    everything = MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # indexes over expressions are left out, columns are not
        everything.reflect(tx.connection)
    found = []
    for table in everything.sorted_tables:
        for column in table.columns:
            wanted = (func.instr(column, text) > 0) | (func.instr(column, text.encode()) > 0)
            if tx.scalar(select(func.count()).select_from(table).where(wanted)):
                found.append(f"{table.name}.{column.name}")
    return found


@pytest.mark.slow
async def test_from_the_insult_to_the_clean_comment(tmp_path: Path, mailsink: MailSink) -> None:
    config = with_settings(settings(tmp_path, mailsink), "komentarze", moderation="post")
    async with world(tmp_path, mailsink, "2026-11-16 10:00", config) as here:
        day = Day(here)
        anna = await here.hire("anna", role="moderator", queues=("redakcja",))
        ola = await here.hire("ola", queues=("bezrobotni",))

        post = await day.write(ABUSE)
        assert (await here.row(schema.post, post)).state == "held", "also where comments are published first"
        assert "złodziejka" not in await day.page()
        [item] = (await here.read(lambda tx: bench_page(tx, anna, Filter()))).items
        assert "440••••••••" in item.text
        assert "personal-data" in item.reasons
        day.seen.append(repr(item))

        private = await here.do(open_private, anna, post)
        row = await here.conversation(private)
        assert (row.queue, row.listed, row.status) == ("bezrobotni", True, "open")
        shown = await here.read(lambda tx: stream(tx, ola, private))
        day.seen.append(repr(shown))
        assert "440••••••••" in repr(shown)

        choice = Choice(post=post, revision=(await here.row(schema.post, post)).revision)
        done = await here.do(decide, anna, "reject", [choice], reason="personal-data")
        assert done.done == (post,)
        await here.go_to("2026-11-16 10:05")
        [mail] = here.mails.to("zly@example.org")
        assert "dane osobowe" in words(mail)
        assert "/embed/comments/komentarze" in words(mail) and "appeal=" in words(mail)
        day.seen.append(words(mail))

        again = await day.write(CLEAN)
        assert again != post
        assert (await here.row(schema.post, again)).state == "published"
        assert (await here.row(schema.post, post)).state == "rejected"
        text = await day.page()
        assert CLEAN in text and "złodziejka" not in text
        assert "440••••••••" in await day.api(private)

        events = await here.read(lambda tx: tx.rows(select(schema.event)))
        day.seen += [repr(tuple(event)) for event in events]
        for number, looked_at in enumerate(day.seen):
            assert PESEL not in looked_at, f"place {number}"
        assert not any(PESEL.encode() in mail.content for mail in here.mails.mails)
        assert await here.read(lambda tx: places_of(tx, PESEL)) == ["raw.content"]
