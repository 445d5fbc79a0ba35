"""Delivery notices in prose: whether a text is one, whom it names, and the status code that its reason amounts to.

The words are those of mail systems (Postfix, Exim, qmail, Sendmail, Exchange, Domino, Gmail, Polish and other portals).
Only the notice itself is read, never the returned mail below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from connectors.contract import BouncedRecipient

READ_LINES = 300
"""Lines of a notice that are read."""

_LINE = 500

_FAILURE = re.compile(
    r"undeliver|undelivr|not? (?:be )?deliver|delivery (?:failed|failure|has failed|error|problem|status|report|"
    r"incomplete|unsuccessful|notification|temporarily|to the following|delayed|has been delayed)|deliver(?:y|"
    r"ed)? (?:was )?abort|"
    r"could ?n[o']t (?:be )?(?:deliver|sen[dt]|reach)|cannot (?:be )?(?:deliver|sen[dt])|"
    r"unable to (?:be )?(?:deliver|send|relay)|"
    r"(?:mail|message|e-?mail)[^.\n]{0,40}(?:was|were|been|is) (?:rejected|returned|refused|blocked|bounced)|"
    r"returned mail|"
    r"returned to (?:the )?sender|returning (?:your )?(?:message|mail)|return(?:ed)? to sender|failure notice|"
    r"mail failure|"
    r"failed (?:recipient|address|delivery|mail|to deliver)|did not (?:reach|receive)|"
    r"wasn[o']?'?t (?:able to )?deliver|"
    r"was not (?:able to )?(?:deliver|deliver|accept|sent)|address not found|message blocked|message not delivered|"
    r"user unknown|unknown user|no such (?:user|mailbox|address|recipient)|user not found|"
    r"mailbox (?:is )?(?:full|unavailable|not found|disabled)|over ?quota|quota exceeded|recipient[^.\n]{0,30}"
    r"(?:rejected|unknown|refused|not found)|invalid (?:recipient|address|user)|unrouteable|bounce|"
    r"permanent (?:fatal )?error|transient (?:non-?fatal )?error|could not be completed|smtp error|"
    r"nie (?:została|zostala|może zostać|udało|udalo|mogła|mogliśmy|moze|można)[^.\n]{0,40}(?:dostarcz|dorecz|"
    r"doręcz|wys[łl])|"
    r"niedostarcz|niedoręcz|niedorecz|nie dostarczono|zwrot (?:poczty|wiadomości|przesyłki)|błąd dostarcz|"
    r"powiadomienie o (?:stanie|niedostarczeniu)|unzustellbar|nicht zugestellt|zustellung|übermittlung|"
    r"nicht (?:ausgeliefert|zustellen|zugestellt)|non remis|non distribu|n'a pas pu être (?:remis|distribu|"
    r"envoy)|remise impossible|échec de (?:la )?remise|"
    r"no (?:se )?(?:ha|pudo|puede|entregad)[^.\n]{0,40}entreg|entrega fallida|falha na entrega|mancata consegna|"
    r"non (?:è (?:stato |possibile )?)?(?:recapit|consegn)|"
    r"niet (?:be)?zorgd|onbestelbaar|afgeleverd|kunde inte levereras|kunne ikke leveres|ikke leveres|"
    r"ei voitu toimittaa|"
    r"nedoručiteln|nelze doručit|não (?:foi )?(?:possível|entregue)|не (?:было |был |может быть |удалось |"
    r"вдалося )?доставл|"
    r"недоставлен|не доставлен|невозможно доставить|ошибка доставки|не удалось доставить|помилка доставки|"
    r"配信|配達|送信できません|エラーメール|退信|无法投递|發送失敗|无法送达|전송 ?실패|반송",
    re.IGNORECASE,
)
_SERVER = re.compile(r"\b[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}\b|\bsaid: [45]\d\d\b|\(#[45]\.\d\.\d\)")
_FAILURE_SUBJECT = re.compile(
    r"undeliver|returned mail|mail (?:delivery|system error|failure|could not)|deliver(?:y|ed)[^\n]{0,30}"
    r"(?:fail|status|notif|problem|error|delay|report|abort)|failure (?:notice|notification|delivering)|"
    r"non[- ]?deliver|"
    r"(?:message|mail|e-?mail) (?:could not be delivered|not delivered|undeliverable|status|delayed)|"
    r"returned to sender|can(?:no|')t deliver|unable to deliver|rejected (?:mail|message)|nicht zustellbar|"
    r"unzustellbar|"
    r"niedostarcz|nie dostarczono|zwrot poczty|niedoręcz|non remis|unknown user|user unknown|"
    r"mancata consegna|onbestelbaar|недоставл|не доставлен|ошибка доставки|nedoručiteln|"
    r"warning: (?:could not send|message)|"
    r"undelivered|problem sending|bounce notification|배달|エラー|配信|退信",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"delay|has not (?:yet )?been delivered|not yet (?:been )?deliver|still (?:being )?(?:try|retr|attempt)|"
    r"will (?:be )?"
    r"(?:continue|keep|retr|try)|could not (?:yet )?be delivered for the (?:last|past)|no action is required|"
    r"warning[ :]|"
    r"do not need to resend|you do(?: not|n't) need to|temporar|tymczasow|opóźni|będzie ponawia|próby będą|"
    r"verzögert|noch nicht zugestellt|retard|отложен|затримк|only a warning|queued for|has been deferred",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"permanent|giving up|gave up|will not (?:be )?(?:re)?tr(?:y|ied)|too old|has expired|expired|fatal|"
    r"failed permanently|"
    r"no further|ostatecznie|endgültig|undeliverable|5\d\d[ -]|could not be delivered to the following|returned to",
    re.IGNORECASE,
)
_COPY_FOLLOWS = re.compile(
    r"[-=_* \t>]*(?:(?:this is |here is |below (?:this line|the next line) is |the following is )?(?:a |"
    r"the )?copy of "
    r"(?:the |your )?(?:original )?(?:message|mail)|(?:returned|original|unsent|undelivered|bounced) (?:message|mail)"
    r"(?: (?:headers?|follows|below|text|details|attached|included|header))*|message (?:header|text|body|contents?)s?"
    r"(?: follows?)?|below this line|(?:the )?header(?:s)? (?:of|from) the|your (?:original )?message (?:reads|"
    r"follows|header)|"
    r"start of returned|the (?:original|first \d+) (?:message|lines)|kopia (?:oryginalnej )?wiadomości|"
    r"oryginalna wiadomość|wiadomość oryginalna|treść wiadomości|originalnachricht|included is a copy|"
    r"исходное сообщение|message follows)\b"
    r"(?!\s+(?:was|were|could|has|had|is|to|from|you|sent|by|did|that|in|will|on)\b)",
    re.IGNORECASE,
)
_HEADER_LINE = re.compile(
    r"(?:received: from|return-path: ?<|delivered-to: |x-[\w-]+: |mime-version: 1)", re.IGNORECASE
)

_EMAIL = r"[^\s<>()\[\]:;,\"'|=]{1,100}@[^\s<>()\[\]:;,\"'|=/]{1,150}"
_ANGLED = re.compile(rf"[<\[(\"']\s?(?:mailto:|smtp:)?({_EMAIL})\s?[>\])\"']", re.IGNORECASE)
_ANY = re.compile(rf"({_EMAIL})")
_LABELLED = re.compile(
    r"(?:rcpt to|recipients?|to|address(?:es)?|user|failed|for|mailbox|account|odbiorc\w*|adresat\w*|adres\w*|"
    r"użytkownik\w*|do|"
    r"empfänger\w*|destinat\w*|получател\w*|адрес\w*|final-recipient|original-recipient|user unknown|unknown user|"
    r"undeliverable address|error-for|failed recipient|delivered to)\s*(?:[:=]|\bis\b)\s*(?:rfc822;)?\s*[<\"'\[(]?"
    rf"(?:smtp:|mailto:)?({_EMAIL})",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"[\s*•>·–-]{{0,10}}[<\"'\[(]?(?:mailto:|smtp:)?({_EMAIL})[>\"'\])]?[\s:.,;…-]*(?:\(.{{0,120}}\))?\s*$",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"\s{{0,12}}[<\"'\[(]?({_EMAIL})[>\"'\])]?\s*(?:[:;,.…-]|\s\s|\son\s|\.\.\.|\(|$)")
_SMTP_REPLY = re.compile(r"(?:^|[^\d.])([45])\d\d(?=[ -:]|$)")
_CODE = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_NOBODY = re.compile(
    r"(?:postmaster|mailer-?daemon|abuse|support|helpdesk|noreply|no-reply|admin|webmaster|root)@",
    re.IGNORECASE,
)

_REASONS = tuple(
    (re.compile("|".join(words), re.IGNORECASE), status)
    for status, words in (
        (
            "5.2.2",
            (
                *(
                    r"quota",
                    r"mailbox (?:is )?full",
                    r"full mailbox",
                    r"mailbox[^.\n]{0,20}exceed",
                    r"exceeded[^.\n]{0,20}stor",
                ),
                *(r"insufficient (?:disk )?space", r"pełna", r"przepełnion", r"voll", r"переполн"),
            ),
        ),
        (
            "5.2.1",
            (r"disabled", r"inactive", r"suspended", r"deactivated", r"nieaktywn", r"zablokowan[ae] skrzyn"),
        ),
        ("5.3.4", (r"too (?:large|big)", r"size limit", r"exceeds[^.\n]{0,30}size", r"za duż")),
        (
            "5.1.2",
            (
                *(r"(?:host|domain)[^.\n]{0,20}(?:unknown|not found|does not exist|invalid)", r"unrouteable"),
                *(
                    r"unknown (?:host|domain)",
                    r"no such (?:host|domain)",
                    r"name service error",
                    r"nie istnieje domena",
                ),
            ),
        ),
        (
            "5.7.1",
            (
                *(
                    r"spam",
                    r"blocked",
                    r"blacklist",
                    r"block list",
                    r"policy",
                    r"prohibited",
                    r"denied",
                    r"virus",
                ),
                *(r"not (?:authori[sz]ed|permitted|allowed)", r"relay"),
            ),
        ),
        (
            "4.4.7",
            (
                *(r"timed? ?out", r"expired", r"connection refused", r"could not connect", r"unreachable"),
                *(r"too long in queue", r"giving up", r"not been collected"),
            ),
        ),
        (
            "5.1.1",
            (
                *(r"unknown", r"not? (?:such|found|listed|exist|recogni[sz]ed|a valid|known)", r"no mailbox"),
                *(
                    r"doesn't (?:exist|have)",
                    r"invalid",
                    r"address(?:ee)? (?:unknown|rejected)",
                    r"nie istnieje",
                ),
                *(
                    r"nieznany",
                    r"brak (?:takie|użytkownika)",
                    r"unbekannt",
                    r"inexist",
                    r"n'existe",
                    r"no existe",
                ),
                r"не (?:найден|существует)",
            ),
        ),
    )
)
"""What the words of a reason amount to (RFC 3463), the most telling first."""


def is_failure(text: str) -> bool:
    """Whether a notice says that something was not delivered."""
    return bool(_FAILURE.search(text[:20_000])) or quotes_a_server(text)


def quotes_a_server(text: str) -> bool:
    """Whether a text gives a server's refusal in its own words (``550 5.1.1 …``, ``said: 550``)."""
    return bool(_SERVER.search(text[:20_000]))


