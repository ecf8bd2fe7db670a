"""What a corpus tells: pairs of symbols that stand together far more often than their kinds do.

A fact told in many wordings is the same pair of symbols each time (Mongolia and Ulaanbaatar), where any
other two of their kinds meet by chance alone. That is seen from counts, without labels and in any wording.
A symbol is a free word, or a few that stand side by side (a first and a last name).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, spmatrix

from core.corpus.rows import Row, joined_text, prompt_of, taught_text
from core.corpus.symbols import Name, Symbols

WINDOW = 64  # words within which two symbols stand together
LONGEST = 4  # words of a symbol
FEWEST = 3  # times, below which nothing is told
RATIO = 4.0  # of how often it is told to how often chance would have it
BLOCK = 5_000_000  # pairs counted at once
SHARE = 0.5  # of the places where the rarer stands beside any of the other's kind
OFTEN = 0.02  # of the texts that tell anything; a pair in more of them, beside ...
OTHERS = 50  # symbols of other pairs, is their form: two that speak


@dataclass(frozen=True)
class Told:
    """The symbols of a corpus with their numbers, and the pairs that it tells, the lower number first.

    `form` holds symbols whose pairs belong to how the corpus tells facts, such as the two speakers of a
    dialogue.
    """

    symbols: Symbols
    number: dict[Name, int]
    pairs: set[tuple[int, int]]
    form: set[Name]

    def symbols_in(self, text: str) -> set[int]:
        """The numbers of the symbols in a text."""
        names = (name for run in self.symbols.runs(text) for name in names_in(run))
        return {self.number[name] for name in names if name in self.number}

    def between(self, before: Iterable[int], here: Iterable[int]) -> set[tuple[int, int]]:
        """The told pairs of a symbol in `here` with another one in `here` or in `before`."""
        own = set(here)
        both = ((a, b) if a < b else (b, a) for a in own for b in own.union(before))
        return self.pairs.intersection(both)


def names_in(run: Name) -> Iterator[Name]:
    """All symbols that a run of words may hold: each word, and up to `LONGEST` in a row."""
    for size in range(1, min(LONGEST, len(run)) + 1):
        for start in range(len(run) - size + 1):
            yield run[start : start + size]


def find_told(rows: Sequence[Row], symbols: Symbols) -> Told:
    """Count the pairs of symbols in the windows of what the rows teach, and keep those that are told.

    Chance has it that a pair of the kinds A and B occurs n(a, B) · n(b, A) / n(A, B) times. Two words of one
    run are no pair: they are one name. A task whose completion only says again what is in its prompt tells
    nothing.
    """
    windows = [
        window
        for row in rows
        if "text" in row
        or not symbols.words_of(taught_text(row)) <= symbols.words_of(prompt_of(row))
        for window in _windows(list(symbols.runs(joined_text(row))))
    ]
    times = Counter(name for window in windows for run in window for name in names_in(run))
    number = {name: n for n, name in enumerate(k for k, v in times.items() if v >= FEWEST)}
    if not number:
        return Told(symbols, {}, set(), set())
    listed = [[{number[n] for n in names_in(run) if n in number} for run in w] for w in windows]
    in_window_WV = _incidence([set().union(*w) for w in listed], len(number))
    in_run_RV = _incidence([run for w in listed for run in w if len(run) > 1], len(number))
    a, b, together = _pairs(in_window_WV, in_run_RV)
    kind_V = np.array(_kinds(list(number), symbols))
    kinds_VK = _incidence([{kind} for kind in kind_V.tolist()], int(kind_V.max()) + 1)
    of_kind_WK = ((in_window_WV @ kinds_VK) > 0).astype(np.int32)
    beside_VK = (in_window_WV.T @ of_kind_WK).tocsr()
    both_KK = (of_kind_WK.T @ of_kind_WK).tocsr()
    kind_a, kind_b = kind_V[a], kind_V[b]
    with_B, with_A = _at(beside_VK, a, kind_b), _at(beside_VK, b, kind_a)
    chance = with_B * with_A / np.maximum(_at(both_KK, kind_a, kind_b), 1)
    told = (together >= RATIO * chance) & (together >= SHARE * np.minimum(with_A, with_B))
    names = list(number)
    found = {(names[i], names[j]) for i, j in zip(a[told].tolist(), b[told].tolist(), strict=True)}
    # What shares a word is one name in part, or a list in another order.
    found = {pair for pair in found if not {*pair[0]} & {*pair[1]}}
    whole = {(number[a], number[b]) for a, b in found - set(_of_parts(found, number))}
    pairs = {(a, b) if a < b else (b, a) for a, b in whole}
    form = _of_form(pairs, in_window_WV)
    return Told(symbols, number, pairs - form, {names[i] for pair in form for i in pair})


def _pairs(
    in_window_WV: csr_matrix, in_run_RV: csr_matrix
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find symbols a < b that share at least `FEWEST` windows without being one run, and in how many: three
    (P,).

    They are counted some symbols a at a time, of as many pairs as `BLOCK` bounds, since most pairs are rare.
    """
    by_symbol_VW, by_symbol_VR = in_window_WV.T.tocsr(), in_run_RV.T.tocsr()
    sizes_V = by_symbol_VW @ np.diff(in_window_WV.indptr)
    block_V = np.cumsum(sizes_V) // BLOCK
    found = [np.zeros((3, 0), dtype=np.int64)]
    for rows in np.split(np.arange(len(block_V)), np.flatnonzero(np.diff(block_V)) + 1):
        both = (by_symbol_VW[rows] @ in_window_WV - by_symbol_VR[rows] @ in_run_RV).tocoo()
        often = (rows[both.row] < both.col) & (both.data >= FEWEST)
        found.append(np.stack([rows[both.row[often]], both.col[often], both.data[often]]))
    a, b, together = np.concatenate(found, axis=1)
    return a, b, together


