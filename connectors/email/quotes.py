"""The part of a mail that was written now, cut from the older mails that its program left below, above or around it.

Works on lines and what is known about them: for plain text whether they begin with ``>``, for HTML what element they
stood in (``connectors._html_lines``). What people wrote is kept: answers between quoted lines keep the lines that they
answer, a mail that is passed on is content and stays whole, signatures stay. Where nothing would remain, everything
does. Time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from connectors._html_lines import ATTRIBUTION, CITED, CONTAINER, QUOTED, RULED, SOFT, START, Line
from connectors.email.quotes_words import (
    ADDRESS,
    ANGLED,
    DATE,
    DATED,
    FORWARD,
    FORWARD_SUBJECT,
    LABELS,
    OPENING,
    SEPARATOR,
    TIME,
    VERB,
    WRITTEN_BY,
)

LONGEST = 300
"""Characters of a line, or of an attribution on several lines, that are looked at."""

MAX_LINES = 4_000
"""Longer texts are not searched for quotations below that line."""

_MARKED = re.compile(r"[ \t]{0,3}(?:[^\W\d_]{1,3})?>")
_LABEL = re.compile(r"[\s>*_|]*([^\W\d_][^:：\n]{0,28}?)[\s*_]*[:：][\s*_]*(.{0,200})")
_SHARED = re.compile(r"(?:(?<!-)-{2,}+\s*+)?\bOn [^\n]{6,200}\bwrote:\s*$")
_UNDERSCORES = re.compile(r"\s*[_=*-]{8,}\s*$")
_SPEECH = ("„", "“", "”", '"', "«", "»")
_LAST = frozenset(":：-–—>)]")
_ENDS = re.compile(r"[:：]\s*[-–—_*]*\s*$|-{2,}\s*$")
_ANDROID = re.compile(r"\s*-{2,}+\s*+\S.{0,120}\s-{2,}\s*$")


class Cut(NamedTuple):
    """Where an older mail is introduced: lines ``begin`` to ``end`` do it; ``block`` if by a heading of labels,
    ``forward`` if it is passed on and not answered."""

    begin: int
    end: int
    block: bool
    forward: bool = False


def visible(text: str, *, subject: str = "", answers: bool = True) -> str:
    """What was written now in a plain text.

    ``subject`` tells whether the mail passes another on. ``answers`` says whether the mail answers another: in one that
    does not, labels like From and Subject are more likely a form that somebody filled in.
    """
    return _reply(plain_lines(text), text, subject=subject, answers=answers, html=False)


def visible_lines(lines: Sequence[Line], *, subject: str = "", answers: bool = True) -> str:
    """What was written now in the lines of an HTML body, or of several bodies; as :func:`visible`."""
    full = "\n".join(line.text for line in lines)
    return _reply(lines, full, subject=subject, answers=answers, html=True)


def plain_lines(text: str) -> list[Line]:
    """The lines of a plain text."""
    return [Line(line, QUOTED if _MARKED.match(line) else 0) for line in _unshared(text.split("\n"))]


def _reply(lines: Sequence[Line], full: str, *, subject: str, answers: bool, html: bool) -> str:
    if FORWARD_SUBJECT.match(subject):
        return full.strip("\n")
    cut = _first_cut(lines, answers=answers)
    if cut is not None and cut.forward:
        return full.strip("\n")
    quoted = _quoted(lines, cut, html=html)
    if cut is None and not any(quoted):
        return full.strip("\n")
    if _is_forward(lines, quoted, cut):
        return full.strip("\n")
    if cut is not None:
        kept = _around(lines, quoted, cut)
    else:
        kept = _without(lines, quoted, html=html)
    remaining = "\n".join(kept).strip("\n").rstrip()
    return remaining if remaining.strip() else full.strip("\n")


def _unshared(lines: list[str]) -> list[str]:
    """Lines with an attribution that began on a line of the reply put on a line of its own."""
    out: list[str] = []
    for line in lines:
        found = _SHARED.search(line[-LONGEST:]) if line.endswith(("wrote:", "wrote: ")) else None
        start = max(0, len(line) - LONGEST) + found.start() if found else 0
        if found and DATE.search(found[0]) and line[:start].strip(" \t>"):
            out += [line[:start], line[start:]]
        else:
            out.append(line)
    return out


def _first_cut(lines: Sequence[Line], *, answers: bool) -> Cut | None:
    """The first place where a program introduces an older mail."""
    for number, line in enumerate(lines[:MAX_LINES]):
        text = line.text
        if line.marks & (START | ATTRIBUTION | CONTAINER):
            return Cut(number, _end_of(lines, number, line.marks), bool(line.marks & START))
        if not text or text.isspace():
            continue
        if FORWARD.match(text[:LONGEST]):
            return Cut(number, number + 1, True, forward=True)
        found = _separator(lines, number) or (_block(lines, number) if answers else None)
        found = found or _attribution(lines, number, answers=answers)
        if found:
            return found
    return None


def _end_of(lines: Sequence[Line], number: int, marks: int) -> int:
    """Where the introduction that a mark announces ends."""
    if not marks & ATTRIBUTION:
        return number
    end = number
    while end < len(lines) and lines[end].marks & ATTRIBUTION:
        end += 1
    return end


def _separator(lines: Sequence[Line], number: int) -> Cut | None:
    text = lines[number].text[:LONGEST]
    if not SEPARATOR.match(text):
        return None
    return Cut(number, number + 1, True)


def _label(text: str) -> tuple[str, str]:
    """The kind of label that a line begins with, and what follows it."""
    match = _LABEL.match(text[:LONGEST])
    if not match:
        return "", ""
    kind = LABELS.get(match[1].strip(" *_\xa0\t").lower(), "")
    return kind, match[2]


def _block(lines: Sequence[Line], number: int) -> Cut | None:
    """A heading of labels: From, Sent, To, Subject, each on a line (or in one, as some HTML has it)."""
    kind, rest = _label(lines[number].text)
    if kind not in ("from", "date", "subject", "to"):
        return None
    kinds = {kind} | _labels_within(rest)
    end = number + 1
    misses = 0
    for place in range(number + 1, min(len(lines), number + 14)):
        further, value = _label(lines[place].text)
        if further:
            kinds |= {further} | _labels_within(value)
            end, misses = place + 1, 0
        else:
            misses += 1
            if misses > 2 or (not lines[place].text.strip() and len(kinds) > 2):
                break
    ruled = bool(lines[number].marks & RULED)
    if not _is_heading(kinds, lines[number:end], ruled=ruled):
        return None
    begin = number
    while begin and not lines[begin - 1].text.strip():
        begin -= 1
    if begin and _UNDERSCORES.match(lines[begin - 1].text[:LONGEST]):
        return Cut(begin - 1, end, True)
    return Cut(number, end, True)


def _labels_within(rest: str) -> set[str]:
    """Labels that follow on the same line."""
    words = rest.split()
    return {LABELS[word[:-1].lower()] for word in words if word.endswith(":") and word[:-1].lower() in LABELS}


def _is_heading(kinds: set[str], lines: Sequence[Line], *, ruled: bool) -> bool:
    """Whether labels found together are those above an older mail, and not a form or a list that a person wrote."""
    if "from" not in kinds and "date" not in kinds:
        return False
    telling = len(kinds & {"from", "date", "to", "subject"})
    together = " ".join(line.text for line in lines)[:2000]
    if ruled and telling >= 1 and ADDRESS.search(together):
        return True
    dated = "date" in kinds and bool(DATE.search(together))
    if telling >= 3:
        return "from" in kinds and (dated or bool(ADDRESS.search(together)))
    return telling == 2 and dated and bool(ADDRESS.search(together))


def _attribution(lines: Sequence[Line], number: int, *, answers: bool) -> Cut | None:
    """ "On … wrote:", "W dniu … napisał(a):", "12.11.2026 10:12, Jan <…>:", on up to six lines."""
    text = lines[number].text
    if len(text) > LONGEST:
        return None
    dated = bool(DATED.match(text))
    opening = dated or bool(OPENING.match(text))
    if not opening and "@" not in text and not _may_end(text):
        return None
    joined = ""
    for end in range(number + 1, min(len(lines), number + (6 if opening else 2)) + 1):
        part = lines[end - 1].text.strip()
        joined = f"{joined} {part}" if joined else part
        if len(joined) > LONGEST:
            return None
        if part and _may_end(part):
            quoted = _next_is_quoted(lines, end)
            exact = answers and not _next_is_speech(lines, end)
            if _says_who(joined, dated=dated, opening=opening, quoted=quoted, exact=exact):
                return Cut(number, end, False)
        if end > number + 1 and not part and not opening:
            return None
    return None


def _may_end(part: str) -> bool:
    """Whether a line can be the last of an attribution: by a colon, a dash, a bracket, or the verb without any."""
    return part.rstrip(" *_")[-1:] in _LAST or bool(VERB.search(part[-24:]))


def _says_who(text: str, *, dated: bool, opening: bool, quoted: bool, exact: bool) -> bool:
    """Whether ``text`` is an attribution. Where nothing below is marked as quoted it must be one beyond doubt: people
    too write "W dniu 12.11. urząd napisał:" and go on with their own words. ``exact``: a time of day is enough."""
    when = bool(DATE.search(text))
    who = bool(ADDRESS.search(text))
    if not (who or quoted or (when and opening) or _ANDROID.match(text)):
        return False
    verbs = [match.end() for match in VERB.finditer(text)]
    ends = bool(_ENDS.search(text)) or bool(verbs and not text[verbs[-1] :].strip(" :*_-–—"))
    if verbs and ends:
        exact = exact and opening and when and bool(TIME.search(text))
        return who or quoted or exact or _ANDROID.match(text) is not None
    if ends and WRITTEN_BY.match(text) and when:
        return True
    stripped = text.rstrip()
    if not (dated and when):
        return False
    if stripped.endswith((":", "：")):
        return bool(ANGLED.search(stripped.rstrip(": ："))) or (who and quoted)
    return quoted and bool(ANGLED.search(text))


def _next_is_quoted(lines: Sequence[Line], place: int) -> bool:
    for line in lines[place : place + 3]:
        if line.marks & (QUOTED | CITED | SOFT):
            return True
        if line.text.strip():
            return False
    return False


def _next_is_speech(lines: Sequence[Line], place: int) -> bool:
    """Whether somebody's words follow in quotation marks, as people write down what they were told."""
    return any(line.text.lstrip().startswith(_SPEECH) for line in lines[place : place + 3])


