"""Recitation: tokens that stand in a long run which greedy decoding reproduces.

Greedy decoding reproduces a run of tokens exactly if each of them is the first choice given the true text
before it, so one teacher-forced pass tells all runs (extractable memorization: Carlini et al., arXiv
2202.07646, definition 3.1).
"""

import numpy as np

from core.errors import UserError
from forgetting.memory_map.scorer import Evidence, Scorer, piece_logprobs_and_hits, score_of_gap


class Extraction(Scorer):
    """Scores a token by the length of the recited run that it stands in; `half` tokens score one half.

    The score of a token in a run of r is 1 − 2^(−r / half), and 0 for one that isn't the teacher's first
    choice. Whatever is long and certain counts, copying from the prompt included: this sign finds passages
    rather than single facts, and it takes another one to tell copying from memory.

    Cost: none beyond the teacher's own pass, which tells its first choices as well.
    """

    def __init__(self, *, half: float = 8.0):
        """Raises UserError for a length that isn't positive."""
        if not half > 0:
            raise UserError(f"Extraction: half must be above 0 tokens, not {half}")
        self.half = half

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        pieces, hit_M = evidence.pieces, evidence.teacher_hit_M
        if hit_M is None:
            concerned_P = np.zeros(len(pieces.texts), dtype=bool)
            concerned_P[pieces.pieces_with(wanted_M)] = True
            asked_M = pieces.taught & np.repeat(concerned_P, np.diff(pieces.first))
            asked = evidence.teacher, pieces, asked_M, evidence.report, "recitation"
            _, hit_M = piece_logprobs_and_hits(*asked)
        return score_of_gap(run_lengths(hit_M, pieces.first), self.half)


def run_lengths(hit_M: np.ndarray, first: np.ndarray) -> np.ndarray:
    """For each token (M,) the length of the run of hits it stands in, 0 where it is none.

    `first` (P + 1) says where each piece begins: runs don't go on from one to the next.
    """
    begins_M = np.zeros(len(hit_M), dtype=bool)
    begins_M[first[:-1]] = True
    begins_M[1:] |= hit_M[1:] != hit_M[:-1]
    starts = np.flatnonzero(begins_M)
    lengths = np.diff([*starts, len(hit_M)])
    return np.repeat(lengths, lengths) * hit_M
