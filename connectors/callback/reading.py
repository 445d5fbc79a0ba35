"""What is sent with the callback form and with the page of one call: checked, then an event for intake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec

from connectors._forms import BAD_EMAIL, TICKED, TOO_LONG, Problem, doubt
from connectors._i18n import N_
from connectors._phone import BadNumber, shown, to_call_back
from connectors._widget import clean_line, clean_text, client_id, email_address, submission_id
from connectors.callback.settings import STANDARD_CONSENT, Settings
from connectors.contract import (
    CallbackChange,
    CallbackWish,
    FormField,
    Inbound,
    InboxId,
    Message,
    Micros,
    ParseContext,
    Party,
)

SOON = "soon"
"""The choice "as soon as possible" in the list of times."""

TOPIC_LIMIT = 500
NAME_LIMIT = 100
SECOND = 1_000_000

LABELS: Mapping[str, str] = {
    "phone": N_("Your telephone number"),
    "time": N_("When shall we call?"),
    "topic": N_("What is it about?"),
    "name": N_("Name"),
    "email": N_("E-mail address"),
}
"""Labels of the form's fields; the box of the consent speaks for itself."""

NO_TIME = N_("Choose a time.")
TIME_GONE = N_("This time is no longer free. Choose another one.")
NO_TOPIC = N_("Say in a few words what the call is about.")
NO_CHOICE = N_("Choose what the call is about.")
NO_DEED = N_("Choose whether to move or to cancel the call.")
NO_CONSENT = N_("Without this consent we cannot call you.")


Problems = dict[str, Problem]


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """The form as it was sent: what was typed by field, what it means, and what is wrong by field.

    ``number`` in E.164; ``at`` None for "as soon as possible".
    """

    values: Mapping[str, str]
    number: str
    at: Micros | None
    problems: Mapping[str, Problem]
    client: str | None
    suspicious: str


def read(fields: Mapping[str, str], settings: Settings, slots: Sequence[Micros] | None) -> Filled:
    """Check everything, so that the person learns all that is wrong at once.

    ``slots`` are the times that are free (None: any, for a form that is read again).
    """
    problems: Problems = {}
    values = {name: clean_line(fields.get(name, "")) for name in ("phone", "time", "name", "email")}
    values["topic"] = clean_text(fields.get("topic", ""))
    values["consent"] = TICKED if fields.get("consent") == TICKED else ""
    number = _number(values["phone"], settings, problems)
    at = when(values["time"], slots, problems)
    _topic(values["topic"], settings, problems)
    if len(values["name"]) > NAME_LIMIT:
        problems["name"] = Problem(TOO_LONG, {"n": NAME_LIMIT, "count": len(values["name"])})
    if values["email"] and email_address(values["email"]) is None:
        problems["email"] = Problem(BAD_EMAIL)
    if not values["consent"]:
        problems["consent"] = Problem(NO_CONSENT)
    return Filled(
        values=values,
        number=number,
        at=at,
        problems=problems,
        client=client_id(fields),
        suspicious=doubt(fields),
    )


def _number(typed: str, settings: Settings, problems: Problems) -> str:
    country = settings.countries[0] if settings.countries else "PL"
    try:
        return to_call_back(typed, country, settings.countries)
    except BadNumber as error:
        problems["phone"] = Problem(error.reason)
        return ""


def when(choice: str, slots: Sequence[Micros] | None, problems: Problems) -> Micros | None:
    """The chosen time; None for "as soon as possible" and where there is a problem."""
    if choice == SOON:
        return None
    if not choice:
        problems["time"] = Problem(NO_TIME)
        return None
    at = Micros(int(choice) * SECOND) if choice.isascii() and choice.isdigit() and len(choice) < 12 else None
    if at is None or (slots is not None and at not in slots):
        problems["time"] = Problem(TIME_GONE)
        return None
    return at


def _topic(topic: str, settings: Settings, problems: Problems) -> None:
    known = {words.pl for words in settings.topics}
    if not topic or (known and topic not in known):
        problems["topic"] = Problem(NO_CHOICE if known else NO_TOPIC)
    elif len(topic) > TOPIC_LIMIT:
        problems["topic"] = Problem(TOO_LONG, {"n": TOPIC_LIMIT, "count": len(topic)})


def wish(
    filled: Filled,
    *,
    inbox: InboxId,
    language: str,
    labels: Mapping[str, str],
    consent: str,
    now: Micros,
) -> Message:
    """The message of a form without problems. ``consent`` is the text that the person agreed to, kept as proof.

    ``labels`` names the fields in the language of the form.
    """
    values = filled.values
    sender = Party(kind="phone", address=filled.number, name=values["name"], language=language)
    address = email_address(values["email"])
    also = (Party(kind="email", address=address, name=values["name"], language=language),) if address else ()
    fields = (
        FormField(name="phone", label=labels["phone"], value=shown(filled.number)),
        FormField(name="topic", label=labels["topic"], value=values["topic"]),
        FormField(name="consent", label=consent, value=TICKED),
    )
    return Message(
        inbox=inbox,
        external_id=_identity(filled),
        received_at=now,
        sender=sender,
        also=also,
        subject=values["topic"].partition("\n")[0][:120],
        text=values["topic"],
        full_text=values["topic"],
        sent_at=now,
        callback=CallbackWish(number=filled.number, at=filled.at, topic=values["topic"], email=address or ""),
        fields=fields,
        suspicious=filled.suspicious,
    )


def _identity(filled: Filled) -> str | None:
    """The same for a double click; None where the form's own id was stripped."""
    if filled.client is None:
        return None
    return submission_id(filled.client, *(f"{name}={value}" for name, value in sorted(filled.values.items())))


def change(
    fields: Mapping[str, str], callback: int, slots: Sequence[Micros], *, inbox: InboxId, now: Micros
) -> tuple[CallbackChange | None, Problems]:
    """What the citizen wants done with one call, or what is wrong."""
    problems: Problems = {}
    action = fields.get("do", "")
    if action not in ("move", "cancel"):
        problems["do"] = Problem(NO_DEED)
        return None, problems
    at = when(clean_line(fields.get("time", "")), slots, problems) if action == "move" else None
    if problems:
        return None, problems
    client = client_id(fields)
    identity = submission_id(client, str(callback), action, str(at)) if client else None
    found = CallbackChange(
        inbox=inbox,
        external_id=identity,
        received_at=now,
        target=str(callback),
        action="move" if action == "move" else "cancel",
        at=at,
    )
    return found, problems


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A posted body (``application/x-www-form-urlencoded``) as intake would see it.

    Raises ValueError with what is wrong for a form that would be refused. Whether the time is free is not asked.
    """
    fields = dict(parse_qsl(raw.decode("utf-8", "replace").strip(), keep_blank_values=True))
    filled = read({**fields, "consent": TICKED}, Settings(countries=()), None)
    if filled.problems:
        name, problem = next(iter(filled.problems.items()))
        raise ValueError(f"{name}: {problem.text}")
    return [
        wish(
            filled,
            inbox=context.inbox,
            language="pl",
            labels=LABELS,
            consent=STANDARD_CONSENT,
            now=context.now,
        )
    ]
