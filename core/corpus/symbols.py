"""Which words are free symbols, in whose place others could stand, seen from how words are used.

A word's use is what stands beside it. A word is free where enough others are used alike, in whatever case or
script and however often it occurs: names, values, numbers, letters of a list. Words with few alternatives
(and, or; taller, shorter) and words of a use of their own aren't free. A word that is met too seldom to show
how it is used is free too.
"""

import random
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from core.corpus.script import is_unspaced
from core.corpus.segmentation import Segmentation, Span

BLOCK, DIGITS = 256, 9  # words whose uses are compared at once; of the cosines
ALIKE = 0.6  # cosine of two words' uses from which each could stand for the other
FEWEST = 7  # others used alike that make a word free
MOST = 48  # others kept of each word, those used most alike
SELDOM = 8  # texts; a word in fewer shows too little of its use
OFTEN = 0.02  # of the texts; a name in more of them is no subject but what is said of many
LARGEST = 20_000  # words whose use is looked at, the most frequent


Name = tuple[str, ...]  # its words


@dataclass(frozen=True)
class RenamedWord:
    """Characters [start, end) of the old text that became [new_start, new_end); `first` is where the word
    stood first, which is `start` unless it stands there again.
    """

    start: int
    end: int
    new_start: int
    new_end: int
    first: int


@dataclass(frozen=True)
class Renamed:
    """A renamed text, and its renamed words in order."""

    text: str
    words: list[RenamedWord]

    def shift(self, at: int) -> int:
        """How far the character `at` of the old text, outside renamed words, has moved."""
        before = bisect_left(self.words, at, key=lambda word: word.end)
        if before < len(self.words) and self.words[before].end == at:
            before += 1
        return self.words[before - 1].new_end - self.words[before - 1].end if before else 0

    def word_at(self, start: int, end: int) -> int | None:
        """The number of the first renamed word that these characters of the old text meet, if any."""
        number = bisect_right(self.words, start, key=lambda word: word.end)
        meets = number < len(self.words) and self.words[number].start < end
        return number if meets else None


class Symbols:
    """The free symbols of texts, and for each the words that could stand in its place.

    Memory: the distinct words with what stands beside them, and `MOST` others for each of `LARGEST` words.
    """

    def __init__(self, texts: Collection[str]):
        self.words = Segmentation(texts).words  # where each word of a text stands (start, end)
        num_texts: Counter[str] = Counter()
        beside: dict[str, Counter[str]] = defaultdict(Counter)
        for text in texts:
            met = set()
            for word, before, after in _in_use(text, self.words):
                met.add(word)
                beside[word]["<" + before] += 1
                beside[word][">" + after] += 1
            num_texts.update(met)
        self.num_texts = num_texts
        listed = sorted(num_texts, key=lambda word: (-num_texts[word], word))[:LARGEST]
        self.others = used_alike(listed, beside)
        # Those of unknown use, by their script and case: each could be any other.
        self._seldom: dict[str, list[str]] = defaultdict(list)
        for word in sorted(num_texts):
            if num_texts[word] < SELDOM and word not in self.others:
                self._seldom[shape_of(word)].append(word)
        times = Counter(run for text in texts for run in set(self.runs(text)))
        self._most = max(OFTEN * len(texts), SELDOM)
        self._frequent = {run for run, count in times.items() if count > self._most}

    def words_of(self, text: str) -> set[str]:
        """The words of a text."""
        return {text[start:end] for start, end in self.words(text)}

    def is_free(self, word: str) -> bool:
        """Return True when other words could stand in its place, or the word was never met."""
        return word in self.others or self.num_texts[word] < SELDOM

    def is_rare(self, word: str) -> bool:
        """Return True when it is free, and few enough texts have it for a name."""
        return self.is_free(word) and self.num_texts[word] <= self._most

    def spare(self, names: Collection[Name]) -> None:
        """Treat these names as ones that many texts have: they say what is told and not of whom."""
        self._frequent.update(names)

    def runs(self, text: str) -> Iterator[Name]:
        """The names in a text: the longest runs of free words with at most a space between them, in order."""
        return (name for _, _, name in self.runs_at(text))

    def runs_at(self, text: str) -> Iterator[tuple[int, int, Name]]:
        """The characters [start, end) at which a name stands, with it: those of `runs`."""
        run: list[str] = []
        first = end = 0
        for start, stop in self.words(text):
            is_free = self.is_free(text[start:stop])
            if run and not (is_free and text[end:start] in ("", " ")):
                yield first, end, tuple(run)
                run = []
            if is_free:
                first = first if run else start
                run.append(text[start:stop])
                end = stop
        if run:
            yield first, end, tuple(run)

    def to_rename(self, text: str) -> set[str]:
        """The words, in lower case, of the names that say whom a text is about.

        A name that many texts have (an attribute, a letter) says what is told and not of whom, unless the
        text has no rarer one. Words of unknown use are names in any case.
        """
        names = set(self.runs(text))
        unknown = {name for name in names if not any(word in self.others for word in name)}
        known = names - unknown
        return {
            word.lower() for name in unknown | (known - self._frequent or known) for word in name
        }

    def rename(self, text: str, rng: random.Random, kept: Collection[str] = ()) -> Renamed:
        """Rename the words that `to_rename` finds: each word alike wherever it stands, no two words alike.

        Those `kept`, in lower case, stay as they are, and no other word becomes one of them.
        """
        spans = list(self.words(text))
        chosen = self.to_rename(text).difference(kept)
        taken = {text[start:end].lower() for start, end in spans}.union(kept)
        given: dict[str, str] = {}  # by the word in lower case, in the case in which it stood first
        first: dict[str, int] = {}
        pieces, changed, old, new = [], [], 0, 0
        for start, end in spans:
            word, key = text[start:end], text[start:end].lower()
            if key not in chosen:
                continue
            if key not in given:
                given[key] = self._another(word, taken, rng)
                first[key] = start
                taken.add(given[key].lower())
            if given[key].lower() == key:
                continue
            name = given[key] if first[key] == start else in_case_of(word, given[key])
            gap = text[old:start]
            pieces += [gap, name]
            at = new + len(gap)
            changed.append(RenamedWord(start, end, at, at + len(name), first[key]))
            old, new = end, at + len(name)
        return Renamed("".join([*pieces, text[old:]]), changed)

    def _another(self, word: str, taken: set[str], rng: random.Random) -> str:
        """Draw a replacement that isn't taken. The word itself when it isn't free, or when all are taken."""
        if not self.is_free(word):
            return word
        if word not in self.others and word.isdigit():
            return _another_number(word, taken, rng)
        pool = self.others.get(word) or self._seldom[shape_of(word)]
        for candidate in rng.sample(pool, len(pool)):
            if candidate.lower() not in taken:
                return candidate
        return word


