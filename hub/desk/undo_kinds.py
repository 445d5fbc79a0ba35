"""Every kind of undo that the desk knows, by the name under which it is remembered."""

from __future__ import annotations

from collections.abc import Mapping

from hub.desk.actions import undo_set
from hub.desk.contacts import undo_block, undo_link
from hub.desk.merging import undo_merge
from hub.desk.moving import undo_move
from hub.desk.reply import undo_send
from hub.desk.transfer import undo_transfer
from hub.desk.undoing import Undo
from hub.moderation.undoing import undo_decision

KINDS: Mapping[str, Undo] = {
    "set": undo_set,
    "send": undo_send,
    "transfer": undo_transfer,
    "merge": undo_merge,
    "move": undo_move,
    "link": undo_link,
    "block": undo_block,
    "moderation": undo_decision,
}
