"""Files that a channel only names are brought in afterwards: each for itself, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract import Attachment, SendError
from hub.blobs import ChunkBlobs
from hub.house import House
from hub.outbox.handlers import outside
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import Feed
from tests.hub.intake.test_elsewhere import said


class Provider:
    """Hands out files by name, or an error."""

    def __init__(self, files: Mapping[str, bytes | SendError]) -> None:
        self.files = dict(files)
        self.asked: list[str] = []

    async def fetch(self, ref: str) -> bytes:
        self.asked.append(ref)
        found = self.files[ref]
        if isinstance(found, SendError):
            raise found
        return found


@pytest.mark.parametrize(
    ("kinds", "told"), [(("permanent", "temporary"), "temporary"), (("permanent",), "permanent")]
)
async def test_a_file_that_cannot_be_had_keeps_no_other_away(
    store: Store, feed: Feed, house: House, clock: FakeClock, kinds: tuple[Any, ...], told: str
) -> None:
    names = [*(f"bad-{kind}" for kind in kinds), "good"]
    files = tuple(Attachment(filename=n, content_type="image/png", remote=n) for n in names)
    await feed(said(1, attachments=files))
    provider = Provider({**{f"bad-{kind}": SendError(kind, "gone") for kind in kinds}, "good": b"PNG"})
    parts: Any = {"kontakt": provider}
    nothing: Any = None
    act = outside(store, lambda: house, lambda: parts, nothing, ChunkBlobs(store), clock)["fetch"]
    effect = schema.effect
    row = await store.read(lambda tx: tx.row(select(effect).where(effect.c.kind == "fetch")))
    assert row is not None
    with pytest.raises(SendError) as raised:
        await act(row)
    assert raised.value.kind == told, "as long as one may still come, it is tried again"
    kept = await store.read(
        lambda tx: tx.rows(select(schema.attachment).order_by(schema.attachment.c.position))
    )
    assert [file.blob is not None for file in kept] == [False] * len(kinds) + [True]
    provider.files = dict.fromkeys(names, b"PNG")
    provider.asked.clear()
    await act(row)
    assert provider.asked == names[:-1], "what is here is not asked for again"
