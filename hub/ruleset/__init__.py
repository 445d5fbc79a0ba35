"""Versions of the rule set and how they come about: drafts, checks, approval, publication, rollback.

``versions`` keeps what was published, ``drafts`` what is being made, ``lifecycle`` leads from one to the other,
``rollback`` to an earlier version, ``checks`` says whether it may, ``files`` minds the rule file on disk, ``follower``
makes the running hub take over.
"""

from __future__ import annotations

from hub.ruleset.drafts import (
    Change,
    Clashes,
    Draft,
    Revision,
    change,
    changes,
    discard,
    draft,
    drafts,
    open_draft,
    require_rules,
    set_note,
    source_at,
    undo_change,
    undoable,
)
from hub.ruleset.lifecycle import (
    Refused,
    approve,
    is_stale,
    keep_proof,
    may_approve,
    publish,
    rebase,
    schedule,
    send_back,
    sent_back,
    submit,
    unschedule,
)
from hub.ruleset.proof import Item, Proof, Replayed
from hub.ruleset.rollback import roll_back
from hub.ruleset.versions import Version, published, published_number, source_of, version, versions

__all__ = [
    "Change",
    "Clashes",
    "Draft",
    "Item",
    "Proof",
    "Refused",
    "Replayed",
    "Revision",
    "Version",
    "approve",
    "change",
    "changes",
    "discard",
    "draft",
    "drafts",
    "is_stale",
    "keep_proof",
    "may_approve",
    "open_draft",
    "publish",
    "published",
    "published_number",
    "rebase",
    "require_rules",
    "roll_back",
    "schedule",
    "send_back",
    "sent_back",
    "set_note",
    "source_at",
    "source_of",
    "submit",
    "undo_change",
    "undoable",
    "unschedule",
    "version",
    "versions",
]