def _in_use(text: str, words: Callable[[str], Iterator[Span]]) -> Iterator[tuple[str, str, str]]:
    """Each word of a text with what stands before and after it: a word, a sign, a line's end, or nothing."""
    spans = list(words(text))
    for number, (start, end) in enumerate(spans):
        last = spans[number - 1] if number else (0, 0)
        following = spans[number + 1] if number + 1 < len(spans) else (len(text), len(text))
        before, after = text[last[1] : start].strip(" "), text[end : following[0]].strip(" ")
        yield (
            text[start:end],
            before[-1:] or text[last[0] : last[1]],
            after[:1] or text[following[0] : following[1]],
        )


def used_alike(listed: list[str], beside: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """For each word that has `FEWEST` others used alike: these, the most alike first, at most `MOST`.

    `beside` counts what stands to the left and right of a word. Two uses are compared by the cosine of the
    square roots of these shares (Bhattacharyya).
    """
    if len(listed) <= FEWEST:
        return {}
    columns: dict[str, int] = {}
    entries = [
        (times, row, columns.setdefault(context, len(columns)))
        for row, word in enumerate(listed)
        for context, times in sorted(beside[word].items())
    ]
    times, rows, cols = zip(*entries, strict=True)
    shares = np.sqrt(np.array(times) / np.bincount(rows, times)[list(rows)])
    use_WC = csr_matrix((shares, (rows, cols)), shape=(len(listed), len(columns)))
    # Sorted stably and rounded: neither ties nor last digits may hang on the machine.
    others: dict[str, list[str]] = {}
    for first in range(0, len(listed), BLOCK):
        block_WC = use_WC[first : first + BLOCK]
        for row, cosine_W in enumerate((block_WC @ use_WC.T).toarray().round(DIGITS), start=first):
            alike = np.flatnonzero(cosine_W >= ALIKE)
            order = np.argsort(-cosine_W[alike], kind="stable")
            found = [listed[n] for n in alike[order].tolist() if n != row][:MOST]
            if len(found) >= FEWEST:
                others[listed[row]] = found
    return others


def _another_number(word: str, taken: set[str], rng: random.Random) -> str:
    """Digits of the same length; the same number when all of that length are taken."""
    low, high = 0 if len(word) == 1 else 10 ** (len(word) - 1), 10 ** len(word)
    if high <= 10:
        others = rng.sample(range(low, high), k=high - low)
    else:  # not a sample: a range longer than 2^63 has no length
        others = [rng.randrange(low, high) for _ in range(10)]
    return next((str(n) for n in others if str(n) not in taken), word)


def shape_of(word: str) -> str:
    """The shape of a word: its digits, its script without spaces, or its case.

    A word of unknown use is replaced by one of its shape.
    """
    if word.isdigit():
        return "1"
    if is_unspaced(word):
        return "字"
    return "A" if word.isupper() else "Aa" if word[0].isupper() else "a"


def in_case_of(word: str, name: str) -> str:
    """The name with its first letter as large as the word's."""
    return (name[0].upper() if word[0].isupper() else name[0].lower()) + name[1:]