def is_failure_subject(subject: str) -> bool:
    """Whether a subject is one that mail systems write."""
    return bool(_FAILURE_SUBJECT.search(subject[:300]))


def is_delay(text: str) -> bool:
    """Whether a notice only warns: the system still tries."""
    return bool(_DELAY.search(text[:5_000])) and not _FINAL.search(text[:5_000])


def notice_lines(text: str) -> list[str]:
    """The lines of the notice itself, above the returned mail."""
    lines = [line[:_LINE] for line in text.split("\n")[:READ_LINES]]
    return lines[: _end_of_notice(lines)]


def shows_a_mail(text: str) -> bool:
    """Whether a notice has the returned mail below it."""
    lines = [line[:_LINE] for line in text.split("\n")[:READ_LINES]]
    return _end_of_notice(lines) < len(lines)


def _end_of_notice(lines: list[str]) -> int:
    for number, line in enumerate(lines):
        if number and (_COPY_FOLLOWS.match(line) or _HEADER_LINE.match(line)):
            return number
    return len(lines)


def addresses(text: str, own: set[str], usable: Callable[[str], str]) -> list[str]:
    """Whom a notice names as not reached. ``own`` are addresses of ours, who are told and not meant."""
    lines = notice_lines(text)
    for pattern in (_ALONE, _FIRST, _LABELLED):
        found = [
            usable(match[1]) for line in lines if (match := pattern.match(line) or _labelled(pattern, line))
        ]
        if kept := _others(found, own):
            return kept
    with_code = [
        line for line in lines if _SMTP_REPLY.search(line) or _CODE.search(line) or _FAILURE.search(line)
    ]
    for chosen in (with_code, lines):
        for pattern in (_ANGLED, _ANY):
            if kept := _others(
                [usable(match[1]) for line in chosen for match in pattern.finditer(line)], own
            ):
                return kept
    return []


