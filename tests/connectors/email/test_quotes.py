"""The visible reply, cut from what mail programs leave around it: one case for every form seen in the "
"wild."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email import quotes

REPLY = "Dzień dobry,\nproszę o odpowiedź w sprawie zasiłku.\n\nPozdrawiam\nJan Nowak"

ATTRIBUTIONS = {
    "gmail pl": "czw., 12 lis 2026 o 10:12 Urząd Pracy <kontakt@urzad.example> napisał(a):",
    "gmail pl, older": "W dniu 12 listopada 2026 10:12 użytkownik Urząd <kontakt@urzad.example>\nnapisał:",
    "gmail pl, on two lines": "śr., 11 lis 2026 o 08:02 Urząd Pracy w Łomży, kancelaria <\n"
    "kontakt@urzad.example> napisał(a):",
    "thunderbird pl": "W dniu 12.11.2026 o 10:12, Urząd Pracy pisze:",
    "thunderbird pl, newer": "W dniu 12.11.2026 o 10:12, Urząd Pracy napisał(a):",
    "thunderbird pl, iso date": "W dniu 2026-11-12 10:12, Urząd Pracy napisał(a):",
    "iphone pl": "Wiadomość napisana przez Urząd <kontakt@urzad.example> w dniu 12 lis 2026, o godz. 10:12:",
    "apple mail pl": "Dnia 12 lis 2026 o godz. 10:12 Urząd <kontakt@urzad.example> napisał(a):",
    "wp and o2": "Dnia 12 listopada 2026 10:12 Urząd <kontakt@urzad.example> napisał(a):",
    "onet": "W dniu 2026-11-12 10:12:33 użytkownik Urząd <kontakt@urzad.example> napisał:",
    "yahoo pl": "W dniu czwartek, 12 listopada 2026 10:12:00 CET użytkownik Urząd <a@urzad.example> napisał:",
    "roundcube pl": "Dnia 2026-11-12, o godz. 10:12:00\nUrząd <kontakt@urzad.example> napisał(a):",
    "kmail pl": "Dnia czwartek, 12 listopada 2026 10:12:33 CET Urząd pisze:",
    "sylpheed pl": "Dnia Thu, 12 Nov 2026 10:12:33 +0100\nUrząd <kontakt@urzad.example> napisał(a):",
    "icloud pl": "W dniu 12 lis 2026, o godz. 10:12, Urząd <kontakt@urzad.example> napisał(-a):",
    "old thunderbird pl": "Użytkownik Urząd <kontakt@urzad.example> napisał:",
    "tlen": "---- Użytkownik Urząd Pracy napisał ----",
    "the bat pl": "W liście datowanym 12 listopada 2026 (10:12:33) Urząd <kontakt@urzad.example> napisał:",
    "gmail en": "On Thu, Nov 12, 2026 at 10:12 AM Office <office@example.org> wrote:",
    "gmail en, on two lines": "On Thu, Nov 12, 2026 at 10:12 AM The Labour Office in Lomza\n"
    "<office@example.org> wrote:",
    "apple en": "On 12 Nov 2026, at 10:12, Office <office@example.org> wrote:",
    "thunderbird en": "On 12/11/2026 10:12, Office wrote:",
    "outlook for ios": 'On Thu, Nov 12, 2026 at 10:12 AM +0100, "Office" <office@example.org> wrote:',
    "gmail de": "Am Do., 12. Nov. 2026 um 10:12 Uhr schrieb Amt <amt@example.org>:",
    "thunderbird de": "Am 12.11.26 um 10:12 schrieb Amt:",
    "apple de": "Am 12.11.2026 um 10:12 schrieb Amt <amt@example.org>:",
    "gmail uk": "чт, 12 лист. 2026 р. о 10:12 Бюро <biuro@example.org> пише:",
    "thunderbird uk": "12.11.2026 10:12, Бюро пише:",
    "ukr.net": '12 листопада 2026, 10:12:33, від "Бюро" <biuro@example.org>:',
    "gmail ru": "чт, 12 нояб. 2026 г. в 10:12, Бюро <biuro@example.org>:",
    "mail.ru": "Четверг, 12 ноября 2026, 10:12 +03:00 от Бюро <biuro@example.org>:",
    "yandex": '12.11.2026, 10:12, "Бюро" <biuro@example.org>:',
    "thunderbird ru": "12.11.2026 10:12, Бюро пишет:",
    "apple ru": "12 нояб. 2026 г., в 10:12, Бюро <biuro@example.org> написал(а):",
    "gmail be": "чц, 12 ліс 2026 у 10:12 Бюро <biuro@example.org> піша:",
    "gmail fr": "Le jeu. 12 nov. 2026 à 10:12, Bureau <bureau@example.org> a écrit :",
    "thunderbird fr": "Le 12/11/2026 à 10:12, Bureau a écrit :",
    "gmail es": "El jue, 12 nov 2026 a las 10:12, Oficina (<oficina@example.org>) escribió:",
    "gmail it": "Il giorno gio 12 nov 2026 alle ore 10:12 Ufficio <ufficio@example.org> ha scritto:",
    "gmail nl": "Op do 12 nov 2026 om 10:12 schreef Bureau <bureau@example.org>:",
    "apple nl": "Op 12 nov. 2026, om 10:12 heeft Bureau <bureau@example.org> het volgende geschreven:",
    "gmail sv": "Den tors 12 nov. 2026 kl 10:12 skrev Byrå <byra@example.org>:",
    "gmail da": "Den tor. 12. nov. 2026 kl. 10.12 skrev Kontor <kontor@example.org>:",
    "gmail no": "tor. 12. nov. 2026 kl. 10:12 skrev Kontor <kontor@example.org>:",
    "gmail fi": "to 12. marrask. 2026 klo 10.12 Toimisto (toimisto@example.org) kirjoitti:",
    "gmail cs": "čt 12. 11. 2026 v 10:12 odesílatel Úřad <urad@example.org> napsal:",
    "seznam": "---------- Původní e-mail ----------",
    "gmail sk": "št 12. 11. 2026 o 10:12 Úrad <urad@example.org> napísal(a):",
    "gmail pt": "Em qui., 12 de nov. de 2026 às 10:12, Agência <agencia@example.org> escreveu:",
    "gmail hu": "Hivatal <hivatal@example.org> ezt írta (időpont: 2026. nov. 12., Cs, 10:12):",
    "gmail ro": "În joi, 12 nov. 2026 la 10:12, Birou <birou@example.org> a scris:",
    "gmail tr": "Ofis <ofis@example.org>, 12 Kas 2026 Per, 10:12 tarihinde şunu yazdı:",
    "gmail vi": "Vào Th 5, 12 thg 11, 2026 lúc 10:12 Văn phòng <vp@example.org> đã viết:",
    "gmail ja": "2026年11月12日(木) 10:12 事務局 <jimu@example.org>:",
    "gmail ko": "2026년 11월 12일 (목) 오전 10:12, 사무소 <office@example.org>님이 작성:",
    "gmail zh": "事务所 <office@example.org> 于2026年11月12日周四 10:12写道：",
    "gmail lt": "2026-11-12, kt, 10:12 Tarnyba <tarnyba@example.org> rašė:",
    "samsung": "-------- Oryginalna wiadomość --------\nOd: Urząd\nData: 12.11.2026 10:12 (GMT+01:00)",
    "android": "---- Urząd Pracy wrote ----",
}

BLOCKS = {
    "outlook pl": "From: Urząd <kontakt@urzad.example>\nSent: Thursday, November 12, 2026 10:12 AM\n"
    "To: Jan Nowak <jan@example.pl>\nSubject: Sprawa",
    "outlook in Polish": "Od: Urząd <kontakt@urzad.example>\nWysłano: czwartek, 12 listopada 2026 10:12\n"
    "Do: Jan Nowak <jan@example.pl>\nTemat: Sprawa",
    "outlook in Polish, with copies": "Od: Urząd [mailto:kontakt@urzad.example] \nWysłane: 12 listopada "
    "2026 10:12\n"
    "Do: Jan Nowak; Anna Nowak\nDW: Piotr\nTemat: Sprawa\nWażność: Wysoka",
    "outlook mobile": "________________________________\nOd: Urząd <kontakt@urzad.example>\n"
    "Wysłane: czwartek, 12 listopada 2026 10:12:33\nDo: jan@example.pl <jan@example.pl>\nTemat: Sprawa",
    "outlook express": '----- Original Message ----- \nFrom: "Urząd" <kontakt@urzad.example>\n'
    "To: <jan@example.pl>\nSent: Thursday, November 12, 2026 10:12 AM\nSubject: Sprawa",
    "interia": '---- Wiadomość oryginalna ----\nOd: "Urząd" <kontakt@urzad.example>\nDo: jan@example.pl;\n'
    "Wysłane: 10:12 Czwartek 2026-11-12\nTemat: Sprawa",
    "poczta onet": "-----Wiadomość oryginalna-----\nOd: Urząd\nTemat: Sprawa",
    "proton": "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Thursday, 12 November 2026 10:12, Urząd wrote:",
    "the word alone": "-----Oryginalna wiadomość-----",
    "lotus notes": "Od:\tUrząd <kontakt@urzad.example>\nDo:\tjan@example.pl, \nData:\t2026-11-12 "
    "10:12\nTemat:\tSprawa",
    "bold labels": "*Od:* Urząd <kontakt@urzad.example>\n*Wysłane:* czwartek, 12 listopada 2026 10:12\n"
    "*Do:* Jan\n*Temat:* x",
    "date first": "Data: 12 listopada 2026 10:12\nOd: Urząd <kontakt@urzad.example>\nDo: "
    "jan@example.pl\nTemat: Sprawa",
    "german": "Von: Amt <amt@example.org>\nGesendet: Donnerstag, 12. November 2026 10:12\nAn: Jan\n"
    "Betreff: Sache",
    "web.de": 'Gesendet: Donnerstag, 12. November 2026 um 10:12 Uhr\nVon: "Amt" <amt@example.org>\nAn: '
    "jan@example.pl\n"
    "Betreff: Sache",
    "ukrainian": "Від: Бюро <biuro@example.org>\nНадіслано: четвер, 12 листопада 2026 р. 10:12\nКому: "
    "Ян\nТема: Справа",
    "russian": "От: Бюро <biuro@example.org>\nОтправлено: 12 ноября 2026 г. 10:12\nКому: Ян\nТема: Дело",
    "french": "De : Bureau <bureau@example.org>\nEnvoyé : jeudi 12 novembre 2026 10:12\nÀ : Jan\nObjet : "
    "Affaire",
    "spanish": "De: Oficina <oficina@example.org>\nEnviado el: jueves, 12 de noviembre de 2026 10:12\n"
    "Para: Jan\nAsunto: x",
    "italian": "Da: Ufficio <ufficio@example.org>\nInviato: giovedì 12 novembre 2026 10:12\nA: Jan\n"
    "Oggetto: x",
    "dutch": "Van: Bureau <bureau@example.org>\nVerzonden: donderdag 12 november 2026 10:12\nAan: Jan\n"
    "Onderwerp: x",
    "czech": "Od: Úřad <urad@example.org>\nOdesláno: čtvrtek 12. listopadu 2026 10:12\nKomu: Jan\nPředmět: x",
    "finnish": "Lähettäjä: Toimisto <toimisto@example.org>\nLähetetty: torstai 12. marraskuuta 2026 10.12\n"
    "Vastaanottaja: Jan\nAihe: x",
    "japanese": "差出人: 事務局 <jimu@example.org>\n送信日時: 2026年11月12日 10:12\n宛先: Jan\n件名: x",
}


@pytest.mark.parametrize("name", ATTRIBUTIONS)
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "bare"])
def test_reply_above_an_attribution(name: str, marked: bool) -> None:
    old = "Szanowny Panie,\n\nodpowiemy jutro.\n\nUrząd"
    if marked:
        old = "\n".join(f"> {line}".rstrip() for line in old.split("\n"))
    assert quotes.visible(f"{REPLY}\n\n{ATTRIBUTIONS[name]}\n\n{old}\n") == REPLY


@pytest.mark.parametrize(
    "name", [name for name in ATTRIBUTIONS if name not in ("android", "samsung", "seznam", "tlen")]
)
def test_reply_below_a_marked_quotation(name: str) -> None:
    assert quotes.visible(f"{ATTRIBUTIONS[name]}\n> Kiedy?\n> Proszę podać.\n\n{REPLY}\n") == REPLY


@pytest.mark.parametrize("name", BLOCKS)
def test_reply_above_a_block_of_labels(name: str) -> None:
    assert quotes.visible(f"{REPLY}\n\n{BLOCKS[name]}\n\nSzanowny Panie,\nodpowiemy jutro.\n") == REPLY


@pytest.mark.parametrize("name", BLOCKS)
def test_block_of_labels_quoted(name: str) -> None:
    block = "\n".join(f"> {line}" for line in f"{BLOCKS[name]}\n\nSzanowny Panie".split("\n"))
    assert quotes.visible(f"{REPLY}\n\n{block}\n") == REPLY


ANSWERED_LINE_BY_LINE = """\
W dniu 12.11.2026 o 10:12, Urząd pisze:
> Czy ma Pan orzeczenie?