def _quoted(lines: Sequence[Line], cut: Cut | None, *, html: bool) -> list[bool]:
    """Which lines are quoted. Marks that also have other uses count only where a program introduced a quotation."""
    strong = CITED | (QUOTED | SOFT if cut is not None and not cut.block else QUOTED)
    quoted = [bool(line.marks & strong) for line in lines]
    if cut is not None or not any(quoted):
        return quoted
    if html:
        return _last_run_only(lines, quoted)
    return quoted if _enough(lines, quoted) else [False] * len(quoted)


def _last_run_only(lines: Sequence[Line], quoted: list[bool]) -> list[bool]:
    """Of blockquotes that no program marked and nobody introduced, the last is the older mail."""
    last = max(number for number, is_quoted in enumerate(quoted) if is_quoted)
    first = last
    while first and (quoted[first - 1] or not lines[first - 1].text.strip()):
        first -= 1
    return [
        bool(lines[number].marks & CITED) or (is_quoted and number >= first)
        for number, is_quoted in enumerate(quoted)
    ]


def _enough(lines: Sequence[Line], quoted: list[bool]) -> bool:
    """Whether lines with ``>`` are a quotation without an introduction: three or more of them in a row."""
    run = 0
    for line, is_quoted in zip(lines, quoted, strict=True):
        run = run + 1 if is_quoted else run if not line.text.strip() else 0
        if run >= 3:
            return True
    return False


