"""Comments of WordPress and Disqus come in once, where they stood, with nothing active, no address and no PESEL."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from connectors.contract import InboxId, PublicPost
from hub.cli import cli
from hub.importing.commands import handlers
from hub.importing.reading import BadExport, Comment, read
from hub.moderation.thread import thread_page
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader
from tests.hub.specimen import a_house

WXR = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>Praca</title>
<item><title>Zasiłek &amp; staż</title><link>https://praca.example/zasilek</link><wp:post_id>7</wp:post_id>
<wp:comment><wp:comment_id>3</wp:comment_id><wp:comment_author><![CDATA[Urszula]]></wp:comment_author>
<wp:comment_author_email>ula@example.pl</wp:comment_author_email><wp:comment_author_IP>192.0.2.7</wp:comment_author_IP>
<wp:comment_date_gmt>2020-01-03 10:00:00</wp:comment_date_gmt><wp:comment_content><![CDATA[Dziękuję za odpowiedź]]>
</wp:comment_content><wp:comment_approved>1</wp:comment_approved><wp:comment_type></wp:comment_type>
<wp:comment_parent>2</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>2</wp:comment_id><wp:comment_author>Redakcja<script>x</script></wp:comment_author>
<wp:comment_date_gmt>2020-01-02 10:00:00</wp:comment_date_gmt><wp:comment_content><![CDATA[<b>Tak</b>,
<script>alert(1)</script><a href="javascript:x">tu</a>]]></wp:comment_content>
<wp:comment_approved>1</wp:comment_approved>
<wp:comment_type>comment</wp:comment_type><wp:comment_parent>1</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>1</wp:comment_id><wp:comment_author>Urszula</wp:comment_author>
<wp:comment_author_email>ULA@example.pl</wp:comment_author_email>
<wp:comment_date_gmt>2020-01-01 10:00:00</wp:comment_date_gmt><wp:comment_content>Czy dostanę zasiłek? tel. 600700800
</wp:comment_content><wp:comment_approved>1</wp:comment_approved><wp:comment_parent>0</wp:comment_parent></wp:comment>
<wp:comment><wp:comment_id>4</wp:comment_id><wp:comment_author>Jan</wp:comment_author>
<wp:comment_date_gmt>2020-01-04 10:00:00</wp:comment_date_gmt>
<wp:comment_content>Mój PESEL 44051401359</wp:comment_content>
<wp:comment_approved>1</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_id>5</wp:comment_id><wp:comment_author>Ola</wp:comment_author>
<wp:comment_date_gmt>2020-01-05 10:00:00</wp:comment_date_gmt><wp:comment_content>Czekam</wp:comment_content>
<wp:comment_approved>0</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_id>6</wp:comment_id><wp:comment_date_gmt>2020-01-05 10:00:00</wp:comment_date_gmt>
<wp:comment_content>casino</wp:comment_content><wp:comment_approved>spam</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_id>8</wp:comment_id><wp:comment_date_gmt>2020-01-05 10:00:00</wp:comment_date_gmt>
<wp:comment_content>ping</wp:comment_content><wp:comment_approved>1</wp:comment_approved>
<wp:comment_type>pingback</wp:comment_type></wp:comment>
</item></channel></rss>
"""

