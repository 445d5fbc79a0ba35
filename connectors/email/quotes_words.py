"""The words by which mail programs, in the languages that write to a Polish office, introduce an older mail.

Each table holds what programs themselves write, not what people write. A new language is a few words here and a case
in the tests. The expressions are built once; none of them can take more than linear time, as every one is tried on
lines cut to a few hundred characters.
"""

from __future__ import annotations

import re

LABELS: dict[str, str] = {
    word: kind
    for kind, words in {
        "from": "from|od|nadawca|von|de|da|van|från|fra|lähettäjä|від|від кого|от|от кого|feladó|expéditeur|remitente|"
        "mittente|remetente|gönderen|kimden|din|expeditor|odesílatel|odosielateľ|от имени|ад|afzender|avsender|"
        "absender|saatja|nuo|no|šalje|pošiljatelj|από|από|差出人|发件人|寄件者|寄件人|보낸 사람|보낸사람|từ|người gửi",
        "date": "sent|date|data|wysłano|wysłane|data wysłania|wysłany|dnia|gesendet|datum|gesendet am|envoyé|envoyé le|"
        "date d'envoi|enviado|enviado el|enviado em|enviada|fecha|data de envio|inviato|data invio|verzonden|"
        "verzonden op|skickat|skickat den|sendt|sendt den|dato|lähetetty|päivämäärä|pvm|дата|отправлено|"
        "дата отправки|надіслано|відправлено|odesláno|odeslané|odoslané|dátum|dne|küldve|elküldve|gönderme tarihi|"
        "tarih|gönderildi|trimis|trimis la|дасланa|адпраўлена|poslano|saadetud|išsiųsta|nosūtīts|στάλθηκε|ημερομηνία|"
        "送信日時|送信日|日時|日付|日期|发送时间|发送日期|时间|寄件日期|보낸 날짜|보낸날짜|날짜|ngày|đã gửi|ngày gửi",
        "to": "to|do|adresat|an|à|a|aan|para|till|til|vastaanottaja|кому|komu|pro|címzett|către|la|kime|alıcı|"
        "destinataire|destinatario|destinatário|odbiorca|empfänger|ontvanger|mottagare|modtager|mottaker|kam|kellele|"
        "prima|za|προς|каму|宛先|收件人|받는 사람|받는사람|đến|tới|người nhận",
        "cc": "cc|dw|do wiadomości|kopia|kopia do|kopie|копия|копія|udw|ukryta kopia|bcc|kopi|kopio|cci|másolat|cópia|"
        "copie à|copie|copia|kopie an|bilgi|в копии|抄送|副本|참조",
        "subject": "subject|temat|tytuł|betreff|objet|asunto|oggetto|onderwerp|ämne|emne|aihe|тема|předmět|predmet|"
        "assunto|subiect|tárgy|konu|θέμα|тэма|teema|tēma|naslov|zadeva|件名|主题|主旨|標題|제목|chủ đề|tiêu đề",
        "other": "reply-to|odpowiedz do|odpowiedź do|antwort an|répondre à|responder a|importance|priority|ważność|"
        "priorytet|wichtigkeit|priorität|attachments|załączniki|anlagen|anhänge|pièces jointes|organization|"
        "organizacja|mailed-by|signed-by|категория|важность|вложения|importancia|importância|importanza|prioriteit|"
        "bijlagen|adjuntos|allegati|sent by|on behalf of|w imieniu|im auftrag von|resent-from|message-id|x-mailer|"
        "newsgroups|reply to|list-id",
    }.items()
    for word in words.split("|")
}
"""What stands before the colon in the block above an older mail, in lower case, to what it says."""

