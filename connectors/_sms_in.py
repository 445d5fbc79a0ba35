"""SMS that come in: who wrote, the words of opting out and in, and what may have come twice."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from connectors import _gsm
from connectors._i18n import N_
from connectors._sms_numbers import is_number, normalised
from connectors.contract import Automatic, Consent, Env, FormField, InboxId, Message, Micros, Party, Recipient

STOP_WORDS = ("STOP", "STOPALL", "UNSUBSCRIBE", "KONIEC", "WYPISZ", "REZYGNUJĘ", "REZYGNACJA")
START_WORDS = ("START", "UNSTOP", "WZNÓW", "WZNAWIAM")

_SECOND = 1_000_000

REPEATED = N_("Possible repetition")
REPEATED_AFTER = N_("The same text came from this number {seconds} s before.")

_EDGES = re.compile(r"^[^\w]+|[^\w]+$")


class Words(msgspec.Struct, frozen=True):
    """The words of opting out and in, as :func:`plain` writes them."""

    stop: frozenset[str]
    start: frozenset[str]


def plain(word: str) -> str:
    """A word as it is compared: without diacritics, in capitals, without what stands around it (``"rezygnuję."``)."""
    return _gsm.fold(_EDGES.sub("", word)).upper()


def words_of(stop: Sequence[str] = STOP_WORDS, start: Sequence[str] = START_WORDS) -> Words:
    """The words of an inbox, ready to be compared."""
    return Words(frozenset(map(plain, stop)), frozenset(map(plain, start)))


WORDS = words_of()
"""The words where nothing is configured, and those that ``centrala parse`` uses."""


def party(address: str, country: str = "PL") -> Party:
    """Who sent an SMS: ``phone`` with a number in E.164, or ``sms``, a short number or name that nobody can answer."""
    number = normalised(address, country)
    return Party(kind="phone" if is_number(number) else "sms", address=number)


def received(
    inbox: InboxId,
    *,
    sender: str,
    text: str,
    now: Micros,
    recipient: str = "",
    external_id: str | None = None,
    sent_at: Micros | None = None,
    country: str = "PL",
    words: Words = WORDS,
) -> Message | Consent:
    """The event of an SMS that came in: a message without threads, or the change of consent that a word alone means."""
    who = party(sender, country)
    word = plain(text) if len(text) <= 40 else ""
    if word in words.stop or word in words.start:
        return Consent(
            inbox=inbox,
            external_id=external_id,
            received_at=now,
            sender=who,
            allowed=word in words.start,
            text=text,
        )
    automatic: Automatic = "no" if who.kind == "phone" else "auto-reply"
    return Message(
        inbox=inbox,
        external_id=external_id,
        received_at=now,
        sender=who,
        recipients=(Recipient(address=normalised(recipient, country)),) if recipient else (),
        text=text,
        full_text=text,
        direct=True,
        sent_at=sent_at,
        automatic=automatic,
    )


NOT_DELIVERED = N_("The network could not deliver the SMS.")
NOT_IN_TIME = N_("The telephone could not be reached in time.")
REFUSED = N_("The network refused the SMS.")
DELETED = N_("The network deleted the SMS before it was delivered.")

_WHY = {"EXPIRED": NOT_IN_TIME, "REJECTD": REFUSED, "DELETED": DELETED}


def why_failed(status: str) -> str:
    """What people are told of a final status of a receipt (SMPP 3.4, appendix B: ``EXPIRED``, ``UNDELIV``, …)."""
    return _WHY.get(status.upper(), NOT_DELIVERED)


class Repeats:
    """Remembers for a while what came, to mark what comes again; nothing is ever dropped.

    Only keyed digests of number and text are kept. Ask :meth:`marked` before ``accept`` and :meth:`note` after it, so
    that what was refused and is told again is no repetition. :meth:`dump` and ``known`` carry it over a restart.
    ``minutes`` is the window, ``most`` how many are remembered.
    """

    def __init__(
        self, minutes: float, env: Env, known: Sequence[tuple[str, int]] = (), most: int = 2_000
    ) -> None:
        self._window = int(minutes * 60 * _SECOND)
        self._env = env
        self._most = most
        self._seen = OrderedDict(known)

    def marked(self, message: Message) -> Message:
        """The message, with a field that says so if the same came within the window."""
        before = self._seen.get(self._digest(message))
        apart = message.received_at - before if before is not None else -1
        if not 0 <= apart <= self._window:
            return message
        translate, language = self._env.translate, self._env.office.language
        field = FormField(
            name="repetition",
            label=translate(language, REPEATED),
            value=translate(language, REPEATED_AFTER, seconds=apart // _SECOND),
        )
        return msgspec.structs.replace(message, fields=(*message.fields, field))

    def note(self, message: Message) -> None:
        """It was taken; the next one like it is a repetition."""
        digest = self._digest(message)
        self._seen[digest] = message.received_at
        self._seen.move_to_end(digest)
        while (
            len(self._seen) > self._most
            or next(iter(self._seen.values())) < message.received_at - self._window
        ):
            self._seen.popitem(last=False)

    def dump(self) -> list[tuple[str, int]]:
        """What is remembered, oldest first."""
        return list(self._seen.items())

    def _digest(self, message: Message) -> str:
        content = hashlib.sha256(f"{message.sender.address}\x1f{message.text}".encode()).hexdigest()[:32]
        return hashlib.sha256(self._env.tokens.sign("repetition", content).encode()).hexdigest()[:24]