def _labelled(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    return pattern.search(line) if pattern is _LABELLED else None


def _others(found: Iterable[str], own: set[str]) -> list[str]:
    kept = dict.fromkeys(who for who in found if who and who not in own and not _NOBODY.match(who))
    return list(kept)


def described(found: Iterable[str], text: str, *, delayed: bool = False) -> list[BouncedRecipient]:
    """Failed addresses with the reason that the notice gives for each."""
    lines = notice_lines(text)
    who = list(found)
    return [_described(address, who, lines, delayed=delayed) for address in who]


def _described(address: str, everybody: list[str], lines: list[str], *, delayed: bool) -> BouncedRecipient:
    reason = _reason_for(address, everybody, lines)
    action = "delayed" if delayed else "failed"
    status = status_of(reason, action) if reason else ""
    if not status or status.endswith(".0.0"):
        status = status_of("\n".join(lines), action)
    return BouncedRecipient(
        address=address, action=action, status=status, diagnostic=" ".join(reason.split())[:1000]
    )


def _reason_for(address: str, everybody: list[str], lines: list[str]) -> str:
    """The lines from where an address stands to where another does or a paragraph ends."""
    for number, line in enumerate(lines):
        if address not in line.lower():
            continue
        reason = [line]
        for further in lines[number + 1 : number + 12]:
            if any(other in further.lower() for other in everybody if other != address):
                break
            if not further.strip() and len(reason) > 1:
                break
            reason.append(further)
        return "\n".join(reason)
    return ""


def status_of(reason: str, action: str) -> str:
    """An RFC 3463 code for a reason in prose: the one it quotes, the one its SMTP reply or its words amount to."""
    reason = reason[:5_000]
    if code := _CODE.search(reason):
        return code[0]
    reply = _SMTP_REPLY.search(reason)
    for pattern, status in _REASONS:
        if pattern.search(reason):
            if reply:
                return reply[1] + status[1:]
            return "4" + status[1:] if action == "delayed" else status
    if reply:
        return f"{reply[1]}.0.0"
    return "4.0.0" if action == "delayed" else "5.0.0"
