"""How surely a word of a rule finds its forms in messages, and how often it finds something else.

Run: ``python -m bench.words_bench [TREEBANK.conllu …]``. Without a file: the pairs of ``tests/rules/words_*.tsv``, each
form in a sentence with its diacritics and in the same sentence without any; no other word may be found in it. With
treebanks in CoNLL-U: every lemma of their nouns, verbs, adjectives and names is a rule's word, every sentence is a
message; a token finds the rule of its lemma or is a miss, and every other rule that it sets off is a false hit, unless
its lemma has such a form by the dictionary. Last lines: shares by part of speech, false hits, what looking words up
costs.
"""

from __future__ import annotations

import csv
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.report import line
from rules import Facts
from rules.engine.lexicon import Lexicon, spelt_by
from rules.engine.scan import Scan
from rules.fold import fold, tokens
from rules.model import Spelling
from rules.words import forms, polish

DATA = Path(__file__).parents[1] / "tests" / "rules"
FRAMES = ("W sprawie: {} – proszę o odpowiedź, bo wciąż jej nie dostałem.",)
PARTS = {"NOUN": "noun", "VERB": "verb", "AUX": "verb", "ADJ": "adj", "PROPN": "name"}
_BARE = str.maketrans("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "acelnoszzACELNOSZZ")


class Pair(NamedTuple):
    """A word of a rule and a form of it that must be found. ``part`` is a part of speech or a language."""

    part: str
    word: str
    form: str
    language: str


class Share(NamedTuple):
    """How many of how many."""

    hits: int
    total: int
    others: tuple[str, ...]

    @property
    def value(self) -> float:
        """In percent."""
        return 100 * self.hits / self.total if self.total else 0.0


def bare(text: str) -> str:
    """A Polish text as it is typed without diacritics."""
    return text.translate(_BARE)


def rows(name: str) -> Iterator[list[str]]:
    """The lines of a data file; those with a ``#`` are remarks."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row and not row[0].startswith("#"):
                yield row


def pairs() -> list[Pair]:
    """The hand-made pairs, Polish ones first."""
    found = [Pair(part, word, form, "") for part, word, some in rows("words_pl.tsv") for form in some.split()]
    others = rows("words_others.tsv")
    return [*found, *(Pair(lang, word, form, lang) for lang, word, some in others for form in some.split())]


class Rules:
    """Words as a rule set would know them."""

    def __init__(self, words: Iterable[tuple[str, str]]) -> None:
        self._lexicon = Lexicon()
        self.numbers = {
            (word, language): self._lexicon.phrase([word], 0, Spelling(language=language))
            for word, language in dict.fromkeys(words)
        }
        self._lexicon.freeze(spelt_by(forms))

    def found(self, text: str) -> Callable[[str, str], bool]:
        """Whether a word is found in a text."""
        scan = Scan(Facts(text=text), self._lexicon)
        return lambda word, language: scan.phrase_at(self.numbers[word, language]) >= 0


def shares(wanted: Iterable[Pair], written: Callable[[str], str]) -> dict[str, Share]:
    """By part of speech, how many forms are found in a sentence that holds them."""
    wanted = list(wanted)
    rules = Rules((pair.word, pair.language) for pair in wanted)
    total: Counter[str] = Counter()
    missed: defaultdict[str, list[str]] = defaultdict(list)
    for pair in wanted:
        total[pair.part] += 1
        if not rules.found(written(FRAMES[0].format(pair.form)))(pair.word, pair.language):
            missed[pair.part].append(f"{pair.word}: {pair.form}")
    return {part: Share(total[part] - len(missed[part]), total[part], tuple(missed[part])) for part in total}


def false_hits(wanted: Iterable[Pair], written: Callable[[str], str]) -> Share:
    """How many of all other words a sentence sets off that holds a form of one word."""
    wanted = list(wanted)
    own: defaultdict[str, set[str]] = defaultdict(set)
    for pair in wanted:
        own[fold(pair.form)].add(pair.word)
    rules = Rules((pair.word, pair.language) for pair in wanted)
    total, wrong = 0, []
    for form in sorted({pair.form for pair in wanted}):
        found = rules.found(written(form))
        others = [key for key in rules.numbers if key[0] not in own[fold(form)]]
        total += len(others)
        wrong += [f"{word}: {form}" for word, language in others if found(word, language)]
    return Share(len(wrong), total, tuple(wrong))


def close_calls(written: Callable[[str], str]) -> Share:
    """How many of the sentences that were made to come close set their word off."""
    made = list(rows("words_unrelated.tsv"))
    rules = Rules((word, "") for word, _ in made)
    wrong = [f"{word}: {text}" for word, text in made if rules.found(written(text))(word, "")]
    return Share(len(wrong), len(made), tuple(wrong))


# --- treebanks ---------------------------------------------------------------------------------------------------


class Token(NamedTuple):
    """A word of a treebank: as it stands in the text, its base form and its part of speech."""

    form: str
    lemma: str
    part: str


def sentences(file: Path) -> Iterator[tuple[str, list[Token]]]:
    """The sentences of a CoNLL-U file with their words; of a word written together ("byłem") each part has the whole
    for its form."""
    for block in file.read_text(encoding="utf-8").split("\n\n"):
        found = re.search(r"^# text = (.*)$", block, re.M)
        if found:
            yield found[1], list(_tokens(block))


def _tokens(block: str) -> Iterator[Token]:
    whole, last = "", 0
    for row in (text.split("\t") for text in block.splitlines() if text and not text.startswith("#")):
        if "-" in row[0]:
            whole, last = row[1], int(row[0].partition("-")[2])
        elif row[0].isdigit() and row[3] in PARTS:
            yield Token(whole if int(row[0]) <= last else row[1], row[2], PARTS[row[3]])


def treebank(files: Iterable[Path], written: Callable[[str], str]) -> tuple[dict[str, Share], Share]:
    """Shares found by part of speech, and the share of false ones among all hits."""
    made = [sentence for file in files for sentence in sentences(file)]
    lemmas = {token.lemma for _, some in made for token in some}
    codes: defaultdict[str, set[str]] = defaultdict(set)
    rules = Rules((lemma, "pl") for lemma in lemmas)
    for lemma in lemmas:
        for part in tokens(fold(lemma)):
            for form in forms(part, "pl"):
                codes[fold(form.rstrip("~!^*-"))].add(lemma)
    total: Counter[str] = Counter()
    missed: defaultdict[str, list[str]] = defaultdict(list)
    hits, wrong = 0, Counter[str]()
    for text, some in made:
        found = rules.found(written(text))
        for token in some:
            total[token.part] += 1
            if not found(token.lemma, "pl"):
                missed[token.part].append(f"{token.lemma}: {token.form}")
        own = {token.lemma for token in some}
        near = {lemma for word in tokens(fold(text)) for lemma in codes.get(word, ())}
        for lemma in sorted(near):
            if found(lemma, "pl"):
                hits += 1
                if lemma not in own and not _could_be(lemma, text):
                    wrong[lemma] += 1
    named = {part: Share(total[part] - len(missed[part]), total[part], tuple(missed[part])) for part in total}
    return named, Share(
        wrong.total(), hits, tuple(f"{lemma} ({count})" for lemma, count in wrong.most_common())
    )


def _could_be(lemma: str, text: str) -> bool:
    """Whether the dictionary takes some word of a text, as it is written, for a form of a lemma."""
    words = re.findall(r"[^\W_]+", text)
    return any(entry.name.lower() == lemma.lower() for word in words for entry in polish.readings(word))


# --- what it says --------------------------------------------------------------------------------------------------


def _tell(how: str, named: Mapping[str, Share], wrong: Share) -> None:
    for part, share in sorted(named.items()):
        if share.others:
            print(f"  not found, {part} {how}: {'; '.join(share.others[:12])}")
    if wrong.others:
        print(f"  false {how}: {'; '.join(wrong.others[:12])}")
    for part, share in sorted(named.items()):
        floor = 85.0 if part == "name" else 99.0
        print(line(f"words found, {part} {how} ({share.total})", share.value, "%", floor))
    print(line(f"false hits {how} ({wrong.total:,})", wrong.value, "%", 1.0, inverse=True))


def cost() -> None:
    """What looking up words costs that no rule set used before."""
    some = sorted({pair.word for pair in pairs() if not pair.language})
    forms.cache_clear()
    polish.readings.cache_clear()
    began = time.process_time()
    count = sum(len(forms(word, "pl")) for word in some)
    spent = time.process_time() - began
    print(
        line(f"new words looked up ({count / len(some):.0f} forms each)", len(some) / spent, "words/s", 2_000)
    )


def main() -> None:
    """Measure the hand-made pairs, or the treebanks named on the command line."""
    files = [Path(name) for name in sys.argv[1:]]
    for how, written in (("as written", str), ("without diacritics", bare)):
        if files:
            _tell(how, *treebank(files, written))
        else:
            _tell(how, shares(pairs(), written), false_hits(pairs(), written))
            close = close_calls(written)
            print(f"sentences made to come close, {how}: {close.hits} of {close.total} set their word off")
    cost()


if __name__ == "__main__":
    main()
