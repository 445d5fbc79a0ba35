"""Texts in the reader's language: gettext catalogues, and placeholders that are substituted and never evaluated.

Message ids are the English texts. A catalogue is ``hub/locale/LANGUAGE/LC_MESSAGES/centrala.po``; its compiled form
beside it is made by ``make`` and read when it is there and newer, else the ``.po`` itself is. English needs no
catalogue. A language whose catalogue lacks a text falls back to English; :func:`is_translated` tells. Screens speak
:func:`languages`; citizens are also written to in those of :data:`NOTICE_LANGUAGES`, of which only the notices exist.
"""

from __future__ import annotations

import functools
import gettext
import io
import re
from collections.abc import Callable
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent / "locale"
DOMAIN = "centrala"
SOURCE_LANGUAGE = "en"

NOTICE_LANGUAGES = frozenset({"uk", "ru"})
"""Languages in which only the notices to citizens exist; no screen is offered in them."""

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def catalogue_path(language: str) -> Path:
    """Where a language's ``.po`` is, whether or not it exists."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


@functools.cache
def catalogues() -> tuple[str, ...]:
    """Languages that any text exists in, the source language included."""
    found = {path.parent.parent.name for path in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po")}
    return tuple(sorted(found | {SOURCE_LANGUAGE}))


@functools.cache
def languages() -> tuple[str, ...]:
    """Languages that screens may be shown in, the source language included."""
    return tuple(code for code in catalogues() if code not in NOTICE_LANGUAGES)


def translator(language: str) -> gettext.NullTranslations:
    """The catalogue of a language (``pl``, ``pl-PL``, ``pl_PL``); for one without, the untranslated texts."""
    code = language.replace("_", "-").partition("-")[0].lower()
    return _catalogue(code) if code in catalogues() else _UNTRANSLATED


_UNTRANSLATED = gettext.NullTranslations()


@functools.cache
def _catalogue(code: str) -> gettext.NullTranslations:
    if code == SOURCE_LANGUAGE:
        return _UNTRANSLATED
    source = catalogue_path(code)
    compiled = source.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime:
        with compiled.open("rb") as file:
            return gettext.GNUTranslations(file)
    return gettext.GNUTranslations(io.BytesIO(compiled_catalogue(source)))


def compiled_catalogue(source: Path) -> bytes:
    """A ``.po`` file in the binary form that gettext reads."""
    with source.open("rb") as file:
        catalogue = read_po(file)
    binary = io.BytesIO()
    write_mo(binary, catalogue)
    return binary.getvalue()


def fill(text: str, placeholders: dict[str, object]) -> str:
    """``text`` with each ``{name}`` replaced by its value, once. An unknown name stays as it is.

    Not ``str.format``: a text from a translator or an administrator could reach attributes through it.
    """
    if not placeholders:
        return text
    return PLACEHOLDER.sub(lambda match: str(placeholders.get(match[1], match[0])), text)


def translate(language: str, msgid: str, /, **placeholders: object) -> str:
    """``msgid`` in a language, with its placeholders filled."""
    return fill(_text(language, msgid), placeholders)


# A page asks for hundreds of texts, mostly the same ones as the page before.
@functools.lru_cache(maxsize=16_384)
def _text(language: str, msgid: str) -> str:
    return translator(language).gettext(msgid) if msgid else ""


def translate_plural(language: str, singular: str, plural: str, n: int, /, **placeholders: object) -> str:
    """The form of a text that goes with the number ``n`` in a language; ``{n}`` stands for the number."""
    return fill(translator(language).ngettext(singular, plural, n), {"n": n, **placeholders})


def is_translated(language: str, msgid: str) -> bool:
    """Whether a text exists in a language; English always does."""
    catalogue = translator(language)
    if isinstance(catalogue, gettext.GNUTranslations):
        return catalogue.gettext(msgid) != msgid
    return language.lower().startswith(SOURCE_LANGUAGE)


def mark(msgid: str) -> str:
    """Marks a text for extraction where it is defined, to be translated where it is shown: ``N_ = mark``."""
    return msgid


def template_functions(language: str) -> dict[str, Callable[..., str]]:
    """``_(msgid, **placeholders)`` and ``ngettext(singular, plural, n, **placeholders)`` for a template.

    They return plain text, so that autoescaping covers the placeholders too.
    """
    return {
        "_": functools.partial(translate, language),
        "gettext": functools.partial(translate, language),
        "ngettext": functools.partial(translate_plural, language),
    }
