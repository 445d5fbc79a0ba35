"""The rows of a message's files: small bytes become blobs of the same transaction, larger ones are blobs already."""

from __future__ import annotations

from connectors.contract import Attachment, Message
from hub.store.tx import Tx

from .state import Rows


def keep_attachments(tx: Tx, rows: Rows, message: Message, message_id: int) -> None:
    """Put the files of a message up for writing; remote ones also as an effect that fetches them."""
    for position, attachment in enumerate(message.attachments):
        attachment_id = tx.new_id()
        blob = _blob(tx, rows, attachment, message_id)
        rows.attachments.append(
            (
                *(attachment_id, message_id, position, attachment.filename, attachment.content_type),
                *(attachment.size, attachment.sha256, blob, attachment.remote),
                *(attachment.inline, attachment.content_id),
            )
        )


def _blob(tx: Tx, rows: Rows, attachment: Attachment, owner: int) -> int | None:
    if attachment.blob is not None:
        rows.owned_blobs.append((owner, attachment.blob))
        return attachment.blob
    if attachment.content is None:
        return None
    blob = tx.new_id()
    row = (blob, owner, len(attachment.content), attachment.sha256, "row", attachment.content, tx.now)
    rows.blobs.append(row)
    return blob