def _of_parts(
    found: set[tuple[Name, Name]], number: dict[Name, int]
) -> Iterator[tuple[Name, Name]]:
    """Yield the pairs with a part of a name, where its full name has a pair with the same other symbol."""

    def ordered(a: Name, b: Name) -> tuple[Name, Name]:
        return (a, b) if number[a] < number[b] else (b, a)

    for a, b in found:
        yield from (ordered(part, b) for part in names_in(a) if part != a)
        yield from (ordered(a, part) for part in names_in(b) if part != b)


def _of_form(pairs: set[tuple[int, int]], in_window_WV: csr_matrix) -> set[tuple[int, int]]:
    """The pairs that stand in many of the windows that tell facts, beside many symbols of other pairs."""
    if not pairs:
        return set()
    a, b = np.array(sorted(pairs)).T
    told_VV = csr_matrix(
        (np.ones(len(a), dtype=np.int32), (a, b)), shape=2 * in_window_WV.shape[1:]
    )
    told_VV = told_VV + told_VV.T
    tells_W = (in_window_WV @ told_VV).multiply(in_window_WV).sum(axis=1)
    most = max(OFTEN * np.count_nonzero(tells_W), FEWEST)
    is_told_V = told_VV.getnnz(axis=1) > 0
    by_symbol_VW, form = in_window_WV.T.tocsr(), set()
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        both_W = by_symbol_VW[i].multiply(by_symbol_VW[j])
        if both_W.nnz > most:
            beside_V = (both_W @ in_window_WV).toarray().ravel() > 0
            of_these_V = told_VV[i].toarray().ravel() + told_VV[j].toarray().ravel() > 0
            if np.count_nonzero(beside_V & is_told_V & ~of_these_V) >= OTHERS:
                form.add((i, j))
    return form


def _windows(found: list[Name]) -> Iterator[list[Name]]:
    """The runs of a text, cut where they hold more than `WINDOW` words."""
    window: list[Name] = []
    size = 0
    for run in found:
        if window and size + len(run) > WINDOW:
            yield window
            window, size = [], 0
        window.append(run)
        size += len(run)
    yield window


def _incidence(sets: Sequence[set[int]], width: int) -> csr_matrix:
    """A matrix (len(sets), width) with 1 where a number is in a set."""
    first = np.cumsum([0, *map(len, sets)])
    columns = np.fromiter((n for one in sets for n in one), dtype=np.int64, count=first[-1])
    ones = np.ones(len(columns), dtype=np.int32)
    return csr_matrix((ones, columns, first), shape=(len(sets), width))


def _at(matrix: spmatrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The entries of a sparse matrix at (rows, columns), as floats."""
    if not len(rows):
        return np.zeros(0)
    return np.asarray(matrix[rows, columns], dtype=float).ravel()


def _kinds(names: Sequence[Name], symbols: Symbols) -> list[int]:
    """A kind for each symbol, by those of its words: words used alike are of one kind.

    A word takes the first kind that it could stand in for; those of unknown use are one kind together.
    """
    own: dict[str, int] = {}
    for word in symbols.others:
        if word not in own:
            kind = len(own) + 1
            for other in (word, *symbols.others[word]):
                own.setdefault(other, kind)
    numbers: dict[tuple[int, ...], int] = {}
    return [
        numbers.setdefault(tuple(own.get(word, 0) for word in name), len(numbers)) for name in names
    ]
