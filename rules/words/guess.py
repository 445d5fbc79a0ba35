"""Forms of Polish words that no dictionary has: foreign names, new words. They are inflected as others of their ending.

Adjectives, verbs and nouns in a vowel go like a model, a word of the dictionary with the same ending. Masculine nouns
and names, which are most of the unknown words, take their endings from a table, since usage differs ("bloga",
"blogu") and all of it counts. A form too many costs nothing as long as it is no other word's; the caller sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

Generate = Callable[[str], list[tuple[str, str, str, list[str], list[str]]]]
"""The dictionary's forms of a base form; the first item of each is the form."""

SHORTEST = 3
"""Letters below which nothing is guessed."""

_MODELS: Mapping[str, tuple[str, ...]] = {
    # adjectives, and names that go like them
    "ski": ("polski", "Kowalski"),
    "cki": ("niemiecki", "Sawicki"),
    "ska": ("Kowalska",),
    "cka": ("Sawicka",),
    "owy": ("domowy",),
    "ny": ("ładny",),
    "ty": ("bogaty",),
    "ły": ("biały",),
    "ry": ("stary",),
    "czy": ("uroczy",),
    "gi": ("drogi",),
    "ki": ("wielki",),
    "y": ("luby", "Batory"),
    "i": ("tani", "Verdi"),
    # verbs
    "ować": ("budować",),
    "ywać": ("pisywać",),
    "nąć": ("płynąć",),
    "ać": ("czytać",),
    "ić": ("robić",),
    "cić": ("płacić",),
    "dzić": ("chodzić",),
    "sić": ("prosić",),
    "zić": ("wozić",),
    "ścić": ("czyścić",),
    "lić": ("palić",),
    "nić": ("dzwonić",),
    "yć": ("liczyć",),
    "eć": ("łysieć",),
    # feminine nouns and names
    "ka": ("matka", "Hanka"),
    "ga": ("noga", "Kinga"),
    "cha": ("mucha",),
    "ba": ("osoba",),
    "pa": ("lampa",),
    "wa": ("sprawa",),
    "fa": ("szafa",),
    "ma": ("mama",),
    "na": ("strona",),
    "ta": ("data",),
    "sta": ("turysta",),
    "da": ("woda",),
    "ra": ("góra", "Barbara"),
    "ła": ("szkoła",),
    "sa": ("klasa",),
    "za": ("baza",),
    "la": ("sala",),
    "ja": ("stacja", "Maja"),
    "ia": ("Zofia", "Kasia"),
    "nia": ("kuchnia", "Hiszpania"),
    "ca": ("praca",),
    "cza": ("tęcza",),
    "sza": ("dusza",),
    "rza": ("burza",),
    "ża": ("Łomża",),
    "dza": ("władza",),
    "ea": ("idea",),
    "ość": ("wartość",),
    # neuter nouns, and names in -o and -e
    "ko": ("jabłko", "Matejko"),
    "o": ("drzewo", "Moniuszko"),
    "nie": ("pytanie",),
    "cie": ("życie",),
    "e": ("Goethe",),
    "um": ("muzeum",),
}

_PLURAL = "om ami ach"
_HARD = f"a owi em y ów owie {_PLURAL}"
_SOFT = f"a owi em u e ów owie {_PLURAL}"

