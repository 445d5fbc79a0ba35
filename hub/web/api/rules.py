"""The API of rules: what is in force, versions, drafts, their checks, publication and the way back.

Reading, drafts and checks need the grant ``rules``; publication and what undoes it ``publish``.
"""

from __future__ import annotations

from hub.web.api import rules_calls as calls
from hub.web.api import rules_types as t
from hub.web.api.endpoint import Endpoint, routes

LARGEST = 40_000_000
"""Bytes of a rule set in JSON: ten thousand rules have some five million."""

_DRAFT = "/api/v1/rules/drafts/{id}"
_VERSION = "/api/v1/rules/versions/{id}"

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/rules",
        summary="The rules in force, as YAML and as JSON",
        grant="rules",
        answer=t.RuleSet,
        read=calls.published,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/rules/versions",
        summary="Published versions, the newest first",
        grant="rules",
        query=t.VersionsQuery,
        answer=t.Versions,
        read=calls.versions,
    ),
    Endpoint(
        method="GET",
        path=_VERSION,
        summary="One version with its rules",
        grant="rules",
        answer=t.RuleSet,
        read=calls.version,
    ),
    Endpoint(
        method="GET",
        path=f"{_VERSION}/diff",
        summary="What a version changed",
        grant="rules",
        query=t.DiffQuery,
        answer=t.Diff,
        read=calls.version_diff,
    ),
    Endpoint(
        method="POST",
        path=f"{_VERSION}/rollback",
        summary="Put an earlier version in force again, as a new one",
        grant="publish",
        body=t.RollBackBody,
        answer=t.Published,
        prepare=calls.proof_of_version,
        change=calls.roll_back,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/rules/drafts",
        summary="Drafts, the one changed last first",
        grant="rules",
        query=t.DraftsQuery,
        answer=t.Drafts,
        read=calls.drafts,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/rules/drafts",
        summary="Open a draft",
        grant="rules",
        body=t.OpenBody,
        answer=t.Draft,
        change=calls.open_draft,
        largest=LARGEST,
    ),
    Endpoint(
        method="GET",
        path=_DRAFT,
        summary="One draft with its text",
        grant="rules",
        answer=t.DraftText,
        read=calls.draft,
        etag=calls.revision,
    ),
    Endpoint(
        method="PUT",
        path=_DRAFT,
        summary="Change a draft's text; 409 with both texts where somebody changed the same",
        grant="rules",
        body=t.TextBody,
        answer=t.Draft,
        change=calls.change,
        largest=LARGEST,
    ),
    Endpoint(
        method="GET",
        path=f"{_DRAFT}/changes",
        summary="Every change of a draft",
        grant="rules",
        answer=t.Changes,
        read=calls.changes,
    ),
    Endpoint(
        method="GET",
        path=f"{_DRAFT}/diff",
        summary="What a draft would change",
        grant="rules",
        query=t.DiffQuery,
        answer=t.Diff,
        read=calls.draft_diff,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/undo",
        summary="Take one change back",
        grant="rules",
        body=t.UndoBody,
        answer=t.Draft,
        change=calls.undo,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/rebase",
        summary="Take over what was published meanwhile",
        grant="rules",
        body=t.RebaseBody,
        answer=t.Draft,
        change=calls.rebase,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/discard",
        summary="Throw a draft away",
        grant="rules",
        body=t.Empty,
        answer=t.Draft,
        change=calls.discard,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/check",
        summary="Run the checks that publication asks for",
        grant="rules",
        body=t.Empty,
        answer=t.Proof,
        prepare=calls.proof_of_draft,
        change=calls.check,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/submit",
        summary="Ask a second person for approval",
        grant="rules",
        body=t.PublishBody,
        answer=t.Draft,
        prepare=calls.proof_of_draft,
        change=calls.submit,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/approve",
        summary="Approve a draft that others made",
        grant="publish",
        body=t.RevisionBody,
        answer=t.Draft,
        change=calls.approve,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/send-back",
        summary="Open a submitted draft again",
        grant="rules",
        body=t.WhyBody,
        answer=t.Draft,
        change=calls.send_back,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/publish",
        summary="Publish a draft; 409 with the findings while a check fails",
        grant="publish",
        body=t.PublishBody,
        answer=t.Published,
        prepare=calls.proof_of_draft,
        change=calls.publish,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/schedule",
        summary="Publish a draft at a set time",
        grant="publish",
        body=t.ScheduleBody,
        answer=t.Draft,
        prepare=calls.proof_of_draft,
        change=calls.schedule,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/unschedule",
        summary="Call a publication at a set time off",
        grant="publish",
        body=t.Empty,
        answer=t.Draft,
        change=calls.unschedule,
    ),
)

ROUTES = routes(ENDPOINTS)