Tak, mam.

> Czy był Pan zarejestrowany?

Nie.

> Z poważaniem
> Urząd
"""


def test_answers_between_quoted_lines_are_kept_with_what_they_answer() -> None:
    text = quotes.visible(ANSWERED_LINE_BY_LINE)
    assert "Tak, mam." in text
    assert "Nie." in text
    assert text.index("> Czy ma Pan orzeczenie?") < text.index("Tak, mam.") < text.index("> Czy był Pan")


FORWARDED = [
    "---------- Forwarded message ---------\nOd: Urząd <a@b.example>\nDate: czw., 12 lis 2026 o 10:12\n"
    "Subject: x\nTo: <j@x.pl>",
    "---------- Wiadomość przekazana dalej ----------\nOd: Urząd <a@b.example>\nData: 12 listopada 2026 "
    "10:12\nTemat: x",
    "-------- Przekazana wiadomość --------\nTemat: x\nData: Thu, 12 Nov 2026 10:12:00 +0100\nNadawca: U "
    "<a@b.example>",
    "-------- Treść przekazanej wiadomości --------\nTemat: x\nData: 12 Nov 2026\nNadawca: U <a@b.example>",
    "Początek przekazywanej wiadomości:\n\nOd: Urząd <a@b.example>\nTemat: x\nData: 12 listopada 2026 10:12",
    "Begin forwarded message:\n\n> From: Office <a@b.example>\n> Date: 12 November 2026\n> Subject: x\n> "
    "To: j@x.pl",
    "-------- Weitergeleitete Nachricht --------\nBetreff: x\nDatum: 12 Nov 2026\nVon: A <a@b.example>",
    "-------- Переслане повідомлення --------\nТема: x\nДата: 12 Nov 2026\nВід: A <a@b.example>",
    '-------- Пересылаемое сообщение --------\n12.11.2026, 10:12, "Бюро" <a@b.example>:',
]


@pytest.mark.parametrize("marker", FORWARDED)
def test_a_mail_that_is_passed_on_is_content(marker: str) -> None:
    text = f"Przekazuję pismo.\n\n{marker}\n\nTreść pisma."
    assert quotes.visible(text) == text


@pytest.mark.parametrize("prefix", ["PD: ", "Fwd: ", "FW: ", "WG: ", "Pd:", "转发："])
def test_a_subject_says_that_a_mail_is_passed_on(prefix: str) -> None:
    text = f"Przekazuję.\n\n{BLOCKS['outlook in Polish']}\n\nTreść pisma."
    assert quotes.visible(text, subject=f"{prefix}Sprawa") == text
    assert quotes.visible(text, subject=f"Odp: {prefix}Sprawa") == "Przekazuję."


def test_a_reply_to_a_mail_that_was_passed_on_is_cut() -> None:
    old = "> -------- Przekazana wiadomość --------\n> Temat: x\n> y"
    text = f"{REPLY}\n\nW dniu 12.11.2026 o 10:12, Urząd pisze:\n{old}"
    assert quotes.visible(text) == REPLY


NOTHING_QUOTED = {
    "a list of labels": "Dzień dobry,\n\nTemat: zasiłek\nImię: Jan\nData: od poniedziałku\n\nProszę o "
    "kontakt.",
    "a form": "Imię: Jan\nE-mail: jan@example.pl\nTelefon: 600 000 000\nTemat: staż\nTreść: kiedy nabór?",
    "an appointment": "Zapraszam na rozmowę:\n\nData: środa, 12 listopada 2026\nGodzina: 7:00\nAdres: "
    "Nowa 1\n\nProszę o dowód.",
    "a leave": "Proszę o urlop:\n\nOd: 1.11.2026\nDo: 30.11.2026\nTemat: opieka\n\nCzy tak?",
    "hours": "Do urzędu pracy od poniedziałku do piątku\nOd: 8:00\nDo: 16:00\nczy tak?",
    "a sentence with napisał": "W piśmie z 12.11.2026 urząd napisał, że odmawia.\nCo mam zrobić?",
    "a quoted letter": 'Kierownik napisał:\n"Odmawiam."\nCzy to prawda?',
    "a quoted letter with its date": "W dniu 10.11.2026 pani z urzędu napisała:\n\n„Odmawiam.”\n\nCo mam zrobić?",
    "a quoted letter with its time": 'W dniu 10.11.2026 o 10:12 pani z urzędu napisała:\n"Odmawiam."\nCo mam zrobić?',
    "a date and a list": "Dnia 10.11.2026 złożyłem:\n- wniosek\n- zaświadczenie\n\nCo dalej?",
    "an address and a list": "Pisałem 10.11.2026 na kontakt@urzad.example:\n- wniosek\n- skargę\n\nCo dalej?",
    "one line with a mark": "Mam pytanie\n> 50 lat - czy mogę?\nDziękuję",
    "arrows": "Wejdź tutaj...\n>>> >>>  http://www.example.pl <<<\nPozdrawiam",
    "dashes": "Proszę wypełnić.\n\n------ Formularz poniżej ------\n\nImię: Jan",
    "on at the beginning": "On nie przyszedł o 10:30, więc dzwonię.\nCo dalej?",
    "a signature": "Tak.\n\n-- \nJan Nowak\ntel. 600 000 000",
    "a phone": "Tak, zgadzam się.\n\nWysłane z iPhone'a",
}


@pytest.mark.parametrize("name", NOTHING_QUOTED)
def test_what_people_write_stays(name: str) -> None:
    assert quotes.visible(NOTHING_QUOTED[name]) == NOTHING_QUOTED[name]


@pytest.mark.parametrize("name", ["lotus notes", "date first", "outlook in Polish"])
def test_a_form_that_was_filled_in_is_no_older_mail(name: str) -> None:
    text = f"Nowa wiadomość z formularza\n\n{BLOCKS[name]}\n\nKiedy nabór?"
    assert quotes.visible(text, answers=False) == text
    assert quotes.visible(text, answers=True) == "Nowa wiadomość z formularza"


def test_the_name_of_a_phone_stays_and_its_quotation_goes() -> None:
    above = "Tak\n\nWysłane z iPhone'a\n\n"
    text = above + "> Wiadomość napisana przez U <a@b.example> w dniu 12.11.2026, o godz. 10:12:\n>\n> Treść"
    assert quotes.visible(text) == "Tak\n\nWysłane z iPhone'a"


def test_everything_stays_where_nothing_would_remain() -> None:
    text = "W dniu 12.11.2026 o 10:12, Urząd pisze:\n> Kiedy?\n> Proszę podać."
    assert quotes.visible(text) == text


def test_lines_that_a_server_wrapped_are_no_answers() -> None:
    text = (
        "Tak.\n\nW dniu 12.11.2026 o 10:12, Urząd pisze:\n"
        "> To jest bardzo długa linia, którą serwer po drodze przełamał na dwie\nczęści\n> i dalszy ciąg.\n"
    )
    assert quotes.visible(text) == "Tak."


@given(st.text(alphabet="OndW >:\n<@ab.-1234567890napisłwrote\t_*()", max_size=400))
def test_nothing_is_invented(text: str) -> None:
    """Every line of the reply is a line of the mail, but for an attribution put on its own line."""
    visible = quotes.visible(text)
    assert all(line in text for line in visible.split("\n"))
    assert bool(visible.strip()) == bool(text.strip())


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "On 1.1.2020 a@b.pl ",
        "From: x",
        "> x\ny",
        "<a@b.pl> napisał",
        "W dniu 1.1.2026 ",
        "- " * 100,
        "On " * 99,
    ],
)
def test_time_grows_with_the_length_of_the_text_and_no_faster(line: str) -> None:
    """Twenty times the text may not take four hundred times as long; generous, as machines are busy."""

    def seconds(copies: int) -> float:
        text = f"{line}\n" * copies
        begin = time.process_time()
        quotes.visible(text)
        return time.process_time() - begin

    small = max(min(seconds(200) for _ in range(3)), 0.002)
    assert seconds(4_000) < small * 20 * 8
