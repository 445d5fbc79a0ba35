"""What the API of rules takes and gives.

A rule set goes in as YAML (``source``) or as the same data in JSON (``model``); it comes out as both.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from hub.ruleset import Draft as StoredDraft
from hub.ruleset import Proof as StoredProof
from hub.ruleset import Revision as StoredRevision
from hub.ruleset import Version as StoredVersion
from hub.web.api.types import Answer, Finding, Id, Request, Time, findings_of
from hub.web.words import machine
from rules.diff import Change as Told

Meta = msgspec.Meta
Model = dict[str, Any]
Note = Annotated[str, Meta(max_length=4_000)]
Revision = Annotated[
    int | None, Meta(description="The revision that its author has seen; or send it as `If-Match`.")
]
Kind = Literal[
    "head", "top", "words", "conditions", "schedules", "section", "section-end", "rule", "test", "file"
]


# --- requests --------------------------------------------------------------------------------------------------


class VersionsQuery(Request, frozen=True, kw_only=True):
    """The newest versions, or those older than one."""

    before: int | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class DiffQuery(Request, frozen=True, kw_only=True):
    """Compared with which version; without it the one before, or for a draft the published one."""

    against: int | None = None


class DraftsQuery(Request, frozen=True, kw_only=True):
    """Drafts that are worked on, or all."""

    state: Literal["live", "all"] = "live"


class OpenBody(Request, frozen=True, kw_only=True):
    """A new draft: of the published version, of version ``base``, or with a text of its own."""

    base: int | None = None
    source: str | None = None
    model: Model | None = None
    note: Note = ""


class TextBody(Request, frozen=True, kw_only=True):
    """The whole text of a draft. What others changed since ``revision`` is kept; 409 where both changed the same."""

    revision: Revision = None
    source: str | None = None
    model: Model | None = None


class RevisionBody(Request, frozen=True, kw_only=True):
    """A draft as its author has seen it."""

    revision: Revision = None


class UndoBody(Request, frozen=True, kw_only=True):
    """Which change to take back; without it the newest that is not taken back yet."""

    change: int | None = None


class Choice(Request, frozen=True, kw_only=True):
    """Whose text of a part is kept: the draft's or the published one."""

    kind: Kind
    name: str = ""
    keep: Literal["draft", "published"]


class RebaseBody(Request, frozen=True, kw_only=True):
    """How clashes with what was published meanwhile are settled; with the ``revision`` of the draft and the ``version``
    in force that were looked at, only as long as these are the newest."""

    choices: tuple[Choice, ...] = ()
    revision: int | None = None
    version: int | None = None


class Empty(Request, frozen=True, kw_only=True):
    """Nothing is said: send ``{}``."""


class PublishBody(Request, frozen=True, kw_only=True):
    """The draft as it was seen, and why it is published."""

    revision: Revision = None
    note: Note = ""


class ScheduleBody(Request, frozen=True, kw_only=True):
    """The same with the time at which it happens."""

    revision: Revision = None
    at: Time
    note: Note = ""


class WhyBody(Request, frozen=True, kw_only=True):
    """Why."""

    note: Note = ""


class RollBackBody(Request, frozen=True, kw_only=True):
    """Why; with the ``version`` in force that was looked at, only as long as this is the newest."""

    version: int | None = None
    note: Note = ""


# --- answers ---------------------------------------------------------------------------------------------------


class Proof(Answer, frozen=True, kw_only=True):
    """What the checks said. ``passed``: it may be published. ``digest`` names the text that was checked."""

    digest: str
    passed: bool
    rules: int
    tests: int
    findings: list[Finding]
    left_out: int
    replay: Id | None


class Version(Answer, frozen=True, kw_only=True):
    """A published version. ``base`` is the one it was made from; author null: the file, or the hub itself."""

    version: int
    state: Literal["published", "retired"]
    digest: str
    origin: Literal["file", "console", "rollback"]
    base: int | None
    author: Id | None
    approver: Id | None
    note: str
    published_at: Time | None


