"""Whether a machine wrote a mail, so that nothing answers it automatically (RFC 3834) and loops cannot begin.

Headers decide. Subjects ("Automatyczna odpowiedź", "Out of office") are only believed where a header supports them: a
citizen may well write about an automatic answer that they got.
"""

from __future__ import annotations

import re

from connectors.contract import Automatic
from connectors.email import headers
from connectors.email.addresses import all_mailboxes, mailboxes
from connectors.email.mime import Part

DAEMONS = re.compile(
    r"(?:mailer-?daemon|mail-?daemon|post[-_]?master|mdaemon|mailerdaemon|mail[-_.]?delivery[-_.]?\w*|"
    r"mail-?system|mailsystem|bounces?|bounce-?handler|microsoftexchange[0-9a-f]+|mmdf|mail-?administrator|"
    r"mmdaemon|mailmaster|mailagent|nondeliver\w*)(?:[+=@-]|$)",
    re.IGNORECASE,
)
"""Local parts under which mail systems write."""

_ROBOTS = re.compile(
    r"(?:no-?reply|do-?not-?reply|nie-?odpowiadaj|noreplay|no_reply|nicht-?antworten|autoresponder|auto-?reply|"
    r"autoreply|auto-?answer)(?:[+=@._-]|$)",
    re.IGNORECASE,
)

_ABSENT = re.compile(
    r"automatyczna odpowied|odpowied[źz] automatyczna|auto(?:matic)?[ -]?(?:reply|response|answer)|autoresponse|"
    r"autoodpowied|nieobecno[śs]|poza biurem|poza\s+biurem|na urlopie|urlop:|jestem na urlopie|out of (?:the )?office|"
    r"vacation|away from|on leave|abwesenheit|automatische antwort|auto-?antwort|nicht im (?:büro|haus)|"
    r"réponse automatique|absence du bureau|absent|respuesta automática|fuera de la oficina|risposta automatica|"
    r"fuori sede|automatisch antwoord|afwezig|autosvar|automatiskt svar|frånvaro|automatisk svar|fravær|"
    r"automaattinen vastaus|poissa|automatická odpověď|mimo kancelář|automatická odpoveď|resposta automática|"
    r"ausência|автоматический ответ|автоответ|автоматична відповідь|автовідповідь|нет на месте|otomatik yanıt|"
    r"automatikus válasz|răspuns automat|自动回复|自動返信|不在|자동 ?회신|trả lời tự động",
    re.IGNORECASE,
)

_ABSENT_PREFIX = re.compile(
    r"\s*(?:automatyczna odpowiedź|odpowiedź automatyczna|autoodpowiedź|automatic reply|auto(?:matic)?[ -]?(?:reply|"
    r"response)|auto|out of (?:the )?office(?: auto ?reply)?|abwesenheitsnotiz|automatische antwort|"
    r"réponse automatique|respuesta automática|risposta automatica|automatisch antwoord|autosvar|automatiskt svar|"
    r"automaattinen vastaus|automatická odpověď|resposta automática|автоматический ответ|автоответ|"
    r"автоматична відповідь|nieobecność)\s?:",
    re.IGNORECASE,
)
"""What answering programs put before the subject of the mail that they answer."""

_BULK = frozenset(("bulk", "list", "junk", "auto_reply", "auto-reply"))
_VALUE_NO = frozenset(("", "no", "none", "false", "0"))


def classify(top: Part, subject: str, sender: str) -> Automatic:
    """What kind of machine wrote a mail, or ``no``. Bounces and reports by parts are recognised elsewhere."""
    submitted = _word(top, "auto-submitted")
    if submitted == "auto-replied":
        return "auto-reply"
    if _is_list(top):
        return "list"
    precedence = {_word(top, "precedence"), _word(top, "x-precedence")}
    if precedence & {"auto_reply", "auto-reply"} or _says_reply(top):
        return "auto-reply"
    if submitted not in _VALUE_NO:
        return "auto-reply"
    if is_from_system(top, sender):
        return "bounce" if is_daemon(top, sender) and not _ABSENT.search(subject) else "auto-reply"
    weak = bool(precedence & _BULK) or _ROBOTS.match(sender) or _suppresses(top)
    answers = top.field("in-reply-to") or top.field("references")
    if (weak and _ABSENT.search(subject)) or (answers and _ABSENT_PREFIX.match(subject)):
        return "auto-reply"
    if precedence & {"bulk", "list", "junk"} or top.field("list-unsubscribe"):
        return "list"
    # A web form writes from an address that takes no answer, and names the citizen in Reply-To.
    return "auto-reply" if _ROBOTS.match(sender) and not _names_a_person(top) else "no"


def _names_a_person(top: Part) -> bool:
    """Whether Reply-To holds an address that takes answers."""
    return any(box.address and not _ROBOTS.match(box.address) for box in mailboxes(top.field("reply-to"))[:5])


def is_from_system(top: Part, sender: str) -> bool:
    """Whether a mail comes from a mail system: no return path, or a name under which such systems write."""
    return top.field("return-path").strip() == b"<>" or bool(DAEMONS.match(sender)) or is_daemon(top, sender)


def is_daemon(top: Part, sender: str) -> bool:
    """Whether a mail bears a name under which mail systems write."""
    if DAEMONS.match(sender):
        return True
    name = headers.words(top.field("from")).lower()
    return "mailer-daemon" in name or "mail delivery s" in name or "mail delivery subsystem" in name


def _is_list(top: Part) -> bool:
    """A mailing list (RFC 2919, RFC 2369): it names itself and takes posts."""
    return bool(
        top.field("list-id")
        or top.field("list-post")
        or top.field("mailing-list")
        or top.field("x-mailman-version")
    )


def _says_reply(top: Part) -> bool:
    """Headers by which programs mark the answers that they write themselves."""
    for name in (
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-auto-reply",
        "x-autogenerated",
        "x-mail-autoreply",
    ):
        if top.field(name) and _word(top, name) not in _VALUE_NO:
            return True
    if top.field("x-autoreply-from") or top.field("auto-replied") or top.field("x-vacation"):
        return True
    return _word(top, "delivered-to") == "autoresponder" or "vacation" in _word(top, "x-mailer")


def _suppresses(top: Part) -> bool:
    """Exchange's wish for no automatic answers (MS-OXCMAIL 2.1.3.2.20); people send it too, so a hint only."""
    return bool(_word(top, "x-auto-response-suppress") not in _VALUE_NO or top.field("feedback-id"))


def _word(top: Part, name: str) -> str:
    """The first word of a field in lower case, parameters and comments aside."""
    value = top.field(name)
    if not value:
        return ""
    return re.split(rb"[\s;,(]", value.strip(), maxsplit=1)[0].decode("ascii", "replace").lower()


def sender_of(top: Part) -> tuple[str, str, int]:
    """(name, address, number of senders): From, or what else names the author where From is missing or unreadable."""
    authors = list(all_mailboxes(top.all("from")))
    known = [mailbox for mailbox in authors if mailbox.address]
    if known:
        return known[0].name, known[0].address, len({mailbox.address for mailbox in known})
    name = authors[0].name if authors else ""
    for field in ("sender", "reply-to", "return-path", "x-sender", "envelope-from"):
        for mailbox in mailboxes(top.field(field)):
            if mailbox.address:
                return name or mailbox.name, mailbox.address, 1
    return name, "", 0
