"""The rule file on disk beside the console: a changed file is taken in, and neither overwrites what the other made.

A file counts as changed when its digest differs from that of the last import. It is published at once while what is in
force came from the file; after somebody published in the console it becomes a draft for an administrator to merge.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import select, update

from hub.audit import record
from hub.ruleset.drafts import LIVE, Change, draft, locked, open_draft, rule_draft, store
from hub.ruleset.proof import Proof
from hub.ruleset.versions import FILE, Wanted, add_version, lock, published, ruleset, setting
from hub.scope import SYSTEM
from hub.store.tx import Reader, Tx
from rules.files.load import version_of

Outcome = Literal["same", "published", "draft"]


class Imported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last import: the digest of the file's text, and the draft that it became, if it did."""

    digest: str = ""
    draft: int | None = None


def last_import(tx: Reader) -> Imported:
    """What was taken from the file last."""
    stored = tx.scalar(select(setting.c.value).where(setting.c.name == FILE))
    return msgspec.json.decode(stored or "{}", type=Imported)


def waiting_draft(tx: Reader) -> int | None:
    """The draft that holds what the file says and the published version does not, while nobody has closed it."""
    number = last_import(tx).draft
    if number is None:
        return None
    state = tx.scalar(select(rule_draft.c.state).where(rule_draft.c.id == number))
    return number if state in LIVE else None


def take_file(tx: Tx, source: str, proof: Proof) -> Outcome:
    """Take in what the file says. It must compile; ``proof`` tells what else the checks said of it.

    What fails its own tests or lint is published only where nothing is in force yet.
    """
    last = msgspec.json.decode(lock(tx), type=Imported)
    digest, current = version_of(source), published(tx)
    if digest == last.digest:
        return "same"
    if current is not None and current.digest == digest:
        _remember(tx, Imported(digest=digest))
        return "same"
    if current is None or (current.digest == last.digest and proof.passed):
        number = add_version(tx, Wanted(source=source, base=_number(tx), proof=proof))
        _remember(tx, Imported(digest=digest))
        record(tx, None, "rules-imported", f"rules:{number}", {"digest": digest})
        return "published"
    _remember(tx, Imported(digest=digest, draft=_as_draft(tx, last, source)))
    return "draft"


def _number(tx: Reader) -> int | None:
    current = published(tx)
    return None if current is None else current.version


def _as_draft(tx: Tx, last: Imported, source: str) -> int:
    """The file's text as a draft; the one of an earlier import goes on while nobody has touched it."""
    waiting = waiting_draft(tx)
    if waiting is not None:
        before = draft(tx, SYSTEM, waiting)
        if before.editor is None and before.state == "open":
            store(tx, SYSTEM, locked(tx, waiting), source, Change(kind="file"))
            return waiting
    base = tx.scalar(
        select(ruleset.c.version).where(ruleset.c.digest == last.digest).order_by(ruleset.c.version.desc())
    )
    return open_draft(tx, SYSTEM, base, source, kind="file").id


def _remember(tx: Tx, done: Imported) -> None:
    value = msgspec.json.encode(done).decode()
    tx.execute(update(setting).where(setting.c.name == FILE).values(value=value))
