"""After an erasure nothing of the person is left: in no table, no index of words, no file, no original, no quarantine.

Every text and every byte of the whole database is looked through, so a table that comes later is looked through too.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from hub.cli import cli
from hub.control import CommandFailed
from hub.demo import citizens
from hub.desk import notes
from hub.desk.drafts import save_draft
from hub.desk.reply import Draft, reply
from hub.privacy.commands import handlers
from hub.privacy.erase import naming
from hub.search.follower import make_docs
from hub.store import schema
from hub.store.tx import Reader, Tx
from tests.days.world import World, world
from tests.servers.mailsink import MailSink

ZENOBIA = "Zenobia Kwiatek <zenobia.kwiatek@example.pl>"
MARKS = ("zenobia", "kwiatek", "600700801", "hiacynt", "wa-znana")
"""Her names, her number, words that she alone uses, and how an agent calls her: nobody else has any of them."""


@pytest.fixture
async def here(tmp_path: Path, mailsink: MailSink) -> AsyncIterator[World]:
    """Monday, ten in the morning."""
    async with world(tmp_path, mailsink, "2026-11-16 10:00") as made:
        yield made


def found_in(tx: Reader) -> dict[str, int]:
    """How many values of each column hold one of the marks."""
    found: dict[str, int] = {}
    tables = {**schema.metadata.tables}
    for table in tables.values():
        for row in tx.rows(select(table)):
            for column, value in row._mapping.items():
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                if any(mark in text.lower() for mark in MARKS):
                    found[f"{table.name}.{column}"] = found.get(f"{table.name}.{column}", 0) + 1
    return found


def in_files(folder: Path) -> list[str]:
    """Files of the data folder that hold one of the marks, the database's own aside."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file()
        and "centrala.db" not in path.name
        and any(mark.encode() in path.read_bytes().lower() for mark in MARKS)
    ]


def index_words(tx: Tx) -> None:
    """What the follower of the stream keeps for searches."""
    docs = make_docs(tx, [row.id for row in tx.rows(select(schema.message.c.id))])
    rows = [
        {"message": d.message, "conversation": d.conversation, "words": d.words, "reach": d.reach}
        for d in docs
    ]
    tx.execute(schema.search_doc.insert(), rows)


async def lived(here: World) -> tuple[Any, Any]:
    """What the hub knows of Zenobia after a day; and a conversation of somebody else."""
    text = "Kiedy dostanę zasiłek? Hodowla: hiacynt. Tel. 600700801"
    row = await here.mail(ZENOBIA, text, file=("hiacynt.pdf", b"hiacynt " * 20_000), subject="hiacynt")
    other = await here.mail("Jan Nowak <jan@example.pl>", "Kiedy dostanę zasiłek dla bezrobotnych?")
    ola = await here.hire("ola", queues=("bezrobotni",))
    await here.do(notes.add_note, ola, row.id, "To ta wa-znana", client_id="note-1")
    answer = Draft(text="Pani Zenobio, w piątek.", client_id="reply-1", based_on=9, undo_seconds=0)
    await here.do(reply, ola, row.id, answer)
    draft = {"conversation": row.id, "kind": "note", "revision": 0, "text": "hiacynt?", "subject": ""}
    await here.hub.store.write(lambda tx: save_draft(tx, ola, recipients=[], based_on=2, **draft))
    report = (
        b"From: mailer-daemon@example.pl\nTo: kontakt@infolinia.example\nSubject: Undelivered\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n"
        b"Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; zenobia.kwiatek@example.pl\n"
        b"Action: failed\nStatus: 5.1.1\n\n--x--\n"
    )
    await here.hand_in(report, "kontakt@infolinia.example", "")
    article = {"article": "zasilek", "title": "Zasiłek", "section": "", "url": "https://praca.example/z"}
    fields = citizens.comment_form(
        here.draw,
        "Zenobia K.",
        "zenobia.kwiatek@example.pl",
        "Mój hiacynt więdnie, a zasiłku brak",
        article,
        None,
    )
    await here.doors.post("komentarze", "/embed/comments/komentarze", fields, "198.51.100.8")
    form = citizens.contact_form(
        here.draw, "Zenobia Kwiatek", "zenobia.kwiatek@example.pl", "600700801", "hiacynt", "Dalej hiacynt"
    )
    await here.doors.post("formularz", "/embed/form/formularz", form, "198.51.100.8")
    await here.work_off()
    await here.hub.store.write(index_words)
    return row, other