class Versions(Answer, frozen=True, kw_only=True):
    """The newest first; ``next``: ask for those ``before`` this number."""

    versions: list[Version]
    next: int | None


class RuleSet(Answer, frozen=True, kw_only=True):
    """A version with its rules, as YAML and as the same data in JSON, and the proof that it was published with."""

    version: Version
    source: str
    model: Model
    proof: Proof


class Draft(Answer, frozen=True, kw_only=True):
    """A draft. ``stale``: another version was published meanwhile; take it over (``rebase``) before publishing."""

    id: Id
    state: Literal["open", "submitted", "scheduled", "published", "discarded"]
    base: int | None
    revision: int
    note: str
    author: Id | None
    editor: Id | None
    approver: Id | None
    approved: bool
    publish_at: Time | None
    version: int | None
    updated_at: Time


class DraftText(Answer, frozen=True, kw_only=True):
    """A draft with its text. ``model`` is null while the text is no valid YAML."""

    draft: Draft
    stale: bool
    source: str
    model: Model | None


class Drafts(Answer, frozen=True, kw_only=True):
    """The one that was changed last first."""

    drafts: list[Draft]


class ChangeMade(Answer, frozen=True, kw_only=True):
    """One change of a draft: ``kind`` of change, the ``rule`` it is about, the change that it takes back."""

    revision: int
    kind: str
    rule: str
    undoes: int | None
    author: Id | None
    at: Time


class Changes(Answer, frozen=True, kw_only=True):
    """The newest first."""

    changes: list[ChangeMade]


class Difference(Answer, frozen=True, kw_only=True):
    """One change in words."""

    kind: Literal["added", "removed", "moved", "changed"]
    about: Literal["rule", "section", "words", "condition", "schedule", "default", "test"]
    name: str
    text: str


class Diff(Answer, frozen=True, kw_only=True):
    """What changed: in words (null while a text cannot be read), and as a unified diff of the YAML."""

    changes: list[Difference] | None
    unified: str


class Published(Answer, frozen=True, kw_only=True):
    """The number of the version that is in force now."""

    version: int


# --- from what is stored -----------------------------------------------------------------------------------------


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)


def _time(at: int | None) -> str | None:
    return None if at is None else machine(at)


def proof_of(proof: StoredProof) -> Proof:
    """From what is stored."""
    return Proof(
        digest=proof.digest,
        passed=proof.passed,
        rules=proof.rules,
        tests=proof.tests,
        findings=findings_of(proof),
        left_out=proof.left_out,
        replay=_id(proof.replay.run) if proof.replay is not None else None,
    )


def version_of(found: StoredVersion) -> Version:
    """From what is stored."""
    return Version(
        version=found.version,
        state=found.state,
        digest=found.digest,
        origin=found.origin,
        base=found.base,
        author=_id(found.author),
        approver=_id(found.approver),
        note=found.note,
        published_at=_time(found.published_at),
    )


def draft_of(found: StoredDraft) -> Draft:
    """From what is stored."""
    return Draft(
        id=str(found.id),
        state=found.state,
        base=found.base,
        revision=found.revision,
        note=found.note,
        author=_id(found.author),
        editor=_id(found.editor),
        approver=_id(found.approver),
        approved=found.approved,
        publish_at=_time(found.publish_at),
        version=found.version,
        updated_at=machine(found.updated_at),
    )


def change_of(found: StoredRevision) -> ChangeMade:
    """From what is stored."""
    return ChangeMade(
        revision=found.revision,
        kind=found.what.kind,
        rule=found.what.rule,
        undoes=found.what.undoes or None,
        author=_id(found.author),
        at=machine(found.at),
    )


def difference_of(found: Told) -> Difference:
    """A change in English."""
    return Difference(kind=found.kind, about=found.about, name=found.name, text=str(found.text))