_TAILS: Mapping[str, str] = {
    # What stands in the place of the ending. Hard consonants soften before the -e of the locative.
    "b": f"b: {_HARD} ie u",
    "p": f"p: {_HARD} ie u",
    "f": f"f: {_HARD} ie u",
    "w": f"w: {_HARD} ie u",
    "v": f"v: {_HARD} ie u",
    "m": f"m: {_HARD} ie u",
    "n": f"n: {_HARD} ie u",
    "s": f"s: {_HARD} ie u",
    "x": f"x: {_HARD} ie u | ks: {_HARD} ie u",
    "z": f"z: {_HARD} ie u e",
    "d": f"d: {_HARD} u | dzie dzi",
    "t": f"t: {_HARD} u | cie ci",
    "r": f"r: {_HARD} u | rze rzy",
    "er": f"er: {_HARD} u | erze erzy | r: {_HARD} ze zy",
    "ł": f"ł: {_HARD} u | le li",
    "st": f"st: {_HARD} u | ście ści",
    "zd": f"zd: {_HARD} u | ździe",
    "c": f"c: {_SOFT} y iem i | k: {_HARD} iem u i",
    "ck": f"ck: a owi iem u i ów owie {_PLURAL} | ccy",
    "cz": f"cz: {_SOFT} y",
    "sz": f"sz: {_SOFT} y",
    "rz": f"rz: {_SOFT} y",
    "ż": f"ż: {_SOFT} y",
    "l": f"l: {_SOFT} i",
    "el": f"el: {_SOFT} i | l: {_SOFT} i",
    "j": f"j: {_SOFT} | i",
    "k": f"k: a owi iem u i ów owie {_PLURAL} | cy",
    "ek": f"ek: a owi iem u i ów owie | k: a owi iem u i ów owie {_PLURAL}",
    "iek": f"iek: a owi iem u i ów owie | k: a owi iem u i ów owie {_PLURAL}",
    "g": f"g: a owi iem u i ów owie {_PLURAL} | dzy",
    "ch": f"ch: a owi em u y ów owie {_PLURAL} | si",
    "h": f"h: a owi em u y ów owie {_PLURAL} | si",
    "ń": f"ni: {_SOFT} | ni ń",
    "ś": f"si: {_SOFT} | si",
    "ć": f"ci: {_SOFT} | ci",
    "ź": f"zi: {_SOFT} | zi",
    "q": "q: a owi iem u",
    # stems that change
    "iec": "c: a owi em u y ów om ami ach e",
    "niec": "ńc: a owi em u y ów om ami ach e",
    "anin": "anin: a owi em ie | an: ie om ami ach y | an",
    "ów": f"ow: {_HARD} ie u",
    "ód": f"od: {_HARD} u zie",
    "ór": f"or: {_HARD} u ze",
    "óg": "og: a owi iem u i ów om ami ach",
    "yni": "yni: ę ą om ami ach e | yń",
    "ate": "at: ych ym ymi",
    # vowels: foreign names, first names in -o
    "a": "y i ę ą o om ami ach ów",
    "va": "v: y ie ę ą o",
    "ha": "hy dze ze sze hę hą ho",
    "o": f"a owi em u ie y ów owie {_PLURAL} ą ę",
    "e": "ego emu em ie",
    "é": "éego éemu éem éego",
    "y": "y: a ego emu m im ch mi owie | iego iemu im ich imi owie ów om ami ach",
    "ey": "ey: a owi em ego emu owie ów",
    "ay": "ay: a owi em ego owie ów",
    "oy": "oy: a owi em ego owie ów",
    "i": "i: ego emu m ch mi owie | im ich emu ów om ami ach",
    "ki": "ki: ego emu m ch mi | k: ów om ami ach | ek",
    "u": "u: ego ",
}
"""Ending → what may stand in its place, in groups: ``stem: endings | whole replacements``."""


def guesses(word: str, generate: Generate) -> set[str]:
    """The forms that an unknown word probably has, itself not always included; its first letter keeps its size."""
    if len(word) < SHORTEST:
        return set()
    found = set(_like_models(word, generate))
    if found and word.endswith("ć"):
        return found
    return {*found, *_with_tails(word)}


def _like_models(word: str, generate: Generate) -> Iterator[str]:
    ending = _longest(word, _MODELS)
    for model in _MODELS.get(ending, ()):
        stem = model[: len(model) - len(ending)]
        for form in {interpretation[0] for interpretation in generate(model)}:
            before, found, tail = form.lower().partition(stem.lower())
            if found and before in ("", "nie"):
                yield before + word[: len(word) - len(ending)] + tail


def _with_tails(word: str) -> Iterator[str]:
    ending = _longest(word, _TAILS)
    stem = word[: len(word) - len(ending)]
    for group in _TAILS.get(ending, "").split("|"):
        head, colon, endings = group.rpartition(":")
        for tail in endings.split():
            yield stem + (head.strip() if colon else "") + tail


def _longest(word: str, table: Mapping[str, object]) -> str:
    """The longest ending of a word that the table has, leaving a letter before it; empty for none."""
    lower = word.lower()
    return next((lower[-size:] for size in (4, 3, 2, 1) if size < len(word) and lower[-size:] in table), "")