async def test_nothing_is_left(here: World) -> None:
    row, other = await lived(here)
    before = await here.read(found_in)
    for place in (
        *("contact.name", "identity.address", "message.text", "message.recipients", "conversation.subject"),
        *("conversation.preview", "raw.content", "attachment.filename", "search_doc.words", "delivery.lane"),
        *("draft.text", "post.text", "trace.facts"),
    ):
        assert place in before, f"{place} shows nothing before: this test would prove nothing"
    data = Path(here.hub.config.hub.data_dir)
    assert in_files(data), "the large file lies outside the database"
    theirs = await here.read(
        lambda tx: tx.rows(select(schema.message).where(schema.message.c.conversation == other.id))
    )
    take_away = handlers(here.hub.store, here.hub.blobs)["contact.erase"]
    done = await take_away({"person": "zenobia.kwiatek@example.pl"})
    assert (done["conversations"], done["files"], done["comments"]) == (2, 1, 0)
    # Her comment came from a visitor who gave her address, which nobody proved.
    (visitor,) = done["also_named_by"]
    assert visitor.startswith("web:")
    assert (await take_away({"person": visitor}))["comments"] == 1
    assert await here.read(found_in) == {}
    assert in_files(data) == []
    assert theirs == await here.read(
        lambda tx: tx.rows(select(schema.message).where(schema.message.c.conversation == other.id))
    )
    kept = await here.conversation(row.id)
    assert (kept.status, kept.listed, kept.queue) == ("resolved", False, "bezrobotni"), "counted, not shown"


async def test_whoever_writes_again_is_somebody_new(here: World) -> None:
    row, _ = await lived(here)
    sent = here.mails.to("zenobia.kwiatek@example.pl")[-1]
    await handlers(here.hub.store, here.hub.blobs)["contact.erase"]({"person": row.reference})
    again = await here.mail(ZENOBIA, "Dzień dobry, mam pytanie o staż.", answers=sent)
    assert again.contact != row.contact and again.status == "open"
    with pytest.raises(CommandFailed):
        await handlers(here.hub.store, here.hub.blobs)["contact.erase"]({"person": "nikt@example.pl"})


async def test_nothing_is_erased_while_an_answer_leaves(here: World) -> None:
    row, _ = await lived(here)
    sending = schema.delivery.update().where(schema.delivery.c.conversation == row.id).values(state="queued")
    await here.hub.store.write(lambda tx: tx.execute(sending))
    first = select(schema.delivery.c.id).where(schema.delivery.c.conversation == row.id).limit(1)
    key = await here.read(lambda tx: tx.scalar(first))
    await here.hub.store.write(lambda tx: tx.change(schema.delivery, key, state="sending"))
    before = await here.read(found_in)
    with pytest.raises(CommandFailed, match="being sent"):
        await handlers(here.hub.store, here.hub.blobs)["contact.erase"]({"person": "+48600700801"})
    assert await here.read(found_in) == before


def test_an_address_is_meant_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rows:
        def rows(self, statement: Any) -> list[Any]:
            return [] if "message" in str(statement) else self.kept

        def __init__(self, *contents: bytes) -> None:
            self.kept = [type("Row", (), {"id": n, "content": c})() for n, c in enumerate(contents)]

    contents = (
        *(b"to: jan@example.pl;", b"JAN@EXAMPLE.PL", b"aljan@example.pl", b"jan@example.pl.evil.example"),
        *(b"msisdn=48600700801&", b"148600700801", b"486007008012", None),
    )
    rows: Any = Rows(*contents)  # type: ignore[arg-type]
    assert naming(rows, ["jan@example.pl", "+48600700801", "ab"], -1, 100) == ([0, 1, 4], None)


async def test_what_is_kept_is_handed_out_whole(here: World) -> None:
    await lived(here)
    export = handlers(here.hub.store, here.hub.blobs)["contact.export"]
    record = await export({"person": "600 700 801", "files": True})
    text = json.dumps(record, ensure_ascii=False)
    text += json.dumps(await export({"person": record["also_named_by"][0]}), ensure_ascii=False)
    for known in (
        "Zenobia Kwiatek",
        "zenobia.kwiatek@example.pl",
        "To ta wa-znana",
        "Pani Zenobio",
        "więdnie",
    ):
        assert known in text
    assert "jan@example.pl" not in text
    files = [f for c in record["conversations"] for m in c["messages"] for f in m["files"]]
    assert [f["filename"] for f in files] == ["hiacynt.pdf"] and files[0]["content"]


def test_by_the_command_line(tmp_path: Path, mailsink: MailSink) -> None:
    """Without a running hub the command works on the store itself; whom nobody knows is told."""
    config = tmp_path / "centrala.toml"
    config.write_text(
        f'[hub]\ndata_dir = "{tmp_path / "data"}"\n[store]\nurl = "sqlite:{tmp_path / "data"}/c.db"\n'
    )
    for arguments in (["export", "nikt@example.pl"], ["erase", "--yes", "nikt@example.pl"]):
        done = CliRunner().invoke(cli, ["contact", *arguments, "-c", str(config)])
        assert "Nobody is known by that" in str(done.exception)
    done = CliRunner().invoke(cli, ["contact", "erase", "nikt@example.pl", "-c", str(config)])
    assert "Nothing was erased" in str(done.exception)
