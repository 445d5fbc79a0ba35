"""Make the lexicon of other languages (``rules/words/lexicons``) from the word lists of simplemma.

pip install simplemma==2.0.0 && python -m scripts.build_lexicon

Done once; the files are kept with the code, so that neither an installation nor the tests need simplemma. How a file
is read: :mod:`rules.words.lexicon`. The lists are under the Open Database License and CC BY-SA:
``rules/words/lexicons/LICENSE.md``.
"""

from __future__ import annotations

import lzma
from collections import defaultdict
from collections.abc import Mapping

from simplemma.strategies import DefaultDictionaryFactory  # type: ignore[import-not-found, unused-ignore]

from rules.words.lexicon import FOLDER, LANGUAGES, SHARED

LONGEST = 40
"""Letters of a word; what is longer is a chemical compound or a mistake."""


def entries(lemmas: Mapping[str, str]) -> dict[str, set[str]]:
    """The forms of each base form, from form → base form; words of letters only, in lower case."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for form, lemma in lemmas.items():
        if form.isalpha() and lemma.isalpha() and max(len(form), len(lemma)) <= LONGEST:
            found[lemma.lower()].add(form.lower())
    return {lemma: forms - {lemma} for lemma, forms in found.items() if forms - {lemma}}


def line(lemma: str, forms: set[str]) -> str:
    """One entry as the file has it: the base form, then for each form the letters cut off its end and those put on."""
    parts = [lemma]
    for form in sorted(forms):
        kept = next(
            (at for at, (one, other) in enumerate(zip(lemma, form, strict=False)) if one != other), None
        )
        kept = min(len(lemma), len(form)) if kept is None else kept
        parts.append(f"{len(lemma) - kept}{form[kept:]}")
    return " ".join(parts)


def text(found: Mapping[str, set[str]]) -> str:
    """All entries, by their base forms; behind an empty line those with a form that begins otherwise."""
    odd = {lemma for lemma, forms in found.items() if any(form[:SHARED] != lemma[:SHARED] for form in forms)}
    plain = sorted(found.keys() - odd)
    lines = [*(line(lemma, found[lemma]) for lemma in plain), ""]
    return "\n".join([*lines, *(line(lemma, found[lemma]) for lemma in sorted(odd))])


def main() -> None:
    """Write one file for each language."""
    lists = DefaultDictionaryFactory()
    for language in LANGUAGES:
        found = entries(dict(lists.get_dictionary(language).items()))
        packed = lzma.compress(text(found).encode(), preset=9 | lzma.PRESET_EXTREME)
        (FOLDER / f"{language}.xz").write_bytes(packed)
        count = sum(map(len, found.values()))
        print(f"{language}: {len(found):,} words, {count:,} forms, {len(packed):,} bytes")


if __name__ == "__main__":
    main()