def _is_forward(lines: Sequence[Line], quoted: list[bool], cut: Cut | None) -> bool:
    """Whether the first thing quoted or wrapped is a mail that is passed on."""
    start = next((number for number, is_quoted in enumerate(quoted) if is_quoted), len(lines))
    if cut is not None:
        start = min(start, cut.begin)
    first = next((line.text for line in lines[start:] if line.text.strip()), "")
    before = [line.text for line in lines[max(0, start - 4) : start] if line.text.strip()]
    return any(FORWARD.match(text[:LONGEST]) for text in (first, *before))


def _around(lines: Sequence[Line], quoted: list[bool], cut: Cut) -> list[str]:
    """The lines before an introduction and, where the older mail is marked line by line, those after it."""
    begin = cut.begin
    while begin and quoted[cut.begin] and (quoted[begin - 1] or not lines[begin - 1].text.strip()):
        begin -= 1
    before = [line.text for line in lines[:begin]]
    last = _last_quoted(lines, quoted, cut)
    if last < 0:
        return before
    answers = _answers(lines, quoted, cut.end, last)
    if answers:
        return [_shown(line, is_quoted) for line, is_quoted in zip(lines, quoted, strict=True)]
    after = [line.text for line in lines[last + 1 :] if not line.marks & ATTRIBUTION]
    return [*before, *(["", *after] if any(text.strip() for text in after) else [])]


