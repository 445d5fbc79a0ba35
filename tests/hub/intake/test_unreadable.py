"""A mail that cannot be read here is a letter like others: it waits for an agent, and says why it has no words."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import Attachment, InboxId, Micros, ParseContext
from connectors.email.normalise import parse
from connectors.email.wrapped import ENCRYPTED
from hub.house import House
from hub.store import schema
from hub.store.store import Store
from tests.connectors.email.reading import HERE
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import Feed, mail


@pytest.mark.parametrize(("name", "file"), [("pgp-mime", "encrypted.asc"), ("smime-encrypted", "smime.p7m")])
async def test_an_encrypted_mail_waits_with_its_file_and_the_reason(
    store: Store, feed: Feed, house: House, clock: FakeClock, name: str, file: str
) -> None:
    raw = (HERE / "mails" / f"{name}.eml").read_bytes()
    context = ParseContext(inbox=InboxId("kontakt"), now=Micros(clock.now()), tokens=house.tokens)
    [item] = parse(raw, context)
    receipt = await feed(item, raw)
    message, conversation, attachment = schema.message, schema.conversation, schema.attachment
    row = await store.read(lambda tx: tx.row(select(message).where(message.c.id == receipt.message)))
    assert row is not None
    assert (row.text, row.automatic) == ("", "no")
    assert msgspec.json.decode(row.data)["unreadable"] == ENCRYPTED
    matter = await store.read(
        lambda tx: tx.row(select(conversation).where(conversation.c.id == receipt.conversation))
    )
    assert matter is not None and matter.status == "open" and matter.waiting_since is not None
    assert matter.preview == house.translate("pl", ENCRYPTED)[: len(matter.preview)] != ""
    files = await store.read(
        lambda tx: tx.rows(select(attachment).where(attachment.c.message == receipt.message))
    )
    assert [found.filename for found in files] == [file] and files[0].blob is not None


async def test_a_message_that_is_only_files_is_listed_by_their_names(store: Store, feed: Feed) -> None:
    files = tuple(
        Attachment(filename=name, content_type="image/png", size=3, content=b"abc")
        for name in ("a.png", "b.png")
    )
    receipt = await feed(mail(1, text="", subject="", attachments=files))
    matter = schema.conversation
    row = await store.read(lambda tx: tx.row(select(matter).where(matter.c.id == receipt.conversation)))
    assert row is not None and row.preview == "a.png, b.png"
