"""Whether the reference is clean: how much it knows itself of what the teacher knows by heart.

Asked are rare free words alone: what else is lost under other names may be form, which a clean reference has.
"""

from typing import NamedTuple

import numpy as np

from core.corpus.symbols import Symbols
from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.renaming import Renaming
from forgetting.memory_map.scorer import Evidence, score_of_gap

NUM_PIECES = 1000  # documents asked about
SURE = np.log(0.5)  # a token is known from this log-probability on
MOST = 0.05  # of it a clean reference knows, by guessing


class ReferenceRecall(NamedTuple):
    """Of `asked` tokens that the teacher knows and loses by renaming, those that the reference knows too."""

    hits: int
    asked: int

    @property
    def share(self) -> float:
        """The reference's own recall; 0 when nothing was asked."""
        return self.hits / max(self.asked, 1)

    @property
    def is_clean(self) -> bool:
        """Whether it is at most `MOST`, within two standard errors."""
        stderr = (self.share * (1 - self.share) / max(self.asked, 1)) ** 0.5
        return self.share - 2 * stderr <= MOST


def reference_knows(evidence: Evidence, renaming: Renaming) -> ReferenceRecall:
    """Ask both models about documents drawn at random, whether exposure would flag a token or not."""
    pieces = evidence.pieces
    assert evidence.reference_logprob_M is not None, "asked only of a map with a reference"
    untaught_M = ~pieces.taught
    untaught_M[pieces.first[:-1]] = False  # nor is a document's first token
    documents = np.flatnonzero(np.add.reduceat(untaught_M, pieces.first[:-1]) == 0)
    drawn = np.random.default_rng(renaming.seed).permutation(documents)[:NUM_PIECES]
    wanted_M = np.zeros(len(pieces.ids), dtype=bool)
    for piece in drawn:
        wanted_M[_rare_words(pieces, int(piece), renaming.symbols)] = True
    wanted_M &= evidence.teacher_logprob_M >= SURE
    wanted_M[pieces.first[:-1]] = False
    if not wanted_M.any():
        return ReferenceRecall(0, 0)
    lost_M = score_of_gap(renaming.gaps(evidence, wanted_M), renaming.gap) >= THRESHOLD
    lost_M &= wanted_M
    return ReferenceRecall(
        int((evidence.reference_logprob_M[lost_M] >= SURE).sum()), int(lost_M.sum())
    )


def _rare_words(pieces: Pieces, piece: int, symbols: Symbols) -> np.ndarray:
    """The numbers of a piece's tokens that begin rare free words; the rest of one its spelling tells."""
    text, first, stop = pieces.texts[piece], *pieces.first[piece : piece + 2]
    starts, ends = pieces.start[first:stop], pieces.end[first:stop]
    of_words = np.zeros(stop - first, dtype=bool)
    for begin, end in symbols.words(text):
        if symbols.is_rare(text[begin:end]):
            # A character of several byte tokens begins once.
            of_words[np.flatnonzero((starts <= begin) & (ends > begin))[:1]] = True
    return first + np.flatnonzero(of_words)
