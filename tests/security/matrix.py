"""Every address of the private listener: who may use it, on what, and a request that would do something.

A route that is missing here fails ``test_access.py``, so nobody adds one without saying who may use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Needs = Literal["nobody", "anyone", "answer", "moderate", "supervise", "administer", "token"]


class Row(NamedTuple):
    """``needs``: ``nobody`` is open without a session, ``anyone`` is open to every session.

    ``thing``: what the number in the address names. ``body``: fields of a form, in which ``{kind}`` stands for a
    thing's number; ``json``: they go as JSON. ``bound``: to an ``office``, or to a ``person``. ``reasoned``: may be
    opened across offices, with a reason, on purpose. ``stateful``: works only on a thing in a state that this one
    is not in, so that even who may use it is told no (400, 404, 409). ``quiet``: a bulk action that leaves out what
    the actor may not touch and goes back to its list.
    """

    needs: Needs
    thing: str = ""
    body: Mapping[str, Any] | None = None
    json: bool = False
    bound: Literal["", "office", "person"] = ""
    reasoned: bool = False
    stateful: bool = False
    quiet: bool = False
    extra: Mapping[str, str] = {}


def _office(needs: Needs, thing: str, **fields: Any) -> Row:
    return Row(needs, thing, fields, bound="office")


def _own(needs: Needs, thing: str, **fields: Any) -> Row:
    return Row(needs, thing, fields, bound="person")


def _conversation(**fields: Any) -> Row:
    return _office("answer", "conversation", **fields)


def _rules(where: Mapping[str, str] | None = None, **fields: Any) -> Row:
    """A change of a draft of the rules, which belong to the front office."""
    return Row("administer", "rule-draft", {"revision": "1", **fields}, bound="office", extra=where or {})


def _rule_step(**fields: Any) -> Row:
    """A step towards publication, which this draft is not ready for."""
    return Row("administer", "rule-draft", fields, bound="office", stateful=True)


RULE_X = {"kind": "rules", "name": "x"}
LETTER = {"text": "Odpowiedź", "client_id": "{uuid}", "based_on": "1"}
USER = {"name": "Nowe", "role": "agent", "office": "krajowa", "language": "pl"}

MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/static/{version}/{path}"): Row("nobody"),
    ("GET", "/healthz"): Row("nobody"),
    ("GET", "/readyz"): Row("nobody"),
    ("GET", "/metrics"): Row("nobody"),
    ("GET", "/login"): Row("nobody"),
    ("POST", "/login"): Row("nobody"),
    ("GET", "/login/code"): Row("nobody"),
    ("POST", "/login/code"): Row("nobody"),
    ("GET", "/reset/{token}"): Row("nobody"),
    ("POST", "/reset/{token}"): Row("nobody"),
    ("GET", "/api/v1/openapi.json"): Row("nobody"),
    ("GET", "/api/v1/stream"): Row("token"),
    ("GET", "/api/v1/conversations"): Row("token"),
    ("GET", "/api/v1/conversations/{id}"): Row("token", "conversation"),
    ("GET", "/api/v1/conversations/{id}/messages"): Row("token", "conversation"),
    ("POST", "/api/v1/conversations/{id}/reply"): Row("token", "conversation"),
    ("POST", "/api/v1/conversations/{id}/notes"): Row("token", "conversation"),
    ("POST", "/api/v1/conversations/{id}/assign"): Row("token", "conversation"),
    ("POST", "/api/v1/conversations/{id}/transfer"): Row("token", "conversation"),
    ("POST", "/api/v1/conversations/{id}/status"): Row("token", "conversation"),
    ("GET", "/api/v1/conversations/{id}/survey"): Row("token", "conversation", stateful=True),
    ("GET", "/api/v1/surveys"): Row("token"),
    ("GET", "/api/v1/rules"): Row("token"),
    ("GET", "/api/v1/rules/versions"): Row("token"),
    ("GET", "/api/v1/rules/versions/{id}"): Row("token"),
    ("GET", "/api/v1/rules/versions/{id}/diff"): Row("token"),
    ("POST", "/api/v1/rules/versions/{id}/rollback"): Row("token"),
    ("POST", "/api/v1/rules/try"): Row("token"),
    ("GET", "/api/v1/rules/drafts"): Row("token"),
    ("POST", "/api/v1/rules/drafts"): Row("token"),
    ("GET", "/api/v1/rules/drafts/{id}"): Row("token"),
    ("PUT", "/api/v1/rules/drafts/{id}"): Row("token"),
    ("GET", "/api/v1/rules/drafts/{id}/changes"): Row("token"),
    ("GET", "/api/v1/rules/drafts/{id}/diff"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/undo"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/rebase"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/discard"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/check"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/submit"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/approve"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/send-back"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/publish"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/schedule"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/unschedule"): Row("token"),
    ("POST", "/api/v1/rules/drafts/{id}/replays"): Row("token"),
    ("GET", "/api/v1/rules/runs/{id}"): Row("token"),
    ("POST", "/api/v1/rules/runs/{id}/stop"): Row("token"),
    ("GET", "/"): Row("anyone"),
    ("POST", "/logout"): Row("anyone", body={}),
    ("GET", "/settings/password"): Row("anyone"),
    ("POST", "/settings/password"): Row("anyone", body={"password": "x", "again": "y"}, stateful=True),
    ("GET", "/settings/second-factor"): Row("anyone"),
    ("POST", "/settings/second-factor/begin"): Row("anyone", body={"current": "x"}, stateful=True),
    ("POST", "/settings/second-factor/confirm"): Row("anyone", body={"code": "1"}, stateful=True),
    ("POST", "/settings/second-factor/papers"): Row("anyone", body={"code": "1"}, stateful=True),
    ("POST", "/settings/second-factor/end"): Row("anyone", body={"code": "1"}, stateful=True),
    ("GET", "/live"): Row("anyone"),
    ("POST", "/live/here"): Row("anyone", body={"conversation": 1, "what": "gone"}, json=True),
    ("GET", "/live/counts"): Row("anyone"),
    ("GET", "/presence"): Row("anyone"),
    ("POST", "/presence"): Row("anyone", body={"presence": "away"}),
    ("GET", "/settings"): Row("anyone"),
    ("POST", "/settings"): Row("anyone", body={"theme": "dark", "language": "pl"}),
    ("GET", "/notifications"): Row("anyone"),
    ("GET", "/notifications/newest"): Row("anyone"),
    ("POST", "/notifications/read"): Row("anyone", body={}),
    ("POST", "/notifications/{id}/open"): _own("anyone", "notification"),
    ("GET", "/search"): Row("answer"),
    ("GET", "/inbox"): Row("answer"),
    ("GET", "/inbox/drafts"): Row("answer"),
    ("GET", "/chats"): Row("answer"),
    ("POST", "/inbox/take"): Row("answer", body={}),
    ("POST", "/inbox/bulk"): _conversation(c="{conversation}", act="spam"),
    ("POST", "/undo"): Row("answer", body={}),
    ("POST", "/undo/{id}"): _own("answer", "undo"),
    ("GET", "/conversations/{id}"): _conversation(),
    ("GET", "/conversations/{id}/parts"): _conversation(),
    ("GET", "/conversations/{id}/why/{decision}"): Row(
        "answer", "conversation", bound="office", stateful=True, extra={"decision": "9007199254740000"}
    ),
    ("GET", "/conversations/{id}/why"): _conversation(),
    ("GET", "/conversations/{id}/invitations"): _conversation(),
    ("POST", "/conversations/{id}/read"): Row(
        "answer", "conversation", {"number": "1"}, json=True, bound="office"
    ),
    ("GET", "/conversations/{id}/print"): _conversation(),
    ("GET", "/contacts/{id}"): _office("answer", "contact"),
    ("POST", "/conversations/{id}/assign"): _conversation(),
    ("POST", "/conversations/{id}/mine"): _conversation(),
    ("POST", "/conversations/{id}/transfer"): _conversation(to="queue:pracodawcy"),
    ("POST", "/conversations/{id}/status"): _conversation(status="waiting-citizen"),
    ("POST", "/conversations/{id}/snooze"): _conversation(),
    ("POST", "/conversations/{id}/resolve"): _conversation(topic="zasiłek"),
    ("POST", "/conversations/{id}/tags"): _conversation(add="pilne"),
    ("POST", "/conversations/{id}/priority"): _conversation(priority="high"),
    ("POST", "/conversations/{id}/language"): _conversation(language="uk"),
    ("POST", "/conversations/{id}/spam"): _conversation(),
    ("POST", "/conversations/{id}/block"): _conversation(reason="obelgi", until="2027-01-01"),
    ("POST", "/conversations/{id}/unblock"): _conversation(),
    ("POST", "/conversations/{id}/merge"): _conversation(other="{other}", link="on"),
    ("POST", "/conversations/{id}/back"): Row("answer", "conversation", {}, bound="office", stateful=True),
    ("POST", "/conversations/{id}/link"): _conversation(other="{other}"),
    ("POST", "/conversations/{id}/unlink/{link}"): Row(
        "answer", "conversation", {}, bound="office", stateful=True, extra={"link": "1"}
    ),
    ("POST", "/conversations/{id}/open"): Row(
        "answer", "conversation", {"reason": "prośba obywatela"}, bound="office", reasoned=True
    ),
    ("POST", "/merges/{id}/undo"): _office("answer", "merge"),
    ("POST", "/messages/{id}/move"): _office("answer", "message"),
    ("POST", "/messages/{id}/retry"): Row("answer", "message", {}, bound="office", stateful=True),
    ("POST", "/messages/{id}/forward"): _office(
        "answer", "message", client_id="{uuid}", to="kto@example.pl", text="Do wiadomości"
    ),
    ("GET", "/messages/{id}/html"): _office("answer", "message"),
    ("GET", "/messages/{id}/source"): _office("answer", "message"),
    ("GET", "/files/{id}"): _office("answer", "file"),
    ("GET", "/files/{id}/image"): _office("answer", "file"),
    ("POST", "/files/{id}/remove"): _own("answer", "draft-file"),
    ("POST", "/conversations/{id}/reply"): _conversation(**LETTER),
    ("POST", "/conversations/{id}/notes"): _conversation(text="Notatka", client_id="{uuid}"),
    ("GET", "/conversations/{id}/drafts"): _conversation(),
    ("GET", "/conversations/{id}/texts"): _conversation(),
    ("GET", "/new"): Row("answer"),
    ("POST", "/new"): Row(
        "answer",
        body={
            "inbox": "kontakt",
            "to": "a@example.pl",
            "text": "x",
            "subject": "x",
            "client_id": "{uuid}",
        },
    ),
    ("POST", "/drafts"): Row(
        "answer",
        "conversation",
        {"kind": "note", "revision": 0, "text": "x", "conversation": "{conversation}"},
        json=True,
        bound="office",
    ),
    ("POST", "/drafts/{id}/discard"): _own("answer", "draft"),
    ("POST", "/drafts/{id}/files"): _own("answer", "draft"),
    ("GET", "/texts"): Row("answer"),
    ("POST", "/texts"): Row("supervise", body={"shortcut": "nowy-{text}", "title": "T", "text": "T"}),
    ("POST", "/texts/{id}"): _office("supervise", "text", shortcut="inny-{text}", title="T", text="T"),
    ("POST", "/texts/{id}/delete"): _office("supervise", "text"),
    ("GET", "/moderation"): Row("moderate"),
    ("POST", "/moderation/decide"): Row(
        "moderate", "post", {"deed": "publish", "choice": "{post}:1"}, bound="office", quiet=True
    ),
    ("POST", "/moderation/undo"): Row("answer", body={}),
    ("POST", "/moderation/undo/{id}"): _own("answer", "undo"),
    ("GET", "/moderation/articles"): Row("moderate"),
    ("POST", "/moderation/articles/{id}"): _office("moderate", "article", way="post"),
    ("GET", "/moderation/{id}"): _office("moderate", "post"),
    ("POST", "/moderation/{id}/claim"): _office("moderate", "post"),
    ("POST", "/moderation/{id}/release"): _office("moderate", "post"),
    ("POST", "/moderation/{id}/mask"): _office("moderate", "post", revision="1"),
    ("POST", "/moderation/{id}/answer"): _office(
        "moderate", "post", text="Dzień dobry", client="{uuid}", revision="1"
    ),
    ("POST", "/moderation/{id}/private"): _office("moderate", "post"),
    ("GET", "/callbacks"): Row("answer"),
    ("GET", "/callbacks/{id}"): _office("answer", "call"),
    ("POST", "/callbacks/{id}/finish"): Row(
        "answer", "call", {"version": "1", "outcome": "done"}, bound="office", stateful=True
    ),
    ("POST", "/callbacks/{id}/move"): _office("answer", "call", version="1"),
    ("POST", "/callbacks/{id}/{deed}"): Row(
        "answer", "call", {"version": "1"}, bound="office", extra={"deed": "take"}
    ),
    ("GET", "/phone"): Row("answer"),
    ("GET", "/phone/now"): Row("answer"),
    ("POST", "/phone/who"): Row("answer", body={"number": "600700800"}),
    ("GET", "/phone/log"): Row("answer"),
    ("POST", "/phone/log"): _office(
        "answer", "telephone-call", call="{telephone-call}", outcome="settled", client_id="{uuid}"
    ),
    ("POST", "/phone/extension"): Row("answer", body={"extension": "777"}),
    ("GET", "/phone/{id}"): _office("answer", "telephone-call"),
    ("GET", "/supervisor"): Row("supervise"),
    ("GET", "/supervisor/queues/{queue}"): Row("supervise", extra={"queue": "bezrobotni"}),
    ("POST", "/supervisor/queues/{queue}/move"): Row(
        "supervise",
        "conversation",
        {"conversation": "{conversation}", "to": "pracodawcy"},
        bound="office",
        extra={"queue": "bezrobotni"},
    ),
    ("GET", "/supervisor/people"): Row("supervise"),
    ("GET", "/supervisor/satisfaction"): Row("supervise"),
    ("POST", "/supervisor/people/{id}"): _office("supervise", "user", queues="bezrobotni"),
    ("GET", "/inboxes"): Row("supervise"),
    ("GET", "/quarantine"): Row("supervise"),
    ("GET", "/quarantine/{id}/raw"): _office("supervise", "raw"),
    ("POST", "/quarantine/{id}/again"): _office("supervise", "raw"),
    ("POST", "/quarantine/conversations/{id}/release"): _office(
        "supervise", "conversation", queue="pracodawcy"
    ),
    ("GET", "/admin"): Row("administer"),
    ("GET", "/admin/rules"): Row("administer"),
    ("GET", "/admin/rules/drafts"): Row("administer"),
    ("POST", "/admin/rules/drafts"): _office("administer", "rule-draft"),
    ("GET", "/admin/rules/drafts/{id}"): Row("administer", "rule-draft"),
    ("GET", "/admin/rules/drafts/{id}/here"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/discard"): _office("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/undo"): Row("administer", "rule-draft", {}, stateful=True),
    ("POST", "/admin/rules/drafts/{id}/move"): _rules(rule="x", to="down"),
    ("POST", "/admin/rules/drafts/{id}/switch"): _rules(rule="x", enabled="0"),
    ("POST", "/admin/rules/drafts/{id}/remove"): _rules(rule="x"),
    ("POST", "/admin/rules/drafts/{id}/duplicate"): _rules(rule="x"),
    ("POST", "/admin/rules/drafts/{id}/sections"): _rules(id="s", name="S"),
    ("GET", "/admin/rules/drafts/{id}/findings"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/findings"): Row("administer", "rule-draft", {"text": "- id: x"}),
    ("GET", "/admin/rules/drafts/{id}/samples"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/samples"): Row("administer", "rule-draft", {"text": "- id: x"}),
    ("GET", "/conversations/{id}/test"): Row("administer", "conversation", stateful=True, bound="office"),
    ("POST", "/conversations/{id}/test"): Row(
        "administer", "conversation", {"text": "- name: x"}, stateful=True, bound="office"
    ),
    ("GET", "/admin/rules/drafts/{id}/names"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/names"): _rules(kind="words", name="w", words="a"),
    ("POST", "/admin/rules/drafts/{id}/names/remove"): _rules(kind="words", name="w"),
    ("GET", "/admin/rules/drafts/{id}/words/{name}"): Row("administer", "rule-draft", extra={"name": "w"}),
    ("POST", "/admin/rules/drafts/{id}/words/{name}"): _rules({"name": "w"}, words="b"),
    ("GET", "/admin/rules/drafts/{id}/tests"): Row("administer", "rule-draft"),
    ("GET", "/admin/rules/drafts/{id}/test"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/test"): _rules(name="t", text="a", queue="informacja"),
    ("GET", "/admin/rules/drafts/{id}/yaml"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/yaml"): _rules(text="default: {queue: informacja}"),
    ("POST", "/admin/rules/drafts/{id}/yaml/check"): Row("administer", "rule-draft", {"text": "x"}),
    ("GET", "/admin/rules/drafts/{id}/new-rule"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/new-rule"): _rules(text="- id: n"),
    ("POST", "/admin/rules/drafts/{id}/new-rule/form"): Row(
        "administer", "rule-draft", {"text": "- id: n", "revision": "1"}
    ),
    ("GET", "/admin/rules/drafts/{id}/{kind}/{name}"): Row("administer", "rule-draft", extra=RULE_X),
    ("POST", "/admin/rules/drafts/{id}/{kind}/{name}"): _rules(RULE_X, text="- id: x\n  do: {spam: true}"),
    ("POST", "/admin/rules/drafts/{id}/{kind}/{name}/form"): Row(
        "administer", "rule-draft", {"text": "- id: x", "revision": "1"}, extra=RULE_X
    ),
    ("GET", "/admin/rules/drafts/{id}/publish"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/publish"): _rule_step(revision="1", act="publish"),
    ("POST", "/admin/rules/drafts/{id}/approve"): _rule_step(revision="1"),
    ("POST", "/admin/rules/drafts/{id}/send-back"): _rule_step(note="x"),
    ("POST", "/admin/rules/drafts/{id}/call-off"): _rule_step(),
    ("POST", "/admin/rules/drafts/{id}/rebase"): _rule_step(),
    ("GET", "/admin/rules/versions"): Row("administer"),
    ("GET", "/admin/rules/versions/{id}"): Row("administer", "rule-version"),
    ("GET", "/admin/rules/versions/{id}/yaml"): Row("administer", "rule-version"),
    ("GET", "/admin/rules/versions/{id}/rollback"): Row("administer", "rule-version"),
    ("POST", "/admin/rules/versions/{id}/rollback"): Row(
        "administer", "rule-version", {"note": "x"}, bound="office", stateful=True
    ),
    ("GET", "/admin/rules/drafts/{id}/replay"): Row("administer", "rule-draft"),
    ("POST", "/admin/rules/drafts/{id}/replay"): _office("administer", "rule-draft", days="7"),
    ("POST", "/admin/rules/drafts/{id}/shadow"): _office("administer", "rule-draft", hours="1"),
    ("POST", "/admin/rules/drafts/{id}/preview"): Row("administer", "rule-draft", {"rule": "id: x"}),
    ("GET", "/admin/rules/try"): Row("administer"),
    ("POST", "/admin/rules/try"): Row("administer", body={"text": "Zasiłek"}),
    ("GET", "/admin/rules/runs"): Row("administer"),
    ("GET", "/admin/rules/runs/{id}"): Row("administer", "rule-run"),
    ("GET", "/admin/rules/runs/{id}/body"): Row("administer", "rule-run"),
    ("GET", "/admin/rules/runs/{id}/messages"): Row("administer", "rule-run"),
    ("GET", "/admin/rules/runs/{id}/csv"): Row("administer", "rule-run"),
    ("POST", "/admin/rules/runs/{id}/stop"): _office("administer", "rule-run"),
    ("GET", "/admin/users"): Row("administer"),
    ("GET", "/admin/users/new"): Row("administer"),
    ("POST", "/admin/users"): Row("administer", body={**USER, "login": "nowy{user}"}),
    ("GET", "/admin/users/{id}"): _office("administer", "user"),
    ("POST", "/admin/users/{id}"): _office("administer", "user", **USER, active="on"),
    ("POST", "/admin/users/{id}/reset-link"): _office("administer", "user"),
    ("POST", "/admin/users/{id}/printed-password"): _office("administer", "user"),
    ("POST", "/admin/users/{id}/take-second-factor"): _office("administer", "user"),
    ("GET", "/admin/tokens"): Row("administer"),
    ("POST", "/admin/tokens"): Row("administer", body={"name": "S", "office": "krajowa", "grants": "read"}),
    ("POST", "/admin/tokens/{id}/revoke"): _office("administer", "token"),
    ("GET", "/admin/audit"): Row("administer"),
}