DISQUS = """<?xml version="1.0" encoding="utf-8"?>
<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">
<thread dsq:id="11"><id>staz</id><link>https://praca.example/staz</link><title>Staż</title></thread>
<post dsq:id="21"><message><![CDATA[<p>Ile trwa staż?</p><p>Pozdrawiam</p>]]></message>
<createdAt>2019-05-01T10:00:00Z</createdAt><isDeleted>false</isDeleted><isSpam>false</isSpam>
<author><name>Ania</name><isAnonymous>false</isAnonymous><username>ania</username></author><thread dsq:id="11"/></post>
<post dsq:id="22"><message>Pół roku</message><createdAt>2019-05-02T10:00:00Z</createdAt><isDeleted>false</isDeleted>
<isSpam>false</isSpam><author><name>Urząd</name></author><thread dsq:id="11"/><parent dsq:id="21"/></post>
<post dsq:id="23"><message>usunięte</message><createdAt>2019-05-02T11:00:00Z</createdAt><isDeleted>true</isDeleted>
<isSpam>false</isSpam><author><name>X</name></author><thread dsq:id="11"/></post>
</disqus>
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {"wxr": tmp_path / "wp.xml", "disqus": tmp_path / "disqus.xml"}
    made["wxr"].write_text(WXR, encoding="utf-8")
    made["disqus"].write_text(DISQUS, encoding="utf-8")
    return made


async def taken(store: Store, kind: str, comments: list[Comment]) -> Any:
    house = a_house()
    command = handlers(store, lambda: house.directory, random.Random(1))["comments.import"]
    return await command({"inbox": "artykuly", "kind": kind, "comments": comments})


async def shown(store: Store, article: str) -> list[PublicPost]:
    def query(tx: Reader) -> list[PublicPost]:
        page = thread_page(tx, a_house(), InboxId("artykuly"), article, visitor=None, cursor=None, size=50)
        return list(page.posts)

    return await store.read(query)


async def test_wordpress(store: Store, files: dict[str, Path]) -> None:
    comments = read(files["wxr"], "wxr", "link")
    assert await taken(store, "wxr", comments) == {"taken": 5, "waiting": 2, "known": 0}
    posts = await shown(store, "https://praca.example/zasilek")
    assert [(post.author, post.text, post.depth) for post in posts] == [
        ("Urszula", "Czy dostanę zasiłek? tel. 600••••••", 0),
        ("Redakcja", "Tak,\ntu", 1),
        ("Urszula", "Dziękuję za odpowiedź", 2),
    ]
    assert await taken(store, "wxr", comments) == {"taken": 0, "waiting": 0, "known": 5}
    held = await store.read(
        lambda tx: tx.rows(
            select(schema.post.c.text, schema.post.c.hold_reasons).where(schema.post.c.state == "held")
        )
    )
    assert sorted(tuple(row) for row in held) == [
        ("Czekam", '["approval"]'),
        ("Mój PESEL 440••••••••", '["personal-data"]'),
    ]
    everything = await store.read(
        lambda tx: "".join(
            str(tuple(row)) for table in schema.metadata.sorted_tables for row in tx.rows(select(table))
        )
    )
    for secret in ("ula@example.pl", "192.0.2.7", "44051401359", "600700800", "alert(1)"):
        assert secret not in everything
    authors = await store.read(
        lambda tx: tx.rows(select(schema.post.c.author).where(schema.post.c.author_name == "Urszula"))
    )
    assert len({row.author for row in authors}) == 1, "one address, one author"
    assert not await store.read(lambda tx: tx.rows(select(schema.effect.c.id))), "nobody is told"


async def test_disqus(store: Store, files: dict[str, Path]) -> None:
    comments = read(files["disqus"], "disqus", "id")
    assert await taken(store, "disqus", comments) == {"taken": 2, "waiting": 0, "known": 0}
    posts = await shown(store, "staz")
    assert [(post.author, post.text, post.depth) for post in posts] == [
        ("Ania", "Ile trwa staż?\n\nPozdrawiam", 0),
        ("Urząd", "Pół roku", 1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "no xml",
        "<html/>",
        '<!DOCTYPE rss [<!ENTITY a "x">]><rss>&a;</rss>',
        '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel><item>&a;</item></channel></rss>',
        "<rss>" + "<a>" * 5_000,
        "",
    ],
)
def test_what_is_no_export_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadExport):
        read(path, "wxr", "link")


def test_what_is_broken_in_an_export_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    for cut in (
        "<wp:comment_id>3</wp:comment_id>",
        "2020-01-02 10:00:00",
        "<wp:post_id>7</wp:post_id>",
        "<![CDATA[Urszula]]>",
    ):
        path.write_text(WXR.replace(cut, ""), encoding="utf-8")
        assert 4 <= len(read(path, "wxr", "link")) <= 5


def test_by_the_command_line(tmp_path: Path, files: dict[str, Path]) -> None:
    config = tmp_path / "centrala.toml"
    config.write_text(
        f'[hub]\ndata_dir = "{tmp_path}/data"\n[store]\nurl = "sqlite:{tmp_path}/data/c.db"\n'
        '[[offices]]\nid = "krajowa"\nname = "Linia"\n'
        '[[queues]]\nid = "redakcja"\noffice = "krajowa"\nname_pl = "R"\nname_en = "E"\nmoderation = true\n'
        '[[inboxes]]\nid = "komentarze"\nkind = "comments"\noffice = "krajowa"\nqueue = "redakcja"\nname = "K"\n'
        '[inboxes.settings]\norigins = ["https://praca.example"]\n'
    )
    common = ["--inbox", "komentarze", "-c", str(config)]
    done = CliRunner().invoke(cli, ["import", "wxr", *common, str(files["wxr"])])
    assert "Comments taken: 5 (waiting on the bench: 2)" in done.output, (done.output, done.exception)
    done = CliRunner().invoke(cli, ["import", "disqus", *common, str(files["wxr"])])
    assert "no disqus export" in str(done.exception)
    done = CliRunner().invoke(cli, ["import", "wxr", "--inbox", "x", "-c", str(config), str(files["wxr"])])
    assert "There is no inbox x" in str(done.exception)