def _last_quoted(lines: Sequence[Line], quoted: list[bool], cut: Cut) -> int:
    """The last line of the quotation that ``cut`` introduces; -1 if what follows is not marked as quoted at all."""
    first = next((n for n in range(cut.end, len(lines)) if lines[n].text.strip()), -1)
    contained = bool(lines[cut.begin].marks & CONTAINER)
    if first < 0 or (not quoted[first] and not contained):
        return -1
    marked = [n for n in range(cut.begin, len(lines)) if quoted[n]]
    if not marked:
        return max(n for n in range(cut.begin, len(lines)) if lines[n].marks & CONTAINER) if contained else -1
    return marked[-1]


def _answers(lines: Sequence[Line], quoted: list[bool], begin: int, last: int) -> bool:
    """Whether somebody wrote between quoted lines (and it is not just the rest of a quoted line that was wrapped)."""
    seen = False
    for number in range(begin, last):
        if quoted[number]:
            seen = True
        elif seen and lines[number].text.strip() and not _is_rest(lines, quoted, number):
            return True
    return False


def _is_rest(lines: Sequence[Line], quoted: list[bool], number: int) -> bool:
    """The tail of a long quoted line, put on a line of its own by a mail server, or a link torn out of it."""
    text = lines[number].text.strip()
    if text.startswith(("(http", "<http", "http", "[http")):
        return True
    if not (quoted[number - 1] and number + 1 < len(lines) and quoted[number + 1]):
        return False
    above = lines[number - 1].text
    cut_link = "http" in above and " " not in above[above.rfind("http") :]
    return cut_link or (len(above) >= 60 and len(text) < 40)


def _shown(line: Line, is_quoted: bool) -> str:
    """A line in a text where quotations stay: those of HTML get the mark that plain text has."""
    return f"> {line.text}" if is_quoted and not _MARKED.match(line.text) else line.text


def _without(lines: Sequence[Line], quoted: list[bool], *, html: bool) -> list[str]:
    """A mail without any introduction: what is not quoted, unless it answers line by line."""
    numbers = [number for number, is_quoted in enumerate(quoted) if is_quoted]
    if _answers(lines, quoted, numbers[0], numbers[-1]):
        return [_shown(line, is_quoted) for line, is_quoted in zip(lines, quoted, strict=True)]
    return [line.text for line, is_quoted in zip(lines, quoted, strict=True) if not is_quoted]
