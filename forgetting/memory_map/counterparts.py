"""Where the tokens of a text stand in its renamed version, and what is asked of a model there."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from core.corpus.symbols import Renamed, RenamedWord
from forgetting.memory_map.pieces import Pieces


class Counterpart(NamedTuple):
    """Tokens `old` of the corpus, and the places `new` in a question at which they are expected.

    `again` if they are a word that the text has named before, under its new name here.
    """

    old: np.ndarray
    new: np.ndarray
    again: bool


class Question(NamedTuple):
    """Tokens to read, the token expected at each, and the counterparts among them."""

    ids: np.ndarray
    targets: np.ndarray
    counterparts: list[Counterpart]

    @property
    def wanted(self) -> np.ndarray:
        """The places that are asked about."""
        mask = np.zeros(len(self.ids), dtype=bool)
        for counterpart in self.counterparts:
            mask[counterpart.new] = True
        return mask


def questions(
    pieces: Pieces,
    piece: int,
    wanted_M: np.ndarray,
    renamed: Renamed,
    ids: np.ndarray,
    spans: np.ndarray,
) -> Iterator[Question]:
    """What to ask about the wanted tokens of a piece, whose renamed text has the tokens `ids` at `spans`.

    A renamed word that is new in its text is expected as it was, behind the renamed text before it: a word
    of one token at its place, one of several in a question of its own. A word that stands there again is
    expected under its new name; one that the prompt of a task has named is left out, for it is read there.
    So is a token without a counterpart.
    """
    first, stop = pieces.first[piece : piece + 2]
    starts, ends = pieces.start[first:stop], pieces.end[first:stop]
    new_at = {(int(a), int(b)): i for i, (a, b) in enumerate(spans)}
    by_word: dict[int, list[int]] = defaultdict(list)
    targets, same = ids.copy(), []
    for t in range(stop - first):
        number = renamed.word_at(int(starts[t]), int(ends[t]))
        if number is not None:
            by_word[number].append(t)
        elif wanted_M[first + t]:
            moved = renamed.shift(int(starts[t]))
            place = new_at.get((int(starts[t]) + moved, int(ends[t]) + moved))
            if place is not None:
                same.append(Counterpart(np.array([first + t]), np.array([place]), again=False))
    for number, tokens in by_word.items():
        word, old = renamed.words[number], first + np.array(tokens)
        if not wanted_M[old].any() or _is_prompted(word, pieces, first, stop):
            continue
        new = np.flatnonzero((spans[:, 0] < word.new_end) & (spans[:, 1] > word.new_start))
        if word.first < word.start:
            same.append(Counterpart(old, new, again=True))
        elif len(old) == 1:
            targets[new[0]] = pieces.ids[old[0]]
            same.append(Counterpart(old, new[:1], again=False))
        else:
            own = np.concatenate([ids[: new[0]], pieces.ids[old]])
            places = np.arange(new[0], len(own))
            yield Question(own, own, [Counterpart(old, places, again=False)])
    yield Question(ids, targets, same)


def _is_prompted(word: RenamedWord, pieces: Pieces, first: int, stop: int) -> bool:
    """Whether a word has stood in the prompt of the task that the piece is."""
    token = first + int(np.searchsorted(pieces.end[first:stop], word.first, side="right"))
    return word.first < word.start and not pieces.taught[token]
