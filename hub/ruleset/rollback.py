"""The way back: an earlier version in force again."""

from __future__ import annotations

from hub.audit import record
from hub.i18n import mark as N_
from hub.ruleset.drafts import require_rules
from hub.ruleset.lifecycle import NOT_PROVED, Refused
from hub.ruleset.proof import Proof
from hub.ruleset.versions import Wanted, add_version, lock, published, version
from hub.scope import Conflict, Scope
from hub.store.tx import Tx

OVERTAKEN = N_("Another version was published meanwhile. Look at what going back would change now.")
IN_FORCE = N_("This version is in force already.")
NOT_USABLE = N_("This version cannot be used any more: it names what the configuration no longer has.")


def roll_back(
    tx: Tx, scope: Scope, number: int, note: str = "", *, proof: Proof, seen: int | None = None
) -> int:
    """Put the text of an earlier version in force again, as a new version; returns its number. ``seen`` is the version
    that it was compared with.

    It was published once, so neither approval nor tests stand in the way when something has to be taken back at once;
    but it must still load. Raises Denied, NotFound, Conflict, Refused.
    """
    require_rules(scope)
    lock(tx)
    old, current = version(tx, scope, number), published(tx)
    if current is not None and current.digest == old.digest:
        raise Conflict(IN_FORCE)
    if seen is not None and current is not None and current.version != seen:
        raise Conflict(OVERTAKEN)
    if proof.digest != old.digest:
        raise Conflict(NOT_PROVED)
    if not proof.loads:
        raise Refused(proof, NOT_USABLE)
    base = current.version if current is not None else None
    wanted = Wanted(
        source=old.source, author=scope.user, note=note.strip(), origin="rollback", base=base, proof=proof
    )
    new = add_version(tx, wanted)
    record(tx, scope.user, "rules-rolled-back", f"rules:{new}", {"to": number, "from": base})
    return new
