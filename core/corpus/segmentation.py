"""Where words end in scripts that don't show it, by how a corpus's characters follow each other.

A word ends where what follows is hard to foresee, and begins where what stands before it is: by the
branching entropy of a row of characters beyond that of the row without its last one, less the mean of all of
its length, on both sides (Magistry & Sagot 2012). A run is cut so that the sum over its words, each as often
as it has characters, is greatest. Words that are made of others are then taken apart where this describes the
list of words in fewer nats, as `the cat` and `the dog` by their first part (Creutz & Lagus 2002). What never
stands without the same word beside it is no word of its own.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from core.corpus.script import has_unspaced, is_unspaced, words

LONGEST = 6  # characters of a word
FEWEST = 2  # times that a row of characters is met to be a word
SURVEYED = 1_000_000  # characters of a corpus that are looked at
OFTEN = 8  # times that a word is met,
TOGETHER = 0.95  # and the share of them beside the same other one, of which it is a part
ROUNDS = 3  # of taking words apart
DIGITS = 9  # no cut may hang on the machine
UNKNOWN = -100.0  # of a row of characters that isn't known; a single one is a word in any case

Span = tuple[int, int]


class Segmentation:
    """Cuts texts into words: at signs and spaces, and in scripts without spaces by the corpus.

    Without such a script it costs what looking for one does.
    """

    def __init__(self, texts: Iterable[str]):
        runs = _surveyed(texts)
        self._autonomy = _autonomy(runs) if runs else {}
        self._parts: dict[str, list[str]] = {}
        self._inseparable: set[tuple[str, str]] = set()
        self._cut = lru_cache(1 << 16)(self._cut_run)
        if runs:
            self._parts = _parts({word for run in runs for word in self._cut(run)})
            self._cut.cache_clear()
            self._inseparable = _inseparable(list(map(self._cut, runs)))
            self._cut.cache_clear()

    def words(self, text: str) -> Iterator[Span]:
        """Where each word of a text stands (start, end)."""
        if not self._autonomy:
            yield from words(text)
            return
        for run in _runs(text):
            if len(run) == 1:
                yield run[0]
                continue
            at = run[0][0]
            for word in self._cut(tuple(text[start:end] for start, end in run)):
                yield at, at + len(word)
                at += len(word)

    def _cut_run(self, run: Sequence[str]) -> list[str]:
        """The words of a run of characters."""
        best = [0.0]
        starts = [0]
        for end in range(1, len(run) + 1):
            value, start = max(
                (
                    best[start] + (end - start) * self._value("".join(run[start:end]), end - start),
                    start,
                )
                for start in range(max(0, end - LONGEST), end)
            )
            best.append(value)
            starts.append(start)
        cuts = [len(run)]
        while cuts[-1]:
            cuts.append(starts[cuts[-1]])
        found = ("".join(run[start:end]) for start, end in pairwise(reversed(cuts)))
        parts = [part for word in found for part in self._parts.get(word, [word])]
        whole = parts[:1]
        for before, part in pairwise(parts):
            if (before, part) in self._inseparable:
                whole[-1] += part
            else:
                whole.append(part)
        return whole

    def _value(self, word: str, size: int) -> float:
        return self._autonomy.get(word, 0.0 if size == 1 else UNKNOWN)


def _runs(text: str) -> Iterator[list[Span]]:
    """The words of a text as far as its script shows them, characters of one without spaces in runs."""
    run: list[Span] = []
    for start, end in words(text):
        unspaced = is_unspaced(text[start:end])
        if run and not (unspaced and run[-1][1] == start):
            yield run
            run = []
        if unspaced:
            run.append((start, end))
        else:
            yield [(start, end)]
    if run:
        yield run


def _surveyed(texts: Iterable[str]) -> list[tuple[str, ...]]:
    """The different runs of a corpus of two characters or more, up to `SURVEYED` characters."""
    found: dict[tuple[str, ...], None] = {}
    size = 0
    for text in texts:
        if not has_unspaced(text):
            continue
        for run in _runs(text):
            characters = tuple(text[start:end] for start, end in run)
            if len(run) > 1 and characters not in found:
                found[characters] = None
                size += len(run)
        if size >= SURVEYED:
            break
    return list(found)


def _autonomy(runs: Sequence[Sequence[str]]) -> dict[str, float]:
    """How much of a word each row of up to `LONGEST` characters is, of those met `FEWEST` times or more."""
    characters = ["", *(c for run in runs for c in (*run, ""))]  # each run between two borders
    listed = sorted(set(characters))  # the border is the first
    number = {c: n for n, c in enumerate(listed)}
    ids_T = np.array([number[c] for c in characters] + [0] * LONGEST)
    at_P = np.flatnonzero(ids_T)  # where the rows of this length stand,
    row_T = np.zeros(len(ids_T), dtype=np.int64)  # the number of each, by its place,
    ahead_R, behind_R = (_entropy(row_T[at_P], ids_T[at_P], len(listed)),) * 2  # and by its number
    found: dict[str, float] = {}
    for size in range(1, LONGEST + 1):
        at_P = at_P[ids_T[at_P + size - 1] > 0]
        if not len(at_P):
            break
        shorter_T, shorter_ahead_R, shorter_behind_R = row_T, ahead_R, behind_R
        keys_P = shorter_T[at_P] * len(listed) + ids_T[at_P + size - 1]
        _, first_R, row_P, times_R = np.unique(
            keys_P, return_index=True, return_inverse=True, return_counts=True
        )
        row_T = np.zeros_like(shorter_T)
        row_T[at_P] = row_P
        ahead_R = _entropy(row_P, ids_T[at_P + size], len(listed))
        behind_R = _entropy(row_P, ids_T[at_P - 1], len(listed))
        at_R = at_P[first_R]
        beyond_R = ahead_R - shorter_ahead_R[shorter_T[at_R]]
        before_R = behind_R - shorter_behind_R[shorter_T[at_R + 1]]
        autonomy_R = (beyond_R - beyond_R.mean() + before_R - before_R.mean()).round(DIGITS)
        for row in np.flatnonzero(times_R >= FEWEST).tolist():
            at = at_R[row]
            found["".join(characters[at : at + size])] = float(autonomy_R[row])
    return found


def _entropy(row_P: np.ndarray, beside_P: np.ndarray, num_characters: int) -> np.ndarray:
    """By number of a row, the entropy (R,) in nats of the characters that stand beside it."""
    pairs, times = np.unique(row_P * num_characters + beside_P, return_counts=True)
    of_row = pairs // num_characters
    total_R = np.bincount(row_P)
    weighted_R = np.bincount(of_row, weights=times * np.log(times), minlength=len(total_R))
    entropy_R: np.ndarray = np.log(total_R) - weighted_R / total_R
    return entropy_R


def _inseparable(cut: Sequence[Sequence[str]]) -> set[tuple[str, str]]:
    """The pairs of words of which one is met `OFTEN` times, and hardly ever without the other beside it."""
    pairs: Counter[tuple[str, str]] = Counter()
    times: Counter[str] = Counter()
    for run in cut:
        times.update(run)
        pairs.update(pairwise(run))
    return {
        (one, other)
        for (one, other), both in pairs.items()
        if both >= OFTEN and both >= TOGETHER * min(times[one], times[other])
    }


def _parts(lexicon: Collection[str]) -> dict[str, list[str]]:
    """The words that others spell in fewer nats than their characters do, with these.

    A word costs a nat to end and each character its surprise in the list of words, or each part its surprise
    among the parts of all words. A part that is no word of the list is spelled once for all that it stands
    in. How often words are met counts for nothing: what a corpus repeats is no reason.
    """
    characters = Counter(character for word in sorted(lexicon) for character in word)
    total = sum(characters.values())
    cost_of = {c: math.log(total / times) for c, times in characters.items()}

    def spelled(word: str) -> float:
        return 1.0 + sum(map(cost_of.__getitem__, word))

    listed = sorted(lexicon)
    parts = {word: [word] for word in listed}
    used = Counter([*listed, *(rest for word in listed for rest in _rests(word, lexicon))])
    for _ in range(ROUNDS):
        nats = math.log(sum(used.values()))
        cost = {
            part: nats - math.log(times) + (0.0 if part in lexicon else spelled(part) / times)
            for part, times in used.items()
        }
        parts = {word: _cheapest(word, cost, spelled(word)) for word in listed}
        used = Counter(part for own in parts.values() for part in own)
    return {word: own for word, own in parts.items() if len(own) > 1}


def _rests(word: str, lexicon: Collection[str]) -> Iterator[str]:
    """What is left of a word that begins or ends with another one."""
    for at in range(1, len(word)):
        if word[:at] in lexicon:
            yield word[at:]
        if word[at:] in lexicon:
            yield word[:at]


def _cheapest(word: str, cost: dict[str, float], whole: float) -> list[str]:
    """The parts of which the costs have the least sum; the word itself where that isn't below `whole`."""
    best: list[tuple[float, list[str]]] = [(0.0, [])]
    for end in range(1, len(word) + 1):
        ways = (
            (best[start][0] + cost[word[start:end]], [*best[start][1], word[start:end]])
            for start in range(end)
            if (start, end) != (0, len(word)) and word[start:end] in cost
        )
        best.append(min(ways, default=(math.inf, [])))
    total, found = best[-1]
    return found if len(word) > 2 and total < whole else [word]
