"""Bring the translation catalogues up to date with the texts in code and templates, compile them, or check them.

python -m scripts.messages update    new texts are added, texts no longer used are dropped
python -m scripts.messages compile   the binary catalogues that gettext reads
python -m scripts.messages check     says what is missing; exit code 1 if anything is
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from connectors import _phone
from connectors.email.compose import ATTRIBUTION, ATTRIBUTION_AT
from connectors.telegram.words import TO_PEOPLE as TELEGRAM
from hub.i18n import (
    LOCALE,
    NOTICE_LANGUAGES,
    PLACEHOLDER,
    SOURCE_LANGUAGE,
    catalogue_path,
    catalogues,
    compiled_catalogue,
)
from hub.moderation.reasons import REFUSALS
from hub.notice_texts import TEMPLATES

ROOT = Path(__file__).parents[1]
PACKAGES = ("hub", "connectors", "rules")
COMPLETE = ("pl",)
"""Languages in which every text must exist. Others hold the notices to citizens and nothing else."""

NOTICES = frozenset(
    text
    for texts in (
        *((template.subject, template.body) for template in TEMPLATES.values()),
        *((refusal.name, refusal.polite) for refusal in REFUSALS.values()),
        (ATTRIBUTION, ATTRIBUTION_AT),
        _phone.REASONS,
        TELEGRAM,
    )
    for text in texts
    if text
)
"""What citizens may be sent, the reasons that are put into notices included."""

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true"}, "**/templates/**.txt": {"trimmed": "true"}}
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "N_": None,
    "mark": None,
    "gettext": None,
    "ngettext": (1, 2),
    "translate": (2,),
    "plural": (1, 2),
    "translate_plural": (2, 3),
    "SendError": (2,),
}
"""Functions whose arguments are texts, and which arguments. ``translate(language, text)``; see :mod:`hub.i18n`."""


@functools.cache
def extracted() -> Catalog:
    """All texts of the source code, without translations."""
    catalogue = Catalog(project="centrala", charset="utf-8")
    for package in PACKAGES:
        for _, _, message, comments, _ in extract_from_dir(
            ROOT / package, METHODS, OPTIONS, KEYWORDS, comment_tags=("Translators:",)
        ):
            catalogue.add(message, auto_comments=comments)
    return catalogue


def read(language: str) -> Catalog:
    """A language's catalogue as it is on disk; empty if there is none."""
    path = catalogue_path(language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def problems(language: str) -> Iterator[str]:
    """What is wrong with a catalogue, one sentence each."""
    catalogue = read(language)
    wanted = _wanted(language)
    for message in catalogue:
        if message.id and message.fuzzy:
            yield f"{language}: fuzzy: {_text(message)}"
        if message.id and _key(message) not in wanted:
            yield f"{language}: no longer used: {_text(message)}"
        if message.id and not _complete(message):
            yield f"{language}: not translated: {_text(message)}"
        if _complete(message) and not _same_placeholders(message):
            yield f"{language}: other placeholders than in the source: {_text(message)}"
    for message in catalogue.obsolete.values():
        yield f"{language}: obsolete: {_text(message)}"
    known = {_key(message) for message in catalogue}
    for missing in sorted(wanted - known):
        yield f"{language}: missing: {missing[0]}"


def _wanted(language: str) -> set[tuple[str, ...]]:
    """The keys of the texts that a language has to hold: all, or those of notices."""
    found = {_key(message) for message in extracted() if message.id}
    return found & {(text,) for text in NOTICES} if language in NOTICE_LANGUAGES else found


def _key(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (str(message.id),)


def _text(message: Message) -> str:
    return _key(message)[0]


def _complete(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, tuple) else bool(message.string)


def _same_placeholders(message: Message) -> bool:
    """Whether each translated form has the placeholders of the source's last form; ``{n}`` may be left out."""
    wanted = set(PLACEHOLDER.findall(_key(message)[-1])) - {"n"}
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return all(set(PLACEHOLDER.findall(str(string))) - {"n"} == wanted for string in strings)


def _with_stable_header(catalogue: Catalog) -> Catalog:
    """Without times and tool versions, which would change with every run."""
    catalogue.header_comment = (
        "# Centrala. Message ids are the English texts; `make messages` keeps this file in step."
    )
    catalogue.project, catalogue.version = "centrala", ""
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = ""
    catalogue.creation_date = catalogue.revision_date = EPOCH
    catalogue.fuzzy = False
    return catalogue


def update(language: str) -> None:
    """Add new texts, drop unused ones, keep translations. A language of notices gets notices only."""
    catalogue = read(language)
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    wanted = _wanted(language)
    for message in list(catalogue):
        if message.id and _key(message) not in wanted:
            catalogue.delete(message.id)
    path = catalogue_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(
            file,
            _with_stable_header(catalogue),
            width=110,
            no_location=True,
            sort_output=True,
            omit_header=False,
        )


def compile_all() -> None:
    for language in catalogues():
        source = catalogue_path(language)
        if language != SOURCE_LANGUAGE:
            source.with_suffix(".mo").write_bytes(compiled_catalogue(source))


def main(arguments: list[str]) -> int:
    targets = sorted({*catalogues(), *COMPLETE} - {SOURCE_LANGUAGE})
    if arguments == ["update"]:
        for language in targets:
            update(language)
    elif arguments == ["compile"]:
        compile_all()
        return 0
    elif arguments != ["check"]:
        print(__doc__, file=sys.stderr)
        return 2
    found = [problem for language in targets for problem in problems(language)]
    print("\n".join(found) or f"Catalogues in {LOCALE.relative_to(ROOT)} are complete.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
