"""Which words of a text are free symbols, that could as well be others, found from the text alone.

Free are names (words that stay capitalised inside sentences), rare words, and digit strings outside
arithmetic. Common words, operators and the numbers between them are not.
"""

import random
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

WORD = re.compile(r"[^\W_]+")
ARITHMETIC = re.compile(r"\d\s*[-+*/=×÷<>]|[-+*/=×÷<>]\s*\d")
RARE = 0.01  # a lower-case word in fewer texts than this share is rare
INSIDE = 0.1  # a name stands inside a sentence, capitalised, at least this often
SENTENCE_START = ".!?:;\n"
FREQUENCY_BAND = 3.0  # a symbol is renamed to one at most so many times as frequent, or as rare


@dataclass(frozen=True)
class Renamed:
    """A renamed text, and its renamed words as (start, end, new start, new end) in characters."""

    text: str
    words: list[tuple[int, int, int, int]]

    def shift(self, at: int) -> int:
        """How far the character `at` of the old text, outside renamed words, has moved."""
        before = bisect_left(self.words, at, key=lambda word: word[1])
        if before < len(self.words) and self.words[before][1] == at:
            before += 1
        return self.words[before - 1][3] - self.words[before - 1][1] if before else 0

    def word_at(self, start: int, end: int) -> int | None:
        """The number of the first renamed word that these characters of the old text meet, if any."""
        number = bisect_right(self.words, start, key=lambda word: word[1])
        meets = number < len(self.words) and self.words[number][0] < end
        return number if meets else None


class Symbols:
    """The free symbols of a corpus, by shape (Name, CODE, word) and frequency."""

    def __init__(self, texts: Iterable[str]):
        frequency: Counter[str] = Counter()
        inside: Counter[str] = Counter()
        count: Counter[str] = Counter()
        num_texts = 0
        for text in texts:
            num_texts += 1
            found = [(m.group(), m.start()) for m in WORD.finditer(text)]
            count.update(word for word, _ in found)
            frequency.update({word for word, _ in found})
            inside.update(w for w, at in found if w[0].isupper() and not _begins(text, at))
        self.frequency = frequency
        self.pools: dict[str, list[str]] = defaultdict(list)
        for word, texts_with in frequency.items():
            if word[0].isdigit():
                continue
            if word[0].isupper():
                free = inside[word] >= INSIDE * count[word] and count[word.lower()] < count[word]
            else:
                free = len(word) > 2 and texts_with < RARE * num_texts
            if free:
                self.pools[_shape(word)].append(word)
        for pool in self.pools.values():
            pool.sort(key=lambda word: (frequency[word], word))
        self.free = {word for pool in self.pools.values() for word in pool}

    def rename(self, text: str, rng: random.Random) -> Renamed:
        """Give every free symbol of `text` another name, the same wherever it stands; one to one."""
        taken = {match.group() for match in WORD.finditer(text)}
        arithmetic = ARITHMETIC.search(text) is not None
        names: dict[str, str] = {}
        pieces, words, old, new = [], [], 0, 0
        for match in WORD.finditer(text):
            word = match.group()
            if word not in names:
                names[word] = self._another(word, taken, arithmetic, rng)
                taken.add(names[word])
            if names[word] == word:
                continue
            gap = text[old : match.start()]
            pieces += [gap, names[word]]
            at = new + len(gap)
            words.append((match.start(), match.end(), at, at + len(names[word])))
            old, new = match.end(), words[-1][3]
        return Renamed("".join([*pieces, text[old:]]), words)

    def _another(self, word: str, taken: set[str], arithmetic: bool, rng: random.Random) -> str:
        if word.isdigit():
            return word if arithmetic else _another_number(word, taken, rng)
        if word not in self.free:
            return word
        pool = self.pools[_shape(word)]
        by_frequency = self.frequency.__getitem__
        low = bisect_left(pool, by_frequency(word) / FREQUENCY_BAND, key=by_frequency)
        high = bisect_left(pool, by_frequency(word) * FREQUENCY_BAND, key=by_frequency)
        for candidates in (pool[low:high], pool):
            others = [other for other in candidates if other not in taken]
            if others:
                return rng.choice(others)
        return word


def _another_number(word: str, taken: set[str], rng: random.Random) -> str:
    """Digits of the same length; the same number when all of that length are taken."""
    low, high = 0 if len(word) == 1 else 10 ** (len(word) - 1), 10 ** len(word)
    if high <= 10:
        others = rng.sample(range(low, high), k=high - low)
    else:  # not a sample: a range longer than 2^63 has no length
        others = [rng.randrange(low, high) for _ in range(10)]
    return next((str(n) for n in others if str(n) not in taken), word)


def _begins(text: str, at: int) -> bool:
    before = text[:at].rstrip()[-1:]
    return not before or before in SENTENCE_START


def _shape(word: str) -> str:
    if word[0].islower():
        return "word"
    return "CODE" if word.isupper() else "Name"