_ORIGINAL = (
    r"original (?:message|e-?mail|mail|text|appointment)|reply message|message original|original[- ]?nachricht|"
    r"(?:wiadomość|wiadomosc|e-?mail|mail) oryginaln[ay]|(?:oryginalna|oryginalny|pierwotna|treść oryginalnej) "
    r"(?:wiadomość|wiadomosc|wiadomości|e-?mail|mail)|treść oryginalnej wiadomości|wiadomość pierwotna|"
    r"(?:ursprüngliche|originale|weitere) (?:nachricht|mail|e-mail)|antwort nachricht|oprindelig (?:meddelelse|"
    r"besked)|"
    r"original ?meddelande|ursprungligt meddelande|opprinnelig (?:melding|meddelelse)|original melding|"
    r"alkuperäinen (?:viesti|sähköposti)|message d[’'‘]origine|message initial|courriel original|mensaje original|"
    r"(?:mensaje|correo) (?:original|inicial)|mensagem original|messaggio originale|oorspronkelijk bericht|"
    r"origineel bericht|původní (?:zpráva|e-mail)|pôvodná správa|eredeti üzenet|özgün (?:ileti|mesaj)|orijinal mesaj|"
    r"mesaj original|mesajul original|исходное сообщение|исходное письмо|оригинальное сообщение|"
    r"первоначальное сообщение|початкове повідомлення|оригінальне повідомлення|вихідне повідомлення|"
    r"зыходнае паведамленне|αρχικό μήνυμα|originalna poruka|izvorno sporočilo|izvorna poruka|"
    r"thư gốc|tin nhắn gốc|元のメッセージ|原始邮件|原始郵件|原始信件|원본 메(?:시지|일)"
)
_FORWARDED = (
    r"forwarded (?:message|e-?mail|by)|(?:wiadomość|wiadomosc|e-?mail) (?:przekazana|przesłana|"
    r"przekazany)(?: dalej)?|"
    r"(?:przekazana|przekazywana|przesłana) (?:dalej )?(?:wiadomość|wiadomosc)|treść przekazanej wiadomości|"
    r"weitergeleitete (?:nachricht|mail|e-mail)|message (?:transféré|transmis|réexpédié)|courriel transféré|"
    r"mensaje (?:reenviado|remitido)|messaggio inoltrato|mensagem (?:encaminhada|reencaminhada)|doorgestuurd bericht|"
    r"vidarebefordrat (?:meddelande|mail|brev)|videresendt (?:besked|meddelelse|melding|e-post)|välitetty viesti|"
    r"edelleenlähetetty viesti|přeposlan[áý] (?:zpráva|e-mail)|preposlaná správa|továbbított (?:üzenet|levél)|"
    r"iletilen mesaj|yönlendirilen ileti|mesaj redirecționat|пересылаемое (?:сообщение|письмо)|"
    r"пересланное (?:сообщение|письмо)|перенаправленное сообщение|переслане повідомлення|"
    r"перенаправлене повідомлення|пераасланае паведамленне|προωθημένο μήνυμα|thư (?:được )?chuyển tiếp|"
    r"転送(?:された)?メッセージ|转发邮件|轉寄郵件|전달된 메(?:시지|일)"
)
_FORWARD_LINE = (
    r"begin forwarded message|początek (?:przekazywanej|przekazanej) wiadomości|"
    r"anfang der weitergeleiteten (?:nachricht|e-mail)|début du message (?:réexpédié|transféré)|"
    r"inicio del mensaje reenviado|início da mensagem (?:encaminhada|reencaminhada)|inizio messaggio inoltrato|"
    r"begin doorgestuurd bericht|vidarebefordrat brev|start på videresendt besked|videresendt melding|"
    r"välitetty viesti alkaa|začátek přeposlané zprávy|začiatok preposlanej správy|"
    r"начало (?:переадресованного|пересылаемого) (?:сообщения|письма)|початок (?:листа, що пересилається|"
    r"переспрямованого листа|переадресованого повідомлення)|továbbított levél kezdete|転送されたメッセージ"
)

REPLY_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,60}\]\s*)?(?:re|odp|odpowiedź|aw|antw|antwort|sv|vs|ref|rif|r|res|ynt|відп|від|отв|ответ|на|"
    r"回复|回覆|返信|답장)\s*(?:\[\d+\]|\^\d+|\(\d+\))?\s*[:：]",
    re.IGNORECASE,
)
"""A subject that says that the mail answers another."""

# One class, taken without going back: three that overlap took seconds for a row of asterisks.
_DASHES = r"(?=[\s>*_|~=\u2010\u2011–—-]*?[-=_*~\u2010\u2011–—]{2})[\s>*_|~=\u2010\u2011–—-]*+"
SEPARATOR = re.compile(rf"{_DASHES}(?:{_ORIGINAL})\s*:?[\s*]*[-=_*~\u2010\u2011–—]{{2,}}", re.IGNORECASE)
"""``-----Original Message-----``, in any language."""

FORWARD = re.compile(
    rf"{_DASHES}(?:{_FORWARDED})\b.{{0,100}}?(?:[-=_*~\u2010\u2011–—]{{2,}}|$)|[\s>*]*(?:{_FORWARD_LINE})\s*:?[\s*]*$",
    re.IGNORECASE,
)
"""What a program writes above a mail that is passed on."""

FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,60}\]\s*)?(?:fwd?|pd|podaj dalej|przekazane|wg|tr|rv|enc|i|vs|vb|doorst|fs|vl|továbbítás|İlt|"
    r"переслано|fw|转发|轉寄|転送)\s*(?:\[\d+\])?\s*[:：]",
    re.IGNORECASE,
)
"""A subject that says that the mail passes another on."""

_VERBS = (
    r"wrote|writes|sent|said|napisał(?:\s?\(-?a\)|a|/-?a|\[a\])?|napisali|pisze|przesłał(?:\(a\)|a)?|"
    r"schrieb(?: am)?|hat geschrieben|schrieben|geschrieben|a écrit|écrit|a ecrit|escribió|escribe|ha escrito|"
    r"ha scritto|scrive|scriveva|schreef|heeft geschreven|het volgende geschreven|skrev|skriver|kirjoitti|"
    r"napsal(?:\(a\)|a)?|píše|napísal(?:\(a\)|a)?|escreveu|escreveram|ezt írta|írta|a scris|şunu yazdı|yazdı|"
    r"şöyle yazdı|"
    r"έγραψε|пише(?:ть)?|пишет|піша|написал(?:\(а\)|а)?|написав(?:\(ла\)|ла)?|написала|напиша|пісаў(?:\(ла\))?|"
    r"kirjutas|rašė|parašė|rakstīja|je napisao(?:/la)?|je napisala|je napisal(?:/a)?|napisao je|đã viết|viết|"
    r"のメール|は書きました|は書き込みました|さんは書きました|写道|寫道|님이 작성|님이 썼습니다|작성"
)
VERB = re.compile(rf"(?<![^\W\d_])(?:{_VERBS}|님이 작성)(?![^\W\d_])", re.IGNORECASE)
"""Who "wrote", in the middle or at the end of an attribution."""

OPENING = re.compile(
    r"[\s>*_-]*(?:on|w dniu|dnia|dn\.|w dn\.|am|le|el|il|il giorno|op|den|på|d\.|em|no dia|dne|dňa|pe|kl|vào|at|"
    r"в|у|на|a\(z\)|στις|la data|la|pada|wiadomość napisana przez|od|użytkownik|użytk\.|em qua|em qui|在|於|wt\.?|"
    r"pon\.?|śr\.?|czw\.?|pt\.?|sob\.?|niedz\.?|nd\.?|den|dana)[\s,:]",
    re.IGNORECASE,
)
"""How an attribution begins that does not begin with the date."""

DATED = re.compile(
    r"[\s>*_-]*(?:[^\W\d_]{1,12}\.?,?\s{1,3})?(?:\d{1,2}[.\s/-]|\d{4}[./年-]|\d{4}\. )|"
    r"[\s>*_-]*[^\W\d_]{2,12}\.?,?\s{1,3}(?:[^\W\d_]{3,12}\.?\s{1,3})?\d{1,2}[.,\s]"
)
"""An attribution that begins with a date: ``12.11.2026``, ``pt., 12 lis``, ``Thu, 26 Jun``, ``2014-10-17``."""

DATE = re.compile(
    r"\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\b\d{1,2}[:.h]\d{2}\b|\b(?:19|20)\d\d\b|"
    r"\d{1,2}-[^\W\d_]{3,4}\.?-\d{2,4}|\d年|\d년"
)
"""A day or a time of day anywhere in a line."""

TIME = re.compile(r"(?<![\d.])\d{1,2}[:h]\d{2}(?!\d)|\bklo?\.? ?\d|\d ?[AP]M\b|시|時", re.IGNORECASE)
"""A time of day: what programs write into an attribution and people leave out."""

WRITTEN_BY = re.compile(r"[\s>*_-]*(?:wiadomość napisana przez|message from|от:)\s", re.IGNORECASE)
"""Attributions whose verb comes first: Apple's Polish one ends with the time."""

ADDRESS = re.compile(
    r"[<\[(\"“]\s*(?:mailto:)?[^\s<>@\[\]()]{1,100}@[^\s<>@\[\]()]{1,100}\s*[>\])\"”]|\b[\w.+-]{1,64}@[\w.-]{1,100}"
)
ANGLED = re.compile(r"[<\[(]\s*(?:mailto:)?[^\s<>@\[\]()]{1,100}@[^\s<>@\[\]()]{1,100}\s*[>\])]+\s*$")
